"""What the optimiser does: nodes, FLOPs and bytes before and after each pass, and the time of compiled steps with it.

    python benchmarks/optimiser.py

The passes are shown for the step of every example. The times are those of the steps of peers.py: each runs compiled
with all passes, compiled without those that can be left out, and as written by hand for jax.jit; they take turns in one
process.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any

import harness
from peers import PEERS, Peer

import gradc
from gradc.compiler.history import HEADINGS, Row, cells, rows
from gradc.passes import without
from gradc.tensor import payload

BARE = [without(name) for name in ("simplify", "fold", "cse", "dce", "fuse", "schedule", "free")]

EXAMPLES = ("cnn", "custom_gradient", "digits", "edit_the_gradient", "gan", "gpt", "logistic_regression",
            "lstm_language_model", "neural_ode", "per_example_gradients", "resnet18", "scan_rnn", "see_the_gradient",
            "vae")
"""Those that take a step that can be one program. policy_gradient goes on until all poles have fallen; tutorial and
why_is_my_gradient_zero show eager mode."""


# The passes, for every example


@contextlib.contextmanager
def recorded() -> Iterator[list[Any]]:
    """The functions that are compiled inside."""
    made: list[Any] = []
    compile = gradc.compile

    def noted(*args: Any, **options: Any) -> Any:
        found = compile(*args, **options)
        if not args:
            return lambda function: noted(function, **options)
        made.append(found)
        return found

    gradc.compile = noted
    try:
        yield made
    finally:
        gradc.compile = compile


def compiled_step(name: str) -> Any:
    """The compiled function of an example, called once; where it compiles nothing, its `step` compiled."""
    arguments, sys.argv = sys.argv, [name, "--compile", "--epochs=1"]
    try:
        with recorded() as made, contextlib.redirect_stdout(io.StringIO()):
            names = harness.example(name, gradc)
            if "main" in names:
                names["main"](1)
            elif not made:
                step = names["step"] = gradc.compile(names["step"])
                next(names["train"](1)) if "train" in names else step(names["parameters"])
    finally:
        sys.argv = arguments
    return made[0]


def passes(name: str) -> str:
    """An example's table: a line for each pass that changed something, with what it was and became."""
    program = compiled_step(name).last
    table = rows(program.stages, program.seconds)
    lines = [f"## {name}", "", f"| {' | '.join(HEADINGS)} |", f"|---|{'--:|' * (len(HEADINGS) - 1)}"]
    lines += [f"| {' | '.join(cells(row))} |" for row in table if row.before != row.after]
    same = [row.name for row in table if row.before == row.after]
    first, last = table[_gradients(table)], table[-1]
    shares = ", ".join(f"{name} {getattr(last.after, name) / max(getattr(first.after, name), 1):.0%}"
                       for name in ("nodes", "flops", "bytes", "peak"))
    return "\n".join([*lines, "", f"Of what `{first.name}` gave: {shares}. No change by {', '.join(same) or 'none'}."])


def _gradients(table: list[Row]) -> int:
    """The row from which on passes make the graph better: that of `decompose`, where all kernels are seen."""
    return next(i for i, row in enumerate(table) if row.name == "decompose")


# The times


def times(name: str, peer: Peer) -> str:
    """A line with the times of a step."""
    jax = harness.needed("jax")
    enter = gradc.compile(lambda x: x.clone())  # what a compiled function returns is jax's, as jax's operands are
    given = [enter(gradc.tensor(x)) for x in peer.arrays]
    for x in given[len(peer.data) :]:
        x.requires_grad_(not peer.whole)
    optimised, bare = gradc.compile(peer.step()), gradc.compile(peer.step(), passes=BARE)
    jitted, constants = jax.jit(peer.jax_step()), [jax.numpy.asarray(x) for x in peer.arrays]

    def finished(results: Any) -> list[Any]:
        """The results where they lie, when they are there: to read gradients would cost a copy."""
        arrays = [payload(x) if isinstance(x, gradc.Tensor) else x for x in jax.tree.leaves(results)]
        return jax.block_until_ready(arrays)

    calls = {"all": lambda: finished(optimised(*given)), "bare": lambda: finished(bare(*given)),
             "jax.jit": lambda: finished(jitted(*constants))}
    case = harness.measure(harness.Case(name, calls, tolerance=2e-3), blocks=25, block_seconds=0.01)
    base = case.medians["jax.jit"]
    cells = " | ".join(f"{seconds * 1e6:.0f}" for seconds in case.medians.values())
    return f"| {name} | {cells} | {case.medians['all'] / base:.2f} | {case.medians['bare'] / base:.2f} |"


def main() -> None:
    """Measure and write the tables."""
    parts = [f"# The optimiser\n\n{harness.header()}\n\nThe time of a step compiled with all passes, without those "
             "that can be left out (simplify, fold, cse, dce, fuse, schedule, free), and of jax.jit of the same "
             "function written by hand, in µs; and the first two as multiples of the last.\n\n"
             "| | all passes | without | jax.jit | all / jax.jit | without / jax.jit |\n|---|--:|--:|--:|--:|--:|\n"]
    for name, peer in PEERS.items():
        parts[0] += times(name, peer) + "\n"
        print(parts[0].splitlines()[-1], flush=True)
    parts.append("# What each pass does\n\nThe step of every example in examples/, forward, backward and the "
                 "optimizer's update in one graph: a line for each pass that changed something.\n")
    for name in EXAMPLES:
        parts.append(passes(name))
        print(parts[-1], flush=True)
    harness.write("optimiser", "\n\n".join(part.rstrip() for part in parts) + "\n")


if __name__ == "__main__":
    main()
