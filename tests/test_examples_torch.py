"""The programs in examples/ on gradc and on PyTorch itself, step by step: only the import differs.

Both begin with the same weights and draw the same random numbers, as the seed is the same.
"""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.cli.as_torch import as_torch

torch = pytest.importorskip("torch")

EXAMPLES = Path(__file__).parents[1] / "examples"
IMPORT = "import gradc as torch"

PROGRAMS = {
    # program: (steps, relative tolerance, absolute tolerance, why it is no smaller)
    "cnn": (20, 1e-5, 1e-6, ""),
    "gan": (60, 1e-5, 1e-6, ""),
    "gpt": (20, 1e-5, 1e-6, ""),
    "lstm_language_model": (40, 1e-5, 1e-6, ""),
    "neural_ode": (12, 1e-5, 1e-6, "the gradient of |x| jumps at 0: before the 20th step a sign differs"),
    "policy_gradient": (8, 1e-4, 1e-6, "the loss is a sum of about 1000 terms of both signs which nearly cancel"),
    "resnet18": (2, 1e-4, 1e-4, "the loss has no lower bound: it grows tenfold in a step, and so does its error"),
    "vae": (60, 1e-5, 1e-6, ""),
}


def names(program: str, library: str) -> dict[str, Any]:
    """The names of a program that has been run with `library` as torch; what it does as a main program is left out."""
    text = (EXAMPLES / f"{program}.py").read_text(encoding="utf-8")
    assert text.count(f"\n{IMPORT}\n") == 1
    found: dict[str, Any] = {"__name__": program}
    exec(compile(text.replace(IMPORT, f"import {library} as torch"), f"{program}.py", "exec"), found)
    return found


def losses(found: dict[str, Any], steps: int) -> np.ndarray[Any, Any]:
    """The losses of the first steps that a program trains."""
    return np.array(list(itertools.islice(found["train"](steps), steps)))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The pool of threads of PyTorch slows the suite down where other tests run next to it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def needs_scikit_learn(request: pytest.FixtureRequest) -> None:
    program = request.node.callspec.params.get("program", "") if hasattr(request.node, "callspec") else ""
    if program and "sklearn" in (EXAMPLES / f"{program}.py").read_text(encoding="utf-8"):
        pytest.importorskip("sklearn")


@pytest.mark.parametrize("program", PROGRAMS)
def test_losses_agree_step_by_step(program: str) -> None:
    steps, relative, absolute, _ = PROGRAMS[program]
    found, expected = (losses(names(program, library), steps) for library in ("gradc", "torch"))
    np.testing.assert_allclose(found, expected, rtol=relative, atol=absolute)


@pytest.mark.parametrize("program", PROGRAMS)
def test_written_for_torch_it_runs_on_gradc(program: str) -> None:
    with as_torch():
        renamed = names(program, "torch")
    assert renamed["torch"] is gradc
    np.testing.assert_array_equal(losses(renamed, 2), losses(names(program, "gradc"), 2))


def test_every_program_for_torch_is_in_the_table() -> None:
    promising = {path.stem for path in EXAMPLES.glob("*.py")
                 if re.search(r"same\s+program\s+runs\s+under\s+PyTorch", path.read_text(encoding="utf-8"))}
    assert promising - {"digits"} == set(PROGRAMS)  # digits trains where it is imported


# ResNet-18


def same_weights(source: Any, target: Any, tensor: Any) -> None:
    """Load the state of a model into that of the other library."""
    target.load_state_dict({name: tensor(value.detach().numpy()) for name, value in source.state_dict().items()})


def resnet_names() -> Iterator[str]:
    """The state dict of torchvision.models.resnet18, in its order."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    yield "conv1.weight"
    yield from (f"bn1.{name}" for name in norm)
    for layer, block in itertools.product((1, 2, 3, 4), (0, 1)):
        parts = [("conv1", "bn1"), ("conv2", "bn2"), *([("downsample.0", "downsample.1")] * (layer > 1 > block))]
        for convolution, normalisation in parts:
            yield f"layer{layer}.{block}.{convolution}.weight"
            yield from (f"layer{layer}.{block}.{normalisation}.{name}" for name in norm)
    yield from ("fc.weight", "fc.bias")


def test_resnet18_has_the_names_of_torchvision() -> None:
    model = names("resnet18", "gradc")["model"]
    assert list(model.state_dict()) == list(resnet_names())
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512


@pytest.mark.parametrize(("kind", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
def test_resnet18_agrees_with_torch_in_every_gradient(kind: str, tolerance: float) -> None:
    """Relative to the size of each tensor. In single precision both are 5e-5 away from the true gradients."""
    results = []
    models = {library: names("resnet18", library)["model"] for library in ("torch", "gradc")}
    same_weights(models["torch"], models["gradc"], gradc.tensor)
    data, labels = (np.random.default_rng(0).random(shape).astype(kind) for shape in ((1, 3, 64, 64), (1, 1000)))
    for library, model in models.items():
        module = importlib.import_module(library)
        prediction = model.to(getattr(module, kind))(module.tensor(data))
        (prediction - module.tensor(labels)).sum().backward()
        results.append({"prediction": prediction.detach().numpy(),
                        **{name: parameter.grad.numpy() for name, parameter in model.named_parameters()},
                        **{name: buffer.numpy() for name, buffer in model.named_buffers()}})
    for name, expected in results[0].items():
        distance = np.linalg.norm(results[1][name] - expected) / max(np.linalg.norm(expected), 1)
        assert distance < tolerance, f"{name}: {distance:.1e}"
