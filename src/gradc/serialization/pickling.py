"""The pickles in PyTorch's files, without pickle: a machine that knows tensors, numbers, text and containers.

A pickle is a program, and pickle runs what it says. This reader has a table of the few names that a file may mention;
everything else is an error that says what the file wanted. Nothing is imported and no attribute is set.
"""

from __future__ import annotations

import pickletools
import struct
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

from gradc import dtypes
from gradc.devices import device
from gradc.serialization.memory import Piece, parameter
from gradc.serialization.problem import LoadError, SaveError
from gradc.shapes import Size
from gradc.tensor import Parameter, Tensor

STORAGES = {f"{title}Storage": kind for kind, title in dtypes.TITLES.items()}
"""The classes by which files name element types."""

# Writing

Place = Callable[[Tensor], tuple[str, Any, int, tuple[int, ...], tuple[int, ...]]]


class Writer:
    """Writes a structure as a pickle of protocol 2, which torch.load(weights_only=True) reads.

    `place` says where the memory of a tensor is.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._parts: list[bytes] = [b"\x80\x02"]
        self._memo: dict[int, int] = {}
        self._kept: list[Any] = []

    def written(self, obj: Any) -> bytes:
        """The pickle of `obj`."""
        try:
            self._write(obj)
        except RecursionError:
            raise SaveError("save(): the containers are nested too deeply, or hold themselves") from None
        return b"".join([*self._parts, b"."])

    def _write(self, x: Any) -> None:
        emit = self._parts.append
        if x is None or x is True or x is False:
            emit({None: b"N", True: b"\x88", False: b"\x89"}[x])
        elif isinstance(x, int):
            self._integer(int(x))
        elif isinstance(x, float):
            emit(b"G" + struct.pack(">d", x))
        elif isinstance(x, str):
            text = x.encode("utf-8", "surrogatepass")
            emit(b"X" + struct.pack("<I", len(text)) + text)
        elif id(x) in self._memo:
            emit(b"j" + struct.pack("<I", self._memo[id(x)]))
        else:
            self._object(x)
            self._memo[id(x)] = len(self._kept)
            emit(b"r" + struct.pack("<I", len(self._kept)))
            self._kept.append(x)

    def _integer(self, x: int) -> None:
        if -(2**31) <= x < 2**31:
            self._parts.append(b"J" + struct.pack("<i", x))
        else:
            data = x.to_bytes(x.bit_length() // 8 + 1, "little", signed=True)
            if len(data) > 255:
                raise SaveError("save(): an integer of more than 2000 bits cannot be saved")
            self._parts.append(b"\x8a" + bytes([len(data)]) + data)

    def _object(self, x: Any) -> None:
        kind = type(x)
        if isinstance(x, Tensor):
            self._tensor(x)
        elif kind is tuple:
            self._tuple(x)
        elif kind is list:
            self._parts += [b"]", b"("]
            self._all(x, b"e")
        elif isinstance(x, dict):
            self._dictionary(x)
        elif kind is Size:
            self._call("torch\nSize", (tuple(x),))
        elif kind in (set, frozenset):
            self._call("__builtin__\nset", (list(x),))
        elif kind is bytes:
            self._call("_codecs\nencode", (x.decode("latin1"), "latin1"))
        elif kind is complex:
            self._call("__builtin__\ncomplex", (x.real, x.imag))
        elif kind is device:
            self._call("torch\ndevice", (str(x),))
        elif kind is dtypes.dtype:
            self._parts.append(f"ctorch\n{x.name}\n".encode())
        else:
            raise SaveError(f"save(): cannot save {kind.__module__}.{kind.__qualname__}: a file holds tensors, numbers "
                            f"and text in lists, tuples, sets and dictionaries.\n    Of a module, an optimizer or a "
                            f"scheduler, save the state_dict().")

    def _all(self, items: Any, end: bytes) -> None:
        for item in items:
            self._write(item)
        self._parts.append(end)

    def _dictionary(self, x: dict[Any, Any]) -> None:
        self._parts.append(b"ccollections\nOrderedDict\n)R" if isinstance(x, OrderedDict) else b"}")
        self._parts.append(b"(")
        self._all([part for item in x.items() for part in item], b"u")
        if isinstance(x, OrderedDict) and hasattr(x, "_metadata"):  # of a state dictionary: its modules' versions
            self._write({"_metadata": x._metadata})
            self._parts.append(b"b")

    def _tuple(self, items: Any) -> None:
        self._parts.append(b"(")
        self._all(items, b"t")

    def _call(self, name: str, args: tuple[Any, ...]) -> None:
        self._parts.append(f"c{name}\n".encode())
        self._tuple(args)
        self._parts.append(b"R")

    def _tensor(self, x: Tensor) -> None:
        is_parameter = isinstance(x, Parameter)
        key, memory, offset, shape, stride = self._place(x)
        if is_parameter:
            self._parts.append(b"ctorch._utils\n_rebuild_parameter\n(")
        self._parts.append(b"ctorch._utils\n_rebuild_tensor_v2\n((")
        self._write("storage")
        self._parts.append(f"ctorch\n{dtypes.TITLES[x.dtype]}Storage\n".encode())
        for item in (key, "cpu", memory.size):
            self._write(item)
        self._parts.append(b"tQ")
        requires_grad = bool(x.requires_grad)
        for item in (offset, tuple(shape), tuple(stride), requires_grad and not is_parameter):
            self._write(item)
        self._parts.append(b"ccollections\nOrderedDict\n)RtR")
        if is_parameter:
            self._write(requires_grad)
            self._parts.append(b"ccollections\nOrderedDict\n)RtR")


# Reading


def _rebuilt(storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False, *more: Any) -> Tensor:
    if not isinstance(storage, Piece) or not all(
            isinstance(n, int) for n in (offset, *size, *stride)) or len(size) != len(stride):
        raise LoadError("the file is damaged: a tensor in it has no memory, shape or strides")
    return storage.tensor(offset, tuple(size), tuple(stride), requires_grad is True)


def _rebuilt_parameter(data: Any, requires_grad: Any, *more: Any) -> Parameter:
    if not isinstance(data, Tensor):
        raise LoadError("the file is damaged: a parameter in it is no tensor")
    return parameter(data, bool(requires_grad))


def _encoded(text: Any, code: Any) -> bytes:
    if not isinstance(text, str) or code != "latin1":
        raise LoadError("the file is damaged: text in it is not encoded in latin1")
    return text.encode("latin1")


CALLS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _rebuilt, "torch._utils._rebuild_parameter": _rebuilt_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuilt_parameter, "torch.Size": Size, "torch.device": device,
    "collections.OrderedDict": OrderedDict, "collections.Counter": Counter, "_codecs.encode": _encoded,
    "builtins.set": set, "builtins.complex": complex, "builtins.bytearray": bytearray,
    "collections.defaultdict": lambda kind=None, *more: defaultdict(kind if kind in (dict, list) else None),
}
"""What a file may call."""

CONSTANTS: dict[str, Any] = {
    **{f"torch.{kind.name}": kind for kind in dtypes.ALL}, **{f"torch.{name}": kind for name, kind in STORAGES.items()},
    "builtins.dict": dict, "builtins.list": list,
}
"""What a file may name besides."""

VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": set}
LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINSTRING",
            "SHORT_BINBYTES", "BINBYTES", "BINUNICODE8"}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
MARK = object()


class _Name(str):
    """A name of CALLS, on the machine's stack."""


