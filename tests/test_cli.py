"""The command line: what it prints, and what it says when the words make no sense."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gradc as torch
from gradc.cli import demonstration, main, show_ir
from gradc.cli.demonstration import Outcome, chart, disagreement, folded
from gradc.cli.problem import Problem
from gradc.cli.types import parse_types
from gradc.ir import parse

PROGRAM = """\
import gradc as torch
from gradc.nn.functional import softplus


def loss(x, w):
    z = x @ w
    return softplus(z).sum()


def choose(x):
    if x.sum() > 0:
        return x
    return -x


def broken(x):
    return x.nothing()


def many(*x):
    return sum(x)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(x).relu()


net = Net()
fast = torch.compile(loss)
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return str(path)


@pytest.fixture
def gradc(capsys):
    """Runs a command and returns its exit code, what it printed, and its complaints."""
    def run(*words):
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


# Types


@pytest.mark.parametrize("text, types", [
    ("f32[4,3] f32[3]", ["f32[4, 3]", "f32[3]"]),
    ("f32[4, 3], i64", ["f32[4, 3]", "i64"]),
    ("  f32 bool[2]\n", ["f32", "bool[2]"]),
    ("f64[0] f32[]", ["f64[0]", "f32"]),
    ("", []),
])
def test_types(text, types):
    assert [str(t) for t in parse_types(text)] == types


@pytest.mark.parametrize("text, message, marked", [
    ("f32[4] float[3]", "'float' is no element type", "float"),
    ("float32[4]", "did you mean f32?", "float32"),
    ("f32[4 3]", "expected ',' or ']', got '3'", "3"),
    ("f32[4,] i64", "expected a size, got ']'", "]"),
    ("f32[a]", "expected a size, got 'a'", "a"),
    ("f32[-1]", "expected a size, got '-1'", "-1"),
    ("f32[4", "never closed", None),
    ("f32]", "']' is no element type", "]"),
    ("[4]", "'[' is no element type", "["),
])
def test_types_that_cannot_be_read(text, message, marked):
    with pytest.raises(Problem) as caught:
        parse_types(text)
    said, _, quoted = str(caught.value).partition("\n\n")
    assert message in said
    line, carets = quoted.split("\n")
    under = [character for character, caret in zip(line.ljust(len(carets)), carets, strict=False) if caret == "^"]
    assert "".join(under) == (marked or " ")


# gradc ir


def test_ir_prints_the_last_stage(gradc, program):
    code, out, err = gradc("ir", f"{program}:loss", "f32[4,3] f32[3]")
    assert (code, err) == (0, "")
    graph = parse(out)
    assert graph.name == "loss" and graph.history[-1] == "free"
    assert "program.py:6" in out


def test_ir_with_gradients(gradc, program):
    _, out, _ = gradc("ir", f"{program}:loss", "f32[4,3] f32[3]", "--grad", "w")
    assert "def backward" in out and "return d_w\n" in out
    _, out, _ = gradc("ir", f"{program}:loss", "f32[4,3] f32[3]", "--grad", "all", "--stage", "differentiate")
    assert "d_x" in out.rpartition("return")[2] and "d_w" in out.rpartition("return")[2]


@pytest.mark.parametrize("stage, mark", [
    ("traced", "· traced\n"), ("jax", "jnp.logaddexp"), ("jaxpr", "lambda"), ("stablehlo", "stablehlo."),
    ("hlo", "ENTRY"),
])
def test_ir_stages(gradc, program, stage, mark):
    code, out, _ = gradc("ir", f"{program}:loss", "f32[4,3] f32[3]", "--stage", stage)
    assert code == 0 and mark in out
    code, out, _ = gradc("ir", f"{program}:loss", "f32[4,3] f32[3]", "--stage", stage, "--grad", "w")
    assert code == 0 and mark in out


def test_hlo_is_without_the_frames_of_the_compiler(gradc, program):
    _, out, _ = gradc("ir", f"{program}:loss", "f32[4,3] f32[3]", "--stage", "hlo")
    assert "FileNames" not in out and "runpy" not in out and "stack_frame_id" not in out


def test_ir_list(gradc, program):
    _, out, _ = gradc("ir", f"{program}:loss", "f32[4,3] f32[3]", "--list")
    names = [line.split()[0] for line in out.splitlines()]
    assert names[:3] == ["stage", "traced", "differentiate"]
    assert names[-4:] == ["jax", "jaxpr", "stablehlo", "hlo"]


@pytest.mark.parametrize("name", ["net", "net.forward", "fast", "many"])
def test_ir_of_modules_methods_and_compiled_functions(gradc, program, name):
    types = {"fast": "f32[4,3] f32[3]", "many": "f32[3] f32[3] f32[3]"}.get(name, "f32[4,3]")
    code, out, err = gradc("ir", f"{program}:{name}", types)
    assert (code, err) == (0, ""), err
    assert "program.py" in out


