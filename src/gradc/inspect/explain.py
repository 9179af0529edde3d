"""Why a gradient is None, zero or not finite: `explain_grad`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc import locations
from gradc.errors import ArgumentError, GradError
from gradc.inspect.dynamic import in_order, visible_names
from gradc.inspect.explain_backward import Trial, forward_breakage
from gradc.inspect.explain_cause import Cause, described
from gradc.inspect.explain_forward import Recorder, Ways, why_cut
from gradc.inspect.explain_source import guesses
from gradc.modes import current
from gradc.node import FREED
from gradc.ops.drawing import default_generator
from gradc.tensor import Tensor, edge

VERDICTS = {
    "flows": "flows", "none": "is None", "zero": "is zero", "not finite": "is not finite",
    "unknown": "cannot be told",
}


@dataclass(frozen=True)
class Explanation:
    """What becomes of the gradient of a loss with respect to `w`, and why.

    `verdict` is "flows", "none", "zero", "not finite", or "unknown" where the graph was freed. `causes` has the
    likeliest first. `notes` say what else was seen, `target` and `gradient` what w and its gradient are. `exact` is
    true if the program was run with every op noted.
    """

    verdict: str
    causes: tuple[Cause, ...]
    notes: tuple[str, ...]
    exact: bool
    target: str
    gradient: str

    def __str__(self) -> str:
        shown = f": {self.gradient}" if self.gradient else ""
        lines = [f"The gradient of the loss with respect to {self.target} {VERDICTS[self.verdict]}{shown}"]
        lines += [f"  {i}. {cause}" for i, cause in enumerate(self.causes, 1)]
        lines += [f"  {note}" for note in self.notes]
        lines.append("  " + (EXACT if self.exact else AFTERWARDS))
        return "\n".join(lines)

    __repr__ = __str__


EXACT = "Exact: the function was run once more and every op noted."
AFTERWARDS = ("Told from the graph that is left; what is `probably` so comes from the text of the program. "
              "Pass a function that computes the loss for the exact answer.")


def explain_grad(loss: Any, w: Tensor | None = None) -> Explanation:
    """Why the gradient of `loss` with respect to `w` is None, zero or not finite, with the user's lines.

    `loss` is a tensor, or a function without arguments that returns it, which is run once with every op noted: only
    then is the answer exact. If the function makes w itself, let it return (loss, w) and leave `w` out. The backward
    that is tried changes no `.grad`, frees no graph and calls no hook; the random generator is put back.

    Raises ArgumentError for anything that is not a tensor, and GradError inside a compiled function.
    """
    if current().trace is not None:
        raise GradError(f"explain_grad() inside a compiled function: nothing is computed here that could be looked at"
                        f"{locations.quote(locations.here())}\n    Call it on the function before it is compiled.")
    recorder = None
    if callable(loss) and not isinstance(loss, Tensor):
        recorder = Recorder()
        state = default_generator.get_state()
        try:
            loss = recorder.run(loss)
        finally:
            default_generator.set_state(state)
        if w is None:
            loss, w = loss if isinstance(loss, tuple) and len(loss) == 2 else (loss, None)
    for name, x in (("loss", loss), ("w", w)):
        if not isinstance(x, Tensor):
            raise ArgumentError(f"explain_grad(): {name} must be a tensor, got {type(x).__name__}"
                                f"{locations.quote(locations.here())}\n    Pass a loss and a tensor, a function that "
                                f"returns the loss and a tensor, or a function that returns both.")
    assert w is not None
    return _Case(loss, w, recorder).explanation()


class _Case:
    """One question: what is known, and the answer."""

    def __init__(self, loss: Tensor, w: Tensor, recorder: Recorder | None) -> None:
        self.loss = loss
        self.w = w
        self.recorder = recorder
        self.ways = None if recorder is None else Ways(recorder, loss, w)
        self.frame = locations.user_frame(3)

    def explanation(self) -> Explanation:
        w, loss = self.w, self.loss
        if edge(w) is None:
            return self._told("none", self._without_grad())
        if edge(loss) is None:
            return self._told("none", self._unreached())
        try:
            trial = Trial(loss, w)
        except GradError as problem:
            return self._not_run(problem)
        if trial.gradient is None:
            return self._told("none", trial.zeros() or self._unreached())
        g = np.asarray(trial.gradient)
        if not np.isfinite(g).all():
            return self._told("not finite", self._broken(trial), g)
        if not g.any():
            return self._told("zero", self._zero(trial), g)
        if not w.is_leaf and not w._retains_grad:
            return self._told("none", [self._not_leaf()], g)
        return self._told("flows", [], g, self._notes(g))

    def _told(self, verdict: str, causes: Sequence[Cause], g: Any = None, notes: Sequence[str] = ()) -> Explanation:
        notes = list(notes)
        if self.loss.ndim and self.loss.numel() > 1:
            notes.append(f"The loss is {self.loss.type_}: its sum was explained.")
        name = visible_names(self.frame).get(id(self.w), "w")
        return Explanation(verdict, tuple(dict.fromkeys(causes)), tuple(notes), self.recorder is not None,
                           f"{name}: {self.w.type_}", "" if g is None else described(g))

    def _notes(self, g: np.ndarray[Any, Any]) -> list[str]:
        """What else is worth knowing about a gradient that flows."""
        zeros = int((g == 0).sum())
        notes = [f"{zeros} of its {g.size} elements are 0."] if zeros else []
        if self.ways is not None:
            notes += [f"Beside that, values of w reach the loss without a gradient, often on purpose: {cause.text} "
                      f"({cause.locations[-1]})." for cause in self.ways.cuts()]
        elif self.w._grad is None and self.w.is_leaf:
            notes.append("w.grad is None now: no backward() has reached it since it was made or cleared.")
        return notes

    # None

    def _without_grad(self) -> list[Cause]:
        """Why w itself does not require grad."""
        w = self.w
        kind, text = "requires_grad", "w does not require grad"
        if not w.dtype.is_differentiable:
            text += f", and could not: it is {w.dtype}"
        if w._view is not None and w._view.op.detaches:
            kind, text = "detach", text + ": it came out of detach() or .data"
        elif w.is_inference():
            text += ": it was made in inference mode"
        if self.recorder is None:
            return [*guesses(self.frame, self.loss, w), Cause(kind, (), text)]
        step = next((s for s in reversed(self.recorder.steps) if s.kind == "flag" and s.results[0] is w),
                    None) or self.recorder.maker(w)
        if step is None:
            return [Cause(kind, (), text + "; it was so before the function ran")]
        if any(e is not None for e in step.edges):
            cause = why_cut(step)
            return [Cause(cause.kind, cause.locations, f"{text}: {cause.text}")]
        return [Cause(kind, (step.location,), text + ("" if step.kind == "flag" else ": it is made here without"))]

    def _not_leaf(self) -> Cause:
        node = edge(self.w).node
        return Cause("not a leaf", (node.location,), f"w is not a leaf: {node.name()} computed it here, and backward() "
                     f"keeps .grad for leaves only")

    def _unreached(self) -> list[Cause]:
        """Why no gradient gets from loss to w, which requires grad."""
        own = [] if self.w.is_leaf else [self._not_leaf()]
        if self.ways is not None:
            return self.ways.cuts() or own + (self.ways.reads() or [self.ways.independence()])
        loss = self.loss
        text = "loss does not require grad: nothing that it was computed from does, or its history was dropped"
        if edge(loss) is not None:
            text = "w is not in the graph of loss"
        elif not loss.dtype.is_differentiable:
            text = f"loss is {described(loss._array)}: only floating and complex numbers have gradients"
        elif loss.is_inference():
            text = "loss was computed in inference mode"
        elif loss._view is not None and loss._view.op.detaches:
            text = "loss came out of detach() or .data"
        found = own + guesses(self.frame, loss, self.w)
        first = None if found or loss.grad_fn is None else next(in_order(loss.grad_fn)).location
        return [*found, Cause("cut", () if first is None else (first,), text + (
            "" if first is None else ", which begins with other tensors here"))]

    # Zero and not finite

    def _zero(self, trial: Trial) -> list[Cause]:
        origins = None if self.ways is None else self.ways.zero_operands
        return trial.zeros(origins) or [Cause("zero", (), "wherever a gradient arrives, the derivatives are 0")]

    def _broken(self, trial: Trial) -> list[Cause]:
        forward = self.ways.breakage() if self.ways is not None else forward_breakage(self.loss)
        return [*([forward] if forward is not None else []), *trial.breakage()[:1]]

    def _not_run(self, problem: GradError) -> Explanation:
        """backward() itself would raise: the graph was freed, or what it saved was overwritten."""
        nodes = list(in_order(self.loss.grad_fn))
        freed = [n for n in nodes if n.saved is FREED]
        if freed:
            g = self.w._grad
            place = freed[0].guards[0].where
            notes = [] if g is None else [f"w.grad, from that backward, is {described(g._array)}."]
            return self._told("unknown", [Cause("freed", (place,), "the graph was freed by a backward() here")], None,
                              notes)
        guards = [(n.guards[i], n.guards[i + 1]) for n in nodes for i in range(0, len(n.guards), 2)]
        writers = {s.writer[1]: None for s, version in guards if s.version != version and getattr(s, "writer", None)}
        return self._told("none", [Cause("modified", tuple(writers), str(problem).partition("\n")[0])])
