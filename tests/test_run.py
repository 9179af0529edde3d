"""`gradc run`: programs written for PyTorch print what they print in PyTorch, and errors show the user's lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gradc
from gradc.cli import main
from gradc.cli.as_torch import TorchVersion

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_prints_what_it_prints_in_torch(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    theirs = subprocess.run([sys.executable, "-W", "ignore", str(path)], capture_output=True, text=True)
    code = main(["run", str(path)])
    shown = capsys.readouterr()
    assert shown.out == theirs.stdout
    assert code == theirs.returncode, shown.err


@pytest.fixture
def program(tmp_path: Path):
    def write(text: str, name: str = "program.py") -> str:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_words_of_the_program(program, capsys) -> None:
    path = program("import sys\nprint(sys.argv[1:], sys.argv[0].endswith('program.py'), __file__ == sys.argv[0])\n")
    assert main(["run", path, "-x", "--missing", "3"]) == 0
    assert capsys.readouterr().out == "['-x', '--missing', '3'] True True\n"


@pytest.mark.parametrize("end, code, said", [
    ("sys.exit()", 0, ""), ("sys.exit(4)", 4, ""), ("sys.exit('no data')", 1, "no data\n"), ("pass", 0, "")])
def test_exit_codes(program, capsys, end: str, code: int, said: str) -> None:
    assert main(["run", program(f"import sys\n{end}\n")]) == code
    assert capsys.readouterr().err == said


def test_a_traceback_shows_the_users_lines(program, capsys) -> None:
    path = program("import torch\n\ndef f(x):\n    return torch.nn.Linear(2, 3)(x)\n\nf(torch.ones(5))\n")
    assert main(["run", path]) == 1
    error = capsys.readouterr().err
    lines = [line.split(", line ")[1] for line in error.splitlines() if line.startswith("  File")]
    assert lines == ["6, in <module>", "4, in f"]
    assert "ShapeError" in error and "gradc/src" not in error


def test_a_name_that_is_not_there(program, capsys) -> None:
    assert main(["run", program("import torch\ntorch.sparse_coo_tensor([[0]], [1.0])\n")]) == 1
    error = capsys.readouterr().err
    assert "PyTorch has torch.sparse_coo_tensor, gradc does not. Instead: tensors are dense here." in error
    assert main(["run", program("from torch.nn.parallel import replicate\n")]) == 1
    error = capsys.readouterr().err
    assert "PyTorch has torch.nn.parallel.replicate, gradc does not. Instead: the module" in error
    assert main(["run", program("import torch.export as export\n")]) == 1
    error = capsys.readouterr().err
    assert "No module named 'torch.export': gradc has nothing in its place. Instead: gradc.make_ir" in error


def test_no_such_file(capsys) -> None:
    assert main(["run", "nothing.py"]) == 2
    assert capsys.readouterr().err == "gradc: there is no file nothing.py\n"


def test_modules_next_to_the_program(program, capsys) -> None:
    program("import torch\nfrom .parts import size\ndef make():\n    return torch.zeros(size)\n", "package/model.py")
    program("", "package/__init__.py")
    program("size = 2\n", "package/parts.py")
    path = program("from package.model import make\nprint(make())\n")
    assert main(["run", path]) == 0
    assert capsys.readouterr().out == "tensor([0., 0.])\n"
    assert "package" not in sys.modules and "torch" in str(vars(gradc)) and str(Path(path).parent) not in sys.path


MISSING = """\
import torch
import torch.nn as nn
from torch import sparse_coo_tensor as sparse, optim
from torch.nn import functional as F, Nothing
from helper import more

torch_like = torch.nn
def f(x):
    x = F.relu(x).index_reduce_(0, x, x, "mean")
    return torch_like.Nothing(x), nn.Linear(2, 3), torch.float32.itemsize, torch.Tensor.nothing
net = nn.parallel.DistributedDataParallel(nn.Linear(1, 1))
torch.backends.cudnn.benchmark = True
"""


def test_missing(program, capsys) -> None:
    program("import torch\ndef more(x):\n    return torch.sparse.mm(x, x)\n", "helper.py")
    assert main(["run", "--missing", program(MISSING)]) == 1
    lines = capsys.readouterr().out.splitlines()
    found = [line.split()[:2] for line in lines if ".py:" in line]
    assert found[:4] == [["helper.py:3", "torch.sparse.mm"], ["program.py:3", "torch.sparse_coo_tensor"],
                         ["program.py:4", "torch.nn.Nothing"], ["program.py:10", "torch.Tensor.nothing"]]
    assert ["program.py:10", "torch.nn.Nothing"] in found
    assert ["program.py:11", "torch.nn.parallel.DistributedDataParallel"] in found and len(found) in (6, 7)
    assert lines[-1] == "gradc lacks 5 names that program.py uses."


def test_nothing_is_missing(capsys) -> None:
    for path in PROGRAMS:
        code = main(["run", "--missing", str(path)])
        shown = capsys.readouterr().out
        if path.stem == "names":
            assert "torch.nothing" in shown and shown.endswith("gradc lacks 1 name that names.py uses.\n")
        else:
            assert (code, shown) == (0, f"gradc has every name of PyTorch that {path.name} uses.\n")


def test_missing_in_what_is_not_python(program, capsys) -> None:
    assert main(["run", "--missing", program("x = = 1\n")]) == 2
    assert "program.py:1 is not Python" in capsys.readouterr().err


def test_as_torch_leaves_no_trace() -> None:
    before, version = sys.modules.get("torch"), gradc.__version__
    with gradc.as_torch():
        import torch
        import torch.nn.functional as F
        assert torch is gradc and F is gradc.nn.functional
        assert torch.__version__ >= (2, 0) and torch.__version__ != version
    assert sys.modules.get("torch") is before and gradc.__version__ == version
    assert gradc.nn.__spec__.name == "gradc.nn" and gradc.nn.functional.__spec__.name == "gradc.nn.functional"
    assert not any(name.startswith("torch.") for name in sys.modules) or before is not None


def test_run_returns_the_names_of_the_program(program) -> None:
    assert gradc.run(program("import torch\nx = torch.ones(2).sum().item()\n"))["x"] == 2.0
    with pytest.raises(ZeroDivisionError):
        gradc.run(program("1 / 0\n"))


@pytest.mark.parametrize("other, order", [("1.13", 1), ("2.13.0", 0), ("2.20", -1), ((2, 1), 1), ((2, 13, 0), 0)])
def test_versions_compare_by_their_numbers(other, order: int) -> None:
    version = TorchVersion("2.13.0+gradc.0.1")
    assert ((version > other) - (version < other)) == order
    assert (version >= other) == (order >= 0) and (version <= other) == (order <= 0)