class Reader:
    """Reads a pickle; `piece` gives the memory that a key stands for."""

    def __init__(self, piece: Callable[[str, dtypes.dtype, int], Piece]) -> None:
        self._piece = piece
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def read(self, data: bytes) -> Any:
        """What the pickle describes. Raises LoadError for what it may not hold, and for damage."""
        try:
            for op, argument, _ in pickletools.genops(data):
                if op.name == "STOP":
                    return self._stack.pop()
                self._step(op.name, argument)
        except LoadError:
            raise
        except Exception as error:
            raise LoadError(f"Weights only load failed: the file is damaged ({error})") from error
        raise LoadError("Weights only load failed: the file is cut off")

    def _step(self, op: str, argument: Any) -> None:
        stack = self._stack
        if op in LITERALS:
            stack.append(argument)
        elif op in VALUES:
            stack.append(VALUES[op])
        elif op in EMPTY:
            stack.append(EMPTY[op]())
        elif op in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self._memo[len(self._memo) if argument is None else argument] = stack[-1]
        elif op in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif op == "MARK":
            stack.append(MARK)
        elif op in TUPLES or op == "TUPLE":
            stack.append(tuple(self._taken(TUPLES.get(op))))
        elif op in ("GLOBAL", "STACK_GLOBAL"):
            module, name = argument.split(" ") if op == "GLOBAL" else self._taken(2)
            stack.append(self._named(f"{module.replace('__builtin__', 'builtins')}.{name}"))
        elif op in ("REDUCE", "NEWOBJ"):
            function, args = self._taken(2)
            if not isinstance(function, _Name):
                raise self._refused(f"to call {function!r}")
            stack.append(CALLS[function](*args))
        elif op == "BINPERSID":
            self._memory(stack.pop())
        elif op not in ("PROTO", "FRAME"):
            self._fill(op)

    def _fill(self, op: str) -> None:
        """Put items into the container below them."""
        count = {"APPEND": 1, "SETITEM": 2, "BUILD": 1}.get(op)
        if count is None and op not in ("APPENDS", "SETITEMS", "ADDITEMS"):
            raise self._refused(f"the pickle operation {op}")
        items = self._taken(count)
        target = self._stack[-1]
        if op in ("APPEND", "APPENDS") and isinstance(target, list):
            target.extend(items)
        elif op in ("SETITEM", "SETITEMS") and isinstance(target, dict):
            target.update(zip(items[::2], items[1::2], strict=True))
        elif op == "ADDITEMS" and isinstance(target, set):
            target.update(items)
        elif op == "BUILD" and type(target) is OrderedDict and isinstance(items[0], dict):
            vars(target).update({"_metadata": items[0]["_metadata"]} if "_metadata" in items[0] else {})
        else:
            raise self._refused(f"to set the state of {type(target).__name__}")

    def _taken(self, count: int | None) -> list[Any]:
        """The last items of the stack: so many, or, for None, those behind the last mark."""
        stack = self._stack
        if count is None:
            start = len(stack) - 1 - next(i for i, item in enumerate(reversed(stack)) if item is MARK)
            items = stack[start + 1:]
            del stack[start:]
        else:
            items = stack[len(stack) - count:]
            if len(items) < count or MARK in items:
                raise LoadError("Weights only load failed: the file is damaged")
            del stack[len(stack) - count:]
        return items

    def _named(self, name: str) -> Any:
        if name in CALLS and name not in CONSTANTS:
            return _Name(name)
        if name not in CONSTANTS:
            raise self._refused(name)
        return CONSTANTS[name]

    def _refused(self, what: str) -> LoadError:
        return LoadError(f"Weights only load failed. The file asks for {what}, which is not a tensor, a number, text "
                         f"or a container of these; building it would run code, so gradc does not.\n    If you trust "
                         f"the file, load it in PyTorch and save the state_dict() of what is in it.")

    def _memory(self, described: Any) -> None:
        storage, kind, key, _, count = described
        if storage != "storage" or not isinstance(kind, dtypes.dtype) or not isinstance(key, str) \
                or not isinstance(count, int):
            raise LoadError(f"the file is damaged, or holds memory of a kind that gradc does not have: {described[:2]}")
        self._stack.append(self._piece(key, kind, count))
