"""Rules about what rearranged, expanded and indexed dimensions become: reductions, slices, joined tensors."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from typing import Any, cast

from gradc.apply import apply
from gradc.ir import OPS, Node, Operand, Value
from gradc.ops.arrangement import tril, triu
from gradc.ops.shape import broadcast_to, reshape, unsqueeze
from gradc.ops.shape import t as transposed
from gradc.passes.cse import identity
from gradc.passes.rewriting import Rule, Site, rewrite, theorem
from gradc.passes.rules.shape import reordered, reshape_as_type
from gradc.shapes import Shape
from gradc.tensor import Tensor


def named(name: str, rule: Rule) -> Rule:
    """A rule made for one of several ops, with a name of its own."""
    object.__setattr__(rule, "name", name)
    return rule


# Reductions


def reduced(x: Tensor, *, op: str, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    """A reduction by the name of its op."""
    return cast(Tensor, apply(OPS[op], (x,), {"dim": dim, "keepdim": keepdim}))


def over_ones(root: str) -> Rule:
    """The rule that a reduction over dimensions of size 1 only leaves them out."""
    @rewrite(root)
    def left_out(site: Site) -> Operand | None:
        x = site.node.inputs[0]
        assert isinstance(x, Value)
        if any(x.shape[d] != 1 for d in site.node.attrs["dim"]):
            return None
        return site.record(f"{root}_over_ones", reshape_as_type, x, shape=site.node.outputs[0].shape)

    return named(f"{root}_over_ones", left_out)


def of_itself(root: str, error: str | None = None) -> Rule:
    """The rule that two reductions of a kind, one after the other, are one over the dimensions of both."""
    @rewrite(root, of=root, error=error)
    def merged(site: Site) -> Operand | None:
        inner = site.producer(site.node.inputs[0], root)
        assert inner is not None
        x, first, dims = inner.inputs[0], inner.attrs["dim"], site.node.attrs["dim"]
        keepdim = site.node.attrs["keepdim"]
        if keepdim != inner.attrs["keepdim"]:
            return None
        assert isinstance(x, Value)
        if not keepdim:
            left = [d for d in range(len(x.shape)) if d not in first]
            dims = [left[d] for d in dims]
        return site.record(f"{root}_{root}", reduced, x, op=root, dim=tuple(sorted({*first, *dims})), keepdim=keepdim)

    return named(f"{root}_{root}", merged)


def of_expand(root: str, error: str | None = None) -> Rule:
    """The rule that a reduction of copies of a number is that number, and their sum its multiple."""
    @rewrite(root, of="expand", error=error)
    def single(site: Site) -> Operand | None:
        inner = site.producer(site.node.inputs[0], "expand")
        assert inner is not None
        x, wide, dims = inner.inputs[0], inner.outputs[0].shape, site.node.attrs["dim"]
        assert isinstance(x, Value)
        narrow = (*[1] * (len(wide) - len(x.shape)), *x.shape)
        if any(narrow[d] != 1 or wide[d] == 0 for d in dims):
            return None
        kept = narrow if site.node.attrs["keepdim"] else tuple(n for d, n in enumerate(narrow) if d not in dims)
        times = math.prod(wide[d] for d in dims) if root == "sum" else 1
        return site.record(f"{root}_of_expand", multiple, x, shape=kept, wide=site.node.outputs[0].shape, times=times)

    return named(f"{root}_of_expand", single)


def multiple(x: Tensor, *, shape: Shape, wide: Shape, times: int) -> Tensor:
    """So many times a tensor, in one shape and then expanded to another."""
    x = reshape(x, shape)
    return cast(Tensor, broadcast_to(x if times == 1 else x * times, wide))  # type: ignore[operator]


def of_all(root: str, of: str, error: str | None = None) -> Rule:
    """The rule that the order of elements does not matter where all of them are reduced."""
    @rewrite(root, of=of, error=error)
    def unordered(site: Site) -> Operand | None:
        inner = site.producer(site.node.inputs[0], of)
        assert inner is not None
        dims = site.node.attrs["dim"]
        if len(dims) != len(inner.outputs[0].shape):
            return None
        return site.record(f"{root}_of_{of}", reduced, inner.inputs[0], op=root, dim=dims,
                           keepdim=site.node.attrs["keepdim"])

    return named(f"{root}_of_{of}", unordered)


# Orders of dimensions


def order(node: Node) -> tuple[int, ...]:
    """The order into which permute, transpose or t brings the dimensions."""
    if node.op.name == "permute":
        return cast("tuple[int, ...]", node.attrs["dims"])
    dims = list(range(len(node.outputs[0].shape)))
    first, second = (0, 1) if node.op.name == "t" else (node.attrs["dim0"], node.attrs["dim1"])
    if dims:
        dims[first], dims[second] = dims[second], dims[first]
    return tuple(dims)


def is_reshape(root: str) -> Rule:
    """The rule that an order which moves only dimensions of size 1 is a change of shape."""
    @rewrite(root)
    def moved(site: Site) -> Operand | None:
        x = site.node.inputs[0]
        assert isinstance(x, Value)
        if len(x.shape) < 2:
            return None
        long = [d for d in order(site.node) if x.shape[d] != 1]
        if long != sorted(long):
            return None
        return site.record(f"{root}_of_ones", reshape_as_type, x, shape=site.node.outputs[0].shape)

    return named(f"{root}_of_ones", moved)


def of_order(root: str, of: str, name: str) -> Rule:
    """The rule that two orders in a row are one."""
    @rewrite(root, of=of)
    def one(site: Site) -> Operand | None:
        inner = site.producer(site.node.inputs[0], of)
        assert inner is not None
        first = order(inner)
        dims = tuple(first[d] for d in order(site.node))
        return inner.inputs[0] if dims == tuple(range(len(dims))) else site.record(
            name, reordered, inner.inputs[0], dims=dims)

    return named(name, one)


def is_t(root: str) -> Rule:
    """The rule that a matrix with its two dimensions exchanged is the transpose, which other rules know."""
    @rewrite(root)
    def exchanged(site: Site) -> Operand | None:
        return site.record(f"{root}_matrix", transposed, site.node.inputs[0]) if order(site.node) == (1, 0) else None

    return named(f"{root}_matrix", exchanged)


@rewrite("expand", of="expand")
def expand_expand(site: Site) -> Operand | None:
    """What is expanded twice is expanded once."""
    inner = site.producer(site.node.inputs[0], "expand")
    assert inner is not None
    return site.record("expand_expand", broadcast_to, inner.inputs[0], shape=site.node.outputs[0].shape)


# Slices and joined tensors


def picked(x: Tensor, *, index: tuple[Any, ...]) -> Tensor:
    """x[index], with the index as a keyword."""
    return cast(Tensor, apply(OPS["getitem"], (x,), {"index": index}))


def ranges(shape: Shape, index: tuple[Any, ...]) -> list[range | int] | None:
    """What an index picks of each dimension, if it is made of whole numbers and slices."""
    if len(index) > len(shape) or not all(type(i) in (int, slice) for i in index):
        return None
    found = [range(n)[i] for n, i in zip(shape, index, strict=False)]
    return [*found, *map(range, shape[len(index) :])]


def slices(picks: list[range | int]) -> tuple[Any, ...]:
    """The index that picks these ranges."""
    return tuple(p if isinstance(p, int) else part(p) for p in picks)


def part(pick: range) -> slice:
    """The slice that picks a range."""
    return slice(pick.start, pick.stop if pick.stop >= 0 else None, pick.step)


@rewrite("getitem", of="getitem")
def getitem_getitem(site: Site) -> Operand | None:
    """A slice of a slice is a slice."""
    inner = site.producer(site.node.inputs[0], "getitem")
    assert inner is not None
    x = inner.inputs[0]
    assert isinstance(x, Value)
    first = ranges(x.shape, inner.attrs["index"])
    second = ranges(inner.outputs[0].shape, site.node.attrs["index"])
    if first is None or second is None:
        return None
    rest = iter(second)
    picks: list[range | int] = []
    for pick in first:
        if not isinstance(pick, int):
            of = next(rest)
            pick = pick[of] if isinstance(of, int) else pick[part(of)]
        picks.append(pick)
    return site.record("getitem_getitem", picked, x, index=slices(picks))


@rewrite("getitem", of="cat")
def getitem_of_cat(site: Site) -> Operand | None:
    """A slice of joined tensors that lies in one of them is a slice of that one."""
    inner = site.producer(site.node.inputs[0], "cat")
    assert inner is not None
    picks = ranges(inner.outputs[0].shape, site.node.attrs["index"])
    dim, start = inner.attrs["dim"], 0
    if picks is None:
        return None
    pick = picks[dim]
    asked = range(pick, pick + 1) if isinstance(pick, int) else pick
    for joined in inner.inputs:
        assert isinstance(joined, Value)
        size = joined.shape[dim]
        if len(asked) and asked.step == 1 and start <= asked.start and asked.stop <= start + size:
            picks[dim] = pick - start if isinstance(pick, int) else range(asked.start - start, asked.stop - start)
            return site.record("getitem_of_cat", picked, joined, index=slices(picks))
        start += size
    return None


@rewrite("cat", of="getitem")
def cat_of_slices(site: Site) -> Operand | None:
    """Slices of a tensor that follow each other from end to end, joined again, are the tensor."""
    dim, x, start = site.node.attrs["dim"], None, 0
    for joined in site.node.inputs:
        made = site.producer(joined, "getitem")
        if made is None or x is not None and made.inputs[0] is not x:
            return None
        x = made.inputs[0]
        assert isinstance(x, Value)
        picks = ranges(x.shape, made.attrs["index"])
        if picks is None or any(p != range(n) for d, (p, n) in enumerate(zip(picks, x.shape, strict=True)) if d != dim):
            return None
        pick = picks[dim]
        if not isinstance(pick, range) or pick.start != start or pick.step != 1:
            return None
        start = pick.stop
    return x


@rewrite("cat")
def cat_of_one(site: Site) -> Operand | None:
    """One tensor joined with nothing is that tensor."""
    return site.node.inputs[0] if len(site.node.inputs) == 1 else None


@rewrite("stack")
def stack_of_one(site: Site) -> Operand | None:
    """One tensor stacked on nothing has a dimension more."""
    if len(site.node.inputs) != 1:
        return None
    return site.record("stack_of_one", unsqueeze, site.node.inputs[0], dim=site.node.attrs["dim"])


@rewrite("getitem", of="setitem")
def getitem_of_setitem(site: Site) -> Operand | None:
    """What was just written at an index is there."""
    inner = site.producer(site.node.inputs[0], "setitem")
    assert inner is not None
    same = identity(inner.attrs["index"]) == identity(site.node.attrs["index"]) and len(inner.inputs) == 2
    return inner.inputs[1] if same else None


@rewrite("setitem", of="setitem")
def setitem_setitem(site: Site) -> Operand | None:
    """What is written over at once need not be written."""
    inner = site.producer(site.node.inputs[0], "setitem")
    if inner is None or identity(inner.attrs) != identity(site.node.attrs) or len(site.node.inputs) != 2:
        return None
    return site.record("setitem_setitem", put, inner.inputs[0], site.node.inputs[1], index=site.node.attrs["index"])


def put(x: Tensor, value: Tensor, *, index: tuple[Any, ...]) -> Tensor:
    """x with a value written at an index."""
    return cast(Tensor, apply(OPS["setitem"], (x, value), {"index": index}))


@rewrite("index", of="arange")
def index_by_arange(site: Site) -> Operand | None:
    """Rows that follow each other are a slice."""
    x, *places = site.node.inputs
    numbers = site.producer(places[0], "arange") if len(places) == 1 and site.node.attrs["index"] == ("i0",) else None
    if numbers is None or not isinstance(x, Value):
        return None
    start, end, step = (numbers.attrs[name] for name in ("start", "end", "step"))
    if not all(type(i) is int for i in (start, end)) or step != 1 or not 0 <= start <= end <= x.shape[0]:
        return None
    return site.record("index_by_arange", picked, x, index=(slice(start, end, None),))


@rewrite("roll")
def roll_nowhere(site: Site) -> Operand | None:
    """What is rolled by no step, or all the way round, stays."""
    x, attrs = site.node.inputs[0], site.node.attrs
    assert isinstance(x, Value)
    still = all(x.shape[d] and n % x.shape[d] == 0 for n, d in zip(attrs["shifts"], attrs["dims"], strict=True))
    return x if still and attrs["dims"] else None


@rewrite("flip")
def flip_of_ones(site: Site) -> Operand | None:
    """Dimensions of size 1 look the same from both ends."""
    x = site.node.inputs[0]
    assert isinstance(x, Value)
    return x if all(x.shape[d] == 1 for d in site.node.attrs["dims"]) else None


DIMENSIONS: list[Rule] = [
    theorem("tril_tril", lambda x, *, diagonal=0: tril(tril(x, diagonal), diagonal),
            lambda x, *, diagonal: tril(x, diagonal), kinds="numbers"),
    theorem("triu_triu", lambda x, *, diagonal=0: triu(triu(x, diagonal), diagonal),
            lambda x, *, diagonal: triu(x, diagonal), kinds="numbers"),
    *(over_ones(root) for root in ("sum", "mean", "prod", "amax", "amin")),
    *(of_itself(root) for root in ("amax", "amin", "any", "all")),
    of_itself("sum", error="4 ulp of intermediates"),
    *(of_expand(root) for root in ("amax", "amin", "any", "all")),
    *(of_expand(root, error="4 ulp of intermediates") for root in ("sum", "mean")),
    *(of_all(root, of) for root in ("amax", "amin", "any", "all") for of in ("permute", "transpose", "t", "flip")),
    *(of_all(root, of, error="4 ulp of intermediates") for root in ("sum", "mean")
      for of in ("permute", "transpose", "t", "flip")),
    *(is_reshape(root) for root in ("permute", "transpose", "t")),
    *(is_t(root) for root in ("permute", "transpose")),
    of_order("permute", "transpose", "permute_of_transpose"),
    of_order("transpose", "permute", "transpose_of_permute"),
    of_order("transpose", "transpose", "transpose_of_other"),
    expand_expand, getitem_getitem, getitem_of_cat, cat_of_slices, cat_of_one, stack_of_one, getitem_of_setitem,
    setitem_setitem, index_by_arange, roll_nowhere, flip_of_ones,
]
