"""Faults seeded into passes and rules, one at a time, and which of the checks catch each.

    python tests/passes/mutations.py        # writes benchmarks/results/mutations.md

A fault is a small change of one function's source, or of one rule. It is caught by a check that fails, or that cannot
even run. A fault whose text is not in the source any more is to be mended here, where the pass has changed.
"""

from __future__ import annotations

import contextlib
import inspect
import random
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from graphs import numbers
from test_golden import FILES, RUN, read
from test_pipeline import FUNCTIONS, inputs, program, traced_function
from test_rules import RULES, test_both_sides_are_equal

import gradc
from gradc.compiler.checking import check_stages, difference, outputs_of
from gradc.ir import Graph, parse, verify, walk
from gradc.ops.activation import sigmoid, softplus
from gradc.ops.arithmetic import maximum
from gradc.ops.elementary import exp, expm1, log, sqrt
from gradc.passes import (
    building,
    cse,
    dce,
    decompose,
    differentiate,
    fold,
    free,
    fuse,
    rewriting,
    simplify,
    split,
    templates,
)
from gradc.passes.pipeline import PASSES, run


@dataclass(frozen=True)
class Fault:
    """A text in the source of a function, and what stands there instead."""

    function: Any
    old: str
    new: str

    @property
    def name(self) -> str:
        where = inspect.unwrap(self.function)
        return f"{where.__module__.removeprefix('gradc.').removeprefix('passes.')}.{where.__qualname__}: " \
               f"`{self.old}` → `{self.new}`"

    @contextlib.contextmanager
    def seeded(self) -> Iterator[None]:
        """The function has the fault inside."""
        function = inspect.unwrap(self.function)
        source = textwrap.dedent(inspect.getsource(function))
        source = source[source.index("def ") :]  # without decorators
        assert self.old in source, f"{self.old!r} is not in {function.__qualname__} any more"
        names = dict(function.__globals__)
        exec(compile(f"from __future__ import annotations\n{source.replace(self.old, self.new, 1)}", "<fault>", "exec"),
             names)
        before = function.__code__
        function.__code__ = names[function.__name__].__code__
        try:
            yield
        finally:
            function.__code__ = before


@dataclass(frozen=True)
class WrongRule:
    """A rule with another right side."""

    rule: str
    right: Callable[..., Any]
    shown: str

    @property
    def name(self) -> str:
        return f"rule {self.rule}: right side `{self.shown}`"

    def made(self) -> tuple[int, rewriting.Rule]:
        """The place of the rule among all, and the wrong one."""
        place = next(i for i, rule in enumerate(RULES) if rule.name == self.rule)
        old = RULES[place]
        assert old.left is not None
        return place, rewriting.theorem(old.name, old.left, self.right, error=old.error, only=old.only, kinds=old.kinds,
                                        when=old.when, unless=old.unless)

    @contextlib.contextmanager
    def seeded(self) -> Iterator[None]:
        """The rule is wrong inside."""
        place, wrong = self.made()
        old, RULES[place] = RULES[place], wrong
        try:
            yield
        finally:
            RULES[place] = old


