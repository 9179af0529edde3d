"""How far to go along a direction: a step that satisfies the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A step, and there: the loss, its gradient, and its slope along the direction."""

    t: Any
    f: float
    g: Any
    slope: float


SUFFICIENT = 1e-4
"""The share of the decrease that the first slope promises which a step has to bring."""

FLAT = 0.9
"""The share of the first slope that may be left at the end."""

CHANGE = 1e-9
"""A bracket so narrow that the parameters would not change by more is left alone."""


def strong_wolfe(evaluate: Callable[[Any], tuple[float, Any]], t: Any, d: Any, f: float, g: Any, slope: Any,
                 most: int = 25) -> tuple[float, Any, Any, int]:
    """The loss and the gradient at a good step along d, the step, and how often `evaluate` was called.

    Source  Nocedal and Wright 2006, algorithms 3.5 and 3.6; minFunc
    """
    start = Point(0, f, g.clone(), float(slope))

    def at(t: Any) -> Point:
        f, g = evaluate(t)
        return Point(t, f, g.clone(), float(g.dot(d)))

    def rises(new: Point) -> bool:
        return new.f > start.f + SUFFICIENT * new.t * start.slope

    def is_flat(new: Point) -> bool:
        return abs(new.slope) <= -FLAT * start.slope

    bracket, calls, done = _bracketed(at, rises, is_flat, start, at(t), most)
    low, high = (0, 1) if bracket[0].f <= bracket[-1].f else (1, 0)
    size = float(d.abs().max())
    stuck = False
    while not done and calls - 1 < most and abs(bracket[1].t - bracket[0].t) * size >= CHANGE:
        least, largest = sorted(point.t for point in bracket)
        t, stuck = _inside(_cubic(*bracket, least, largest), least, largest, stuck)
        new = at(t)
        calls += 1
        if rises(new) or new.f >= bracket[low].f:
            bracket[high] = new
            low, high = (0, 1) if bracket[0].f <= bracket[1].f else (1, 0)
        else:
            if is_flat(new):
                done = True
            elif new.slope * (bracket[high].t - bracket[low].t) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = new
    best = bracket[low]
    return best.f, best.g, best.t, calls


def _bracketed(at: Callable[[Any], Point], rises: Callable[[Point], bool], is_flat: Callable[[Point], bool],
               start: Point, new: Point, most: int) -> tuple[list[Point], int, bool]:
    """Two points between which a good step lies, or one that is good; how often was evaluated, and whether it is."""
    before = start
    for i in range(most):
        if rises(new) or i > 1 and new.f >= before.f:
            return [before, new], i + 1, False
        if is_flat(new):
            return [new], i + 1, True
        if new.slope >= 0:
            return [before, new], i + 1, False
        t = _cubic(before, new, new.t + 0.01 * (new.t - before.t), new.t * 10)
        before, new = new, at(t)
    return [start, new], most + 1, False


def _cubic(a: Point, b: Point, least: Any, largest: Any) -> Any:
    """The minimum of the cubic through two points with their slopes, within bounds; their middle if it has none."""
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (least + largest) / 2.0
    d2 = math.sqrt(square)
    left, right = (a, b) if a.t <= b.t else (b, a)
    t = right.t - (right.t - left.t) * ((right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2))
    return min(max(t, least), largest)


def _inside(t: Any, least: Any, largest: Any, stuck: bool) -> tuple[Any, bool]:
    """A step kept away from the ends of a bracket, if it came near to one twice; and whether it came near now."""
    margin = 0.1 * (largest - least)
    if min(largest - t, t - least) >= margin:
        return t, False
    if not stuck and least < t < largest:
        return t, True
    return (largest - margin if abs(t - largest) < abs(t - least) else least + margin), False
