"""The committed tensor.pyi is what tools/stubs.py makes, and type checkers read it right."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """\
from gradc import Tensor

def f(x: Tensor) -> None:
    y = x.exp() + 1
    reveal_type(y)
    reveal_type(2 - x.sum(dim=0).float().T)
    reveal_type(x == y)
    reveal_type(x.max())
    reveal_type(x.max(0).indices)
    reveal_type(x.is_leaf)
    reveal_type(x.grad)
    x.nonsense
"""
TYPES = ["Tensor", "Tensor", "Tensor", "Tensor", "Tensor", "bool", "Tensor | None"]


def test_the_committed_stub_is_the_generated_one() -> None:
    command = [sys.executable, str(ROOT / "tools" / "stubs.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_every_public_attribute_is_in_the_stub() -> None:
    spec = importlib.util.spec_from_file_location("stubs", ROOT / "tools" / "stubs.py")
    assert spec is not None and spec.loader is not None
    stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stubs)
    text = stubs.STUB.read_text(encoding="utf-8")
    names = [name for name in vars(stubs.Tensor) if not name.startswith("_")]
    missing = [n for n in names if f" {n}(" not in text and f" {n}: " not in text and f" {n} = " not in text]
    assert not missing


def test_type_checkers_know_tensors(tmp_path: Path) -> None:
    checker = shutil.which("pyright", path=str(Path(sys.executable).parent)) or shutil.which("pyright")
    if checker is None:
        pytest.skip("pyright is not installed")
    (tmp_path / "program.py").write_text(PROGRAM)
    settings = {"extraPaths": [str(ROOT / "src")], "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    result = subprocess.run([checker, "-p", str(tmp_path), "--outputjson"], capture_output=True, text=True)
    found = json.loads(result.stdout)["generalDiagnostics"]
    revealed = [d["message"].rpartition(" is ")[2].strip('"') for d in found if d["severity"] == "information"]
    assert revealed == TYPES
    errors = [d["message"].partition("\n")[0] for d in found if d["severity"] == "error"]
    assert errors == ['Cannot access attribute "nonsense" for class "Tensor"']
