"""weight_norm and spectral_norm in their old form, with the state-dict names that old checkpoints have."""

from __future__ import annotations

import warnings
from typing import Any

from gradc.modes import no_grad
from gradc.nn.functional import normalize
from gradc.nn.module import Module
from gradc.nn.parameter import Parameter
from gradc.nn.utils.parametrizations import as_matrix, norm_except, power_iterate
from gradc.nn.utils.parametrize import ParametrizationError, derive, underive

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


class OldFormError(ParametrizationError, RuntimeError):
    """A second normalization of a weight."""


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let a weight be <name>_g · <name>_v / ‖<name>_v‖, as torch.nn.utils.weight_norm.

    Source  Salimans and Kingma 2016, "Weight normalization"
    """
    warnings.warn("`torch.nn.utils.weight_norm` is deprecated in favor of "
                  "`torch.nn.utils.parametrizations.weight_norm`.", FutureWarning, stacklevel=2)
    if f"{name}_g" in module._parameters:
        raise OldFormError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    dim = -1 if dim is None else dim
    weight = module._parameters[name]
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(norm_except(weight, dim).detach()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))

    def compute(self: Any) -> Any:
        g, v = self._parameters[f"{name}_g"], self._parameters[f"{name}_v"]
        return v * (g / norm_except(v, dim))

    derive(module, name, compute, prefix="")
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make a weight that weight_norm normalized an ordinary parameter again."""
    return _remove(module, name, "weight_norm", (f"{name}_g", f"{name}_v"))


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """Let a weight be <name>_orig over its largest singular value, as torch.nn.utils.spectral_norm.

    Each call of the module in training improves the estimate, which is in the buffers <name>_u and <name>_v.

    Source  Miyato et al. 2018, "Spectral normalization for generative adversarial networks"
    """
    if f"{name}_orig" in module._parameters:
        raise OldFormError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if n_power_iterations <= 0:
        raise ParametrizationError(f"Expected n_power_iterations to be positive, but got "
                                   f"n_power_iterations={n_power_iterations}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    axis = dim
    weight = module._parameters[name]
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    with no_grad():
        matrix = as_matrix(weight, axis)
        for part, size in zip("uv", matrix.shape, strict=True):
            module.register_buffer(f"{name}_{part}", normalize(matrix.new_empty(size).normal_(0, 1), dim=0, eps=eps))

    def vectors(self: Any) -> tuple[Any, Any]:
        return self._buffers[f"{name}_u"], self._buffers[f"{name}_v"]

    def improve(self: Any, args: Any) -> None:
        if self.training:
            u, v = vectors(self)
            with no_grad():
                matrix = as_matrix(self._parameters[f"{name}_orig"], axis)
                for _ in range(n_power_iterations):  # v first, as PyTorch's old form does
                    power_iterate(matrix.t(), v, u, 1, eps)

    def compute(self: Any) -> Any:
        weight, (u, v) = self._parameters[f"{name}_orig"], vectors(self)
        return weight / u.clone().dot(as_matrix(weight, axis).mv(v.clone()))

    derive(module, name, compute, prefix="")
    module.__dict__.setdefault("_spectral_norms", {})[name] = module.register_forward_pre_hook(improve)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make a weight that spectral_norm normalized an ordinary parameter again."""
    handle = module.__dict__.get("_spectral_norms", {}).pop(name, None)
    if handle is not None:
        handle.remove()
    return _remove(module, name, "spectral_norm", (f"{name}_orig", f"{name}_u", f"{name}_v"))


def _remove(module: Module, name: str, what: str, parts: tuple[str, ...]) -> Module:
    if parts[0] not in module._parameters:
        raise ParametrizationError(f"{what} of '{name}' not found in {module}")
    with no_grad():
        weight = getattr(module, name).detach()
    underive(module, name)
    for part in parts:
        delattr(module, part)
    module.register_parameter(name, Parameter(weight))
    return module
