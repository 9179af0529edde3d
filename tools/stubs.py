"""Writes src/gradc/tensor.pyi: the types of Tensor with the methods that ops, engine and hooks attach to it.

    python tools/stubs.py           writes the stub
    python tools/stubs.py --check   exits with 1 if the committed one differs

What tensor.py itself defines is read from its source, what is attached from the live class.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

SOURCE = Path(__file__).parents[1] / "src" / "gradc" / "tensor.py"
STUB = SOURCE.with_suffix(".pyi")
if __name__ == "__main__":
    sys.path.insert(0, str(SOURCE.parents[1]))

import gradc  # noqa: E402, F401 - attaches everything
from gradc.ir import OPS  # noqa: E402
from gradc.ops.base import Op  # noqa: E402
from gradc.tensor import Tensor  # noqa: E402

WIDTH = 120
HEAD = '"""Types of tensor.py, with what other modules attach to Tensor. Written by tools/stubs.py."""\n'
QUIET = {"__getattr__", "__slots__"}
"""What the stub leaves out: `__getattr__` answers for `_array` alone, but would let every name pass."""

EXTREME = ("(self) -> Tensor", "(self, other: Tensor) -> Tensor",
           "(self, dim: int, keepdim: bool = False) -> Chosen")
OVERLOADS = {
    "max": EXTREME,
    "min": EXTREME,
    "median": ("(self) -> Tensor", "(self, dim: int, keepdim: bool = False) -> Chosen"),
}
"""Methods whose result depends on how they are called."""


class Imports:
    """The import lines that annotations need."""

    def __init__(self) -> None:
        self.lines: set[str] = set()

    def need(self, name: str, scope: dict[str, Any], module: str) -> None:
        """Note where `name`, used in an annotation of `module`, comes from."""
        if name == "Tensor" or name not in scope and hasattr(builtins, name):
            return
        found = scope[name]
        if isinstance(found, ModuleType):
            parent, _, last = found.__name__.rpartition(".")
            self.lines.add(f"from {parent} import {last}" if parent else f"import {last} as {name}")
            return
        home = getattr(found, "__module__", module)
        home = home if getattr(sys.modules.get(home), name, None) is found else module
        if home != "gradc.tensor":
            self.lines.add(f"from {home} import {name}")


class Annotations(ast.NodeTransformer):
    """Rewrites annotations so that no name in them means an attribute of Tensor, as `float` would."""

    def __init__(self, imports: Imports, taken: set[str]) -> None:
        self.imports = imports
        self.taken = taken
        self.scope: dict[str, Any] = {}
        self.module = "gradc.tensor"

    def of(self, annotation: Any, scope: dict[str, Any], module: str) -> str:
        """The text of an annotation that was written in `module`, whose globals are `scope`."""
        text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
        self.scope, self.module = scope, module
        return ast.unparse(self.visit(ast.parse(text, mode="eval")).body)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.taken:
            self.imports.need(node.id, self.scope, self.module)
            return node
        if node.id == "dtype":
            self.imports.lines.add("from gradc import dtypes")
            return ast.parse("dtypes.dtype", mode="eval").body
        if node.id == "device":
            self.imports.lines.add("from gradc.devices import device as Device")
            return ast.Name("Device")
        self.imports.lines.add("import builtins")
        return ast.parse(f"builtins.{node.id}", mode="eval").body


def stub() -> str:
    """The text of the stub."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    imports = Imports()
    imports.lines.add("from typing import overload")
    parts = [_definition(node, imports) for node in tree.body]
    body = "\n".join(part for part in parts if part)
    return f"{HEAD}\n{_sorted_imports(imports.lines)}\n\n{body}\n"


def _sorted_imports(lines: set[str]) -> str:
    """Import lines in the order and groups that ruff wants, one line per module."""
    names: dict[str, set[str]] = {}
    plain = sorted(line for line in lines if line.startswith("import "))
    for line in lines - set(plain):
        module, _, name = line.removeprefix("from ").partition(" import ")
        names.setdefault(module, set()).add(name)
    found = [f"from {m} import {', '.join(sorted(names[m], key=_isort_key))}" for m in sorted(names)]
    ours = [line for line in found if line.startswith("from gradc")]
    standard = [line for line in plain if "numpy" not in line] + [line for line in found if line not in ours]
    others = [line for line in plain if "numpy" in line]
    return "\n\n".join("\n".join(group) for group in (standard, others, ours) if group)


