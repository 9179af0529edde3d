"""Every seeded fault is caught by a check; the table of which catches which is benchmarks/results/mutations.md."""

from __future__ import annotations

import numpy as np
import pytest
from mutations import CHECKS, catches, faults

FAULTS = faults()


def test_there_are_fifty_faults_under_names_of_their_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 50


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_caught_where_there_is_no_fault(check: str) -> None:
    with np.errstate(all="ignore"):
        CHECKS[check](None)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_caught(fault) -> None:
    assert any(catches(check, fault) for check in CHECKS.values())
