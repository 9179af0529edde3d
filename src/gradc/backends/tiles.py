"""Pointwise work on large arrays, done tile by tile.

NumPy reads and writes a whole array for each operation. A chain of ten on arrays that no cache holds waits for memory
ten times, and for pages that the system must give. So the part of a graph that treats rows apart runs on tiles of the
arrays, small enough that what is between stays in the cache, on all processors: NumPy lets go of the interpreter. What
comes before and after that part runs whole. A tile holds whole rows, so each number is computed as it would be, but
that BLAS adds up rows of some length: see body.py, which prints what is done to a tile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradc.backends.body import tile_function
from gradc.ir import Graph, Node, Value
from gradc.ops.reduction import Reduction
from gradc.ops.threads import share, threads

LARGE = 1 << 17
"""Elements of an array that is worth tiles."""

TILE = 1 << 15
"""Elements of a tile: a few of them fit into a second-level cache."""

Printer = Callable[[Graph], Callable[..., Any]]


def tiled(graph: Graph, printed: Printer) -> Callable[..., Any] | None:
    """The graph as a function of arrays that works by tiles; None where that would not be quicker."""
    values = [*graph.inputs, *(v for node in graph.nodes for v in node.outputs)]
    shape = max((v.type.shape for v in values), key=math.prod, default=())
    if math.prod(shape) < LARGE:
        return None
    axes = _row_axes(graph, len(shape))
    before, rows, after = _parts(graph, shape, axes)
    tiles = list(_tiles(shape, axes))
    if len(rows) < 3 or len(tiles) < 2:
        return None
    made = {v for node in rows for v in node.outputs}
    read = list(dict.fromkeys(v for node in rows for v in node.inputs if isinstance(v, Value) and v not in made))
    later = {v for node in after for v in node.inputs if isinstance(v, Value)} | set(graph.outputs)
    results = [v for node in rows for v in node.outputs if v in later]
    first = [v for node in before for v in node.outputs if v in later or v in read]
    start = printed(graph.replace(nodes=tuple(before), outputs=tuple(first)))
    body, kinds = tile_function(graph.replace(inputs=tuple(read), nodes=tuple(rows), outputs=tuple(results)), shape)
    end = printed(graph.replace(inputs=(*graph.inputs, *first, *results), nodes=tuple(after)))
    places = {v: i for i, v in enumerate((*graph.inputs, *first))}
    from_where = [places[v] for v in read]
    slices = [tuple(parts) for parts in zip(*(_of_each(tiles, v.type.shape, shape) for v in read), strict=True)]
    targets = [tuple(parts) for parts in zip(*(_of_each(tiles, v.type.shape, shape) for v in results), strict=True)]
    types = [(v.type.shape, v.type.dtype.numpy) for v in results]
    size = [len(range(*part.indices(n))) for part, n in zip(tiles[0], shape, strict=False)]
    inside = [tuple([slice(part.stop - part.start) for part in tile]) for tile in _bounded(tiles, shape)]

    def by_tiles(*arrays: Any) -> Any:
        known = (*arrays, *start(*arrays))
        operands = [known[i] for i in from_where]
        found = [np.empty(*type) for type in types]

        def some(part: slice) -> None:
            scratch = [np.empty((*size, *shape[len(size) :]), kind) for kind in kinds]
            for sources, places, own in zip(slices[part], targets[part], inside[part], strict=True):
                body(*[x[s] for x, s in zip(operands, sources, strict=True)],
                     *[x[s] for x, s in zip(found, places, strict=True)], *[x[own] for x in scratch])

        share(some, len(tiles), threads(math.prod(shape)))
        return end(*known, *found)

    return by_tiles


def _row_axes(graph: Graph, rank: int) -> int:
    """How many leading axes no reduction of the graph that keeps its dimensions sums over."""
    reduced = [min(node.attrs["dim"]) for node in graph.nodes
               if isinstance(node.op, Reduction) and node.attrs["keepdim"] and node.attrs["dim"]
               and len(node.outputs[0].type.shape) == rank]
    return min([axis for axis in reduced if axis > 0], default=rank)


def _parts(graph: Graph, shape: tuple[int, ...], axes: int) -> tuple[list[Node], list[Node], list[Node]]:
    """The nodes before, in and after the part that treats rows apart."""
    parts: tuple[list[Node], list[Node], list[Node]] = [], [], []
    place = dict.fromkeys(graph.inputs, 0)
    for node in graph.nodes:
        operands = [v for v in node.inputs if isinstance(v, Value)]
        latest = max((place[v] for v in operands), default=0)
        large = any(v.type.shape == shape for v in (*operands, *node.outputs))
        if latest < 2 and (latest or large) and operands and _apart(node, shape, axes):
            latest = 1
        elif latest:
            latest = 2
        parts[latest].append(node)
        place.update(dict.fromkeys(node.outputs, latest))
    return parts


def _apart(node: Node, shape: tuple[int, ...], axes: int) -> bool:
    """Whether a node computes each row of its result from that row of its operands."""
    if len(node.outputs) != 1:
        return False
    found = node.outputs[0].type.shape
    if len(found) != len(shape) or found[:axes] != shape[:axes]:
        return False
    if isinstance(node.op, Reduction):
        return bool(node.attrs["keepdim"] and node.attrs["dim"] and min(node.attrs["dim"]) >= axes)
    return bool(node.op.pointwise)


def _tiles(shape: tuple[int, ...], axes: int) -> Iterator[tuple[slice, ...]]:
    """Slices of the leading axes that together cover all rows."""
    axis = next((i for i in range(axes) if math.prod(shape[i + 1 :]) <= TILE), axes - 1)
    step = max(1, TILE // max(1, math.prod(shape[axis + 1 :])))
    for index in np.ndindex(*shape[:axis]):
        for i in range(0, shape[axis], step):
            yield (*(slice(j, j + 1) for j in index), slice(i, i + step))


def _bounded(tiles: list[tuple[slice, ...]], shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """The slices without what lies outside of the array."""
    for tile in tiles:
        yield tuple([slice(part.start, min(part.stop, n)) for part, n in zip(tile, shape, strict=False)])


def _of_each(tiles: list[tuple[slice, ...]], own: tuple[int, ...], shape: tuple[int, ...]) -> list[Any]:
    """The part of an array of shape `own`, which broadcasts to `shape`, that belongs to each tile."""
    missing = len(shape) - len(own)
    everything = slice(None)
    return [tuple([s if n > 1 else everything for n, s in zip(own, tile[missing:], strict=False)]) for tile in tiles]
