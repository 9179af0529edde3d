"""The rules of the house: layers, sizes, style, and types, read from the source itself."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "gradc"
FILES = sorted(PACKAGE.rglob("*.py"))

LAYERS = [
    {"errors", "coverage", "determinism", "devices", "dtypes", "ir", "layouts", "locations", "quiet", "settings",
     "shapes", "storage", "version"},
    {"modes", "formatting", "generator", "expression", "tensor", "node", "apply", "inplace", "tracing", "hooks"},
    {"ops"},
    {"passes"},
    {"backends"},
    {"gradients", "anomaly", "composites", "engine", "pullback", "calls", "pushforward", "interpreter", "compiler"},
    {"inspect", "autograd", "control", "func", "nn", "optim", "amp", "random", "utils", "export", "linalg", "special",
     "fft", "signal", "distributions", "serialization", "accelerator", "cuda", "cpu", "jit", "hub", "testing", "types",
     "distributed", "fx", "multiprocessing", "onnx"},
    {"", "cli", "demo", "__main__"},
]
"""Imports only point down or sideways: a module may import from its own layer and from those above it in this list."""

LATE = {"jax", "multiprocessing", "networkx", "scipy", "sklearn"}
"""What may be imported inside a function: slow to import, and needed late or never."""


def layer_of(module: str) -> int:
    part = module.split(".")[1] if "." in module else ""
    return next(i for i, names in enumerate(LAYERS) if part in names)


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> list[tuple[ast.AST, str]]:
    found: list[tuple[ast.AST, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module == "gradc"
            found += [(node, f"gradc.{alias.name}" if whole else node.module) for alias in node.names]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    tree = ast.parse(path.read_text())
    here = layer_of(module_of(path))
    for node, name in imports(tree):
        if name.startswith("gradc."):
            part = name.split(".")[1]
            known = any(part in names for names in LAYERS)
            assert not known or layer_of(name) <= here, f"line {node.lineno}: {name} is above this module"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_stand_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node, name in imports(function):
                assert name.partition(".")[0] in LATE, f"line {node.lineno}: {name} is imported inside {function.name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_are_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 500, "a file of more than 500 lines is two rooms"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 60, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_public_things_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body, "the module has no docstring"
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def test_only_public_jax() -> None:
    for path in FILES:
        assert "jax._src" not in path.read_text(), path


def test_import_is_light() -> None:
    """Importing gradc imports neither JAX nor networkx nor scipy."""
    code = "import gradc, sys; print([m for m in ('jax', 'networkx', 'scipy', 'sklearn') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def run_tool(*command: str) -> None:
    tool = shutil.which(command[0], path=str(Path(sys.executable).parent)) or shutil.which(command[0])
    if tool is None:
        pytest.skip(f"{command[0]} is not installed")
    result = subprocess.run([tool, *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff() -> None:
    run_tool("ruff", "check", "src", "tests", "examples", "benchmarks", "tools")


def test_strict_types() -> None:
    """ir/ and passes/ are strictly typed."""
    run_tool("pyright")
