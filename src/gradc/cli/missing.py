"""`gradc run --missing`: which of PyTorch's names a program uses and gradc lacks, read from its source."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from gradc import coverage
from gradc.cli.problem import Problem


@dataclass(frozen=True, order=True)
class Use:
    """A place where a program uses a name of PyTorch."""

    file: str
    line: int
    name: str
    sure: bool = True
    """Whether it is certainly PyTorch's: a method of something may be a method of something else than a tensor."""


def report(path: Path) -> int:
    """Print what a program and the modules next to it use and gradc lacks. Returns 1 if there is anything.

    Raises Problem for a file that is not Python.
    """
    found = sorted(missing(path))
    sure = [use for use in found if use.sure]
    maybe = [use for use in found if not use.sure]
    for use in sure:
        hint = coverage.nearest(use.name)
        known = use.name.rpartition(".")[0] not in coverage.NAMESPACES or coverage.in_torch(use.name)
        other = "" if known else "   not a public name of PyTorch"
        print(f"{_place(use)} {use.name}{other}{f'   instead: {hint}' if hint else ''}")
    if maybe:
        print("If these are methods of tensors, gradc lacks them as well:")
        for use in maybe:
            print(f"{_place(use)} {use.name}")
    names = {use.name for use in sure}
    print(f"gradc lacks {len(names)} name{'s' * (len(names) != 1)} that {path.name} uses." if names else
          f"gradc has every name of PyTorch that {path.name} uses.")
    return int(bool(names))


def _place(use: Use) -> str:
    return f"{f'{use.file}:{use.line}':24}"


def missing(path: Path) -> Iterator[Use]:
    """The uses of PyTorch's names that gradc lacks, in a program and in the modules next to it that it imports."""
    waiting, seen = [path.resolve()], {path.resolve()}
    folder = path.resolve().parent
    while waiting:
        file = waiting.pop()
        reader = _Reader(file, folder)
        yield from (use for use in reader.uses if not _there(use.name))
        for other in reader.modules:
            if other not in seen:
                seen.add(other)
                waiting.append(other)


def _there(name: str) -> bool:
    """Whether gradc has a name of PyTorch; what lies below a function or a class other than Tensor counts as there.

    What is there only to be imported, and says so when it is called, is `refused`.
    """
    parts = coverage.own(name).split(".")
    for count in range(1, len(parts) + 1):
        try:
            importlib.import_module(".".join(parts[:count]))
        except ImportError:
            break
    found: object = importlib.import_module("gradc")
    for part in parts[1:]:
        if not hasattr(found, part):
            return not (isinstance(found, ModuleType) or found is coverage.resolve("torch.Tensor"))
        found = getattr(found, part)
    return not getattr(found, "refused", False)


class _Reader(ast.NodeVisitor):
    """What a file uses of PyTorch, and which modules next to it it imports.

    `names` has what each name in the file stands for; a name is taken to mean one thing in the whole file.
    """

    def __init__(self, file: Path, folder: Path) -> None:
        self.file, self.folder = file, folder
        self.names: dict[str, str] = {}
        self.uses: list[Use] = []
        self.modules: list[Path] = []
        try:
            tree = ast.parse(file.read_bytes(), str(file))
        except SyntaxError as error:
            raise Problem(f"{file.name}:{error.lineno} is not Python: {error.msg}") from error
        self.own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))} | \
                   {node.attr for node in ast.walk(tree)
                    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
        self.imported: set[str] = set()
        for node in ast.walk(tree):  # all imports first: a function may stand above them
            if isinstance(node, ast.Import):
                self._import(node)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node)
        self.visit(tree)

    def _use(self, node: ast.AST, name: str, sure: bool = True) -> None:
        place = self.file.relative_to(self.folder) if self.file.is_relative_to(self.folder) else self.file
        self.uses.append(Use(str(place), node.lineno, name, sure))  # type: ignore[attr-defined]

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            if top == "torch":
                self.names[alias.asname or top] = alias.name if alias.asname else top
                self._use(node, alias.name)
            else:
                self.imported.add(alias.asname or top)
                self._follow(self.folder, alias.name)

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if not node.level and module.partition(".")[0] == "torch":
            for alias in node.names:
                if alias.name == "*":
                    self._use(node, module)
                else:
                    self.names[alias.asname or alias.name] = f"{module}.{alias.name}"
                    self._use(node, f"{module}.{alias.name}")
            return
        folder = self.folder if not node.level else self.file.parents[node.level - 1]
        for alias in node.names:
            self.imported.add(alias.asname or alias.name)
            self._follow(folder, f"{module}.{alias.name}".strip("."))
        self._follow(folder, module)

    def _follow(self, folder: Path, module: str) -> None:
        """Note the files of a module, and of the packages that it is in, if they lie in this folder."""
        parts = module.split(".") if module else []
        for count in range(1, len(parts) + 1):
            place = folder.joinpath(*parts[:count])
            self.modules += [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]

    def _meaning(self, node: ast.expr) -> str | None:
        """The name of PyTorch that an expression stands for."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._meaning(node.value)
            return None if owner is None else f"{owner}.{node.attr}"
        return None

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        meaning = self._meaning(node.value)
        if meaning is not None and isinstance(target := node.targets[0], ast.Name) and target.id not in self.names:
            self.names[target.id] = meaning

    def visit_Attribute(self, node: ast.Attribute) -> None:
        meaning = self._meaning(node)
        if meaning is not None:
            if isinstance(node.ctx, ast.Load):
                self._use(node, meaning)
            return
        tensor = f"torch.Tensor.{node.attr}"
        known = isinstance(node.value, ast.Name) and node.value.id in self.imported
        if not known and node.attr not in self.own and coverage.in_torch(tensor):
            self._use(node, tensor, sure=False)
        self.generic_visit(node)
