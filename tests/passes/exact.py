"""The exact values of functions on floats, to a thousand digits: what a rule that improves accuracy is held against."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np

from gradc.ir import Graph, Value

CONTEXT = Context(prec=1000, Emax=10**18 - 1, Emin=-(10**18 - 1), traps=[])
ONE = Decimal(1)

class OutOfReach(Exception):
    """The exponential of a number so large, or what cancels so far, that decimals do not hold it."""


def exp(x: Decimal) -> Decimal:
    if abs(x) > 10**17:
        raise OutOfReach
    return x.exp()


EXACT = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "reciprocal": lambda x: ONE / x,
    "sqrt": lambda x: x.sqrt(),
    "exp": exp,
    "log": lambda x: x.ln(),
    "log1p": lambda x: (ONE + x).ln(),
    "expm1": lambda x: exp(x) - 1,
    "sigmoid": lambda x: ONE / (ONE + exp(-x)),
    "softplus": lambda x: (ONE + exp(x)).ln(),
}


def evaluate(graph: Graph, *inputs: float) -> Decimal:
    """The one result of a graph of scalars; nan where it has no value.

    Raises OutOfReach.
    """
    with localcontext(CONTEXT):
        known: dict[Any, Decimal] = {v: Decimal(x) for v, x in zip(graph.inputs, inputs, strict=True)}
        for node in graph.nodes:
            operands = [known[x] if isinstance(x, Value) else Decimal(x) for x in node.inputs]
            known[node.outputs[0]] = EXACT[node.op.name](*operands)
        result = known[graph.outputs[0]]
    if result.is_infinite():
        raise OutOfReach
    return result


def ulps(computed: Any, exact: Decimal) -> float:
    """How far a float is from an exact value, in units of the last place of its type.

    What is smaller than the smallest normal number may as well be 0: XLA makes it so.
    """
    kind = type(computed)
    if exact.is_nan() or np.isnan(computed):
        return 0.0 if exact.is_nan() and np.isnan(computed) else np.inf
    with np.errstate(all="ignore"):
        nearest = kind(float(exact))
        if np.isinf(nearest) or np.isinf(computed):
            return 0.0 if nearest == computed else np.inf
        unit = Decimal(float(np.spacing(max(abs(nearest), abs(computed)))))
    with localcontext(CONTEXT):
        if max(abs(exact), abs(Decimal(float(computed)))) < Decimal(float(np.finfo(kind).tiny)):
            return 0.0
        return float(abs(Decimal(float(computed)) - exact) / unit)
