"""Every page runs: Python blocks are executed, what they print is compared, links lead somewhere, examples work.

A block of ```python with `>>>` is a session whose output is checked; without, it is a program that must run, and a
block of ```text or ```py right behind it is what it prints. Name a program (```python train.py) where its lines are
shown by what follows. All blocks of a page share their names. In a block of ```console the lines `$ gradc …` are run,
in a folder with the named programs, and their output compared if the page shows one; ```console sample is not run.

`pytest tests/test_docs.py --update-golden` writes what is printed into the pages in place of what is wrong.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib.util
import io
import itertools
import linecache
import re
import shlex
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gradc.ir import OPS
from gradc.tensor import Tensor

ROOT = Path(__file__).parents[1]
PAGES = sorted(p for p in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")] if p.exists())
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SLOW = {"digits.py", "gan.py", "gpt.py"}
COMPARED = {"cnn.py", "gan.py", "gpt.py", "lstm_language_model.py", "neural_ode.py", "policy_gradient.py", "vae.py"}
"""Programs that tests/test_examples_torch.py runs, where torch is installed."""
"""Examples that take more than ten seconds."""

COMMAND_SECONDS = 60
FENCE = re.compile(r"^```(\w+)?[ ]?(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PYTHON = doctest.DocTestParser()
OUTPUT = doctest.OutputChecker()


@dataclass
class Block:
    """A fenced block of a page: its language, its name, its text, and where the text starts."""

    language: str
    name: str
    text: str
    start: int
    line: int


@dataclass
class Mistake:
    """An output that a page shows and that is not what is printed; `start` and `end` say where it stands."""

    start: int
    end: int
    wanted: str
    found: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: the page shows\n{self.wanted}\nbut this is printed\n{self.found}"


def blocks(text: str) -> Iterator[Block]:
    for found in FENCE.finditer(text):
        start = found.start(3)
        yield Block(found[1] or "", found[2], found[3], start, text.count("\n", 0, start))


class Session:
    """Runs the Python blocks of a page, one after the other, in one namespace."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self.names: dict[str, object] = {"__name__": "__main__"}
        self.inputs = 0

    def program(self, block: Block, output: Block | None) -> Iterator[Mistake]:
        """Run a block that is a program, and tell if it prints something else than `output`."""
        name, blank = (block.name, 0) if block.name else (self.page.name, block.line)
        found = self.execute("\n" * blank + block.text, name, "exec").rstrip() + "\n"
        if output is not None and not OUTPUT.check_output(output.text, found, SAME):
            yield Mistake(output.start, output.start + len(output.text), output.text, found, output.line + 1)

    def dialogue(self, block: Block) -> Iterator[Mistake]:
        """Run a block that is a session, and tell where it prints something else."""
        lines = block.text.splitlines(keepends=True)
        for example in PYTHON.get_examples(block.text):
            found = self.answer(example)
            if not OUTPUT.check_output(example.want, found, SAME):
                first = example.lineno + example.source.count("\n")
                start = block.start + len("".join(lines[:first]))
                shown = "".join(lines[first : first + example.want.count("\n")])
                found = re.sub(r"^$\n", "<BLANKLINE>\n", found, flags=re.MULTILINE)  # what ends an output in a session
                yield Mistake(start, start + len(shown), shown, found, block.line + first + 1)

    def answer(self, example: doctest.Example) -> str:
        """What one input of a session prints, or its error as the interpreter shows it."""
        name = f"<python-input-{self.inputs}>"  # as newer interpreters call them
        self.inputs += 1
        try:
            return self.execute(example.source, name, "single")
        except Exception as error:
            if not example.want.startswith("Traceback"):
                raise
            return TRACEBACK + "".join(traceback.format_exception_only(error))

    def execute(self, source: str, name: str, mode: str) -> str:
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, name, mode, dont_inherit=True), self.names)
        return printed.getvalue()


