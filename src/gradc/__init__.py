"""gradc: a graph-compiler autograd with a static and a dynamic mode.

`import gradc as torch` gives PyTorch's eager tensors and autograd on NumPy; `@gradc.compile` makes one XLA program of a
function or a whole training step, and shows every stage of it.
"""

from __future__ import annotations

import importlib
import sys
from math import e, inf, nan, pi
from typing import Any

from gradc import (
    accelerator,
    autograd,
    backends,
    compiler,
    cpu,
    cuda,
    fft,
    func,
    interpreter,
    ir,
    jit,
    linalg,
    nn,
    optim,
    passes,
    random,
    signal,
    special,
    types,
    utils,
    version,
)
from gradc import coverage as _coverage
from gradc.amp import autocast
from gradc.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled, set_anomaly_enabled
from gradc.compiler.compiled import compile, make_ir
from gradc.compiler.interop import to_jax
from gradc.compiler.report import no_retrace
from gradc.control import associative_scan, cond, fori_loop, scan, while_loop
from gradc.determinism import (
    are_deterministic_algorithms_enabled,
    is_deterministic_algorithms_warn_only_enabled,
    use_deterministic_algorithms,
)
from gradc.devices import get_default_device, set_default_device
from gradc.dtypes import (
    bfloat16,
    can_cast,
    complex64,
    complex128,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    set_default_tensor_type,
    uint8,
)
from gradc.dtypes import bool_ as bool
from gradc.dtypes import complex64 as cfloat
from gradc.dtypes import complex128 as cdouble
from gradc.dtypes import float16 as half
from gradc.dtypes import float32 as float
from gradc.dtypes import float64 as double
from gradc.dtypes import int16 as short
from gradc.dtypes import int32 as int
from gradc.dtypes import int64 as long
from gradc.formatting import set_printoptions
from gradc.func import vmap
from gradc.func.foreign import from_jax
from gradc.inspect.dynamic import graph, tree
from gradc.ir import OPS as _OPS
from gradc.layouts import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from gradc.linalg import householder_product as orgqr
from gradc.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from gradc.nn.functions.dropouts import alpha_dropout, feature_alpha_dropout
from gradc.nn.functions.normalization import group_norm, layer_norm, rms_norm
from gradc.nn.functions.padding import constant_pad_nd
from gradc.nn.functions.pooling import (
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    avg_pool1d,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool3d,
)
from gradc.ops.activation import *
from gradc.ops.angles import *
from gradc.ops.arithmetic import *
from gradc.ops.arrangement import *
from gradc.ops.combination import *
from gradc.ops.comparison import *
from gradc.ops.complex import *
from gradc.ops.conversion import *
from gradc.ops.convolution import *
from gradc.ops.creation import *
from gradc.ops.cumulative import *
from gradc.ops.differences import *
from gradc.ops.distances import *
from gradc.ops.elementary import *
from gradc.ops.elimination import *
from gradc.ops.extremes import *
from gradc.ops.factorizations import *
from gradc.ops.floating import *
from gradc.ops.folding import *
from gradc.ops.gathering import *
from gradc.ops.grids import *
from gradc.ops.indices import *
from gradc.ops.interchange import *
from gradc.ops.joining import *
from gradc.ops.least_squares import *
from gradc.ops.linear_algebra import *
from gradc.ops.low_rank import *
from gradc.ops.matrices import *
from gradc.ops.norms import *
from gradc.ops.older import *
from gradc.ops.ordering import *
from gradc.ops.own import *
from gradc.ops.products import *
from gradc.ops.quantiles import *
from gradc.ops.random import *
from gradc.ops.rectifiers import *
from gradc.ops.reduction import *
from gradc.ops.rounding import *
from gradc.ops.scattering import *
from gradc.ops.searching import *
from gradc.ops.shape import *
from gradc.ops.sizing import *
from gradc.ops.special import *
from gradc.ops.spectrogram import *
from gradc.ops.statistics import *
from gradc.ops.strided import *
from gradc.ops.tapers import *
from gradc.ops.writing import *
from gradc.ops.writing import IN_PLACE as _IN_PLACE
from gradc.passes.rewriting import rewrite
from gradc.passes.simplify import rule
from gradc.settings import *
from gradc.shapes import Size
from gradc.tensor import Tensor, device
from gradc.version import __version__

newaxis = None

for _op in _OPS.values():
    for _alias in _op.aliases:
        globals().setdefault(_alias, _op)
for _name in _IN_PLACE:
    globals()[_name] = getattr(Tensor, _name)


def is_tensor(x: object) -> bool:
    """Whether x is a tensor, as torch.is_tensor."""
    return isinstance(x, Tensor)


def _assert(condition: Any, message: str) -> None:
    """Python's assert, as torch._assert: models call it so that PyTorch's tracer notes it."""
    assert condition, message


_LATER = {
    "as_torch": "gradc.cli.as_torch", "contrast": "gradc.inspect.contrast", "explain_grad": "gradc.inspect.explain",
    "load": "gradc.serialization", "print_saved": "gradc.inspect.saved",
    "run": "gradc.cli.run", "save": "gradc.serialization",
}
_LATER_MODULES = ("distributed", "distributions", "fx", "hub", "multiprocessing", "onnx", "serialization", "testing")


def __getattr__(name: str) -> Any:
    """What most programs never need is imported when it is first used."""
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    if name in _LATER_MODULES:
        module = importlib.import_module(f"gradc.{name}")
        _coverage.guard()
        return module
    raise _coverage.MissingName("torch", name, "module 'gradc'", sys.modules[__name__])


_coverage.guard()
