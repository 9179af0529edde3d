"""L-BFGS: a quasi-Newton method with a short memory. Its choices depend on values, so it is not for traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradc import locations
from gradc.errors import TraceError
from gradc.modes import current, enable_grad, no_grad
from gradc.ops.joining import cat
from gradc.optim.line_search import strong_wolfe
from gradc.optim.optimizer import Optimizer, OptimizerError, check_rate
from gradc.tensor import Tensor

MEMORY = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")
"""What a step leaves for the next one, under PyTorch's names."""


class LBFGS(Optimizer):
    """Newton's method with a Hessian estimated from the last `history_size` steps, as torch.optim.LBFGS.

    `step` takes a closure that computes the loss and its gradients, and calls it several times.

    Source  Liu and Nocedal 1989; Nocedal and Wright 2006, chapter 7; minFunc
    """

    def __init__(self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
                 tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
                 line_search_fn: str | None = None) -> None:
        check_rate(lr)
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn})
        if len(self.param_groups) != 1:
            raise OptimizerError("LBFGS doesn't support per-parameter options (parameter groups)")
        if line_search_fn not in (None, "strong_wolfe"):
            raise LineSearchError("only 'strong_wolfe' is supported")

    @no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Improve the parameters by up to `max_iter` iterations; returns the loss at the start."""
        if current().trace is not None:
            raise TraceError(f"LBFGS decides by values how far it goes, and cannot be traced"
                             f"{locations.quote(locations.here())}\n    Compile the closure, and call step() outside.")
        if closure is None:
            raise OptimizerError("LBFGS.step needs a closure that computes the loss and its gradients")
        return _Step(self, closure).run()


def _number(loss: Any) -> float:
    return float(loss.item() if isinstance(loss, Tensor) else loss)


class LineSearchError(OptimizerError, RuntimeError):
    """A line search that there is not."""


class _Step:
    """One call of `step`."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any]) -> None:
        self.group = optimizer.param_groups[0]
        self.params = self.group["params"]
        self.state = optimizer.state[self.params[0]]
        self.closure = enable_grad()(closure)
        lr = self.group["lr"]
        self.lr = lr.item() if isinstance(lr, Tensor) else lr

    def run(self) -> Any:
        group, state = self.group, self.state
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = self.closure()
        loss = _number(first)
        evaluations = 1
        state["func_evals"] += 1
        gradient = self._gradient()
        if gradient.abs().max() <= group["tolerance_grad"]:
            return first
        memory = {name: state.get(name) for name in MEMORY}
        for i in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            self._turn(memory, gradient)
            memory["prev_flat_grad"], memory["prev_loss"] = gradient.clone(), loss
            d = memory["d"]
            start = state["n_iter"] == 1
            t = memory["t"] = min(1.0, 1.0 / float(gradient.abs().sum())) * self.lr if start else self.lr
            slope = gradient.dot(d)
            if slope > -group["tolerance_change"]:
                break
            calls = 0
            if group["line_search_fn"] is not None:
                before = [p.clone() for p in self.params]
                loss, gradient, t, calls = strong_wolfe(
                    lambda t, d=d, before=before: self._try(before, t, d), t, d, loss, gradient, slope,
                    most=group["max_eval"] - evaluations)
                memory["t"] = t
                self._move(t, d)
            else:
                self._move(t, d)
                if i != group["max_iter"]:
                    loss = _number(self.closure())
                    gradient = self._gradient()
                    calls = 1
            evaluations += calls
            state["func_evals"] += calls
            if i == group["max_iter"] or evaluations >= group["max_eval"] or self._settled(memory, gradient, loss):
                break
        state.update(memory)
        return first

    def _settled(self, memory: dict[str, Any], gradient: Any, loss: float) -> bool:
        least = self.group["tolerance_change"]
        return bool(gradient.abs().max() <= self.group["tolerance_grad"]
                    or (memory["d"] * memory["t"]).abs().max() <= least or abs(loss - memory["prev_loss"]) < least)

    def _turn(self, memory: dict[str, Any], gradient: Any) -> None:
        """The next direction: minus the estimated inverse Hessian times the gradient, by the two-loop recursion."""
        if self.state["n_iter"] == 1:
            memory.update(d=-gradient, old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return
        changes, steps, inverses = memory["old_dirs"], memory["old_stps"], memory["ro"]
        y = gradient - memory["prev_flat_grad"]
        s = memory["d"] * memory["t"]
        ys = y.dot(s)
        if ys > 1e-10:
            if len(changes) == self.group["history_size"]:
                for each in (changes, steps, inverses):
                    each.pop(0)
            changes.append(y)
            steps.append(s)
            inverses.append(1.0 / ys)
            memory["H_diag"] = ys / y.dot(y)
        q = -gradient
        shares = []
        for y, s, inverse in zip(reversed(changes), reversed(steps), reversed(inverses), strict=True):
            shares.append(s.dot(q) * inverse)
            q = q - shares[-1] * y
        r = q * memory["H_diag"]
        for y, s, inverse, share in zip(changes, steps, inverses, reversed(shares), strict=True):
            r = r + s * (share - y.dot(r) * inverse)
        memory["d"] = r

    def _gradient(self) -> Any:
        return cat([(p.zeros_like() if p.grad is None else p.grad).reshape(-1) for p in self.params])

    def _move(self, t: Any, d: Any) -> None:
        start = 0
        for p in self.params:
            p.add_(d[start : start + p.numel()].view_as(p) * t)
            start += p.numel()

    def _try(self, before: list[Any], t: Any, d: Any) -> tuple[float, Any]:
        """The loss and its gradient at a step, which is taken back."""
        self._move(t, d)
        loss, gradient = _number(self.closure()), self._gradient()
        for p, old in zip(self.params, before, strict=True):
            p.copy_(old)
        return loss, gradient
