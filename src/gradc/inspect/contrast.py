"""Eager and ahead-of-time side by side: what one function costs in each mode, and what its graph becomes."""

from __future__ import annotations

import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from gradc import engine
from gradc.compiler.arguments import leaves, signature
from gradc.compiler.compiled import CompiledFunction, Specialisation
from gradc.compiler.stages import LoweredStage
from gradc.compiler.trace import Source, Traced, trace
from gradc.errors import GradError
from gradc.generator import Draw, Generator
from gradc.inspect import dynamic
from gradc.inspect.snapshot import Snapshot
from gradc.ir import Graph, Program, Value, flatten
from gradc.ops.drawing import default_generator
from gradc.passes.decompose import decompose
from gradc.tensor import Tensor, edge, payload

REPEATS = 20
HEADINGS = ("", "eager (NumPy)", "compiled (XLA)", "what is counted")


@dataclass(frozen=True)
class Side:
    """One mode's half of a contrast.

    Eager bytes are what tracemalloc sees, Python's own objects included; compiled bytes are XLA's account.

    Units   kept_bytes, peak_bytes: bytes beyond the arguments and the state, after a call and at most during it;
            first_seconds, seconds: of the first call, and the median of the later ones
    """

    graph: str
    nodes: int
    kernels: int
    kept_bytes: int
    peak_bytes: int
    first_seconds: float
    seconds: float


@dataclass(frozen=True)
class Contrast:
    """A function run eagerly and compiled, side by side. Printing it shows a table.

    `nodes` counts the dynamic graph against the optimised one. `kernels` counts what is launched: eagerly one for each
    op with a kernel (composites are opened) and one for each gradient function that backward runs; compiled, the
    instructions of the optimised HLO's entry that do work (fusion, dot, reduce, copy, ...).
    """

    name: str
    differentiated: bool
    """Whether a backward was run after each call, because the function returns tensors that require grad."""
    argument_bytes: int
    """Bytes of the arguments and of the state that the function reads."""
    eager: Side
    compiled: Side

    @property
    def speedup(self) -> float:
        """Eager time over compiled time, per call after the first."""
        return self.eager.seconds / self.compiled.seconds

    def __rich__(self) -> Table:
        title = f"{self.name}{' and its backward' if self.differentiated else ''}, one call"
        caption = f"Arguments and state take {in_bytes(self.argument_bytes)} in both modes."
        table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", title_style="bold",
                      box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in HEADINGS:
            table.add_column(heading, justify="right" if heading in HEADINGS[1:3] else "left",
                             style="dim" if heading == HEADINGS[3] else "")
        for row in self._rows():
            table.add_row(*row)
        return table

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        eager, compiled = self.eager, self.compiled
        faster = f"compiled takes {1 / self.speedup:.2f}× the time"
        yield "graph nodes", str(eager.nodes), str(compiled.nodes), "forward as it ran | the whole, optimised"
        yield "kernels", str(eager.kernels), str(compiled.kernels), "ops and gradient functions | HLO instructions"
        yield "memory kept", in_bytes(eager.kept_bytes), in_bytes(compiled.kept_bytes), "new results and gradients"
        yield "peak memory", in_bytes(eager.peak_bytes), in_bytes(compiled.peak_bytes), "beyond arguments and state"
        yield ("first call", in_seconds(eager.first_seconds), in_seconds(compiled.first_seconds),
               "compiled: with trace, passes and XLA")
        yield "later calls", in_seconds(eager.seconds), in_seconds(compiled.seconds), f"median; {faster}"

    def __str__(self) -> str:
        console = Console(width=100, color_system=None, force_terminal=False)
        with console.capture() as capture:
            console.print(self)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in self._rows())
        return f"<table><tr>{''.join(f'<th>{heading}</th>' for heading in HEADINGS)}</tr>{rows}</table>"


