"""What follows from shared memory: in-place writes, which the graph must see through all views of what was written."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc import tensor as tensor_module
from gradc.apply import as_tensor, link
from gradc.errors import ArgumentError, DtypeError, GradError, ShapeError, TraceError
from gradc.hooks import move_retained
from gradc.ir.registry import OPS
from gradc.modes import current
from gradc.node import CONSTANT, Node
from gradc.storage import InferenceStorage, Storage
from gradc.tensor import LEAF, VIEW, Tensor, View, edge, new, root


def write(target: Tensor, result: Tensor, name: str) -> Tensor:
    """Make `target` hold `result`, an op of its old value: the second half of every in-place op.

    The values are written to the shared memory, and the graph sees the write through all views. `name` is the op's,
    for messages.
    """
    _check_write(target, result, name)
    trace = current().trace
    if trace is not None:
        trace.write(target, result)
        return target
    array = target._array
    if not array.flags.writeable:
        raise GradError(f"{name}: the tensor's memory is read-only (it came from a read-only NumPy array): "
                        f"clone() it first{locations.quote(locations.here())}")
    storage = target._storage
    if current().grad:
        _keep_saved(result, storage)
    array[...] = result._array
    storage.written()
    storage.writer = (name, locations.here())
    modes = current()
    if modes.grad:
        if edge(result) is None and edge(target) is not None:  # an op without gradient: what was there before ends here
            result = as_tensor(array)
            link(OPS["copy"], (target, result), result, {})
        if edge(result) is not None:
            rebase(target, result)
    if modes.watch is not None:
        modes.watch("write", name, (result,), target)
    return target


def into(out: Tensor | None, result: Tensor, name: str, silently: bool = False) -> Tensor:
    """`result` written into `out`, where the user passed one: what the argument `out=` of the function `name` means.

    `out` takes the shape of the result: with a warning if it had elements in another, unless `silently`.

    Raises GradError where a gradient would be lost, DtypeError where the result's type cannot be cast to that of `out`.
    """
    if out is None:
        return result
    if not isinstance(out, Tensor):
        raise ArgumentError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if current().grad and (result.requires_grad or out.requires_grad):
        raise GradError(f"{name}(): functions with out=... arguments don't support automatic differentiation, but one "
                        f"of the arguments requires grad.{locations.quote(locations.here())}\n    Use the result "
                        f"instead of out=, or call it under `with no_grad():`.")
    what = f"{name}(out=...)"
    if out._array.shape != result._array.shape:
        _check_cast(out, result, what)
        _resize(out, result._array.shape, what, silently)
    return write(out, result, what)


def takes_out(function: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
    """A decorator: `function` with the argument `out=`, the tensor, or the tensors, that its results are written into.
    """
    name = name or function.__name__

    @functools.wraps(function)
    def with_out(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        found = function(*args, **kwargs)
        if out is None:
            return found
        if isinstance(found, Tensor):
            return into(out, found, name)
        written = [into(target, part, name) for target, part in zip(out, found, strict=True)]
        return type(found)(*written) if hasattr(found, "_fields") else type(found)(written)

    return with_out


def _resize(out: Tensor, shape: tuple[int, ...], name: str, silently: bool) -> None:
    """Give `out` uninitialised memory of its own in another shape."""
    if out._view is not None or current().trace is not None:
        why = "is a view" if out._view is not None else "cannot be resized in a compiled function"
        raise ShapeError(f"{name}: the result has shape {list(shape)}, and out, of shape {list(out.shape)}, {why}"
                         f"{locations.quote(locations.here())}")
    if out.numel() and not silently:
        warnings.warn(f"An output with one or more elements was resized since it had shape {list(out.shape)}, which "
                      f"does not match the required output shape {list(shape)}. Pass an empty tensor, or one of the "
                      f"right shape.", UserWarning, stacklevel=4)
    out._array = np.empty(shape, out._array.dtype)


def _keep_saved(result: Tensor, storage: Storage) -> None:
    """Give the node of an in-place op its own copy of what it saved of the memory that is about to be written."""
    node = edge(result)
    if not isinstance(node, Node):
        return
    for i, value in enumerate(node.held):
        if node.guards[2 * i] is storage and isinstance(value, np.ndarray):
            node.saved = (*node.held[:i], value.copy(), *node.held[i + 1 :])
            node.guards = (*node.guards[: 2 * i], CONSTANT, 0, *node.guards[2 * i + 2 :])


def _check_history(target: Tensor, result: Tensor, name: str) -> None:
    """Raise GradError where the graph, or inference mode, does not let `target` be written."""
    if target._storage.__class__ is InferenceStorage and not current().inference:
        raise GradError("Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone "
                        f"to get a normal tensor before doing inplace update.\n    {name}"
                        f"{locations.quote(locations.here())}")
    if current().grad and target.is_leaf and target.requires_grad:
        raise GradError("a leaf Variable that requires grad is being used in an in-place operation."
                        + _write_advice(name))
    if current().grad and target._view is not None and not target._view.op.detaches:
        _check_view(target, result, name)
        base = root(target)
        if base.is_leaf and base.requires_grad:
            raise GradError("a view of a leaf Variable that requires grad is being used in an in-place operation."
                            + _write_advice(name))


def _check_write(target: Tensor, result: Tensor, name: str) -> None:
    _check_history(target, result, name)
    if 0 in target.stride() and target.numel() > 1 and any(
            s == 0 and n > 1 for s, n in zip(target.stride(), target.shape, strict=True)):
        raise GradError(f"unsupported operation: more than one element of the written-to tensor refers to a single "
                        f"memory location. Please clone() the tensor before performing {name}."
                        f"{locations.quote(locations.here())}")
    if result._array.shape != target._array.shape:
        raise ShapeError(f"output with shape {list(target._array.shape)} doesn't match the broadcast shape "
                         f"{list(result._array.shape)}\n    {name}{locations.quote(locations.here())}")
    _check_cast(target, result, name)


def _check_cast(target: Tensor, result: Tensor, name: str) -> None:
    if not dtypes.can_cast(result.dtype, target.dtype):
        raise DtypeError(f"result type {dtypes.TITLES[result.dtype]} can't be cast to the desired output type "
                         f"{dtypes.TITLES[target.dtype]}\n    {name}{locations.quote(locations.here())}")


def _check_view(target: Tensor, result: Tensor, name: str) -> None:
    """Raise GradError for views that PyTorch does not let be written while gradients are recorded."""
    recorded = edge(target) is not None
    if not recorded and edge(root(target)) is not None:
        raise GradError("A view was created in no_grad mode and is being modified inplace with grad mode enabled. (Or "
                        "it was made before its base required grad.) The graph does not know this view, so the write "
                        f"would be lost to it.\n    {name}{locations.quote(locations.here())}\n    Make the view and "
                        "write it in one mode, both under no_grad() or both outside.")
    view = target._view
    while view is not None and not view.op.detaches:
        if isinstance(view, Opaque) and (recorded or edge(result) is not None):
            raise view.refusal("is being modified inplace")
        if isinstance(view, Part) and (recorded or edge(result) is not None):
            raise GradError(f"Output {view.index} of {view.function} is a view and is being modified inplace. This "
                            f"view is the output of a function that returns multiple views. Such functions do not "
                            f"allow the output views to be modified inplace.\n    {name}"
                            f"{locations.quote(locations.here())}\n    Use the out-of-place form of {name}, or write "
                            f"to an indexed part of the whole tensor.")
        view = view.parent._view


class Opaque(View):
    """A view that the user's autograd.Function `function` returned as its output `index`: how is not known."""

    __slots__ = ("function", "index")

    def __init__(self, parent: Tensor, function: str, index: int, node: Any) -> None:
        super().__init__(parent, OPAQUE, {}, node, parent._storage.history)
        self.function = function
        self.index = index

    def refusal(self, what: str) -> GradError:
        """The error for a write to the view, or to what it is a view of."""
        return GradError(
            f"Output {self.index} of {self.function} is a view and {what}. This view was created inside a custom "
            f"Function (or because an input was returned as-is) and the autograd logic to handle view+inplace would "
            f"override the custom backward associated with the custom Function, leading to incorrect gradients. This "
            f"behavior is forbidden. You can fix this by cloning the output of the custom Function."
            f"{locations.quote(locations.here())}")


