"""Generated eager functions for ops that have a kernel: what `apply` calls.

Each is the text below with the op's operands and saved values written in. It serves operands of one floating type, with
numbers and None among them, where nothing is cast; every other case goes the general way. Pointwise ops of one or two
operands have quicker functions still, see fast.py.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.apply import finish, general, share
from gradc.node import CONSTANT, Node, count
from gradc.ops.base import Op
from gradc.tensor import LEAF, VIEW, Parameter, Tensor, edge, new

FUNCTION = """
def eager(modes, attrs, {operands}):
    d = None
{loads}
    if d is None or {other}:
        return general(op, ({operands},), attrs, modes)
    try:
{check}
        r = kernel(np, {arrays}, **attrs)
    except Exception:
        return general(op, ({operands},), attrs, modes)
    if r.__class__ is not ndarray:
        if r.__class__ is tuple:
            return finish(op, ({operands},), attrs, modes, r)
        r = asarray(r)
    t = new(Tensor)
    t._array = r
    t._storage = modes.storage()
    t._node = None
{view}
{link}
    return t
"""

LOAD = """
if {x}.__class__ is Tensor or {x}.__class__ is Parameter:
    {a} = {x}._array
    if d is None:
        d = {a}.dtype
    elif {a}.dtype is not d:
        return general(op, ({operands},), attrs, modes)
    {e} = {x}._node
    if {e} is not None and {e}.__class__ is not Node:
        {e} = {x} if {e} is LEAF else edge({x})
elif {x} is None or {x}.__class__ is float or {x}.__class__ is int:
    {a} = {x}
    {e} = None
else:
    return general(op, ({operands},), attrs, modes)
"""

LINK = """
if modes.grad and ({any_edge}) and (r.dtype is d or r.dtype.kind in "fcV"):
    k = Node()
    k.op = op
    k.attrs = attrs
    k.edges = ({edges},)
    k.number = count()
    k.saved = {saved}
    k.guards = {guards}
    k.signature = ({shapes}, {kinds})
{numbers}
    f = outside(getframe(1))
    k.code = f.f_code
    k.instruction = f.f_lasti
    if t._node is VIEW:
        t._view.node = k
    else:
        t._node = k
"""


def generate_eager(op: Op) -> Callable[..., Any] | None:
    """The function (modes, attrs, *operands) -> tensor for an op, None if it is not one that this module serves."""
    if op.kernel is None or op.variadic or not op.operands or op.effect or dtypes.FLOAT in op.rejects:
        return None
    variables = _variables(op)
    operands = ", ".join(variables)
    loads = "".join(LOAD.format(x=x, a=f"a_{x}", e=f"e_{x}", operands=operands) for x in variables)
    source = FUNCTION.format(
        operands=operands, arrays=", ".join(f"a_{x}" for x in variables),
        check=f"        op.infer({', '.join(f'a_{x}' for x in variables)}, **attrs)" if op.checked else "",
        other='d.char not in "fd"' if op.widens else 'd.kind != "f"',
        loads=textwrap.indent(loads, "    "), view=f"    share(op, {variables[0]}, t, attrs)" if op.view else "",
        link=_link(op) if op.saved_names is not None else "")
    names: dict[str, Any] = {
        "__name__": "gradc.generated", "np": op.namespace, "op": op, "kernel": op.kernel, "Tensor": Tensor,
        "Parameter": Parameter, "Node": Node, "LEAF": LEAF, "VIEW": VIEW, "CONSTANT": CONSTANT,
        "edge": edge, "new": new, "count": count, "ndarray": np.ndarray, "asarray": np.asarray, "share": share,
        "general": general, "finish": finish, "getframe": sys._getframe, "outside": locations.outside,
    }
    exec(compile(source, f"<gradc eager {op.name}>", "exec"), names)
    return names["eager"]  # type: ignore[no-any-return]


def _variables(op: Op) -> list[str]:
    """The operands' names in the generated function: not their own, which may be those of its other variables."""
    return [f"x{i}" for i in range(len(op.operands))]


def _link(op: Op) -> str:
    """The source that enters the result into the graph."""
    saved, guards = [], []
    variables = _variables(op)
    for is_result, position, readers in op.saved_sources:
        x = variables[0 if is_result else position]
        value, storage, version = ("r", "t._storage", "t._storage.version") if is_result else (
            f"a_{x}", f"CONSTANT if a_{x} is {x} else {x}._storage", f"0 if a_{x} is {x} else {x}._storage.version")
        wanted = [variables[i] for i in readers]
        if len(set(wanted)) < len(variables):
            value = f"{value} if {' or '.join(f'e_{w} is not None' for w in wanted)} else None"
        saved.append(f"{value}, ")
        guards.append(f"{storage}, {version}, ")
    number = "{x}" if op.specialises else "None"
    kinds = ", ".join(f"{x}.__class__ if a_{x} is {x} else d" for x in variables)
    numbers = ", ".join(f"{x} if a_{x} is {x} else None" for x in variables)
    any_number = " or ".join(f"a_{x} is {x}" for x in variables)
    text = LINK.format(
        numbers="" if len(variables) == 1 else f"    if {any_number}:\n        k.numbers = ({numbers})",
        any_edge=" or ".join(f"e_{x} is not None" for x in variables),
        edges=", ".join(f"e_{x}" for x in variables), saved=f"({''.join(saved)})", guards=f"({''.join(guards)})",
        kinds="d" if len(variables) == 1 else f"({kinds})",
        shapes=", ".join(f"{number.format(x=x)} if a_{x} is {x} else a_{x}.shape" for x in variables))
    return textwrap.indent(text, "    ")
