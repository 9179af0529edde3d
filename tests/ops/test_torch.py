"""The gradients of every op agree with torch's, and so do the names of the graph's nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from samples import COMPLEX, FLOATS, Case, cases, close, normal

from gradc import dtypes, engine
from gradc.ops.samples import differentiable
from gradc.tensor import wrap

torch = pytest.importorskip("torch")
torch_calls = pytest.importorskip("torch_calls")

pytestmark = [pytest.mark.filterwarnings("ignore::RuntimeWarning"), pytest.mark.filterwarnings("ignore::UserWarning")]


def torch_results(case: Case, operands: list[Any]) -> tuple[Any, ...]:
    try:
        found = torch_calls.call(case.op.name, operands, case.attrs)
    except NotImplementedError as problem:
        if str(problem) != case.op.name:
            raise
        pytest.skip(f"torch has no {case.op.name}")
    return tuple(found) if isinstance(found, (tuple, list)) else (found,)


@pytest.mark.parametrize(("op", "sample", "kind"), cases(*FLOATS, *COMPLEX))
def test_gradients_and_names(op: Any, sample: Any, kind: dtypes.dtype) -> None:
    case = Case(op, sample, kind)
    if case.rejected() is not None:
        return  # so does torch: test_dtype_table.py
    operands = [torch_calls.as_torch(x) for x in case.operands]
    positions = list(differentiable(case.operands))
    for i in positions:
        operands[i].requires_grad_()
    try:
        results = torch_results(case, operands)
    except RuntimeError as problem:
        pytest.skip(f"torch has no gradient here: {problem}")
    if any(r is x for r in results for x in operands):
        return  # torch gives the operand back, as gradc does where users call it
    expected = [r for r in results if r.requires_grad and "NotImplemented" not in repr(r)]
    leaves = [wrap(x._array.copy()).requires_grad_() if i in positions else x for i, x in enumerate(case.operands)]
    found = [r for r in case.results(*leaves) if r.requires_grad]
    assert len(found) == len(expected)
    if not expected:
        return
    if op.name not in torch_calls.NAMES_DIFFER:
        assert [r.grad_fn.name() for r in found] == [r.grad_fn.name() for r in expected]
    random = np.random.default_rng(5)
    seeds = [normal(random, r) for r in found]
    try:
        theirs = torch.autograd.grad(expected, [operands[i] for i in positions], [torch.from_numpy(s) for s in seeds],
                                     allow_unused=True)
    except RuntimeError as problem:
        pytest.skip(f"torch's own gradient fails: {problem}")
    ours = engine.grad(found, [leaves[i] for i in positions], [wrap(s) for s in seeds], allow_unused=True)
    for i, a, b in zip(positions, ours, theirs, strict=True):
        if a is None or b is None:
            assert not (0 if a is None else a._array.any()), "torch has no gradient here"
            assert not (0 if b is None else torch_calls.as_numpy(b).any()), "gradc has no gradient here"
        else:
            assert a.type_ == case.operands[i].type_
            close(a._array, torch_calls.as_numpy(b), factor=20)
