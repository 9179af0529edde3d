"""A compiled graph on NumPy, without XLA: one Python function, region by region, that frees and reuses memory.

source.py prints each node; here is what a whole program needs besides. A region of large arrays is a function of its
own that works by tiles, see tiles.py. Every other node is a line. What a line reads for the last time dies behind it,
or is where its result is written: `d_w = np.multiply(d_w, lr, out=d_w)`. So the function needs the memory that is
alive, and fewer pages of it are new.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from gradc.backends.numpy import whole
from gradc.backends.source import NUMPY, SPECIAL, Source, compiled, constant, name
from gradc.backends.tiles import tiled
from gradc.errors import UnsupportedError
from gradc.expression import Expression
from gradc.ir import Graph, Node, Operand, Value
from gradc.ir.traits import is_block
from gradc.ops.base import NARROW, Op, Pointwise
from gradc.ops.reduction import Reduction
from gradc.quiet import QUIET
from gradc.tensor import wrap

REUSED = 1 << 14
"""Bytes of an array whose memory is worth taking over: for less, the keyword costs more than new memory."""

NEW = {"where", "dot", "matmul", "concatenate", "stack", "take", "take_along_axis", "cumsum", "cumprod", "sort",
       "argsort", "argmax", "argmin", "mean", "var", "std", "clip", "sum", "max", "min", "prod", "all", "any",
       "repeat", "tile", "full_like", "zeros_like", "ones_like", "copy", "astype"}
"""Functions of NumPy, besides ufuncs, whose results have memory of their own."""


class NumpyProgram:
    """A graph as the source of a NumPy function, and that function. What backends/jax.py's `Lowered` is for XLA.

    Called with arrays, it returns a tuple of arrays. They share no memory with each other nor with the operands,
    except that two saved values may share theirs.
    """

    tensor = staticmethod(wrap)
    """A result as a tensor."""

    def __init__(self, graph: Graph) -> None:
        lines = Lines()
        body = lines.function(graph)
        self.source = f"import numpy as np\n\n\n{body}\n"
        names: dict[str, Any] = {"__name__": "gradc.generated", "np": Op.namespace, "ml_dtypes": ml_dtypes,
                                 "special": SPECIAL, "own": own, **lines.kernels, **lines.numbers}
        exec(compiled(body), names)
        self.function: Callable[..., tuple[Any, ...]] = names[graph.name]
        self.types = [v.type for v in graph.inputs]

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        try:
            return self.function(*arrays)
        except QUIET:  # the user turned NumPy's floating point warnings into errors; gradc's own must not raise
            with np.errstate(all="ignore"):
                return self.function(*arrays)

    def lower(self) -> Any:
        """There is nothing for XLA. Raises UnsupportedError."""
        raise UnsupportedError("compile(backend=\"numpy\") makes no XLA program: its source is as_text(\"jax\"), which "
                               "is NumPy's here\n    compile(backend=\"xla\") makes one.")

    jaxpr = lower


def own(x: Any, *inputs: Any) -> Any:
    """An array as a result: itself, or a copy where its memory is one of these inputs', or cannot be written."""
    array = np.asarray(x)
    flags = array.flags
    alone = not any([array is other for other in inputs]) if flags.owndata else not inputs and flags.forc
    return array if alone and flags.writeable else array.copy()


def _narrow(op: Any, attrs: Any, *arrays: Any) -> Any:
    """An op on half precision as eager mode computes it."""
    return op.computed(op.promoted([np.asarray(x) if isinstance(x, np.generic) else x for x in arrays]), attrs)


@dataclass(slots=True)
class Line:
    """The text that computes the results of a node; `call` is the ufunc that it ends with, and its arguments."""

    node: Node
    text: str
    call: tuple[str, tuple[str, ...]] | None = None
    new: bool = False
    """Whether the results share no memory with the operands."""


