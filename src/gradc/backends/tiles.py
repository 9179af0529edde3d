"""Pointwise work on large arrays, done tile by tile.

NumPy reads and writes a whole array for each operation. A chain of ten on arrays that no cache holds waits for memory
ten times, and for pages that the system must give. So the part of a graph that treats rows apart runs on tiles of the
arrays, small enough that what is between stays in the cache, on all processors: NumPy lets go of the interpreter. What
comes before and after that part runs whole. A tile holds whole rows, so each number is computed as it would be.
"""

from __future__ import annotations

import contextvars
import math
import os
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import numpy as np

from gradc.ir import Graph, Node, Value
from gradc.ops.base import Pointwise
from gradc.ops.reduction import Reduction

LARGE = 1 << 17
"""Elements of an array that is worth tiles."""

SHARED = 1 << 18
"""Elements of an array that is worth starting threads."""

TILE = 1 << 15
"""Elements of a tile: a few of them fit into a second-level cache."""

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

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
    body = printed(graph.replace(inputs=tuple(read), nodes=tuple(rows), outputs=tuple(results)))
    end = printed(graph.replace(inputs=(*graph.inputs, *first, *results), nodes=tuple(after)))
    places = {v: i for i, v in enumerate((*graph.inputs, *first))}
    from_where = [places[v] for v in read]
    slices = [tuple(parts) for parts in zip(*(_of_each(tiles, v.type.shape, shape) for v in read), strict=True)]
    targets = [tuple(parts) for parts in zip(*(_of_each(tiles, v.type.shape, shape) for v in results), strict=True)]
    types = [(v.type.shape, v.type.dtype.numpy) for v in results]
    def by_tiles(*arrays: Any) -> Any:
        known = (*arrays, *start(*arrays))
        operands = [known[i] for i in from_where]
        found = [np.empty(*type) for type in types]

        def some(part: slice) -> None:
            for sources, places in zip(slices[part], targets[part], strict=True):
                computed = body(*[x[s] for x, s in zip(operands, sources, strict=True)])
                for array, place, piece in zip(found, places, computed, strict=True):
                    array[place] = piece

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
    return isinstance(node.op, Pointwise)


def _tiles(shape: tuple[int, ...], axes: int) -> Iterator[tuple[slice, ...]]:
    """Slices of the leading axes that together cover all rows."""
    axis = next((i for i in range(axes) if math.prod(shape[i + 1 :]) <= TILE), axes - 1)
    step = max(1, TILE // max(1, math.prod(shape[axis + 1 :])))
    for index in np.ndindex(*shape[:axis]):
        for i in range(0, shape[axis], step):
            yield (*(slice(j, j + 1) for j in index), slice(i, i + step))


def _of_each(tiles: list[tuple[slice, ...]], own: tuple[int, ...], shape: tuple[int, ...]) -> list[Any]:
    """The part of an array of shape `own`, which broadcasts to `shape`, that belongs to each tile."""
    missing = len(shape) - len(own)
    everything = slice(None)
    return [tuple([s if n > 1 else everything for n, s in zip(own, tile[missing:], strict=False)]) for tile in tiles]


def threads(size: int) -> int:
    """How many threads work on arrays of `size` elements is worth."""
    return THREADS if size >= SHARED else 1


def share(work: Callable[[slice], None], count: int, threads: int) -> None:
    """Do `work` on all of `count` pieces, a consecutive part of them on each of some threads."""
    threads = min(threads, count)
    bounds = [count * i // threads for i in range(threads + 1)]
    errors: list[BaseException] = []

    def attempt(start: int, stop: int) -> None:
        try:
            work(slice(start, stop))
        except BaseException as error:  # of whatever kind: it is raised where the work was ordered
            errors.append(error)

    # Each thread in a copy of the caller's context, where np.errstate keeps what it says.
    others = [Thread(target=contextvars.copy_context().run, args=(attempt, *bounds[i : i + 2]))
              for i in range(1, threads)]
    for other in others:
        other.start()
    attempt(*bounds[:2])
    for other in others:
        other.join()
    if errors:
        raise errors[0]
