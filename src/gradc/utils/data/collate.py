"""From a list of items to one batch: tensors stacked, numbers made tensors, in the containers that the items are."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.errors import ArgumentError, CallError
from gradc.ops.creation import as_tensor, tensor
from gradc.ops.joining import stack
from gradc.tensor import Tensor

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

TEXT = "SUO"
"""NumPy's kinds of arrays that no tensor can hold."""

Rules = Mapping[Any, Callable[..., Any]]


def default_collate(batch: Any) -> Any:
    """A list of items as one batch, as torch.utils.data.default_collate."""
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Any, *, collate_fn_map: Rules | None = None) -> Any:
    """A list of items as one batch; `collate_fn_map` says how, by the class of the items.

    Raises TypeError for items that nothing is said about, RuntimeError for sequences that differ in length.
    """
    first, rules = batch[0], collate_fn_map or {}
    found = rules.get(type(first)) or next((rules[kind] for kind in rules if isinstance(first, kind)), None)
    if found is not None:
        return found(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        return _mapping_like(first, {key: collate([item[key] for item in batch], collate_fn_map=collate_fn_map)
                                     for key in first})
    named = isinstance(first, tuple) and hasattr(first, "_fields")
    if named or isinstance(first, Sequence):
        if not named and any(len(item) != len(first) for item in batch):
            raise CallError("each element in list of batch should be of equal size: they have "
                            f"{', '.join(str(len(item)) for item in batch)} elements")
        columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=False)]
        return _sequence_like(first, columns)
    raise ArgumentError(_refused(type(first)))


def default_convert(data: Any) -> Any:
    """The NumPy arrays in `data` as tensors, as torch.utils.data.default_convert."""
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in TEXT else as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(item) for key, item in data.items()})
    if isinstance(data, Sequence):
        return _sequence_like(data, [default_convert(item) for item in data])
    return data


def _refused(kind: object) -> str:
    return f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {kind}"


def _mapping_like(model: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """`items` in a mapping of the model's class, with what else it has; a dictionary if that cannot be made."""
    try:
        if isinstance(model, MutableMapping):
            made = copy.copy(model)
            made.update(items)
            return made
        return type(model)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def _sequence_like(model: Sequence[Any], items: list[Any]) -> Any:
    """`items` in a sequence of the model's class; a list for a tuple, as in PyTorch, and where it cannot be made."""
    if isinstance(model, tuple):
        return type(model)(*items) if hasattr(model, "_fields") else items
    try:
        if isinstance(model, MutableSequence):
            made = copy.copy(model)
            for i, item in enumerate(items):
                made[i] = item
            return made
        return type(model)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


# One rule for each class of items


def _tensors(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    return stack(list(batch), 0)


def _arrays(batch: Any, *, collate_fn_map: Any = None) -> Any:
    if batch[0].dtype.kind in TEXT:
        raise ArgumentError(_refused(batch[0].dtype))
    return collate([as_tensor(item) for item in batch], collate_fn_map=collate_fn_map)


def _array_scalars(batch: Iterable[Any], *, collate_fn_map: Any = None) -> Tensor:
    return as_tensor(np.asarray(batch))


def _floats(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    return tensor(list(batch), dtype=dtypes.float64)


def _integers(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    return tensor(list(batch))


def _unchanged(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return batch


default_collate_fn_map: dict[Any, Callable[..., Any]] = {
    Tensor: _tensors, np.ndarray: _arrays, (np.bool_, np.number, np.object_): _array_scalars, float: _floats,
    int: _integers, str: _unchanged, bytes: _unchanged,
}
"""How default_collate batches items, by their class; programs may add to it."""


def stacks_tensors() -> bool:
    """Whether default_collate still stacks tensors, so that a loader may take all rows of a batch at once."""
    return default_collate_fn_map.get(Tensor) is _tensors
