"""Weights with a direction and a length of their own, and weights of spectral norm one."""

from __future__ import annotations

from typing import Any

from gradc.modes import no_grad
from gradc.nn.functional import normalize
from gradc.nn.module import Module
from gradc.nn.utils.parametrize import ParametrizationError, register_parametrization
from gradc.ops.norms import norm
from gradc.tensor import Tensor

__all__ = ["spectral_norm", "weight_norm"]


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let a weight be original0 · original1 / ‖original1‖, the norm over all dimensions but `dim`, as torch's.

    Source  Salimans and Kingma 2016, "Weight normalization"
    """
    register_parametrization(module, name, WeightNorm(dim), unsafe=True)
    return module


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """Let a weight be divided by its largest singular value, which power iteration estimates while training.

    Source  Miyato et al. 2018, "Spectral normalization for generative adversarial networks"
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ParametrizationError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    register_parametrization(module, name, SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


def norm_except(v: Any, dim: int | None) -> Any:
    """The norm of v over all dimensions but one; over all of them for None or -1."""
    if dim is None or dim == -1:
        return norm(v)
    return norm(v, 2, [d for d in range(v.ndim) if d != dim % v.ndim], keepdim=True)


class WeightNorm(Module):
    """A weight from its length and its direction."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        """weight_g · weight_v / ‖weight_v‖."""
        return weight_v * (weight_g / norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        """The length and the direction of a weight."""
        return norm_except(weight, self.dim), weight


class SpectralNorm(Module):
    """A weight over its largest singular value, whose vectors are buffers."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if dim >= ndim or dim < -ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ParametrizationError(f"Expected n_power_iterations to be positive, but got "
                                       f"n_power_iterations={n_power_iterations}")
        self.dim = dim if dim >= 0 else dim + ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            with no_grad():
                matrix = as_matrix(weight, self.dim)
                u, v = [matrix.new_empty(size).normal_(0, 1) for size in matrix.shape]
                self.register_buffer("_u", normalize(u, dim=0, eps=eps))
                self.register_buffer("_v", normalize(v, dim=0, eps=eps))
            power_iterate(matrix, self._u, self._v, 15, eps)

    def forward(self, weight: Any) -> Any:
        """The weight over its spectral norm; in training the estimate is improved first."""
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            power_iterate(matrix, self._u, self._v, self.n_power_iterations, self.eps)
        u, v = self._u.clone(), self._v.clone()
        return weight / u.dot(matrix.mv(v))

    def right_inverse(self, value: Any) -> Any:
        """The weight as it is: it is not assured to be of spectral norm one."""
        return value


def as_matrix(weight: Any, dim: int) -> Any:
    """A weight as a matrix whose rows are along `dim`."""
    if weight.ndim > 1 and dim != 0:
        weight = weight.permute(dim, *[d for d in range(weight.ndim) if d != dim])
    return weight.flatten(1)


@no_grad()
def power_iterate(matrix: Any, u: Any, v: Any, times: int, eps: float) -> None:
    """Bring u and v, in place, nearer to the singular vectors of the largest singular value."""
    for _ in range(times):
        u.copy_(normalize(matrix.mv(v), dim=0, eps=eps))
        v.copy_(normalize(matrix.t().mv(u), dim=0, eps=eps))
