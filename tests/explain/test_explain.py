"""`explain_grad` on programs that people ask about: it names the marked line, in both of its forms."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from programs import BROKEN, HEALTHY

import gradc as torch
from gradc.modes import current

SOURCE = Path(inspect.getsourcefile(next(iter(BROKEN.values()))[0]))
MOST_LINES = 3
"""An explanation that names more lines than this would be right by accident."""


def marked(name: str) -> set[int]:
    """The lines marked `# <-` in a program, or elsewhere `# <- name`."""
    lines, start = inspect.getsourcelines(BROKEN[name][0])
    whole = SOURCE.read_text().splitlines()
    return {i for i, line in enumerate(lines, start) if line.rstrip().endswith("# <-")} \
        | {i for i, line in enumerate(whole, 1) if line.endswith(f"# <- {name}")}


@pytest.fixture(scope="module")
def inline(tmp_path_factory):
    """The programs as their users would ask: each ends with explain_grad(loss, w), in place of returning the two."""
    path = tmp_path_factory.mktemp("explain") / "programs.py"
    path.write_text(re.sub(r"(?m)^    return (.+), ([\w.\[\]]+)$", r"    return torch.explain_grad(\1, \2)",
                           SOURCE.read_text()))
    names: dict[str, Any] = {"__name__": "inline"}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names


def lines_named(explanation) -> list[int]:
    return list(dict.fromkeys(place.line for cause in explanation.causes for place in cause.locations))[:MOST_LINES]


def names_the_fault(name: str, explanation) -> bool:
    return bool(marked(name) & set(lines_named(explanation)))


@pytest.mark.parametrize("name", BROKEN)
def test_a_function_is_explained(name):
    program, verdict = BROKEN[name]
    explanation = torch.explain_grad(program)
    assert explanation.verdict == verdict
    assert explanation.exact
    assert names_the_fault(name, explanation), f"{marked(name)} is not in\n{explanation}"


@pytest.mark.parametrize("name", BROKEN)
def test_tensors_are_explained(name, inline):
    explanation = inline[name]()
    assert explanation.verdict == BROKEN[name][1]
    assert not explanation.exact
    assert names_the_fault(name, explanation), f"{marked(name)} is not in\n{explanation}"


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_programs_flow(name, inline):
    assert torch.explain_grad(HEALTHY[name]).verdict == "flows"
    assert inline[name]().verdict == "flows"


# What PyTorch computes


def outcome(loss, w) -> str:
    """What becomes of w.grad in backward(), by the library's own computing."""
    try:
        loss.backward()
    except RuntimeError:
        return "none"
    g = None if not (w.is_leaf or w.retains_grad) else w.grad
    if g is None:
        return "none"
    return "not finite" if not bool(g.isfinite().all()) else "flows" if bool((g != 0).any()) else "zero"


@pytest.mark.parametrize("name", [*BROKEN, *HEALTHY])
def test_pytorch_agrees_with_the_verdict(name):
    real = pytest.importorskip("torch")
    real.manual_seed(0)
    text = SOURCE.read_text().replace("import gradc as torch", "import torch").replace("from gradc", "from torch")
    names: dict[str, Any] = {"__name__": "with_torch"}
    exec(compile(text, "programs_with_torch.py", "exec"), names)
    loss, w = names[name]()
    assert outcome(loss, w) == (BROKEN[name][1] if name in BROKEN else "flows")


# What asking does, and does not do


def test_nothing_changes():
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    calls = []
    w.register_hook(calls.append)
    torch.manual_seed(3)
    loss = (torch.relu(w) * torch.rand(2)).sum()
    state = torch.get_rng_state()
    assert torch.explain_grad(lambda: (w * torch.rand(2)).sum(), w).verdict == "flows"
    assert torch.explain_grad(loss, w).verdict == "flows"
    assert bool((torch.get_rng_state() == state).all())
    assert w.grad is None and not calls
    loss.backward()
    assert len(calls) == 1


