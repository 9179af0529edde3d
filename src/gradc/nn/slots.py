"""How a module holds its parameters, buffers and submodules.

Their values are ordinary attributes, so that reading one costs what any attribute costs. Beside them the module keeps,
for each of the three kinds, an ordered dictionary of the names that are registered. PyTorch's `_parameters`, `_buffers`
and `_modules` are views of both: mappings from the names to the values.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from gradc.errors import ArgumentError, GradcError
from gradc.nn.parameter import typename


class SlotNameError(GradcError, KeyError):
    """A name under which nothing can be registered."""


class SlotError(GradcError, AttributeError):
    """A parameter, buffer or submodule that is not there, or cannot be there yet."""


class Slots(MutableMapping[str, Any]):
    """The registered attributes of one kind: `names` in order, and their values among all `attributes` of a module.

    What belongs to a name in `names` is, for a buffer, whether state_dict holds it.
    """

    __slots__ = ("attributes", "names")

    def __init__(self, attributes: dict[str, Any], names: dict[str, bool]) -> None:
        self.attributes = attributes
        self.names = names

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        return self.attributes[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.attributes[name] if name in self.names else default

    def __setitem__(self, name: str, value: Any) -> None:
        self.names.setdefault(name, True)
        self.attributes[name] = value

    def __delitem__(self, name: str) -> None:
        del self.names[name]
        del self.attributes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return repr(dict(self))


def check_name(owner: Any, kind: str, name: Any, names: dict[str, bool]) -> None:
    """Raise an error, in PyTorch's words, if `owner` cannot register a parameter, buffer or module under `name`."""
    if not isinstance(name, str):
        raise ArgumentError(f"{kind} name should be a string. Got {typename(name)}")
    if "." in name:
        raise SlotNameError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
    if not name:
        raise SlotNameError(f'{kind} name can\'t be empty string ""')
    if name not in names and hasattr(owner, name):
        raise SlotNameError(f"attribute '{name}' already exists")