def _isort_key(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def _definition(node: ast.stmt, imports: Imports) -> str:
    """A top-level definition of tensor.py as it stands in the stub."""
    scope = vars(sys.modules["gradc.tensor"])
    if isinstance(node, ast.ClassDef):
        taken = set(vars(Tensor)) if node.name == "Tensor" else _members(node)
        lines = list(_members_text(node, Annotations(imports, taken), scope))
        if node.name == "Tensor":
            lines += _attached(node, imports, taken)
        bases = f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""
        doc = ast.get_docstring(node, clean=True)
        head = [f"class {node.name}{bases}:", *([f'    """{_sentence(doc)}"""'] if doc else [])]
        return "\n".join([*head, *lines]) + "\n"
    annotations = Annotations(imports, set())
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
        return "\n".join(_function(node, annotations, scope, ""))
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id[0] != "_":
        name = node.targets[0].id
        kind = type(scope[name])
        return f"{name}: {kind.__name__ if kind.__module__ == 'gradc.tensor' else 'Any'}"
    return ""


def _members(node: ast.ClassDef) -> set[str]:
    """The names that a class body defines."""
    found = {m.name for m in node.body if isinstance(m, ast.FunctionDef)}
    for m in node.body:
        targets = m.targets if isinstance(m, ast.Assign) else [m.target] if isinstance(m, ast.AnnAssign) else []
        found |= {t.id for t in targets if isinstance(t, ast.Name)}
    return found


def _members_text(node: ast.ClassDef, annotations: Annotations, scope: dict[str, Any]) -> Iterator[str]:
    """The members that a class body defines, and the attributes that its `__init__` sets."""
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name not in QUIET:
            if member.name == "__init__":
                yield from _set_attributes(member, annotations, scope)
            yield from _function(member, annotations, scope, "    ")
        elif isinstance(member, ast.AnnAssign):
            yield f"    {ast.unparse(member.target)}: " + annotations.of(ast.unparse(member.annotation), scope, "")
        elif isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name):
            name = member.targets[0].id
            if name == "__hash__":
                yield f"    def __hash__(self) -> {annotations.of('int', scope, '')}: ..."
            elif name not in QUIET:
                value = member.value
                same = isinstance(value, ast.Name)
                kind = "" if same else type(ast.literal_eval(value)).__name__.removesuffix("Type")
                yield f"    {name} = {ast.unparse(value)}" if same else f"    {name}: {annotations.of(kind, scope, '')}"


def _set_attributes(init: ast.FunctionDef, annotations: Annotations, scope: dict[str, Any]) -> Iterator[str]:
    """The attributes set from a parameter of their name."""
    kinds = {a.arg: ast.unparse(a.annotation) for a in init.args.args if a.annotation}
    for line in init.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Attribute):
            name = line.targets[0].attr
            if name in kinds and name != "type":
                yield f"    {name}: {annotations.of(kinds[name], scope, '')}"
            elif name == "type":
                yield "    type: str"


def _function(node: ast.FunctionDef, annotations: Annotations, scope: dict[str, Any], indent: str) -> Iterator[str]:
    """A function of tensor.py, without its body."""
    for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg):
        if argument is not None and argument.annotation is not None:
            text = annotations.of(ast.unparse(argument.annotation), scope, "gradc.tensor")
            argument.annotation = ast.parse(text, mode="eval").body
    returns = annotations.of(ast.unparse(node.returns), scope, "gradc.tensor") if node.returns else "None"
    for decorator in node.decorator_list:
        yield f"{indent}@{ast.unparse(decorator)}"
    doc = ast.get_docstring(node, clean=True)
    parameters = ast.unparse(node.args).replace("=", " = ")
    yield from _written(f"{indent}def {node.name}({parameters}) -> {returns}:", doc, indent)


def _written(head: str, doc: str | None, indent: str) -> list[str]:
    """The lines of a function without body: its head, wrapped if it is long, and the first sentence of its docs."""
    if len(head) > WIDTH:
        start, _, rest = head.partition("(")
        inner, _, end = rest.rpartition(") ->")
        lines = _filled(f"{inner},", f"{indent}    ")
        head = "\n".join([f"{start}(", *lines, f"{indent}) ->{end}"])
    return [head, *_filled(f'"""{_sentence(doc)}"""', f"{indent}    ")] if doc else [f"{head} ..."]


