"""Functions with a gradient of the user's own, as torch.autograd.function.

    class Exp(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            y, = ctx.saved_tensors
            return g * y

    Exp.apply(x)

In eager mode `apply` computes at once and leaves one node, `ExpBackward`. While a function is traced it records one
`custom` node with forward and backward as its regions, see traced_function.py.
"""

from __future__ import annotations

import functools
import inspect
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from gradc import locations
from gradc.autograd.context import FunctionCtx, among, check_dirty, check_marks, checked_gradients
from gradc.autograd.traced_function import apply_in_trace
from gradc.errors import GradError
from gradc.inplace import Opaque, rebase
from gradc.modes import Modes, current, enter, no_grad, with_grad
from gradc.ops.creation import zeros
from gradc.ops.custom import once
from gradc.pullback import Kept, PullbackNode, PullbackOp, alias
from gradc.pushforward import carry_tangents
from gradc.tensor import VIEW, Tensor, edge

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class Function:
    """An operation with a gradient of the user's own.

    A subclass has the static methods `forward(ctx, *args)` and `backward(ctx, *cotangents)`, which returns a gradient
    or None for each argument; or `forward(*args)` and `setup_context(ctx, inputs, output)`. `jvp(ctx, *tangents)` and
    `vmap(info, in_dims, *args)` are for forward mode and batching. It is called by `apply`.

    Source  torch.autograd.Function
    """

    generate_vmap_rule = False
    """Whether vmap may batch forward and backward as they are written."""
    _node_class: type[FunctionNode]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        title = f"{cls.__name__}Backward"
        cls._node_class = type(title, (FunctionNode,), {"op": PullbackOp(title), "function": cls})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you "
                      f"should invoke them on the class itself. Instantiating an autograd function will raise an error "
                      f"in a future version of PyTorch.", DeprecationWarning, stacklevel=2)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise GradError("Legacy autograd function with non-static forward method is deprecated. Please use new-style "
                        f"autograd function with static forward method.{locations.quote(locations.here())}\n"
                        f"    Call {type(self).__name__}.apply(...).")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The values: `forward(ctx, *args)`, or `forward(*args)` where there is a `setup_context`."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save in `ctx` what backward needs, once forward has run."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradient of each argument, from the cotangents of the results."""
        raise NotImplementedError("You must implement either the backward or vjp method for your custom "
                                  "autograd.Function to use it with backward mode AD.")

    vjp = backward
    """Another name that a subclass may give to its backward."""

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangent of each result, from those of the arguments."""
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with "
                                  "forward mode AD.")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The results for many examples at once, and their dimensions."""
        raise NotImplementedError("To use autograd.Function with vmap, you must either override the vmap staticmethod "
                                  "or set generate_vmap_rule=True.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Compute the function, so that gradients go through its backward.

        Raises what forward raises, and GradError where it cannot be used.
        """
        modes = current()
        separate = cls.setup_context is not Function.setup_context
        if separate:
            args, kwargs = _bound(cls.forward, args, kwargs)
        ctx = FunctionCtx()
        ctx._keywords, args = tuple(kwargs), (*args, *kwargs.values())
        ctx.needs_input_grad = tuple([isinstance(x, Tensor) and x.requires_grad for x in args])
        batching = modes.trace is not None and modes.trace.batches
        if modes.functional or batching:
            _check_transformable(cls, separate, batching)
        if cls.jvp is Function.jvp and carry_tangents(args):
            cls.jvp(ctx)  # raises
        if modes.trace is not None:
            return apply_in_trace(cls, ctx, args, separate, modes)
        return _apply(cls, ctx, args, separate, modes)


    @classmethod
    def _own_vmap(cls) -> Any:
        """The user's vmap; None if there is none."""
        return cls.vmap if cls.vmap is not Function.vmap else None

    @classmethod
    def _run(cls, ctx: FunctionCtx, args: tuple[Any, ...], separate: bool, modes: Modes) -> Any:
        """What the user's forward returns, under `modes`."""
        before = enter(modes)
        try:
            given = args[: len(args) - len(ctx._keywords)]
            named = dict(zip(ctx._keywords, args[len(given) :], strict=True))
            if not separate:
                return cls.forward(ctx, *given, **named)
            output = cls.forward(*given, **named)
            cls.setup_context(ctx, args, output)
            return output
        finally:
            enter(before)

    @classmethod
    def _pulled(cls, ctx: FunctionCtx, cotangents: Sequence[Any]) -> Any:
        """What the user's backward, or vjp, returns. Raises GradError if the class has both."""
        backward, other = cls.backward, cls.vjp
        if backward is not Function.backward and other is not Function.vjp:
            raise GradError("Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should "
                            "only implement one of them.")
        return (other if other is not Function.vjp else backward)(ctx, *cotangents)


