"""Forward-mode transforms: jvp, linearize, jacfwd, and hessian, which is forward over reverse."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradc.errors import ShapeError
from gradc.func.batching import vmap
from gradc.func.levels import Tree, flatten, of_arguments, refused, settled, stand_in, transform
from gradc.func.reverse import flatten_map, jacrev, standard_basis
from gradc.modes import current
from gradc.ops.creation import zeros_like
from gradc.pushforward import pushforward
from gradc.tensor import Tensor


class _Linearized:
    """A function run once at some primals: its outputs, and the linear function of tangents there."""

    def __init__(self, func: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool, who: str) -> None:
        self.func, self.primals, self.has_aux, self.who = func, primals, has_aux, who
        self.home = current().trace
        with transform():
            flat, rebuild = flatten(primals)
            self.own = [stand_in(x, who) for x in flat]
            result = func(*rebuild(self.own))
            if has_aux and not (isinstance(result, tuple) and len(result) == 2):
                raise refused(f"{who}: output of function f should be a tuple: (output, aux) if has_aux is True")
            outputs, aux = result if has_aux else (result, None)
            self.results, self.shape_of = flatten(outputs)
            for y in self.results:
                if not isinstance(y, Tensor):
                    raise refused(f"{who}: Expected f(*args) to return only tensors, got {type(y)}")
            self.outputs = self.shape_of([settled(y, self.own) for y in self.results])
            self.aux = flatten_map(lambda x: settled(x, self.own), aux)

    def push(self, tangents: Sequence[Any]) -> Tree:
        """The tangents of the outputs, zeros where they do not depend on the primals."""
        if current().trace is not self.home and self.home is not None:  # a trace cannot see into another
            return _Linearized(self.func, self.primals, self.has_aux, self.who).push(tangents)
        given = flatten(tuple(tangents))[0]
        if len(given) != len(self.own):
            raise refused(f"{self.who}: Expected primals and tangents to have the same python structure: "
                          f"{len(self.own)} tensors, got {len(given)}")
        for x, t in zip(self.own, given, strict=True):
            if not isinstance(t, Tensor) or t.shape != x.shape:
                raise ShapeError(f"{self.who}: expected a tangent {x.type_}, got "
                                 f"{t.type_ if isinstance(t, Tensor) else type(t).__name__}")
        with transform():
            found = pushforward(self.results, self.own, given)
            return self.shape_of([zeros_like(y).detach() if t is None else settled(t, self.own)
                                  for t, y in zip(found, self.results, strict=True)])


def jvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], *, strict: bool = False,
        has_aux: bool = False) -> tuple[Any, ...]:
    """(func(*primals), the tangent of it when the primals move along `tangents`); aux comes last.

    `strict` raises TransformError for an output that does not depend on the primals, instead of giving zeros.
    Source  torch.func.jvp, jax.jvp
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise refused("jvp(f, primals, tangents): Expected primals and tangents to be tuples, got "
                      f"{type(primals).__name__} and {type(tangents).__name__}")
    at = _Linearized(func, primals, has_aux, "jvp(f, primals, tangents)")
    if strict and not all(y.requires_grad for y in at.results):
        raise refused("jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. "
                      "This is not allowed when strict=True.")
    found = at.outputs, at.push(tangents)
    return (*found, at.aux) if has_aux else found


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(func(*primals), f) where f takes tangents of the primals to those of the outputs, without running func again.

    Source  torch.func.linearize, jax.linearize
    """
    at = _Linearized(func, primals, False, "linearize")
    return at.outputs, lambda *tangents: at.push(tangents)


def jacfwd(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *,
           randomness: str = "error") -> Callable[..., Any]:
    """The function that returns the Jacobian of `func`, by one batched pushforward: columns first.

    Shape   f: [*n] -> [*m] gives [*m, *n]
    Source  torch.func.jacfwd, jax.jacfwd
    """
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        of_chosen, chosen = of_arguments(func, args, kwargs, argnums, "jacfwd")
        at = _Linearized(of_chosen, chosen, has_aux, "jacfwd")
        inputs, rebuild = flatten(chosen)
        columns = flatten(vmap(lambda *t: at.push(rebuild(t)), randomness=randomness)(*standard_basis(inputs)))[0]
        blocks = []
        for column, y in zip([settled(c, at.own) for c in columns], at.results, strict=True):
            start, part = 0, []
            for x in inputs:
                block = column[start : start + x.numel()].movedim(0, -1)
                part.append(block.reshape(*y.shape, *x.shape))
                start += x.numel()
            tree = rebuild(part)
            blocks.append(tree[0] if isinstance(argnums, int) else tree)
        jacobian = at.shape_of(blocks)
        return (jacobian, at.aux) if has_aux else jacobian

    return wrapper


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that returns the Hessian of `func`: jacfwd of jacrev.

    Shape   f: [*n] -> [*m] gives [*m, *n, *n]
    Source  torch.func.hessian, jax.hessian
    """
    return jacfwd(jacrev(func, argnums), argnums)
