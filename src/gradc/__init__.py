"""gradc: a graph-compiler autograd with a static and a dynamic mode.

`import gradc as torch` gives PyTorch's eager tensors and autograd on NumPy; `@gradc.compile` makes one XLA program of a
function or a whole training step, and shows every stage of it.
"""

from __future__ import annotations

import gradc.ops  # noqa: F401
from gradc import autograd, interpreter, ir, nn, optim
from gradc.dtypes import (
    bfloat16, bool_ as bool, complex64, complex128, dtype, float16, float32, float64, get_default_dtype, int8, int16,
    int32, int64, promote_types, set_default_dtype, uint8,
)
from gradc.modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from gradc.ops.creation import *  # noqa: F403
from gradc.ops.random import *
from gradc.shapes import Size
from gradc.tensor import Tensor, device
from gradc.compiler.compiled import compile, make_ir

__version__ = "0.1.0"
