"""What the text of a program says about where a gradient was lost, when only its tensors are left."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import linecache
import os
from collections.abc import Iterator, Sequence
from types import CellType, CodeType, FrameType
from typing import Any

from gradc import locations
from gradc.inspect.explain_cause import Cause
from gradc.locations import Location
from gradc.tensor import Tensor, edge

DETACH = ("detach", "gives the values without their history")
INTEGER = ("integer", "gives integers or truth values, which have no gradient")
READ = ("read", "reads the values out of the graph")
REBUILT = ("rebuilt", "makes a new tensor of the values alone")

CALLS = (
    dict.fromkeys(("detach", "detach_", "stop_gradient"), DETACH)
    | dict.fromkeys(("long", "int", "short", "byte", "char", "bool", "argmax", "argmin", "argsort", "multinomial",
                     "one_hot", "eq", "ne", "lt", "le", "gt", "ge", "count_nonzero", "bincount", "searchsorted",
                     "bucketize", "isnan", "nonzero"), INTEGER)
    | dict.fromkeys(("item", "numpy", "tolist", "float", "asarray", "array"), READ)
    | dict.fromkeys(("tensor", "Tensor", "from_numpy", "Parameter", "requires_grad_", "deepcopy"), REBUILT)
    | {"set_data": DETACH, "zeros_like": ("independent", "takes only the shape"),
       "ones_like": ("independent", "takes only the shape"), "randn_like": ("independent", "takes only the shape"),
       "rand_like": ("independent", "takes only the shape"),
       "backward": ("read", "goes backward already, and returns nothing to go on with")}
)
"""Calls after which a gradient cannot go on, by name: the kind of cause, and what the call does."""

READERS = {"np", "numpy", "math", "statistics"}
"""Modules whose functions know nothing of gradients."""

FORMS = {"shape", "size", "dtype", "ndim", "dim", "numel", "device"}
"""What a tensor can be asked without a look at its values."""

SWITCHES = {"no_grad", "inference_mode"}
MOST = 3
DEEPEST = 4
"""How many calls deep the text is followed."""


def guesses(frame: FrameType | None, loss: Tensor, w: Tensor) -> list[Cause]:
    """The lines that probably cut loss from w, the likeliest first, at most three; none if the text is not there."""
    if frame is None:
        return []
    reader = _Reader(frame.f_code, {**frame.f_globals, **frame.f_locals}, loss, w)
    return reader.found(frame.f_lineno, frame.f_lasti)[:MOST]


@functools.lru_cache(maxsize=64)
def _parsed(path: str, text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


@functools.lru_cache(maxsize=1024)
def _body_of(code: CodeType) -> ast.AST | None:
    """The function definition or module that a code object was compiled from."""
    tree = _parsed(code.co_filename, "".join(linecache.getlines(code.co_filename)))
    if tree is None or code.co_name == "<module>":
        return tree
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == code.co_name:
            if code.co_firstlineno in (node.lineno, *(d.lineno for d in node.decorator_list)):
                return node
    return None


def _called(call: ast.AST) -> str:
    """The last name of what is called, as `detach` in `x.detach()`; empty for anything else."""
    if not isinstance(call, ast.Call):
        return ""
    return call.func.attr if isinstance(call.func, ast.Attribute) else \
        call.func.id if isinstance(call.func, ast.Name) else ""


def _turns_off(node: ast.AST) -> bool:
    """Whether an expression turns gradients off: no_grad, inference_mode or set_grad_enabled(False)."""
    for part in ast.walk(node):
        name = part.attr if isinstance(part, ast.Attribute) else part.id if isinstance(part, ast.Name) else ""
        if name in SWITCHES or _called(part) == "set_grad_enabled" and "False" in ast.unparse(part):
            return True
    return False


def _reads(node: ast.AST | None) -> set[str]:
    """The variables and dotted names whose values an expression reads, not those of which it asks the form alone."""
    found: set[str] = set()
    stack = [] if node is None else [node]
    while stack:
        part = stack.pop()
        if isinstance(part, (ast.Name, ast.Attribute)) and not isinstance(part.ctx, ast.Store):
            found.add(ast.unparse(part))
        if not isinstance(part, ast.Attribute) or part.attr not in FORMS:
            stack.extend(ast.iter_child_nodes(part))
    return found


def _targets(node: ast.AST) -> set[str]:
    """The names that storing to this target changes."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return set().union(*map(_targets, node.elts)) if node.elts else set()
    while isinstance(node, (ast.Subscript, ast.Starred)):
        node = node.value
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return set()
    name = ast.unparse(node)
    return {name, name.partition(".")[0]}  # an object changes with its attributes