TRACEBACK = "Traceback (most recent call last):\n    ...\n"


def command_mistakes(block: Block, folder: Path) -> Iterator[Mistake]:
    """Run the commands of a console block, and tell where they print something else."""
    for found in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        words = shlex.split(found[1], comments=True)
        if words[:1] != ["gradc"]:
            continue
        if importlib.util.find_spec("gradc.cli") is None:
            pytest.skip("there is no command line yet")
        code, printed = run_command(words[1:], folder)
        if not found[2]:
            assert code == 0, f"{found[1]}\n{printed}"
        elif not OUTPUT.check_output(found[2], printed, SAME):
            line = block.line + block.text.count("\n", 0, found.start(2)) + 1
            yield Mistake(block.start + found.start(2), block.start + found.end(2), found[2], printed, line)


def run_command(words: list[str], folder: Path) -> tuple[int, str]:
    """The exit code of `gradc` with these words, and what it prints."""
    result = subprocess.run([sys.executable, "-m", "gradc", *words], cwd=folder, text=True, timeout=COMMAND_SECONDS,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return result.returncode, result.stdout


def mistakes(page: Path, folder: Path) -> Iterator[Mistake]:
    """Where a page shows something else than what is printed; its named programs are written into `folder`."""
    session = Session(page)
    found = list(blocks(page.read_text(encoding="utf-8")))
    for block, following in itertools.pairwise([*found, None]):
        assert block is not None
        if block.language == "python":
            if ">>> " in block.text:
                yield from session.dialogue(block)
            else:
                if block.name:
                    (folder / block.name).write_text(block.text, encoding="utf-8")
                shown = following is not None and following.language in ("py", "text")
                yield from session.program(block, following if shown else None)
        elif block.language == "console" and block.name != "sample":
            yield from command_mistakes(block, folder)


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a page in the root of the repository, and forget the ops that it defines."""
    monkeypatch.chdir(ROOT)
    ops, attributes = dict(OPS), dict(vars(Tensor))
    yield
    for name in set(OPS) - set(ops):
        del OPS[name]  # type: ignore[attr-defined]
    for name in set(vars(Tensor)) - set(attributes):
        delattr(Tensor, name)


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    found = list(mistakes(page, tmp_path))
    if request.config.getoption("--update-golden", default=False):
        text = page.read_text(encoding="utf-8")
        for mistake in reversed(found):
            text = text[: mistake.start] + mistake.found + text[mistake.end :]
        page.write_text(text, encoding="utf-8")
    elif found:
        pytest.fail(f"{page.name}: " + "\n".join(map(str, found)), pytrace=False)


@pytest.mark.parametrize("path", [
    pytest.param(path, marks=pytest.mark.slow if path.name in SLOW else (), id=path.name) for path in EXAMPLES])
def test_example(path: Path, tmp_path: Path) -> None:
    if path.name in COMPARED and importlib.util.find_spec("torch"):
        pytest.skip("test_examples_torch.py runs it beside torch")
    result = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_no_loop_of_an_example_hides_one_of_its_functions(path: Path) -> None:
    """What runs as a script is not all run here, and a loop over `step` would make the function `step` a number."""
    tree = ast.parse(path.read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    counted = {node.id for loop in ast.walk(tree) if isinstance(loop, ast.For)
               for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    assert functions.isdisjoint(counted)


# Links


def links(page: Path) -> list[str]:
    """What a page links to in this repository."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    return [link for link in found if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in links(page) if not (page.parent / link).exists()]
    assert not missing


def test_every_page_is_linked() -> None:
    maps = [page for page in PAGES if page.name in ("README.md", "index.md")]
    linked = {(page.parent / link).resolve() for page in maps for link in links(page)}
    lost = [page.name for page in PAGES if page not in maps and page.resolve() not in linked]
    assert not lost, f"neither README.md nor docs/index.md links to {', '.join(lost)}"
