"""checkpoint in a trace: a function whose backward computes it once more instead of keeping its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc import calls
from gradc.compiler import naming
from gradc.compiler.region import Region, RegionTracer, region_name
from gradc.control.trees import Tree, flatten, rebuild
from gradc.ir import OPS, Graph, Value
from gradc.modes import current, enter
from gradc.ops.control import inlined, optimization_barrier
from gradc.passes.building import Builder
from gradc.passes.differentiate import expand_gradients


def checkpoint_in_trace(function: Callable[..., Tree], args: Sequence[Any], kwargs: dict[str, Any]) -> Tree:
    """`function(*args, **kwargs)` as one `custom` node that saves only what the function reads.

    Its backward region computes the function again, behind an `optimization_barrier`: without that, XLA would find
    that the two are equal, and keep the values of the first. The barrier also waits for the cotangents, so that
    nothing is computed again before its time.
    """
    trace = current().trace
    assert trace is not None
    tracer = RegionTracer(trace)
    before = enter(current().replace(trace=tracer))
    try:
        found, shape = flatten(function(*args, **kwargs), "checkpoint: what the function returns")
        results = [tracer.read(y) for y in found]
        if tracer.grads:
            tracer.check_unwritten("a checkpoint")
        written = tracer.written()
    finally:
        enter(before)
    name = region_name(Region(function, function, "", "checkpoint"))
    forward = expand_gradients(Graph(
        name, tuple(tracer.inputs), tuple(tracer.nodes),
        (*results, *[after for _, _, after in written], *tracer.inputs), tuple([before for _, before, _ in written]),
        len(tracer.inputs), loc=naming.location(function)))
    regions = [forward]
    if any(v in tracer.tracked for v in forward.inputs):
        regions.append(_backward(forward, [v in tracer.tracked for v in forward.inputs]))
    operands = [trace.tensor(tracer.outer[v]) for v in forward.inputs]
    found.clear()
    tracer.release()
    tracer.check_escapes()
    made = calls.record(trace, regions, operands, {}) if results or written else ()
    values = iter(made)
    outputs = rebuild(shape, [next(values) for _ in results])
    for tensor, _, _ in written:
        trace.write(tensor, next(values))
    return outputs


def _backward(forward: Graph, needs: Sequence[bool]) -> Graph:
    """The gradients of a forward graph from its operands and a cotangent for each result."""
    moving = [i for i, x in enumerate(forward.results) if isinstance(x, Value) and x.dtype.is_differentiable]
    seeds = [Value(f"d_{i}_{x.name.partition('[')[0]}", x.type) for i, x in enumerate(forward.results)
             if isinstance(x, Value)]
    builder = Builder(Graph(f"{forward.name}_backward", (*forward.inputs, *seeds), (), (), loc=forward.loc))
    plain = forward.replace(outputs=forward.results, updates=(), saved=0)

    def again(*tensors: Any) -> list[Any]:
        count = len(forward.inputs)
        held = optimization_barrier(*tensors[:count], *[tensors[count + i] for i in moving])
        results = inlined(plain, held[:count])
        asked = [held[i] for i, need in enumerate(needs) if need]
        made = builder.emit(OPS["gradient"], [builder.read(x) for x in (
            *[results[i] for i in moving], *held[count:], *asked)],
            {"of": len(moving), "seeded": True, "create_graph": True})
        found = iter(made)
        return [next(found) if need else None for need in needs]

    outputs = builder.call(forward.loc, again, *map(builder.tensor, (*forward.inputs, *seeds)))
    return expand_gradients(builder.finish(outputs=tuple(outputs)))
