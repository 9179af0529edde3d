"""Wrong calls, by family: the message says what is wrong, in torch's words where it has them, with what and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.ir.registry import OPS
from gradc.tensor import Tensor, wrap
from gradc.tracing import Tracer


def f(*shape: int) -> Tensor:
    return wrap(np.ones(shape, np.float32))


def i(*shape: int) -> Tensor:
    return wrap(np.ones(shape, np.int64))


def b(*shape: int) -> Tensor:
    return wrap(np.ones(shape, bool))


ops: Any = type("Ops", (), {"__getattr__": lambda self, name: OPS[name]})()

# what is wrong: the call, its operands, the error's class, what the message says, how it names the call
WRONG: dict[str, tuple[Callable[..., Any], tuple[Any, ...], type[Exception], str, str]] = {
    "broadcast": (lambda x, y: x + y, (f(2, 3), f(4)), RuntimeError,
                  "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1",
                  "add(f32[2, 3], f32[4])"),
    "comparison": (lambda x, y: x < y, (f(2), f(3)), RuntimeError, "must match the size of tensor b", "lt(f32[2]"),
    "where": (lambda c, x, y: ops.where(c, x, y), (b(2), f(3), f(3)), RuntimeError, "must match",
                     "where(bool[2]"),
    "bool minus bool": (lambda x, y: x - y, (b(2), b(2)), RuntimeError, "two bool tensors is not supported", "sub("),
    "minus bool": (lambda x: -x, (b(2),), RuntimeError, "on a bool tensor is not supported", "neg(bool[2])"),
    "bits of floats": (lambda x, y: x & y, (f(2), f(2)), RuntimeError, "not implemented for 'Float'", "bitwise_and("),
    "negative power": (lambda x: x ** -1, (i(2),), RuntimeError, "Integers to negative integer powers", "pow"),
    "matmul": (lambda x, y: x @ y, (f(4, 3), f(4)), RuntimeError, "size mismatch, got input (4), mat (4x3), vec (4)",
               "matmul(f32[4, 3], f32[4])"),
    "matmul of matrices": (lambda x, y: x @ y, (f(4, 3), f(4, 3)), RuntimeError,
                           "mat1 and mat2 shapes cannot be multiplied (4x3 and 4x3)", "matmul("),
    "matmul of numbers": (lambda x, y: x @ y, (f(), f(2)), RuntimeError, "need to be at least 1D",
                     "matmul(f32, f32[2])"),
    "matmul of dtypes": (lambda x, y: x @ y, (f(2, 2), i(2, 2)), RuntimeError, "the same dtype",
                     "matmul(f32[2, 2], i64"),
    "linear": (lambda x, w: ops.linear(x, w), (f(4, 3), f(2, 5)), RuntimeError,
                     "cannot be multiplied (4x3 and 5x2)",
               "linear(f32[4, 3], f32[2, 5]"),
    "dimension": (lambda x: x.sum(2), (f(2, 3),), IndexError,
                  "Dimension out of range (expected to be in range of [-2, 1], but got 2)", ""),
    "dimension twice": (lambda x: x.sum((0, 0)), (f(2, 3),), RuntimeError, "appears multiple times", ""),
    "mean of integers": (lambda x: x.mean(), (i(2),), RuntimeError, "could not infer output dtype", "mean(i64[2]"),
    "softmax of integers": (lambda x: x.softmax(0), (i(2),), RuntimeError, "could not infer output dtype", "softmax("),
    "extreme of nothing": (lambda x: x.amax(), (f(0),), IndexError, "Expected reduction dim", "amax(f32[0]"),
    "reshape": (lambda x: x.reshape(4, 2), (f(2, 3),), RuntimeError, "shape '[4, 2]' is invalid for input of size 6",
                "reshape(f32[2, 3], shape=(4, 2))"),
    "two unknown sizes": (lambda x: x.reshape(-1, -1), (f(4),), RuntimeError, "only one dimension can be inferred", ""),
    "permute": (lambda x: x.permute(0, 0), (f(2, 3),), RuntimeError, "duplicate dims", "permute("),
    "expand": (lambda x: x.expand(4, 3), (f(2, 3),), RuntimeError, "must match the existing size (2)",
                     "expand(f32[2, 3]"),
    "transpose": (lambda x: x.t(), (f(2, 3, 4),), RuntimeError, "t() expects a tensor with <= 2 dimensions", ""),
    "cat": (lambda x, y: ops.cat([x, y]), (f(2, 3), f(2, 4)), RuntimeError, "Sizes of tensors must match",
                     "cat(f32[2, 3]"),
    "stack": (lambda x, y: ops.stack([x, y]), (f(2), f(3)), RuntimeError, "each tensor to be equal size",
                     "stack("),
    "index": (lambda x: x[5], (f(3),), IndexError, "index 5 is out of bounds for dimension 0 with size 3", ""),
    "gather": (lambda x, n: x.gather(0, n), (f(3, 2), i(3)), RuntimeError, "same number of dimensions", "gather("),
    "gather by floats": (lambda x, n: x.gather(0, n), (f(3), f(3)), RuntimeError, "int64", "gather("),
    "loss": (lambda x, y: ops.binary_cross_entropy_with_logits(x, y), (f(3), f(4)), ValueError,
             "must be the same as", ""),
    "class scores": (lambda x, y: ops.cross_entropy(x, y), (f(4, 3), i(5)), ValueError,
                     "Expected input batch_size (4)",
                     "cross_entropy(f32[4, 3], i64[5]"),
    "class dtype": (lambda x, y: ops.nll_loss(x, y), (f(4, 3), f(4)), RuntimeError, "expected target dtype",
                     "nll_loss("),
    "reduction": (lambda x, y: ops.mse_loss(x, y, reduction="men"), (f(3), f(3)), TypeError, "not a valid value",
                     ""),
    "layer norm": (lambda x, w: ops.layer_norm(x, (3,), w), (f(2, 3), f(4)), RuntimeError,
                   "Expected weight to be", ""),
    "diagonal": (lambda x: x.diagonal(0, 1, 1), (f(2, 3),), RuntimeError, "cannot be identical", ""),
    "topk": (lambda x: x.topk(4), (f(3),), RuntimeError, "k out of range", ""),
    "operand": (lambda x: ops.add(x, "a"), (f(3),), TypeError, "operands are tensors and numbers", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_eager(name: str) -> None:
    call, operands, kind, message, written = WRONG[name]
    with pytest.raises(kind) as caught:
        call(*operands)
    text = str(caught.value)
    assert message in text
    assert written in text
    if written:
        assert "test_errors.py:" in text, "the user's line"
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("name", WRONG)
def test_traced(name: str) -> None:
    """A trace says the same: the fault is found when the line runs, not when the graph does."""
    call, operands, kind, message, written = WRONG[name]
    tracer = Tracer()
    with tracer.on(), pytest.raises(kind) as caught:
        call(*[tracer.input(x.type_, f"x{n}") for n, x in enumerate(operands)])
    text = str(caught.value)
    assert message in text
    assert written in text
    if written:
        assert "test_errors.py:" in text


def test_in_backward_too() -> None:
    x: Any = gradc.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="scalar outputs") as caught:
        (x * 2).backward()
    assert "(x * 2).backward()" in str(caught.value)
