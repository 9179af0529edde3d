"""gradcheck and gradgradcheck pass, fail, warn and raise as PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.autograd.gradcheck import GradcheckError

RIGHT: dict[str, Any] = {
    "a power": (lambda t, x: x**3, ["f3"]),
    "many inputs and outputs": (lambda t, x, y: (x @ y, (x * x).sum(), y.sin()), ["f23", "f32"]),
    "an unused input": (lambda t, x, y: x.exp(), ["f3", "f2"]),
    "a constant": (lambda t, x: x.detach() * 0 + 1, ["f3"]),
    "nothing": (lambda t, x: x * 2, ["f0"]),
    "not tensors": (lambda t, x, n: x * n, ["f3", 4]),
    "a complex function": (lambda t, z: z * z.exp(), ["c3"]),
    "complex and real": (lambda t, z, x: (z * x, z.abs(), x * 2), ["c3", "f3"]),
    "from real to complex": (lambda t, x: t.complex(x.sin(), x.cos()), ["f3"]),
}


def hooked(t: Any, x: Any) -> Any:
    """The square of x, whose gradient somebody doubles."""
    y = x * x
    y.register_hook(lambda g: 2 * g)
    return y


WRONG: dict[str, Any] = {
    "a wrong gradient": (hooked, ["f2"], "Jacobian mismatch for output 0 with respect to input 0,\nnumerical:"),
    "of a second output": (lambda t, x, y: (x, hooked(t, y)), ["f2", "f2"],
                           "Jacobian mismatch for output 1 with respect to input 1,\n"),
    "of a complex function": (hooked, ["c2"], "While considering the imaginary part of complex outputs only, Jacobian "
                              "mismatch for output 0 with respect to input 0,\n"),
    "a function that is not differentiable": (lambda t, x: x.detach() * 2, ["f2"],
                                              "Numerical gradient for function expected to be zero"),
}


def arguments(t: Any, kinds: list[Any]) -> list[Any]:
    """Tensors by a letter and sizes, such as f23; anything else as it is."""
    stream = np.random.default_rng(0)
    made = []
    for kind in kinds:
        if isinstance(kind, str):
            shape = tuple(map(int, kind[1:]))
            values = stream.uniform(0.5, 1.5, shape)
            values = values + 1j * stream.uniform(0.5, 1.5, shape) if kind[0] == "c" else values
            made.append(t.from_numpy(values).requires_grad_())
        else:
            made.append(kind)
    return made


def frameworks() -> list[Any]:
    torch = pytest.importorskip("torch")
    return [gradc, torch]


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("check", ["gradcheck", "gradgradcheck"])
@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass(name: str, check: str, fast_mode: bool) -> None:
    function, kinds = RIGHT[name]
    if name == "a constant" and check == "gradgradcheck":
        pytest.skip("it has no first gradient")
    if name == "nothing" and fast_mode:
        pytest.skip("torch cannot combine no rows")
    for t in frameworks():
        given = arguments(t, kinds)
        before = [x.detach().clone() if hasattr(x, "detach") else x for x in given]
        assert getattr(t.autograd, check)(lambda *xs, t=t: function(t, *xs), tuple(given), fast_mode=fast_mode) is True
        for x, kept in zip(given, before, strict=True):
            assert x is kept or x == kept if not hasattr(x, "detach") else t.equal(x.detach(), kept)


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_gradients_fail(name: str, fast_mode: bool) -> None:
    function, kinds, message = WRONG[name]
    messages = []
    for t in frameworks():
        given = tuple(arguments(t, kinds))
        with pytest.raises(RuntimeError) as caught:
            t.autograd.gradcheck(lambda *xs, t=t: function(t, *xs), given, fast_mode=fast_mode)
        assert type(caught.value).__name__ == "GradcheckError"
        assert str(caught.value).startswith(message)
        messages.append(str(caught.value).replace("-0.0000j", "+0.0000j"))
        assert t.autograd.gradcheck(lambda *xs, t=t: function(t, *xs), given, raise_exception=False) is False
    if not fast_mode:
        assert messages[0].partition("\n    test_")[0] == messages[1], "the matrices must be the same"


@pytest.mark.parametrize("options", [{}, {"fast_mode": True}, {"check_batched_grad": True}])
@pytest.mark.parametrize("name", ["a power", "many inputs and outputs", "an unused input", "complex and real"])
def test_forward_mode_and_batches(name: str, options: dict[str, Any]) -> None:
    function, kinds = RIGHT[name]
    given = tuple(arguments(gradc, kinds))
    assert gradc.autograd.gradcheck(lambda *xs: function(gradc, *xs), given, check_forward_ad=True, **options)


def test_a_second_gradient_that_is_wrong() -> None:
    class_of_bug = lambda t: lambda x: hooked(t, x) + x**3
    for t in frameworks():
        with pytest.raises(RuntimeError, match="Jacobian mismatch"):
            t.autograd.gradcheck(class_of_bug(t), tuple(arguments(t, ["f2"])))
        assert t.autograd.gradgradcheck(class_of_bug(t), tuple(arguments(t, ["f2"]))), "a doubled gradient has one too"


def test_single_precision_is_warned_of() -> None:
    messages = []
    for t in frameworks():
        with warnings.catch_warnings(record=True) as caught, pytest.raises(RuntimeError) as failed:
            warnings.simplefilter("always")
            t.autograd.gradcheck(lambda x: x * 2, (t.tensor([1.0], requires_grad=True),))
        messages.append((str(caught[0].message), str(failed.value)))
    assert messages[0] == messages[1]
    assert "numerical:tensor([[1.9670]])" in messages[0][1]


@pytest.mark.parametrize("make, options, error, message", [
    (lambda t: t.tensor([1.0]), {}, ValueError, "gradcheck expects at least one input tensor to require gradient"),
    (lambda t: t.tensor([1.0], dtype=t.float64, requires_grad=True).expand(3), {}, RuntimeError,
     "The 0th input has a dimension with stride 0"),
    (lambda t: t.tensor([1.0]), {"check_backward_ad": False}, AssertionError, "Expected at least one of check_forward"),
    (lambda t: t.tensor([1.0]), {"check_backward_ad": False, "check_forward_ad": True, "check_batched_grad": True},
     AssertionError, "Setting check_batched_grad=True requires check_backward_ad to be True"),
])
def test_what_cannot_be_checked(make: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    for t in frameworks():
        with pytest.raises(error, match=message):
            t.autograd.gradcheck(lambda x: x * 2, (make(t),), raise_exception=False, **options)


def test_a_backward_that_is_random() -> None:
    x = gradc.ones(3, dtype=gradc.float64, requires_grad=True)
    calls = []

    def noisy(x: Any) -> Any:
        y = x * 2
        y.register_hook(lambda g: calls.append(1) or g * (1 + 1e-8 * len(calls)))
        return y

    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradc.autograd.gradcheck(noisy, (x,))
    assert gradc.autograd.gradcheck(noisy, (x,), nondet_tol=1e-3)
