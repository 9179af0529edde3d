"""Convolution, pooling, normalisation, padding and resampling: modules and functions against torch's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore")

MODULES = [
    ("Conv1d(3, 4, 3)", (2, 3, 7)),
    ("Conv1d(3, 6, 3, stride=2, padding=1, groups=3, bias=False)", (3, 7)),
    ("Conv2d(3, 4, (3, 2), padding='same', dilation=(1, 2))", (2, 3, 5, 6)),
    ("Conv2d(4, 4, 3, padding=1, groups=4)", (2, 4, 5, 5)),
    ("Conv2d(3, 4, 3, padding=(2, 1), padding_mode='reflect')", (2, 3, 5, 6)),
    ("Conv2d(3, 4, 3, padding='same', padding_mode='circular')", (2, 3, 5, 6)),
    ("Conv2d(3, 4, 2, padding=1, padding_mode='replicate', stride=2)", (2, 3, 5, 6)),
    ("Conv2d(3, 5, 1)", (1, 3, 4, 4)),
    ("Conv3d(2, 3, 2, stride=(1, 2, 1), padding='valid')", (1, 2, 3, 4, 3)),
    ("ConvTranspose1d(3, 4, 3, stride=2, padding=1, output_padding=1)", (2, 3, 5)),
    ("ConvTranspose2d(4, 6, 3, stride=2, groups=2, dilation=2, bias=False)", (2, 4, 3, 4)),
    ("ConvTranspose2d(3, 2, 2, dilation=2, output_padding=1)", (1, 3, 3, 3)),
    ("ConvTranspose3d(2, 3, 2, stride=2)", (1, 2, 2, 3, 2)),
    ("MaxPool1d(2)", (2, 3, 7)),
    ("MaxPool2d(3, stride=2, padding=1)", (2, 3, 6, 7)),
    ("MaxPool2d((2, 3), ceil_mode=True, dilation=(2, 1))", (3, 6, 8)),
    ("MaxPool3d(2, stride=1)", (1, 2, 3, 4, 3)),
    ("AvgPool1d(3, stride=2, padding=1)", (2, 3, 7)),
    ("AvgPool2d(2, ceil_mode=True)", (2, 3, 5, 7)),
    ("AvgPool2d(3, stride=2, padding=1, count_include_pad=False)", (2, 3, 5, 7)),
    ("AvgPool2d(2, divisor_override=3)", (2, 3, 4, 4)),
    ("AvgPool3d(2, padding=1, ceil_mode=True)", (1, 2, 3, 4, 5)),
    ("LPPool1d(2, 3)", (2, 3, 7)),
    ("LPPool2d(1.5, (2, 3), stride=1, ceil_mode=True)", (2, 3, 5, 5)),
    ("LPPool3d(2, 2)", (1, 2, 4, 4, 4)),
    ("AdaptiveAvgPool1d(3)", (2, 3, 7)),
    ("AdaptiveAvgPool2d((3, None))", (2, 3, 7, 5)),
    ("AdaptiveAvgPool2d(1)", (2, 3, 7, 5)),
    ("AdaptiveAvgPool3d((2, 1, 3))", (1, 2, 3, 4, 5)),
    ("AdaptiveMaxPool1d(3)", (2, 3, 7)),
    ("AdaptiveMaxPool2d((3, 8))", (2, 3, 7, 5)),
    ("AdaptiveMaxPool3d(2)", (2, 3, 4, 5)),
    ("BatchNorm1d(3)", (4, 3)),
    ("BatchNorm1d(3, momentum=None, eps=0.1)", (4, 3, 5)),
    ("BatchNorm2d(3, affine=False)", (4, 3, 2, 2)),
    ("BatchNorm2d(3, track_running_stats=False)", (4, 3, 2, 2)),
    ("BatchNorm3d(2, momentum=0.3)", (2, 2, 2, 3, 2)),
    ("InstanceNorm1d(3, affine=True)", (2, 3, 5)),
    ("InstanceNorm2d(3, affine=True, track_running_stats=True)", (2, 3, 4, 3)),
    ("InstanceNorm2d(3)", (3, 4, 3)),
    ("InstanceNorm3d(2)", (2, 2, 2, 3, 2)),
    ("GroupNorm(2, 4)", (2, 4, 3, 3)),
    ("GroupNorm(2, 4, affine=False)", (2, 4)),
    ("LayerNorm((3, 4))", (2, 3, 4)),
    ("LayerNorm(4, bias=False)", (2, 3, 4)),
    ("LayerNorm(4, elementwise_affine=False)", (2, 3, 4)),
    ("RMSNorm(4)", (2, 3, 4)),
    ("RMSNorm((3, 4), eps=0.1, elementwise_affine=False)", (2, 3, 4)),
    ("LocalResponseNorm(2)", (2, 5, 3, 3)),
    ("LocalResponseNorm(3, alpha=0.1, beta=0.5, k=2.0)", (2, 5, 4)),
    ("ConstantPad1d(2, 3.5)", (2, 3, 4)),
    ("ConstantPad2d((1, -1, 0, 2), -1.0)", (2, 3, 4)),
    ("ConstantPad3d(1, 0.5)", (2, 3, 2, 2)),
    ("ZeroPad1d((1, 2))", (2, 3, 4)),
    ("ZeroPad2d(1)", (2, 3, 4)),
    ("ZeroPad3d(1)", (2, 3, 2, 2)),
    ("ReflectionPad1d((2, 1))", (2, 3, 4)),
    ("ReflectionPad2d((2, 1, 0, 3))", (2, 3, 4, 4)),
    ("ReflectionPad3d(1)", (1, 2, 3, 2, 3)),
    ("ReplicationPad1d(3)", (2, 3, 4)),
    ("ReplicationPad2d((2, 1, 0, 3))", (2, 3, 4)),
    ("ReplicationPad3d(1)", (1, 2, 3, 2, 3)),
    ("CircularPad1d((3, 1))", (2, 3, 4)),
    ("CircularPad2d((2, 1, 0, 3))", (2, 3, 4, 4)),
    ("CircularPad3d(1)", (1, 2, 3, 2, 3)),
    ("Upsample(scale_factor=2)", (2, 3, 4)),
    ("Upsample(size=(5, 3), mode='bilinear')", (2, 3, 4, 4)),
    ("Upsample(scale_factor=(1.5, 2.7), mode='bicubic', align_corners=True)", (1, 2, 4, 5)),
    ("Upsample(scale_factor=1.7, mode='bilinear', recompute_scale_factor=True)", (1, 2, 4, 5)),
    ("Upsample(scale_factor=1.5, mode='trilinear')", (1, 2, 2, 3, 4)),
    ("UpsamplingNearest2d(scale_factor=3)", (1, 2, 2, 3)),
    ("UpsamplingBilinear2d(size=(5, 4))", (1, 2, 2, 3)),
    ("PixelShuffle(2)", (2, 8, 2, 3)),
    ("PixelUnshuffle(3)", (2, 1, 3, 6)),
    ("ChannelShuffle(2)", (2, 6, 2, 2)),
    ("Unfold((2, 3), dilation=(1, 2), padding=1, stride=(2, 1))", (2, 3, 5, 6)),
    ("Fold((4, 5), (2, 2), stride=(2, 1))", (2, 12, 8)),
    ("Dropout1d(0.4)", (3, 5, 4)),
    ("Dropout1d(0.4)", (5, 4)),
    ("Dropout2d(0.4)", (3, 5, 2, 2)),
    ("Dropout2d(0.4)", (3, 5, 2)),
    ("Dropout3d(0.4)", (5, 2, 2, 2)),
    ("AlphaDropout(0.3)", (4, 20)),
    ("FeatureAlphaDropout(0.3)", (4, 20, 2)),
    ("Dropout2d(1.0)", (3, 5, 2, 2)),
]


def numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def made(library: Any, text: str) -> Any:
    library.manual_seed(5)
    return eval(f"nn.{text}", {"nn": library.nn})


def steps(library: Any, module: Any, shape: tuple[int, ...], call: Any = None) -> list[np.ndarray]:
    """Three steps of training and one evaluation: results, gradients of input and parameters, buffers."""
    found = []
    library.manual_seed(9)
    for step in range(4):
        module.train(step < 3)
        module.zero_grad()
        x = library.tensor(numbers(shape, step), requires_grad=True)
        y = (call or module)(x)
        y.backward(library.tensor(numbers(tuple(y.shape), 10 + step)))
        for t in (y, x.grad, *(p.grad for p in module.parameters()), *module.buffers()):
            found.append(t.detach().numpy())
    return found


def agree(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * max(1.0, float(np.abs(b).max(initial=0.0))))


@pytest.mark.parametrize(("text", "shape"), MODULES)
def test_modules(text: str, shape: tuple[int, ...]) -> None:
    ours, theirs = made(gradc, text), made(torch, text)
    assert repr(ours) == repr(theirs)
    state, expected = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(expected)
    for name in expected:
        np.testing.assert_array_equal(state[name].numpy(), expected[name].numpy())
    agree(steps(gradc, ours, shape), steps(torch, theirs, shape))


COMPILED = [MODULES[i] for i in range(0, len(MODULES), 6) if "Dropout" not in MODULES[i][0]]


@pytest.mark.parametrize(("text", "shape"), COMPILED)
def test_compiled_modules(text: str, shape: tuple[int, ...]) -> None:
    ours, theirs = made(gradc, text), made(torch, text)
    agree(steps(gradc, ours, shape, gradc.compile(lambda x: ours(x))), steps(torch, theirs, shape))


FUNCTIONS = [
    ("interpolate(x, scale_factor=2.5)", (1, 2, 3, 4)),
    ("interpolate(x, size=7, mode='nearest')", (1, 2, 5)),
    ("interpolate(x, size=(3, 4, 5), mode='nearest-exact')", (1, 2, 2, 3, 7)),
    ("interpolate(x, scale_factor=0.5, mode='area')", (1, 2, 5, 7)),
    ("interpolate(x, size=4, mode='linear', align_corners=True)", (1, 2, 7)),
    ("interpolate(x, scale_factor=0.6, mode='bicubic')", (1, 2, 7, 6)),
    ("grid_sample(x, g, align_corners=False)", (2, 3, 4, 5)),
    ("grid_sample(x, g, align_corners=True, padding_mode='border')", (2, 3, 4, 5)),
    ("grid_sample(x, g, align_corners=False, padding_mode='reflection')", (2, 3, 4, 5)),
    ("grid_sample(x, g, align_corners=True, padding_mode='reflection')", (2, 3, 4, 5)),
    ("grid_sample(x, g, align_corners=True, mode='nearest')", (2, 3, 4, 5)),
    ("grid_sample(x, g, align_corners=False, mode='bicubic')", (2, 3, 4, 5)),
    ("grid_sample(x, g, align_corners=True, mode='bicubic', padding_mode='border')", (2, 3, 4, 5)),
    ("grid_sample(x, g, align_corners=False, mode='bicubic', padding_mode='reflection')", (2, 3, 4, 5)),
    ("grid_sample(x, v, align_corners=False)", (2, 3, 3, 4, 5)),
    ("grid_sample(x, v, align_corners=True, mode='nearest', padding_mode='border')", (2, 3, 3, 4, 5)),
    ("affine_grid(x, (2, 1, 3, 4), align_corners=False)", (2, 2, 3)),
    ("affine_grid(x, (2, 1, 3, 1, 4), align_corners=True)", (2, 3, 4)),
    ("max_pool2d(x, 2, return_indices=True)[1].float() * x.sum()", (2, 3, 5, 6)),
    ("max_pool2d(x, 3, 2, 1, return_indices=True)[1].float() * x.sum()", (2, 3, 5, 6)),
    ("adaptive_max_pool2d(x, (2, 3), return_indices=True)[1].float() * x.sum()", (2, 3, 5, 7)),
    ("adaptive_max_pool1d_with_indices(x, 3)[1].float() * x.sum()", (2, 3, 7)),
    ("max_unpool2d(*max_pool2d(x, 2, return_indices=True), 2)", (2, 3, 4, 6)),
    ("max_unpool2d(*max_pool2d(x, 2, return_indices=True), 2, output_size=(5, 7))", (2, 3, 5, 7)),
    ("max_unpool1d(*max_pool1d(x, 3, 2, return_indices=True), 3, 2)", (2, 3, 7)),
    ("pad(x, (1, 2), mode='reflect')", (3, 4)),
    ("pad(x, (-1, 2, 1, 0), mode='replicate')", (2, 3, 4)),
    ("pad(x, (-1, 2, 1, -1), mode='circular')", (1, 2, 3, 4)),
    ("pad(x, (1, 2, 0, 1), value=2.0)", (3, 4)),
    ("batch_norm(x, None, None, training=True)", (4, 3, 2)),
    ("conv2d(x, x[:2, :, :2, :2], padding='same')", (2, 3, 5, 5)),
    ("conv_transpose2d(x, x[:, :2, :2, :2], stride=2, output_padding=1)", (3, 3, 3, 3)),
    ("max_pool2d(x.round(), 3, 1)", (2, 3, 6, 6)),
    ("relu(x).unsqueeze(0).flatten(2).max_pool1d(2) if False else avg_pool2d(relu(x), 2)", (1, 4, 4)),
]


def function_results(library: Any, text: str, shape: tuple[int, ...]) -> list[np.ndarray]:
    x = library.tensor(numbers(shape), requires_grad=True)
    g = library.tensor(numbers((2, 3, 4, 2), 3) * 0.8, requires_grad=True)
    v = library.tensor(numbers((2, 2, 3, 4, 3), 3) * 0.8, requires_grad=True)
    names = {name: getattr(library.nn.functional, name) for name in dir(library.nn.functional) if name[0] != "_"}
    y = eval(text, {**names, "x": x, "g": g, "v": v})
    y.backward(library.tensor(numbers(tuple(y.shape), 4)))
    found = [y.detach().numpy()]
    for t in (x, g, v):  # no gradient counts as zeros
        found.append(np.zeros(t.shape, np.float32) if t.grad is None else t.grad.numpy())
    return found


@pytest.mark.parametrize(("text", "shape"), FUNCTIONS)
def test_functions(text: str, shape: tuple[int, ...]) -> None:
    agree(function_results(gradc, text, shape), function_results(torch, text, shape))


ERRORS = [
    "conv2d(x.double(), w)", "conv2d(x, w, ones(8).double())", "conv2d(x, w, ones(7))", "conv2d(x[:, :3], w)",
    "conv2d(x[0, 0], w)", "conv2d(x, w, stride=0)", "conv2d(x, w, padding=-1)", "conv2d(x, w, dilation=0)",
    "conv2d(x, w, groups=3)", "conv2d(x, w, groups=0)", "conv2d(x[:, :, :2, :2], w)", "conv2d(x, w, stride=(1, 2, 3))",
    "conv2d(x, w, padding='same', stride=2)", "conv2d(x, w, padding='xx')", "conv_transpose2d(x, w)",
    "conv_transpose2d(x, w[:4], ones(3))", "max_pool2d(x, 7)", "max_pool2d(x, 2, padding=2)", "max_pool2d(x[0, 0], 2)",
    "avg_pool2d(x, 2, padding=2)", "avg_pool2d(x, 7)", "avg_pool2d(x, 2, divisor_override=0)", "max_pool1d(x, 2)",
    "unfold(x, 7)", "fold(x.reshape(2, 4, 36), (9, 9), 2)", "fold(x.reshape(2, 3, 48), (9, 9), 2)",
    "batch_norm(x[:1, :, :1, :1], None, None, training=True)", "batch_norm(x, ones(3), ones(3))",
    "batch_norm(x, None, None)", "batch_norm(x, None, None, ones(3), training=True)",
    "batch_norm(x.double(), None, None, ones(4), training=True)", "group_norm(x, 3)", "group_norm(x, 2, ones(3))",
    "instance_norm(x[:, :, :1, :1])", "local_response_norm(x[0, 0], 2)", "pad(x, (6, 0, 0, 0), 'reflect')",
    "pad(x, (7, 0, 0, 0), 'circular')", "pad(x, (1, 1), 'reflect')", "pad(x, (1, 1, 1, 1), 'foo')",
    "pad(x, (1, 1, 1, 1), 'reflect', 2.0)", "pad(x, (1,))", "interpolate(x)", "interpolate(x, 4, 2)",
    "interpolate(x, 4, mode='linear')", "interpolate(x, 4, mode='foo')", "interpolate(x, 4, align_corners=True)",
    "interpolate(x, 0)", "interpolate(x, (4, 4, 4))", "interpolate(x[0, 0], 4)", "pixel_shuffle(x, 3)",
    "pixel_unshuffle(x, 4)", "channel_shuffle(x, 3)", "max_unpool2d(x, x.long() + 998, 2)", "max_unpool2d(x, x, 2)",
    "dropout2d(x, 2.0)", "grid_sample(x, x)", "grid_sample(x, ones(2, 3, 3, 2), mode='a')", "nn.BatchNorm2d(3)(x[0])",
    "nn.BatchNorm2d(3)(x)", "nn.Conv2d(3, 4, 3, groups=2)", "nn.Conv2d(4, 4, 3, padding='same', stride=2)",
    "nn.Conv2d(4, 4, 3, padding='a')", "nn.GroupNorm(3, 4)", "nn.ConvTranspose2d(4, 4, 3, padding_mode='reflect')",
    "nn.InstanceNorm2d(3, affine=True)(x)",
]


def refusal(library: Any, text: str) -> Exception:
    names = {name: getattr(library.nn.functional, name) for name in dir(library.nn.functional) if name[0] != "_"}
    names |= {"x": library.ones(2, 4, 6, 6), "w": library.ones(8, 4, 3, 3), "ones": library.ones, "nn": library.nn}
    with pytest.raises(Exception) as caught:  # noqa: PT011  (which exception it is, is compared)
        eval(text, names)
    return caught.value


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    """An error of torch's class, that has the first words of its message."""
    ours, theirs = refusal(gradc, text), refusal(torch, text)
    assert isinstance(ours, next(c for c in type(theirs).__mro__ if c.__module__ == "builtins"))
    words = str(theirs).split()[:3]
    assert all(word in str(ours) for word in words), (str(ours), str(theirs))


def test_batch_norm_takes_old_checkpoints() -> None:
    module = gradc.nn.BatchNorm1d(2)
    state = {name: x for name, x in module.state_dict().items() if name != "num_batches_tracked"}
    module.load_state_dict(state)
    assert module.num_batches_tracked.item() == 0


def test_statistics_of_a_large_mean() -> None:
    """The variance is of the deviations: it does not cancel."""
    x = numbers((64, 2)) + np.float32(1e4)
    ours = gradc.nn.functional.batch_norm(gradc.tensor(x), None, None, training=True).numpy()
    exact = (x.astype(np.float64) - x.astype(np.float64).mean(0)) / np.sqrt(x.astype(np.float64).var(0) + 1e-5)
    np.testing.assert_allclose(ours, exact, atol=2e-3)


def test_seeded_dropout_is_silent_in_evaluation() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = gradc.ones(2, 3, 4, 4)
        assert gradc.nn.Dropout2d(0.5).eval()(x) is x
