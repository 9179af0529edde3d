"""Gradients, as torch.autograd: `backward`, `grad` and the modes that decide whether they are recorded."""

from __future__ import annotations

from gradc.anomaly import detect_anomaly, set_detect_anomaly
from gradc.autograd import function, functional, graph
from gradc.autograd.function import Function
from gradc.autograd.gradcheck import gradcheck, gradgradcheck
from gradc.autograd.graph import unsafe_preserve_version_counter as _unsafe_preserve_version_counter  # noqa: F401
from gradc.autograd.variable import Variable
from gradc.engine import backward, grad
from gradc.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

__all__ = ["Function", "Variable", "backward", "detect_anomaly", "enable_grad", "function", "functional", "grad",
           "gradcheck", "gradgradcheck", "graph", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled",
           "no_grad", "set_detect_anomaly", "set_grad_enabled"]