class _Statement:
    """A simple statement: what it reads and changes, and where gradients were turned off around it."""

    aside = False
    """Whether it writes through `.data`."""

    def __init__(self, node: ast.stmt, off: int | None) -> None:
        self.line = node.lineno
        self.off = off
        self.value: ast.AST = node
        self.changes: set[str] = set()
        self.replaces = False
        if isinstance(node, ast.Assign):
            self.value = node.value
            self.changes = set().union(*map(_targets, node.targets))
            self.replaces = all(isinstance(part, (ast.Name, ast.Tuple, ast.List, ast.Store))
                                for target in node.targets for part in ast.walk(target))
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            self.value = node.value or node
            self.changes = _targets(node.target)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self.value, self.changes = node.iter, _targets(node.target)
        elif isinstance(node, (ast.If, ast.While)):
            self.value = node.test
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) \
                and isinstance(node.value.func, ast.Attribute):
            self.value = node.value
            self.changes = _targets(node.value.func.value)  # a method may change its object
            self.aside = node.value.func.attr.endswith("_")
        self.reads = _reads(self.value)
        if isinstance(node, ast.AugAssign):
            self.reads |= self.changes
        written = {name for name in self.changes if name.endswith(".data")}
        self.aside = bool(written) and (self.aside or not isinstance(node, ast.Expr))
        self.changes |= {name.removesuffix(".data") for name in written}


