"""`gradc.from_jax`: functions of JAX as differentiable functions of tensors."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from gradc import locations
from gradc.autograd.function import Function
from gradc.compiler.arguments import is_array, tree_map
from gradc.errors import ArgumentError
from gradc.modes import current
from gradc.ops.base import NUMBERS
from gradc.ops.foreign import ALIVE, Foreign, foreign
from gradc.tensor import Tensor, wrap

__all__ = ["from_jax"]


def from_jax(f: Callable[..., Any] | None = None, *, name: str | None = None) -> Any:
    """A function of JAX as a differentiable function of tensors, in eager mode and in compiled functions.

    Its positional arguments are trees (tuples, lists, dictionaries) of tensors, arrays and numbers, which `f` gets as
    JAX arrays; keyword arguments without tensors are static, and `f` gets them as they are. It returns a tree of
    tensors. Eager, it runs under jax.jit; compiled, it becomes part of the one program. Gradients of every order are
    jax.vjp's, batching is jax.vmap's. `name` is how graphs call it: text that names it runs wherever a function of that
    name has been made.

    Raises ArgumentError for arguments that are no such trees, TraceError for what JAX cannot trace.
    Source  jax.jit, jax.vjp
    """
    if f is None:
        return functools.partial(from_jax, name=name)
    if not callable(f):
        raise ArgumentError(f"from_jax: expected a function of JAX arrays, got {type(f).__name__}")
    if name is not None and (not name.isidentifier() or name in ALIVE):
        raise ArgumentError(f"from_jax: the name {name!r} is {'taken' if name in ALIVE else 'not an identifier'}"
                            f"{locations.quote(locations.here())}")
    return FromJax(f, name or re.sub(r"\W+", "_", getattr(f, "__name__", type(f).__name__)).strip("_"))


class FromJax:
    """What from_jax returns: the function, and one Foreign for each structure of its arguments."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.calls: dict[Any, _Call] = {}
        self.plain = Foreign(name, lambda *arrays: _flat(function(*arrays)))
        title = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        self.applied = type(title, (_Applied,), {})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        operands: list[Any] = []
        statics: list[Any] = []
        structure = tree_map(lambda x: _sort(x, operands, None), args), tree_map(
            lambda x: _sort(x, operands, statics), dict(sorted(kwargs.items())))
        key = _hashable(structure)
        call = self.calls.get(key)
        if call is None:
            call = self.calls[key] = _Call(self, structure, len(operands))
        return call.tree(operands, self.applied.run(call.foreign, operands))

    def __repr__(self) -> str:
        return f"from_jax({self.plain.name})"


class _Operand(int):
    """The place of an operand in a structure."""


def _sort(x: Any, operands: list[Any], statics: list[Any] | None) -> Any:
    """A leaf of the arguments in a structure: the number of the operand that it is, or itself if it is static."""
    if is_array(x):
        x = wrap(np.asarray(x))
    if isinstance(x, Tensor) or statics is None and type(x) in NUMBERS:
        operands.append(x)
        return _Operand(len(operands) - 1)
    if statics is None and x is not None:
        raise ArgumentError(f"from_jax: positional arguments are trees of tensors, arrays and numbers, got "
                            f"{type(x).__name__} ({x!r}){locations.quote(locations.here())}\n    Pass it by keyword: "
                            f"keyword arguments may be anything that can be hashed.")
    return x


def _hashable(tree: Any) -> Any:
    """A structure as a key, in which 1, 1.0 and True differ."""
    if isinstance(tree, (tuple, list)):
        return type(tree), tuple([_hashable(x) for x in tree])
    if isinstance(tree, dict):
        return dict, tuple([(key, _hashable(x)) for key, x in tree.items()])
    if not isinstance(tree, Hashable):
        raise ArgumentError(f"from_jax: a static argument can be hashed, {type(tree).__name__} ({tree!r}) cannot"
                            f"{locations.quote(locations.here())}")
    return type(tree), tree


