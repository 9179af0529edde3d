"""A user's Function in a trace: one `custom` node, with forward and backward traced into its regions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

from gradc.autograd.context import FunctionCtx, among, check_dirty, check_marks, checked_gradients
from gradc.compiler import naming
from gradc.compiler.region import RegionTracer
from gradc.ir import OPS, Graph, Value
from gradc.modes import Modes, enter
from gradc.node import TracedNode
from gradc.ops.creation import zeros
from gradc.ops.custom import Batched, Place
from gradc.passes.differentiate import differentiate, expand_gradients
from gradc.tensor import Tensor


def apply_in_trace(cls: Any, ctx: FunctionCtx, args: tuple[Any, ...], separate: bool, modes: Modes) -> Any:
    """Record one call of a Function in the trace that is on.

    Backward is traced at once, on symbolic cotangents, if an argument requires grad. Raises TraceError for what neither
    may do in a trace, such as reading a value.
    """
    call = _Call(cls, ctx, args, modes)
    output = call.forward(separate)
    several = isinstance(output, tuple)
    if call.linked:
        call.backward()
    results = call.record()
    del output
    call.end()
    return tuple(results) if several else results[0]


class _Call:
    """One call being recorded: the traces of its regions, and what they have made so far."""

    def __init__(self, cls: Any, ctx: FunctionCtx, args: tuple[Any, ...], modes: Modes) -> None:
        self.cls, self.ctx, self.args, self.modes = cls, ctx, args, modes
        assert modes.trace is not None
        self.parent = modes.trace
        self.linked = modes.grad and any(ctx.needs_input_grad)
        self.name = self.parent.name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_",
                                            cls.__name__).lower().strip("_"))
        self.region = RegionTracer(self.parent)
        self.outputs: tuple[Any, ...] = ()
        self.differentiable: list[bool] = []
        self.pulled: Graph | None = None
        self.saved: list[Value] = []

    def forward(self, separate: bool) -> Any:
        """Run the user's forward on the arguments, recording it."""
        cls, ctx, args = self.cls, self.ctx, self.args
        for x, name in zip(args, _parameters(cls, len(args), separate), strict=True):
            if isinstance(x, Tensor):
                self.region.found(x, name)
        inside = self.modes.replace(grad=False, trace=self.region)
        before = enter(inside)
        try:
            output = cls._run(ctx, args, separate, inside)
            self.outputs = output if isinstance(output, tuple) else (output,)
            check_marks(ctx, args, self.outputs)
            self.values = [self.region.read(y) if isinstance(y, Tensor) else None for y in self.outputs]
        finally:
            enter(before)
        if self.region.grads:
            self.region.check_unwritten(f"the forward of {cls.__name__}")
        self.differentiable = [
            self.linked and v is not None and v.dtype.is_differentiable and not among(y, ctx.non_differentiable)
            for y, v in zip(self.outputs, self.values, strict=True)]
        for y in self.outputs:
            if self.linked and among(y, ctx.dirty_tensors) and among(y, args):
                check_dirty(y, len(self.outputs) > 1)
        self.region.tracked.update(v for v, d in zip(self.values, self.differentiable, strict=True) if d)
        return output

    def backward(self) -> None:
        """Run the user's backward on a cotangent for each result, recording it."""
        cls, ctx, region = self.cls, self.ctx, self.region
        saved = tuple(ctx.to_save)
        ctx._unpack = lambda: saved
        before = enter(self.modes.replace(grad=False, trace=region))
        try:
            inner = RegionTracer(region, draws=False)
        finally:
            enter(before)
        enter(self.modes.replace(grad=True, trace=inner))
        try:
            cotangents = self._cotangents(inner)
            found = cls._pulled(ctx, [self._given(g, d) for g, d in zip(cotangents, self.differentiable, strict=True)])
            types = [x.type_ if isinstance(x, Tensor) else None for x in self.args]
            gradients = checked_gradients(f"{cls.__name__}Backward", found, types, ctx.needs_input_grad)
            by_input: dict[Value, Any] = {}
            for x, g in zip(self.args, gradients, strict=True):
                if g is not None:
                    value = region.first[id(x)][1]
                    by_input[value] = g if value not in by_input else by_input[value] + g
            outputs = {value: inner.read(g) for value, g in by_input.items()}
            inner.check_unwritten(f"the backward of {cls.__name__}")
        finally:
            enter(before)
        given = [v for v in inner.inputs if v in inner.outer]
        self.saved = [inner.outer[v] for v in given]
        asked = [v for v in inner.inputs if v not in inner.outer]
        self.pulled = expand_gradients(Graph(
            self.parent.name(f"{self.name}_backward"), (*given, *asked), tuple(inner.nodes),
            tuple([outputs.get(v) for v in region.inputs]), loc=naming.location(_user_backward(cls))))
        inner.release()
        self.inner = inner

    def _cotangents(self, inner: RegionTracer) -> list[Tensor | None]:
        """A stand-in for the cotangent of each result; None for an output that is no tensor."""
        found: list[Tensor | None] = []
        for v in self.values:
            if v is None:
                found.append(None)
                continue
            g = inner.input(v.type, f"d_{v.name.replace('[', '_').rstrip(']')}")
            inner.tracked.add(inner.read(g))
            found.append(g)
        return found

    def _given(self, g: Tensor | None, differentiable: bool) -> Tensor | None:
        """The cotangent as backward gets it: of a result without a gradient zeros, or None."""
        if g is None or differentiable:
            return g
        return zeros(g.shape, dtype=g.dtype) if self.ctx.materialize_grads else None

    def record(self) -> list[Any]:
        """Append the node, and return the outputs as the user gets them."""
        region, parent = self.region, self.parent
        dirty = [among(y, self.ctx.dirty_tensors) and among(y, self.args) for y in self.outputs]
        returned = [y for y, d in zip(self.outputs, dirty, strict=True) if d]
        written = [(x, b, a) for x, b, a in region.written() if not among(x, returned)]
        results = [v for v in self.values if v is not None]
        if not results and not written:
            return list(self.outputs)
        forward = differentiate(Graph(
            self.name, tuple(region.inputs), tuple(region.nodes), (*results, *[a for _, _, a in written], *self.saved),
            tuple([b for _, b, _ in written]), len(self.saved), loc=naming.location(self.cls.forward)))
        regions = (forward,) if self.pulled is None else (forward, self.pulled)
        rule = self.cls._own_vmap()
        batched = "" if rule is None else self._batched(rule)
        made = parent.emit(OPS["custom"], [region.outer[v] for v in region.inputs], {"function": batched}, regions)
        if isinstance(batched, Batched):
            batched.extra = len(made) - len(results)
        values = iter(made)
        outputs = [self._result(y, next(values), i, dirty[i]) if isinstance(y, Tensor) else y
                   for i, y in enumerate(self.outputs)]
        for x, _, _ in written:
            parent.write(x, parent.tensor(next(values)))
        return outputs

    def _batched(self, rule: Any) -> Batched:
        """The user's vmap, with what the batch pass needs to call it."""
        arguments = [Place(self.region.inputs.index(self.region.first[id(x)][1])) if isinstance(x, Tensor) else x
                     for x in self.args]
        return Batched(self.cls.__name__, rule, arguments, self.linked)

    def _result(self, y: Tensor, value: Value, i: int, dirty: bool) -> Tensor:
        result = self.parent.tensor(value)
        if self.differentiable[i]:
            self.parent.tracked.add(value)
            result._node = TracedNode(self.cls._node_class.op, {}, ())
        if dirty:
            self.parent.write(y, result)
            return y
        return result

    def end(self) -> None:
        """Let go of what the regions hold. Raises TraceError if one of their tensors lives on outside."""
        region, inner = self.region, getattr(self, "inner", None)
        self.ctx.__dict__.clear()
        self.__dict__.clear()
        for each in (region, inner):
            if each is not None:
                each.release()
                each.check_escapes()


def _parameters(cls: Any, count: int, separate: bool) -> Sequence[str]:
    """What forward calls its arguments."""
    names: list[str] = []
    for p in list(inspect.signature(cls.forward).parameters.values())[not separate :]:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}_{i}" for i in range(count - len(names))]
        elif p.kind is not p.VAR_KEYWORD:
            names.append(p.name)
    return [*names, *(f"argument_{i}" for i in range(len(names), count))][:count]


def _user_backward(cls: Any) -> Any:
    return cls.backward if "vjp" not in vars(cls) else cls.vjp