def _bound(forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """All arguments, those with a default included: the positional ones, and those that are only named."""
    bound = inspect.signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args, bound.kwargs


def _check_transformable(cls: type[Function], separate: bool, batching: bool) -> None:
    if not separate:
        raise GradError("In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, "
                        f"...), it must override the setup_context staticmethod: {cls.__name__} does not"
                        f"{locations.quote(locations.here())}")
    if batching and not cls.generate_vmap_rule and cls._own_vmap() is None:
        raise GradError(f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override "
                        f"and implement the vmap staticmethod or set generate_vmap_rule=True."
                        f"{locations.quote(locations.here())}")
    if batching and cls.generate_vmap_rule and cls._own_vmap() is not None:
        raise GradError(f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an "
                        f"overriden vmap staticmethod. Please set generate_vmap_rule=False or delete the overriden "
                        f"vmap staticmethod to avoid ambiguity.")


# Eager mode


class FunctionNode(PullbackNode):
    """The node that one call of a Function leaves: PyTorch's grad_fn. It also has the attributes of the call's ctx."""

    function: type[Function]
    ctx: FunctionCtx
    operand_types: list[Any]
    tangent_kept: list[Kept | None]

    def pull(self, cotangents: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        found = self.function._pulled(self.ctx, cotangents)
        return checked_gradients(self.name(), found, self.operand_types, [e is not None for e in self.edges])

    def push(self, tangents: Sequence[Tensor | None]) -> list[Tensor | None]:
        """The tangents of the results, by the user's jvp, from those of the arguments."""
        ctx = self.ctx
        given = [zeros(type.shape, dtype=type.dtype) if t is None and type is not None and ctx.materialize_grads else t
                 for t, type in zip(tangents, self.operand_types, strict=True)]
        unpack = ctx._unpack
        if self.tangent_kept:
            ctx._unpack = lambda: tuple(None if x is None else x.read(self) for x in self.tangent_kept)
        try:
            found = self.function.jvp(ctx, *given)
        finally:
            ctx._unpack = unpack
        parts = found if isinstance(found, tuple) else (found,)
        if len(parts) != len(self.types or ()):
            raise GradError(f"{self.function.__name__}.jvp returned an incorrect number of tangents (expected "
                            f"{len(self.types or ())}, got {len(parts)})")
        return list(parts)

    def __getattr__(self, name: str) -> Any:
        ctx = self.__dict__.get("ctx")
        if ctx is None or name.startswith("__"):
            raise AttributeError(name)
        try:
            return object.__getattribute__(ctx, name)
        except AttributeError:
            raise AttributeError(f"{self.op.title!r} object has no attribute {name!r}") from None


def _apply(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], separate: bool, modes: Modes) -> Any:
    """Compute now, and leave a node if an argument requires grad."""
    quiet = with_grad(False) if modes.watch is None else modes.replace(grad=False, watch=None)
    output = cls._run(ctx, args, separate, quiet)
    several = isinstance(output, tuple)
    outputs = output if several else (output,)
    check_marks(ctx, args, outputs)
    if not modes.grad or not any(ctx.needs_input_grad):
        results = [alias_of_argument(cls, y, i, None) if among(y, args) and not among(y, ctx.dirty_tensors) else y
                   for i, y in enumerate(outputs)]
    else:
        results = _linked(cls, ctx, args, outputs)
    if modes.watch is not None:
        modes.watch("call", cls.__name__, args, tuple(results))
    return tuple(results) if several else results[0]


def _linked(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], outputs: Sequence[Any]) -> list[Any]:
    """The outputs with their places in the graph, above one new node."""
    for y in outputs:
        if among(y, ctx.dirty_tensors) and among(y, args):
            check_dirty(y, len(outputs) > 1)
    node = cls._node_class()
    node.link(args)
    node.operand_types = [x.type_ if isinstance(x, Tensor) else None for x in args]
    node.types = tuple([y.type_ if isinstance(y, Tensor) else None for y in outputs])
    node.ctx, node.materializes = ctx, ctx.materialize_grads
    results = [_result(args, y, i, node) if isinstance(y, Tensor) else y for i, y in enumerate(outputs)]
    node.keep(ctx.to_save, results)
    forward = ctx.saved_for_forward if cls.jvp is not Function.jvp else ()
    node.tangent_kept = [None if x is None else Kept.of(x, results) for x in forward]
    ctx.to_save = ctx.saved_for_forward = ctx.dirty_tensors = ctx.non_differentiable = ()  # the node has them now
    reference = weakref.ref(node)  # the node has the context, and a circle would live until the collector runs
    ctx._find_node, ctx._unpack = reference, functools.partial(_unpack, reference)
    return results


def _unpack(reference: weakref.ref[FunctionNode]) -> tuple[Any, ...]:
    node = reference()
    if node is None:
        raise GradError("saved_tensors: the graph that this ctx belongs to is gone"
                        f"{locations.quote(locations.here())}")
    return node.unpack()


def _result(args: Sequence[Any], y: Tensor, i: int, node: FunctionNode) -> Tensor:
    """One tensor of the outputs as the user gets it."""
    cls, ctx = node.function, node.ctx
    given = among(y, args)
    if not y.dtype.is_differentiable or among(y, ctx.non_differentiable):
        return y.detach() if given or y.requires_grad else y  # type: ignore[attr-defined, no-any-return]
    if given and among(y, ctx.dirty_tensors):
        written = alias(y)
        written._node = node.edge_of(i)
        rebase(y, written)
        return y
    to = edge(y)
    if given or y._view is not None or to is not None and to.node is not node:  # else it is returned twice
        return alias_of_argument(cls, y, i, node.edge_of(i))
    y._node = node.edge_of(i)
    return y


def alias_of_argument(cls: type[Function], y: Tensor, i: int, to: Any) -> Tensor:
    """An argument that is returned as it is, or a view, as a new tensor on the same memory, with the place `to`."""
    base = y if y._view is None or y._view.op.detaches else y._view.parent
    made = alias(y)
    made._view = Opaque(base, cls.__name__, i, to)
    made._node = None if to is None else VIEW
    return made


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a backward whose own operations have no gradient: it runs without recording, and a second one raises.

    Source  torch.autograd.function.once_differentiable
    """
    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            outputs = fn(ctx, *args)
        origins = [x for x in args if isinstance(x, Tensor) and x.requires_grad] if current().grad else []
        if not origins:
            return outputs
        marked = [once(x, *origins) if isinstance(x, Tensor) and x.dtype.is_differentiable else x
                  for x in (outputs if isinstance(outputs, tuple) else (outputs,))]
        return tuple(marked) if isinstance(outputs, tuple) else marked[0]

    return wrapper
