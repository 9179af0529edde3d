"""Running a program and comparing what is seen of it, eager and compiled."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from impure_programs import Noticed

CALLS = 3
SAME, REFUSED, BROKEN, MISMATCH, ABSENT = "same", "refused", "an unclear error", "silent mismatch", "n/a"


@dataclass
class Seen:
    """What one call showed: its result or its error, the state and the arguments afterwards, text and warnings."""

    result: Any
    state: Any
    arguments: Any
    printed: str
    warned: list[str]
    problem: BaseException | None = None

    def shown(self) -> tuple[Any, ...]:
        """Everything that was observed."""
        return self.result, self.state, self.arguments, self.printed, self.warned


def alike(a: Any, b: Any) -> bool:
    """Whether two plain values are equal, floats up to rounding."""
    if type(a) is float and type(b) is float:
        return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-5) or math.isnan(a) and math.isnan(b)
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and alike(list(a.values()), list(b.values()))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    return type(a) is type(b) and a == b


def plain(x: Any) -> Any:
    """A value without framework: tensors as their type, shape and numbers, other things as they print."""
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(item) for item in x]
    if isinstance(x, float):
        return float(x)
    if isinstance(x, (bool, int, str, bytes, type(None))):
        return x
    if hasattr(x, "tolist") and hasattr(x, "shape"):
        try:
            values = plain(x.tolist())
        except Exception as error:  # a stand-in that the trace left behind
            values = f"no values: {type(error).__name__}"
        return [str(x.dtype).split(".")[-1], *x.shape, values, bool(getattr(x, "requires_grad", False))]
    return type(x).__name__


def watch(program: Callable[[Any], Any], framework: Any, compiler: Callable[[Any], Any]) -> list[Seen]:
    """Calls of a fresh program; the first call that raises is the last one of a compiled function that refuses."""
    case = program(framework)
    step = compiler(case.step)
    seen = []
    for i in range(CALLS):
        printed, problem = io.StringIO(), None
        with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            arguments = case.arguments(i)
            try:
                result = plain(case.view(step(*arguments)))
            except Exception as error:
                result, problem = f"{type(error).__name__}: {error}".splitlines()[0], error
        mine = [str(w.message) for w in warned if issubclass(w.category, Noticed)]
        seen.append(Seen(result, plain(case.state()), plain(arguments), printed.getvalue(), mine, problem))
    return seen


def outcome(expected: list[Seen], got: list[Seen], refusals: Any = Exception,
            clear: Callable[[BaseException], bool] = lambda problem: True) -> tuple[str, str]:
    """How a compiled program did against eager, and what was seen. `refusals` are the errors that refuse a program."""
    for i, (want, have) in enumerate(zip(expected, got, strict=True)):
        if alike(want.shown(), have.shown()):
            continue
        if have.problem is not None and want.problem is None:
            kind = REFUSED if isinstance(have.problem, refusals) and clear(have.problem) else BROKEN
            return kind, f"call {i}: {type(have.problem).__name__}: {have.problem}"
        if have.problem is not None and have.result == want.result and i and alike(have.state, got[i - 1].state):
            return SAME, "a call that raises changes nothing, where eager has changed something before"
        return MISMATCH, f"call {i}: eager {want.shown()}, compiled {have.shown()}"
    return SAME, ""
