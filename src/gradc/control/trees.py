"""What functions of control flow take and return: trees of tensors, as their tensors and a shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gradc import locations
from gradc.compiler.arguments import is_array, tree_map
from gradc.errors import CallError, GradcError
from gradc.ir import Type
from gradc.ops.base import NUMBERS
from gradc.ops.creation import as_tensor
from gradc.tensor import Tensor

Tree = Any
Shape = Any
"""A tree with True in the place of each tensor."""


def flatten(tree: Tree, what: str) -> tuple[list[Tensor], Shape]:
    """The tensors of a tree, and its shape. Numbers and arrays become tensors; None stays.

    Raises CallError for what is neither.
    """
    found: list[Tensor] = []

    def take(x: Any) -> bool | None:
        if x is None:
            return None
        if not isinstance(x, (Tensor, *NUMBERS)) and not is_array(x):
            raise refused(f"{what} consists of tensors in tuples, lists and dictionaries, but got {type(x).__name__}")
        found.append(x if isinstance(x, Tensor) else as_tensor(x))
        return True

    shape = tree_map(take, tree)
    return found, shape


def rebuild(shape: Shape, tensors: Iterable[Tensor]) -> Tree:
    """The tree of this shape with these tensors."""
    given = iter(tensors)
    return tree_map(lambda x: x and next(given), shape)


def described(tensors: Sequence[Tensor], shape: Shape) -> str:
    """A tree by the types of its tensors."""
    return str(rebuild(shape, [_Word(x.type_) for x in tensors]))  # type: ignore[misc]


class _Word:
    """A type that prints as it is in a tuple."""

    def __init__(self, type: Type) -> None:
        self.type = type

    def __repr__(self) -> str:
        return str(self.type)


def refused(problem: str, way_out: str = "") -> GradcError:
    """The error to raise for what control flow cannot take, with the user's line."""
    return CallError(problem + locations.quote(locations.here()) + (way_out and f"\n    {way_out}"))


def checked_state(found: Tree, tensors: Sequence[Tensor], shape: Shape, what: str) -> list[Tensor]:
    """The tensors of a loop's next state, which must be as those of the state before."""
    after, new = flatten(found, what)
    if new != shape or [x.type_ for x in after] != [x.type_ for x in tensors]:
        raise refused(f"{what} should have the same structure, shapes and dtypes as before the step, "
                      f"{described(tensors, shape)}, but got {described(after, new)}",
                      "Make the initial value of the type that the step returns, or convert with to().")
    return after


def unwritten(function: Callable[..., Any], tensors: Sequence[Tensor], what: str) -> Any:
    """Call a function of these tensors. Raises CallError if it writes one of them in place.

    The tensor outside would change in eager mode, and not in compiled code.
    """
    before = [x._storage.version for x in tensors]
    result = function()
    if before != [x._storage.version for x in tensors]:
        raise refused(f"{what} writes its argument in place, which might be input mutation of the tensor outside",
                      "Return the new value, which is what the next step gets, or write a clone() of it.")
    return result
