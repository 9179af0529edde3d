"""What programs ask and tell a compiler, as torch.compiler."""

from __future__ import annotations

from typing import Any

from gradc.modes import current

__all__ = ["allow_in_graph", "assume_constant_result", "cudagraph_mark_step_begin", "disable", "is_compiling",
           "is_dynamo_compiling", "is_exporting", "list_backends", "reset"]


def is_compiling() -> bool:
    """Whether a function is being traced."""
    return current().trace is not None


is_dynamo_compiling = is_compiling


def is_exporting() -> bool:
    """False: gradc has no export."""
    return False


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """The function as it is. Inside a compiled function it is traced like the rest: a trace has no gaps."""
    return fn if fn is not None else lambda function: function


def allow_in_graph(fn: Any) -> Any:
    """The function as it is: every function may be called in a trace."""
    return fn


assume_constant_result = allow_in_graph


def reset() -> None:
    """Nothing: each compiled function keeps its own programs."""


def cudagraph_mark_step_begin() -> None:
    """Nothing: there are no CUDA graphs."""


def list_backends(*ignored: Any) -> list[str]:
    """What compiles: XLA."""
    return ["xla"]
