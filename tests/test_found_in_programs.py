"""What programs of others stumbled over, in a line each: the same in PyTorch and in gradc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.cli.missing import missing

SAME = (
    # A size by its keyword, and pinned memory that a CPU does not have
    *[f"t.{name}(size=(2, 3)).shape" for name in ("zeros", "ones", "empty", "rand", "randn")],
    *[f"t.ones(1, dtype=t.float64).new_{name}(size=(2,)).shape" for name in ("zeros", "ones", "empty")],
    "t.zeros(2, pin_memory=False)", "t.tensor([1.0], pin_memory=False)", "t.randn(size=[]).shape",
    # Row-major memory
    "(p.contiguous().stride(), p.contiguous().view(3, 8).sum(1), p.clone().stride(), (p + 1).stride())",
    "(p.clone(memory_format=t.contiguous_format).stride(), p.contiguous().is_contiguous())",
    "[x.tolist() for x in p.split(split_size=2, dim=-1)]",
    "p.split(split_size=[1, 3], dim=2)[1].shape",
    "t.spmm(t.eye(2), t.ones(2, 3))",
    # Writing in inference mode
    "inference(t, lambda x: x.add_(1))", "inference(t, lambda x: x.__setitem__(x > 1, -1.0) or x)",
    "inference(t, lambda x: x[:, -1].div_(2))", "inference(t, lambda x: t.clamp(x, max=1, out=x))",
    # PyTorch 0.3
    "t.autograd.Variable(w * 2, requires_grad=True)", "t.autograd.Variable(w)", "isinstance(w, t.autograd.Variable)",
    "t.autograd.Variable(t.FloatTensor(2, 1).fill_(1.0), requires_grad=False)", "t.autograd.Variable([1.0])",
    "t.autograd.Variable(p).data_ptr() == p.data_ptr()",
    "t.autograd.grad(w.prod(), w, None, True, True, True)[0]", "t.autograd.grad(w.sum(), w, only_inputs=True)",
    # A number of NumPy's
    *[f"t.full((1,), np.{kind}(2)).dtype" for kind in ("float32", "float64", "int32", "int64")],
    "(lambda x: (x.__setitem__((..., 0), np.float64(2)), x))(t.ones(2, 3))", "t.ones(2).new_full((1,), np.float64(1))",
    # The result of a pooling, written
    "pooled(t, lambda y: y.add_(1))", "pooled(t, lambda y: t.nn.functional.relu(y, inplace=True))",
    # A weight of somebody else's
    "(lambda c, x: (c._conv_forward(x, c.weight, None) == t.nn.functional.conv2d(x, c.weight)).all())"
    "(t.nn.Conv2d(1, 2, 3), t.rand(1, 1, 5, 5))",
    "t.nn.Conv1d(1, 1, 3, padding=1, padding_mode='circular')"
    "._conv_forward(t.ones(1, 1, 5), t.ones(1, 1, 3), t.ones(1))",
    "t.nn.utils.weight_norm(t.nn.Conv1d(1, 2, 3))", "t.nn.utils.spectral_norm(t.nn.Linear(2, 2))",
    "t.nn.ParameterList([t.ones(2, 3)])", "t.nn.ParameterDict({'a': t.ones(2, 3)})",
    "t.nn.init._calculate_fan_in_and_fan_out(t.ones(2, 3, 4))",
    "t._assert(True, 'no')", "t._assert(w.sum() > 9, 'so')",
    # What stands behind a flag
    "t.nn.DataParallel(t.nn.Linear(2, 1))", "list(t.nn.DataParallel(t.nn.Linear(2, 1)).state_dict())",
    "t.nn.parallel.DataParallel(t.nn.Flatten())(t.ones(2, 3, 4)).shape",
    "t.distributed.is_initialized()", "t.onnx.is_in_onnx_export()",
    "t.fx.wrap(len)([1])", "t.multiprocessing.cpu_count()", "t.hub._get_torch_home()",
)


def pooled(t: Any, write: Any) -> Any:
    x = (t.arange(36.0).reshape(1, 1, 6, 6) % 7 - 3).requires_grad_()
    write(t.nn.functional.max_pool2d(x, 3, stride=2, padding=1)).pow(2).sum().backward()
    return x.grad


def inference(t: Any, write: Any) -> list[float]:
    with t.inference_mode():
        return write(t.tensor([[0.5, 1.0], [1.5, 2.0]]) * 1).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("words", SAME)
def test_the_same_as_in_torch(words: str) -> None:
    torch = pytest.importorskip("torch")
    shown = []
    for t in (torch, gradc):
        t.manual_seed(0)
        names = {"t": t, "np": np, "p": t.arange(24.0).reshape(2, 3, 4).permute(1, 0, 2),
                 "w": t.tensor([1.0, 2.0, 3.0], requires_grad=True), "inference": inference, "pooled": pooled}
        try:
            shown.append(repr(eval(words, names)))
        except Exception as error:
            shown.append(str(error))
    assert shown[1] == shown[0]


@pytest.mark.parametrize("words, said", [
    ("t.distributed.broadcast(t.ones(1))", "Instead: gradc runs in one process"),
    ("t.fx.symbolic_trace(len)", "Instead: gradc.make_ir"), ("t.onnx.export(len)", "Instead: gradc.compile(f).code"),
    ("t.nn.parallel.replicate([])", "Instead: the module itself"),
])
def test_what_such_a_module_lacks(words: str, said: str) -> None:
    with pytest.raises(AttributeError) as caught:
        eval(words, {"t": gradc})
    assert said in str(caught.value)
    assert not gradc.distributed.is_available()


@pytest.mark.parametrize("words, said", [
    ("t.distributed.init_process_group('gloo')", "Default process group has not been initialized"),
    ("t.distributed.get_rank()", "Default process group has not been initialized"),
    ("t.nn.parallel.DistributedDataParallel(t.nn.Flatten())", "Use the module itself"),
])
def test_what_can_only_be_imported(words: str, said: str, tmp_path: Path) -> None:
    with pytest.raises((ValueError, RuntimeError), match=said):
        eval(words, {"t": gradc})
    program = tmp_path / "program.py"
    program.write_text(f"import torch\ntorch.{words[2:].partition('(')[0]}()\n")
    assert [use.name for use in missing(program)] == ["torch" + words[1:].partition("(")[0]]


FILES = ("nn.modules.batchnorm._BatchNorm", "nn.modules.instancenorm._InstanceNorm", "nn.modules.conv._ConvNd",
         "nn.modules.loss._Loss", "nn.modules.linear.Linear", "nn.modules.utils._pair", "nn.attention.SDPBackend",
         "nn.attention.sdpa_kernel", "distributions.log_normal.LogNormal", "distributions.categorical.Categorical",
         "utils.model_zoo.load_url", "nn.parallel.DataParallel", "multiprocessing.Process")


@pytest.mark.parametrize("name", FILES)
def test_names_in_files_of_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    file, _, last = name.rpartition(".")
    spaces: list[dict[str, Any]] = [{}, {}]
    exec(f"from torch.{file} import {last}\nimport torch", spaces[0])
    with gradc.as_torch():
        exec(f"from torch.{file} import {last}\nimport torch", spaces[1])
    assert spaces[0]["torch"] is torch and spaces[1]["torch"] is gradc
    theirs, ours = spaces[0][last], spaces[1][last]
    assert ours is not theirs or file == "multiprocessing"
    if isinstance(theirs, type) and issubclass(theirs, torch.nn.Module):
        assert issubclass(ours, gradc.nn.Module)
        layers = [layer for layer in ("BatchNorm2d", "InstanceNorm1d", "Conv3d", "ConvTranspose1d", "MSELoss", "Linear")
                  if issubclass(getattr(torch.nn, layer), theirs)]
        assert all(issubclass(getattr(gradc.nn, layer), ours) for layer in layers)
