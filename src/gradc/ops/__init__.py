"""The ops: importing this package registers them all."""

from gradc.ops import (  # noqa: F401
    activation,
    arithmetic,
    arrangement,
    combination,
    comparison,
    conversion,
    creation,
    cumulative,
    elementary,
    gathering,
    indexing,
    joining,
    linear_algebra,
    loss,
    normalization,
    ordering,
    reduction,
    rounding,
    shape,
    statistics,
    structure,
)
from gradc.ops.base import Op, Pointwise
from gradc.ops.define import op

__all__ = ["Op", "Pointwise", "op"]
