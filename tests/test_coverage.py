"""What gradc has of PyTorch's names: the page and the list are up to date, and missing names say what to do."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import gradc
from gradc import coverage

ROOT = Path(__file__).parents[1]


def tool():
    specification = importlib.util.spec_from_file_location("coverage_tool", ROOT / "tools" / "coverage.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date() -> None:
    made = tool()
    made.import_all()
    assert made.PAGE.read_text(encoding="utf-8") == made.written_page(), "run python tools/coverage.py"


def test_the_list_is_up_to_date() -> None:
    torch = pytest.importorskip("torch")
    if torch.__version__.partition("+")[0] != coverage.torch_version():
        pytest.skip(f"the list is that of PyTorch {coverage.torch_version()}")
    assert coverage.NAMES.read_text(encoding="utf-8") == tool().written_names(), "run python tools/coverage.py"


def test_what_differs_is_there() -> None:
    assert [name for name in tool().DIFFERS if not coverage.has(name)] == []


def test_what_is_used_instead_is_not_there() -> None:
    there = [name for name in coverage.INSTEAD if coverage.has(name)]
    assert all(isinstance(coverage.resolve(name), ModuleType) for name in there), "of a module, the rest is missing"


@pytest.mark.parametrize("expression, said", [
    ("torch.nothing", "module 'gradc' has no attribute 'nothing'"),
    ("torch.nn.Nothing", "module 'gradc.nn' has no attribute 'Nothing'"),
    ("torch.ones(1).nothing", "'Tensor' object has no attribute 'nothing'"),
    ("torch.export", "module 'gradc' has no attribute 'export': PyTorch has torch.export, gradc does not. Instead: "),
    ("torch.nn.parallel.replicate", "Instead: the module itself; gradc runs in one process."),
    ("torch.sparse_coo_tensor", "`gradc run --missing FILE.py` lists all that a program uses and gradc lacks."),
])
def test_a_missing_name_says_what_to_do(expression: str, said: str) -> None:
    with pytest.raises(AttributeError) as caught:
        eval(expression, {"torch": gradc})
    assert said in str(caught.value)
    owner, _, name = expression.rpartition(".")
    assert not hasattr(eval(owner, {"torch": gradc}), name)


def test_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert coverage.nearest("torch.nn.functional.exp") == "torch.exp"
    assert coverage.nearest("torch.Tensor.softplus") == "torch.nn.functional.softplus"
    assert coverage.nearest("torch.nn.Linears") == "torch.nn.Linear"
    assert coverage.nearest("torch.nn.quux") == ""
    assert coverage.nearest("torch.distributed.all_reduce") == "gradc runs in one process"
