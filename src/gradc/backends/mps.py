"""PyTorch's questions about MPS, which gradc has no use for."""

from __future__ import annotations


def is_available() -> bool:
    """False: gradc does not use it."""
    return False


def is_built() -> bool:
    """False: gradc does not use it."""
    return False
