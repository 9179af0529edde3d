"""Reverse-mode transforms: grad, grad_and_value, vjp and jacrev."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradc import engine
from gradc.errors import ShapeError
from gradc.func.batching import vmap
from gradc.func.levels import (
    Tree,
    depends_on_others,
    flatten,
    of_arguments,
    refused,
    retire,
    settled,
    stand_in,
    transform,
)
from gradc.modes import current
from gradc.ops.creation import eye, zeros_like
from gradc.tensor import Tensor


def grad_and_value(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0,
                   has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns the gradient of `func`, a scalar, and its value, or (value, aux) with `has_aux`.

    Raises TransformError when func does not return a 0-d tensor.
    Source  torch.func.grad_and_value
    """
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        of_chosen, chosen = of_arguments(func, args, kwargs, argnums, "grad")
        graph_wanted = current().grad
        with transform():
            flat, rebuild = flatten(chosen)
            own = [stand_in(x, "grad") for x in flat]
            value = of_chosen(*rebuild(own))
            value, aux = _with_aux(value, has_aux, "grad_and_value(f)(*args)")
            _check_scalar(value)
            create_graph = graph_wanted and value.requires_grad and depends_on_others([value], own)
            found = rebuild(_cotangents([value], own, [None], create_graph))
            result = settled(value, own), flatten_map(lambda x: settled(x, own), aux)
        retire(own)
        gradients = found[0] if isinstance(argnums, int) else found
        return gradients, result if has_aux else result[0]

    return wrapper


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that returns the gradient of `func`, a scalar; (gradient, aux) with `has_aux`.

    Raises TransformError when func does not return a 0-d tensor.
    Source  torch.func.grad, jax.grad
    """
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


class _Pullback:
    """A function run once at some primals: its outputs, and the linear function of cotangents there."""

    def __init__(self, func: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool) -> None:
        self.func, self.primals, self.has_aux = func, primals, has_aux
        self.home = current().trace
        graph_wanted = current().grad
        with transform():
            flat, self.rebuild = flatten(primals)
            self.own = [stand_in(x, "vjp") for x in flat]
            outputs, aux = _with_aux(func(*self.rebuild(self.own)), has_aux, "vjp(f, *primals)")
            self.results, self.shape_of = flatten(outputs)
            _check_tensors(self.results, "vjp(f, *primals): Expected f(*primals) to return")
            self.graph_wanted = graph_wanted and depends_on_others(self.results, self.own)
            self.outputs = self.shape_of([settled(y, self.own) for y in self.results])
            self.aux = flatten_map(lambda x: settled(x, self.own), aux)

    def __call__(self, cotangents: Tree) -> Tree:
        """The cotangents of the primals; zeros where nothing flows."""
        if current().trace is not self.home and self.home is not None:  # a trace cannot see into another: run it anew
            return _Pullback(self.func, self.primals, self.has_aux)(cotangents)
        given = flatten(cotangents)[0]
        if len(given) != len(self.results):
            raise refused(f"vjp: Expected pytree structure of cotangents to be the same as pytree structure of "
                          f"outputs to the function: {len(self.results)} tensors, got {len(given)}")
        for y, seed in zip(self.results, given, strict=True):
            if not isinstance(seed, Tensor) or seed.shape != y.shape:
                raise ShapeError(f"vjp: expected a cotangent {y.type_}, got "
                                 f"{seed.type_ if isinstance(seed, Tensor) else type(seed).__name__}")
        create_graph = current().grad and (self.graph_wanted or any(seed.requires_grad for seed in given))
        with transform():
            return self.rebuild(_cotangents(self.results, self.own, given, create_graph))


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """(func(*primals), f) where f takes cotangents of the outputs to a tuple of those of the primals; aux comes last.

    f may be called again and again.

    Raises TransformError when func returns anything but tensors, ShapeError for a cotangent of another shape.
    Source  torch.func.vjp, jax.vjp
    """
    pullback = _Pullback(func, primals, has_aux)

    def wrapper(*cotangents: Any) -> Any:
        return pullback(cotangents[0] if len(cotangents) == 1 else cotangents)

    return (pullback.outputs, wrapper, pullback.aux) if has_aux else (pullback.outputs, wrapper)


def jacrev(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False,
           chunk_size: int | None = None) -> Callable[..., Any]:
    """The function that returns the Jacobian of `func`, by one batched pullback: rows first.

    Shape   f: [*n] -> [*m] gives [*m, *n]
    Source  torch.func.jacrev, jax.jacrev
    """
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        of_chosen, chosen = of_arguments(func, args, kwargs, argnums, "jacrev")
        at = _Pullback(of_chosen, chosen, has_aux)
        results, shape_of = flatten(at.outputs)
        inputs, inputs_shape = flatten(chosen)
        rows = flatten(vmap(lambda *g: at(shape_of(g)), chunk_size=chunk_size)(*standard_basis(results)))[0]
        rows = [settled(row, at.own) for row in rows]
        start, blocks = 0, []
        for y in results:
            part = [row[start : start + y.numel()].reshape(*y.shape, *x.shape)
                    for row, x in zip(rows, inputs, strict=True)]
            start += y.numel()
            tree = inputs_shape(part)
            blocks.append(tree[0] if isinstance(argnums, int) else tree)
        jacobian = shape_of(blocks)
        return (jacobian, at.aux) if has_aux else jacobian

    return wrapper


def standard_basis(tensors: Sequence[Tensor]) -> list[Tensor]:
    """For each tensor [*s] a batch [N, *s] of unit vectors of all tensors together, N their number of elements."""
    total = sum(x.numel() for x in tensors)
    blocks, start = [], 0
    for x in tensors:
        rows = eye(total, dtype=x.dtype)[:, start : start + x.numel()]
        blocks.append(rows.reshape(total, *x.shape))
        start += x.numel()
    return blocks


def flatten_map(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """The tree with `function` applied to its leaves."""
    found, rebuild = flatten(tree)
    return rebuild(map(function, found))


def _cotangents(outputs: Sequence[Tensor], own: Sequence[Tensor], seeds: Sequence[Tensor | None],
                create_graph: bool) -> list[Tensor]:
    """The cotangents of the stand-ins, zeros where nothing flows."""
    moving = [(y, s) for y, s in zip(outputs, seeds, strict=True) if y.requires_grad]
    found: Sequence[Tensor | None] = [None] * len(own)
    if moving:
        found = engine.grad([y for y, _ in moving], list(own), [s for _, s in moving], retain_graph=True,
                            create_graph=create_graph, allow_unused=True)
    return [zeros_like(x).detach() if g is None else settled(g, own) for g, x in zip(found, own, strict=True)]


def _with_aux(output: Any, has_aux: bool, who: str) -> tuple[Any, Any]:
    if not has_aux:
        return output, None
    if not isinstance(output, tuple) or len(output) != 2:
        raise refused(f"{who}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return output


def _check_scalar(value: Any) -> None:
    who = "grad_and_value(f)(*args): Expected f(*args) to return"
    if not isinstance(value, Tensor):
        raise refused(f"{who} a Tensor, got {type(value)}")
    if value.ndim:
        raise refused(f"{who} a scalar Tensor, got tensor with {value.ndim} dims. Maybe you wanted to use the "
                      f"vjp or jacrev APIs instead?")


def _check_tensors(results: Sequence[Any], who: str) -> None:
    if not results:
        raise refused(f"{who} a non-empty tree of Tensors")
    for y in results:
        if not isinstance(y, Tensor):
            raise refused(f"{who} Tensors, got unsupported type {type(y)}")


