"""Whether a run of a function can be one program from now on, and that program."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any

from gradc.compiler.arguments import leaves
from gradc.compiler.options import Options
from gradc.compiler.rerun import Rerun
from gradc.compiler.specialisation import Specialisation
from gradc.compiler.trace import collect
from gradc.compiler.watch import Watch
from gradc.locations import UNKNOWN
from gradc.tensor import Tensor


def promoted(run: Rerun, function: Any, arguments: Any, result: Any, watch: Watch,
             options: Options) -> Specialisation | None:
    """The program that does all that a finished run did, or None; `watch.effects` then says why.

    What the run relied on becomes the program's guards.
    """
    effects = watch.effects
    if not effects and not run.flushed:
        run.guards.follow(function, leaves(arguments), watch.codes)
        for what in run.guards.unseen:
            effects.note("object", f"uses {what}, whose changes cannot be seen", UNKNOWN)
        _check_kept(run, leaves(result), watch)
    if effects or run.flushed:
        return None
    traced = collect(run, function, result, run.arguments)
    return Specialisation(traced, effects.elapsed(), options)


def _check_kept(run: Rerun, returned: Iterable[Any], watch: Watch) -> None:
    """Note tensors of the run that live on elsewhere than in the result."""
    known: set[int] = set()
    for x in [*returned, *(grad for _, grad in run.grads.values())]:
        while isinstance(x, Tensor) and id(x) not in known:
            known.add(id(x))
            x = x._view.parent if x._view is not None else None
    if any(id(x) not in known for x in run.alive()):
        gc.collect()  # a reference cycle keeps nothing
        for x in run.alive():
            if id(x) not in known:
                watch.effects.note("write", f"keeps a tensor that it made ({x.type_})", UNKNOWN)
