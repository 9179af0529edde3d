"""The arguments and results of a compiled function as trees whose leaves are tensors."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from gradc.passes.cse import identity
from gradc.tensor import Tensor, edge, wrap


def signature(tree: Any, tensors: list[Tensor], numbers: list[Any] | None = None) -> Any:
    """A hashable description of arguments, which says all that a trace may depend on except the tensors' values.

    Appends the tensors to `tensors`. NumPy and JAX arrays count as tensors. The values of integers and floating numbers
    are appended to `numbers`, and left out of the description, if it is given.
    """
    kind = tree.__class__
    if numbers is not None and (kind is float or kind is int):
        numbers.append(tree)
        return kind
    if issubclass(kind, Tensor):
        tensors.append(tree)  # every call comes through here: mind the time
        array = tree._array if tree._device is None else tree._device
        tracked = tree._node is not None and edge(tree) is not None
        hooked = tree._retains_grad or tree._hooks is not None and bool(tree._hooks)
        return kind, array.shape, array.dtype.num, tracked, hooked
    if kind is tuple or kind is list:
        return kind, tuple([signature(item, tensors, numbers) for item in tree])
    if kind is dict:
        return kind, tuple([(key, signature(item, tensors, numbers)) for key, item in tree.items()])
    if issubclass(kind, tuple):
        return kind, tuple([signature(item, tensors, numbers) for item in tree])
    if is_array(tree):
        return signature(wrap(np.asarray(tree)), tensors)
    if kind is set:
        return kind, frozenset(map(identity, tree))
    return (kind, identity(tree)) if isinstance(tree, Hashable) else (kind, _Same(tree))


class _Same:
    """An object that cannot be hashed, equal to itself alone. It is kept, so that no other can take its id."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.held is self.held

    def __hash__(self) -> int:
        return id(self.held)


def is_array(x: Any) -> bool:
    """Whether x is an array of NumPy or JAX."""
    return isinstance(x, np.ndarray) or type(x).__module__.startswith("jax") and hasattr(x, "__array__")


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with `function` applied to its leaves; tuples, lists and dictionaries are its branches."""
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*[tree_map(function, item) for item in tree])
    if isinstance(tree, (tuple, list)):
        return type(tree)(tree_map(function, item) for item in tree)
    if isinstance(tree, dict):
        return {key: tree_map(function, item) for key, item in tree.items()}
    return function(tree)


def leaves(tree: Any) -> list[Any]:
    """The leaves of a tree from left to right."""
    found: list[Any] = []
    tree_map(found.append, tree)
    return found
