"""Every entry of PyTorch's own operator database gives the same on gradc, or stands in the table with a reason."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("expecttest")
pytest.importorskip("torch")

import comparing
from exceptions import DIFFERS, REFUSED, UNSEEDED
from torch.testing._internal.common_methods_invocations import op_db

pytestmark = [pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("op", op_db, ids=lambda op: op.formatted_name)
def test_agrees_with_torch(op: Any, request: pytest.FixtureRequest) -> None:
    """Values, types, gradients, errors, and every way to call it."""
    all_samples = request.config.getoption("--all-samples")
    if op.name in REFUSED:
        with pytest.raises(comparing.Missing):
            comparing.named(op.name)  # else it is there now: take it off the list
        return
    excused = DIFFERS.get(op.name, {}) | DIFFERS.get(op.formatted_name, {})
    found = [p for p in comparing.problems(op, all_samples, op.name in UNSEEDED) if not p.keys & excused.keys()]
    assert not found, "\n".join(map(str, found[:10]))
