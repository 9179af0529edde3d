"""Where the instructions of a function change objects, and which objects these are.

An instruction that stores does not say into what; the source text at its place does, by an expression that can be
looked at without computing anything.
"""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import linecache
from types import CodeType, FrameType
from typing import Any

UNKNOWN = object()
"""Stands for an object that cannot be found out."""

STORES = {"STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE"}
NAMES = {"STORE_GLOBAL": "global", "DELETE_GLOBAL": "global", "STORE_DEREF": "nonlocal", "DELETE_DEREF": "nonlocal"}


class Store:
    """An instruction that changes something: the object's expression, if its text is known, and what is done."""

    __slots__ = ("target", "kind", "text")

    def __init__(self, target: ast.expr | None, kind: str, text: str) -> None:
        self.target = target
        self.kind = kind
        self.text = text


@functools.lru_cache(maxsize=4096)
def stores(code: CodeType) -> dict[int, Store]:
    """The instructions of a function that change what may be known outside of it, by offset."""
    found: dict[int, Store] = {}
    loaded: str | None = None
    for instruction in dis.get_instructions(code):
        name, place = instruction.opname, instruction.positions
        if name in STORES:
            node = _expressions(code.co_filename).get(_span(place))
            target = node.value if isinstance(node, (ast.Attribute, ast.Subscript)) else None
            if node is None and name.endswith("ATTR") and loaded is not None:  # a text that nobody has
                target = ast.Name(loaded)
            kind = "attribute" if name.endswith("ATTR") else "item"
            found[instruction.offset] = Store(target, kind, ast.unparse(node) if node is not None else "something")
        elif name in NAMES and (name.endswith("GLOBAL") or instruction.argval in code.co_freevars):
            found[instruction.offset] = Store(None, NAMES[name], str(instruction.argval))
        elif name == "BINARY_OP" and instruction.argrepr.endswith("=") or name.startswith("INPLACE_"):
            statement = _expressions(code.co_filename).get(_span(place))
            target = statement.target if isinstance(statement, ast.AugAssign) else None
            text = ast.unparse(target) if target is not None else "something"
            found[instruction.offset] = Store(target, "augmented", text)
        loaded = instruction.argval if name == "LOAD_FAST" else None
    return found


def _span(place: Any) -> tuple[Any, ...]:
    return (None,) * 4 if place is None else (place.lineno, place.col_offset, place.end_lineno, place.end_col_offset)


@functools.lru_cache(maxsize=256)
def _expressions(filename: str) -> dict[tuple[Any, ...], Any]:
    """What is stored to in a file, by its place in the text."""
    source = "".join(linecache.getlines(filename))
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}
    found: dict[tuple[Any, ...], Any] = {}
    for node in ast.walk(tree):
        stored = isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load)
        if stored or isinstance(node, ast.AugAssign):
            found[node.lineno, node.col_offset, node.end_lineno, node.end_col_offset] = node  # type: ignore[attr-defined]
    return found


def evaluate(expression: ast.expr | None, frame: FrameType) -> Any:
    """The object that a simple expression stands for in a frame; UNKNOWN where finding it might do something."""
    if isinstance(expression, ast.Name):
        for names in (frame.f_locals, frame.f_globals, vars(builtins)):
            if expression.id in names:
                return names[expression.id]
        return UNKNOWN
    if isinstance(expression, ast.Attribute):
        owner = evaluate(expression.value, frame)
        if owner is UNKNOWN or isinstance(getattr(type(owner), expression.attr, None), property):
            return UNKNOWN
        return getattr(owner, expression.attr, UNKNOWN)
    if isinstance(expression, ast.Subscript):
        owner = evaluate(expression.value, frame)
        key = expression.slice.value if isinstance(expression.slice, ast.Constant) else evaluate(
            expression.slice, frame)
        if type(owner) in (list, dict, tuple) and type(key) in (int, str):
            try:
                return owner[key]
            except (KeyError, IndexError, TypeError):
                return UNKNOWN
    return UNKNOWN


