"""Any optimizer of optax, on gradc's parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc import locations
from gradc.modes import current, enable_grad, no_grad
from gradc.ops.foreign import Foreign, foreign
from gradc.optim.optimizer import Optimizer, OptimizerError
from gradc.tensor import wrap


class Optax(Optimizer):
    """An optimizer by a gradient transformation of optax: `Optax(model.parameters(), optax.adam(1e-3))`.

    All parameters need a gradient at every step, because optax sees them as one tree. The learning rate is a part of
    the transformation; to change it, give optax a schedule, or use optax.inject_hyperparams.

    Source  DeepMind 2020, "The DeepMind JAX ecosystem"
    """

    def __init__(self, params: Any, transformation: Any) -> None:
        import jax

        super().__init__(params, {})
        self.transformation = transformation
        with jax.enable_x64(True):
            tree = transformation.init([jax.numpy.asarray(p.detach().numpy()) for p in self._parameters()])
        leaves, self._structure = jax.tree.flatten(tree)
        self._leaves = [wrap(np.array(x)) for x in leaves]
        self._function = Foreign("optax", self._updated)

    def _parameters(self) -> list[Any]:
        return [p for group in self.param_groups for p in group["params"]]

    def _updated(self, *arrays: Any) -> tuple[Any, ...]:
        """Parameters and state after a step, from parameters, gradients and state; in JAX."""
        import jax

        count = len(self._parameters())
        params, gradients, leaves = arrays[:count], arrays[count : 2 * count], arrays[2 * count :]
        state = jax.tree.unflatten(self._structure, leaves)
        updates, state = self.transformation.update(list(gradients), state, list(params))
        moved = [jax.numpy.asarray(p + u).astype(p.dtype) for p, u in zip(params, updates, strict=True)]
        after = [jax.numpy.asarray(x).astype(old.dtype) for x, old in zip(jax.tree.leaves(state), leaves, strict=True)]
        return (*moved, *after)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters as optax says. `closure` computes the gradients first; its loss is returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        trace = current().trace
        if trace is not None:
            trace.guard(self.__dict__, "_leaves")
        params = self._parameters()
        gradients = [p.grad for p in params]
        missing = [i for i, g in enumerate(gradients) if g is None]
        if missing:
            raise OptimizerError(f"Optax: parameter {missing[0]} of {len(params)} has no gradient"
                                 f"{locations.quote(locations.here())}\n    optax updates all parameters at once: give "
                                 f"the optimizer only those that the loss depends on.")
        with no_grad():
            written = [*params, *self._leaves]
            results = foreign(*params, *gradients, *self._leaves, function=self._function.name)
            for x, new in zip(written, results, strict=True):
                x.copy_(new)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The leaves of optax's state by their number, and the groups."""
        return super().state_dict() | {"state": dict(enumerate(self._leaves))}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a copy of the leaves of a state of the same transformation and parameters."""
        leaves = [wrap(np.array(state_dict["state"][i])) for i in sorted(state_dict["state"])]
        if [x.type_ for x in leaves] != [x.type_ for x in self._leaves]:
            raise OptimizerError("loaded state dict is of another transformation, or of other parameters")
        super().load_state_dict({"state": {}, "param_groups": state_dict["param_groups"]})
        self._leaves = leaves

    def __getstate__(self) -> dict[str, Any]:
        return {key: x for key, x in super().__getstate__().items() if key != "_function"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._function = Foreign("optax", self._updated)