def contrast(function: Callable[..., Any], *args: Any, repeats: int = REPEATS) -> Contrast:
    """Run a function eagerly and compiled on the same arguments and say what each costs.

    A pure function that returns tensors which require grad is run forward and backward; a training step as it is.

    It traces the function, then calls it 3 + repeats times eagerly (first, later, once for the dynamic graph and once
    under tracemalloc) and 1 + repeats times compiled, in a compilation of its own. Afterwards the tensors that the
    function touches (arguments, parameters, optimizer moments), their `.grad` and the random generator are what they
    were before; moments that an optimizer makes at its first step are there afterwards, as zeros. Other effects of the
    calls, such as printing, stay.
    """
    given = function.function if isinstance(function, CompiledFunction) else function
    tensors: list[Tensor] = []
    signature((args, {}), tensors)
    traced = trace(given, args, {}, tensors)
    inputs = _Inputs(traced, tensors)
    with Snapshot(inputs.all), _generators_kept(traced):
        eager = _eager_side(given, args, inputs, repeats)
    with Snapshot(inputs.all), _generators_kept(traced):
        compiled = _compiled_side(CompiledFunction(given), args, inputs, repeats)
    return Contrast(getattr(given, "__name__", type(given).__name__), bool(inputs.wrt), inputs.nbytes, eager, compiled)


class _generators_kept:
    """Leaves the random generators that a function uses where they were."""

    def __init__(self, traced: Traced) -> None:
        drawn = [draw.generator for draw in traced.draws if isinstance(draw, Draw)]
        self.generators = {id(g): g for g in (default_generator, *drawn)}.values()

    def __enter__(self) -> None:
        self.states = [(g, Generator.get_state(g)) for g in self.generators]

    def __exit__(self, *exception: object) -> None:
        for generator, state in self.states:
            Generator.set_state(generator, state)


