"""A few made-up operations, so that the IR is tested without the real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from gradc import dtypes
from gradc.ir import Graph, Type, Value


@dataclass(eq=False)
class FakeOp:
    """An op whose result has the type of its first value, unless `rule` says otherwise."""

    name: str
    rule: Any = None
    region: str | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    pointwise: bool = False
    effect: bool = False

    def infer(self, *operands: Any, **attrs: Any) -> Any:
        if self.rule is not None:
            return self.rule(*operands, **attrs)
        return next((x.type for x in operands if isinstance(x, Value)), Type(dtypes.float32))


def contract(a: Value, b: Value) -> Type:
    if a.shape[-1] != b.shape[0]:
        raise ValueError(f"a {a.type} and b {b.type} do not contract ({a.shape[-1]} != {b.shape[0]})")
    return Type(a.dtype, a.shape[:-1] + b.shape[1:])


def reduced(x: Value, dim: int, keepdim: bool = False) -> tuple[Type, Type]:
    shape = x.shape[:dim] + (1,) * keepdim + x.shape[dim + 1 :]
    return Type(x.dtype, shape), Type(dtypes.int64, shape)


def batched(body: Graph, *operands: Any) -> Type:
    sizes = next((x.shape[:1] for x in operands if isinstance(x, Value)), ())
    result = body.outputs[0]
    return Type(result.type.dtype, sizes + result.shape) if isinstance(result, Value) else Type(dtypes.float32, sizes)


ALL = [
    FakeOp("neg", pointwise=True),
    FakeOp("relu", pointwise=True),
    FakeOp("add", pointwise=True, defaults={"alpha": 1}),
    FakeOp("matmul", rule=contract),
    FakeOp("max_dim", rule=reduced, defaults={"keepdim": False}),
    FakeOp("only", rule=lambda x: (x.type,)),
    FakeOp("constant", rule=lambda value: value.type),
    FakeOp("log", rule=lambda *operands, **attrs: (), effect=True),
    FakeOp("free"),
    FakeOp("any"),
    FakeOp("pointwise", region="block"),
    FakeOp("vmap", rule=lambda body, *operands, **attrs: batched(body, *operands), region="call"),
    FakeOp("cond", rule=lambda then, other, *operands: then.outputs[0].type, region="call"),
]


@pytest.fixture(scope="session")
def ops() -> dict[str, FakeOp]:
    """The made-up operations by name."""
    return {op.name: op for op in ALL}
