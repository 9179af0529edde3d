"""Every op in every dtype, against torch: whether it is refused, the dtype of its results, values, and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from samples import Case, normal

import gradc  # noqa: F401  (registers the ops)
from gradc import dtypes, engine
from gradc.errors import GradcError
from gradc.ir.registry import OPS
from gradc.ops.samples import differentiable
from gradc.tensor import wrap

torch = pytest.importorskip("torch")
torch_calls = pytest.importorskip("torch_calls")

pytestmark = pytest.mark.filterwarnings("ignore")

ROUNDING = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2e-6, "float64": 4e-15, "complex64": 4e-6,
            "complex128": 1e-14}
"""The largest difference from torch, as a part of the largest element: a few units in the last place."""

INTEGERS = "u8 i8 i16 i32 i64"

DIFFERENT = {
    "avg_pool": ("i64 f16 bf16", "torch has means of int64, and of half precision not in three dimensions"),
    "complex": ("f16", "gradc has no complex numbers of half precision"),
    "view_as_complex": ("f16", "gradc has no complex numbers of half precision"),
    "convolution": ("u8 i8 i16 i32", "torch has dilated and transposed ones of int64 only"),
    "erfcx": ("f16 bf16", "torch has it in full precision only"),
    "i0e": ("bf16", "torch computes it in half precision"),
    "lgamma": ("bool", "XLA's is not 0 at 1"),
    "log_ndtr": ("f16 bf16", "torch has it in full precision only"),
    "logcumsumexp": ("c64 c128", "NumPy's logaddexp knows real numbers only"),
    "matrix_exp": ("f16 bf16", "torch's are inf and nan"),
    "resample": ("u8", "torch interpolates bytes in two dimensions only, by a filter of its own"),
    "ndtri": ("f16 bf16", "torch has it in full precision only"),
    "polygamma": ("f64", "torch's trigamma has nine digits"),
    "pow": ("i8 i16 i32 i64", "torch truncates integers to tensors of negative integers to 0, and refuses numbers"),
    "scatter_add": ("bool", "JAX adds no bools"),
    "scatter_reduce": ("bool", "JAX adds no bools"),
    "zeta": ("f16 bf16", "torch has it in full precision only"),
    "sgn": ("bool", "NumPy has no sign of a bool"),
    "sign": ("bool", "NumPy has no sign of a bool"),
}
"""Where gradc refuses, or promotes, what torch computes: op, dtypes, why."""

ALL = [pytest.param(name, kind, id=f"{name}-{kind.short}") for name in sorted(OPS) for kind in dtypes.ALL]
UNCOMMON = [p for p in ALL if p.values[1].bits == 16 and p.values[1].is_floating_point or p.values[1].is_complex]


def torch_results(case: Case, operands: list[Any]) -> Any:
    """torch's results, its refusal as an error, or None where torch has no such function."""
    try:
        found = torch_calls.call(case.op.name, operands, case.attrs)
    except NotImplementedError as problem:
        return None if str(problem) == case.op.name else problem
    except (RuntimeError, TypeError, ValueError, IndexError) as problem:
        return problem
    return tuple(found) if isinstance(found, (tuple, list)) else (found,)


def gradc_results(case: Case) -> Any:
    try:
        return case.results()
    except (GradcError, ValueError) as problem:  # ValueError: an integer to a negative power
        return problem


def agree(ours: Any, theirs: Any, factor: float = 1) -> None:
    """Assert that a gradc and a torch tensor have one dtype, one shape, and the same numbers within rounding."""
    assert (str(ours.dtype), tuple(ours.shape)) == (str(theirs.dtype), tuple(theirs.shape))
    wide = np.complex128 if ours.dtype.is_complex else np.float64
    a, b = ours._array.astype(wide), torch_calls.as_numpy(theirs).astype(wide)
    tolerance = factor * ROUNDING.get(ours.dtype.name, 0.0)
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_results(name: str, kind: dtypes.dtype) -> None:
    differs = kind.short in DIFFERENT.get(name, ("", ""))[0].split()
    found = differ = 0
    for sample in OPS[name].samples:  # type: ignore[attr-defined]
        case = Case(OPS[name], sample, kind)
        theirs = torch_results(case, [torch_calls.as_torch(x) for x in case.operands])
        if theirs is None:
            pytest.skip(f"torch has no {name}")
        ours = gradc_results(case)
        found += 1
        try:
            assert isinstance(ours, Exception) == isinstance(theirs, Exception), (sample, ours, theirs)
            for a, b in zip(ours, theirs, strict=True) if isinstance(ours, tuple) else ():
                agree(a, b)
        except AssertionError:
            if not differs:
                raise
            differ += 1
    assert differ or not differs or not found, "no longer different"


@pytest.mark.parametrize(("name", "kind"), UNCOMMON)
def test_gradients(name: str, kind: dtypes.dtype) -> None:
    """First by the formulas, and after two uses by the generated functions."""
    for sample in OPS[name].samples:  # type: ignore[attr-defined]
        case = Case(OPS[name], sample, kind)
        positions = list(differentiable(case.operands))
        operands = [torch_calls.as_torch(x) for x in case.operands]
        for i in positions:
            operands[i].requires_grad_()
        results = torch_results(case, operands)
        if not isinstance(results, tuple) or isinstance(gradc_results(case), Exception):
            continue  # test_results compares the refusals
        expected = [r for r in results if r.requires_grad]
        if not expected:
            continue
        random = np.random.default_rng(5)
        seeds = [wrap(normal(random, r)) for r in case.results() if r.dtype.is_differentiable]
        try:
            theirs = torch.autograd.grad(expected, [operands[i] for i in positions],
                                         [torch_calls.as_torch(seed) for seed in seeds], allow_unused=True)
        except RuntimeError:
            continue  # an op without gradient, or one whose gradient torch gets wrong for these shapes
        for _ in range(4):
            leaves = [wrap(x._array.copy()).requires_grad_() if i in positions else x
                      for i, x in enumerate(case.operands)]
            found = [r for r in case.results(*leaves) if r.requires_grad]
            ours = engine.grad(found, [leaves[i] for i in positions], seeds, allow_unused=True)
            for a, b in zip(ours, theirs, strict=True):
                if a is not None and b is not None:
                    agree(a, b, factor=4)
