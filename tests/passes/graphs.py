"""Graphs for the tests of passes: tracing a gradc function of given types, and values for a graph's inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import gradc.interpreter  # noqa: F401  (lets a graph be called)
from gradc.ir import UNKNOWN, Graph, Type
from gradc.tensor import Tensor, wrap
from gradc.tracing import Tracer


def traced(function: Callable[..., Any], *types: Type, names: Sequence[str] = "xyzuvw") -> Graph:
    """The graph of a gradc function of tensors of these types."""
    tracer = Tracer(UNKNOWN)
    inputs = [tracer.input(type, name) for type, name in zip(types, names, strict=False)]
    with tracer.on():
        result = function(*inputs)
        return tracer.graph("f", result if isinstance(result, tuple) else (result,))


def numbers(type: Type, generator: np.random.Generator) -> Tensor:
    """Random values of a type, integers small enough to be indices of most things."""
    if type.dtype.is_floating_point:
        return wrap(np.asarray(generator.standard_normal(type.shape)).astype(type.dtype.numpy))
    if type.dtype.short == "bool":
        return wrap(np.asarray(generator.integers(0, 2, type.shape)).astype(bool))
    return wrap(np.asarray(generator.integers(0, 3, type.shape)).astype(type.dtype.numpy))


def arrays(results: Any) -> list[np.ndarray]:
    """What a graph gave, as arrays; numbers among it too."""
    parts = results if isinstance(results, tuple) else (results,)
    return [np.asarray(x._array if isinstance(x, Tensor) else x) for x in parts]