def _statements(body: Sequence[ast.stmt], off: int | None = None) -> Iterator[_Statement]:
    """The simple statements of a body in the order of the text."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if isinstance(node, (ast.With, ast.AsyncWith)):
            switch = any(_turns_off(item.context_expr) for item in node.items)
            yield from _statements(node.body, node.lineno if switch else off)
            continue
        if isinstance(node, ast.Expr) and _turns_off(node.value):
            off = node.lineno
            continue
        yield _Statement(node, off)
        for part in ("body", "orelse", "finalbody"):
            if not isinstance(node, ast.Expr):
                yield from _statements(getattr(node, part, ()), off)


class _Reader:
    """Follows the values of w through the text of a function."""

    def __init__(self, code: CodeType, names: dict[str, Any], loss: Tensor | None, w: Tensor | None,
                 seen: frozenset[CodeType] = frozenset()) -> None:
        self.code = code
        self.path = code.co_filename
        self.names = names
        self.loss = loss
        self.w = w
        self.seen = seen | {code}
        self.outermost = not seen
        self.body = _body_of(code)

    def place(self, line: int) -> Location:
        return Location(os.path.basename(self.path), line, (), self.path)

    def found(self, last: int, instruction: int) -> list[Cause]:
        """The probable causes up to line `last`, of what loss is computed from if there are any."""
        if self.body is None:
            return []
        call = self._question(instruction)
        steps = self._steps(last)
        if call is not None and call.args:
            asked = ast.Assign([ast.Name("the loss", ast.Store())], call.args[0], lineno=last)
            steps.append(_Statement(asked, None))
        holders = self._holders(self.w) | (_reads(call.args[1]) if call is not None and len(call.args) > 1 else set())
        wanted = self._holders(self.loss) | {"the loss"}
        if self.w is not None and edge(self.w) is None:
            return self._making(steps, holders)
        used = _slice(steps, wanted)
        followed = self._follow(steps, set(holders))
        return [cause for step, cause in followed if step in used or not used]

    def _question(self, instruction: int) -> ast.Call | None:
        """The call that an instruction is part of: that of explain_grad, if it was called directly."""
        place = next(itertools.islice(self.code.co_positions(), instruction // 2, None), None)
        return next((c for c in ast.walk(self.body) if isinstance(c, ast.Call)  # type: ignore[arg-type]
                     and (c.lineno, c.end_lineno, c.col_offset, c.end_col_offset) == place), None)

    def _steps(self, last: int) -> list[_Statement]:
        """The statements up to line `last`, but for those that ask explain_grad."""
        body = self.body
        off = None
        for decorator in getattr(body, "decorator_list", ()):
            if _turns_off(decorator):
                off = decorator.lineno
        return [s for s in _statements(body.body, off)  # type: ignore[union-attr]
                if s.line <= last and not any(_called(part) == "explain_grad" for part in ast.walk(s.value))]

    def _holders(self, tensor: Tensor | None) -> set[str]:
        """The variables that hold a tensor, or a module that has it."""
        held: set[str] = set()
        for name, value in self.names.items():
            parameters = getattr(value, "parameters", None) if not isinstance(value, type) else None
            if value is tensor or isinstance(value, (list, tuple)) and any(x is tensor for x in value):
                held.add(name)
            elif callable(parameters) and tensor is not None:
                held.update([name] if any(p is tensor for p in parameters()) else [])
            elif inspect.isfunction(value) and tensor is not None and _uses(value, tensor):
                held.add(name)
        return held

    def _making(self, steps: list[_Statement], holders: set[str]) -> list[Cause]:
        """Why w, which does not require grad, is as it is: the lines that made it, the last first."""
        for step in reversed(steps):
            text = f"{' '.join(step.changes)} {ast.unparse(step.value)}"
            if "requires_grad" in text and text.endswith(("False", "(False)")):
                return [Cause("requires_grad", (self.place(step.line),), "requires_grad is turned off here", False)]
            if step.changes & holders and step.replaces:
                lines = self._evidence(step, step.reads)
                return lines or [Cause("requires_grad", (self.place(step.line),), "w is made here, without "
                                       "requires_grad", False)]
        return []

    def _follow(self, steps: list[_Statement], tainted: set[str]) -> list[tuple[_Statement, Cause]]:
        """Where values of w, held by the variables `tainted` at first, meet something that ends gradients."""
        found: list[tuple[_Statement, Cause]] = []
        begin = max((i for i, s in enumerate(steps) if s.changes & tainted and s.replaces and not s.reads & tainted),
                    default=-1) if self.outermost else -1
        if begin >= 0 and any(s.changes & tainted - self._holders(self.w) for s in steps[begin:begin + 1]):
            begin = -1
        for step in steps[begin + 1:]:
            if step.reads & tainted:
                found += [(step, cause) for cause in self._evidence(step, tainted) or self._dropped(step)]
                tainted |= step.changes
            elif step.replaces and step.changes & tainted:
                tainted -= step.changes
                names = " and ".join(sorted(step.changes))
                found.append((step, Cause("independent", (self.place(step.line),), f"{names} is computed anew here, "
                                          "from other things than w", False)))
        return found

    def _dropped(self, step: _Statement) -> list[Cause]:
        """A variable that is there still, does not require grad, and was computed from values of w."""
        for name in step.changes:
            value = self.names.get(name)
            if isinstance(value, Tensor) and edge(value) is None and self.outermost and value is not self.loss:
                return [Cause("cut", (self.place(step.line),), f"{name} is computed from w here and does not require "
                              f"grad", False)]
        return []

    def _evidence(self, step: _Statement, tainted: set[str]) -> list[Cause]:
        """What in a statement ends the gradients of the variables `tainted`."""
        if step.off is not None:
            lines = tuple(map(self.place, dict.fromkeys((step.off, step.line))))
            return [Cause("no_grad", lines, "gradients are off here", False)]
        if step.aside:
            return [Cause("memory", (self.place(step.line),), "values of w are written through .data, outside of the "
                          "graph", False)]
        found: list[Cause] = []
        for part in ast.walk(step.value):
            told = _ends(part, tainted)
            if told is not None:
                line = getattr(part, "end_lineno", step.line)
                found.insert(0, Cause(told[0], (self.place(line),), f"`{_short(part)}` {told[1]}", False))
            elif isinstance(part, ast.Call) and _reads(part) & tainted:
                found += self._inside(part)
        return found[:1]

    def _inside(self, call: ast.Call) -> list[Cause]:
        """What ends gradients inside of a function of the user's that is called with values of w."""
        held = self._resolved(call.func)
        function = getattr(held, "forward", held)
        function = inspect.unwrap(function) if callable(function) else None
        code = getattr(function, "__code__", None)
        if code is None or code in self.seen or len(self.seen) > DEEPEST or locations.package_files[code.co_filename]:
            return []
        names = _visible(function)
        own = getattr(function, "__self__", None)
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if own is not None:
            names[parameters[0]] = own
        inner = _Reader(code, names, None, self.w, self.seen)
        if inner.body is None:
            return []
        steps = inner._steps(10**9)
        given = [*call.args, *(k.value for k in call.keywords)]
        tainted = inner._holders(self.w) | (set(parameters) if any(map(_reads, given)) else set())
        return [cause for _, cause in inner._follow(steps, tainted)]

    def _resolved(self, node: ast.AST) -> Any:
        """The function or module that a name or a chain of attributes means; None if that takes running code."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._resolved(node.value)
            if isinstance(owner, Tensor) or owner is None:
                return None
            found = inspect.getattr_static(owner, node.attr, None)
            found = (getattr(owner, "_modules", None) or {}).get(node.attr, found)
            return found.__get__(owner) if inspect.isfunction(found) and not inspect.ismodule(owner) else found
        return None


def _visible(function: Any) -> dict[str, Any]:
    """The variables from outside that a function sees."""
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=False)
    seen = {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
    return seen | {name: cell.cell_contents for name, cell in cells if cell != EMPTY}


EMPTY = CellType()


def _uses(function: Any, tensor: Tensor) -> bool:
    """Whether a function sees a tensor, or a module that has it, in a variable from outside."""
    for value in _visible(function).values():
        parameters = getattr(value, "parameters", None) if not isinstance(value, type) else None
        if value is tensor or callable(parameters) and any(p is tensor for p in parameters()):
            return True
    return False


def _ends(part: ast.AST, tainted: set[str]) -> tuple[str, str] | None:
    """How an expression ends the gradients of the variables `tainted`, if it does: a kind of cause, and words."""
    if isinstance(part, ast.Attribute) and part.attr == "data" and _reads(part.value) & tainted:
        return DETACH
    if isinstance(part, ast.Compare) and _reads(part) & tainted:
        return INTEGER
    if not isinstance(part, ast.Call) or not _reads(part) & tainted:
        return None
    name = _called(part)
    if isinstance(part.func, ast.Attribute) and ast.unparse(part.func.value).partition(".")[0] in READERS:
        return READ
    if name in ("to", "type", "type_as") and any(word in ast.unparse(part) for word in ("int", "long", "bool")):
        return INTEGER
    if name == "grad" and "create_graph" not in ast.unparse(part):
        return "rebuilt", "gives gradients without a graph of their own: create_graph=True is missing"
    if name == "float" and isinstance(part.func, ast.Attribute):
        return None  # x.float() is a cast
    return CALLS.get(name)


def _short(part: ast.AST) -> str:
    text = ast.unparse(part)
    return text if len(text) <= 60 else text[:57] + "..."


def _slice(steps: list[_Statement], wanted: set[str]) -> set[_Statement]:
    """The statements that what is `wanted` is computed from."""
    used: set[_Statement] = set()
    wanted = set(wanted)
    for step in reversed(steps):
        if step.changes & wanted:
            used.add(step)
            wanted |= step.reads
    return used
