"""Rules about shapes and types: what rearranges twice, or not at all."""

from __future__ import annotations

from gradc.ir import Operand, Value
from gradc.ops.conversion import to
from gradc.ops.shape import broadcast_to, permute, reshape
from gradc.passes.rewriting import Rule, Site, rewrite
from gradc.tensor import Tensor


def reshape_as_type(x: Tensor, *, shape: tuple[int, ...]) -> Tensor:
    """reshape with the shape as a keyword, as rules record it."""
    return reshape(x, shape)  # type: ignore[no-any-return]


def reordered(x: Tensor, *, dims: tuple[int, ...]) -> Tensor:
    """permute with the order as a keyword, as rules record it."""
    return permute(x, dims)  # type: ignore[no-any-return]


@rewrite("permute")
def permute_same(site: Site) -> Operand | None:
    """The dimensions in their own order change nothing."""
    dims = site.node.attrs["dims"]
    return site.node.inputs[0] if dims == tuple(range(len(dims))) else None


def _unchanged(root: str) -> Rule:
    """The rule that an op which changes neither shape nor type of its operand does nothing."""
    def same(site: Site) -> Operand | None:
        x = site.node.inputs[0]
        return x if isinstance(x, Value) and x.type == site.node.outputs[0].type else None

    same.__name__ = f"{root}_same"
    return rewrite(root)(same)


def _of_reshape(root: str, of: str) -> Rule:
    """The rule that a reshape, or what is one, of a reshape is one reshape."""
    def merged(site: Site) -> Operand | None:
        inner = site.producer(site.node.inputs[0])
        assert inner is not None
        return site.record(f"{root}_of_{of}", reshape_as_type, inner.inputs[0], shape=site.node.outputs[0].shape)

    merged.__name__ = f"{root}_of_{of}"
    return rewrite(root, of)(merged)


RESHAPES = ("reshape", "squeeze", "unsqueeze")


@rewrite("transpose", of="transpose")
def transpose_transpose(site: Site) -> Operand | None:
    """Exchanging the same two dimensions twice changes nothing."""
    inner = site.producer(site.node.inputs[0], "transpose")
    if inner is None or {*inner.attrs.values()} != {*site.node.attrs.values()}:
        return None
    return inner.inputs[0]


@rewrite("t", of="t")
def t_t(site: Site) -> Operand | None:
    """The transpose of the transpose is the matrix."""
    inner = site.producer(site.node.inputs[0], "t")
    return None if inner is None else inner.inputs[0]


@rewrite("permute", of="permute")
def permute_permute(site: Site) -> Operand | None:
    """Two permutations in a row are one."""
    inner = site.producer(site.node.inputs[0], "permute")
    if inner is None:
        return None
    dims = tuple(inner.attrs["dims"][d] for d in site.node.attrs["dims"])
    if dims == tuple(range(len(dims))):
        return inner.inputs[0]
    return site.record("permute_permute", reordered, inner.inputs[0], dims=dims)


@rewrite("flip", of="flip")
def flip_flip(site: Site) -> Operand | None:
    """Reversing the same dimensions twice changes nothing."""
    inner = site.producer(site.node.inputs[0], "flip")
    if inner is None or {*inner.attrs["dims"]} != {*site.node.attrs["dims"]}:
        return None
    return inner.inputs[0]


@rewrite("setitem")
def setitem_whole(site: Site) -> Operand | None:
    """What is written to the whole of a tensor is what is there afterwards."""
    value = site.node.inputs[1]
    return value if isinstance(value, Value) and value.type == site.node.outputs[0].type else None


@rewrite("to", of="to")
def to_to(site: Site) -> Operand | None:
    """A cast that loses nothing, followed by another cast, is the second cast alone."""
    inner = site.producer(site.node.inputs[0], "to")
    if inner is None:
        return None
    x = inner.inputs[0]
    assert isinstance(x, Value)
    first, middle = x.dtype, inner.attrs["dtype"]
    if first.category > middle.category or first.bits >= middle.bits:
        return None
    last = site.node.attrs["dtype"]
    return x if last is first else site.record("to_to", to, x, dtype=last)


@rewrite("clone")
def clone_away(site: Site) -> Operand | None:
    """In a graph nothing is written in place, so a copy is the original."""
    return site.node.inputs[0]


@rewrite("contiguous")
def contiguous_away(site: Site) -> Operand | None:
    """Memory order is not part of a graph."""
    return site.node.inputs[0]


def _expand_of(of: str) -> Rule:
    """The rule that dimensions of size 1 in front need not be made before expanding."""
    def direct(site: Site) -> Operand | None:
        return _expand_directly(site)

    direct.__name__ = f"expand_of_{of}"
    return rewrite("expand", of)(direct)


def _expand_directly(site: Site) -> Operand | None:
    inner = site.producer(site.node.inputs[0])
    assert inner is not None
    x, shape = inner.inputs[0], inner.outputs[0].shape
    assert isinstance(x, Value)
    if x.shape != shape[len(shape) - len(x.shape) :] or any(n != 1 for n in shape[: len(shape) - len(x.shape)]):
        return None
    return site.record("expand_of_reshape", broadcast_to, x, shape=site.node.outputs[0].shape)


def _expand_into(root: str) -> Rule:
    """The rule that a pointwise op broadcasts by itself: an operand need not be expanded for it."""
    def broadcasts(site: Site) -> Operand | None:
        node = site.node
        operands = list(node.inputs)
        for i, x in enumerate(operands):
            inner = site.producer(x, "expand")
            if inner is not None:
                others = [y.shape for j, y in enumerate(operands) if j != i and isinstance(y, Value)]
                if any(shape == node.outputs[0].shape for shape in others):
                    operands[i] = inner.inputs[0]
                    return site.record(f"{root}_expand", node.op, *operands, **node.attrs)  # type: ignore[arg-type]
        return None

    broadcasts.__name__ = f"{root}_expand"
    return rewrite(root, "expand")(broadcasts)


SHAPE: list[Rule] = [
    *(_unchanged(root) for root in ("reshape", "squeeze", "expand", "getitem", "to", "sum", "mean", "amax", "amin",
                                  "pad", "repeat", "prod")),
    *(_of_reshape(root, of) for root in RESHAPES for of in RESHAPES),
    *(_expand_of(of) for of in ("reshape", "unsqueeze")),
    transpose_transpose, t_t, permute_same, permute_permute, flip_flip, setitem_whole, to_to,
    clone_away, contiguous_away,
    *(_expand_into(root) for root in ("add", "sub", "mul", "div", "where", "maximum", "minimum")),
]
