"""Generated eager functions for pointwise ops of one or two operands: the hottest code of the project.

Each is the text below with the op's kernel and saved values written in. It serves the common case (eager mode,
operands of one type, or a tensor and a number) and leaves every other case to `general`: the op's general call, or
what a special method of Tensor does for operands it does not know.
"""

from __future__ import annotations

import functools
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.expression import Expression, Namespace
from gradc.inplace import into, takes_out
from gradc.modes import current
from gradc.node import CONSTANT, Node, count
from gradc.ops.base import Op, Pointwise
from gradc.ops.namespace import Special
from gradc.tensor import LEAF, Parameter, Tensor, edge, new

UNARY = """
def {name}(x{parameters}):
    kind = x.__class__
    if {plain}(kind is Tensor or kind is Parameter):
        modes = current()
        if modes.quick:
            a = x._array
{one}
    return {otherwise}
"""

BINARY = """
def {name}(x, y{parameters}):
    kind = x.__class__
    if {plain}(kind is Tensor or kind is Parameter):
        modes = current()
        if modes.quick:
            a = x._array
            other = y.__class__
            if other is Tensor or other is Parameter:
                b = y._array
{both}
            elif other is float or other is int:
                b = y
{number}
    return {otherwise}
"""

REFLECTED = """
def {name}(y, x):
    kind = x.__class__
    other = y.__class__
    if (other is Tensor or other is Parameter) and (kind is float or kind is int):
        modes = current()
        if modes.quick:
            a = x
            b = y._array
{reflected}
    return general(y, x)
"""

COMPUTE = """
try:
    r = {kernel}
except Exception:
    return general({call})
d = {array}.dtype
if {accepted}:
    t = new(Tensor)
    t._array = r if r.__class__ is ndarray else asarray(r)
    t._storage = modes.storage()
    t._node = None
{link}
    return t
"""

EDGE = """
{edge} = {tensor}._node
if {edge} is not None and {edge}.__class__ is not Node:
    {edge} = {tensor} if {edge} is LEAF else edge({tensor})
"""

LINK = """
if modes.grad:
{find_edges}
    if {any_edge}:
        k = t._node = Node()
        k.op = op
        k.attrs = EMPTY
        k.edges = {edges}
        k.number = count()
        k.saved = {saved}
        k.guards = {guards}
        k.signature = {signature}{numbers}
        f = getframe(1)
        c = f.f_code
        if ours[c.co_filename]:
            f = outer(f)
            c = f.f_code
        k.code = c
        k.instruction = f.f_lasti
"""


KINDS = {dtypes.BOOL: "b", dtypes.INT: "iu", dtypes.FLOAT: "fV", dtypes.COMPLEX: "c"}
"""NumPy's letters for the kinds of dtypes in a category."""


Holders = list[tuple[Any, str]]
"""The classes, and the attributes of them, under which a function is to be found."""


def accelerate(op: Op) -> Callable[[Callable[..., Any], bool, Holders], Callable[..., Any]] | None:
    """A maker of functions for `op`: given `general`, whether a reflected operator is to be made, and its holders.

    None if the op is not one of those that this module serves. The op's own call is replaced. A function is generated
    when it is first called, and takes its own place in its holders: importing stays quick.
    """
    if not isinstance(op, Pointwise) or op.defaults or len(op.operands) > 2 or op.kernel is None or op.variadic:
        return None
    try:
        kernel = str(op.kernel(Namespace("np", {"special": "special"}), *map(Expression, "ab"[: len(op.operands)])))
    except Exception:  # a kernel that is more than one expression
        return None

    def make(general: Callable[..., Any], reflected: bool, holders: Holders, more: str = "") -> Callable[..., Any]:
        @functools.wraps(general)
        def first(*args: Any, **attrs: Any) -> Any:
            function = _compile(op, _source(op, kernel, reflected, more), general)
            for holder, name in holders:
                setattr(holder, name, function if holder is Tensor else staticmethod(function))
            return function(*args, **attrs)

        return first

    more = ", *, out=None" if type(op).call is Op.call else ", *rest, **attrs"
    names = (op.name, *op.aliases) if op.method else ()
    holders = [(type(op), "__call__"), *((Tensor, name) for name in names)]
    call = op.call if "out" in op.call.__code__.co_varnames or type(op).call is Op.call else takes_out(op.call, op.name)
    type(op).__call__ = staticmethod(make(call, False, holders, more))  # type: ignore[method-assign]
    return make


