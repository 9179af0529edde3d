"""Programs with complex numbers: results, gradients, views and refusals are torch's; compiled as eager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

Program = Callable[..., Any]

Z = np.array([1 + 2j, -3 + 0.5j, 0.3 - 4j])
W = np.array([0.5 - 1j, 2 + 2j, -1 - 0.1j])
X = np.array([1.5, -2.0, 0.7])
SQUARE = np.array([[1 + 1j, 2.0, 0.5j], [0.0, 3 - 1j, 1.0], [2j, 1.0, -1 + 0.5j]])

LOSSES: dict[str, Program] = {
    "the square of the size": lambda t, z, w, x: (z * z.conj()).real,
    "size": lambda t, z, w, x: z.abs(),
    "angle": lambda t, z, w, x: t.angle(z),
    "sgn": lambda t, z, w, x: (t.sgn(z) * w).real,
    "real operand of a complex product": lambda t, z, w, x: (x * z).imag,
    "real operand of a complex power": lambda t, z, w, x: (z ** x).real,
    "complex power of a real number": lambda t, z, w, x: (x.abs() ** z).real,
    "complex number": lambda t, z, w, x: (z * (2 - 1j) + 1j).real + (x * 1j).imag,
    "quotient": lambda t, z, w, x: (z / w).abs() + (x / w).real + (w / x).imag,
    "elementary functions": lambda t, z, w, x: (t.exp(z) + t.sin(w) * t.tanh(z)).real + t.log(z).imag,
    "inverse functions": lambda t, z, w, x: (t.asin(z) + t.acos(w) + t.atan(z)).real + t.asinh(w).imag,
    "roots": lambda t, z, w, x: (t.sqrt(z) + t.rsqrt(w) + t.reciprocal(z)).abs(),
    "complex of parts": lambda t, z, w, x: t.complex(x, x * x).abs() * z.real,
    "polar": lambda t, z, w, x: (t.polar(x.abs(), x) * z).real,
    "pairs": lambda t, z, w, x: (t.view_as_real(z) * t.view_as_real(w)).sum(-1),
    "numbers of pairs": lambda t, z, w, x: t.view_as_complex(t.stack([x, x * 2], -1)).abs() + z.imag,
    "cast of real to complex": lambda t, z, w, x: (x.to(z.dtype) * z).real,
    "mean, variance and norm": lambda t, z, w, x: z.mean().abs() + z.var() + z.std() * w.norm(),
    "products": lambda t, z, w, x: z.prod().real + z.cumprod(0).imag.sum() + z.cumsum(0).abs().sum(),
    "matrix product": lambda t, z, w, x: (t.outer(z, w) @ z).abs() + t.dot(z, w).real,
    "adjoint": lambda t, z, w, x: (t.outer(z, w).mH @ z).abs() + t.outer(z, w).H.real.sum(),
    "where and masks": lambda t, z, w, x: t.where(x > 0, z, w).abs() + z.masked_fill(x > 0, 1j).real,
    "indices": lambda t, z, w, x: z[t.tensor([2, 0, 0])].abs() + z[0].imag + z.flip(0).real,
    "joining": lambda t, z, w, x: (t.cat([z, w])[1:4] * t.stack([z, w])[1]).real,
    "joining real to complex": lambda t, z, w, x: t.cat([z, x]).abs().sum() * x,
    "einsum": lambda t, z, w, x: t.einsum("i,j->ij", z, w).sum(0).abs(),
    "write the real part": lambda t, z, w, x: _written(z * 2, "real", x).abs(),
    "write the imaginary part": lambda t, z, w, x: _written(z * 2, "imag", x * x).abs(),
    "scale a part in place": lambda t, z, w, x: _scaled(z * w).abs(),
    "write the pairs": lambda t, z, w, x: _pairs(t, z * w, x).abs(),
    "sigmoid": lambda t, z, w, x: t.sigmoid(z).abs(),
    "logaddexp": lambda t, z, w, x: t.logaddexp(z, w).real,
    "logsumexp": lambda t, z, w, x: t.logsumexp(z, 0).imag * x,
}
"""A real result of tensors z and w, complex, and x, real; `t` is gradc or torch."""


def _written(z: Any, part: str, value: Any) -> Any:
    getattr(z, part).copy_(value)
    return z


def _scaled(z: Any) -> Any:
    z.real.mul_(3.0)
    z.imag = z.real
    return z


def _pairs(t: Any, z: Any, x: Any) -> Any:
    t.view_as_real(z)[..., 0] = x
    return z


def leaves(t: Any) -> list[Any]:
    return [t.tensor(a).requires_grad_() for a in (Z, W, X)]


def numbers(x: Any) -> Any:
    return None if x is None else np.asarray(x.detach().resolve_conj().tolist())


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_torch(name: str) -> None:
    found = {}
    for t in (gradc, torch):
        tensors = leaves(t)
        y = LOSSES[name](t, *tensors)
        y.sum().backward()
        found[t] = [y, *[x.grad for x in tensors]]
    for ours, theirs in zip(found[gradc], found[torch], strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert str(ours.dtype) == str(theirs.dtype)
            np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_second_gradient_is_that_of_torch(name: str) -> None:
    found = {}
    for t in (gradc, torch):
        tensors = leaves(t)
        first = t.autograd.grad(LOSSES[name](t, *tensors).sum(), tensors, create_graph=True, allow_unused=True)
        total = sum((g.abs() ** 2).sum() for g in first if g is not None)
        second = t.autograd.grad(total, tensors, allow_unused=True) if total.requires_grad else [None] * 3
        found[t] = [None if g is None else numbers(g) for g in second]
    for ours, theirs in zip(found[gradc], found[torch], strict=True):
        a, b = (np.zeros(3) if g is None else g for g in (ours, theirs))
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_compiled_is_eager(name: str) -> None:
    def gradients(z: Any, w: Any, x: Any) -> Any:
        y = LOSSES[name](gradc, z, w, x)
        return y, *gradc.autograd.grad(y.sum(), [z, w, x], materialize_grads=True, allow_unused=True)

    for a, b in zip(gradc.compile(gradients)(*leaves(gradc)), gradients(*leaves(gradc)), strict=True):
        assert a.dtype is b.dtype
        np.testing.assert_allclose(numbers(a), numbers(b), rtol=1e-11, atol=1e-11)


def test_no_conjugate_in_the_gradient_of_real_numbers() -> None:
    def f(x: Any, y: Any) -> Any:
        return gradc.autograd.grad((x * y / x.exp() @ y).sum(), [x, y])

    text = str(gradc.make_ir(f)(gradc.rand(3, requires_grad=True), gradc.rand(3, requires_grad=True)))
    assert "conj" not in text and "real" not in text


def test_parameters_accumulate() -> None:
    for t in (gradc, torch):
        p = t.nn.Parameter(t.tensor([1 + 1j, 2.0]))
        seen: list[Any] = []
        p.register_hook(lambda g, seen=seen: seen.append(g.dtype))
        for _ in range(2):
            (p * p.conj()).real.sum().backward()
        assert p.grad.tolist() == [4 + 4j, 8 + 0j] and str(seen) == "[torch.complex64, torch.complex64]"


SIMPLE: dict[str, Program] = {
    "parts": lambda t, z: [z.real, z.imag, t.real(z), t.imag(z), t.real(z.real), z.isreal(), t.isreal(z.real)],
    "kind": lambda t, z: [z.is_complex(), t.is_complex(z.real), z.dtype.to_real(), z.real.dtype.to_complex()],
    "conjugates": lambda t, z: [t.conj_physical(z), z.conj().resolve_conj(), z.real.conj(), z.conj().conj() + 0],
    "of zero": lambda t, z: [t.sgn(z * 0), t.angle(z * 0), (z * 0).abs(), t.sgn(t.tensor([-2.0, 0.0]))],
    "angles of real numbers": lambda t, z: [t.angle(t.tensor([1.0, -1.0, 0.0])), t.angle(t.tensor([1, -1]))],
    "infinite parts": lambda t, z: [t.complex(t.tensor(float("inf")), t.tensor(1.0)).imag,
                                    t.complex(t.tensor(1.0), t.tensor(float("inf"))).real],
    "write a part": lambda t, z: [_written(z, "real", z.imag), _written(z, "imag", t.ones(3))],
    "matrices": lambda t, z: [t.outer(z, z).H, t.outer(z, z).mH, t.outer(z, z).adjoint().resolve_conj()],
    "comparisons": lambda t, z: [z == z, z != z.conj(), z.isnan(), z.isfinite(), z.isinf()],
    "casts": lambda t, z: [z.cdouble().dtype, z.real.cfloat().dtype, z.to(t.complex128).dtype, z.bool()],
    "numbers": lambda t, z: [z[0].item(), complex(z[0]), z.tolist(), (z + 1).dtype, (1j * z.real).dtype],
    "expanded": lambda t, z: [t.view_as_real(z.expand(2, 3)), t.view_as_real(z[::2]), t.view_as_real(z[0])],
}


@pytest.mark.parametrize("name", SIMPLE)
def test_values_are_those_of_torch(name: str) -> None:
    ours, theirs = (SIMPLE[name](t, t.tensor([1 + 2j, -0.5, 3 - 1j])) for t in (gradc, torch))
    assert [str(x) for x in ours] == [str(x) for x in theirs]


REFUSED: dict[str, tuple[Program, str]] = {
    "imag of real numbers": (lambda t, z: z.real.imag, "imag is not implemented for tensors with non-complex dtypes."),
    "pairs of real numbers": (lambda t, z: t.view_as_real(z.real),
                              "view_as_real is only supported for complex tensors"),
    "numbers of three": (lambda t, z: t.view_as_complex(z.real), "Tensor must have a last dimension of size 2"),
    "pairs apart": (lambda t, z: t.view_as_complex(t.ones(2, 3).t()),
                    "Tensor must have a last dimension with stride 1"),
    "parts of two dtypes": (lambda t, z: t.complex(z.real, z.real.double()), "Expected object of scalar type Float"),
    "order": (lambda t, z: z > 0, "not implemented for 'ComplexFloat'"),
    "largest": (lambda t, z: t.maximum(z, z), "maximum not implemented for complex tensors."),
    "limits": (lambda t, z: z.clamp(0, 1), "clamp is not supported for complex types"),
    "sorted": (lambda t, z: z.sort(), "Sort does not support complex dtypes on CPU"),
    "sign": (lambda t, z: t.sign(z), "complex"),
    "backward of a complex loss": (lambda t, z: z.requires_grad_().sum().backward(),
                                   "grad can be implicitly created only for real scalar outputs but got"),
    "write complex numbers into real ones": (lambda t, z: t.ones(3).add_(z), "result type ComplexFloat can't be cast"),
    "complex gradient of a real result": (lambda t, z: (z.real.requires_grad_() * 2).backward(z),
                                          "For complex Tensors, both grad_output and output"),
    "adjoint of a vector": (lambda t, z: z.mH, "is only supported on matrices or batches of matrices"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_torch(name: str) -> None:
    program, phrase = REFUSED[name]
    for t in (torch, gradc):
        with pytest.raises(RuntimeError) as found:
            program(t, t.tensor([1 + 2j, -0.5, 3 - 1j]))
        assert phrase.lower() in str(found.value).lower(), t


def test_cast_to_real_warns() -> None:
    with pytest.warns(UserWarning, match="Casting complex values to real discards the imaginary part"):  # torch: once
        assert gradc.tensor([1 + 2j]).to(gradc.float32).tolist() == [1.0]
