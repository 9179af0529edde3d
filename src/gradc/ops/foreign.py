"""A function of JAX arrays as one node of a graph."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from gradc import dtypes, locations
from gradc.errors import ArgumentError, GradcError, TraceError
from gradc.expression import Namespace, Unprintable
from gradc.ir import Type, Value
from gradc.ops.base import Op
from gradc.ops.batching import Examples
from gradc.ops.define import op


class Foreign:
    """A function from JAX arrays to a tuple of them, under a name by which graphs call it while it is alive.

    Its derivatives are functions of their own, `name.vjp[...]`, which a name alone suffices to make again.
    """

    def __init__(self, name: str, function: Callable[..., tuple[Any, ...]]) -> None:
        self.function = function
        self.jitted: Any = None
        self.pair: Any = None
        self.inferred: dict[tuple[Any, ...], tuple[Type, ...]] = {}
        self.derived: dict[str, Foreign] = {}
        self.name, number = name, 0
        while self.name in ALIVE:
            number += 1
            self.name = f"{name}_{number}"
        ALIVE[self.name] = self

    def types(self, operands: Sequence[Any]) -> tuple[Type, ...]:
        """The types of its results, as JAX infers them, for operands that are types or numbers.

        Raises TraceError with what JAX said, if it cannot trace the function for them.
        """
        key = tuple([x if isinstance(x, Type) else (type(x), x) for x in operands])
        if key not in self.inferred:
            import jax

            shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype.numpy) if isinstance(x, Type) else x for x in operands]
            with jax.enable_x64(True), Speaking(self):
                found = jax.eval_shape(lambda *arrays: self.function(*_placed(arrays, operands)),
                                       *[s for s, x in zip(shapes, operands, strict=True) if isinstance(x, Type)])
            self.inferred[key] = tuple([Type(dtypes.of(s.dtype), s.shape) for s in found])
        return self.inferred[key]

    def run(self, *arrays: Any) -> tuple[Any, ...]:
        """Its results for NumPy arrays and numbers, as NumPy arrays; compiled on first use."""
        import jax

        if self.jitted is None:
            self.jitted = jax.jit(self.function)
        with jax.enable_x64(True), Speaking(self):
            return tuple([np.asarray(x) for x in self.jitted(*arrays)])

    def inlined(self, xp: Any, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Its results inside another function of JAX; where that is being printed, it is a call."""
        if isinstance(xp, Namespace):
            raise Unprintable("a function of JAX")
        return self.function(*operands)

    def linearized(self, wrt: tuple[int, ...], of: tuple[int, ...], arrays: Sequence[Any]) -> tuple[Any, Any]:
        """Its results for NumPy arrays, and the function from cotangents of the results `of` to those of operands
        `wrt`, which keeps what it needs of the forward computation.
        """
        import jax

        if self.pair is None:
            def forward(wrt: Any, of: Any, *arrays: Any) -> Any:
                return jax.vjp(_chosen(self.function, wrt, arrays), *[arrays[i] for i in wrt])

            self.pair = (jax.jit(forward, static_argnums=(0, 1)), jax.jit(_pulled, static_argnums=(1, 2)))
        forward, pull = self.pair
        with jax.enable_x64(True), Speaking(self):
            results, kept = forward(wrt, of, *arrays)

        def backward(*cotangents: Any) -> list[Any]:
            with jax.enable_x64(True), Speaking(self):
                return [np.asarray(g) for g in pull(kept, of, self.types_of(results), *cotangents)]

        return tuple([np.asarray(x) for x in results]), backward

    @staticmethod
    def types_of(results: Sequence[Any]) -> tuple[Type, ...]:
        """The types of arrays."""
        return tuple([Type(dtypes.of(x.dtype), x.shape) for x in results])

    # Derived functions

    def vjp(self, wrt: Sequence[int], of: Sequence[int]) -> Foreign:
        """The function of the operands, and of cotangents of the results `of`, to the cotangents of operands `wrt`."""
        def function(*arrays: Any) -> tuple[Any, ...]:
            import jax

            operands, cotangents = arrays[: len(arrays) - len(of)], arrays[len(arrays) - len(of) :]
            results, pull = jax.vjp(_chosen(self.function, wrt, operands), *[operands[i] for i in wrt])
            return _pulled(pull, tuple(of), self.types_of(results), *cotangents)

        return self._derive("vjp", (tuple(wrt), tuple(of)), function)

    def jvp(self, wrt: Sequence[int], of: Sequence[int]) -> Foreign:
        """The function of the operands, and of tangents of the operands `wrt`, to the tangents of the results `of`."""
        def function(*arrays: Any) -> tuple[Any, ...]:
            import jax

            operands, tangents = arrays[: len(arrays) - len(wrt)], arrays[len(arrays) - len(wrt) :]
            _, found = jax.jvp(_chosen(self.function, wrt, operands), tuple([operands[i] for i in wrt]),
                               tuple(tangents))
            return tuple([found[i] for i in of])

        return self._derive("jvp", (tuple(wrt), tuple(of)), function)

    def vmap(self, differs: Sequence[bool]) -> Foreign:
        """The function of many examples; the operands that `differs` marks have one for each, along dimension 0."""
        def function(*arrays: Any) -> tuple[Any, ...]:
            import jax

            return tuple(jax.vmap(self.function, in_axes=tuple([0 if d else None for d in differs]))(*arrays))

        return self._derive("vmap", (tuple(map(int, differs)),), function)

    def _derive(self, how: str, numbers: tuple[Any, ...], function: Any) -> Foreign:
        suffix = f"{how}{list(numbers)}".replace(" ", "")
        if suffix not in self.derived:
            self.derived[suffix] = Foreign(f"{self.name}.{suffix}", function)
        return self.derived[suffix]


