"""Functions with side effects, hidden inputs and shared memory: compiled, they do what eager does, or are refused."""

from __future__ import annotations

import functools
import re

import pytest
from impure_programs import PROGRAMS
from observing import CALLS, MISMATCH, REFUSED, SAME, outcome, watch

import gradc
from gradc.errors import GradcError

ON_XLA = [*PROGRAMS][::8]
"""The programs that are compiled by XLA; what is found to be an effect does not depend on what compiles the rest."""


def names_a_line(problem: BaseException) -> bool:
    """Whether an error says which line of the program it is about."""
    return re.search(r"(containers|memory|objects|observing|outside|training|values)\.py:\d+", str(problem)) is not None


@pytest.fixture(autouse=True)
def settings_restored():
    yield
    gradc.set_default_dtype(gradc.float32)
    gradc.set_grad_enabled(True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled_is_eager_or_refused(name: str) -> None:
    program = PROGRAMS[name]
    expected = watch(program, gradc, lambda step: step)
    compile = gradc.compile if name in ON_XLA else functools.partial(gradc.compile, backend="numpy")
    kind, seen = outcome(expected, watch(program, gradc, compile), GradcError, names_a_line)
    assert kind in (SAME, REFUSED), f"{kind}: {seen}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_eager_is_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    program = PROGRAMS[name]
    kind, seen = outcome(watch(program, torch, lambda step: step), watch(program, gradc, lambda step: step))
    assert kind == SAME, f"{kind}: {seen}"


def test_the_suite_sees_a_mismatch() -> None:
    """A compiler that runs the function once and replays its result is caught by most programs."""
    def replaying(step):
        kept = []

        def compiled(*args):
            kept.append(step(*args) if not kept else kept[0])
            return kept[0]

        return compiled

    def kind(name: str) -> str:
        program = PROGRAMS[name]
        return outcome(watch(program, gradc, lambda step: step), watch(program, gradc, replaying))[0]

    found = [kind(name) for name in PROGRAMS]
    assert found.count(MISMATCH) > 0.9 * len(PROGRAMS) and CALLS == 3
