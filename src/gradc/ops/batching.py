"""How ops compute many examples at once: rules that ops share, as the method `batched`.

A rule is called with the op and the Examples, and returns the results of all examples, along a new first dimension;
or None where there is no better way than to open a composite, or to take one example after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradc.apply import apply

Rule = Callable[[Any, "Examples"], Any]


class Examples:
    """The operands of an op for `size` examples. Those that `flags` mark differ, along their first dimension."""

    def __init__(self, operands: Sequence[Any], flags: Sequence[bool], attrs: Mapping[str, Any], size: int) -> None:
        self.operands = tuple(operands)
        self.flags = tuple(flags)
        self.attrs = dict(attrs)
        self.size = size

    def shape(self, i: int) -> tuple[int, ...]:
        """The shape of operand `i` in one example."""
        return tuple(self.operands[i]._array.shape)[self.flags[i] :]

    def rank(self, i: int) -> int:
        """The number of dimensions of operand `i` in one example; of a number, or nothing, 0."""
        x = self.operands[i]
        return x._array.ndim - self.flags[i] if hasattr(x, "_array") else 0

    def wide(self, i: int, rank: int) -> Any:
        """Operand `i`, with dimensions of size 1 behind the first where it has fewer than `rank` in one example.

        One that is the same in all examples broadcasts as it is.
        """
        x, missing = self.operands[i], rank - self.rank(i)
        return x.reshape((self.size, *(1,) * missing, *self.shape(i))) if self.flags[i] and missing > 0 else x

    def aligned(self, i: int, rank: int) -> Any:
        """Operand `i` with exactly `rank` dimensions behind a first one, which is of size 1 if it does not differ."""
        if self.flags[i]:
            return self.wide(i, rank)
        return self.operands[i].reshape((1,) * (1 + rank - self.rank(i)) + self.shape(i))

    def whole(self, i: int) -> Any:
        """Operand `i`, repeated for each example if it is the same in all."""
        x = self.operands[i]
        return x if self.flags[i] else x.expand((self.size, *self.shape(i)))

    def apply(self, op: Any, operands: Sequence[Any] | None = None, **attrs: Any) -> Any:
        """The op on all examples, with these operands and attributes in place of those of one example."""
        return apply(op, self.operands if operands is None else tuple(operands), self.attrs | attrs)


def alike(op: Any, examples: Examples) -> Any:
    """The rule of an op that leaves leading dimensions alone."""
    return examples.apply(op)


def broadcast(op: Any, examples: Examples) -> Any:
    """The rule of an op that broadcasts its operands, which then must be of one rank."""
    every = range(len(examples.operands))
    rank = max(map(examples.rank, every))
    return examples.apply(op, [examples.wide(i, rank) for i in every])


def along(*names: str, scalars: bool = False) -> Rule:
    """The rule of an op whose attributes `names` are dimensions counted from the front: they move back by one.

    With `scalars` it takes operands of no dimensions as if they had one of size 1.
    """
    def rule(op: Any, examples: Examples) -> Any:
        operands = [examples.whole(i) for i in range(len(examples.operands))]
        if scalars and not examples.rank(0):
            rows = [x.reshape((examples.size, 1)) for x in operands]
            attrs = {name: (1,) if isinstance(examples.attrs[name], tuple) else 1 for name in names}
            return examples.apply(op, rows, **attrs).reshape((examples.size,))
        return examples.apply(op, operands, **{name: moved(examples.attrs[name]) for name in names})

    return rule


def moved(dim: Any) -> Any:
    """A dimension, or a tuple of them, behind a new first one."""
    return tuple([d + 1 for d in dim]) if isinstance(dim, tuple) else dim + 1
