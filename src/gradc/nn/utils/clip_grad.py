"""Gradients, made smaller where they are large."""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable
from typing import Any

from gradc.errors import GradError
from gradc.locations import here, quote
from gradc.modes import no_grad
from gradc.ops.creation import tensor
from gradc.ops.joining import stack
from gradc.ops.norms import norm
from gradc.tensor import Tensor

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Any]:
    found = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p.grad for p in found if p.grad is not None]


@no_grad()
def get_total_norm(tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Tensor:
    """The norm of all tensors as if they were one vector.

    Raises GradError for a norm that is not finite, if `error_if_nonfinite`.
    """
    found = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not found:
        return tensor(0.0)
    total = norm(stack([norm(x, norm_type) for x in found]), norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):  # type: ignore[arg-type]
        raise GradError(f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
                        f"cannot be clipped.{quote(here())}\n    To scale the gradients by the non-finite norm anyway, "
                        f"set error_if_nonfinite=False.")
    return total


@no_grad()
def clip_grads_with_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor,
                          foreach: bool | None = None) -> None:
    """Scale the gradients in place so that their norm, which is `total_norm`, is at most `max_norm`."""
    scale = (max_norm / (total_norm + 1e-6)).clamp(max=1.0)  # type: ignore[operator]
    for g in _gradients(parameters):
        g.mul_(scale)


def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0,
                    error_if_nonfinite: bool = False, foreach: bool | None = None) -> Tensor:
    """Scale the gradients in place so that their norm as one vector is at most `max_norm`; return the norm before.

    Raises GradError for a norm that is not finite, if `error_if_nonfinite`.
    """
    found = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not found and isinstance(parameters, types.GeneratorType):
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    total = get_total_norm(_gradients(found), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(found, max_norm, total)
    return total


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Limit each element of the gradients in place to [-clip_value, clip_value]."""
    for g in _gradients(parameters):
        g.clamp_(-clip_value, clip_value)


def clip_grad_norm(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0,
                   error_if_nonfinite: bool = False, foreach: bool | None = None) -> Tensor:
    """clip_grad_norm_ under its old name."""
    warnings.warn("`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
                  FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)
