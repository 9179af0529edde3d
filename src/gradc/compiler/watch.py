"""Watching a function while it is traced, for whatever a program of tensors alone would not repeat.

Two hooks of Python's own see every call and, in the user's functions, every instruction that changes an object. What is
not known to be harmless counts as an effect: then the function's Python runs at every call (see rerun.py), which is
always right. So a mistake here can cost time, never a result.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import sysconfig
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FrameType, GeneratorType, ModuleType
from typing import Any

import numpy as np

from gradc import locations
from gradc.compiler.effects import Effects
from gradc.compiler.instructions import Instructions
from gradc.compiler.stores import UNKNOWN, evaluate, stores
from gradc.dtypes import dtype
from gradc.locations import package_files
from gradc.tensor import Tensor

PURE = frozenset("""
    abs all any ascii bin callable chr divmod format getattr hasattr hash isinstance issubclass iter len max min oct ord
    pow repr round sorted sum __build_class__
""".split())
"""Functions of `builtins` whose result depends on their arguments alone, and that change nothing."""

PURE_MODULES = frozenset(("math", "cmath", "itertools", "_operator", "_functools", "_struct", "_bisect", "_abc", "_sre",
                          "_typing", "_collections_abc", "unicodedata", "_decimal", "_json", "_string"))
"""Modules of C functions of which the same is true; but for the names in IMPURE."""

IMPURE = frozenset(("setitem", "delitem", "iadd", "isub", "imul", "iconcat", "iand", "ior", "ixor", "setattr",
                    "insort", "insort_left", "insort_right"))

MUTATING = frozenset("""
    append appendleft extend extendleft insert remove pop popleft popitem clear sort reverse rotate update setdefault
    add discard difference_update intersection_update symmetric_difference_update move_to_end
    __setitem__ __delitem__ __iadd__ __imul__ __ior__ __setattr__ __delattr__ subtract
    fill itemset partition put resize setfield setflags