@pytest.mark.parametrize("words, message", [
    (["nowhere.py:loss", "f32"], "there is no file nowhere.py"),
    (["loss", "f32"], "expected FILE.py:FUNCTION, got 'loss'"),
    (["{}:los", "f32"], "has no 'los'; did you mean loss?"),
    (["{}:zzz", "f32"], "It has loss, choose, broken, many, Net"),
    (["{}:Net", "f32"], "is a class"),
    (["{}:loss", "f32[4"], "never closed"),
    (["{}:loss", "f32[4,3]"], "loss(x, w) does not take 1 tensor"),
    (["{}:loss"], "loss(x, w) does not take 0 tensors"),
    (["{}:loss", "f32[4,3] f32[4]"], "z = x @ w"),
    (["{}:choose", "f32[4]"], "if x.sum() > 0:"),
    (["{}:broken", "f32[4]"], "return x.nothing()"),
    (["{}:loss", "f32[4,3] f32[3]", "--stage", "simpl"], "did you mean simplify?"),
    (["{}:loss", "f32[4,3] f32[3]", "--stage", "zzz"], "The stages are traced, differentiate"),
    (["{}:loss", "f32[4,3] f32[3]", "--grad", "v"], "'v' is no argument; arguments that can require grad are x, w"),
    (["{}:loss", "f32[4,3] i64[3]", "--grad", "w"], "'w' is an integer"),
])
def test_problems(gradc, program, words, message):
    code, out, err = gradc("ir", *[word.format(program) for word in words])
    assert (code, out) == (2, "")
    assert err.startswith("gradc: ") and message in err and "Traceback" not in err


def test_a_file_that_fails(gradc, tmp_path):
    path = tmp_path / "failing.py"
    path.write_text("x = 1\ny = x / 0\n")
    code, _, err = gradc("ir", f"{path}:f", "f32")
    assert code == 2 and "ZeroDivisionError" in err and "failing.py:2   y = x / 0" in err
    path.write_text("def f(x:\n")
    code, _, err = gradc("ir", f"{path}:f", "f32")
    assert code == 2 and "SyntaxError" in err


# gradc demo


def test_demo(gradc):
    pytest.importorskip("sklearn")
    code, out, _ = gradc("demo", "--epochs", "3", "--no-progress")
    assert code == 0
    assert "Both modes agree" in out
    assert "d_model_0_weight: f32[64, 64]" in out
    assert "demo.py" in out and "kernels" in out
    assert max(map(len, out.splitlines())) <= 100


def test_demo_without_scikit_learn(gradc, monkeypatch):
    def missing(seed):
        raise ModuleNotFoundError("No module named 'sklearn'")

    monkeypatch.setattr(demonstration, "digits", missing)
    code, _, err = gradc("demo")
    assert code == 2 and "pip install 'gradc[demo]'" in err


def test_demo_fails_where_the_modes_do_not_agree(gradc, monkeypatch):
    pytest.importorskip("sklearn")
    original = demonstration._train_both

    def disturbed(*given):
        outcomes, training = original(*given)
        outcomes["compiled"].losses[-1] *= 1.01
        return outcomes, training

    monkeypatch.setattr(demonstration, "_train_both", disturbed)
    code, out, _ = gradc("demo", "--epochs", "1", "--no-progress")
    assert code == 1 and "The two modes do not agree" in out


def test_disagreement():
    def outcome(loss, correct):
        return Outcome([1.0, loss], [0.1], correct)

    assert disagreement(outcome(0.05, 250), outcome(0.05, 251)) is None
    assert "final loss" in disagreement(outcome(0.05, 250), outcome(0.0502, 250))
    assert "final loss" in disagreement(outcome(0.05, 250), outcome(float("nan"), 250))
    assert "252" in disagreement(outcome(0.05, 250), outcome(0.05, 252))


def test_chart():
    lines = chart([2.0, 1.0, 0.5, 0.25], 4, 2)
    assert [len(line) for line in lines] == [10, 10]
    assert lines[0].startswith(" 2.00 █") and lines[1].startswith(" 0.25 █")
    assert chart([1.0, 1.0], 4, 1) == [" 1.00 ▁▁▁▁"]


def test_folded_text_is_the_same_graph():
    def f(first, second, third):
        return first + second + third

    given = [torch.ones(3, 4) for _ in range(3)]
    text = str(torch.make_ir(f)(*given))
    narrow = folded(text, 40)
    assert max(len(line) for line in narrow.splitlines()[:4]) <= 40
    assert parse(narrow) == parse(text)
    assert folded(text, 1000) == text


# gradc


def test_version(gradc):
    assert gradc("--version")[:2] == (0, "gradc 0.1.0\n")


def test_help_has_examples(gradc):
    code, out, _ = gradc("--help")
    assert code == 0 and 'gradc ir model.py:loss "f32[4,3] f32[3]"' in out


@pytest.mark.parametrize("words", [[], ["nonsense"], ["demo", "--epochs", "0"], ["demo", "--epochs", "x"]])
def test_words_that_are_no_command(gradc, words):
    code, _, err = gradc(*words)
    assert code == 2 and "usage: gradc" in err


def test_as_a_module():
    done = subprocess.run([sys.executable, "-m", "gradc", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "gradc 0.1.0\n"


def test_colours_only_on_a_terminal(monkeypatch, capsys):
    show_ir.show("x = 1", "python")
    assert capsys.readouterr().out == "x = 1\n"
    console = show_ir.Console
    monkeypatch.setattr(show_ir, "Console", lambda: console(force_terminal=True, color_system="standard"))
    show_ir.show("x = 1", "python")
    assert "\x1b[" in capsys.readouterr().out
