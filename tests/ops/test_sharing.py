"""Whether a write to a result is seen in the operand, as in torch: where nothing is left to do, too."""

from __future__ import annotations

from typing import Any

import pytest

import gradc

torch = pytest.importorskip("torch")

CALLS = {
    "as_tensor": lambda m, x: m.as_tensor(x),
    "atleast_2d": lambda m, x: m.atleast_2d(x),
    "cat of one": lambda m, x: m.cat([x]),
    "clamp": lambda m, x: x.clamp(-100, 100),
    "conj": lambda m, x: x.conj(),
    "conj_physical": lambda m, x: x.conj_physical(),
    "contiguous": lambda m, x: x.contiguous(),
    "diff of no order": lambda m, x: x.diff(n=0),
    "dropout of nothing": lambda m, x: m.nn.functional.dropout(x, 0.0),
    "einsum of itself": lambda m, x: m.einsum("ij->ij", x),
    "flip of nothing": lambda m, x: x.flip(()),
    "float": lambda m, x: x.float(),
    "index_fill of nothing": lambda m, x: x.index_fill(0, m.tensor([], dtype=m.int64), 1.0),
    "masked_fill of nothing": lambda m, x: x.masked_fill(x != x, 0.0),
    "matrix_power 0": lambda m, x: m.linalg.matrix_power(x[:2], 0),
    "matrix_power 1": lambda m, x: m.linalg.matrix_power(x[:2], 1),
    "mean of one": lambda m, x: x[:1].mean(0),
    "movedim": lambda m, x: x.movedim(0, 0),
    "pad by nothing": lambda m, x: m.nn.functional.pad(x, (0, 0)),
    "positive": lambda m, x: +x,
    "real": lambda m, x: x.real,
    "repeat once": lambda m, x: x.repeat(1, 1),
    "repeat_interleave once": lambda m, x: x.repeat_interleave(1, 0),
    "resize by nothing": lambda m, x: m.nn.functional.interpolate(x[None], scale_factor=1),
    "roll by nothing": lambda m, x: x.roll(0),
    "rot90 by nothing": lambda m, x: m.rot90(x, 0),
    "sort of one": lambda m, x: x[:1].sort(0)[0],
    "split into one": lambda m, x: x.split(3)[0],
    "sum of one": lambda m, x: x[:1].sum(0),
    "tensor": lambda m, x: m.tensor(x),
    "tile once": lambda m, x: x.tile((1,)),
    "to the same": lambda m, x: x.to(x.dtype),
    "to a copy": lambda m, x: x.to(x.dtype, copy=True),
    "tril of all": lambda m, x: x.tril(5),
    "where everywhere": lambda m, x: m.where(x == x, x, x),
}


def observed(module: Any, call: Any) -> tuple[bool, list[Any]]:
    """Whether the result is the operand itself, and the operand after a write to the result."""
    x = module.arange(6.0).reshape(3, 2) + 1
    result = call(module, x)
    result.fill_(7)
    return result is x, x.tolist()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_a_write_to_the_result(name: str) -> None:
    assert observed(gradc, CALLS[name]) == observed(torch, CALLS[name])