""".split())
"""Methods that change their object."""

TRACED = ("grad", "data", "requires_grad")
"""Attributes of tensors whose change a trace records; others would be missing from what a program returns."""

CONTAINERS = (list, dict, set, bytearray, np.ndarray)
VALUES = (str, bytes, int, float, complex, tuple, frozenset, range, slice, type(None), type, np.generic, np.dtype)

TRUSTED = ("abc", "contextlib", "copy", "dataclasses", "enum", "fractions", "functools", "keyword",
           "numbers", "operator", "re", "reprlib", "string", "textwrap", "types", "typing", "statistics", "inspect",
           "ast")
"""Modules of the standard library whose Python functions change nothing but what they made."""

LIBRARY = os.path.realpath(sysconfig.get_paths()["stdlib"]) + os.sep
TRUSTED_NAMES = ("<frozen importlib", "<frozen abc", "<__array_function__")
TRUSTED_FILES = tuple(f"{LIBRARY}{name}{end}" for name in TRUSTED for end in (".py", os.sep))
PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(np.__file__))) + os.sep
TRUSTED_PACKAGES = tuple(f"{PACKAGES}{name}{os.sep}" for name in ("numpy", "jax", "jaxlib", "ml_dtypes", "networkx"))
"""What gradc itself calls, and whose functions users know to be free of effects; numpy.random is looked at by name."""


class _Files(dict[str, str]):
    """Whose a file is: "own" (gradc's), "trusted", "library" (of Python), "made" (by a program), or "user"."""

    def __missing__(self, filename: str) -> str:
        path = os.path.realpath(filename) if os.path.sep in filename else filename
        if package_files[filename]:
            kind = "own"
        elif path.startswith((*TRUSTED_PACKAGES, *TRUSTED_FILES)) or filename.startswith(TRUSTED_NAMES):
            kind = "trusted"
        elif filename == "<string>":
            kind = "made"
        elif filename.startswith("<frozen"):
            kind = "library"
        else:
            kind = "library" if path.startswith(LIBRARY) and "site-packages" not in path else "user"
        self[filename] = kind
        return kind


files = _Files()


class Watch:
    """Sees what a run does. `codes` are the user's functions that ran, with their globals, in order."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        effects.unwatched = self.off
        self.codes: dict[CodeType, dict[str, Any]] = {}
        self._fresh: dict[int, Any] = {}
        self._young: set[int] = set()
        self._returned: set[int] = set()
        self._instructions: Any = None

    @contextlib.contextmanager
    def on(self) -> Iterator[Watch]:
        """Watch this thread."""
        gc.freeze()  # so that the objects made from here on can be told from those before
        profile = sys.getprofile()
        instructions = self._instructions = Instructions(self._store, self._follows)
        sys.setprofile(self._profile)
        instructions.start()
        try:
            yield self
        finally:
            instructions.close()
            sys.setprofile(profile)
            self._instructions = None
            gc.unfreeze()
            self._fresh.clear()

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """Look away, while gradc works for itself."""
        instructions = self._instructions
        if instructions is None:
            yield
            return
        instructions.stop()
        sys.setprofile(None)
        try:
            yield
        finally:
            sys.setprofile(self._profile)
            instructions.start()

    def _follows(self, frame: FrameType) -> bool:
        """Whether a frame is of a function of the user that stores."""
        return files[frame.f_code.co_filename] in ("user", "made") and bool(stores(frame.f_code)) \
            and self._for_user(frame)

    # Calls

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            if files[frame.f_code.co_filename] not in ("own", "trusted") and self._for_user(frame):
                self._c_call(argument, frame)
        elif event == "call":
            code = frame.f_code
            if code not in self.codes and files[code.co_filename] != "own" and self._for_user(frame):
                self._called(code, frame)

    def _for_user(self, frame: FrameType | None) -> bool:
        """Whether a frame is the user's, or works for one, and not for gradc."""
        while frame is not None:
            kind = files[frame.f_code.co_filename]
            if kind == "user":
                return True
            if kind == "own":
                return False
            frame = frame.f_back
        return False

    def _called(self, code: CodeType, frame: FrameType) -> None:
        kind = files[code.co_filename]
        if kind == "library":
            caller = frame.f_back or frame
            self._note("call", f"calls {code.co_qualname}() of {os.path.basename(code.co_filename)}", caller)
        elif kind in ("user", "made"):
            self.codes[code] = frame.f_globals
            if not self._instructions.able and stores(code):
                self._note("write", f"{code.co_qualname}() may change something (a debugger hides what)", frame)

    def _c_call(self, function: Any, frame: FrameType) -> None:
        name, owner = getattr(function, "__name__", "?"), getattr(function, "__self__", None)
        if owner is None or isinstance(owner, ModuleType):
            module = getattr(function, "__module__", None) or (owner.__name__ if owner is not None else "")
            known = name in PURE if module == "builtins" else module in PURE_MODULES and name not in IMPURE \
                or module.startswith("numpy") and "random" not in module and name not in ("copyto", "putmask", "place")
            if not known:
                self._note("call", f"calls {module + '.' if module != 'builtins' else ''}{name}()", frame)
        elif isinstance(owner, (*VALUES, Tensor)) or isinstance(owner, GeneratorType):
            if isinstance(owner, type) and name in MUTATING:  # setting an attribute of a class
                self._note("write", f"calls {owner.__name__}.{name}()", frame)
        elif isinstance(owner, CONTAINERS) or type(owner).__module__ in ("collections", "re"):
            if name in MUTATING and not self.is_fresh(owner):
                self._note("write", f"calls {name}() of a {type(owner).__name__} from outside", frame)
        elif not self._is_slot(function, name):
            self._note("call", f"calls {type(owner).__name__}.{name}()", frame)

    def _is_slot(self, function: Any, name: str) -> bool:
        """Whether a method is what Python itself calls on any object, and changes nothing."""
        return name.startswith("__") and name not in MUTATING and isinstance(function, BuiltinFunctionType) \
            and getattr(function.__self__.__class__, "__module__", "") == "builtins"

    # Stores

    def _store(self, store: Any, frame: FrameType) -> None:
        if store.kind in ("global", "nonlocal"):
            if store.kind == "global" or not self._is_inner(frame.f_code):
                self._note("write", f"writes the {store.kind} {store.text}", frame)
            return
        target = evaluate(store.target, frame)
        if store.kind == "augmented" and (isinstance(target, (*VALUES, Tensor)) or target is UNKNOWN and
                                          store.target is not None):
            return  # numbers and the like are replaced, not changed: the store that follows is seen by itself
        traced = isinstance(target, Tensor) and (store.kind == "item" or store.text.rpartition(".")[2] in TRACED)
        if traced:
            return  # the trace sees it
        if target is UNKNOWN or isinstance(target, Tensor) or not self.is_fresh(target):
            self._note("write", f"writes {store.text}", frame)

    def _is_inner(self, code: CodeType) -> bool:
        """Whether a function was made by another one that ran, so that what it closes over was made in the run."""
        return any(code in outer.co_consts for outer in self.codes)

    # Objects

    def returned(self, result: Any) -> None:
        """Note a result of the run that a program could not make anew at every call."""
        kind = type(result)
        if kind in (list, dict) and id(result) in self._returned:
            self.effects.note("object", f"returns a {kind.__name__} twice", locations.UNKNOWN)
            return
        self._returned.add(id(result))
        if kind in (list, dict) and not self.is_fresh(result):
            self.effects.note("object", f"returns a {kind.__name__} from outside", locations.UNKNOWN)
        elif kind in (list, tuple) or isinstance(result, tuple) and hasattr(kind, "_fields"):
            for item in result:
                self.returned(item)
        elif kind is dict:
            for item in result.values():
                self.returned(item)
        elif result is not None and not isinstance(result, (bool, int, float, str, bytes, complex, Tensor, dtype)):
            self.effects.note("object", f"returns an object of class {type(result).__name__}", locations.UNKNOWN)

    def is_fresh(self, x: Any) -> bool:
        """Whether an object was made during the run."""
        if id(x) in self._fresh:
            return True
        self._young.update(map(id, gc.get_objects()))
        fresh = id(x) in self._young if type(x) is not dict else self._is_fresh_dict(x)
        if fresh:
            self._fresh[id(x)] = x  # kept, so that no other object can take its place
        return fresh

    def _is_fresh_dict(self, x: dict[Any, Any]) -> bool:
        """Whether nothing from before the run holds a dictionary; Python does not keep track of simple ones."""
        gc.unfreeze()
        holders = gc.get_referrers(x)
        gc.freeze()
        frames = (FrameType,)
        return all(id(holder) in self._young or isinstance(holder, frames) for holder in holders)

    def _note(self, kind: str, what: str, frame: FrameType) -> None:
        self.effects.note(kind, what, locations.of_frame(locations.outside(frame)))