def _filled(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _sentence(doc: str) -> str:
    """The first sentence of a docstring."""
    first = " ".join(doc.partition("\n\n")[0].split())
    end = first.find(". ")
    first = first if end < 0 else first[: end + 1]
    return first.replace("\\", "\\\\")


# What other modules attach


def _attached(node: ast.ClassDef, imports: Imports, taken: set[str]) -> list[str]:
    """What other modules attach to Tensor, by name."""
    ops = {name: op for op in OPS.values() for name in (op.name, *op.aliases) if op.method}
    annotations = Annotations(imports, taken)
    lines = ["", "    # Attached by ops, engine and hooks", ""]
    ignored = _members(node) | {"__module__", "__dict__", "__weakref__", "__doc__", "__annotations__", "__slots__"}
    for name in sorted(taken - ignored):
        value = vars(Tensor)[name]
        if isinstance(value, property):
            lines += _property(name, annotations)
        elif name in OVERLOADS:
            for signature in OVERLOADS[name]:
                parts = ast.parse(f"def f{signature}: ...").body[0]
                assert isinstance(parts, ast.FunctionDef)
                parts.name = name
                lines.append("    @overload")
                lines += _function(parts, annotations, vars(sys.modules[value.__module__]), "    ")
        elif callable(value):
            lines += _method(name, value, ops.get(name), annotations)
    return lines


def _property(name: str, annotations: Annotations) -> list[str]:
    """A property, of the type that it has on a matrix."""
    matrix = gradc.ones(2, 2, dtype=gradc.complex64 if name == "imag" else None)
    kind = annotations.of(type(getattr(matrix, name)).__name__, vars(builtins), "builtins")
    return ["    @property", f"    def {name}(self) -> {kind}: ..."]


def _method(name: str, value: Callable[..., Any], op: Any, annotations: Annotations) -> list[str]:
    """A method: an op under its name, an operator, or a function that was attached."""
    inplace = OPS.get(name.removesuffix("_")) if name.endswith("_") and not name.startswith("__") else None
    if op is None and inplace is not None and inplace.inplace and "copy" not in name:
        op = inplace
    if op is not None:
        parameters = _parameters(op.call, annotations) if type(op).call is not Op.call else _operands(op)
        doc = value.__doc__ if op is inplace else op.__doc__
        return _written(f"    def {name}({', '.join(parameters)}) -> Tensor:", doc, "    ")
    if name.startswith("__") and name not in ("__getitem__", "__setitem__"):
        count = len(inspect.signature(value).parameters)
        ignore = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
        return [f"    def {name}({'self, other: Any' if count == 2 else 'self'}) -> Tensor: ...{ignore}"]
    signature = inspect.signature(value)
    scope, module = inspect.unwrap(value).__globals__, value.__module__
    returns = annotations.of("Any" if signature.return_annotation is signature.empty else signature.return_annotation,
                             scope, module)
    parameters = _parameters(value, annotations)
    return _written(f"    def {name}({', '.join(parameters)}) -> {returns}:", value.__doc__, "    ")


def _operands(op: Any) -> list[str]:
    """The parameters of an op that takes its operands and attributes as they are."""
    first, *others = op.operands
    return ["self", "*tensors: Any"] if op.variadic else [
        "self", *(f"{x}: Any" for x in others), *(f"{name}: Any = {_default(x)}" for name, x in op.defaults.items())]


def _parameters(function: Callable[..., Any], annotations: Annotations) -> list[str]:
    """The parameters of a function whose first one is the tensor."""
    plain = inspect.unwrap(getattr(function, "__func__", function))
    scope, module = plain.__globals__, plain.__module__
    found = ["self"]
    starred = False
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        kind = "Any" if parameter.annotation is parameter.empty else parameter.annotation
        text = f"{parameter.name}: {annotations.of(kind, scope, module)}"
        if parameter.kind is parameter.VAR_POSITIONAL:
            text, starred = f"*{text}", True
        elif parameter.kind is parameter.VAR_KEYWORD:
            text = f"**{text}"
        elif parameter.kind is parameter.KEYWORD_ONLY and not starred:
            found.append("*")
            starred = True
        if parameter.default is not parameter.empty:
            text += f" = {_default(parameter.default)}"
        found.append(text)
    return found


def _default(value: Any) -> str:
    """The default value of a parameter, where it has a short text."""
    return repr(value) if value is None or type(value) in (bool, int, float, str) else "..."


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(0 if STUB.read_text(encoding="utf-8") == stub() else "tensor.pyi is old: run python tools/stubs.py")
    STUB.write_text(stub(), encoding="utf-8")
