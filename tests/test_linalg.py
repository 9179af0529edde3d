"""Linear algebra: values, first and second gradients and refusals are torch's, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

Program = Callable[..., Any]

RANDOM = np.random.default_rng(11)
A = RANDOM.standard_normal((2, 4, 4))
B = RANDOM.standard_normal((2, 4, 3))
TALL = RANDOM.standard_normal((5, 3))
V = RANDOM.standard_normal(4)


def positive(t: Any, a: Any) -> Any:
    """A Hermitian positive definite matrix made of any."""
    return a @ a.mH + t.eye(a.shape[-1], dtype=a.dtype)


def hermitian(t: Any, a: Any) -> Any:
    return a + a.mH


def size(x: Any) -> Any:
    """A real number for each element, which no sign or phase changes."""
    return (x * x.conj()).real if x.is_complex() else x * x


def weighted(t: Any, x: Any) -> Any:
    """x in a sum in which each element counts differently."""
    return x * t.arange(1, x.numel() + 1).reshape(x.shape).to(x.dtype)


REAL_AND_COMPLEX: dict[str, Program] = {
    "det": lambda t, a, b, m, v: t.det(a),
    "det of a product": lambda t, a, b, m, v: t.linalg.det(a @ a),
    "slogdet": lambda t, a, b, m, v: t.slogdet(a)[1],
    "sign of slogdet": lambda t, a, b, m, v: t.linalg.slogdet(a)[0],
    "logdet": lambda t, a, b, m, v: t.logdet(positive(t, a)),
    "inv": lambda t, a, b, m, v: t.linalg.inv(a),
    "inverse": lambda t, a, b, m, v: a.inverse() + t.inverse(a[0]),
    "solve": lambda t, a, b, m, v: t.linalg.solve(a, b),
    "solve from the right": lambda t, a, b, m, v: t.linalg.solve(a, b.mT, left=False),
    "solve for a vector": lambda t, a, b, m, v: t.linalg.solve(a[0], v),
    "solve for a batch of vectors": lambda t, a, b, m, v: t.linalg.solve(a, b[..., 0]),
    "solve with one matrix for all": lambda t, a, b, m, v: t.linalg.solve(a[0], b),
    "solve_triangular": lambda t, a, b, m, v: t.linalg.solve_triangular(a, b, upper=True),
    "solve_triangular, lower": lambda t, a, b, m, v: t.linalg.solve_triangular(a, b.mT, upper=False, left=False),
    "solve_triangular, ones": lambda t, a, b, m, v: t.linalg.solve_triangular(a, b, upper=False, unitriangular=True),
    "triangular_solve": lambda t, a, b, m, v: t.triangular_solve(b, a, upper=False, transpose=True)[0],
    "cholesky": lambda t, a, b, m, v: t.linalg.cholesky(positive(t, a)),
    "cholesky, upper": lambda t, a, b, m, v: t.cholesky(positive(t, a), upper=True),
    "cholesky_solve": lambda t, a, b, m, v: t.cholesky_solve(b, t.linalg.cholesky(positive(t, a))),
    "cholesky_inverse": lambda t, a, b, m, v: t.cholesky_inverse(t.linalg.cholesky(positive(t, a[0]))),
    "qr": lambda t, a, b, m, v: t.linalg.qr(a)[1],
    "qr, tall": lambda t, a, b, m, v: t.linalg.qr(m)[0],
    "qr, wide": lambda t, a, b, m, v: sum(t.linalg.qr(m.mT)[1][:, :3].sum(0)) + weighted(t, t.linalg.qr(m.mT)[0]),
    "svd": lambda t, a, b, m, v: t.linalg.svd(m, full_matrices=False)[1],
    "svd, vectors": lambda t, a, b, m, v: weighted(t, size(t.linalg.svd(m, full_matrices=False)[0])),
    "svd, vectors of wide": lambda t, a, b, m, v: weighted(t, size(t.linalg.svd(m.mT, full_matrices=False)[2])),
    "svd, vectors of square": lambda t, a, b, m, v: weighted(t, size(t.linalg.svd(a)[0])) * size(
        t.linalg.svd(a)[2]).mT,
    "svdvals": lambda t, a, b, m, v: t.linalg.svdvals(a) ** 3,
    "eigh": lambda t, a, b, m, v: t.linalg.eigh(hermitian(t, a))[0] ** 2,
    "eigh, vectors": lambda t, a, b, m, v: weighted(t, size(t.linalg.eigh(hermitian(t, a))[1])),
    "eigh, upper": lambda t, a, b, m, v: t.linalg.eigh(hermitian(t, a), UPLO="U")[0] ** 3,
    "eigvalsh": lambda t, a, b, m, v: t.linalg.eigvalsh(hermitian(t, a)) ** 3,
    "eig": lambda t, a, b, m, v: (t.linalg.eig(a)[0] ** 3).sum(-1),
    "eig, vectors": lambda t, a, b, m, v: (size(t.linalg.eig(a)[1]) ** 2).sum(-1).sum(-1),
    "eigvals": lambda t, a, b, m, v: (t.linalg.eigvals(a).exp()).sum(-1),
    "pinv": lambda t, a, b, m, v: t.linalg.pinv(m),
    "pinv, wide": lambda t, a, b, m, v: t.pinverse(m.mT),
    "lstsq": lambda t, a, b, m, v: t.linalg.lstsq(m, m @ b[0, :3] + t.ones_like(m)).solution,
    "lstsq, residuals": lambda t, a, b, m, v: t.linalg.lstsq(m, t.ones_like(m), driver="gels").residuals,
    "matrix_exp": lambda t, a, b, m, v: t.matrix_exp(a),
    "matrix_exp, large": lambda t, a, b, m, v: t.linalg.matrix_exp(a * 3),
    "matrix_power": lambda t, a, b, m, v: t.linalg.matrix_power(a, 5),
    "matrix_power, negative": lambda t, a, b, m, v: t.matrix_power(a, -2),
    "matrix_power, zero": lambda t, a, b, m, v: t.matrix_power(a, 0) * a,
    "lu_factor": lambda t, a, b, m, v: t.linalg.lu_factor(a)[0],
    "lu_factor, tall": lambda t, a, b, m, v: t.linalg.lu_factor(m)[0],
    "lu_factor, wide": lambda t, a, b, m, v: t.linalg.lu_factor(m.mT)[0],
    "lu": lambda t, a, b, m, v: t.linalg.lu(m)[1] @ t.linalg.lu(a)[2][0, :3],
    "lu_solve": lambda t, a, b, m, v: t.linalg.lu_solve(*t.linalg.lu_factor(a), b),
    "lu_solve, adjoint": lambda t, a, b, m, v: t.linalg.lu_solve(*t.linalg.lu_factor(a), b, adjoint=True),
    "lu_solve from the right": lambda t, a, b, m, v: t.linalg.lu_solve(*t.linalg.lu_factor(a), b.mT, left=False),
    "cross": lambda t, a, b, m, v: t.linalg.cross(b, b.flip(-1) ** 2) + t.cross(m, m.flip(0), dim=1)[:4],
    "vecdot": lambda t, a, b, m, v: t.linalg.vecdot(a, a.mT) + t.linalg.vecdot(a, a.mT, dim=0)[0],
    "vdot and dot": lambda t, a, b, m, v: t.vdot(v, v * v) + t.dot(v, a[0, 0]),
    "inner": lambda t, a, b, m, v: t.inner(a, a[0]) + t.inner(v, v),
    "kron": lambda t, a, b, m, v: t.kron(a[0], m) + t.kron(v[:1], v[:1]),
    "outer": lambda t, a, b, m, v: t.outer(v, v * v) + t.ger(v, v),
    "addr": lambda t, a, b, m, v: t.addr(a[0], v, v, beta=2, alpha=3),
    "addmm": lambda t, a, b, m, v: t.addmm(b[0], a[0], b[1], beta=0.5, alpha=2) + t.addmv(v, a[0], v)[:, None],
    "addbmm": lambda t, a, b, m, v: t.addbmm(b[0], a, b, beta=0.5) + t.baddbmm(b, a, b, alpha=2)[0],
    "tensordot": lambda t, a, b, m, v: t.tensordot(a, b, ([0, 2], [0, 1])),
    "multi_dot": lambda t, a, b, m, v: t.linalg.multi_dot([v, a[0], b[0], m.mT[:, :4], v]),
    "chain_matmul": lambda t, a, b, m, v: t.chain_matmul(a[0], b[0], m.mT),
    "vander": lambda t, a, b, m, v: t.linalg.vander(v, N=3),
    "tensorinv": lambda t, a, b, m, v: t.linalg.tensorinv(a[0].reshape(2, 2, 4), ind=2),
    "tensorsolve": lambda t, a, b, m, v: t.linalg.tensorsolve(a[0].reshape(2, 2, 2, 2), v.reshape(2, 2)),
    "householder_product": lambda t, a, b, m, v: t.linalg.householder_product(m, v[:3]),
    "diagonal": lambda t, a, b, m, v: t.linalg.diagonal(a, offset=1),
    "matmul": lambda t, a, b, m, v: t.linalg.matmul(a, b) + t.bmm(a, b) + t.mv(a[0], v)[:, None],
    "vector norms": lambda t, a, b, m, v: sum(t.linalg.vector_norm(a, p, dim=-1) for p in (0, 1, 1.5, 2, 3, -1)),
    "largest and smallest": lambda t, a, b, m, v: t.linalg.vector_norm(a, float("inf"), dim=(0, 1)) * t.linalg.norm(
        v, -float("inf")),
    "matrix norms": lambda t, a, b, m, v: sum(t.linalg.matrix_norm(a, p) for p in ("fro", "nuc", 1, -1, 2, -2)),
    "norms of rows": lambda t, a, b, m, v: t.linalg.norm(a, float("inf"), dim=(0, 2), keepdim=True) + t.linalg.norm(
        m, -float("inf")),
    "torch.norm": lambda t, a, b, m, v: t.norm(a) + t.norm(a, 3, dim=1).sum() + m.norm("nuc") + v.norm(p=1),
    "cond": lambda t, a, b, m, v: t.linalg.cond(a) + t.linalg.cond(m),
}
"""Functions of batches a of square matrices and b of matrices, a tall matrix m and a vector v; `t` is gradc or torch.

