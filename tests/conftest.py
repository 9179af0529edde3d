"""What the whole test suite shares: the flag that rewrites golden dumps, and a torch that seeds quickly."""

from __future__ import annotations

import sys

import pytest
from hypothesis import settings

settings.register_profile("suite", derandomize=True)  # the same examples in every run: main is green or it is not
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the dumps in tests/passes/golden")


def pytest_collection_finish() -> None:
    """Have torch seed the CPU alone: for what is not here it keeps each seed, and the text of the whole stack."""
    torch = sys.modules.get("torch")
    if torch is not None:
        for device in (torch.cuda, torch.xpu, torch.mtia):
            device.manual_seed_all = lambda seed: None
