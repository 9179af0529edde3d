"""PyTorch's switches of cuDNN, which programs set and gradc does not have; they are remembered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """False: there is no cuDNN."""
    return False


def version() -> None:
    """None: there is no cuDNN."""


@contextlib.contextmanager
def flags(**switches: Any) -> Iterator[None]:
    """Set switches until the end of the block."""
    before = {name: globals()[name] for name in switches if name in globals()}
    globals().update(switches)
    try:
        yield
    finally:
        globals().update(before)
