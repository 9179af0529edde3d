"""What each pass does, as dumps: every file in golden/ has a graph before a pass and the graph after it.

The name of a file starts with that of its pass. `pytest --update-golden` rewrites what comes after.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from graphs import arrays, numbers

from gradc.ir import Graph, Program, Value, parse, verify
from gradc.passes.batch import batch
from gradc.passes.pipeline import PASSES
from gradc.passes.split import split

FILES = sorted((Path(__file__).parent / "golden").glob("*.py"))


def split_golden(graph: Graph) -> Program:
    """Split where the inputs and results called `d_...` are cotangents and gradients."""
    gradients = [x for x in graph.results if isinstance(x, Value) and x.name.startswith("d_")]
    return split(graph, [v for v in graph.inputs if v.name.startswith("d_")], len(gradients))


def batch_golden(graph: Graph) -> Graph:
    """Batch three examples, which have the inputs called `shared_...` in common."""
    return batch(graph, 3, [not v.name.startswith("shared_") for v in graph.inputs])[0]


RUN = {each.__name__: each for each in PASSES} | {"split": split_golden, "batch": batch_golden}


def read(path: Path) -> tuple[str, Graph, str]:
    """The comment at the top of a dump, the graph before, and the text of what comes after."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("def before"))
    end = next((i for i, line in enumerate(lines) if line.startswith(("def after", "class after"))), len(lines))
    before = parse("\n".join(lines[start:end]))
    assert isinstance(before, Graph)
    return "\n".join(lines[:start]).rstrip(), before, "\n".join(lines[end:])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden(path: Path, request: pytest.FixtureRequest) -> None:
    comment, before, text = read(path)
    after = RUN[path.stem.partition("_")[0]](before).replace(name="after")
    if request.config.getoption("--update-golden"):
        path.write_text(f"{comment}\n\n{before}\n\n\n{after}\n", encoding="utf-8")
        text = str(after)
    verify(before)
    verify(after)
    assert after == parse(text), f"the pass now gives\n\n{after}\n\npytest --update-golden accepts it"
    CHECKS.get(path.stem.partition("_")[0], check_numbers)(before, after)


def check_numbers(before: Graph, after: Graph | Program) -> None:
    """Both give the same numbers. A program takes the inputs and the cotangents, and so does the joint graph."""
    generator = np.random.default_rng(0)
    given = [numbers(v.type, generator) for v in before.inputs]
    for a, b in zip(arrays(before(*given)), arrays(after(*given)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def check_examples(before: Graph, after: Graph) -> None:
    """The graph of three examples gives for each of them what the graph of one does."""
    generator = np.random.default_rng(0)
    given = [numbers(v.type, generator) for v in after.inputs]
    many = arrays(after(*given))
    for i in range(3):
        one = [x if a.type == b.type else x[i] for x, a, b in zip(given, before.inputs, after.inputs, strict=True)]
        for alone, together in zip(arrays(before(*one)), many, strict=True):
            found = together if together.shape == alone.shape else together[i]
            np.testing.assert_allclose(found, alone, rtol=1e-5, atol=1e-6)


CHECKS = {"batch": check_examples}


def test_every_pass_has_dumps() -> None:
    names = [path.stem.partition("_")[0] for path in FILES]
    assert {name: names.count(name) >= 2 for name in RUN} == dict.fromkeys(RUN, True)