def faults() -> list[Fault | WrongRule]:
    """All of them."""
    reverse, pattern = differentiate._Reverse, rewriting._Pattern
    return [
        Fault(cse._key, "if node.op.commutative:", "if True:"),
        Fault(cse._key, "if not node.attrs:", "if True:"),
        Fault(cse._key, "for x in node.inputs]", "for x in node.inputs[:1]]"),
        Fault(cse._key, "return node.op.name, *operands, tuple", "return operands and operands[0], tuple"),
        Fault(cse.identity, "return type(x).__name__, repr(x)", "return repr(x).rstrip('.0')"),
        Fault(cse.cse, "builder.nodes.pop()", "pass"),
        Fault(dce.dce, "live.update(node.inputs)", "live.update(node.inputs[:1])"),
        Fault(dce.dce, "graph.outputs", "graph.outputs[:1]"),
        Fault(dce.dce, "graph.outputs", "graph.results"),
        Fault(dce.dce, "not live.isdisjoint(node.outputs)", "True"),
        Fault(decompose.decompose, "while any(", "if any("),
        Fault(decompose.decompose, "[builder.current(x) for x in node.inputs]", "[*node.inputs]"),
        Fault(decompose.decompose, "[builder.current(x) for x in node.inputs]",
              "[builder.current(x) for x in node.inputs[::-1]]"),
        Fault(decompose.decompose, "dict(node.attrs)", "dict(node.op.defaults)"),
        Fault(simplify._settle, "waiting.extend(reversed(recorded))", "waiting.extend(recorded)"),
        Fault(simplify._settle, "builder.mapping[kept.outputs[0]] = found", "pass"),
        Fault(simplify._rewritten, "result.type == node.outputs[0].type", "True"),
        Fault(pattern._match_node, "pattern.op is not node.op", "False"),
        Fault(pattern._match_node, 'pattern.op.commutative', "True"),
        Fault(pattern._match_attrs, "if expected is not x and identity(expected) != identity(x):", "if False:"),
        Fault(pattern._match_attrs, "bound.setdefault(name, x)", "x"),
        Fault(pattern._match, "return operand == pattern and", "return"),
        Fault(pattern._match, "operand is not None and identity(bound.setdefault(pattern, operand)) ==",
              "bound.setdefault(pattern, operand) is not None or"),
        Fault(fold._computed, "if array.size and", "if array.size or"),
        Fault(fold._computed, ".astype(result.dtype.numpy)", ".astype(np.float32)"),
        Fault(fold._foldable, "isinstance(x, Value) and x not in known", "False"),
        Fault(fold._value, "np.full(shape, node.attrs[\"value\"]", "np.full(shape, 1"),
        Fault(free.free, "last[value] = i", "last.setdefault(value, i)"),
        Fault(free.free, "{*graph.outputs, *graph.inputs}", "{*graph.inputs}"),
        Fault(free.free, "if i in dying:", "if i in dying and i % 2:"),
        Fault(fuse._links, "shapes[i] == shapes[j]", "True"),
        Fault(fuse._levels, "levels[j] + 1)", "levels[j])"),
        Fault(fuse._read_outside, "set(graph.outputs)", "set()"),
        Fault(fuse._kernel_shape, "node.op.pointwise and", ""),
        Fault(reverse.add, "if held is not None:", "if False:"),
        Fault(reverse.visit, "self.add(operand, g)", "self.cotangents.setdefault(operand, g)"),
        Fault(reverse.one, "ones_like", "zeros_like"),
        Fault(differentiate._expand, "if seed is None else seed", ""),
        Fault(differentiate._expand, "in reversed(between)", "in between"),
        Fault(differentiate.expand_gradients, "if not again:", "if again:"),
        Fault(differentiate._attached, "if node.op.detaches:", "if False:"),
        Fault(differentiate._depending, "_flows(node, depending)", "True"),
        Fault(split.split, "(*results, *read), saved=len(read)", "(*read, *results), saved=len(read)"),
        Fault(split.split, "*graph.updated)", ")"),
        Fault(split._needed, "live.update(x for x in node.inputs if x not in given)", "live.update(node.inputs[:1])"),
        Fault(building.Builder.keep, "for x in node.inputs]", "for x in node.inputs[::-1]]"),
        Fault(templates._signature, "if place == i else place", ""),
        Fault(templates.Templates.record, "_signature(operands)", "len(operands)"),
        Fault(templates._Template.fill, "values += outputs", "values += outputs[:1]"),
        Fault(building.Builder.finish, "tuple(map(self.current, changes", "tuple((changes"),
        Fault(walk.fresh_names, "used.add(name)", "pass"),
        WrongRule("add_neg", lambda x, y: x + y, "x + y"),
        WrongRule("sub_neg", lambda x, y: y - x, "y - x"),
        WrongRule("mul_neg_neg", lambda x, y: -(x * y), "-(x * y)"),
        WrongRule("neg_sub", lambda x, y: x - y, "x - y"),
        WrongRule("div_neg_neg", lambda x, y: y / x, "y / x"),
        WrongRule("neg_neg", lambda x: abs(x), "abs(x)"),
        WrongRule("sub_zero", lambda x: maximum(x, 0), "maximum(x, 0)"),
        WrongRule("log_sigmoid", lambda x: -softplus(x), "-softplus(x)"),
        WrongRule("log_sigmoid", lambda x: -log(1 + exp(-x)), "-log(1 + exp(-x))"),
        WrongRule("exp_minus_one", lambda x: expm1(-x), "expm1(-x)"),
        WrongRule("one_minus_sigmoid", lambda x: sigmoid(x), "sigmoid(x)"),
        WrongRule("reciprocal_sqrt", lambda x: sqrt(x), "sqrt(x)"),
    ]


