"""`gradc ir`: the graph of a user's function, from the trace to what XLA made of it."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import re
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.syntax import Syntax

from gradc.backends.jax import Lowered
from gradc.cli.problem import Problem
from gradc.cli.types import parse_types
from gradc.compiler.arguments import signature
from gradc.compiler.compiled import CompiledFunction, Specialisation
from gradc.compiler.trace import trace
from gradc.errors import GradcError
from gradc.ir import Graph, Program, flatten
from gradc.locations import package_files
from gradc.tensor import Tensor, wrap


def _without_frames(hlo: str) -> str:
    """HLO text without its tables of Python's stack frames, which are the compiler's own."""
    hlo = re.sub(r"\n(FileNames|FunctionNames|FileLocations|StackFrames)\n(.+\n)*", "", hlo)
    return re.sub(r" stack_frame_id=\d+", "", hlo).strip()


LOWERED: dict[str, Callable[[Lowered], str]] = {
    "jax": lambda lowered: lowered.source,
    "jaxpr": lambda lowered: lowered.jaxpr(),
    "stablehlo": lambda lowered: str(lowered.lower().as_text("stablehlo")),
    "hlo": lambda lowered: _without_frames(str(lowered.lower().compile().as_text())),
}
"""The stages behind the passes."""


def show_ir(target: str, types: str, stage: str | None, grad: str | None, listing: bool) -> int:
    """Print the graph of a function on tensors of these types, at a stage.

    Raises Problem for a file, function, type or stage that there is not, and for a function that cannot be traced.
    """
    parsed = parse_types(types)
    function = load(target)
    made = specialise(function, [wrap(np.zeros(t.shape, t.dtype.numpy)) for t in parsed], grad)
    if listing:
        print(stages_listed(made))
        return 0
    graphs = graph_stages(made)
    name = stage or list(graphs)[-1]
    if name not in graphs and name not in LOWERED:
        close = difflib.get_close_matches(name, [*graphs, *LOWERED], 1)
        raise Problem(f"there is no stage {name!r}{f'; did you mean {close[0]}?' if close else '.'}\n"
                      f"    The stages are {', '.join([*graphs, *LOWERED])}.")
    show(stage_text(made, name), "text" if name in ("jaxpr", "stablehlo", "hlo") else "python")
    return 0


def load(target: str) -> Callable[..., Any]:
    """The function, module or method that `FILE.py:NAME` names."""
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name:
        raise Problem(f"expected FILE.py:FUNCTION, got {target!r}")
    path = Path(file)
    if not path.is_file():
        raise Problem(f"there is no file {file}")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise Problem(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[path.stem] = module
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise Problem(f"importing {file} failed: {_in_short(error)}") from error
    return _member(module, file, name)


def _member(module: Any, file: str, name: str) -> Callable[..., Any]:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [key for key, value in vars(module).items()
                     if callable(value) and getattr(value, "__module__", None) == module.__name__]
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"It has {', '.join(known) or 'no functions'}."
            raise Problem(f"{file} has no {name!r}{'; ' if close else '. '}{hint}")
        found = getattr(found, part)
    if inspect.isclass(found) or not callable(found):
        raise Problem(f"{file}:{name} is {'a class' if inspect.isclass(found) else type(found).__name__}; "
                      f"expected a function, a method or a module that is made")
    return found.function if isinstance(found, CompiledFunction) else found  # type: ignore[no-any-return]


def specialise(function: Callable[..., Any], tensors: list[Tensor], grad: str | None) -> Specialisation:
    """Trace the function on the tensors and run the passes."""
    names = _argument_names(function, tensors)
    if grad is not None:
        _require_grad(names, tensors, grad)
    found: list[Tensor] = []
    signature(tuple(tensors), found)
    start = time.perf_counter()
    try:
        traced = trace(function, tuple(tensors), {}, found)
        return Specialisation(traced, time.perf_counter() - start)
    except Exception as error:
        raise Problem(f"tracing {getattr(function, '__name__', 'the module')} failed: {_in_short(error)}") from error


def _argument_names(function: Callable[..., Any], tensors: list[Tensor]) -> list[str]:
    """What the function calls each of these arguments. Raises Problem if it does not take so many."""
    form = inspect.signature(getattr(function, "forward", function))
    try:
        bound = form.bind(*tensors)
    except TypeError as error:
        takes = f"{getattr(function, '__name__', type(function).__name__)}{form}"
        raise Problem(f"{takes} does not take {len(tensors)} tensor{'s' * (len(tensors) != 1)}: {error}") from None
    names: list[str] = []
    for name, value in bound.arguments.items():
        names += [f"{name}_{i}" for i in range(len(value))] if isinstance(value, tuple) else [name]
    return names


def _require_grad(names: list[str], tensors: list[Tensor], grad: str) -> None:
    floating = [n for n, t in zip(names, tensors, strict=True) if t.dtype.is_differentiable]
    wanted = floating if grad == "all" else [name.strip() for name in grad.split(",")]
    for name in wanted:
        if name not in floating:
            why = "is an integer" if name in names else "is no argument"
            raise Problem(f"--grad: {name!r} {why}; arguments that can require grad are "
                          f"{', '.join(floating) or 'none'}")
        tensors[names.index(name)].requires_grad_()


def graph_stages(made: Specialisation) -> dict[str, Graph | Program]:
    """The stages that are graphs: the trace and what each pass made of it."""
    return {name: stage for name, stage in made.stages.items() if isinstance(stage, (Graph, Program))}


def stage_text(made: Specialisation, name: str) -> str:
    """The text of a stage; of a function with a backward, of both programs."""
    if name not in LOWERED:
        return str(made.stages[name])
    if made.backward is None:
        return LOWERED[name](made.lowered)
    comment = "//" if name in ("stablehlo", "hlo") else "#"
    parts = [("forward", made.lowered), ("backward", made.backward.lowered)]
    return "\n\n".join(f"{comment} {title}\n\n{LOWERED[name](lowered).strip()}" for title, lowered in parts)


def stages_listed(made: Specialisation) -> str:
    """A line for each stage: its name, the nodes of its graph and the milliseconds that it took."""
    lines = [f"{'stage':16}{'nodes':>6}{'ms':>9}"]
    for name, graph in graph_stages(made).items():
        seconds = made.seconds.get("trace" if name == "traced" else name)
        lines.append(f"{name:16}{_nodes(graph):6}" + (f"{seconds * 1e3:9.2f}" if seconds is not None else ""))
    return "\n".join([*lines, *LOWERED])


def _nodes(graph: Graph | Program) -> int:
    parts = [graph] if isinstance(graph, Graph) else [graph.forward, graph.backward]
    return sum(node.op.name != "free" for part in parts for node in flatten(part).nodes)


def show(text: str, language: str) -> None:
    """Print code: in colours on a terminal, as it is to a pipe. A line stays one line, so that it can be copied."""
    console = Console()
    if not console.is_terminal:
        print(text)
        return
    highlighted = Syntax(text, language, theme="ansi_dark", background_color="default").highlight(text)
    highlighted.rstrip()
    console.print(highlighted, soft_wrap=True)


def _in_short(error: BaseException) -> str:
    """An error in one line and the user's line that raised it; gradc's own errors say where themselves."""
    if isinstance(error, GradcError):
        return str(error)
    text = "".join(traceback.format_exception_only(error)).strip()
    frames = [f for f in traceback.extract_tb(error.__traceback__)
              if not package_files[f.filename] and "importlib" not in f.filename]
    where = f"\n    {Path(frames[-1].filename).name}:{frames[-1].lineno}   {frames[-1].line}" if frames else ""
    return text + (where if not isinstance(error, SyntaxError) else "")
