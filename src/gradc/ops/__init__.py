"""The ops: importing this package registers them all."""

from gradc.ops import (  # noqa: F401
    activation,
    arithmetic,
    comparison,
    conversion,
    creation,
    elementary,
    indexing,
    linear_algebra,
    loss,
    reduction,
    shape,
    structure,
)
from gradc.ops.base import Op, Pointwise
from gradc.ops.define import op

__all__ = ["Op", "Pointwise", "op"]
