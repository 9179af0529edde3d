"""Runs a snippet on a library that it calls torch, and notes all that its user would see."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import re
import textwrap
import warnings
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np


@dataclass
class Outcome:
    """What became of a snippet: the repr of its last expression, its output, its different warnings and its error."""

    value: str | None = None
    printed: str = ""
    warned: list[str] = field(default_factory=list)
    error: Exception | None = None


def run(library: ModuleType, code: str, name: str) -> Outcome:
    """Run `code` in a fresh namespace, as PyTorch's own users write it; `name` stands for its file in messages."""
    outcome = Outcome()
    source = re.sub(r"\b(import|from) torch\.", rf"\1 {library.__name__}.", textwrap.dedent(code).strip("\n"))
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    names: dict[str, Any] = {
        "__name__": "probe", "torch": library, "t": library.tensor, "F": getattr(library.autograd, "Function", object),
        "ag": library.autograd, "nn": library.nn, "np": np,
    }
    output = io.StringIO()
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(output):
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"gradc\.")  # as importing gradc does
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated")  # of torch's own use of it
        try:
            value = _execute(source, name, names)
            outcome.value = None if value is None else normal(repr(value))
        except Exception as problem:  # an outcome like any other
            outcome.error = problem
    outcome.printed = normal(output.getvalue().rstrip("\n"))
    outcome.warned = list(dict.fromkeys(f"{w.category.__name__}: {w.message}" for w in warned))
    return outcome


def _execute(source: str, name: str, names: dict[str, Any]) -> Any:
    """The value of the last statement, if it is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), name, "eval"), names)
    return None


def normal(text: str) -> str:
    """`text` with what differs from run to run replaced."""
    return re.sub(r"0x[0-9a-f]+", "0xADDR", text)
