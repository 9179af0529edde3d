"""Modules against torch's with the same seed: printing, state, values, gradients and steps; eager and compiled.

A case is a constructor, written once for both libraries, and the inputs: shapes of random numbers, or arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import nn

torch = pytest.importorskip("torch")

RANDOM = np.random.default_rng(11)


def ints(shape: tuple[int, ...], below: int) -> np.ndarray[Any, Any]:
    return RANDOM.integers(0, below, shape)


def signs(*shape: int) -> np.ndarray[Any, Any]:
    return RANDOM.choice(np.array([-1.0, 1.0], np.float32), shape)


def shares(*shape: int) -> np.ndarray[Any, Any]:
    return RANDOM.uniform(0.05, 0.95, shape).astype(np.float32)


class Unit(tuple[int, ...]):
    """A shape of random numbers between 0 and 1."""


X = (4, 6)
BAG = np.array([1, 2, 4, 0, 3, 3])
LABELS = np.array([[1, 3, -1, 0, 0, 0], [0, -1, 1, 2, 3, 4], [-1, 0, 0, 0, 0, 0], [5, 4, 3, 2, 1, 0]])
HIDDEN = np.zeros((5, 3), bool)
HIDDEN[2:, 0] = HIDDEN[4:, 1] = True

Case = tuple[Callable[[Any], Any], list[Any]]

ACTIVATIONS: dict[str, Case] = {
    name: (make, [X]) for name, make in {
        "CELU": lambda t: t.nn.CELU(0.7), "ELU": lambda t: t.nn.ELU(0.5), "GELU": lambda t: t.nn.GELU(),
        "GLU": lambda t: t.nn.GLU(), "GLU of rows": lambda t: t.nn.GLU(0), "Hardshrink": lambda t: t.nn.Hardshrink(),
        "Hardsigmoid": lambda t: t.nn.Hardsigmoid(), "Hardswish": lambda t: t.nn.Hardswish(),
        "Hardtanh": lambda t: t.nn.Hardtanh(-0.5, 0.7), "LeakyReLU": lambda t: t.nn.LeakyReLU(0.2),
        "LogSigmoid": lambda t: t.nn.LogSigmoid(), "LogSoftmax": lambda t: t.nn.LogSoftmax(1),
        "Mish": lambda t: t.nn.Mish(), "PReLU": lambda t: t.nn.PReLU(), "PReLU of channels": lambda t: t.nn.PReLU(6),
        "RReLU": lambda t: t.nn.RReLU(), "ReLU": lambda t: t.nn.ReLU(), "ReLU6": lambda t: t.nn.ReLU6(),
        "SELU": lambda t: t.nn.SELU(), "SiLU": lambda t: t.nn.SiLU(), "Sigmoid": lambda t: t.nn.Sigmoid(),
        "Softmax": lambda t: t.nn.Softmax(1), "Softmin": lambda t: t.nn.Softmin(dim=0),
        "Softplus": lambda t: t.nn.Softplus(2), "Softshrink": lambda t: t.nn.Softshrink(0.3),
        "Softsign": lambda t: t.nn.Softsign(), "Tanh": lambda t: t.nn.Tanh(), "Tanhshrink": lambda t: t.nn.Tanhshrink(),
        "Threshold": lambda t: t.nn.Threshold(0.1, 20),
    }.items()
} | {"Softmax2d": (lambda t: t.nn.Softmax2d(), [(2, 3, 4, 5)])}

LOSSES: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "BCELoss": (lambda t, **r: t.nn.BCELoss(**r), [Unit(X), shares(*X)]),
    "BCEWithLogitsLoss": (lambda t, **r: t.nn.BCEWithLogitsLoss(pos_weight=t.tensor([2.0] * 6), **r), [X, shares(*X)]),
    "CosineEmbeddingLoss": (lambda t, **r: t.nn.CosineEmbeddingLoss(0.1, **r), [X, X, signs(4)]),
    "CrossEntropyLoss": (lambda t, **r: t.nn.CrossEntropyLoss(label_smoothing=0.1, **r), [X, ints((4,), 6)]),
    "GaussianNLLLoss": (lambda t, **r: t.nn.GaussianNLLLoss(full=True, **r), [X, X, shares(4, 1)]),
    "HingeEmbeddingLoss": (lambda t, **r: t.nn.HingeEmbeddingLoss(0.5, **r), [X, signs(*X)]),
    "HuberLoss": (lambda t, **r: t.nn.HuberLoss(delta=0.4, **r), [X, X]),
    "KLDivLoss": (lambda t, **r: t.nn.KLDivLoss(**r), [X, np.where(shares(*X) > 0.5, shares(*X), 0)]),
    "KLDivLoss of logarithms": (lambda t, **r: t.nn.KLDivLoss(log_target=True, **r), [X, X]),
    "L1Loss": (lambda t, **r: t.nn.L1Loss(**r), [X, X]),
    "MSELoss": (lambda t, **r: t.nn.MSELoss(**r), [X, X]),
    "MarginRankingLoss": (lambda t, **r: t.nn.MarginRankingLoss(0.2, **r), [X, X, signs(*X)]),
    "MultiLabelMarginLoss": (lambda t, **r: t.nn.MultiLabelMarginLoss(**r), [X, LABELS]),
    "MultiLabelMarginLoss of one": (lambda t, **r: t.nn.MultiLabelMarginLoss(**r), [(6,), LABELS[1]]),
    "MultiLabelSoftMarginLoss": (
        lambda t, **r: t.nn.MultiLabelSoftMarginLoss(t.tensor([1.0, 2.0, 0.5] * 2), **r), [X, shares(*X)]),
    "MultiMarginLoss": (lambda t, **r: t.nn.MultiMarginLoss(**r), [X, ints((4,), 6)]),
    "MultiMarginLoss squared": (lambda t, **r: t.nn.MultiMarginLoss(2, 0.7, t.tensor([1.0, 2.0, 0.5] * 2), **r),
                                [X, ints((4,), 6)]),
    "NLLLoss": (lambda t, **r: t.nn.NLLLoss(**r), [(2, 6, 3), ints((2, 3), 6)]),
    "PoissonNLLLoss": (lambda t, **r: t.nn.PoissonNLLLoss(full=True, **r), [X, 4 * shares(*X)]),
    "PoissonNLLLoss of rates": (lambda t, **r: t.nn.PoissonNLLLoss(log_input=False, **r), [Unit(X), shares(*X)]),
    "SmoothL1Loss": (lambda t, **r: t.nn.SmoothL1Loss(beta=0.3, **r), [X, X]),
    "SoftMarginLoss": (lambda t, **r: t.nn.SoftMarginLoss(**r), [X, signs(*X)]),
    "TripletMarginLoss": (lambda t, **r: t.nn.TripletMarginLoss(swap=True, **r), [X, X, X]),
    "TripletMarginLoss in 1-norm": (lambda t, **r: t.nn.TripletMarginLoss(2.0, p=1, **r), [X, X, X]),
    "TripletMarginWithDistanceLoss": (lambda t, **r: t.nn.TripletMarginWithDistanceLoss(
        distance_function=lambda x, y: (x - y).abs().amax(-1), **r), [X, X, X]),
}

LAYERS: dict[str, Case] = {
    "Bilinear": (lambda t: t.nn.Bilinear(6, 3, 2), [X, (4, 3)]),
    "CosineSimilarity": (lambda t: t.nn.CosineSimilarity(), [X, X]),
    "PairwiseDistance": (lambda t: t.nn.PairwiseDistance(keepdim=True), [X, X]),
    "Embedding": (lambda t: t.nn.Embedding(5, 3, padding_idx=-1), [ints((2, 4), 5)]),
    "Embedding limited": (lambda t: t.nn.Embedding(5, 3, max_norm=1.0), [ints((2, 4), 5)]),
    "Embedding by frequency": (lambda t: t.nn.Embedding(5, 3, scale_grad_by_freq=True), [ints((2, 4), 5)]),
    "EmbeddingBag": (lambda t: t.nn.EmbeddingBag(5, 3), [ints((2, 4), 5)]),
    **{f"EmbeddingBag {mode}": (lambda t, mode=mode: t.nn.EmbeddingBag(5, 3, mode=mode, padding_idx=3),
                                [BAG, np.array([0, 2, 2, 5])]) for mode in ("sum", "mean", "max")},
    "EmbeddingBag weighted": (lambda t: t.nn.EmbeddingBag(5, 3, mode="sum", include_last_offset=True),
                              [BAG, np.array([0, 2, 6]), (6,)]),
    "Flatten": (lambda t: t.nn.Flatten(), [(2, 3, 4)]),
    "Identity": (lambda t: t.nn.Identity(3, a=1), [X]),
    "Unflatten": (lambda t: t.nn.Unflatten(1, (2, 3)), [X]),
}

RECURRENT: dict[str, Case] = {
    "RNN": (lambda t: t.nn.RNN(6, 3), [(5, 4, 6)]),
    "RNN with relu": (lambda t: t.nn.RNN(6, 3, 2, "relu", batch_first=True), [(4, 5, 6), (2, 4, 3)]),
    "GRU": (lambda t: t.nn.GRU(6, 3, num_layers=2, bidirectional=True), [(5, 4, 6), (4, 4, 3)]),
    "GRU without bias": (lambda t: t.nn.GRU(6, 3, bias=False), [(5, 6)]),
    "LSTM": (lambda t: t.nn.LSTM(6, 3), [(5, 4, 6)]),
    "LSTM of everything": (lambda t: t.nn.LSTM(6, 3, 2, batch_first=True, bidirectional=True, proj_size=2),
                           [(4, 5, 6)]),
    "LSTM with dropout": (lambda t: t.nn.LSTM(6, 3, 2, dropout=0.5), [(5, 4, 6)]),
    "RNNCell": (lambda t: t.nn.RNNCell(6, 3), [X, (4, 3)]),
    "RNNCell of one": (lambda t: t.nn.RNNCell(6, 3, nonlinearity="relu"), [(6,)]),
    "LSTMCell": (lambda t: t.nn.LSTMCell(6, 3), [X]),
    "GRUCell": (lambda t: t.nn.GRUCell(6, 3, bias=False), [X, (4, 3)]),
}

S, B, E = 5, 3, 8
SEQUENCE = (S, B, E)


class Masked:
    """A module with masks among its arguments, as a module: the same for both libraries."""

    def __init__(self, module: Any, **masks: Any) -> None:
        self.module, self.masks = module, masks

    def __call__(self, *inputs: Any) -> Any:
        return self.module(*inputs, **self.masks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["module"], name)

    def __repr__(self) -> str:
        return repr(self.module)


def causal(t: Any) -> Any:
    return t.nn.Transformer.generate_square_subsequent_mask(S)


ATTENTION: dict[str, Case] = {
    "MultiheadAttention": (lambda t: t.nn.MultiheadAttention(E, 2), [SEQUENCE, (4, B, E), (4, B, E)]),
    "MultiheadAttention of one": (lambda t: t.nn.MultiheadAttention(E, 2, bias=False), [(S, E), (4, E), (4, E)]),
    "MultiheadAttention with more keys": (
        lambda t: t.nn.MultiheadAttention(E, 4, add_bias_kv=True, add_zero_attn=True, kdim=6, vdim=7),
        [SEQUENCE, (4, B, 6), (4, B, 7)]),
    "MultiheadAttention masked": (lambda t: Masked(
        t.nn.MultiheadAttention(E, 2, batch_first=True, add_bias_kv=True), attn_mask=causal(t) == -np.inf,
        key_padding_mask=t.tensor(HIDDEN.T.copy()), average_attn_weights=False), [(B, S, E)] * 3),
    "MultiheadAttention without weights": (lambda t: Masked(
        t.nn.MultiheadAttention(E, 2), attn_mask=causal(t), is_causal=True, need_weights=False), [SEQUENCE] * 3),
    "MultiheadAttention with a mask for each head": (lambda t: Masked(
        t.nn.MultiheadAttention(E, 2), attn_mask=t.arange(6.0)[:, None, None] * causal(t).exp(), need_weights=False),
        [SEQUENCE] * 3),
    "TransformerEncoderLayer": (lambda t: t.nn.TransformerEncoderLayer(E, 2, 16, dropout=0.0), [SEQUENCE]),
    "TransformerEncoderLayer with dropout": (
        lambda t: t.nn.TransformerEncoderLayer(E, 2, 16, 0.5, activation="gelu", norm_first=True), [SEQUENCE]),
    "TransformerDecoderLayer": (
        lambda t: Masked(t.nn.TransformerDecoderLayer(E, 2, 16, 0.0, norm_first=True, bias=False), tgt_mask=causal(t)),
        [SEQUENCE, (4, B, E)]),
    "TransformerEncoder": (lambda t: Masked(t.nn.TransformerEncoder(
        t.nn.TransformerEncoderLayer(E, 2, 16, 0.0), 2, t.nn.LayerNorm(E), enable_nested_tensor=False),
        mask=causal(t)), [SEQUENCE]),
    "Transformer": (lambda t: Masked(t.nn.Transformer(E, 2, 2, 1, 16, 0.0, batch_first=True), tgt_mask=causal(t),
                                     src_key_padding_mask=t.tensor(HIDDEN.T.copy()) * 1.0), [(B, S, E), (B, S, E)]),
}

CASES: dict[str, Case] = ACTIVATIONS | LAYERS | RECURRENT | ATTENTION | {
    f"{name} {reduction}": (lambda t, make=make, reduction=reduction: make(t, reduction=reduction), inputs)
    for name, (make, inputs) in LOSSES.items() for reduction in ("mean", "sum", "none")}


def drawn(inputs: list[Any]) -> list[np.ndarray[Any, Any]]:
    random = np.random.default_rng(5)
    return [random.uniform(0.05, 0.95, x).astype(np.float32) if isinstance(x, Unit)
            else random.standard_normal(x).astype(np.float32) if isinstance(x, tuple) else x for x in inputs]


def total(found: Any) -> Any:
    """A number that depends on every result, of which there may be some inside others."""
    parts = found if isinstance(found, tuple) else (found,)
    return sum(total(part) if isinstance(part, tuple) else (part * (part.detach() + 0.5)).sum()
               for part in parts if part is not None)


def made(t: Any, name: str) -> tuple[Any, list[Any]]:
    """The module, and its inputs; those that are random numbers require grad."""
    make, inputs = CASES[name]
    t.manual_seed(3)
    module = make(t)
    tensors = [t.tensor(a) for a in drawn(inputs)]
    return module, [x.requires_grad_() if isinstance(given, tuple) else x
                    for x, given in zip(tensors, inputs, strict=True)]


def numbers(found: Any) -> list[np.ndarray[Any, Any]]:
    if isinstance(found, tuple):
        return [a for part in found for a in numbers(part)]
    return [] if found is None else [found.detach().numpy()]


def steps(t: Any, name: str, compiled: bool = False) -> list[np.ndarray[Any, Any]]:
    """The results of a module, the gradients of its inputs and parameters, and these after two steps downhill."""
    module, inputs = made(t, name)
    call = t.compile(lambda *inputs: module(*inputs)) if compiled else module
    seen: list[np.ndarray[Any, Any]] = []
    for _ in range(2):
        found = call(*inputs)
        seen += numbers(found)
        for x in [*inputs, *module.parameters()]:
            x.grad = None
        total(found).backward()
        for x in [*inputs, *module.parameters()]:
            if x.requires_grad:
                seen.append(np.zeros(x.shape) if x.grad is None else x.grad.numpy().copy())
        with t.no_grad():
            for p in module.parameters():
                if p.grad is not None:
                    p -= 0.1 * p.grad
    return seen


def close(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5 * max(1.0, np.abs(theirs).max(initial=0)))


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("name", CASES)
def test_steps_equal_those_of_torch(name: str) -> None:
    close(steps(gradc, name), steps(torch, name))


@pytest.mark.parametrize("name", [*LAYERS, *RECURRENT, *ATTENTION])
def test_compiled_steps_equal_eager_ones(name: str) -> None:
    close(steps(gradc, name, compiled=True), steps(gradc, name))


@pytest.mark.parametrize("name", CASES)
def test_printing_and_state_equal_those_of_torch(name: str) -> None:
    ours, theirs = made(gradc, name)[0], made(torch, name)[0]
    if "distance_function" not in vars(theirs):
        assert repr(ours) == repr(theirs)
    found, expected = ours.state_dict(), theirs.state_dict()
    assert list(found) == list(expected)
    for key in found:
        np.testing.assert_array_equal(found[key].numpy(), expected[key].numpy())


def test_packed_sequences_pass_through_recurrent_networks() -> None:
    lengths, x = [2, 5, 3], RANDOM.standard_normal((5, 3, 6)).astype(np.float32)
    seen = []
    for t in (gradc, torch):
        t.manual_seed(0)
        net = t.nn.LSTM(6, 3, 2, bidirectional=True)
        packed = t.nn.utils.rnn.pack_padded_sequence(t.tensor(x), t.tensor(lengths), enforce_sorted=False)
        out, (h, c) = net(packed)
        padded, sizes = t.nn.utils.rnn.pad_packed_sequence(out)
        total((padded, h, c)).backward()
        seen.append([*numbers((padded, h, c)), sizes.numpy(), *[p.grad.numpy() for p in net.parameters()]])
    close(*seen)


@pytest.mark.parametrize("act, error, message", [
    (lambda: nn.LSTM(3, 2, proj_size=2), ValueError, "proj_size has to be smaller than hidden_size"),
    (lambda: nn.LSTM(3, 2)(gradc.ones(1, 1, 4)), RuntimeError, r"input.size\(-1\) must be equal to input_size"),
    (lambda: nn.GRU(3, 2)(gradc.ones(1, 1, 3), gradc.ones(1, 2, 2)), RuntimeError, "Expected hidden size"),
    (lambda: nn.MultiheadAttention(5, 2), AssertionError, "embed_dim must be divisible by num_heads"),
    (lambda: nn.PReLU(3)(gradc.ones(1, 2)), RuntimeError, "Mismatch of parameter numbers and input channel size"),
    (lambda: nn.GLU()(gradc.ones(3)), RuntimeError, "Halving dimension must be even, but dimension 0 is size 3"),
    (lambda: nn.Bilinear(2, 3, 1)(gradc.ones(1, 3), gradc.ones(1, 3)), RuntimeError, "do not fit the weight"),
    (lambda: nn.TripletMarginLoss(margin=0.0), ValueError, "margin to be greater than 0"),
    (lambda: nn.EmbeddingBag(3, 2)(gradc.tensor([0])), ValueError, "offsets has to be a 1D Tensor but got None"),
])
def test_errors(act: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
