"""PyTorch's public names: what a program is told when it uses one that gradc lacks."""

from __future__ import annotations

import difflib
import functools
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

NAMES = Path(__file__).with_name("torch_names.txt")
"""PyTorch's names, a namespace a paragraph, as tools/coverage.py wrote them down."""

NAMESPACES = (
    "torch", "torch.Tensor", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.parameter",
    "torch.nn.utils", "torch.nn.utils.rnn", "torch.nn.utils.parametrize", "torch.nn.utils.parametrizations",
    "torch.optim", "torch.optim.lr_scheduler", "torch.optim.swa_utils", "torch.autograd", "torch.autograd.functional",
    "torch.autograd.graph", "torch.autograd.forward_ad", "torch.func", "torch.linalg", "torch.special", "torch.fft",
    "torch.distributions", "torch.random", "torch.utils", "torch.utils.data", "torch.utils.checkpoint",
    "torch.utils.dlpack", "torch.serialization", "torch.amp", "torch.cuda", "torch.cpu", "torch.backends",
    "torch.backends.cuda", "torch.compiler", "torch.jit", "torch.hub",
    "torch.overrides", "torch.testing", "torch.types", "torch.version",
)
"""The parts of PyTorch that are compared name by name."""

INSTEAD = {
    "torch.ao": "gradc has no quantised types", "torch.quantization": "gradc has no quantised types",
    "torch.distributed": "gradc runs in one process", "torch.multiprocessing": "Python's own multiprocessing",
    "torch.fx": "gradc.make_ir gives a function's graph", "torch.export": "gradc.make_ir gives a function's graph",
    "torch.onnx": "gradc.compile(f).code is a function that runs without gradc",
    "torch.profiler": "gradc.contrast times a compiled function op by op",
    "torch.sparse": "tensors are dense here", "torch.nested": "torch.nn.utils.rnn.pad_sequence",
    "torch.nn.parallel": "the module itself; gradc runs in one process",
    "torch.Tensor.to_sparse": "tensors are dense here",
    "torch.sparse_coo_tensor": "tensors are dense here", "torch.sparse_csr_tensor": "tensors are dense here",
    "torch.quantize_per_tensor": "gradc has no quantised types",
}
"""What to use in place of a name, or of a namespace, that is not planned."""


class MissingName(AttributeError):
    """A name that gradc lacks. Its text is made when somebody reads it: `hasattr` asks often."""

    def __init__(self, owner: str, name: str, start: str, obj: Any = None) -> None:
        super().__init__(owner, name, start, name=name, obj=obj)

    def __str__(self) -> str:
        owner, name, start = self.args
        text = f"{start} has no attribute {name!r}"
        if not in_torch(f"{owner}.{name}"):
            return text
        hint = nearest(f"{owner}.{name}")
        return (f"{text}: PyTorch has {owner}.{name}, gradc does not.{f' Instead: {hint}.' if hint else ''}\n"
                f"    `gradc run --missing FILE.py` lists all that a program uses and gradc lacks.")


def guard() -> None:
    """Have every module of gradc that stands for one of PyTorch's say what is missing."""
    for space in (*NAMESPACES, *INSTEAD):
        module = sys.modules.get(own(space))
        if module is not None and "__getattr__" not in vars(module):
            module.__getattr__ = functools.partial(_refuse, module, space)  # type: ignore[method-assign]


def _refuse(module: ModuleType, space: str, name: str) -> Any:
    raise MissingName(space, name, f"module {module.__name__!r}", module)


def own(name: str) -> str:
    """gradc's own name of a name in PyTorch."""
    return "gradc" + name.removeprefix("torch")


@functools.cache
def torch_names() -> dict[str, list[str]]:
    """PyTorch's public names in each of the namespaces."""
    found: dict[str, list[str]] = {}
    for paragraph in NAMES.read_text(encoding="utf-8").split("\n\n")[1:]:
        space, _, names = paragraph.partition(":")
        found[space] = names.split()
    return found


def torch_version() -> str:
    """The version of PyTorch whose names these are."""
    with NAMES.open(encoding="utf-8") as lines:
        return lines.readline().split()[2]


def in_torch(name: str) -> bool:
    """Whether PyTorch has this name, as far as the list goes. Modules that gradc has no more than a few names of are
    not in the list, and taken to have any."""
    space, _, last = name.rpartition(".")
    return name in NAMESPACES or space in INSTEAD or last in torch_names().get(space, ())


def resolve(name: str) -> Any:
    """What gradc has under a name of PyTorch.

    Raises AttributeError where it has nothing, or has not imported it.
    """
    parts = own(name).split(".")
    for count in range(len(parts), 0, -1):
        found: Any = sys.modules.get(".".join(parts[:count]))
        if found is not None:
            for part in parts[count:]:
                found = getattr(found, part)
            return found
    raise AttributeError(name)


def has(name: str) -> bool:
    """Whether gradc has something under a name of PyTorch."""
    try:
        resolve(name)
    except (AttributeError, ImportError):
        return False
    return True


def nearest(name: str) -> str:
    """What gradc has that comes nearest to a name of PyTorch; nothing if nothing does."""
    parts = name.split(".")
    for count in range(len(parts), 1, -1):
        if ".".join(parts[:count]) in INSTEAD:
            return INSTEAD[".".join(parts[:count])]
    space, _, last = name.rpartition(".")
    plain = last.rstrip("_")
    for other in ("torch", "torch.nn.functional", "torch.Tensor", space, "torch.linalg", "torch.special", "torch.nn"):
        for same in (last, plain):
            if f"{other}.{same}" != name and in_torch(f"{other}.{same}") and has(f"{other}.{same}"):
                return f"{other}.{same}"
    close = difflib.get_close_matches(last, [n for n in torch_names().get(space, ()) if has(f"{space}.{n}")], 1, 0.75)
    return f"{space}.{close[0]}" if close else ""