# Checks: each raises for a fault


def by_theorems(fault: Fault | WrongRule) -> None:
    """Both sides of the rule are equal on random and special values."""
    if isinstance(fault, WrongRule):
        for kind in (np.float64, np.float32):
            test_both_sides_are_equal(fault.made()[1], kind)


@cache
def dumps() -> list[tuple[str, Graph, str]]:
    """The golden dumps: pass, graph before, text after."""
    return [(path.stem.partition("_")[0], *read(path)[1:]) for path in FILES]


def by_dumps(fault: Fault | WrongRule) -> None:
    """The golden dumps come out as they are written."""
    for name, before, text in dumps():
        assert RUN[name](before).replace(name="after") == parse(text), name


@cache
def graphs() -> list[Graph]:
    """The traced functions of the tests of the pipeline."""
    return [traced_function(function) for function in FUNCTIONS]


def by_verifier(fault: Fault | WrongRule) -> None:
    """What each pass makes of functions, and of the graphs of the dumps, is well formed."""
    for graph in graphs():
        run(graph, check=True)
    for name, before, _ in dumps():
        verify(RUN[name](before))


def by_interpreter(fault: Fault | WrongRule) -> None:
    """What each pass makes of functions, and of the graphs of the dumps, gives the same numbers."""
    for graph in graphs():
        compare(graph)
    for name, before, _ in dumps():
        if name != "batch":
            given = [numbers(v.type, np.random.default_rng(0)) for v in before.inputs]
            for a, b in zip(outputs_of(before, given), outputs_of(RUN[name](before), given), strict=True):
                assert difference(a, b) is None, name


def compare(graph: Graph, passes: Any = PASSES, check: bool = False) -> None:
    """Run the graph before and after each pass on random inputs. Raises CheckError where the numbers differ.

    `check` verifies every graph as well.
    """
    generator = np.random.default_rng(1)
    given = [numbers(v.type, generator) for v in graph.inputs]
    named = {each.__name__: each for each in passes}
    check_stages([(s.name, named.get(s.name), s.graph) for s in run(graph, passes, check)], given)


@cache
def random_graphs() -> list[Graph]:
    """Random programs with their gradients."""
    source = random.Random(0)
    found = []
    for _ in range(20):
        steps = [(source.randrange(41), source.randrange(1000), source.randrange(1000)) for _ in range(12)]
        found.append(gradc.make_ir(program(steps))(*inputs([(2, 3), (3,), ()])))
    return found


def by_random_graphs(fault: Fault | WrongRule) -> None:
    """What the passes make of random graphs, in a random order, gives the same numbers."""
    source = random.Random(0)
    for graph in random_graphs():
        compare(graph, in_random_order(source))


def in_random_order(source: random.Random) -> tuple[Any, ...]:
    """All passes twice, in any order: gradients may come last, and what `fuse` and `free` made may be opened again."""
    return tuple(source.sample([*PASSES, *PASSES], 2 * len(PASSES)))


CHECKS = {"verifier": by_verifier, "dumps": by_dumps, "theorems": by_theorems, "interpreter": by_interpreter,
          "random graphs": by_random_graphs}


def catches(check: Callable[[Any], None], fault: Fault | WrongRule) -> bool:
    """Whether a check fails with the fault, for any reason."""
    with fault.seeded(), np.errstate(all="ignore"):
        try:
            check(fault)
        except Exception:
            return True
    return False


def table() -> str:
    """A line for each fault, with the checks that catch it."""
    lines = [f"| Fault | {' | '.join(CHECKS)} |", f"|---|{':-:|' * len(CHECKS)}"]
    for fault in faults():
        marks = ["●" if catches(check, fault) else "" for check in CHECKS.values()]
        print(fault.name, marks, flush=True)
        lines.append(f"| {fault.name} | {' | '.join(marks)} |")
    return "\n".join(lines)


def main() -> None:
    """Write the table."""
    for check in CHECKS.values():
        check(None)  # type: ignore[arg-type]
    found = faults()
    text = (f"# Faults seeded into the passes, and the checks that catch them\n\n{len(found)} faults, made by "
            f"`python tests/passes/mutations.py`.\n\n{table()}\n")
    (Path(__file__).parents[2] / "benchmarks" / "results" / "mutations.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