def _source(op: Pointwise, kernel: str, reflected: bool, more: str) -> str:
    """The source of a generated function; `more` are the further parameters of the op's own call."""
    rest = more if "*rest" in more else ""
    plain = "not rest and not attrs and " if rest else "out is None and " if more else ""
    operands = ", ".join("xy"[: len(op.operands)])
    otherwise = f"general({operands}{rest})"
    if more and not rest:
        otherwise += f" if out is None else into(out, general({operands}), {op.name!r})"
    fields = {"name": op.name, "parameters": more, "plain": plain, "otherwise": otherwise}
    if reflected:
        return REFLECTED.format(reflected=_compute(op, kernel, ("None", "n"), 3, "y, x"), **fields)
    if len(op.operands) == 1:
        return UNARY.format(one=_compute(op, kernel, ("m",), 3, f"x{rest}"), **fields)
    return BINARY.format(both=_compute(op, kernel, ("m", "n"), 4, f"x, y{rest}"),
                         number=_compute(op, kernel, ("m", "None"), 4, f"x, y{rest}"), **fields)


def _compute(op: Pointwise, kernel: str, edges: Sequence[str], depth: int, call: str) -> str:
    """The source that computes the result; an operand whose edge is called "None" is a number."""
    array = "b" if edges[0] == "None" else "a"
    if op.result in ("same", "real"):
        accepted = "r.dtype is d"
        if "None" not in edges and len(edges) == 2:
            accepted += " and d is b.dtype"
    elif "None" in edges:
        accepted = f"(d.kind == 'f' or {'kind' if array == 'b' else 'other'} is int and d.kind == 'i')"
    else:
        accepted = "True" if len(edges) == 1 else "d is b.dtype"
    refused = "".join(KINDS[category] for category in op.rejects)
    if refused:
        accepted += f" and (d is single or d.kind not in {refused!r})"
    text = COMPUTE.format(kernel=kernel, call=call, array=array, accepted=accepted, link=_link(op, edges))
    return textwrap.indent("\n".join(line for line in text.splitlines() if line), "    " * depth)


def _link(op: Op, edges: Sequence[str]) -> str:
    """The source that enters the result into the graph, for operands x and y whose edges are called `edges`."""
    if op.saved_names is None:
        return ""
    linked = {e: x for e, x in zip(edges, "xy", strict=False) if e != "None"}
    find_edges = "".join(EDGE.format(edge=e, tensor=x) for e, x in linked.items())
    saved, guards = [], []
    for is_result, position, readers in op.saved_sources:
        wanted = [edges[i] for i in readers if edges[i] != "None"]
        value, owner = ("t._array", "t") if is_result else ("ab"[position], "xy"[position])
        if not wanted:
            value = "None"
        elif len(wanted) < len(linked):
            value = f"{value} if {' or '.join(f'{e} is not None' for e in wanted)} else None"
        saved.append(value)
        # Nothing can write a number.
        number = not wanted or not is_result and edges[position] == "None"
        guards.append("CONSTANT, 0" if number else f"{owner}._storage, {owner}._storage.version")
    shapes = [f"{x}.shape" if e != "None" else x if op.specialises else "None"
              for e, x in zip(edges, "ab", strict=False)]
    numbers = ["None" if e != "None" else x for e, x in zip(edges, "ab", strict=False)]
    text = LINK.format(find_edges=textwrap.indent(find_edges, "    "),
                       any_edge=" or ".join(f"{e} is not None" for e in linked), edges=_tuple(edges),
                       saved=_tuple(saved), guards=_tuple(guards), signature=_tuple([*shapes, "d"]),
                       numbers=f"\n        k.numbers = {_tuple(numbers)}" if "None" in edges else "")
    return textwrap.indent(text, "    ")


def _tuple(parts: Sequence[str]) -> str:
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _compile(op: Op, source: str, general: Callable[..., Any]) -> Callable[..., Any]:
    names: dict[str, Any] = {
        "__name__": "gradc.generated", "np": np, "Tensor": Tensor, "Parameter": Parameter,
        "Node": Node, "CONSTANT": CONSTANT, "LEAF": LEAF, "edge": edge, "new": new, "current": current, "count": count,
        "ndarray": np.ndarray, "asarray": np.asarray, "single": np.dtype(np.float32), "getframe": sys._getframe,
        "ours": locations.package_files, "outer": locations.outside, "EMPTY": {}, "op": op, "general": general,
        "into": into, "special": Special(),
    }
    for used in set(re.findall(r"\bnp\.(\w+)", source)):  # one lookup less at every call
        source = source.replace(f"np.{used}(", f"np_{used}(")
        names[f"np_{used}"] = getattr(np, used)
    exec(compile(source, f"<gradc {op.name}>", "exec"), names)
    function: Callable[..., Any] = names[op.name]
    function.__doc__ = op.__doc__
    return function