class _Inputs:
    """The tensors that a call reads: all of them, and those that a backward after it is taken with respect to."""

    def __init__(self, traced: Traced, arguments: list[Tensor]) -> None:
        self.traced = traced
        self.all = list({id(t): t for t in (*arguments, *traced.state)}.values())
        self.wrt = [self._find(source, arguments) for source in traced.wrt]
        self.nbytes = sum(t.nbytes for t in self.all)

    def _find(self, source: Source, arguments: list[Tensor]) -> Tensor:
        return arguments[source.index] if source.kind == "argument" else self.traced.state[source.index]

    def call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Call, run backward if there is one, and wait for everything. Returns result and gradients."""
        result = function(*args)
        gradients: Any = ()
        if self.wrt:
            made = [t for t in leaves(result) if isinstance(t, Tensor)]
            made = [made[i] for i in self.traced.differentiable] if len(made) > 1 else made
            seeds = [None if t.numel() == 1 and not t.ndim else t.new_ones(t.shape)  # type: ignore[attr-defined]
                     for t in made]
            gradients = engine.grad(made, self.wrt, seeds, allow_unused=True)
        for held in (*leaves(result), *gradients, *self.all):
            array = payload(held) if isinstance(held, Tensor) else None
            if hasattr(array, "block_until_ready"):
                array.block_until_ready()
        return result, gradients

    def seconds(self, function: Callable[..., Any], args: tuple[Any, ...]) -> float:
        start = time.perf_counter()
        self.call(function, args)
        return time.perf_counter() - start


# The eager side


def _eager_side(function: Callable[..., Any], args: tuple[Any, ...], inputs: _Inputs, repeats: int) -> Side:
    first = inputs.seconds(function, args)
    steady = median(inputs.seconds(function, args) for _ in range(repeats))
    graph = _dynamic_graph(function(*args), inputs.traced.graph)
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    kept = inputs.call(function, args)
    after, peak = tracemalloc.get_traced_memory()
    if not was_tracing:
        tracemalloc.stop()
    del kept
    return Side(str(graph), len(graph.nodes), eager_kernels(inputs.traced.graph), after - before, peak - before,
                first, steady)


def _dynamic_graph(result: Any, written: Graph) -> Graph:
    """The dynamic graph behind the first result that has one; the graph as it was written where none has."""
    for tensor in leaves(result):
        if isinstance(tensor, Tensor) and edge(tensor) not in (None, tensor):
            try:
                return dynamic.graph(tensor)
            except GradError:  # made by compiled code
                continue
    return written


def eager_kernels(graph: Graph) -> int:
    """How many kernels eager mode launches for a traced graph: one per op and one per gradient function.

    Composites are opened, as eager mode opens them. Views and detach, which only make new headers, do not count.
    """
    forward = graph.replace(nodes=tuple(n for n in graph.nodes if n.op.name != "gradient"))
    launched = [n for n in decompose(forward).nodes if not n.op.view and n.op.name != "constant"]
    gradients = [n for n in graph.nodes if n.op.name == "gradient"]
    return len(launched) + sum(_gradient_functions(graph, node.inputs, node.attrs) for node in gradients)


def _gradient_functions(graph: Graph, operands: tuple[Any, ...], attrs: Any) -> int:
    """The number of nodes between targets and outputs: those whose gradient function a backward runs."""
    count = attrs["of"]
    outputs, targets = operands[:count], operands[2 * count if attrs["seeded"] else count:]
    depending = {x for x in targets if isinstance(x, Value)}
    for node in graph.nodes:
        if node.op.name != "detach" and any(v in depending for v in node.reads):
            depending.update(v for v in node.outputs if v.dtype.is_differentiable)
    needed = {x for x in outputs if isinstance(x, Value)}
    visited = 0
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(node.outputs) and not depending.isdisjoint(node.outputs):
            visited += 1
            needed.update(node.reads)
    return visited


# The compiled side


def _compiled_side(function: CompiledFunction, args: tuple[Any, ...], inputs: _Inputs, repeats: int) -> Side:
    import jax.numpy

    jax.devices()  # importing JAX and finding its devices is not the function's cost
    first = inputs.seconds(function, args)
    steady = median(inputs.seconds(function, args) for _ in range(repeats))
    made = function.last
    programs = [LoweredStage(made).compile().compiled]
    if made.backward is not None:
        programs.append(made.backward.lowered.lower().compile())
    kept, peak = _compiled_memory([program.memory_analysis() for program in programs])
    kernels = sum(hlo_kernels(program.as_text()) for program in programs)
    return Side(str(made.final), _optimised_nodes(made), kernels, kept, peak, first, steady)


def _compiled_memory(accounts: list[Any]) -> tuple[int, int]:
    """The bytes kept after the programs have run one after the other, and their peak, beyond the arguments."""
    kept = peak = 0
    for account in accounts:
        new = account.output_size_in_bytes - account.alias_size_in_bytes
        peak = max(peak, kept + new + account.temp_size_in_bytes)
        kept += new
    return kept, peak


def _optimised_nodes(made: Specialisation) -> int:
    final = made.final
    graphs = [final.forward, final.backward] if isinstance(final, Program) else [final]
    return sum(node.op.name != "free" for graph in graphs for node in flatten(graph).nodes)


_OPCODE = re.compile(r" = .*? ([a-z][a-z0-9-]*)\(")
_BOOKKEEPING = frozenset({"parameter", "constant", "bitcast", "tuple", "get-tuple-element", "after-all"})


def hlo_kernels(text: str) -> int:
    """The instructions of an optimised HLO module's entry computation that do work."""
    entry = text.partition("\nENTRY ")[2].partition("\n}")[0]
    opcodes = (_OPCODE.search(line) for line in entry.splitlines()[1:])
    return sum(found is not None and found[1] not in _BOOKKEEPING for found in opcodes)


# Numbers for people


def in_bytes(count: float) -> str:
    """`27.4 KB`."""
    for unit in ("B", "KB", "MB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def in_seconds(seconds: float) -> str:
    """`213 µs`."""
    for limit, scale, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds:.3g} s"
