"""PyTorch's switches for deterministic algorithms. gradc has no others: the switches are remembered, no more."""

from __future__ import annotations

_on = False
_warns = False


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for deterministic algorithms, as torch.use_deterministic_algorithms: gradc's always are."""
    global _on, _warns
    _on, _warns = mode, mode and warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """Whether deterministic algorithms were asked for."""
    return _on


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether they were asked for with `warn_only`."""
    return _warns
