"""What a program of the suite is: a step to be called several times, and what can be observed around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PROGRAMS: dict[str, Callable[[Any], Case]] = {}
"""Every program by its name: a function of a framework (gradc, torch, or jax.numpy) that makes a fresh Case."""


@dataclass
class Case:
    """`step` is called with `arguments(i)`, which also does what happens between the calls.

    Observed are `view(result)`, the arguments after the call, `state()`, what is printed, and warnings.
    """

    step: Callable[..., Any]
    arguments: Callable[[int], tuple[Any, ...]]
    state: Callable[[], Any] = lambda: None
    view: Callable[[Any], Any] = lambda result: result


def impure(program: Callable[[Any], Case]) -> Callable[[Any], Case]:
    """Enter a program into the suite."""
    assert program.__name__ not in PROGRAMS, program.__name__
    PROGRAMS[program.__name__] = program
    return program


class Noticed(UserWarning):
    """The category of the warnings that programs give."""