class Lines(Source):
    """The lines of a program."""

    def __init__(self) -> None:
        super().__init__(NUMPY, hoists=True)

    def function(self, graph: Graph, comments: bool = True) -> str:
        """The source of `graph` as `def name(inputs): …`."""
        self.last: Line | None = None
        lines = list(self.lines(graph.nodes))
        hoisted = {v for v in self.numbers}
        deaths = _deaths(lines, graph)
        aliasing = {v for line in lines if not line.new for v in line.node.reads}
        new = {v for line in lines if line.new for v in line.node.outputs} - aliasing
        text = [f"def {graph.name}({', '.join(name(v) for v in graph.inputs)}):"]
        for line, dying in zip(lines, deaths, strict=True):
            targets = [name(v) if is_block(line.node) else _variable(v) for v in line.node.outputs]
            target = "".join([f"{', '.join(dict.fromkeys(targets))} = "] if targets else [])
            code = f"    {target}{_reusing(line, [v for v in dying if v in new])}"
            text += [f"    {inner}" for region in line.node.regions if not is_block(line.node)
                     for inner in self.region(region, comments)]
            text.append(f"{code}  # {line.node.loc}" if line.node.loc.line else code)
            gone = dict.fromkeys(_variable(v) for v in dying)
            gone = [v for v in gone if v not in hoisted]
            if gone:
                text.append(f"    del {', '.join(gone)}")
        results = self.results(graph, lines)
        text.append(f"    return ({', '.join(results)}{',' * (len(results) == 1)})")
        return "\n".join(text)

    def lines(self, nodes: Sequence[Node]) -> Iterator[Line]:
        for node in nodes:
            if node.op.name == "free":
                continue  # each line frees by itself, what is inside of a region too
            if is_block(node):
                yield from self.block(node)
            elif not node.inputs and len(node.outputs) == 1 and not node.regions:
                self.numbers[name(node.outputs[0])] = constant(node)
            else:
                yield self.line(node)

    def block(self, node: Node) -> Iterator[Line]:
        """A region as one call, where tiles are worth it, or line by line."""
        region = node.regions[0]
        narrow = any(v.dtype.numpy in NARROW for inner in region.nodes for v in (*inner.reads, *inner.outputs))
        by_tiles = None if narrow or any(map(is_block, region.nodes)) else tiled(region, whole)
        if by_tiles is None:
            yield from self.lines(region.nodes)
            return
        self.kernels[region.name] = by_tiles
        call = f"{region.name}({', '.join(map(self.operand, node.inputs))})"
        single = len(node.outputs) == 1
        new = all([isinstance(inner.op, (Pointwise, Reduction)) and self.line(inner).new for inner in region.nodes])
        yield Line(node, f"{call}[0]" if single else call, None, new)

    def line(self, node: Node) -> Line:
        self.printed: Any = None
        text = self.expression(node)
        found = Line(node, text)
        call = self.printed.call if isinstance(self.printed, Expression) else None
        if call is not None:
            function = _function(call[0])
            found.new = isinstance(function, np.ufunc) or call[0].endswith(".reduce") or call[0] in NEW
            elementwise = isinstance(function, np.ufunc) and function.signature is None  # matmul is a ufunc as well
            if elementwise and call[0] != "power":  # x ** 2 is not np.power(x, 2), but quicker
                found.call = call
        return found

    def text(self, node: Node, printed: Any) -> str:
        self.printed = printed
        return super().text(node, printed)

    def expression(self, node: Node) -> str:
        op: Any = node.op
        if not node.regions and any(v.dtype.numpy in NARROW for v in node.reads):
            called = f"_{op.name}_{len(self.kernels)}"
            self.kernels[called] = functools.partial(_narrow, op, node.attrs)
            return f"{called}({', '.join(map(self.operand, node.inputs))})"
        return super().expression(node)

    def results(self, graph: Graph, lines: Sequence[Line]) -> list[str]:
        """What is returned: each with memory of its own, but that saved values may share theirs."""
        roots: dict[Operand, set[Any]] = {v: {v} for v in graph.inputs}
        for line in lines:
            below = {line.node} if line.new else {line.node}.union(*[roots.get(v, {v}) for v in line.node.reads])
            for i, value in enumerate(line.node.outputs):
                roots[value] = {(line.node, i)} if line.new else below
        new = {v for line in lines if line.new for v in line.node.outputs if v.shape}
        seen: set[Any] = set()
        found = []
        for i, value in enumerate(graph.outputs):
            text, below = self.operand(value), roots.get(value, {value})
            if value not in roots or value in graph.inputs or not below.isdisjoint(seen):
                text = f"np.array({text})"
            elif value not in new:
                text = f"own({', '.join([text, *[name(v) for v in graph.inputs if v in below]])})"
            if i < len(graph.outputs) - graph.saved:
                seen |= below
            found.append(text)
        return found


def _function(called: str) -> Any:
    """NumPy's function of a name."""
    return getattr(np, called, None) if "." not in called else None


def _variable(value: Value) -> str:
    return name(value).partition("[")[0]


def _deaths(lines: Sequence[Line], graph: Graph) -> list[list[Value]]:
    """For each line the values that nobody needs behind it; of a tuple all parts, or none."""
    kept = {_variable(v) for v in (*graph.inputs, *graph.outputs) if isinstance(v, Value)}
    found: list[list[Value]] = []
    for line in reversed(lines):
        values = [*dict.fromkeys((*line.node.reads, *line.node.outputs))]
        dying = [v for v in values if _variable(v) not in kept]
        kept.update(map(_variable, dying))
        found.append(dying)
    return found[::-1]


def _reusing(line: Line, dying: Sequence[Value]) -> str:
    """The text of a line that writes its result where a value lies that dies with it, if there is one of its type."""
    if line.call is None or len(line.node.outputs) != 1:
        return line.text
    result = line.node.outputs[0]
    if math.prod(result.shape) * result.dtype.itemsize < REUSED or not result.shape:
        return line.text
    target = next((v for v in dying if v.type == result.type and v is not result), None)
    if target is None:
        return line.text
    function, arguments = line.call
    return f"np.{function}({', '.join(arguments)}, out={name(target)})"
