"""The part of a graph that works by tiles as a NumPy function that allocates next to nothing.

A new array of a tile's size lies elsewhere than the last one, and so in no cache: writing to it takes three times as
long. So what a tile makes is written to memory that the caller gives, once for all tiles: results where they belong,
and what lies between into scratch arrays, of which a value takes one that nobody needs any more:

    def gelu(x, _to_0, _scratch_0, _scratch_1, _scratch_2):
        mul_0 = np.multiply(number_0, x, out=_scratch_0)
        mul_1 = np.multiply(x, number_1, out=_scratch_1)
        erf_0 = erf_into(mul_1, out=_scratch_2)
        add_0 = np.add(number_2, erf_0, out=_scratch_2)
        gelu_0 = np.multiply(mul_0, add_0, out=_to_0)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np

from gradc.backends.source import NUMPY, SPECIAL, Source, compiled, constant, name
from gradc.expression import Expression
from gradc.ir import Graph, Node, Value
from gradc.ops.base import Op
from gradc.ops.reduction import Reduction

ROWS = range(64, 1 << 14)
"""Lengths of rows that BLAS sums: NumPy, which adds in pairs, is as quick on shorter ones and rounds better on longer.
"""


def elementwise(printed: Any) -> tuple[str, tuple[str, ...]] | None:
    """The ufunc that a printed kernel ends with, and its arguments; None for anything else."""
    call = printed.call if isinstance(printed, Expression) else None
    function = None if call is None or "." in call[0] else getattr(np, call[0], None)
    if not isinstance(function, np.ufunc) or function.signature is not None:  # matmul is a ufunc as well
        return None
    return call if call[0] != "power" else None  # x ** 2 is not np.power(x, 2), but quicker


def tile_function(graph: Graph, shape: tuple[int, ...]) -> tuple[Callable[..., None], list[Any]]:
    """The function (inputs, targets, scratch arrays) of a tile, and the dtypes of the scratch arrays."""
    body = Body(graph, shape)
    text = body.source()
    names = {"__name__": "gradc.generated", "np": Op.namespace, "ml_dtypes": ml_dtypes, "special": SPECIAL,
             **body.kernels, **body.numbers}
    exec(compiled(text), names)
    return names[graph.name], body.scratch


class Body(Source):
    """The lines of a graph whose large values have the given shape."""

    def __init__(self, graph: Graph, shape: tuple[int, ...]) -> None:
        super().__init__(NUMPY, hoists=True)
        self.graph = graph
        self.shape = shape
        self.scratch: list[Any] = []
        """The dtypes of the scratch arrays."""
        self.free: list[int] = []
        self.places: dict[Value, int] = {}
        self.targets = {v: f"_to_{i}" for i, v in enumerate(graph.outputs)}

    def source(self) -> str:
        """The text of the function (inputs, targets, scratch arrays)."""
        self.summed = dict(self.sums())
        inside = {product for product, _ in self.summed.values() if product is not None}
        nodes = [node for node in self.graph.nodes if node not in inside]
        self.last = {v: node for node in nodes for v in (*node.outputs, *self.reads(node))}
        lines = [f"    {line}" for node in nodes for line in self.line(node)]
        scratch = [f"_scratch_{i}" for i in range(len(self.scratch))]
        parameters = [*map(name, self.graph.inputs), *self.targets.values(), *scratch]
        return "\n".join([f"def {self.graph.name}({', '.join(parameters)}):", *lines])

    def sums(self) -> Iterator[tuple[Node, tuple[Node | None, tuple[Value, ...]]]]:
        """The sums over rows, with the product that only they read, if there is one, and the factors."""
        readers = Counter(v for node in self.graph.nodes for v in node.inputs) + Counter(self.graph.outputs)
        made = {v: node for node in self.graph.nodes for v in node.outputs}
        for node in self.graph.nodes:
            summed: Any = node.inputs[0] if node.inputs else None
            if node.op.name not in ("sum", "mean") or node.attrs["dim"] != (len(self.shape) - 1,) \
                    or summed.type.shape != self.shape or self.shape[-1] not in ROWS \
                    or not summed.type.dtype.is_floating_point or not node.attrs["keepdim"]:
                continue
            product = made.get(summed)
            if product is not None and product.op.name == "mul" and readers[summed] == 1 \
                    and all(v.__class__ is Value and v.type.shape[-1:] == self.shape[-1:]
                            and v.type.dtype is summed.type.dtype for v in product.inputs):
                yield node, (product, product.inputs)
            else:
                yield node, (None, (summed,))

    def reads(self, node: Node) -> list[Value]:
        found = self.summed[node][1] if node in self.summed else node.inputs
        return [v for v in dict.fromkeys(found) if isinstance(v, Value)]

    def line(self, node: Node) -> list[str]:
        if not node.inputs:
            self.numbers[name(node.outputs[0])] = constant(node)
            return []
        self.printed: Any = None
        result = node.outputs[0]
        text = self.dot(node) if node in self.summed else self.expression(node)
        into, call = node.op.into if result.type.dtype.numpy == np.float32 else None, elementwise(self.printed)
        if into is not None:
            self.kernels[f"{node.op.name}_into"] = into
            call = f"{node.op.name}_into", tuple(map(self.operand, node.inputs))
        elif call is not None:
            call = f"np.{call[0]}", call[1]
        places = [self.places.pop(v) for v in self.reads(node) if self.last[v] is node and v in self.places]
        target = self.targets.get(result)
        if call is None:
            if isinstance(node.op, Reduction):
                self.free += places  # of another kernel the result may be a view of an operand
            return [f"{name(result)} = {text}"] + ([f"{target}[...] = {name(result)}"] if target else [])
        if into is None:
            self.free += places
        if target is None and result.type.shape == self.shape and self.last[result] is not node:
            target = f"_scratch_{self.place(result)}"
        if into is not None:
            self.free += places
        return [f"{name(result)} = {call[0]}({', '.join(call[1])}{f', out={target}' if target else ''})"]

    def dot(self, node: Node) -> str:
        """A sum over rows as a product of BLAS, which takes a third of the time and leaves out the products' array."""
        factors = [self.operand(v) for v in self.summed[node][1]]
        if len(factors) == 1:
            factors.append(f"_ones_{name(node.outputs[0])}")
            kind = node.outputs[0].type.dtype.numpy
            self.numbers[factors[1]] = np.ones(self.shape[-1], kind)
        text = f"np.vecdot({', '.join(factors)})[..., np.newaxis]"
        return text if node.op.name == "sum" else f"{text} / {self.shape[-1]}"

    def place(self, value: Value) -> int:
        """The number of the scratch array for a value, one that is free or a new one."""
        kind = value.type.dtype.numpy
        found = next((i for i in reversed(self.free) if self.scratch[i] == kind), None)
        if found is None:
            self.scratch.append(kind)
            found = len(self.scratch) - 1
        else:
            self.free.remove(found)
        self.places[value] = found
        return found

    def text(self, node: Node, printed: Any) -> str:
        self.printed = printed
        return super().text(node, printed)
