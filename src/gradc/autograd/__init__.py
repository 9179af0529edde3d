"""Gradients, as torch.autograd: `backward`, `grad` and the modes that decide whether they are recorded."""

from __future__ import annotations

from gradc.engine import backward, grad
from gradc.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from gradc.tensor import Tensor as Variable

__all__ = ["Variable", "backward", "enable_grad", "grad", "inference_mode", "is_grad_enabled",
           "is_inference_mode_enabled", "no_grad", "set_grad_enabled"]
