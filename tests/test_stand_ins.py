"""What PyTorch's programs ask about devices, backends and compilers: answered, or refused in PyTorch's words."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest

import gradc

NAMED = ("'cpu'", "'cuda'", "'cuda:1'", "'cuda', 1", "'mps'", "'meta'", "t.device('cuda:0')")


@pytest.mark.parametrize("words", NAMED)
def test_devices_can_be_named(words: str) -> None:
    torch = pytest.importorskip("torch")
    shown = []
    for t in (gradc, torch):
        made = eval(f"t.device({words})", {"t": t})
        copied = pickle.loads(pickle.dumps(made))
        shown.append((repr(made), str(made), made.type, made.index, copied == made, made == t.device("cpu")))
    assert shown[0] == shown[1]


@pytest.mark.parametrize("words", [
    "t.zeros(2, device='cuda')", "t.tensor([1.0], device='cuda:0')", "t.rand(2, device=t.device('cuda'))",
    "t.zeros(2).to('cuda')", "t.zeros(2).cuda()", "t.nn.Linear(2, 2).to('cuda')", "t.nn.Linear(2, 2).cuda()",
    "t.nn.Linear(2, 2, device='cuda')", "t.zeros(2).new_zeros(3, device='cuda')", "t.as_tensor([1], device='cuda')",
    "t.cuda.current_device()", "t.cuda.synchronize()", "t.cuda.get_device_name(0)",
])
def test_what_needs_an_accelerator_is_refused_in_pytorchs_words(words: str) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this PyTorch has CUDA")
    with pytest.raises(AssertionError) as theirs:
        eval(words, {"t": torch})
    with pytest.raises(AssertionError) as ours:
        eval(words, {"t": gradc})
    assert str(ours.value).startswith(str(theirs.value)) and isinstance(ours.value, RuntimeError)
    assert "is_available() else 'cpu'" in str(ours.value)


ANSWERS = (
    "t.cuda.is_available()", "t.cuda.device_count()", "t.cuda.is_initialized()", "t.cuda.memory_allocated()",
    "t.cuda.empty_cache()", "t.cuda.manual_seed_all(1)", "t.backends.cuda.is_built()",
    "t.backends.mps.is_available()", "t.accelerator.is_available()", "t.accelerator.current_accelerator()",
    "t.cpu.is_available()", "t.get_default_device()", "t.set_default_device('cpu')", "t.set_num_threads(1)",
    "(t.set_num_threads(3), t.get_num_threads(), t.set_num_threads(1))",
    "(t.set_float32_matmul_precision('high'), t.get_float32_matmul_precision(), "
    "t.set_float32_matmul_precision('highest'))", "t.zeros(1).is_cuda", "t.zeros(1).is_sparse", "t.zeros(1).is_cpu",
    "t.zeros(1).get_device()", "t.zeros(1).is_shared()", "t.zeros(1).layout", "t.channels_last", "t.strided",
    "t.zeros(2, 2).t().is_contiguous()", "t.ones(1, 2, 3, 4).to(memory_format=t.channels_last).sum()",
    "t.ones(2).contiguous(memory_format=t.contiguous_format)", "t.version.cuda", "t.compiler.is_compiling()",
    "t.compiler.disable(len)('abc')", "t.compiler.disable(recursive=False)(len)('abc')", "t.jit.is_scripting()",
    "t.jit.annotate(int, 3)", "t.jit.script(t.nn.Identity())(t.ones(2))",
    "t.jit.trace(t.sin, t.zeros(2))(t.zeros(2))", "t.zeros(3).to('cpu', non_blocking=True)",
    "t.is_warn_always_enabled()",
    "(t.set_default_tensor_type(t.DoubleTensor), t.ones(1).dtype, t.set_default_tensor_type('torch.FloatTensor'))",
    "t.nn.Linear(1, 1).to(memory_format=t.channels_last)", "t.set_flush_denormal(False) in (True, False)",
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("words", ANSWERS)
def test_answers_as_torch_without_cuda(words: str) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this PyTorch has CUDA")
    assert repr(eval(words, {"t": gradc})) == repr(eval(words, {"t": torch}))


@pytest.mark.parametrize("words", [
    "t.set_num_threads(0)", "t.set_num_threads('2')",
    "t.device('nothing')", "t.set_default_device('cuda:0') or t.ones(1)",
])
def test_errors_as_in_torch(words: str) -> None:
    torch = pytest.importorskip("torch")
    try:
        with pytest.raises((RuntimeError, ValueError, TypeError, AssertionError)) as theirs:
            eval(words, {"t": torch})
    finally:
        torch.set_default_device(None)
    with pytest.raises(type(theirs.value)):
        eval(words, {"t": gradc})


def test_switches_are_remembered() -> None:
    cudnn = gradc.backends.cudnn
    cudnn.benchmark = True
    with cudnn.flags(enabled=False, benchmark=False):
        assert (cudnn.enabled, cudnn.benchmark) == (False, False)
    assert (cudnn.enabled, cudnn.benchmark) == (True, True)
    cudnn.benchmark = False
    gradc.backends.cuda.matmul.allow_tf32 = True
    assert gradc.backends.cuda.matmul.allow_tf32
    gradc.backends.cuda.enable_flash_sdp(False)
    assert not gradc.backends.cuda.flash_sdp_enabled()
    gradc.backends.cuda.enable_flash_sdp(True)


def test_a_device_is_a_context() -> None:
    with gradc.device("cpu"):
        assert gradc.ones(1).device == gradc.device("cpu")
    with pytest.raises(AssertionError, match="CUDA"), gradc.device("cuda"):
        pass


@pytest.mark.parametrize("mode", [None, "reduce-overhead", "max-autotune"])
def test_compile_takes_pytorchs_words(mode: str | None) -> None:
    double = gradc.compile(lambda x: 2 * x, backend="inductor", mode=mode, fullgraph=True, dynamic=False)
    assert double(gradc.ones(2)).tolist() == [2.0, 2.0]
    with pytest.raises(TypeError, match="mode 'fast' is not known"):
        gradc.compile(lambda x: x, mode="fast")


def test_what_is_refused() -> None:
    with pytest.raises(RuntimeError, match="no TorchScript files"):
        gradc.jit.save(gradc.jit.script(gradc.nn.Identity()), io.BytesIO())
    with pytest.raises(RuntimeError, match="gradc downloads nothing"):
        gradc.hub.load("pytorch/vision", "resnet18")
    with pytest.raises(RuntimeError, match="is not there. Download it:\n    https://example.org/a.pth"):
        gradc.hub.load_state_dict_from_url("https://example.org/a.pth", model_dir="nowhere")


CLOSE: tuple[Any, ...] = (
    lambda t: (t.ones(2), t.tensor([1.0, 1.1])), lambda t: (t.ones(2, 2), t.ones(2, 2) + 1e-7),
    lambda t: (t.ones(2), t.ones(3)), lambda t: (t.ones(2), t.ones(2).double()), lambda t: ([1.0, 2.0], [1.0, 2.5]),
    lambda t: ({"a": t.ones(1)}, {"a": t.zeros(1)}), lambda t: (t.tensor(1.0), t.tensor(2.0)),
    lambda t: (1.0, 1.0 + 1e-9),
    lambda t: (t.tensor([1, 2]), t.tensor([1, 3])), lambda t: (t.tensor([float("nan")]), t.tensor([float("nan")])),
    lambda t: ([t.ones(1)], [t.ones(1), t.ones(1)]), lambda t: (None, None), lambda t: (3, 3),
    lambda t: (np.ones(2), np.ones(2)), lambda t: (t.ones(2).bfloat16(), t.tensor([1.0, 1.01]).bfloat16()),
)


@pytest.mark.parametrize("case", range(len(CLOSE)))
@pytest.mark.parametrize("options", [{}, {"rtol": 0.0, "atol": 0.0}, {"equal_nan": True}, {"check_dtype": False}])
def test_assert_close(case: int, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    said = []
    for t in (gradc, torch):
        try:
            t.testing.assert_close(*CLOSE[case](t), **options)
            said.append("")
        except AssertionError as error:
            said.append(str(error))
    assert bool(said[0]) == bool(said[1])
    if "Mismatched" in said[1]:
        assert said[0] == said[1]
