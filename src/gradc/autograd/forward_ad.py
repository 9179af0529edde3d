"""Dual numbers, as torch.autograd.forward_ad: tensors that carry a tangent.

A dual tensor is an input of the graph that the ops inside the level record; `unpack_dual` pushes the tangents of all
duals through that graph. No op runs twice, and what no_grad hides has no tangent.
"""

from __future__ import annotations

from typing import NamedTuple

from gradc import locations
from gradc.errors import ArgumentError, GradError, ShapeError
from gradc.func.levels import settled
from gradc.modes import current, enter
from gradc.pushforward import Level, level_of_duals, pushforward
from gradc.tensor import Tensor, edge


class UnpackedDualTensor(NamedTuple):
    """A tensor without its tangent, and the tangent; None if it has none."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Begin a level in which dual tensors can be made; its number, always 0.

    Raises GradError inside another: nest gradc.func.jvp instead.
    """
    if level_of_duals.get() is not None:
        raise GradError("Nested forward mode AD is not supported at the moment" + locations.quote(locations.here())
                        + "\n    gradc.func.jvp can be nested.")
    level_of_duals.set(Level())
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level; its dual tensors have no tangent any more.

    Raises GradError outside of one.
    """
    held = level_of_duals.get()
    if held is None:
        raise GradError("Trying to exit a forward AD level that was not the last one that was created."
                        + locations.quote(locations.here()))
    for dual in held.duals:
        if edge(dual) is dual:
            dual._node = None
    level_of_duals.set(None)


class dual_level:
    """The level as a context: `with dual_level():`."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exception: object) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A view of `tensor` that carries `tangent`, of its shape and dtype.

    Raises GradError outside of a level, ShapeError or ArgumentError for a tangent that does not fit.
    """
    held = level_of_duals.get()
    if held is None:
        raise GradError("Trying to create a dual Tensor for forward AD but no level exists, make sure to "
                        "enter_dual_level() first." + locations.quote(locations.here()))
    for x, what in ((tensor, "tensor"), (tangent, "tangent")):
        if not isinstance(x, Tensor) or not x.dtype.is_differentiable:
            kind = x.type_ if isinstance(x, Tensor) else type(x).__name__
            raise ArgumentError(f"Expected {what} to be floating point or complex, but got: {kind}")
    if tensor.shape != tangent.shape or tensor.dtype is not tangent.dtype:
        raise ShapeError(f"make_dual: Expected a tangent {tensor.type_}, got {tangent.type_}")
    before = enter(current().replace(grad=True))
    try:
        dual = tensor.view(tensor.shape) if tensor.requires_grad else tensor.detach()  # type: ignore[attr-defined]
    finally:
        enter(before)
    if not dual.requires_grad:
        dual.requires_grad_()
    held.duals.append(dual)
    held.tangents.append(tangent)
    return dual  # type: ignore[no-any-return]


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The tensor without its tangent, and its tangent; outside of a level it has none."""
    held = level_of_duals.get()
    if held is None or edge(tensor) is None or not held.duals:
        return UnpackedDualTensor(tensor, None)
    tangent = pushforward([tensor], held.duals, held.tangents)[0]
    return UnpackedDualTensor(settled(tensor, held.duals), None if tangent is None else settled(tangent, held.duals))
