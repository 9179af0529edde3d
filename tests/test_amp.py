"""Mixed precision: what autocast casts, and scaled losses, against PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import nn, optim
from gradc.amp import GradScaler, autocast

MATRIX = np.random.default_rng(0).random((3, 3)).astype(np.float32)
CLASSES = [0, 1, 2]

OPS: dict[str, Any] = {
    "matmul": lambda t, a: a @ a, "matmul of a batch": lambda t, a: t.stack([a, a]) @ a, "mm": lambda t, a: t.mm(a, a),
    "bmm": lambda t, a: t.bmm(a[None], a[None]), "addmm": lambda t, a: t.addmm(a, a, a),
    "baddbmm": lambda t, a: t.baddbmm(a[None], a[None], a[None]), "einsum": lambda t, a: t.einsum("ij,jk", a, a),
    "addbmm": lambda t, a: t.addbmm(a, a[None], a[None]),
    "linear": lambda t, a: t.nn.functional.linear(a, a, a[0]),
    "conv1d": lambda t, a: t.nn.functional.conv1d(a[None], a[:, :, None]),
    "conv_transpose1d": lambda t, a: t.nn.functional.conv_transpose1d(a[None], a[:, :, None]),
    "prelu": lambda t, a: t.nn.functional.prelu(a, a[0, :1]),
    "attention": lambda t, a: t.nn.functional.scaled_dot_product_attention(a[None], a[None], a[None]),
    "tensordot": lambda t, a: t.tensordot(a, a, 1), "inner": lambda t, a: t.inner(a, a),
    "vecdot": lambda t, a: t.linalg.vecdot(a, a),
    "softmax": lambda t, a: a.softmax(0), "log_softmax": lambda t, a: a.log_softmax(0),
    "layer_norm": lambda t, a: t.nn.functional.layer_norm(a, (3,)), "exp": lambda t, a: a.exp(),
    "sum": lambda t, a: a.sum(), "mean": lambda t, a: a.mean(0), "var": lambda t, a: a.var(),
    "add": lambda t, a: a + 1, "mul": lambda t, a: a * t.from_numpy(MATRIX.copy()), "pow": lambda t, a: a**2,
    "prod": lambda t, a: a.prod(), "prod of rows": lambda t, a: a.prod(0), "cumprod": lambda t, a: a.cumprod(0),
    "trace": lambda t, a: a.trace(), "cdist": lambda t, a: t.cdist(a, a), "quantile": lambda t, a: a.quantile(0.5),
    "inv": lambda t, a: t.linalg.inv(a), "solve": lambda t, a: t.linalg.solve(a, a),
    "svdvals": lambda t, a: t.linalg.svdvals(a), "qr": lambda t, a: t.linalg.qr(a)[0],
    "eigh": lambda t, a: t.linalg.eigh(a)[0], "eigvalsh": lambda t, a: t.linalg.eigvalsh(a),
    "fft": lambda t, a: t.fft.fft(a), "cat": lambda t, a: t.cat([a, t.from_numpy(MATRIX.copy())]),
    "stack": lambda t, a: t.stack([a, t.from_numpy(MATRIX.copy())]),
    "mse_loss": lambda t, a: t.nn.functional.mse_loss(a, a), "l1_loss": lambda t, a: t.nn.functional.l1_loss(a, a * 2),
    "huber_loss": lambda t, a: t.nn.functional.huber_loss(a, a * 2),
    "smooth_l1_loss": lambda t, a: t.nn.functional.smooth_l1_loss(a, a * 2),
    "cross_entropy": lambda t, a: t.nn.functional.cross_entropy(a, t.tensor(CLASSES)),
    "nll_loss": lambda t, a: t.nn.functional.nll_loss(a, t.tensor(CLASSES)),
    "kl_div": lambda t, a: t.nn.functional.kl_div(a, a), "bce": lambda t, a: t.nn.functional.binary_cross_entropy(a, a),
    "bce with logits": lambda t, a: t.nn.functional.binary_cross_entropy_with_logits(a, a),
    "poisson_nll_loss": lambda t, a: t.nn.functional.poisson_nll_loss(a, a),
    "soft_margin_loss": lambda t, a: t.nn.functional.soft_margin_loss(a, a.detach()),
    "hinge_embedding_loss": lambda t, a: t.nn.functional.hinge_embedding_loss(a, a),
    "margin_ranking_loss": lambda t, a: t.nn.functional.margin_ranking_loss(a, a, a),
    "multi_margin_loss": lambda t, a: t.nn.functional.multi_margin_loss(a, t.tensor(CLASSES)),
    "triplet_margin_loss": lambda t, a: t.nn.functional.triplet_margin_loss(a, a, a + 1),
    "cosine_embedding_loss": lambda t, a: t.nn.functional.cosine_embedding_loss(a, a, t.ones(3)),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("name", OPS)
def test_dtypes_equal_torch(name: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for library, context in ((gradc, autocast("cpu")), (torch, torch.autocast("cpu", dtype=torch.bfloat16))):
        a = library.from_numpy(MATRIX.copy()).to(getattr(library, dtype)).requires_grad_()
        with warnings.catch_warnings(), context:
            warnings.simplefilter("ignore")
            try:
                y = OPS[name](library, a)
                kind = str(y.dtype)
            except RuntimeError:
                found.append(("refused", 0.0))
                continue
        found.append((kind, y.detach().abs().sum().item()))
    assert found[0][0] == found[1][0]
    assert found[0][1] == pytest.approx(found[1][1], rel=3e-2, abs=3e-2)


def test_nested_and_off() -> None:
    a = gradc.ones(2, 2)
    assert (a @ a).dtype is gradc.float32
    with autocast("cpu"):
        assert (a @ a).dtype is gradc.bfloat16
        with autocast("cpu", enabled=False):
            assert (a @ a).dtype is gradc.float32
        with autocast("cpu", dtype=gradc.float16), gradc.no_grad():
            assert (a @ a).dtype is gradc.float16
        assert (a @ a).dtype is gradc.bfloat16
    assert (a @ a).dtype is gradc.float32
    assert autocast("cpu")(lambda: a @ a)().dtype is gradc.bfloat16


def test_gradients_come_back_in_single_precision() -> None:
    torch = pytest.importorskip("torch")
    found = []
    for library in (gradc, torch):
        w = library.from_numpy(MATRIX.copy()).requires_grad_()
        with library.autocast("cpu", dtype=library.bfloat16):
            loss = library.nn.functional.mse_loss((w @ w).relu(), library.ones(3, 3))
        loss.backward()
        found.append(w.grad)
    assert found[0].dtype is gradc.float32
    np.testing.assert_allclose(found[0].numpy(), found[1].numpy(), rtol=2e-2, atol=2e-2)


def test_in_a_compiled_function() -> None:
    layer = nn.Linear(3, 3)

    @gradc.compile
    def inside(x: gradc.Tensor) -> gradc.Tensor:
        with autocast("cpu"):
            return layer(x)

    @gradc.compile
    def outside(x: gradc.Tensor) -> gradc.Tensor:
        return layer(x)

    x = gradc.ones(2, 3)
    assert inside(x).dtype is gradc.bfloat16 and outside(x).dtype is gradc.float32
    with autocast("cpu"):
        assert outside(x).dtype is gradc.bfloat16
    assert outside(x).dtype is gradc.float32
    inside(x).sum().backward()
    assert layer.weight.grad.dtype is gradc.float32


# Scaling


def scaled_training(library: Any, compiled: bool = False) -> list[float]:
    """Steps with a scaled loss, one of which has a gradient that is not finite."""
    p = library.nn.Parameter(library.tensor([1.0, -2.0]))
    optimizer = library.optim.Adam([p], lr=0.1)
    scaler = library.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)

    def step(x: Any) -> None:
        optimizer.zero_grad()
        scaler.scale(((p * x) ** 2).sum()).backward()
        scaler.unscale_(optimizer)
        library.nn.utils.clip_grad_norm_([p], 1.0)
        scaler.step(optimizer)
        scaler.update()

    run = gradc.compile(step) if compiled else step
    found = []
    for x in (1.0, 1.5, float("inf"), 2.0, 0.5, 1.0):
        run(library.tensor(x))
        found += [*p.tolist(), scaler.get_scale(), optimizer.state[p]["step"].item()]
    return [*found, scaler.state_dict()["_growth_tracker"]]


def test_scaled_training_equals_torch() -> None:
    torch = pytest.importorskip("torch")
    assert scaled_training(gradc) == pytest.approx(scaled_training(torch), rel=1e-5)


def test_scaled_training_in_a_compiled_step() -> None:
    assert scaled_training(gradc, True) == pytest.approx(scaled_training(gradc), rel=1e-5)


def test_states_of_scalers() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.amp.GradScaler("cpu", init_scale=32.0, growth_interval=7)
    ours = GradScaler("cpu")
    ours.load_state_dict(theirs.state_dict())
    assert ours.state_dict() == theirs.state_dict()
    off = GradScaler(enabled=False)
    assert off.state_dict() == {} and off.get_scale() == 1.0 and off.scale(3) == 3


@pytest.mark.parametrize("act, error, message", [
    (lambda s, o: s.step(o), RuntimeError, "No inf checks were recorded for this optimizer"),
    (lambda s, o: s.update(), RuntimeError, "No inf checks were recorded prior to update"),
    (lambda s, o: GradScaler(growth_factor=1.0), ValueError, "The growth factor must be > 1.0"),
    (lambda s, o: GradScaler(backoff_factor=1.0), ValueError, "The backoff factor must be < 1.0"),
    (lambda s, o: s.scale(3), ValueError, "outputs must be a Tensor or an iterable of Tensors"),
    (lambda s, o: s.load_state_dict({}), RuntimeError, "The source state dict is empty"),
    (lambda s, o: autocast("toaster"), RuntimeError, "unsupported autocast device_type 'toaster'"),
    (lambda s, o: autocast(gradc.float16), TypeError, "Expected `device_type` of type `str`"),
])
def test_errors(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act(GradScaler(), optim.SGD([nn.Parameter(gradc.ones(1))]))


def test_the_order_of_steps() -> None:
    p = nn.Parameter(gradc.ones(1))
    p.grad = gradc.ones(1)
    optimizer, scaler = optim.SGD([p]), GradScaler()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) has already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already been called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) is being called after step\(\)"):
        scaler.unscale_(optimizer)
