"""The text of tensors: against texts noted from PyTorch 2.13, and against PyTorch itself on arbitrary arrays."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from gradc import dtypes
from gradc.errors import ArgumentError
from gradc.formatting import format_array, get_printoptions, printoptions, set_printoptions


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    set_printoptions(profile="default")
    yield
    set_printoptions(profile="default")


def f32(*values: object) -> np.ndarray:
    return np.array(values, np.float32)


LITERALS = [
    (f32(), "tensor([])"),
    (np.zeros((2, 0), np.float32), "tensor([], size=(2, 0))"),
    (np.zeros((0, 3), np.int64), "tensor([], size=(0, 3), dtype=torch.int64)"),
    (np.zeros(0, bool), "tensor([], dtype=torch.bool)"),
    (np.array(np.float32(1.5)), "tensor(1.5000)"),
    (np.array(np.float32(3)), "tensor(3.)"),
    (np.array(np.int64(-7)), "tensor(-7)"),
    (np.array(np.bool_(True)), "tensor(True)"),
    (np.array(np.float64(0.1)), "tensor(0.1000, dtype=torch.float64)"),
    (np.array(np.complex64(1 - 2j)), "tensor(1.-2.j)"),
    (f32(1, 2), "tensor([1., 2.])"),
    (f32(1, 2.5), "tensor([1.0000, 2.5000])"),
    (f32(-1, 10, 100), "tensor([ -1.,  10., 100.])"),
    (f32(0, -0.0, 0), "tensor([0., -0., 0.])"),
    (f32(np.nan, np.inf, -np.inf, 1), "tensor([nan, inf, -inf, 1.])"),
    (f32(np.nan, 1.5), "tensor([   nan, 1.5000])"),
    (f32(np.inf, 0), "tensor([inf, 0.])"),
    (f32(1e-4, 1), "tensor([1.0000e-04, 1.0000e+00])"),
    (f32(1e-3, 2), "tensor([1.0000e-03, 2.0000e+00])"),
    (f32(1e8, 1e9), "tensor([1.0000e+08, 1.0000e+09])"),
    (f32(1, 1000), "tensor([   1., 1000.])"),
    (f32(1, 1001), "tensor([1.0000e+00, 1.0010e+03])"),
    (f32(1e-40, 1e30), "tensor([9.9999e-41, 1.0000e+30])"),
    (f32(1.5, 123456), "tensor([1.5000e+00, 1.2346e+05])"),
    (f32(123456.789, 123456), "tensor([123456.7891, 123456.0000])"),
    (np.array([1.5, -2], np.float16), "tensor([ 1.5000, -2.0000], dtype=torch.float16)"),
    (np.array([0.1, 300], ml_dtypes.bfloat16), "tensor([1.0010e-01, 3.0000e+02], dtype=torch.bfloat16)"),
    (np.array([1, 2, 3], np.uint8), "tensor([1, 2, 3], dtype=torch.uint8)"),
    (np.array([[1, -200], [30, 4]]),
     "tensor([[   1, -200],\n"
     "        [  30,    4]])"),
    (np.array([True, False]), "tensor([ True, False])"),
    (np.array([1 + 2j, -1.5 - 0.25j, 0], np.complex64), "tensor([ 1.0000+2.0000j, -1.5000-0.2500j,  0.0000+0.0000j])"),
    (np.array([complex(-0.0, -0.0), complex(np.nan, np.inf)], np.complex128),
     "tensor([-0.-0.j, nan+infj], dtype=torch.complex128)"),
    (np.array([1e10 + 1j, 2e-5j], np.complex64), "tensor([1.0000e+10+1.0000e+00j, 0.0000e+00+2.0000e-05j])"),
    (np.eye(3, dtype=np.float32),
     "tensor([[1., 0., 0.],\n"
     "        [0., 1., 0.],\n"
     "        [0., 0., 1.]])"),
    (np.arange(8).reshape(2, 2, 2),
     "tensor([[[0, 1],\n"
     "         [2, 3]],\n"
     "\n"
     "        [[4, 5],\n"
     "         [6, 7]]])"),
    (np.zeros((2, 1, 1, 2), np.float32),
     "tensor([[[[0., 0.]]],\n"
     "\n"
     "\n"
     "        [[[0., 0.]]]])"),
    (np.arange(30, dtype=np.float32),
     "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n"
     "        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,\n"
     "        28., 29.])"),
    (np.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (np.arange(2000, dtype=np.float32).reshape(2, 1000) / 8,
     "tensor([[0.0000e+00, 1.2500e-01, 2.5000e-01,  ..., 1.2462e+02, 1.2475e+02,\n"
     "         1.2488e+02],\n"
     "        [1.2500e+02, 1.2512e+02, 1.2525e+02,  ..., 2.4962e+02, 2.4975e+02,\n"
     "         2.4988e+02]])"),
    (np.arange(10000, dtype=np.int32).reshape(100, 100),
     "tensor([[   0,    1,    2,  ...,   97,   98,   99],\n"
     "        [ 100,  101,  102,  ...,  197,  198,  199],\n"
     "        [ 200,  201,  202,  ...,  297,  298,  299],\n"
     "        ...,\n"
     "        [9700, 9701, 9702,  ..., 9797, 9798, 9799],\n"
     "        [9800, 9801, 9802,  ..., 9897, 9898, 9899],\n"
     "        [9900, 9901, 9902,  ..., 9997, 9998, 9999]], dtype=torch.int32)"),
]


@pytest.mark.parametrize("array, text", LITERALS, ids=range(len(LITERALS)))
def test_texts_noted_from_pytorch(array: np.ndarray, text: str) -> None:
    assert format_array(array) == text


def test_suffixes_follow_and_wrap_at_the_line_width() -> None:
    assert format_array(f32(1, 2), suffixes=["requires_grad=True"]) == "tensor([1., 2.], requires_grad=True)"
    assert (format_array(f32(1, 2).astype(np.float64), suffixes=["grad_fn=<AddBackward0>"])
            == "tensor([1., 2.], dtype=torch.float64, grad_fn=<AddBackward0>)")
    row = f32(*np.arange(1, 9) / 16)
    assert (format_array(row, suffixes=["grad_fn=<M>"])
            == "tensor([0.0625, 0.1250, 0.1875, 0.2500, 0.3125, 0.3750, 0.4375, 0.5000],\n       grad_fn=<M>)")
    longest = "x" * 61
    assert format_array(f32(0, 0), suffixes=[longest]) == f"tensor([0., 0.], {longest})"
    assert format_array(f32(0, 0), suffixes=[longest + "x"]) == f"tensor([0., 0.],\n       {longest}x)"


def test_a_longer_prefix_moves_the_following_lines() -> None:
    assert format_array(np.eye(2), prefix="Buffer(") == (
        "Buffer([[1., 0.],\n        [0., 1.]], dtype=torch.float64)")


def test_the_default_dtype_is_not_written() -> None:
    before = dtypes.get_default_dtype()
    dtypes.set_default_dtype(dtypes.float64)
    try:
        assert format_array(np.ones(1)) == "tensor([1.])"
        assert format_array(np.ones(1, complex)) == "tensor([1.+0.j])"
        assert format_array(f32(1)) == "tensor([1.], dtype=torch.float32)"
        assert format_array(np.ones(0)) == "tensor([])"
    finally:
        dtypes.set_default_dtype(before)


def test_options() -> None:
    values = f32(1.23456, 2)
    set_printoptions(precision=2)
    assert format_array(values) == "tensor([1.23, 2.00])"
    set_printoptions(sci_mode=True)
    assert format_array(values) == "tensor([1.23e+00, 2.00e+00])"
    set_printoptions(profile="short", threshold=5)
    assert get_printoptions() == {"precision": 2, "threshold": 5, "edgeitems": 2, "linewidth": 80, "sci_mode": None}
    assert format_array(np.arange(10)) == "tensor([0, 1,  ..., 8, 9])"
    set_printoptions(profile="full")
    assert get_printoptions()["threshold"] == math.inf
    assert "..." not in format_array(np.arange(1500))
    set_printoptions(profile="default", linewidth=20)
    assert format_array(np.arange(6)) == "tensor([0, 1, 2, 3,\n        4, 5])"
    set_printoptions(profile="default", edgeitems=0, threshold=3)
    assert format_array(np.arange(6)) == "tensor([...], size=(6,))"


def test_options_inside_a_with_block_end_with_it() -> None:
    before = get_printoptions()
    with pytest.raises(ZeroDivisionError), printoptions(precision=1):
        assert format_array(f32(0.25)) == "tensor([0.2])"
        raise ZeroDivisionError
    assert get_printoptions() == before


def test_an_unknown_profile_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="short"):
        set_printoptions(profile="tiny")


def test_only_what_is_shown_is_formatted() -> None:
    large = np.broadcast_to(np.float32(1.5), (1000, 1000, 1000, 1000))  # four terabytes, had they to be read
    started = time.perf_counter()
    assert format_array(large).count("...") == 6**3 + 6**2 + 6 + 1
    assert time.perf_counter() - started < 1


def as_tensor(array: np.ndarray) -> Any:
    torch = pytest.importorskip("torch")
    if array.dtype == ml_dtypes.bfloat16:  # torch cannot read NumPy's bfloat16, but it can read the bits
        return torch.tensor(array.view(np.int16)).view(torch.bfloat16)
    return torch.tensor(array)


SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 1e-4, 9.9999e-5, 1e8, 1.00000001e8, 1000.0, 1001.0]


@st.composite
def floats(draw: st.DrawFn, count: int) -> np.ndarray:
    """Doubles of one magnitude or of many, whole or not, with special values among them."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low, high = sorted(draw(st.tuples(st.integers(-40, 30), st.integers(-40, 30))))
    exponents = random.uniform(low, draw(st.sampled_from([low, high])), count)
    values = random.normal(size=count) * 10.0**exponents
    if draw(st.booleans()):
        values = np.round(values)
    if draw(st.booleans()):
        values = np.where(random.random(count) < draw(st.sampled_from([0.1, 0.5, 1.0])),
                          random.choice(draw(st.lists(st.sampled_from(SPECIAL), min_size=1)), count), values)
    return values


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    kind = draw(st.sampled_from(dtypes.ALL))
    wide = st.sampled_from([(1000,), (1001,), (1500,), (40, 40), (2, 600), (600, 2), (7, 7, 30), (1, 1, 1200)])
    shape = draw(st.one_of(hypothesis_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=8), wide))
    count = math.prod(shape)
    with np.errstate(all="ignore"):
        if kind.is_complex:
            values = draw(floats(count)) + 1j * draw(floats(count))
        elif kind.is_floating_point:
            values = draw(floats(count))
        else:
            random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
            most = 1 if kind is dtypes.bool_ else int(np.iinfo(kind.numpy).max)
            most = min(most, 10 ** draw(st.integers(0, 19)))
            least = 0 if kind in (dtypes.bool_, dtypes.uint8) else -most
            values = random.integers(least, most, count, np.int64, endpoint=True)
        return values.astype(kind.numpy).reshape(shape)