class _Call:
    """The function for one structure of arguments, as a function of flat arrays to flat arrays."""

    def __init__(self, owner: FromJax, structure: Any, count: int) -> None:
        self.structure, self.function = structure, owner.function
        self.trees: dict[tuple[Any, ...], Any] = {}
        plain = all(type(x) is _Operand for x in structure[0]) and not structure[1]
        self.foreign = owner.plain if plain else Foreign(owner.plain.name, self.flat)

    def flat(self, *arrays: Any) -> tuple[Any, ...]:
        """The leaves of the function's results, from the operands."""
        return _flat(self._called(arrays))

    def _called(self, arrays: Sequence[Any]) -> Any:
        args, kwargs = tree_map(lambda x: arrays[x] if type(x) is _Operand else x, self.structure)
        return self.function(*args, **kwargs)

    def tree(self, operands: Sequence[Any], results: tuple[Any, ...]) -> Any:
        """The results in the structure in which the function returns them for such operands."""
        import jax

        types = tuple([x.type_ if isinstance(x, Tensor) else type(x) for x in operands])
        if types not in self.trees:
            shapes = [jax.ShapeDtypeStruct(x.type_.shape, x.type_.dtype.numpy) if isinstance(x, Tensor) else x
                      for x in operands]
            with jax.enable_x64(True):
                found = jax.eval_shape(lambda *arrays: self._called(arrays), *shapes)
            self.trees[types] = jax.tree.structure(found)
        return jax.tree.unflatten(self.trees[types], results)


def _flat(tree: Any) -> tuple[Any, ...]:
    """The leaves of a result, as arrays."""
    import jax

    return tuple([jax.numpy.asarray(x) for x in jax.tree.leaves(tree)])


class _Once:
    """One call of a function of JAX, and in plain eager mode the pullback that it has left."""

    def __init__(self, function: Foreign) -> None:
        self.function = function
        self.pull: Callable[..., Any] | None = None

    def run(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """The results for tensors and numbers, keeping the pullback if an operand requires grad."""
        wrt = tuple([i for i, x in enumerate(operands) if isinstance(x, Tensor) and x.requires_grad])
        if not wrt or current().functional:
            return foreign(*operands, function=self.function.name)
        arrays = [x.detach().numpy() if isinstance(x, Tensor) else x for x in operands]
        types = self.function.types([x.type_ if isinstance(x, Tensor) else x for x in operands])
        of = tuple([i for i, t in enumerate(types) if t.dtype.is_differentiable])
        results, self.pull = self.function.linearized(wrt, of, arrays)
        return tuple(map(wrap, results))


class _Applied(Function):
    """A call in eager mode: forward runs the function, backward the one that jax.vjp makes of it.

    What the forward computation leaves is kept for backward. Where backward is differentiated again it is a function
    of the operands.
    """

    @classmethod
    def run(cls, function: Foreign, operands: Sequence[Any]) -> tuple[Any, ...]:
        """The results for tensors and numbers. In a trace the op has its own gradient, and its own rule for batches."""
        if current().trace is None:
            return cls.apply(_Once(function), *operands)  # type: ignore[no-any-return]
        return foreign(*operands, function=function.name)

    @staticmethod
    def forward(once: _Once, *operands: Any) -> Any:
        return once.run(operands)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.once, operands = inputs[0], inputs[1:]
        ctx.count = len(output)
        ctx.of = tuple([i for i, y in enumerate(output) if y.dtype.is_differentiable])
        ctx.mark_non_differentiable(*[y for y in output if not y.dtype.is_differentiable])
        tensors = [x if isinstance(x, Tensor) else None for x in operands]
        ctx.numbers = [None if isinstance(x, Tensor) else x for x in operands]
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @classmethod
    def backward(cls, ctx: Any, *cotangents: Any) -> Any:
        operands, wrt = _operands(ctx), tuple([i for i, need in enumerate(ctx.needs_input_grad[1:]) if need])
        given = [cotangents[i] for i in ctx.of]
        if ctx.once.pull is not None and not current().grad:
            found = [wrap(g) for g in ctx.once.pull(*[g.numpy() for g in given])]
        else:
            found = cls.run(ctx.once.function.vjp(wrt, ctx.of), [*operands, *given])
        gradients: list[Any] = [None] * len(operands)
        for i, g in zip(wrt, found, strict=True):
            gradients[i] = g
        return (None, *gradients)

    @classmethod
    def jvp(cls, ctx: Any, *tangents: Any) -> Any:
        operands = _operands(ctx)
        wrt = [i for i, t in enumerate(tangents[1:]) if t is not None and t.dtype.is_differentiable]
        found = cls.run(ctx.once.function.jvp(wrt, ctx.of), [*operands, *[tangents[i + 1] for i in wrt]])
        results: list[Any] = [None] * ctx.count
        for i, t in zip(ctx.of, found, strict=True):
            results[i] = t
        return tuple(results)


def _operands(ctx: Any) -> list[Any]:
    """The operands of a call: saved tensors, and numbers."""
    return [x if n is None else n for x, n in zip(ctx.saved_tensors, ctx.numbers, strict=True)]
