"""What goes wrong silently when functions with side effects and hidden inputs are compiled: gradc, PyTorch and JAX.

    python benchmarks/impure.py

Runs the programs of tests/impure under each framework, in processes of their own, against the same framework's eager
mode. A silent mismatch is a result, a state, a text or a warning that differs without an error.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "impure"))

from impure_programs import PROGRAMS  # noqa: E402
from observing import ABSENT, BROKEN, MISMATCH, REFUSED, SAME, outcome, watch  # noqa: E402

SECONDS = 60
"""The time that one program may take."""
SLOW = "too slow"


class JaxNumpy:
    """jax.numpy under the names that programs use; what it lacks is an AttributeError, and the program is left out."""

    __name__ = "jax"

    def __getattr__(self, name: str) -> Any:
        import jax.numpy as jnp

        return getattr(jnp, {"tensor": "asarray"}.get(name, name))


def frameworks() -> dict[str, Callable[[], tuple[Any, Callable[[Any], Any]]]]:
    """What makes the module that programs are given, and the compiler."""
    def gradc() -> Any:
        import gradc

        return gradc, gradc.compile

    def torch() -> Any:
        import torch

        def compiler(step: Any) -> Any:
            torch._dynamo.reset()
            return torch.compile(step, backend="aot_eager")

        return torch, compiler

    def jax() -> Any:
        import jax

        return JaxNumpy(), jax.jit

    return {"gradc": gradc, "torch": torch, "jax": jax}


def too_slow(*ignored: Any) -> None:
    raise TimeoutError(SLOW)


def judge(name: str, framework: Any, compiler: Callable[[Any], Any]) -> tuple[str, str]:
    """The outcome of one program, and what was seen. gradc must refuse with an error of its own; of others any will do.
    """
    refusals = framework.errors.GradcError if framework.__name__ == "gradc" else Exception
    program = PROGRAMS[name]
    signal.alarm(SECONDS)
    try:
        expected = watch(program, framework, lambda step: step)
        if any(isinstance(s.problem, (AttributeError, TypeError)) for s in expected):
            return ABSENT, str(expected[0].problem)
        return outcome(expected, watch(program, framework, compiler), refusals)
    except TimeoutError:
        return SLOW, ""
    except Exception as problem:  # the framework has no such thing
        return ABSENT, repr(problem)
    finally:
        signal.alarm(0)


def child(name: str) -> None:
    """Judge every program under one framework, and print a line for each."""
    signal.signal(signal.SIGALRM, too_slow)
    framework, compiler = frameworks()[name]()
    for program in PROGRAMS:
        kind, seen = judge(program, framework, compiler)
        print(json.dumps([program, kind, seen]), flush=True)


def judged(name: str) -> dict[str, str]:
    """The outcome of every program under one framework."""
    done = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True,
                          timeout=SECONDS * len(PROGRAMS))
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    if not lines:
        print(done.stderr[-2000:], file=sys.stderr)
    return {program: kind for program, kind, _ in lines}


def main() -> None:
    """Measure and write the table."""
    if len(sys.argv) > 1:
        return child(sys.argv[1])
    found = {name: judged(name) for name in frameworks() if harness.needed(name) is not None}
    counts = {name: Counter(outcomes.values()) for name, outcomes in found.items()}
    titles = {"gradc": "gradc.compile", "torch": "torch.compile", "jax": "jax.jit"}
    head = [titles[name] for name in found]
    lines = [f"| of {len(PROGRAMS)} programs | {' | '.join(head)} |", f"|---|{'--:|' * len(head)}"]
    for kind in (SAME, REFUSED, BROKEN, MISMATCH, SLOW, ABSENT):
        lines.append(f"| {kind} | {' | '.join(str(counts[name][kind]) for name in found)} |")
    lines += ["", "Silent mismatches:", ""]
    for name in found:
        wrong = sorted(program for program, kind in found[name].items() if kind == MISMATCH)
        lines.append(f"* {titles[name]}: {', '.join(wrong) or 'none'}")
    body = "\n".join(lines)
    text = f"# Functions with side effects, compiled\n\n{harness.header()}\n\n{body}\n"
    print(text)
    harness.write("impure", text)


if __name__ == "__main__":
    main()
