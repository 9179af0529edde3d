"""vmap: a function of one example as a function of many."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradc import locations
from gradc.compiler.arguments import leaves, tree_map
from gradc.errors import TransformError
from gradc.func.levels import Tree, flatten, refused
from gradc.func.tracing import FunctionTracer
from gradc.interpreter import execute
from gradc.ir import Value
from gradc.modes import current
from gradc.ops.joining import cat
from gradc.passes.batch import batch
from gradc.passes.dce import dce
from gradc.passes.differentiate import expand_gradients
from gradc.tensor import Tensor


def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable[..., Any]:
    """The function that computes `func` for every index of the dimensions `in_dims` of its arguments at once.

    `func` is traced for one example; the pass `batch` makes its graph into one of all examples, which runs at once.
    `in_dims` and `out_dims` are numbers, None for an argument that all examples share, or trees of them that match the
    arguments from the root on. `randomness` is "error", "same" or "different" for random numbers drawn inside.
    Keyword arguments are shared. `chunk_size` bounds how many examples are computed at a time.

    Raises TransformError for dimensions that do not fit, TraceError where func reads the value of one example.
    Source  torch.vmap, jax.vmap
    """
    if randomness not in ("error", "same", "different"):
        raise refused(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got "
                      f"{randomness!r}")
    if chunk_size is not None and chunk_size < 1:
        raise refused(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        flat, rebuild = flatten(args)
        dims = _spread(in_dims, args, "in_dims")
        size = _size_of(flat, dims)
        whole = [x.movedim(d, 0) if d else x for x, d in zip(flat, dims, strict=True)]
        flags = [d is not None for d in dims]

        def at_once(start: int, stop: int) -> tuple[list[Tensor], Callable[..., Tree]]:
            part = [x[start:stop] if f and (start or stop < size) else x for x, f in zip(whole, flags, strict=True)]
            return _run(called, part, flags, rebuild, stop - start, randomness)

        called = functools.partial(func, **kwargs)
        functools.update_wrapper(called, func)
        step = chunk_size or size or 1
        chunks = [at_once(i, min(i + step, size)) for i in range(0, size or 1, step)]
        results, shape_of = chunks[0]
        if len(chunks) > 1:
            results = [cat(parts) for parts in zip(*[found for found, _ in chunks], strict=True)]
        return _placed(results, shape_of, out_dims)

    return wrapped


def _run(func: Callable[..., Any], whole: Sequence[Any], flags: Sequence[bool], rebuild: Callable[..., Tree], size: int,
         randomness: str) -> tuple[list[Tensor], Callable[..., Tree]]:
    """The results of all examples, each along a new first dimension, and the tree they belong to."""
    outside = current()
    tracer = FunctionTracer(outside, size, randomness)
    names = [f"x_{i}" for i in range(len(whole))]
    args = rebuild([tracer.example(x, name) if f else x
                    for x, f, name in zip(whole, flags, names, strict=True)])
    with tracer.on(grad=outside.grad, autocast=outside.autocast):
        outputs, shape_of = flatten(func(*args))
        for y in outputs:
            if not isinstance(y, Tensor):
                raise TransformError(f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type "
                                     f"{type(y)} as a return{locations.quote(locations.here())}")
        written = tracer.written()
        graph = tracer.graph(_name(func), (*outputs, *[after for _, _, after in written]))
    graph = dce(expand_gradients(graph))
    batched, differ = batch(graph, size, [value in tracer.mapped for value in graph.inputs])
    environment: dict[Value, Any] = {value: tracer.sources[before]
                                     for value, before in zip(batched.inputs, graph.inputs, strict=True)}
    execute(batched.nodes, environment)
    found = [environment[v] for v in batched.outputs]  # type: ignore[index]
    _write_back(written, found[len(outputs) :], differ[len(outputs) :])
    return [x if d else x.expand((size, *x.shape))
            for x, d in zip(found[: len(outputs)], differ, strict=False)], shape_of


def _write_back(written: Sequence[Any], values: Sequence[Tensor], differ: Sequence[bool]) -> None:
    """Give tensors from outside that the function wrote in place their new values."""
    for (tensor, _, _), value, d in zip(written, values, differ, strict=True):
        if d:
            raise TransformError(f"vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a "
                                 f"Tensor `other` in extra_args that has more elements than `self`: {tensor.type_} is "
                                 f"shared by all examples, and what is written to it differs"
                                 f"{locations.quote(locations.here())}\n    Use the out-of-place form.")
        tensor.copy_(value)  # type: ignore[attr-defined]


def _name(func: Any) -> str:
    return str(getattr(func, "__name__", type(func).__name__)).replace("<lambda>", "function")


def _spread(dims: Any, tree: Tree, what: str) -> list[int | None]:
    """For each leaf of `tree` the entry of `dims`, a tree that matches it from the root on."""
    if dims is None or isinstance(dims, int):
        return [dims] * len(leaves(tree))
    if isinstance(dims, (tuple, list)) and isinstance(tree, (tuple, list)) and len(dims) == len(tree):
        return [d for part, item in zip(dims, tree, strict=True) for d in _spread(part, item, what)]
    if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
        return [d for key, item in tree.items() for d in _spread(dims[key], item, what)]
    raise refused(f"vmap: {what} is not compatible with the structure of "
                  f"{'inputs' if what == 'in_dims' else 'outputs'}: {what} is {dims!r}, the structure is "
                  f"{tree_map(lambda x: type(x).__name__, tree)!r}")


def _size_of(flat: Sequence[Any], dims: list[int | None]) -> int:
    """The number of examples; makes the dimensions count from the front."""
    sizes = []
    for i, (x, d) in enumerate(zip(flat, dims, strict=True)):
        if d is None:
            continue
        if not isinstance(x, Tensor):
            raise refused(f"vmap: Got in_dim={d} for an input but the input is of type {type(x)}. We cannot "
                          f"vmap over non-Tensor arguments, please use None as the respective in_dim")
        if not -x.ndim <= d < x.ndim:
            raise refused(f"vmap: Got in_dim={d} for some input, but that input is a Tensor of dimensionality "
                          f"{x.ndim} so expected in_dim to satisfy -{x.ndim} <= in_dim < {x.ndim}.")
        dims[i] = d % x.ndim
        sizes.append(x.shape[d])
    if not sizes:
        raise refused("vmap: at least one input must be mapped: got in_dims without a number, or no inputs")
    if len(set(sizes)) > 1:
        raise refused(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                      f"{sizes} for the mapped dimension")
    return int(sizes[0])


def _placed(results: Sequence[Tensor], shape_of: Callable[..., Tree], out_dims: Any) -> Tree:
    """The results as the caller gets them: with the examples along `out_dims`."""
    tree = shape_of(results)
    places = _spread(out_dims, tree, "out_dims")
    return shape_of([x[0] if d is None else x.movedim(0, d) if d else x for x, d in zip(results, places, strict=True)])