class _OpaqueOp:
    """The op of views of which nothing is known."""

    name = "custom"
    detaches = False


OPAQUE = _OpaqueOp()


class Part(View):
    """A view that is one of the several results of `function`."""

    __slots__ = ("function", "index")
    function: str
    index: int


def parts(x: Tensor, views: Sequence[Tensor], function: str, op: Any, attrs: dict[str, Any]) -> tuple[Tensor, ...]:
    """Mark views of x as the results of one call of `function`, as torch.unbind and torch.split return them.

    They get one node, that of `op`, which computes all of them: so their gradients meet in one array.
    """
    modes = current()
    node = link(op, (x,), tuple(views), attrs) if modes.grad and modes.trace is None else None
    if node is not None:
        node.label = f"{function}Backward0"
    for index, tensor in enumerate(views):
        view = tensor._view
        if view is not None:
            part = tensor._view = Part(view.parent, view.op, view.attrs, view.node, view.history)
            part.function, part.index = function, index
    return tuple(views)


def _write_advice(name: str) -> str:
    return (f"\n    {name}{locations.quote(locations.here())}\n    Write it under `with no_grad():`, or use the "
            f"out-of-place form of {name}.")


def rebase(target: Tensor, result: Tensor) -> None:
    """Give `target`, and through its chain of views the base that it is part of, the history of `result`."""
    written, before = target, edge(target)
    label = edge(result).node.name() if target._view is None or target._view.op.detaches \
        else "torch::autograd::CopySlices"
    while target._view is not None and not target._view.op.detaches:
        view = target._view
        op, attrs, reads_base = view.op.writer(view.parent.type_, view.attrs)
        operands = (view.parent, result) if reads_base else (result,)
        merged = as_tensor(view.parent._array)
        link(op, operands, merged, attrs)
        target, result = view.parent, merged
    node = edge(result)
    if isinstance(node, Node):
        node.label = label if node.label is None and label != node.name() else node.label
    target._node = node
    target._storage.history += 1
    if written._retains_grad:
        move_retained(written, before)


