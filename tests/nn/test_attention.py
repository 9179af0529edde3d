"""scaled_dot_product_attention in all its forms: values and gradients as torch's, and across blocks of queries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc
from gradc import nn
from gradc.autograd import gradgradcheck

torch = pytest.importorskip("torch")

RANDOM = np.random.default_rng(2)
SOME = RANDOM.random((5, 4)) < 0.5
SOME[2] = False
EACH = RANDOM.random((2, 1, 1, 4)) < 0.7
EACH[..., 0] = True

CASES: dict[str, tuple[list[tuple[int, ...]], Any, dict[str, Any]]] = {
    "plain": ([(2, 3, 5, 8), (2, 3, 4, 8), (2, 3, 4, 6)], None, {}),
    "scaled": ([(2, 3, 5, 8), (2, 3, 4, 8), (2, 3, 4, 8)], None, {"scale": 0.3}),
    "causal": ([(2, 3, 5, 8)] * 3, None, {"is_causal": True}),
    "causal with fewer keys": ([(2, 3, 5, 8), (2, 3, 4, 8), (2, 3, 4, 8)], None, {"is_causal": True}),
    "causal with more keys": ([(2, 3, 4, 8), (2, 3, 5, 8), (2, 3, 5, 8)], None, {"is_causal": True}),
    "masked": ([(2, 3, 5, 8), (2, 3, 4, 8), (2, 3, 4, 8)], SOME, {}),
    "masked for each example": ([(2, 3, 5, 8), (2, 3, 4, 8), (2, 3, 4, 8)], EACH, {}),
    "biased": ([(2, 3, 5, 8), (2, 3, 4, 8), (2, 3, 4, 8)], (5, 4), {}),
    "biased for each head": ([(2, 3, 5, 8), (2, 3, 4, 8), (2, 3, 4, 8)], (3, 5, 4), {}),
    "matrices": ([(5, 8), (4, 8), (4, 8)], None, {}),
    "batches": ([(3, 5, 8), (3, 4, 8), (3, 4, 8)], None, {}),
    "shared heads": ([(2, 6, 5, 8), (2, 2, 4, 8), (2, 2, 4, 8)], None, {"enable_gqa": True}),
    "shared examples": ([(2, 3, 5, 8), (1, 3, 4, 8), (1, 3, 4, 8)], None, {}),
    "several blocks": ([(1, 2, 300, 8), (1, 2, 270, 8), (1, 2, 270, 8)], None, {}),
    "several causal blocks": ([(3, 2, 300, 4)] * 3, None, {"is_causal": True}),
    "several masked blocks": ([(3, 2, 150, 4)] * 3, RANDOM.random((150, 150)) < 0.3, {}),
    "large scores": ([(1, 1, 3, 4), (1, 1, 3, 4), (1, 1, 3, 4)], None, {"scale": 1e4}),
}


def results(t: Any, name: str, trained_mask: bool = False, compiled: bool = False) -> list[Any]:
    shapes, mask, options = CASES[name]
    random = np.random.default_rng(1)
    arrays = [random.standard_normal(s).astype(np.float32) for s in shapes]
    inputs = [t.tensor(a, requires_grad=True) for a in arrays]
    if isinstance(mask, tuple):
        inputs.append(t.tensor(random.standard_normal(mask).astype(np.float32), requires_grad=trained_mask))
    elif mask is not None:
        inputs.append(t.tensor(mask))

    def attend(*inputs: Any) -> Any:
        return t.nn.functional.scaled_dot_product_attention(*inputs, **options)

    found = (t.compile(attend) if compiled else attend)(*inputs)
    (found * found.detach().cos()).sum().backward()
    return [found.detach().numpy(), *[x.grad.numpy() for x in inputs if x.requires_grad]]


def close(found: list[Any], expected: list[Any]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_equal_torch(name: str) -> None:
    expected = results(torch, name)
    close(results(gradc, name), expected)
    close(results(gradc, name, compiled=True), expected)


@pytest.mark.parametrize("name", ["biased", "biased for each head"])
def test_masks_can_be_trained(name: str) -> None:
    close(results(gradc, name, trained_mask=True), results(torch, name, trained_mask=True))


def test_second_gradients() -> None:
    inputs = [gradc.randn(1, 2, 3, 2, dtype=gradc.float64, requires_grad=True) for _ in range(3)]
    assert gradgradcheck(lambda q, k, v: nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True), inputs)


@pytest.mark.parametrize("arguments, options, message", [
    ([(2, 3), (4, 3), (4, 3)], {"attn_mask": "floats", "is_causal": True}, "Explicit attn_mask should not be set"),
    ([(2, 3), (4, 2), (4, 3)], {}, "queries and keys need equally many features"),
    ([(3,), (4, 3), (4, 3)], {}, "to all be at least 2 dimensional"),
    ([(3, 2, 3), (2, 4, 3), (2, 4, 3)], {"enable_gqa": True}, "must divide the number of heads in query"),
])
def test_errors(arguments: list[Any], options: dict[str, Any], message: str) -> None:
    if "attn_mask" in options:
        options = {**options, "attn_mask": gradc.zeros(2, 4)}
    with pytest.raises(RuntimeError, match=message):
        nn.functional.scaled_dot_product_attention(*[gradc.ones(s) for s in arguments], **options)
