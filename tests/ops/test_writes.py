"""Every in-place method and `out=` argument writes what torch writes, and leaves the gradient that torch leaves."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

X = np.array([[0.3, -0.7, 1.9, 0.5], [-2.1, 0.25, 0.9, -0.4], [1.2, 0.6, -1.3, 0.15]])

REAL = """
    x.abs_() x.absolute_() x.neg_() x.negative_() x.exp_() x.exp2_() x.expm1_() x.sin_() x.cos_() x.tan_() x.sinh_()
    x.cosh_() x.tanh_() x.atan_() x.arctan_() x.sigmoid_() x.relu_() x.erf_() x.erfc_() x.square_()
    x.reciprocal_() x.floor_() x.ceil_() x.round_() x.trunc_() x.fix_() x.frac_() x.sign_() x.nan_to_num_()
    x.add_(y) x.add_(2) x.add_(y,alpha=3) x.sub_(y) x.subtract_(y) x.mul_(y) x.multiply_(2.5) x.div_(p) x.divide_(2)
    x.true_divide_(p) x.div_(p,rounding_mode="floor") x.remainder_(p) x.fmod_(p) x.pow_(2) x.pow_(3)
    x.atan2_(y) x.arctan2_(y) x.hypot_(y) x.lerp_(y,0.3) x.lerp_(y,p) x.addcmul_(y,p) x.addcmul_(y,p,value=2)
    x.addcdiv_(y,p) x.clamp_(-0.5,0.8) x.clip_(max=0.8) x.clamp_min_(0.2) x.clamp_max_(0.4)
    x.eq_(y) x.ne_(y) x.lt_(y) x.le_(y) x.gt_(0) x.ge_(0) x.greater_(0) x.less_equal_(y)
    x.cumsum_(1) x.cumprod_(0) x.tril_() x.triu_(1)
    x.copy_(y) x.copy_(y[0]) x.copy_(y.float()) x.fill_(3) x.zero_() x.masked_fill_(m,2.0) x.masked_scatter_(m,y)
    x.index_add_(0,i,y[:2]) x.index_add_(1,j,y[:,:3],alpha=2) x.index_copy_(0,i,y[:2]) x.index_fill_(1,j,-1.0)
    x.index_put_((i,),y[:2]) x.index_put_((i,k),y[0,:2]) x.index_put_((r,),y[:3],accumulate=True) x.index_put_((m,),s)
    x.put_(j,y[0,:3]) x.put_(r,y[0,:3],accumulate=True) x.scatter_(1,c,y) x.scatter_(0,c[:1],9.0)
    x.scatter_add_(1,c,y) x.addmm_(y,q) x.addmm_(y,q,beta=0.5,alpha=2)
    x.__setitem__(m,0.5) x.__setitem__(m,y[m]) x.__setitem__(0,y[1]) x.__setitem__((slice(None),1),2.0)
    x.__setitem__(i,y[:2]) x.__iadd__(y) x.__isub__(y) x.__imul__(y) x.__itruediv__(p) x.__ipow__(2) x.__imod__(p)
    x.unsqueeze_(0) x.squeeze_() x.t_() x.transpose_(0,1) x.swapaxes_(0,1) x.swapdims_(1,0) x[1].unsqueeze_(0).mul_(2)
""".split()
POSITIVE = """
    x.log_() x.log2_() x.log10_() x.log1p_() x.sqrt_() x.rsqrt_() x.pow_(y) x.pow_(-1.5) x.acos_() x.arccos_() x.asin_()
    x.arcsin_() x.erfinv_() x.logit_() x.logit_(0.1)
