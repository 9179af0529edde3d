"""Random indices of every form that torch takes: reads, writes, and the gradients of both are torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradc

torch = pytest.importorskip("torch")

LIBRARIES = (gradc, torch)


class Tensors:
    """An index with tensors in it, for either library: `index(gradc)`."""

    def __init__(self, parts: list[Any], bare: bool) -> None:
        self.parts = parts
        self.bare = bare

    def __call__(self, library: Any) -> Any:
        made = tuple(library.tensor(part) if isinstance(part, np.ndarray) else part for part in self.parts)
        return made[0] if self.bare and len(made) == 1 else made

    def __repr__(self) -> str:
        return repr(self.parts)


def slices(size: int) -> st.SearchStrategy[slice]:
    ends = st.none() | st.integers(-size - 1, size + 1)
    return st.builds(slice, ends, ends, st.none() | st.integers(1, 3))


def integers(size: int, shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """Index tensors, 0-d ones and lists among them."""
    count = int(np.prod(shape))
    numbers = st.lists(st.integers(-size, size - 1), min_size=count, max_size=count)
    arrays = numbers.map(lambda found: np.array(found, np.int64).reshape(shape))
    return arrays | arrays.map(lambda array: array.tolist()) if shape else arrays


def masks(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    count = int(np.prod(shape))
    return st.lists(st.booleans(), min_size=count, max_size=count).map(lambda found: np.array(found).reshape(shape))


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> Tensors:
    """An index of a tensor of `shape`: for each dimension, or several, one of the forms; None and dots in between."""
    common = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    masked = draw(st.booleans())
    parts: list[Any] = []
    dim, dots = 0, False
    while dim < len(shape):
        size = shape[dim]
        form = draw(st.sampled_from(["slice", "slice", "integer", "tensor", "mask", "none", "dots", "stop"]))
        if form == "stop" and not dots:  # behind dots, all dimensions to the end are named
            break
        if form == "none":
            parts.append(None)
            continue
        if form == "dots":
            if not dots:
                parts.append(Ellipsis)
                dots = True
                dim = draw(st.integers(dim, len(shape)))
            continue
        if form == "mask" and masked and size and not any(isinstance(p, (np.ndarray, list)) for p in parts):
            rank = draw(st.integers(1, min(2, len(shape) - dim)))
            parts.append(draw(masks(shape[dim : dim + rank])))
            dim += rank
            continue
        if form == "tensor" and not masked and size:
            parts.append(draw(integers(size, common)))
        elif form == "integer" and size:
            parts.append(draw(st.integers(-size, size - 1)))
        else:
            parts.append(draw(slices(size)))
        dim += 1
    return Tensors(parts, draw(st.booleans()))


shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


def outcome(library: Any, array: Any, index: Tensors, value: Any = None) -> Any:
    """What a read, or a write of `value`, gives, and the gradients; or the error that it raises."""
    x = library.tensor(array).requires_grad_()
    leaves = [x]
    try:
        if value is None:
            found = x[index(library)]
        else:
            found = x * 2
            if isinstance(value, np.ndarray):
                leaves.append(library.tensor(value).requires_grad_())
                found[index(library)] = leaves[1] * 3
            else:
                found[index(library)] = value
    except (IndexError, RuntimeError, TypeError, ValueError) as problem:
        return problem
    weight = np.random.default_rng(0).standard_normal(tuple(found.shape))
    (found * found * library.tensor(weight)).sum().backward()
    return [found.detach().numpy(), *(np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
                                      for leaf in leaves)]


def agree(ours: Any, theirs: Any) -> None:
    assert isinstance(ours, Exception) == isinstance(theirs, Exception), (ours, theirs)
    for a, b in zip(ours, theirs, strict=True) if not isinstance(ours, Exception) else ():
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_reads_and_their_gradients(data: Any) -> None:
    shape = data.draw(shapes)
    index = data.draw(indices(shape))
    array = np.arange(float(np.prod(shape))).reshape(shape) + 0.5
    agree(*[outcome(library, array, index) for library in LIBRARIES])


def distinct(array: Any, index: Tensors) -> bool:
    """Whether the index names no element twice: then it does not matter which of several values is written."""
    numbers = torch.arange(array.size).reshape(array.shape)[index(torch)].reshape(-1)
    return len(set(numbers.tolist())) == numbers.numel()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_writes_and_their_gradients(data: Any) -> None:
    shape = data.draw(shapes)
    index = data.draw(indices(shape))
    array = np.arange(float(np.prod(shape))).reshape(shape) + 0.5
    target = tuple(torch.tensor(array)[index(torch)].shape)
    kind = data.draw(st.sampled_from(["number", "scalar", "same", "row", "ones"]))
    if kind not in ("number", "scalar") and not distinct(array, index):
        return
    rank = data.draw(st.integers(0, len(target)))
    written = {"number": None, "scalar": (), "same": target, "row": target[rank:], "ones": (1, *target)}[kind]
    value = 7.0 if written is None else np.random.default_rng(1).standard_normal(written)
    value = np.asarray(value) if kind == "scalar" else value
    agree(*[outcome(library, array, index, value) for library in LIBRARIES])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_accumulation(data: Any) -> None:
    """index_put with accumulate=True adds to an element as often as the index names it."""
    shape = data.draw(shapes)
    count = data.draw(st.integers(1, len(shape)))
    common = data.draw(st.sampled_from([(1,), (4,), (2, 2)]))
    places = [np.array(data.draw(integers(size, common))) for size in shape[:count]]
    array = np.arange(float(np.prod(shape))).reshape(shape)
    values = np.random.default_rng(1).standard_normal((*common, *shape[count:]))
    outcomes = []
    for library in LIBRARIES:
        x, v = library.tensor(array).requires_grad_(), library.tensor(values).requires_grad_()
        found = x.index_put([library.tensor(p) for p in places], v, accumulate=True)
        (found * found).sum().backward()
        outcomes.append([found.detach().numpy(), x.grad.numpy(), v.grad.numpy()])
    agree(*outcomes)
