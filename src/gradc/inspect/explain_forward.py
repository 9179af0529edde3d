"""What a program does with its tensors, step by step, and where the way from one of them to another is cut."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gradc import locations
from gradc.engine import leading_to
from gradc.inspect.explain_cause import Cause, described
from gradc.locations import Location
from gradc.modes import current, enter
from gradc.tensor import Tensor, edge


class Step:
    """One thing that happened to tensors.

    `kind` is "op"; "call", of a custom Function; "write", in place; "rebuild", a new tensor over the memory of another;
    "made", a tensor of values from Python or NumPy; "drawn", of random ones; "read", of values into Python or NumPy;
    or "flag", a change of requires_grad. `what` is the op, or words.
    `edges` and `ends` are the places in the autograd graph of operands and results as they were then, `sources` the
    steps that each operand's values come from. `off` says where gradients were turned off, if they were.
    """

    def __init__(self, number: int, kind: str, what: Any, operands: list[Tensor], results: list[Tensor]) -> None:
        self.number = number
        self.kind = kind
        self.what = what
        self.operands = operands
        self.results = results
        self.edges = [edge(t) for t in operands]
        self.ends = [edge(t) for t in results]
        self.location = users_place()
        self.sources: list[list[Step]] = []
        self.grad = current().grad
        self.off: Location | None = None
        self.value: Any = operands[0]._array if kind == "read" else None
        self.broken = ""

    def every_source(self) -> Iterable[Step]:
        """The steps that the operands' values come from."""
        return (source for sources in self.sources for source in sources)


class Recorder:
    """Notes every step of a function. While it lives, the tensors that it has met live too."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._maker: dict[int, Step] = {}
        self._writes: dict[int, list[Step]] = {}
        self._reads: list[Step] = []
        self._off: Location | None = None

    def run(self, function: Callable[[], Any]) -> Any:
        """Call `function` and note all steps; what it does to the grad mode is undone afterwards."""
        before = enter(current().replace(watch=self))
        try:
            return function()
        finally:
            enter(before)

    def __call__(self, kind: str, what: Any, operands: tuple[Any, ...], results: Any) -> None:
        """What Modes.watch asks for."""
        if kind == "mode":
            self._off = None if results else users_place() if current().grad else self._off
            return
        made = [t for t in (results if isinstance(results, tuple) else (results,)) if isinstance(t, Tensor)]
        taken = [t for t in operands if isinstance(t, Tensor)]
        step = Step(len(self.steps), kind, what, taken, made)
        if kind == "made":
            self._find_reads(step)
        step.sources = [self.sources(t) for t in step.operands]
        step.off = None if step.grad else self._off
        if kind in ("op", "call"):
            step.broken = _breakage(operands, made)
        if kind == "read":
            self._reads.append(step)
        self.steps.append(step)
        for t in made:
            if kind == "write":
                self._writes.setdefault(id(t._storage), []).append(step)
            elif kind != "flag":
                self._maker[id(t)] = step

    def sources(self, t: Tensor) -> list[Step]:
        """The steps that the values of `t` come from as it is now: what made it, and what wrote to it since."""
        maker = self._maker.get(id(t))
        writes = self._writes.get(id(t._storage), [])
        return [maker, *(s for s in writes if s.number > maker.number)] if maker is not None else list(writes)

    def maker(self, t: Tensor) -> Step | None:
        """The step that made `t`; None if it was there before."""
        return self._maker.get(id(t))

    def _find_reads(self, step: Step) -> None:
        """Which tensors the values of a new one were read from: on the same line, in the same memory, or equal."""
        array = step.results[0]._array
        for read in reversed(self._reads):
            if read.location == step.location or np.may_share_memory(array, read.value) \
                    or _telling(array) and np.array_equal(array, read.value):
                step.operands += read.operands
                step.edges += read.edges


def users_place() -> Location:
    """The user's current line: outside of gradc, and of the standard library, as which `copy` calls gradc."""
    frame = locations.user_frame(2)
    while frame is not None and frame.f_back is not None and (
            frame.f_code.co_filename.startswith(STANDARD) and "site-packages" not in frame.f_code.co_filename
            or locations.package_files[frame.f_code.co_filename]):
        frame = frame.f_back
    return locations.UNKNOWN if frame is None else locations.of_frame(frame)


STANDARD = (os.path.dirname(os.__file__) + os.sep, "<frozen ")


def _telling(array: np.ndarray[Any, Any]) -> bool:
    """Whether finding the same values elsewhere is no accident."""
    return bool(array.size) and not np.all(np.isin(array, (0, 1)))


def _breakage(operands: tuple[Any, ...], results: list[Tensor]) -> str:
    """The operands of an op that made inf or nan of finite numbers, in words; empty if it did not."""
    if not results or all(np.isfinite(t._array).all() for t in results):
        return ""
    arrays = [t._array if isinstance(t, Tensor) else t for t in operands if t is not None]
    if not all(np.isfinite(a).all() for a in arrays):
        return ""
    return ", ".join(described(a) for a in arrays)