def relink(tensor: Tensor) -> None:
    """Find the place of a view in the graph after its base was written: the view op applied to the base anew."""
    view = tensor._view
    assert view is not None
    if isinstance(view, Opaque) and view.node is not None:
        raise view.refusal("its base or another view of its base has been modified inplace")
    if view.parent._turned > view.history:
        if tensor._storage.history == view.parent._turned:
            return  # nothing was written since
        raise GradError("a view cannot follow a write to its base, whose dimensions were changed in place in between."
                        f"{locations.quote(locations.here())}\n    Make the view after the change, or use the "
                        f"out-of-place form.")
    view.node = None
    view.history = tensor._storage.history
    if edge(view.parent) is not None:
        node = link(view.op, (view.parent,), tensor, view.attrs)
        if node is not None:
            node.label = "AsStridedBackward0"


tensor_module.relink = relink


def turn(tensor: Tensor, function: Any, args: tuple[Any, ...], name: str) -> Tensor:
    """Make `tensor` the view of itself that `function` returns: in-place methods that change dimensions, as `t_`."""
    if current().trace is not None:
        raise TraceError(f"{name} changes the dimensions of a tensor in place, which a compiled function cannot do."
                         f"{locations.quote(locations.here())}\n    Use the out-of-place form, {name[:-1]}.")
    _check_history(tensor, tensor, name)
    before = new(Tensor)
    before._array, before._storage, before._node = tensor._array, tensor._storage, tensor._node
    before._view = tensor._view
    result = function(before, *args)
    node = edge(result)
    tensor._array = result._array
    storage = tensor._storage
    storage.written()
    storage.history += 1
    tensor._turned = storage.history
    if before._view is not None:
        tensor._view, tensor._node = result._view, VIEW
        tensor._view.history = storage.history
    elif node is not before and tensor._node is not LEAF:
        tensor._node = node
    return tensor
