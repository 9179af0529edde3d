"""PyTorch's own database of optimizers: every configuration takes the same steps, and bad ones are refused."""

from __future__ import annotations

import contextlib
import copy
import io
import re
import warnings
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # which PyTorch's testing package needs

with contextlib.redirect_stderr(io.StringIO()):
    database = pytest.importorskip("torch.testing._internal.common_optimizers")

OPTIMIZERS = {info.optim_cls.__name__: info for info in database.optim_db}

STEPS = 6
START = [np.random.default_rng(3).standard_normal(shape) for shape in ((4, 3), (3, 5), (2, 2))]

TOLERANCE = {"Muon": 1e-4}
"""Muon rounds to bfloat16 between products, whose sums are added in another order."""


def converted(value: Any) -> Any:
    if isinstance(value, torch.nn.Parameter):
        return gradc.nn.Parameter(gradc.tensor(value.detach().numpy()), value.requires_grad)
    if isinstance(value, torch.Tensor):
        return gradc.tensor(value.detach().numpy())
    if isinstance(value, dict):
        return {key: converted(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([converted(x) for x in value])
    return value


def trajectory(t: Any, name: str, settings: dict[str, Any]) -> list[np.ndarray[Any, Any]]:
    """The parameters after some steps on a curved valley, three of them in two groups."""
    differentiable = settings.get("differentiable", False)
    params = [t.tensor(x.tolist(), dtype=t.float64, requires_grad=not differentiable) for x in START]
    groups = [{"params": params[:2]}, {"params": params[2:]}] if name != "LBFGS" else params
    optimizer = getattr(t.optim, name)(groups, **settings)

    def closure() -> Any:
        leaves = [p.detach().requires_grad_() for p in params]
        loss = sum((x * x + 0.3).sqrt().sum() + (x * 0.7).sum() for x in leaves)
        loss.backward()
        for p, x in zip(params, leaves, strict=True):
            p.grad = x.grad.to_sparse() if t is torch and name == "SparseAdam" else x.grad
        return loss.detach()

    for _ in range(STEPS):
        if name == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
    if name != "LBFGS":
        state = optimizer.state_dict()["state"]
        params += [state[i][key] for i in sorted(state) for key in sorted(state[i]) if key != "step"]
        params = [x.to_dense() if t is torch and x.is_sparse else x for x in params]
    return [np.asarray(x.detach().numpy() + 0.0) for x in params if x is not None]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps(name: str) -> None:
    info = OPTIMIZERS[name]
    failures = []
    for case in info.optim_inputs_func("cpu"):
        settings = case.kwargs
        plain = {"foreach": False} if "foreach" in info.supported_impls else {}
        wanted = trajectory(torch, name, {**copy.deepcopy(settings), **plain})
        for flag in (None, *info.supported_impls):
            flags = {} if flag is None else {flag: True}
            if flag == "foreach" and isinstance(settings.get("lr"), torch.Tensor):
                continue  # which PyTorch refuses
            try:
                found = trajectory(gradc, name, {**converted(settings), **flags})
                assert len(found) == len(wanted)
                for a, b in zip(found, wanted, strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-7, atol=TOLERANCE.get(name, 1e-9))
            except Exception as problem:
                failures.append(f"{case.desc} {settings} {flag}: {type(problem).__name__}: {str(problem)[:500]}")
    assert not failures, f"{len(failures)}:\n" + "\n".join(failures[:6])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_errors(name: str) -> None:
    failures = []
    for case in OPTIMIZERS[name].optim_error_inputs_func("cpu", torch.float32):
        made = case.optimizer_error_input
        if "requires dense" in case.error_regex:
            continue  # gradc has no sparse tensors
        params = [gradc.nn.Parameter(gradc.randn(2, 3))] if made.params is None else shared(made.params)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                optimizer = getattr(gradc.optim, name)(params, **converted(made.kwargs))
                if case.error_on is database.OptimizerErrorEnum.STEP_ERROR:
                    optimizer.step()
            failures.append(f"{made.desc}: accepted")
        except case.error_type as problem:
            if not re.search(case.error_regex, str(problem), re.IGNORECASE):
                failures.append(f"{made.desc}: {case.error_regex!r} is not in {problem}")
        except Exception as problem:
            failures.append(f"{made.desc}: {case.error_type.__name__} {case.error_regex!r} expected, got "
                            f"{type(problem).__name__}: {problem}")
    assert not failures, "\n".join(failures)


def shared(params: Any, known: dict[int, Any] | None = None) -> Any:
    """Parameters of torch as gradc's; what is the same there is the same here."""
    known = {} if known is None else known
    if isinstance(params, torch.Tensor):
        if id(params) not in known:
            known[id(params)] = made = converted(params)
            made.grad = None if params.grad is None else converted(params.grad)
        return known[id(params)]
    if isinstance(params, dict):
        return {key: shared(x, known) for key, x in params.items()}
    return type(params)([shared(x, known) for x in params]) if isinstance(params, (list, tuple)) else params
