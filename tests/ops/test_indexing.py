"""x[...] and x[...] = v take every form of index that torch takes, and gradients follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices
from samples import close, on_xla

import gradc
from gradc.tensor import Tensor, wrap

torch = pytest.importorskip("torch")

X = np.arange(60.0).reshape(3, 4, 5)
MASK = np.arange(12).reshape(3, 4) % 3 == 0


class Index:
    """Makes index expressions: `Index()[1:, None]`."""

    def __getitem__(self, index: Any) -> Any:
        return index


at = Index()

READS: list[Any] = [
    at[0], at[-1], at[1, 2], at[1, 2, 3], at[:], at[...], at[1:], at[:-1], at[::2], at[1:3, ..., 1], at[..., -1],
    at[None], at[:, None], at[..., None], at[None, 1, None, 2:4], at[1:1], at[5:], at[-2:], at[:, 1:4:2, ::3],
    at[[0, 2]], at[np.array([[0, 1], [2, 0]])], at[:, [0, 2]], at[[0, 1], [1, 2]], at[[0, 1], :, [1, 2]], at[0, [1, 2]],
    at[[1, 2], 0], at[:, 0, [1, 2]], at[0, :, [1, 2]], at[..., [1, 2]], at[None, [1, 2]], at[1:, [0, 3], None],
    at[np.array([1, 0])], at[np.array(2)], at[np.int64(1)], at[MASK], at[:, MASK[0]], at[MASK[:, 0]], at[MASK, 1],
    at[X > 30], at[[-1, -2]], at[[True, False, True]], at[True], at[[0, 1], [[1], [2]]], at[[], ], at[range(2)],
]

REFUSED: list[tuple[Any, type[Exception], str]] = [
    (at[3], IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
    (at[0, -5], IndexError, "out of bounds for dimension 1 with size 4"),
    (at[0, 0, 0, 0], IndexError, "too many indices for tensor of dimension 3"),
    (at[::-1], ValueError, "step must be greater than zero"),
    (at["a"], TypeError, "only integers, slices"),
    (at[1.5], TypeError, "only integers, slices"),
    (at[[0, 1], [0, 1, 2]], IndexError, "could not be broadcast together"),
    (at[[0, 3]], IndexError, "out of bounds"),
    (at[MASK.T], IndexError, "The shape of the mask"),
]


def as_torch(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(as_torch(part) for part in index)
    return torch.from_numpy(np.asarray(index)) if isinstance(index, np.ndarray) else \
        list(index) if isinstance(index, range) else index


def name(index: Any) -> str:
    return "".join(str(index).split())[:40]


@pytest.mark.parametrize("index", READS, ids=name)
def test_reading(index: Any) -> None:
    ours, theirs = wrap(X.copy()).requires_grad_(), torch.tensor(X, requires_grad=True)
    found, expected = ours[index], theirs[as_torch(index)]
    assert tuple(found.shape) == tuple(expected.shape)
    np.testing.assert_array_equal(found.detach().numpy(), expected.detach().numpy())
    (found * found).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_array_equal(ours.grad.numpy(), theirs.grad.numpy())


@pytest.mark.parametrize("index", READS, ids=name)
def test_traced(index: Any) -> None:
    x = wrap(X.copy())
    close(on_xla(lambda x: x[index], [x])[0], x[index].numpy())

    def written(x: Any) -> Any:
        y = x * 2
        y[index] = 7.0
        return y

    close(on_xla(written, [x])[0], written(x).numpy())


@pytest.mark.parametrize("index", READS, ids=name)
@pytest.mark.parametrize("value", ["number", "scalar", "same", "row"])
def test_writing(index: Any, value: str) -> None:
    ours, theirs = wrap(X.copy()).requires_grad_(), torch.tensor(X, requires_grad=True)
    a, b = ours * 2, theirs * 2
    shape = tuple(b[as_torch(index)].shape)
    if value == "number":
        a[index] = 7
        b[as_torch(index)] = 7
        leaves: list[Any] = []
    else:
        if value == "row" and not shape:
            return
        array = np.random.default_rng(0).standard_normal({"scalar": (), "same": shape, "row": shape[-1:]}[value])
        leaves = [wrap(np.asarray(array)).requires_grad_(), torch.tensor(array, requires_grad=True)]
        a[index] = leaves[0] * 3
        b[as_torch(index)] = leaves[1] * 3
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    (a * a).sum().backward()
    (b * b).sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-12)
    if leaves:
        np.testing.assert_allclose(leaves[0].grad.numpy(), leaves[1].grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize(("index", "kind", "message"), REFUSED, ids=[name(r[0]) for r in REFUSED])
def test_refused(index: Any, kind: type[Exception], message: str) -> None:
    x = wrap(X.copy())
    with pytest.raises(kind, match=message):
        x[index]
    with pytest.raises(kind, match=message):
        x[index] = 0.0


def test_writes_of_wrong_shape_are_refused() -> None:
    x = wrap(X.copy())
    for index in (at[0], at[[0, 1]]):
        with pytest.raises(RuntimeError, match="must match|shape mismatch|expanded size"):
            x[index] = wrap(np.zeros(7))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_basic_indices_are_numpys(data: Any) -> None:
    shape = data.draw(array_shapes(max_dims=4, max_side=5))
    index = data.draw(basic_indices(shape, allow_newaxis=True))
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, slice) and (part.step or 1) < 0 for part in parts):
        return
    x = np.arange(float(np.prod(shape))).reshape(shape)
    t = wrap(x.copy()).requires_grad_()
    np.testing.assert_array_equal(t[index].detach().numpy(), x[index])
    t[index].sum().backward()
    expected = np.zeros(shape)
    expected[index] = 1
    np.testing.assert_array_equal(t.grad.numpy(), expected)
    copied = wrap(x.copy())
    copied[index] = -1.0
    x[index] = -1
    np.testing.assert_array_equal(copied.numpy(), x)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_gradients_through_chains_of_views_and_writes(data: Any) -> None:
    """A random program of views and writes has torch's values and gradients."""
    steps = data.draw(st.lists(st.sampled_from(["row", "column", "t", "flat", "add", "mul", "set", "base"]),
                               min_size=1, max_size=7))
    outcomes = []
    for x in (wrap(np.arange(12.0).reshape(3, 4)).requires_grad_(),
              torch.arange(12.0, dtype=torch.float64).reshape(3, 4).requires_grad_()):
        base: Any = x * 2
        v = base
        for step in steps:
            if step == "row" and v.ndim:
                v = v[-1]
            elif step == "column" and v.ndim > 1:
                v = v[:, 1]
            elif step == "t" and v.ndim > 1:
                v = v.transpose(0, 1)
            elif step == "flat" and v.ndim == 2 and v.is_contiguous():
                v = v.view(-1)
            elif step == "add":
                v.add_(x.sum())
            elif step == "mul":
                v.mul_(x[1, 2])
            elif step == "set" and v.ndim:
                v[0] = x[2, 3]
            elif step == "base":
                v = base
        (base * base).sum().backward()
        outcomes.append((base.detach().numpy().copy(), v.detach().numpy().copy(), x.grad.numpy()))
    for ours, theirs in zip(*outcomes, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_a_mask_by_comparison_reads_the_elements() -> None:
    x: Any = wrap(np.array([-1.0, 2.0, 3.0])).requires_grad_()
    assert isinstance(x[x > 0], Tensor)
    x[x > 0].sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0]


def test_a_value_with_ones_in_front_may_go_where_one_element_is():
    torch = pytest.importorskip("torch")
    for library in (gradc, torch):
        x = library.zeros(3)
        x[library.tensor(1)] = library.ones(1)
        assert x.tolist() == [0.0, 1.0, 0.0]
