"""What the whole test suite shares: the flag that rewrites golden dumps."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the dumps in tests/passes/golden")
