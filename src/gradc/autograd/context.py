"""The `ctx` of an autograd.Function: what its forward leaves for its backward; and what both may do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc import locations
from gradc.errors import ArgumentError, GradError
from gradc.ir import Type
from gradc.ops.base import fit
from gradc.tensor import Tensor


class FunctionCtx:
    """What forward and backward of one call of a Function share: any attributes, and the tensors that are saved.

    Besides them it has what its node has: `name()`, `next_functions`, `metadata`.

    Source  torch.autograd.function.FunctionCtx
    """

    needs_input_grad: tuple[bool, ...] = ()
    """For each argument of `apply` whether it is a tensor that requires grad."""
    materialize_grads = True
    to_save: tuple[Any, ...] = ()
    saved_for_forward: tuple[Any, ...] = ()
    dirty_tensors: tuple[Any, ...] = ()
    non_differentiable: tuple[Any, ...] = ()
    _keywords: tuple[str, ...] = ()
    _unpack: Callable[[], tuple[Any, ...]] | None = None
    _find_node: Callable[[], Any] = staticmethod(lambda: None)

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `saved_tensors` in backward, which notices if one was written in place since."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `saved_tensors` in jvp."""
        for x in tensors:
            if x is not None and not isinstance(x, Tensor):
                raise ArgumentError("save_for_forward expects all arguments to be tensors; you should save non-tensors "
                                    "as attributes on ctx.")
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which arguments forward has written in place; they must be among what it returns."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say through which results no gradient flows."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros, and not None, for a result that nothing depends on."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors given to save_for_backward. Empty until forward has ended.

        Raises GradError if a backward has freed them, or if one was written in place since.
        """
        return () if self._unpack is None else self._unpack()

    def __getattr__(self, name: str) -> Any:
        node = self._find_node()
        if node is not None:
            return object.__getattribute__(node, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def check_marks(ctx: FunctionCtx, args: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Raise as PyTorch does for what cannot be saved or marked."""
    for i, x in enumerate(ctx.to_save):
        if x is not None and not isinstance(x, Tensor):
            raise ArgumentError(f"save_for_backward can only save variables, but argument {i} is of type "
                                f"{type(x).__name__}{locations.quote(locations.here())}\n    Keep it as an attribute "
                                f"of ctx.")
    for what, marked in (("mark_dirty can only accept variables, but", ctx.dirty_tensors),
                         ("mark_non_differentiable only accepts variable arguments, but", ctx.non_differentiable)):
        for i, x in enumerate(marked):
            if not isinstance(x, Tensor):
                raise GradError(f"{what} argument {i} is of type {type(x).__name__}"
                                f"{locations.quote(locations.here())}")
    for x in ctx.dirty_tensors:
        if among(x, args) and not among(x, outputs):
            raise GradError("Some elements marked as dirty during the forward method were not returned as output. The "
                            "inputs that are modified inplace must all be outputs of the Function."
                            f"{locations.quote(locations.here())}")


def check_dirty(x: Tensor, several: bool) -> None:
    """Raise GradError for a written argument whose history cannot be replaced by the Function's."""
    if x.is_leaf and x.requires_grad:
        raise GradError("a leaf Variable that requires grad has been used in an in-place operation."
                        f"{locations.quote(locations.here())}\n    Write a clone() of it.")
    if several and x._view is not None and not x._view.op.detaches:
        raise GradError("If your Function modifies inplace an input that is a view of another Tensor, your Function "
                        "cannot return more than one Tensor. This is not supported by the current autograd engine. "
                        "You should either make sure the input is not a view (using .clone() for example) or make "
                        f"your Function only return one Tensor.{locations.quote(locations.here())}")


def among(x: Any, others: Sequence[Any]) -> bool:
    """Whether this very object is one of the others."""
    return any(x is other for other in others)


def checked_gradients(title: str, found: Any, types: Sequence[Type | None],
                      wanted: Sequence[bool]) -> list[Tensor | None]:
    """What a user's backward returned as one gradient per argument, of its shape and type; None where none is wanted.

    `types` has None for an argument that is no tensor. Raises GradError, in PyTorch's words, for what does not fit.
    """
    parts = found if isinstance(found, tuple) else (found,)
    count = len(types)
    if len(parts) > count and all(g is None for g in parts[count:]):
        parts = parts[:count]
    if len(parts) != count:
        raise GradError(f"function {title} returned an incorrect number of gradients (expected {count}, got "
                        f"{len(parts)})")
    return [_checked(title, i, g, type, wanted[i]) for i, (g, type) in enumerate(zip(parts, types, strict=True))]


def _checked(title: str, i: int, g: Any, type_: Type | None, wanted: bool) -> Tensor | None:
    if g is None:
        return None
    if not isinstance(g, Tensor):
        raise GradError(f"expected Variable or None (got {type(g).__name__})\n    gradient {i} of {title}")
    if type_ is None:
        raise GradError(f"function {title} returned a gradient different than None at position {i + 1}, but the "
                        f"corresponding forward input was not a Variable")
    if not wanted:
        return None
    shape, target = tuple(g.shape), type_.shape
    reaches = len(target) <= len(shape) and all(
        a in (b, 1) for a, b in zip(reversed(target), reversed(shape), strict=False))
    if not reaches:
        raise GradError(f"Function {title} returned an invalid gradient at index {i} - got {list(shape)} but expected "
                        f"shape compatible with {list(target)}")
    return fit(g, type_)  # type: ignore[no-any-return]
