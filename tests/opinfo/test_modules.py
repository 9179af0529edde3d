"""PyTorch's own database of modules: each ModuleInfo's module and inputs, built in torch and in gradc, and compared.

The weights of PyTorch's module are loaded into gradc's; then the printed form, the names of the state, the results, the
gradients of inputs and parameters, and the buffers after the call must be the same, in training and in evaluation.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # which PyTorch's testing package needs

with contextlib.redirect_stderr(io.StringIO()):
    database = pytest.importorskip("torch.testing._internal.common_modules")

MODULES = {info.name.removeprefix("nn."): info for info in database.module_db}

DIFFERENT = dict.fromkeys(("FractionalMaxPool2d", "FractionalMaxPool3d"), "gradc has no fractional pooling")
"""Modules that are not compared, and why."""

Pairs = list[tuple[str, Any, Any]]


def converted(value: Any, known: dict[int, Any] | None = None) -> Any:
    """A value of torch as gradc's: tensors, dtypes, functions, modules, and containers of them.

    What is one object there is one object here.
    """
    known = {} if known is None else known
    if isinstance(value, torch.Tensor):
        if id(value) not in known:
            known[id(value)] = gradc.tensor(value.detach().numpy().copy(), requires_grad=value.requires_grad)
        return known[id(value)]
    if isinstance(value, torch.dtype):
        return getattr(gradc, str(value).removeprefix("torch."))
    if isinstance(value, torch.nn.Module):
        return getattr(gradc.nn, type(value).__name__)(*settings(value))
    if isinstance(value, torch.nn.LinearCrossEntropyOptions):
        return gradc.nn.LinearCrossEntropyOptions(**dataclasses.asdict(value))
    if isinstance(value, dict):
        return {key: converted(x, known) for key, x in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(converted(x, known) for x in value)
    if callable(value) and (value.__module__ or "").startswith("torch"):
        return getattr(gradc.nn.functional, value.__name__)
    return value


def settings(module: Any) -> tuple[Any, ...]:
    """The arguments from which a module was made that is itself an argument."""
    if not isinstance(module, torch.nn.TransformerEncoderLayer):
        return ()
    attention, first = module.self_attn, module.linear1
    return (attention.embed_dim, attention.num_heads, first.out_features, module.dropout.p,
            converted(module.activation), module.norm1.eps, attention.batch_first, module.norm_first,
            first.bias is not None)


def tensors(value: Any) -> Iterator[Any]:
    """All tensors in a value, in order."""
    if isinstance(value, (torch.Tensor, gradc.Tensor)):
        yield value
    elif isinstance(value, dict):
        for x in value.values():
            yield from tensors(x)
    elif isinstance(value, (list, tuple)):
        for x in value:
            yield from tensors(x)


MOST = 6
"""The cases of a module that are compared: of more, some spread over all of them."""


def inputs(info: Any, train: bool) -> list[Any]:
    torch.manual_seed(4)
    cases = info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=True, training=train)
    return cases[:: max(1, (len(cases) // MOST) | 1)]  # by an odd number, for settings alternate


def numbers(x: Any) -> np.ndarray[Any, Any]:
    return x.detach().resolve_conj().numpy() if isinstance(x, torch.Tensor) else np.asarray(x.detach().numpy())


def agree(pairs: Pairs) -> None:
    for what, ours, theirs in pairs:
        assert (ours is None) == (theirs is None), f"{what}: {ours} for {theirs}"
        if theirs is not None:
            assert (str(ours.dtype).split(".")[1], tuple(ours.shape)) == (
                str(theirs.dtype).split(".")[1], tuple(theirs.shape)), what
            np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=1e-7, atol=1e-9, err_msg=what)


def run(t: Any, module: Any, args: Any, kwargs: Any) -> tuple[list[Any], list[Any]]:
    """The tensors of the result, and all gradients of a loss that weighs its elements differently."""
    t.manual_seed(5)
    results = list(tensors(module(*args, **kwargs)))
    weighed = [(x * t.linspace(0.5, 1.5, x.numel(), dtype=x.dtype).reshape(x.shape)).sum() for x in results
               if x.requires_grad]
    if weighed:
        sum(weighed[1:], weighed[0]).backward()
    leaves = [x for x in (*tensors(args), *tensors(kwargs)) if x.requires_grad]
    return results, [x.grad for x in (*leaves, *module.parameters())]


def compare(name: str, case: Any, train: bool) -> None:
    made, given = case.constructor_input, case.forward_input
    theirs = MODULES[name].module_cls(*made.args, **made.kwargs)
    ours = getattr(gradc.nn, name)(*converted(made.args), **converted(made.kwargs))
    assert repr(ours) == repr(theirs)
    if given is None:
        return
    args, kwargs = converted(given.args), converted(given.kwargs)
    theirs.to(torch.float64).train(train)
    ours.to(gradc.float64).train(train)
    if MODULES[name].is_lazy:
        with torch.no_grad(), gradc.no_grad():
            theirs(*given.args, **given.kwargs), ours(*args, **kwargs)
        assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(converted(dict(theirs.state_dict())))
    for x in tensors(given.args):
        if x.requires_grad:
            x.retain_grad()
    (found, found_gradients), (wanted, wanted_gradients) = (
        run(gradc, ours, args, kwargs), run(torch, theirs, given.args, given.kwargs))
    assert len(found) == len(wanted)
    state = theirs.state_dict()
    agree([("result", a, b) for a, b in zip(found, wanted, strict=True)]
          + [("gradient", a, b) for a, b in zip(found_gradients, wanted_gradients, strict=True)]
          + [(key, x, state[key]) for key, x in ours.state_dict().items()])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", MODULES)
def test_module(name: str, train: bool) -> None:
    if name in DIFFERENT:
        pytest.skip(DIFFERENT[name])
    failures = []
    cases = inputs(MODULES[name], train)
    for i, case in enumerate(cases):
        try:
            compare(name, case, train)
        except Exception as problem:
            failures.append(f"{i} {case.desc} {case.constructor_input.args} {case.constructor_input.kwargs}: "
                            f"{type(problem).__name__}: {str(problem)[:600]}")
    assert not failures, f"{len(failures)} of {len(cases)}:\n" + "\n".join(failures[:4])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name, info in MODULES.items() if info.module_error_inputs_func])
def test_errors(name: str) -> None:
    info = MODULES[name]
    torch.manual_seed(4)
    cases = info.module_error_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=False, training=False)
    failures = []
    for case in cases:
        made, given = case.module_error_input.constructor_input, case.module_error_input.forward_input

        def attempt(made: Any = made, given: Any = given) -> None:
            module = getattr(gradc.nn, name)(*converted(made.args), **converted(made.kwargs))
            if given is not None:
                module(*converted(given.args), **converted(given.kwargs))

        failures += refusal(attempt, case.error_type, case.error_regex)
    assert not failures, "\n".join(failures)


def refusal(attempt: Callable[[], Any], kind: type[Exception], pattern: str) -> list[str]:
    """What is wrong with how a call is refused, if anything is."""
    try:
        attempt()
    except kind as problem:
        return [] if re.search(pattern, str(problem)) else [f"{pattern!r} is not in: {problem}"]
    except Exception as problem:
        return [f"{kind.__name__} {pattern!r} expected, got {type(problem).__name__}: {problem}"]
    return [f"{pattern!r} expected, but it was accepted"]