class Speaking:
    """While a function of JAX runs: what it raises is told with its name and the user's line."""

    def __init__(self, foreign: Foreign) -> None:
        self.foreign = foreign

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, problem: BaseException | None, trace: Any) -> None:
        if isinstance(problem, Exception) and not isinstance(problem, GradcError):
            said = str(problem).strip().partition("\n")[0]
            raise TraceError(f"{self.foreign.name}, a function of JAX, raised {type(problem).__name__}: {said}"
                             f"{locations.quote(locations.here())}\n    It gets its positional arguments as JAX's "
                             f"tracers: pass by keyword what must be a Python value.") from problem


def _placed(arrays: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
    """The operands with arrays in place of types; numbers stay."""
    rest = iter(arrays)
    return [next(rest) if isinstance(x, Type) else x for x in operands]


def _chosen(function: Callable[..., Any], wrt: Sequence[int], operands: Sequence[Any]) -> Callable[..., Any]:
    """The function of the operands `wrt` alone."""
    def partial(*chosen: Any) -> Any:
        given = list(operands)
        for i, x in zip(wrt, chosen, strict=True):
            given[i] = x
        return function(*given)

    return partial


def _pulled(pull: Any, of: tuple[int, ...], types: tuple[Type, ...], *cotangents: Any) -> tuple[Any, ...]:
    """What a pullback of JAX returns. PyTorch's gradient at complex numbers is the conjugate of JAX's."""
    import jax
    import jax.numpy as jnp

    given: list[Any] = [jnp.zeros(t.shape, t.dtype.numpy) if t.dtype.is_differentiable
                        else np.zeros(t.shape, jax.dtypes.float0) for t in types]
    for i, g in zip(of, cotangents, strict=True):
        given[i] = jnp.conj(g)
    return tuple([jnp.conj(g) for g in pull(tuple(given))])


ALIVE: WeakValueDictionary[str, Foreign] = WeakValueDictionary()
"""The functions that graphs may call, by name."""


def alive(name: str) -> Foreign:
    """The function of this name. Raises TraceError if there is none in this process."""
    found = ALIVE.get(name)
    if found is not None:
        return found
    match = re.fullmatch(r"(.+)\.(vjp|jvp|vmap)(\[.*?\])", name)
    if match is None:
        raise TraceError(f"the function {name} that this graph calls is not alive in this process"
                         f"{locations.quote(locations.here())}\n    Make it first, with from_jax(f, name={name!r}).")
    derive: Any = getattr(alive(match[1]), match[2])
    return derive(*ast.literal_eval(match[3]))  # type: ignore[no-any-return]


@op
class foreign(Op):
    """A function of JAX arrays that is not written in ops: `foreign(x, y, function="name")`, a tuple of tensors.

    Its gradient is another such function, of the operands and the cotangents. from_jax makes them.

    Source  jax.jit, jax.vjp
    """

    method = False
    generates = False
    holomorphic = False  # the pullback conjugates
    kernel = lambda xp, *operands, function="": _one(alive(function).run(*operands))
    lower = lambda xp, *operands, function="": _one(alive(function).inlined(xp, operands))

    @staticmethod
    def grads(g: Any, operands: Any, operand_types: Any, function: str) -> Any:
        called, types = alive(function), [x if isinstance(x, Type) else n
                                          for x, n in zip(operand_types, operands, strict=True)]
        wrt = [i for i, x in enumerate(types) if isinstance(x, Type) and x.dtype.is_differentiable]
        of = [i for i, x in enumerate(called.types(types)) if x.dtype.is_differentiable]
        cotangents = g if isinstance(g, tuple) else (g,)
        found = foreign(*operands, *[cotangents[i] for i in of], function=called.vjp(wrt, of).name)
        gradients: list[Any] = [None] * len(types)
        for i, x in zip(wrt, found, strict=True):
            gradients[i] = x
        return tuple(gradients)

    def call(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        found = super().call(*args, **kwargs)
        return found if isinstance(found, tuple) else (found,)

    def infer(self, *operands: Any, function: str = "") -> Type | tuple[Type, ...]:
        types = [x.type if isinstance(x, Value) else Type(dtypes.of(x.dtype), tuple(x.shape)) if hasattr(x, "dtype")
                 else x for x in operands]
        if any(x is None for x in types):
            raise ArgumentError(f"foreign: {function} takes arrays and numbers, got None")
        return _one(alive(function).types(types))  # type: ignore[no-any-return]

    def batched(self, examples: Examples) -> Any:
        function = alive(examples.attrs["function"]).vmap(examples.flags)
        return examples.apply(self, function=function.name)


def _one(results: tuple[Any, ...]) -> Any:
    """Several results as a tuple, and one as itself."""
    return results[0] if len(results) == 1 else results
