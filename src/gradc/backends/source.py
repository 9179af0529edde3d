"""A graph as the source of one Python function over NumPy or jax.numpy.

Each node is one line: its kernel, printed (see expression.py). A kernel that is more than one expression prints as a
call of itself; `namespace` then holds it under that name.
"""

from __future__ import annotations

import functools
import keyword
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from gradc.expression import Expression, Namespace, Unprintable, literal
from gradc.ir import Graph, Node, Value
from gradc.ops.base import Pointwise
from gradc.ops.namespace import Special


@dataclass(frozen=True)
class Target:
    """An array library to print for: the name it is imported under and the modules that kernels may use of it."""

    prefix: str
    modules: dict[str, str]
    lowers: bool
    """Whether it takes an op's `lower` in place of its `kernel`, where there is one."""


NUMPY = Target("np", {"special": "special", "linalg": "np.linalg", "fft": "np.fft"}, lowers=False)
JAX = Target("jnp", {"special": "special", "lax": "lax", "linalg": "jnp.linalg", "fft": "jnp.fft"}, lowers=True)


class Source:
    """The lines of a function, and the kernels that they call by name.

    With `hoists`, what does not depend on the inputs is computed once, and found under a name, in `numbers`. A number
    in a pointwise op is a 0-d array there: NumPy needs half the time to combine an array with that.
    """

    def __init__(self, target: Target, hoists: bool = False) -> None:
        self.target = target
        self.hoists = hoists
        self.numbers: dict[str, Any] = {}
        self.xp = Namespace(target.prefix, target.modules)
        self.kernels: dict[str, Any] = {}

    def function(self, graph: Graph, comments: bool = True) -> str:
        """The source of `graph` as `def name(inputs): …`."""
        head = f"def {graph.name}({', '.join(name(v) for v in graph.inputs)}):"
        lines = [head, *(f"    {line}" for line in self.body(graph, comments))]
        results = ", ".join(self.operand(v) for v in graph.outputs)
        lines.append(f"    return ({results}{',' if len(graph.outputs) == 1 else ''})")
        return "\n".join(lines)

    def body(self, graph: Graph, comments: bool) -> Iterator[str]:
        for node in graph.nodes:
            if node.op.name == "free":
                continue  # XLA frees by itself, and NumPy functions are short
            if self.hoists and not node.inputs and len(node.outputs) == 1:
                self.numbers[name(node.outputs[0])] = constant(node)
                continue
            if getattr(node.op, "region", None) == "block":
                if comments:
                    yield f"# {node.regions[0].name}"
                yield from self.body(node.regions[0], comments)
                continue
            for region in node.regions:
                yield from self.region(region, comments)
            text = f"{', '.join(name(v) for v in node.outputs[:1])} = {self.expression(node)}"
            if len(node.outputs) > 1 or "[" in node.outputs[0].name:
                base = node.outputs[0].name.partition("[")[0]
                text = f"{base} = {self.expression(node)}"
            yield f"{text}  # {node.loc}" if comments and node.loc.line else text

    def region(self, region: Graph, comments: bool) -> Iterator[str]:
        """A closed region as a function inside of this one. What it makes without operands it makes at every call."""
        inner = Source(self.target)
        inner.kernels = self.kernels
        yield from inner.function(region, comments).split("\n")

    def expression(self, node: Node) -> str:
        """The right-hand side of a node's line."""
        op: Any = node.op
        kernel = op.lower if self.target.lowers and getattr(op, "lower", None) else op.kernel
        if getattr(op, "complex_kernel", None) and any(isinstance(v, Value) and v.type.dtype.is_complex
                                                       for v in node.inputs):
            kernel = op.complex_kernel
        if kernel is None:
            raise Unprintable(f"{op.name} has no kernel: it must be decomposed first")
        operands = [self.expression_of(v) for v in node.inputs]
        if node.regions:
            functions = [Expression(region.name, prefix=self.target.prefix) for region in node.regions]
            return self.call(op, kernel, [*functions, *operands], node.attrs)
        if self.hoists and isinstance(op, Pointwise) and not op.specialises:
            operands = self.hoisted(op, node.inputs, operands)
        try:
            printed = kernel(self.xp, *operands, **node.attrs)
            if isinstance(printed, tuple):
                raise Unprintable("a kernel with several results, which may share work")
            return self.text(node, printed)
        except Unprintable:
            return self.call(op, kernel, operands, node.attrs)

    def text(self, node: Node, printed: Any) -> str:
        """The right-hand side of a node whose kernel is one expression."""
        return printed.text if isinstance(printed, Expression) else literal(printed, self.target.prefix)

    def hoisted(self, op: Pointwise, inputs: Sequence[Any], operands: list[Any]) -> list[Any]:
        """The operands with 0-d arrays, by name, in place of numbers."""
        if all(isinstance(v, Value) or v is None for v in inputs):
            return operands
        computed = op.compute_dtype([v.type if isinstance(v, Value) else v for v in inputs])
        found = []
        for operand in operands:
            if type(operand) in (int, float):
                named = f"number_{len(self.numbers)}"
                self.numbers[named] = np.array(operand, computed.numpy)
                operand = Expression(named, prefix=self.target.prefix)
            found.append(operand)
        return found

    def call(self, op: Any, kernel: Any, operands: list[Any], attrs: Any) -> str:
        """A call of a kernel by the name of its op; attributes that have no source text are bound to it."""
        try:
            written = [literal(x, self.target.prefix) for x in operands]
            written += [f"{key}={literal(value, self.target.prefix)}" for key, value in attrs.items()]
            called = op.name
            self.kernels[called] = kernel
        except Unprintable:
            called = f"_{op.name}_{len(self.kernels)}"  # no value's name starts so
            self.kernels[called] = functools.partial(kernel, **attrs)
            written = [literal(x, self.target.prefix) for x in operands]
        return f"{called}({', '.join([self.target.prefix, *written])})"

    def expression_of(self, operand: Any) -> Any:
        if isinstance(operand, Value):
            return Expression(name(operand), prefix=self.target.prefix, type=operand.type)
        return operand

    def operand(self, operand: Any) -> str:
        return name(operand) if isinstance(operand, Value) else literal(operand, self.target.prefix)


def constant(node: Node) -> Any:
    """The value of a node without operands, as an array that nobody can write."""
    op: Any = node.op
    array = np.asarray(op.kernel(op.namespace, **node.attrs))
    array.flags.writeable = False
    return array


def name(value: Value) -> str:
    """The variable for a value: its name, unless Python or the source itself uses that word."""
    return value.name + "_" if keyword.iskeyword(value.name) or value.name in RESERVED else value.name


RESERVED = {"np", "jnp", "lax", "special", "ml_dtypes", "slice"}


SPECIAL = Special()


@functools.lru_cache(maxsize=4096)
def compiled(source: str) -> CodeType:
    """The code of a generated text, which many graphs share."""
    return compile(source, "<gradc generated>", "exec")
