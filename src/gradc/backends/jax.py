"""Graphs as jax.numpy functions, compiled by XLA.

JAX is imported when a graph is first lowered. Its global configuration stays as it is: 64-bit types are enabled only
around the calls made here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import ml_dtypes

from gradc import dtypes
from gradc.backends.source import JAX, Source
from gradc.ir import Graph, Type
from gradc.tensor import on_device as as_tensor

NOTHING: Mapping[str, Any] = MappingProxyType({})
OFF = "xla_disable_hlo_passes"


class Lowered:
    """A graph as the source of a jax.numpy function, and that function under jax.jit.

    `source` is what runs, and can be taken away. Called with arrays, it compiles on first use and returns a tuple.
    `donate` are the positions of the arguments whose memory the results may take over, `options` XLA's.
    """

    tensor = staticmethod(as_tensor)
    """A result as a tensor."""

    def __init__(self, graph: Graph, donate: Sequence[int] = (), options: Mapping[str, Any] = NOTHING) -> None:
        import jax

        printed = Source(JAX)
        body = printed.function(graph)
        self.source = f"{_prelude(body, printed.kernels)}\n\n\n{body}\n"
        names: dict[str, Any] = {"__name__": "gradc.lowered", "ml_dtypes": ml_dtypes, **printed.kernels}
        exec(compile(self.source, f"<gradc {graph.name}>", "exec"), names)
        self.function: Callable[..., tuple[Any, ...]] = names[graph.name]
        self.types = [v.type for v in graph.inputs]
        self.donated = frozenset(donate)
        self.jitted = jax.jit(self.function, donate_argnums=tuple(donate), compiler_options=_options(graph, options))
        self.wide = jax.enable_x64

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        with self.wide(True):
            return self.jitted(*arrays)  # type: ignore[no-any-return]

    def lower(self) -> Any:
        """The jax.stages.Lowered for the graph's input types."""
        with self.wide(True):
            return self.jitted.lower(*self._abstract())

    def needs(self) -> int:
        """The bytes that XLA's program takes besides its arguments: temporary ones, and results of their own."""
        found = self.lower().compile().memory_analysis()
        return int(found.temp_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes)

    def jaxpr(self) -> str:
        """What JAX traced from the function, as text."""
        import jax

        with self.wide(True):
            return str(jax.make_jaxpr(self.function)(*self._abstract()))

    def result_types(self) -> list[Type]:
        """The types that JAX infers for the results."""
        import jax

        with self.wide(True):
            return [Type(dtypes.of(s.dtype), s.shape) for s in jax.eval_shape(self.function, *self._abstract())]

    def _abstract(self) -> list[Any]:
        import jax

        return [jax.ShapeDtypeStruct(t.shape, t.dtype.numpy) for t in self.types]


def _prelude(body: str, kernels: dict[str, Any]) -> str:
    lines = ["import jax.numpy as jnp"]
    if "special." in body:
        lines.append("from jax.scipy import special")
    if "lax." in body:
        lines.append("from jax import lax")
    named = sorted(name for name, kernel in kernels.items() if hasattr(kernel, "__name__"))
    if named:
        lines.append(f"# These kernels are more than one expression; they are gradc's own: {', '.join(named)}")
    return "\n".join(lines)


def _options(graph: Graph, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """What XLA is to be told: on the CPU it opens barriers, and then computes once what stands on both sides.

    A list of passes that are off takes the place of the one in XLA_FLAGS, so that one is part of it.
    """
    off = [*str(given.get(OFF, "")).split(",")]
    if any(node.op.name == "optimization_barrier" for node in graph.nodes):
        off.append("cse_barrier_expander")
    if not any(off):
        return dict(given) or None
    for flag in os.environ.get("XLA_FLAGS", "").split():
        name, _, value = flag.lstrip("-").partition("=")
        off += value.split(",") if name == OFF else []
    return {**given, OFF: ",".join(dict.fromkeys(filter(None, off)))}


def on_device(array: Any) -> Any:
    """A jax array with memory of its own, so that it may be donated."""
    import jax

    with jax.enable_x64(True):
        return jax.device_put(array, may_alias=False)
