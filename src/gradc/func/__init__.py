"""Functions of functions, as torch.func: gradients, Jacobians and batching, composable in any order."""

from __future__ import annotations

from gradc.func.batching import vmap
from gradc.func.forward import hessian, jacfwd, jvp, linearize
from gradc.func.modules import functional_call, stack_module_state
from gradc.func.reverse import grad, grad_and_value, jacrev, vjp

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
           "stack_module_state", "vjp", "vmap"]
