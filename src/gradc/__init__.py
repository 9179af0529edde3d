"""gradc: a graph-compiler autograd with a static and a dynamic mode.

`import gradc as torch` gives PyTorch's eager tensors and autograd on NumPy; `@gradc.compile` makes one XLA program of a
function or a whole training step, and shows every stage of it.
"""

from __future__ import annotations

import importlib
from math import e, inf, nan, pi
from typing import Any

from gradc import autograd, interpreter, ir, nn, optim
from gradc.compiler.compiled import compile, make_ir
from gradc.dtypes import (
    bfloat16,
    can_cast,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from gradc.dtypes import bool_ as bool
from gradc.dtypes import float16 as half
from gradc.dtypes import float32 as float
from gradc.dtypes import float64 as double
from gradc.dtypes import int16 as short
from gradc.dtypes import int32 as int
from gradc.dtypes import int64 as long
from gradc.formatting import set_printoptions
from gradc.generator import Generator, default_generator
from gradc.inspect.dynamic import graph, tree
from gradc.ir import OPS as _OPS
from gradc.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from gradc.ops.activation import *
from gradc.ops.arithmetic import *
from gradc.ops.arrangement import *
from gradc.ops.combination import *
from gradc.ops.comparison import *
from gradc.ops.conversion import *
from gradc.ops.creation import *
from gradc.ops.cumulative import *
from gradc.ops.elementary import *
from gradc.ops.gathering import *
from gradc.ops.indices import *
from gradc.ops.joining import *
from gradc.ops.linear_algebra import *
from gradc.ops.ordering import *
from gradc.ops.random import *
from gradc.ops.reduction import *
from gradc.ops.rounding import *
from gradc.ops.shape import *
from gradc.ops.statistics import *
from gradc.shapes import Size
from gradc.tensor import Tensor, device
from gradc.version import __version__

for _op in _OPS.values():
    for _alias in _op.aliases:
        globals().setdefault(_alias, _op)


def is_tensor(x: object) -> bool:
    """Whether x is a tensor, as torch.is_tensor."""
    return isinstance(x, Tensor)


def __getattr__(name: str) -> Any:
    """`gradc.contrast` is imported when first used: it draws tables, which most programs never need."""
    if name == "contrast":
        return importlib.import_module("gradc.inspect.contrast").contrast
    raise AttributeError(f"module 'gradc' has no attribute {name!r}")
