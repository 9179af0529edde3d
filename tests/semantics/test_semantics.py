"""Every observed behaviour of PyTorch holds for gradc, and still for PyTorch where it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from rows import ROWS
from rows.row import Row
from running import Outcome, run

import gradc

DIFFERENCES = Path(__file__).parents[2] / "docs" / "differences.md"


def mismatches(row: Row, outcome: Outcome) -> list[str]:
    """In what an outcome is not the one that the row expects."""
    found = []
    if row.raises is None and outcome.error is not None or not _matches(row.raises, outcome.error):
        found.append(f"raised {outcome.error!r}, expected {row.raises}")
    elif outcome.value != row.gives:
        found.append(f"gave {outcome.value}, expected {row.gives}")
    if outcome.printed != row.prints:
        found.append(f"printed {outcome.printed!r}, expected {row.prints!r}")
    if len(outcome.warned) != len(row.warns) or not all(map(_contains, outcome.warned, row.warns)):
        found.append(f"warned {outcome.warned}, expected {row.warns}")
    return found


def _matches(expected: str | None, error: Exception | None) -> bool:
    """Whether an error is of the expected class and has the expected phrase."""
    if expected is None or error is None:
        return expected is error
    kind, phrase = expected.split(": ", 1)
    return kind in [base.__name__ for base in type(error).__mro__] and phrase in str(error)


def _contains(warned: str, expected: str) -> bool:
    kind, phrase = expected.split(": ", 1)
    return warned.startswith(kind) and phrase in warned


def test_rows_are_complete() -> None:
    assert sorted({row.number for row in ROWS}) == list(range(1, 342))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number} {row.title}")
def test_gradc(row: Row) -> None:
    wrong = mismatches(row, run(gradc, row.code, f"row_{row.number}.py"))
    if row.pending:
        assert wrong, f"row {row.number}, {row.title}: no longer pending"
        pytest.xfail("; ".join(wrong))
    elif row.differs is not None:
        assert wrong, f"row {row.number}, {row.title}: no longer differs"
        assert row.differs in DIFFERENCES.read_text()
    else:
        assert not wrong, "\n".join([row.title, row.code, *wrong])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number} {row.title}")
def test_torch(row: Row) -> None:
    torch = pytest.importorskip("torch")
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        wrong = mismatches(row, run(torch, row.code, f"row_{row.number}.py"))
    finally:
        torch.set_warn_always(before)
    assert not wrong, "\n".join([row.title, row.code, *wrong])
