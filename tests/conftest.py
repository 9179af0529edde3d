"""What the whole test suite shares: the flag that rewrites golden dumps."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("suite", derandomize=True)  # the same examples in every run: main is green or it is not
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the dumps in tests/passes/golden")