Where signs or phases of the factors are LAPACK's choice, it is a function that does not depend on them."""

CASES = [pytest.param(name, kind, id=f"{name}-{kind}") for name in REAL_AND_COMPLEX for kind in ("real", "complex")]


def leaves(t: Any, kind: str) -> list[Any]:
    arrays = [A, B, TALL, V]
    if kind == "complex":
        random = np.random.default_rng(12)
        arrays = [x + 1j * random.standard_normal(x.shape) for x in arrays]
    return [t.tensor(x).requires_grad_() for x in arrays]


def loss(t: Any, y: Any) -> Any:
    """A real number that every element of y counts in, with its own weight."""
    y = weighted(t, y)
    return (y.real + 0.3 * y.imag).sum() if y.is_complex() else y.sum()


def numbers(x: Any) -> Any:
    return np.asarray((x.detach() + 0).tolist())


def agree(ours: Any, theirs: Any, tolerance: float) -> None:
    a, b = numbers(ours), numbers(theirs)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(b).max(initial=0.0)))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_value_and_gradients_are_those_of_torch(name: str, kind: str) -> None:
    found: dict[Any, list[Any]] = {}
    for t in (gradc, torch):
        tensors = leaves(t, kind)
        y = REAL_AND_COMPLEX[name](t, *tensors)
        first = t.autograd.grad(loss(t, y), tensors, create_graph=True, materialize_grads=True)
        total = sum((weighted(t, g).abs() ** 2).sum() for g in first)
        second = t.autograd.grad(total, tensors, materialize_grads=True) if total.requires_grad else [
            t.zeros_like(x) for x in tensors]
        found[t] = [y, *first, *second]
        assert str(y.dtype) == str(found[gradc][0].dtype)
    for i, (ours, theirs) in enumerate(zip(found[gradc], found[torch], strict=True)):
        agree(ours, theirs, 1e-10 if i < 5 else 1e-7)


