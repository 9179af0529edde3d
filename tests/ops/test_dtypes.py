"""Dtype promotion is torch's, for every pair of dtypes and for tensors with dimensions, 0-d tensors and numbers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import dtypes
from gradc.ir.registry import OPS
from gradc.tensor import Tensor, wrap
from gradc.tracing import Tracer

torch = pytest.importorskip("torch")

KINDS = ["a tensor", "a 0-d tensor"]
PAIRS = list(itertools.product(dtypes.ALL, dtypes.ALL))
NUMBERS = [True, 2, 2.5, 1j]
OPERATIONS = ["add", "mul", "div", "maximum", "eq", "where", "pow"]


def ones(kind: dtypes.dtype, rank: int) -> tuple[Tensor, Any]:
    shape = (2,) * rank
    return wrap(np.ones(shape, kind.numpy)), torch.ones(shape, dtype=getattr(torch, kind.name))


def both(name: str, ours: list[Any], theirs: list[Any]) -> tuple[Any, Any]:
    """The result dtypes' names, gradc's and torch's; None where torch does not take such operands."""
    if name == "where":
        ours, theirs = [wrap(np.array(True)), *ours], [torch.tensor(True), *theirs]
    try:
        expected = getattr(torch, name)(*theirs)
    except (RuntimeError, TypeError, NotImplementedError):
        return None, None
    if expected.dtype is torch.complex32 or name == "pow" and expected.dtype is torch.bool:
        return None, None  # gradc has no complex32, and NumPy no power of bools
    return str(OPS[name](*ours).dtype), str(expected.dtype)


@pytest.mark.parametrize(("a", "b"), PAIRS, ids=[f"{a.short}-{b.short}" for a, b in PAIRS])
def test_pairs_of_tensors(a: dtypes.dtype, b: dtypes.dtype) -> None:
    assert str(dtypes.promote_types(a, b)) == str(torch.promote_types(getattr(torch, a.name), getattr(torch, b.name)))
    for name, first, second in itertools.product(OPERATIONS, (1, 0), (1, 0)):
        (x, x_torch), (y, y_torch) = ones(a, first), ones(b, second)
        found, expected = both(name, [x, y], [x_torch, y_torch])
        assert found == expected, (name, first, second)


@pytest.mark.parametrize("kind", dtypes.ALL, ids=lambda kind: kind.short)
@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_tensor_and_number(kind: dtypes.dtype, number: Any) -> None:
    for name, rank in itertools.product(("add", "mul", "div", "eq", "where", "pow"), (1, 0)):
        x, x_torch = ones(kind, rank)
        found, expected = both(name, [x, number], [x_torch, number])
        assert found == expected, (name, rank)


@pytest.mark.parametrize("kind", dtypes.ALL, ids=lambda kind: kind.short)
def test_casts_as_torch(kind: dtypes.dtype) -> None:
    for other in dtypes.ALL:
        assert dtypes.can_cast(kind, other) == torch.can_cast(getattr(torch, kind.name), getattr(torch, other.name))


@pytest.mark.parametrize(("a", "b"), [p for p in PAIRS if p[0] is not p[1]],
                         ids=[f"{a.short}-{b.short}" for a, b in PAIRS if a is not b])
def test_traced_as_eager(a: dtypes.dtype, b: dtypes.dtype) -> None:
    (x, _), (y, _) = ones(a, 1), ones(b, 0)
    tracer = Tracer()
    with tracer.on():
        traced = OPS["add"](tracer.input(x.type_, "x"), tracer.input(y.type_, "y"))
    assert traced.type_ == OPS["add"](x, y).type_


def test_default_dtype_decides_for_floats() -> None:
    try:
        dtypes.set_default_dtype(dtypes.float64)
        assert (wrap(np.ones(2, np.int64)) / 2).dtype is dtypes.float64
        assert (wrap(np.ones(2, np.int64)) * 2.5).dtype is dtypes.float64
        assert (wrap(np.ones(2, np.float32)) * 2.5).dtype is dtypes.float32
    finally:
        dtypes.set_default_dtype(dtypes.float32)


