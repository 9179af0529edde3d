"""torch.distributed where no processes can be started: programs ask whether it is there, and go on alone."""

from __future__ import annotations

from typing import Any

from gradc.errors import GradcError

__all__ = ["all_reduce", "barrier", "destroy_process_group", "get_rank", "get_world_size", "init_process_group",
           "is_available", "is_initialized"]


class ProcessGroupError(GradcError, ValueError):
    """Something that needs several processes."""


def is_available() -> bool:
    """False: gradc runs in one process."""
    return False


def is_initialized() -> bool:
    """False: there is no group of processes."""
    return False


def _refused(*args: Any, **kwargs: Any) -> Any:
    """Raises ProcessGroupError: gradc runs in one process."""
    raise ProcessGroupError("Default process group has not been initialized, please make sure to call "
                            "init_process_group: gradc has none, it runs in one process.")


_refused.refused = True  # type: ignore[attr-defined]

all_reduce = barrier = destroy_process_group = get_rank = get_world_size = init_process_group = _refused
