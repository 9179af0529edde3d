"""The exact values of functions on floats, to a 700 digits: what a rule that improves accuracy is held against."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np

from gradc.ir import Graph, Value

CONTEXT = Context(prec=700, Emax=10**18 - 1, Emin=-(10**18 - 1), traps=[])
ONE, TWO = Decimal(1), Decimal(2)

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
    "abs": abs,
    "reciprocal": lambda x: ONE / x,
    "sqrt": lambda x: x.sqrt(),
    "rsqrt": lambda x: ONE / x.sqrt(),
    "exp": exp,
    "exp2": lambda x: exp(x * TWO.ln()),
    "log": lambda x: x.ln(),
    "log2": lambda x: x.ln() / TWO.ln(),
    "log1p": lambda x: (ONE + x).ln(),
    "expm1": lambda x: exp(x) - 1,
    "sigmoid": lambda x: ONE / (ONE + exp(-x)),
    "softplus": lambda x: (ONE + exp(x)).ln(),
    "sinh": lambda x: (exp(x) - exp(-x)) / 2,
    "cosh": lambda x: (exp(x) + exp(-x)) / 2,
    "tanh": lambda x: 1 - 2 / (exp(2 * x) + 1),
    "erf": lambda x: erf(x),
    "erfc": lambda x: 1 - erf(x),
}

REDUCE = {"sum": np.sum, "amax": np.max, "amin": np.min}


def inverse_tangent(n: int) -> Decimal:
    """The angle whose tangent is one over a whole number."""
    term = total = ONE / n
    k = 1
    while abs(term) > Decimal(10) ** -700:
        k, term = k + 2, -term / (n * n)
        total += term / k
    return total


def erf(x: Decimal) -> Decimal:
    """The Taylor series, which cancels no more than the digits hold."""
    if abs(x) > 20:
        raise OutOfReach
    term, total, n = x, x, 0
    while abs(term) > Decimal(10) ** -650:
        n += 1
        term = -term * x * x / n
        total += term / (2 * n + 1)
    return 2 * total / ROOT_OF_PI


with localcontext(CONTEXT):
    ROOT_OF_PI = (16 * inverse_tangent(5) - 4 * inverse_tangent(239)).sqrt()


def evaluate(graph: Graph, *inputs: np.ndarray) -> np.ndarray:
    """The one result of a graph, as decimals; nan where it has no value.

    Raises OutOfReach.
    """
    with localcontext(CONTEXT) as context:
        if inputs[0].dtype == np.float32:
            context.prec = 250  # the range of numbers is smaller, and the time too
        known: dict[Any, Any] = {v: decimals(x) for v, x in zip(graph.inputs, inputs, strict=True)}
        for node in graph.nodes:
            operands = [known[x] if isinstance(x, Value) else Decimal(x) for x in node.inputs]
            name = node.op.name
            if name in REDUCE:
                known[node.outputs[0]] = np.asarray(REDUCE[name](
                    operands[0], axis=node.attrs["dim"], keepdims=node.attrs.get("keepdim", False)), dtype=object)
            else:
                function = np.frompyfunc(EXACT[name], len(operands), 1)
                known[node.outputs[0]] = np.asarray(function(*operands), dtype=object)
        result = known[graph.outputs[0]]
    if any(x.is_infinite() for x in result.flat):
        raise OutOfReach
    return result


def decimals(x: np.ndarray) -> np.ndarray:
    """An array of floats as one of decimals, which are the same numbers."""
    return np.asarray(np.frompyfunc(lambda v: Decimal(float(v)), 1, 1)(x), dtype=object)


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
