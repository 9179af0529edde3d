"""PyTorch's older compiler, as torch.jit: `script` and `trace` are gradc.compile."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from gradc.compiler.compiled import CompiledFunction, compile
from gradc.errors import GradcError
from gradc.modes import current

__all__ = ["Final", "ScriptError", "ScriptModule", "annotate", "export", "fork", "freeze", "ignore", "interface",
           "is_scripting", "is_tracing", "isinstance", "load", "optimize_for_inference", "save", "script",
           "script_if_tracing", "trace", "unused", "wait"]

ScriptModule = CompiledFunction


class ScriptError(GradcError, RuntimeError):
    """Something that only PyTorch's own compiler does."""


def script(obj: Any, optimize: Any = None, **ignored: Any) -> Any:
    """gradc.compile of a function or a module: it is traced when it is called. A class stays what it is.

    PyTorch compiles Python's own control flow; a trace takes one way through it, and an `if` on a traced value is an
    error that says so.
    """
    return obj if inspect.isclass(obj) or obj.__class__ is CompiledFunction else compile(obj)


def trace(func: Any, example_inputs: Any = None, check_trace: bool = True, **ignored: Any) -> Any:
    """gradc.compile of a function or a module, called once with the examples; other shapes are traced again."""
    compiled = script(func)
    if example_inputs is not None:
        compiled(*(example_inputs if example_inputs.__class__ in (tuple, list) else (example_inputs,)))
    return compiled


def is_scripting() -> bool:
    """False: no function is read as source."""
    return False


def is_tracing() -> bool:
    """Whether a function is being traced."""
    return current().trace is not None


def ignore(drop: Any = False, **ignored: Any) -> Any:
    """The function as it is; in a trace it is traced."""
    return drop if callable(drop) else lambda function: function


def unused(fn: Any) -> Any:
    """The function as it is."""
    return fn


export = interface = script_if_tracing = _script_if_tracing = _overload = _overload_method = unused


def freeze(mod: Any, preserved_attrs: Any = None, optimize_numerics: bool = True) -> Any:
    """The module as it is: a compiled function reads its parameters at every call."""
    return mod


optimize_for_inference = freeze


def annotate(the_type: Any, the_value: Any) -> Any:
    """The value."""
    return the_value


isinstance = isinstance
"""Python's own."""


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of a call, which is made at once; `wait` gives it back."""
    return func(*args, **kwargs)


def wait(future: Any) -> Any:
    """What fork returned."""
    return future


def _refused(*args: Any, **kwargs: Any) -> Any:
    """Raises ScriptError: TorchScript's files hold code for PyTorch's own interpreter."""
    raise ScriptError("torch.jit.save and torch.jit.load: gradc has no TorchScript files. Save the module's "
                      "state_dict() with gradc.save; gradc.compile(f).code is a program that runs without gradc.")


_refused.refused = True  # type: ignore[attr-defined]

save = load = _refused