def test_the_grad_mode_is_put_back():
    w = torch.ones(2, requires_grad=True)

    def careless():
        torch.set_grad_enabled(False)
        raise KeyError("the user's own")

    with pytest.raises(KeyError, match="own"):
        torch.explain_grad(careless, w)
    assert current().grad and current().quick and current().watch is None


def test_a_function_and_a_tensor_from_outside():
    net = torch.nn.Linear(2, 1)
    x = torch.ones(3, 2)
    assert torch.explain_grad(lambda: net(x).mean(), net.weight).verdict == "flows"

    def loss():
        return net(x).detach().mean() + net.bias.sum()

    explanation = torch.explain_grad(loss, net.weight)
    assert [cause.kind for cause in explanation.causes] == ["detach"]
    assert "return net(x).detach().mean()" in str(explanation)
    assert torch.explain_grad(loss(), net.weight).causes[0].kind == "detach"


def test_a_freed_graph():
    w = torch.ones(2, requires_grad=True)
    loss = (w**2).sum()
    loss.backward()
    explanation = torch.explain_grad(loss, w)
    assert explanation.verdict == "unknown"
    assert "loss.backward()" in str(explanation)
    assert "w.grad, from that backward, is f32[2] all 2" in str(explanation)


def test_several_cuts_are_all_named():
    w = torch.ones(2, requires_grad=True)

    def loss():
        a = w.detach() * 2
        b = (w * 3).long()
        return (a + b).sum() * torch.ones((), requires_grad=True)

    assert [cause.kind for cause in torch.explain_grad(loss, w).causes] == ["detach", "integer"]


def test_cuts_beside_a_gradient_are_notes():
    w = torch.tensor([1.2, 2.7], requires_grad=True)
    explanation = torch.explain_grad(lambda: (w + (w.round() - w).detach()).sum(), w)
    assert explanation.verdict == "flows" and not explanation.causes
    assert "Beside that" in str(explanation)
    assert "Beside that" not in str(torch.explain_grad(HEALTHY["custom_function"]))


def test_a_loss_that_is_no_scalar():
    w = torch.ones(2, requires_grad=True)
    assert "its sum was explained" in str(torch.explain_grad(w * 2, w))


@pytest.mark.parametrize("asked", [(1.0, None), (lambda: 3, None), (lambda: None, torch.ones(2))])
def test_what_is_no_tensor_is_refused(asked):
    with pytest.raises(TypeError, match="must be a tensor"):
        torch.explain_grad(*asked)


def test_compiled_code_cannot_be_asked():
    @torch.compile
    def f(w):
        torch.explain_grad((w * 2).sum(), w)
        return w

    with pytest.raises(RuntimeError, match="inside a compiled function"):
        f(torch.ones(2, requires_grad=True))


def test_a_compiled_function_can_be_asked_about():
    f = torch.compile(lambda w: (w**2).sum())
    w = torch.ones(2, requires_grad=True)
    assert torch.explain_grad(lambda: f(w), w).verdict == "flows"
    assert torch.explain_grad(f(w), w).verdict == "flows"


def test_a_program_without_text():
    """As on standard input: the graph still tells what is certain."""
    names: dict[str, Any] = {"torch": torch, "__name__": "nowhere"}
    exec(compile("w = torch.ones(2, requires_grad=True)\n"
                 "def f():\n    return (w.detach() * torch.ones(2, requires_grad=True)).sum()\n"
                 "afterwards = torch.explain_grad(f(), w)\n"
                 "exact = torch.explain_grad(f, w)", "<nowhere>", "exec"), names)
    assert [cause.kind for cause in names["exact"].causes] == ["detach"]
    assert names["afterwards"].verdict == "none"
    assert names["afterwards"].causes[0].certain


def test_the_report():
    w = torch.tensor([-1.0, -2.0], requires_grad=True)
    text = str(torch.explain_grad(lambda: torch.relu(w).sum(), w))
    assert text.splitlines()[0] == "The gradient of the loss with respect to w: f32[2] is zero: f32[2] all 0"
    assert text.splitlines()[1] == "  1. ReluBackward0: the derivative is 0 at every element (result: f32[2] all 0)"
    assert "text = str(torch.explain_grad(" in text.splitlines()[2]