@pytest.mark.parametrize("name", REAL_AND_COMPLEX)
def test_compiled_is_eager(name: str) -> None:
    if name.startswith("lstsq"):
        pytest.skip("what lstsq returns depends on the rank of the matrix")

    def gradients(*tensors: Any) -> Any:
        y = REAL_AND_COMPLEX[name](gradc, *tensors)
        return y, *gradc.autograd.grad(loss(gradc, y), tensors, materialize_grads=True)

    for a, b in zip(gradc.compile(gradients)(*leaves(gradc, "real")), gradients(*leaves(gradc, "real")), strict=True):
        assert a.dtype is b.dtype
        agree(a, b, 1e-9)


SINGULAR = [[1.0, 2.0], [2.0, 4.0]]

REFUSED: dict[str, Program] = {
    "inverse of a singular matrix": lambda t: t.linalg.inv(t.ones(2, 2)),
    "inverse of a batch": lambda t: t.linalg.inv(t.stack([t.eye(2), t.ones(2, 2)])),
    "equation without solution": lambda t: t.linalg.solve(t.ones(2, 2), t.ones(2)),
    "batch of equations": lambda t: t.linalg.solve(t.ones(3, 2, 2), t.ones(3, 2, 1)),
    "not positive definite": lambda t: t.linalg.cholesky(-t.eye(2)),
    "second minor": lambda t: t.linalg.cholesky(t.stack([t.eye(2), t.tensor([[1.0, 2.0], [2.0, 1.0]])])),
    "singular values of nan": lambda t: t.linalg.svd(t.full((2, 2), float("nan"))),
    "eigenvalues of nan": lambda t: t.linalg.eig(t.full((2, 2), float("nan"))),
    "not square": lambda t: t.linalg.inv(t.ones(2, 3)),
    "det of a wide matrix": lambda t: t.linalg.det(t.ones(2, 3)),
    "cholesky of a wide matrix": lambda t: t.linalg.cholesky(t.ones(2, 3)),
    "eigenvalues of a wide matrix": lambda t: t.linalg.eigh(t.ones(2, 3)),
    "a vector": lambda t: t.linalg.qr(t.ones(2)),
    "integers": lambda t: t.linalg.det(t.ones(2, 2, dtype=t.int32)),
    "half precision": lambda t: t.linalg.inv(t.ones(2, 2, dtype=t.float16)),
    "sizes of an equation": lambda t: t.linalg.solve(t.ones(2, 2), t.ones(3, 2)),
    "least squares": lambda t: t.linalg.lstsq(t.ones(2, 2), t.ones(3, 2)),
    "no three dimensions": lambda t: t.linalg.cross(t.ones(4), t.ones(4)),
    "gradient of a complete qr": lambda t: t.linalg.qr(t.ones(3, 2, requires_grad=True), mode="complete")[0].sum(
        ).backward(),
    "gradient of r alone": lambda t: t.linalg.qr(t.ones(3, 2, requires_grad=True), mode="r")[1].sum().backward(),
    "mode of qr": lambda t: t.linalg.qr(t.ones(3, 2), mode="x"),
    "dtypes of addmm": lambda t: t.addmm(t.ones(2, 2, dtype=t.float64), t.ones(2, 2), t.ones(2, 2)),
    "addmm of a larger tensor": lambda t: t.addmm(t.ones(3, 3), t.ones(2, 2), t.ones(2, 2)),
    "one matrix": lambda t: t.linalg.multi_dot([t.ones(2)]),
    "inner product": lambda t: t.inner(t.ones(2), t.ones(3)),
    "tensorsolve": lambda t: t.linalg.tensorsolve(t.ones(2, 3), t.ones(2)),
    "matrix norm of a vector": lambda t: t.linalg.matrix_norm(t.ones(2)),
    "norm of three dimensions": lambda t: t.linalg.norm(t.ones(2, 2, 2), "fro"),
    "norm of integers": lambda t: t.linalg.vector_norm(t.ones(2, dtype=t.int64)),
    "norm of integers as floats": lambda t: t.linalg.vector_norm(t.ones(3, dtype=t.int64), dtype=t.float32),
    "order of a matrix norm": lambda t: t.linalg.matrix_norm(t.ones(2, 2), 3),
    "norm of nothing": lambda t: t.linalg.vector_norm(t.ones(0), float("inf")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_torch(name: str) -> None:
    problems = {}
    for t in (torch, gradc):
        with pytest.raises(RuntimeError) as found:
            REFUSED[name](t)
        problems[t] = found.value
    phrase = str(problems[torch]).split(" (the leading")[0].split("\n")[0][:60].rstrip(".")
    assert phrase in str(problems[gradc])
    if isinstance(problems[torch], torch.linalg.LinAlgError):
        assert isinstance(problems[gradc], gradc.linalg.LinAlgError)


VALUES: dict[str, Program] = {
    "ranks": lambda t: [t.linalg.matrix_rank(t.tensor(SINGULAR)), t.linalg.matrix_rank(t.eye(3), atol=2.0),
                        t.linalg.matrix_rank(t.tensor(SINGULAR), hermitian=True)],
    "of singular matrices": lambda t: [t.linalg.det(t.ones(2, 2)), t.logdet(t.ones(2, 2)),
                                       *t.linalg.slogdet(t.ones(2, 2)), t.linalg.pinv(t.tensor(SINGULAR))],
    "singular triangle": lambda t: [t.linalg.solve_triangular(
        t.tensor([[1.0, 2.0], [0.0, 0.0]]), t.ones(2, 1), upper=True)],
    "least squares": lambda t: list(t.linalg.lstsq(t.tensor(TALL), t.ones(5, 2, dtype=t.float64), driver="gelsd")),
    "modes of qr": lambda t: [t.linalg.qr(t.tensor(TALL), mode="complete")[0].shape,
                              t.linalg.qr(t.tensor(TALL), mode="r")[0].shape, t.linalg.qr(t.tensor(TALL), "r")[1]],
    "lu": lambda t: [*t.linalg.lu(t.tensor(TALL)), *t.linalg.lu_factor(t.tensor(A)),
                     *t.lu_unpack(*t.linalg.lu_factor(t.tensor(A)))],
    "with info": lambda t: [*t.linalg.inv_ex(t.eye(2)), *t.linalg.cholesky_ex(t.eye(2)),
                            *t.linalg.lu_factor_ex(t.ones(2, 2)), *t.linalg.solve_ex(t.eye(2), t.ones(2))],
    "empty": lambda t: [t.linalg.det(t.ones(0, 0)), t.linalg.inv(t.ones(0, 0)), t.linalg.det(t.ones(0, 2, 2)),
                        t.linalg.matrix_exp(t.ones(0, 0)), t.linalg.svdvals(t.ones(2, 0)), t.linalg.pinv(t.ones(2, 0))],
    "beta of 0": lambda t: [t.addmm(t.full((2, 2), float("nan")), t.ones(2, 2), t.ones(2, 2), beta=0),
                            t.ones(2, 2).addmm_(t.ones(2, 2), t.ones(2, 2), alpha=3),
                            t.zeros(2).addmv_(t.ones(2, 2), t.ones(2)), t.ones(2, 2).addr_(t.ones(2), t.ones(2))],
    "norms at zero": lambda t: [t.linalg.vector_norm(t.zeros(3), p) for p in (0, 0.5, 1, 2, 3, float("inf"))],
    "condition": lambda t: [t.linalg.cond(t.tensor(A), p) for p in (None, -2, 1, float("inf"), "fro", "nuc")],
    "names": lambda t: [list(t.linalg.eigh(t.eye(2))._asdict()) if t is gradc else ["eigenvalues", "eigenvectors"],
                        t.linalg.svd(t.eye(2)).Vh, t.linalg.qr(t.eye(2)).R, t.slogdet(t.eye(2)).logabsdet],
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_those_of_torch(name: str) -> None:
    ours, theirs = (VALUES[name](t) for t in (gradc, torch))
    for a, b in zip(ours, theirs, strict=True):
        if not hasattr(b, "dtype"):
            assert list(a) == list(b)
            continue
        assert (str(a.dtype), list(a.shape)) == (str(b.dtype), list(b.shape))
        np.testing.assert_allclose(numbers(a), numbers(b), rtol=2e-6, atol=2e-6)


def test_gradient_of_a_singular_determinant() -> None:
    """The cofactors, where torch gives 0."""
    x = gradc.tensor(SINGULAR, dtype=gradc.float64, requires_grad=True)
    gradc.det(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), [[4.0, -2.0], [-2.0, 1.0]], atol=1e-14)
    assert gradc.autograd.gradcheck(gradc.det, (x,))


@pytest.mark.parametrize("name", ["det", "inv", "cholesky", "svd", "eigh", "matrix_exp", "lu_factor", "solve"])
def test_vmap_is_a_batch(name: str) -> None:
    tensors = leaves(gradc, "real")
    a = positive(gradc, tensors[0].detach())
    function = {"solve": lambda x: gradc.linalg.solve(x, x)}.get(name, getattr(gradc.linalg, name, None))
    whole, each = function(a), gradc.vmap(function)(a)
    for x, y in zip(*([r] if not isinstance(r, tuple) else r for r in (whole, each)), strict=True):
        np.testing.assert_array_equal(x.numpy(), y.numpy())