OPTIONS = st.fixed_dictionaries({}, optional={
    "precision": st.integers(0, 8), "threshold": st.sampled_from([0, 5, 1000, 10**6]), "edgeitems": st.integers(0, 4),
    "linewidth": st.sampled_from([10, 40, 80, 120]), "sci_mode": st.sampled_from([None, True, False])})


@settings(max_examples=250, deadline=None)
@given(arrays(), st.booleans())
def test_texts_equal_pytorchs(array: np.ndarray, leaf: bool) -> None:
    tensor = as_tensor(array)
    leaf = leaf and dtypes.of(array.dtype).is_differentiable
    text = format_array(array, suffixes=["requires_grad=True"] if leaf else [])
    assert text == repr(tensor.requires_grad_(leaf))


@settings(max_examples=150, deadline=None)
@given(arrays(), OPTIONS)
def test_texts_equal_pytorchs_under_any_options(array: np.ndarray, options: dict) -> None:
    torch = pytest.importorskip("torch")
    tensor = as_tensor(array)
    torch.set_printoptions(profile="default", **options)
    try:
        expected = repr(tensor)
    finally:
        torch.set_printoptions(profile="default")
    set_printoptions(profile="default", **options)
    try:
        assert format_array(array) == expected
    finally:
        set_printoptions(profile="default")
