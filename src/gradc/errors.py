"""The errors of gradc. Each derives from the class that PyTorch raises, so that `except RuntimeError` still works.

A message keeps the phrase that people search for, then names the operation, the operand types, the user's line and
the way out.
"""

from __future__ import annotations


class GradcError(Exception):
    """Base class of all errors that gradc raises on purpose."""


class ShapeError(GradcError, RuntimeError, ValueError):
    """Shapes that do not fit an operation."""


class DtypeError(GradcError, RuntimeError, TypeError):
    """Element types that an operation does not take."""


class UnsupportedError(DtypeError, NotImplementedError):
    """An element type for which an operation is not there."""


class CallError(GradcError, RuntimeError):
    """Arguments of the right types that together make no sense."""


class ArgumentError(GradcError, TypeError):
    """Arguments that do not fit a function's signature."""


class LinAlgError(GradcError, RuntimeError):
    """A matrix for which a decomposition or an inverse is not there."""


class DimensionError(GradcError, IndexError):
    """A dimension or an index out of range."""


class EmptyError(DimensionError, RuntimeError):
    """A reduction of no elements that has no neutral one."""


class GradError(GradcError, RuntimeError):
    """A gradient that cannot be computed."""


class TraceError(GradcError, RuntimeError):
    """Something that a traced function cannot do."""

    made = 0
    """How many there have been, by which `compile` notices one that the function itself has caught."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        TraceError.made += 1


class VerifyError(GradcError, ValueError):
    """A graph that is not well formed."""


class CheckError(GradcError, AssertionError):
    """A pass that changed what a function computes."""


class ParseError(GradcError, SyntaxError):
    """A text that is not a graph."""


class TransformError(GradcError, RuntimeError, ValueError):
    """A function or an argument that a transform of gradc.func cannot take."""