class Ways:
    """The ways on which values of `w` come to `loss` in a recording, and where gradients do not follow them."""

    def __init__(self, recorder: Recorder, loss: Tensor, w: Tensor) -> None:
        self.recorder = recorder
        self.w = w
        every = [e for s in recorder.steps for e in (*s.edges, *s.ends) if e is not None]
        origin = edge(w)
        self.wanted: Any = set() if origin is None else leading_to([(e, None) for e in every], [origin])
        self.depending: set[Step] = set()
        for step in recorder.steps:
            if any(s in self.depending for s in step.every_source()) or any(map(self._is_w, step.operands)) \
                    or any(map(self.live, (*step.edges, *step.ends))):
                self.depending.add(step)
        self.above = self._above(recorder.sources(loss))

    def _is_w(self, t: Tensor) -> bool:
        return t is self.w or t._storage is self.w._storage

    def _above(self, steps: list[Step]) -> set[Step]:
        """These steps and those that they depend on; what happened to w itself before its use does not count."""
        found: set[Step] = set()
        stack = list(steps)
        while stack:
            step = stack.pop()
            if step not in found and not (step.kind == "write" and self._is_w(step.results[0])):
                found.add(step)
                stack.extend(s for t, sources in zip(step.operands, step.sources, strict=True) if t is not self.w
                             for s in sources)
        return found

    def live(self, e: Any) -> bool:
        """Whether a gradient that arrives at this edge gets to w."""
        return e is not None and (e if isinstance(e, Tensor) else e.node) in self.wanted

    def cuts(self) -> list[Cause]:
        """Where values of w go on to loss and gradients do not, in the order of the program."""
        found: list[Cause] = []
        for step in self.recorder.steps:
            if step not in self.depending or step not in self.above:
                continue
            if any(map(self.live, step.edges)) and not any(map(self.live, step.ends)):
                found.append(why_cut(step))
            for e, sources, t in zip(step.edges, step.sources, step.operands, strict=True):
                if self.live(e) or t is self.w:
                    continue
                found += [Cause("memory", (s.location,), f"{s.what if s.kind == 'write' else 'this line'} leaves "
                                "values in memory that another tensor, outside of the graph, shares: it reads them "
                                "without their history") for s in sources if any(map(self.live, s.ends))]
                if not sources and t is not self.w and t._storage is self.w._storage:
                    found.append(Cause("cut", (step.location,), "an alias of w made earlier, outside of the graph "
                                                                "(by detach() or .data), is used here in its place"))
        return found

    def reads(self) -> list[Cause]:
        """Where values that depend on w were read into Python or NumPy, the last first."""
        return [Cause("read", (s.location,), f"{s.what} reads values that depend on w into Python or NumPy, where no "
                      "graph follows them; loss uses none of w otherwise")
                for s in reversed(self.recorder.steps) if s.kind == "read" and s in self.depending]

    def independence(self) -> Cause:
        """That no value of w comes to loss: where they were used last, and what loss begins with instead."""
        used = [s for s in self.recorder.steps if s in self.depending and s.kind in ("op", "write")]
        others = [s for s in self.recorder.steps if s in self.above and s.kind in ("op", "made", "drawn")]
        begins = [s for s in others if s.operands and any(e is not None for e in s.ends)] or others
        fresh = [s for s in others if not s.operands and used and s.number > used[-1].number]
        named = fresh[:1] or begins[:1]
        text = "no op uses w" if not used else "w is used, but the loss uses nothing of what comes out of it"
        if named:
            text += "; the loss is computed from other tensors, which come in here"
        if used:
            text += f" (w was used last at {used[-1].location})"
        return Cause("independent", tuple(s.location for s in (*named, *used[-1:])), text)

    def breakage(self) -> Cause | None:
        """The first op on the way to loss that made inf or nan of finite numbers."""
        for step in self.recorder.steps:
            if step not in self.above:
                continue
            for t, sources in zip(step.operands, step.sources, strict=True):
                if all(s.kind == "made" for s in sources) and np.isnan(t._array).any():
                    places = (step.location, *(s.location for s in sources))
                    return Cause("input", places, f"{described(t._array)} comes in here from outside")
            if step.broken:
                name = getattr(step.what, "name", step.what)
                bad = next(t._array for t in step.results if not np.isfinite(t._array).all())
                return Cause("forward", (step.location,), f"{name} made {described(bad)} of {step.broken}")
        return None

    def zero_operands(self, node: Any) -> tuple[Location, ...]:
        """Where those operands of a node of the graph come from that are zero everywhere."""
        step = next((s for s in self.recorder.steps if s.kind == "op" and any(
            e is not None and e.node is node for e in s.ends if not isinstance(e, Tensor))), None)
        if step is None:
            return ()
        return tuple(dict.fromkeys(sources[-1].location for t, sources in zip(step.operands, step.sources, strict=True)
                                   if sources and t.numel() and not t._array.any()))[:1]


def why_cut(step: Step) -> Cause:
    """Why the results of a step have no gradient although an operand has."""
    place = (step.location,)
    if step.kind == "made":
        return Cause("read", place, f"{step.what} makes a new tensor of values that were read: their history is lost")
    if step.kind in ("rebuild", "write"):
        return Cause("rebuilt", place, f"{step.what} makes a tensor of the values alone: their history is lost")
    name = getattr(step.what, "name", step.what)
    if getattr(step.what, "detaches", False):
        return Cause("detach", place, "detach() or .data gives the values without their history")
    if not step.grad:
        places = place if step.off is None or step.off == step.location else (step.off, *place)
        return Cause("no_grad", places, f"{name} ran while gradients were off (no_grad, inference_mode or "
                     f"set_grad_enabled)" + ("; they were already off when the function was called"
                                             if step.off is None else ""))
    if not any(t.dtype.is_differentiable for t in step.results):
        return Cause("integer", place, f"{name} gives {described(step.results[0]._array)}: only floating and complex "
                     f"numbers have gradients")
    return Cause("no derivative", place, f"{name} has no derivative: its result is outside of the graph")