""".split()


def outcome(library: Any, program: str, positive: bool) -> tuple[Any, ...]:
    """The written values and the gradients of x and y."""
    def tensor(values: Any) -> Any:
        return library.tensor(values)

    x0 = tensor(np.abs(X) / 3 if positive else X).requires_grad_()
    y0 = tensor(np.cos(3 * X)).requires_grad_()
    x = x0 * 1
    names = {"x": x, "y": y0 * 1, "p": tensor(np.abs(X) + 0.6), "m": tensor(X > 0.2), "i": tensor([2, 0]),
             "j": tensor([3, 0, 1]), "k": tensor([1, 2]), "r": tensor([1, 1, 0]), "s": tensor(5.0).double(),
             "c": tensor([[0, 3, 1, 2], [1, 2, 3, 0], [2, 1, 0, 3]]) % 3 if "scatter_(0" in program else
             tensor([[0, 3, 1, 2], [1, 2, 3, 0], [2, 1, 0, 3]]), "q": tensor(np.sin(np.arange(16.0)).reshape(4, 4))}
    result = eval(program, names)
    weights = tensor(np.cos(np.arange(12.0))).reshape(x.shape)
    (x * x * weights).sum().backward()
    assert result is None or result is x or "[1]" in program
    return x.detach().numpy(), _values(x0.grad), _values(y0.grad), x.shape


def _values(grad: Any) -> np.ndarray:
    """A gradient's values; zeros where there is none."""
    return np.zeros((3, 4)) if grad is None else np.array(grad.tolist())


@pytest.mark.parametrize("program", REAL + POSITIVE)
def test_in_place(program: str) -> None:
    ours, theirs = (outcome(library, program, program in POSITIVE) for library in (gradc, torch))
    assert tuple(ours[3]) == tuple(theirs[3])
    for a, b in zip(ours[:3], theirs[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-12)


def test_a_view_from_before_a_transposition_is_refused_once_it_would_be_wrong() -> None:
    x = gradc.ones(2, 2, requires_grad=True) * 2
    row = x[0]
    x.t_()
    row.sum().backward(retain_graph=True)
    x.mul_(3)
    with pytest.raises(RuntimeError, match="changed in place in between"):
        row.sum()


OUT = """
    add(x,y) add(x,2) sub(x,y,alpha=2) mul(x,y) div(x,y) pow(x,2) maximum(x,y) exp(x) tanh(x) sin(x) neg(x) abs(x)
    sigmoid(x) floor(x) clamp(x,0,1) where(x>0,x,y) matmul(x,q) mm(x,q) sum(x,1) mean(x,0) prod(x,1) amax(x,0)
    argmax(x,1) std(x,1) var(x) cumsum(x,0) cat([x,y]) stack([x,y],1) eq(x,y) gt(x,0) logical_not(x) atan2(x,y)
    lerp(x,y,0.5) outer(x[0],y[1])
""".split()
FACTORIES = "zeros(3,2) ones(4) full((2,),7.0) linspace(0,1,5) eye(3)".split()


@pytest.mark.parametrize("call", OUT + FACTORIES)
@pytest.mark.parametrize("ready", ["empty", "right", "wrong"])
def test_out(call: str, ready: str) -> None:
    found = []
    for library in (gradc, torch):
        tensor = library.tensor
        names = {"x": tensor(X), "y": tensor(np.cos(3 * X)), "q": tensor(np.sin(np.arange(16.0)).reshape(4, 4))}
        function, rest = call.split("(", 1)
        plain = eval(f"library.{call}", names | {"library": library})
        shape = {"empty": (0,), "right": tuple(plain.shape), "wrong": (7, 1)}[ready]
        names["out"] = library.zeros(shape, dtype=plain.dtype)
        warns = pytest.warns(UserWarning, match="An output with one or more elements was resized")
        with warns if ready == "wrong" and call in OUT else contextlib.nullcontext():
            result = eval(f"library.{function}({rest[:-1]}, out=out)", names | {"library": library})
        assert result is names["out"]
        found.append(result.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6, atol=1e-12)


REFUSED = [
    ("add(w,1,out=out)", "don't support automatic differentiation, but one of the arguments requires grad"),
    ("exp(w,out=out)", "don't support automatic differentiation, but one of the arguments requires grad"),
    ("add(x,1,out=w)", "don't support automatic differentiation, but one of the arguments requires grad"),
    ("add(x,1,out=whole)", "result type .* can't be cast to the desired output type Long"),
]


@pytest.mark.parametrize(("call", "phrase"), REFUSED)
@pytest.mark.parametrize("library", [gradc, torch], ids=["gradc", "torch"])
def test_out_refused(library: Any, call: str, phrase: str) -> None:
    names = {"x": library.ones(3), "w": library.ones(3, requires_grad=True), "out": library.zeros(3),
             "whole": library.zeros(3, dtype=library.int64)}
    with pytest.raises(RuntimeError, match=phrase):
        eval(f"library.{call}", names | {"library": library})
    assert names["out"].tolist() == [0, 0, 0] and names["whole"].tolist() == [0, 0, 0]