FORMS = [
    "x.half().dtype", "x.bfloat16().dtype", "x.double().dtype", "x.float() is x", "x.int()", "x.long()", "x.bool()",
    "x.cfloat()", "x.type()", "x.type(t.float64)", "x.type('torch.DoubleTensor')", "x.type(t.LongTensor)",
    "x.type_as(t.ones(1, dtype=t.int64))", "x.to(t.float64)", "x.to('cpu', t.float64)", "x.to('cpu') is x",
    "x.to(t.ones(1, dtype=t.int64))", "x.to(dtype=t.int64, copy=True)", "x.to(t.device('cpu'), t.float16)",
    "x.to(float)", "t.ones(2, dtype=float).dtype", "t.tensor([1], dtype=bool)", "t.tensor([1], dtype=complex)",
    "t.FloatTensor(2, 3).shape", "t.FloatTensor([1, 2])", "t.LongTensor([1])", "t.BFloat16Tensor([1.0]).dtype",
    "isinstance(x, t.FloatTensor)", "isinstance(x, t.LongTensor)", "t.ByteTensor(t.Size([2])).shape",
    "t.result_type(x, 1j)", "t.result_type(1, 2.0)", "t.result_type(x, t.ones(1, dtype=t.float64))",
    "t.finfo(t.float32)", "t.finfo(t.float16)", "t.finfo(t.float64)", "t.finfo().max", "t.finfo(t.bfloat16).eps",
    "t.finfo(t.complex64).bits", "t.iinfo(t.int8)", "t.iinfo(t.uint8)", "t.iinfo(t.int64).max",
    "t.cfloat is t.complex64", "t.int8.is_signed", "t.uint8.is_signed", "x.is_signed()", "t.float32.itemsize",
    "t.tensor([7, -7]) // 2", "t.tensor([7, -7]) % 3", "t.tensor([5]) / 2", "t.tensor([True]) + True",
    "t.tensor([1.5, 2.5]).int()", "t.tensor([1, 2], dtype=t.uint8).sum()", "t.tensor([True, True]).sum()",
    "x.sum(dtype=t.int32)", "x.cumsum(0, dtype=t.int32)", "t.tensor([1, 2]).prod(dtype=t.float64)",
    "t.tensor([1, 2]).mean(dtype=t.float32)", "t.ones(70000, dtype=t.float16).sum()",
    "t.ones(70000, dtype=t.float16).mean()", "t.ones(4096, dtype=t.bfloat16).sum()",
    "t.ones(4096, dtype=t.bfloat16).cumsum(0)[-1]", "(t.ones(1, 300) / 3).bfloat16() @ t.ones(300, 1).bfloat16()",
]


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_casts_and_constructors(form: str) -> None:
    ours, theirs = (repr(eval(form, {"t": t, "x": t.tensor([1.5, -2.0])})) for t in (gradc, torch))
    assert ours == theirs


REFUSED = ["t.finfo(t.int32)", "t.iinfo(t.float32)", "t.set_default_dtype(t.int32)", "t.tensor([2]) ** -1",
           "t.ones(2, dtype=t.int64).mean()", "t.ones(2, dtype=t.int64).requires_grad_()", "1 - t.tensor([True])",
           "-t.tensor([True])", "t.FloatTensor(t.ones(2, dtype=t.float64))", "t.tensor([1.5]) & 1", "x.type('Texture')"]


@pytest.mark.parametrize("form", REFUSED)
def test_refused_forms(form: str) -> None:
    for t in (gradc, torch):
        with pytest.raises((RuntimeError, TypeError, ValueError)):
            eval(form, {"t": t, "x": t.tensor([1.5, -2.0])})
