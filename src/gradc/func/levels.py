"""What the transforms of gradc.func share: arguments as trees, and differentiable stand-ins for them.

A transform differentiates with respect to stand-ins of its own, never the caller's tensors. A stand-in of a tensor that
requires grad outside is a view of it, so that the result can be differentiated further; any other is a leaf.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from gradc import locations
from gradc.compiler.arguments import leaves, tree_map
from gradc.errors import TransformError
from gradc.modes import current, enter
from gradc.tensor import Tensor, edge

Tree = Any


def refused(problem: str) -> TransformError:
    """The error to raise for what a transform cannot take, with the user's line."""
    return TransformError(problem + locations.quote(locations.here()))


def flatten(tree: Tree) -> tuple[list[Any], Callable[[Iterable[Any]], Tree]]:
    """The leaves of a tree, and the function that puts others in their place."""
    def rebuild(others: Iterable[Any]) -> Tree:
        given = iter(others)
        return tree_map(lambda _: next(given), tree)

    return leaves(tree), rebuild


@contextlib.contextmanager
def transform() -> Iterator[None]:
    """Inside a transform gradients are recorded, whatever the mode outside, and backward() is refused."""
    before = enter(current().replace(grad=True, functional=True))
    try:
        yield
    finally:
        enter(current().replace(grad=before.grad, functional=before.functional))


def stand_in(x: Any, who: str) -> Tensor:
    """A differentiable stand-in for an argument.

    Raises TransformError for what is no tensor of a floating or complex type.
    """
    if not isinstance(x, Tensor):
        raise refused(f"{who}: Thing passed to transform API must be Tensor, got {type(x)}")
    if not x.dtype.is_differentiable:
        raise refused(f"{who}: only Tensors of floating point dtype can require gradients, got {x.type_}")
    if x.requires_grad:
        return x.view(x.shape)  # type: ignore[attr-defined, no-any-return]
    return x.detach().requires_grad_()  # type: ignore[attr-defined, no-any-return]


def depends_on_others(outputs: Sequence[Tensor], own: Sequence[Tensor]) -> bool:
    """Whether a leaf other than the stand-ins is below the outputs: then their gradients need a graph of their own."""
    trace = current().trace
    if trace is not None:
        known = {trace.read(x) for x in own if trace.owns(x) or edge(x) is x}  # one of eager mode may be a view
        return not known.issuperset(trace.leaves_of([trace.read(y) for y in outputs if y.requires_grad]))
    ends = {id(x) for x in own}
    seen: set[Any] = set()
    waiting = [edge(y) for y in outputs if edge(y) is not None]
    while waiting:
        to = waiting.pop()
        at = to if isinstance(to, Tensor) else to.node
        if at in seen:
            continue
        seen.add(at)
        if isinstance(at, Tensor):
            if id(at) not in ends:
                return True
        else:
            waiting.extend(e for e in at.edges if e is not None)
    return False


def settled(result: Any, own: Sequence[Tensor]) -> Any:
    """A result as the caller gets it: without a graph if nothing of the caller's is in it."""
    if not isinstance(result, Tensor) or not result.requires_grad or depends_on_others([result], own):
        return result
    return result.detach()  # type: ignore[attr-defined]


def retire(stand_ins: Sequence[Tensor]) -> None:
    """Take stand-ins out of service, so that one that has escaped is an ordinary tensor."""
    if current().trace is None:
        for x in stand_ins:
            if edge(x) is x:
                x._node = None


def chosen_arguments(args: tuple[Any, ...], argnums: int | tuple[int, ...], who: str) -> tuple[int, ...]:
    """The positions that `argnums` names, from 0.

    Raises TransformError for one that is not there, or twice.
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not numbers:
        raise refused(f"{who}: argnums must be non-empty")
    for n in numbers:
        if not isinstance(n, int) or not -len(args) <= n < len(args):
            raise refused(f"{who}: Got argnum={n!r}, but only {len(args)} positional inputs")
    positions = tuple(n % len(args) for n in numbers)
    if len(set(positions)) < len(positions):
        raise refused(f"{who}: argnums elements must be unique, got {argnums!r}")
    return positions


def of_arguments(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
                 argnums: int | tuple[int, ...], who: str) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A call of `func` as a function of the arguments that `argnums` names, and these arguments."""
    positions = chosen_arguments(args, argnums, who)

    def of_chosen(*others: Any) -> Any:
        given = list(args)
        for position, other in zip(positions, others, strict=True):
            given[position] = other
        return func(*given, **kwargs)

    return of_chosen, tuple(args[i] for i in positions)
