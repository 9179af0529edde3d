"""associative_scan: all partial results of an associative function, in a number of steps that grows as a logarithm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc.control.trees import Tree, flatten, rebuild, refused
from gradc.func.batching import vmap
from gradc.ops.joining import cat, stack
from gradc.tensor import Tensor


def associative_scan(combine_fn: Callable[[Tree, Tree], Tree], xs: Tree, dim: int = 0, reverse: bool = False,
                     combine_mode: str = "generic") -> Tree:
    """x₀, x₀∘x₁, x₀∘x₁∘x₂, … along `dim` of xs, for an associative ∘ = `combine_fn` of two elements.

    Elements are tensors or trees of tensors, which combine_fn returns like. It is called on many pairs at once, about
    2·log₂(n) times. `reverse` begins at the end: xₙ, xₙ₋₁∘xₙ becomes combine_fn(xₙ, xₙ₋₁). `combine_mode` is PyTorch's,
    and means nothing here.

    Raises CallError for elements that change their type, and sequences of different or no length.
    Source  torch._higher_order_ops.associative_scan, jax.lax.associative_scan; Blelloch, "Prefix sums and their
            applications" (1990)
    """
    if not callable(combine_fn):
        raise refused(f"associative_scan: Combine_fn must be a callable, but got {combine_fn!r}")
    if combine_mode not in ("pointwise", "generic"):
        raise refused(f"associative_scan: Combine_mode must either 'pointwise' or 'generic', but got {combine_mode!r}")
    leaves, shape = flatten(xs, "associative_scan: xs")
    rank = leaves[0].ndim if leaves else 0
    at = dim + rank if dim < 0 else dim
    if not leaves or not 0 <= at < rank or any([x.ndim <= at or not x.shape[at] for x in leaves]):
        raise refused("associative_scan: All xs leaves must at least have 'dim' number of dimensions and scan "
                      f"dimension > 0, but got dim={dim} and {', '.join([str(x.type_) for x in leaves]) or 'none'}")
    if len({x.shape[at] for x in leaves}) > 1:
        raise refused("associative_scan: all xs leaves must have the same length along dim "
                      f"{dim}, but got {', '.join([str(x.shape[at]) for x in leaves])}")

    def combined(first: Sequence[Any], second: Sequence[Any]) -> list[Tensor]:
        def one(a: Sequence[Tensor], b: Sequence[Tensor]) -> list[Tensor]:
            found, new = flatten(combine_fn(rebuild(shape, a), rebuild(shape, b)),
                                 "associative_scan: what combine_fn returns")
            if new != shape or [x.type_ for x in found] != [x.type_ for x in a]:
                raise refused("associative_scan: combine_fn should return what its arguments are, "
                              f"({', '.join([str(x.type_) for x in a])}), but got "
                              f"({', '.join([str(x.type_) for x in found])})")
            return found

        return vmap(one)(list(first), list(second))  # type: ignore[no-any-return]

    rows = [x.movedim(at, 0).flip(0) if reverse else x.movedim(at, 0) for x in leaves]  # type: ignore[attr-defined]
    found = _scanned(combined, rows)
    return rebuild(shape, [(x.flip(0) if reverse else x).movedim(0, at) for x in found])  # type: ignore[attr-defined]


def _scanned(combined: Callable[..., Sequence[Any]], rows: Sequence[Any]) -> Sequence[Any]:
    """The partial results of all rows: those behind odd places from pairs, the others from one more element each."""
    length = rows[0].shape[0]
    if length < 2:
        return rows
    half = length // 2
    odd = _scanned(combined, combined([x[0 : 2 * half : 2] for x in rows], [x[1::2] for x in rows]))
    later = (length - 1) // 2
    even = [x[:1] for x in rows]
    if later:
        even = [cat([x, y]) for x, y in zip(even, combined([x[:later] for x in odd], [x[2::2] for x in rows]),
                                            strict=True)]
    return [_interleaved(a, b) for a, b in zip(even, odd, strict=True)]


def _interleaved(even: Any, odd: Any) -> Any:
    """Rows of two tensors in turn; the first may have one more."""
    count = odd.shape[0]
    woven = stack([even[:count], odd], dim=1).flatten(0, 1)
    return woven if even.shape[0] == count else cat([woven, even[count:]])
