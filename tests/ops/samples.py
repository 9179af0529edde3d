"""The registry as test cases: every op with every sample in every dtype, and how to run one on XLA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy import special
from quick_xla import QUICK

import gradc  # noqa: F401  (registers the ops)
from gradc import dtypes
from gradc.apply import apply
from gradc.backends.source import JAX, Source
from gradc.errors import DtypeError
from gradc.ir.registry import OPS
from gradc.ops import samples
from gradc.tensor import Tensor
from gradc.tracing import Tracer

FLOATS = (dtypes.float32, dtypes.float64)
COMPLEX = (dtypes.complex64, dtypes.complex128)
OTHERS = (dtypes.int64, dtypes.bool_)


def cases(*kinds: dtypes.dtype, names: Any = None) -> list[Any]:
    """(op, sample, dtype) for every registered op, as pytest parameters with readable ids."""
    return [pytest.param(op, sample, kind, id=f"{op.name}-{i}-{kind.short}")
            for op in list(OPS.values()) if names is None or op.name in names
            for i, sample in enumerate(getattr(op, "samples", ()))
            for kind in (kinds if _depends_on_dtype(sample) else kinds[:1])]


def _depends_on_dtype(sample: Any) -> bool:
    parts, _ = samples.split(sample)
    return any(isinstance(part, (tuple, samples.kinks, samples.reals)) or isinstance(part, list) and
               np.asarray(part).dtype.kind == "f" for part in parts)


def normal(random: np.random.Generator, x: Any) -> Any:
    """Random normal numbers of the shape and dtype of a tensor; of both parts if it is complex."""
    numbers = random.standard_normal(x.shape)
    return np.asarray(numbers + 1j * random.standard_normal(x.shape) if x.dtype.is_complex else numbers, x.dtype.numpy)


class Case:
    """One call of one op."""

    def __init__(self, op: Any, sample: Any, kind: dtypes.dtype) -> None:
        self.op = op
        self.attrs = {**op.defaults, **samples.split(sample)[1]}
        self.operands = samples.operands(sample, kind)

    def __call__(self, *tensors: Any) -> Any:
        """The op on `tensors` in place of the case's own; without any on the case's own."""
        return apply(self.op, tensors or tuple(self.operands), self.attrs)

    def results(self, *tensors: Any) -> tuple[Tensor, ...]:
        found = self(*tensors)
        return found if isinstance(found, tuple) else (found,)

    def rejected(self) -> Exception | None:
        """The error, if the op does not take operands of this dtype."""
        try:
            with np.errstate(all="ignore"):
                self()
        except (DtypeError, ValueError) as problem:  # ValueError: an integer to a negative power
            return problem
        return None


@contextmanager
def noting(text: str) -> Iterator[None]:
    """Say in an error which of the many things of one test it is about."""
    try:
        yield
    except Exception as problem:
        problem.add_note(text)
        raise


class OpeningTracer(Tracer):
    """Records what composites are made of in place of the composites."""

    def record(self, op: Any, operands: Any, attrs: Any) -> Any:
        if op.kernel is None and op.decompose is not None:
            return op.decompose(*op.promoted_tensors(operands), **attrs)
        return super().record(op, operands, attrs)


def lowered(function: Any, operands: list[Any], tracer: type[Tracer] = OpeningTracer) -> Any:
    """A jax function of the tensors among `operands`: `function` traced, and printed for jax.numpy."""
    recording = tracer()
    stand_ins = [recording.input(x.type_, f"x{i}") if isinstance(x, Tensor) else x for i, x in enumerate(operands)]
    with recording.on():
        found = function(*stand_ins)
    graph = recording.graph("lowered", found if isinstance(found, tuple) else (found,))
    source = Source(JAX)
    text = source.function(graph)
    names = {"jnp": jnp, "lax": lax, "special": special, **source.kernels}
    exec(compile(text, "<lowered>", "exec"), names)
    return names["lowered"]


def on_xla(function: Any, operands: list[Any]) -> list[np.ndarray[Any, Any]]:
    """The results of `function` on XLA, in 64 bits where the operands are."""
    return together_on_xla([function], [operands])[0]


def together_on_xla(functions: Sequence[Any],
                    operands: Sequence[list[Any]]) -> list[list[np.ndarray[Any, Any]]]:
    """The results of each function of its own operands, as one program: XLA compiles that in half the time."""
    programs = [lowered(f, given) for f, given in zip(functions, operands, strict=True)]
    arrays = [[x._array for x in given if isinstance(x, Tensor)] for given in operands]
    with jax.enable_x64(True):
        run = jax.jit(lambda arrays: [f(*given) for f, given in zip(programs, arrays, strict=True)],
                      compiler_options=QUICK)
        found = run(arrays)
    return [[np.asarray(r) for r in results] for results in found]


def close(found: Any, expected: Any, kind: Any = None, factor: float = 1.0) -> None:
    """Assert that two arrays agree to a few units in the last place of their dtype, and exactly in shape and dtype."""
    a, b = np.asarray(found), np.asarray(expected)
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    if a.dtype.kind in "biu":
        np.testing.assert_array_equal(a, b)
        return
    tolerance = factor * (1e-12 if a.dtype in (np.float64, np.complex128) else 1e-5)
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * (scale if scale < 1e30 else 0) * 0.1 + 1e-30)
