"""PyTorch's questions about oneDNN, which gradc has no use for."""

from __future__ import annotations


def is_available() -> bool:
    """False: gradc does not use it."""
    return False
