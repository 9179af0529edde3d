"""`gradc run`: a program that was written for PyTorch, on gradc."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from gradc.cli.as_torch import as_torch
from gradc.cli.missing import report
from gradc.cli.problem import Problem
from gradc.coverage import MissingName
from gradc.locations import package_files

INTERRUPTED = 130
"""The exit code of a program that was stopped by the keyboard."""


def run_command(file: str, arguments: Sequence[str], missing: bool) -> int:
    """Run a program, or list what it needs of PyTorch and gradc lacks. Returns the exit code.

    Raises Problem if there is no such file.
    """
    if not Path(file).is_file():
        raise Problem(f"there is no file {file}")
    if missing:
        return report(Path(file))
    try:
        run(file, arguments)
    except SystemExit as end:
        return _exit_code(end)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except BaseException as error:
        sys.stdout.flush()
        print(in_user_terms(error), end="", file=sys.stderr)
        return 1
    return 0


def run(path: str | os.PathLike[str], arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Run a program that imports `torch` as the main program, on gradc. Returns its names.

    What it raises is raised here. Modules next to it are imported anew, and forgotten afterwards.
    """
    file = os.fspath(path)
    folder = str(Path(file).resolve().parent)
    main = ModuleType("__main__")
    main.__file__ = file
    main.__dict__["__builtins__"] = __builtins__
    code = compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
    before = sys.modules["__main__"], sys.argv, list(sys.path)
    known = set(sys.modules)
    sys.modules["__main__"], sys.argv = main, [file, *arguments]
    sys.path.insert(0, folder)
    try:
        with as_torch():
            exec(code, main.__dict__)
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = before
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(folder + os.sep):
                del sys.modules[name]
    return main.__dict__


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def in_user_terms(error: BaseException) -> str:
    """The traceback of an error with the lines of the program and its libraries, not those of gradc."""
    if isinstance(error, ImportError) and (found := re.match(r"cannot import name '(\w+)' from 'gradc", str(error))):
        space = "torch" + (error.name or "").removeprefix("gradc")
        error.add_note(str(MissingName(space, found[1], f"module {space!r}")))
    shown = traceback.TracebackException.from_exception(error)
    waiting: list[traceback.TracebackException | None] = [shown]
    while waiting:
        part = waiting.pop()
        if part is not None:
            part.stack = traceback.StackSummary.from_list(
                [f for f in part.stack if not package_files[f.filename] and "importlib" not in f.filename])
            waiting += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]
    return "".join(shown.format())
