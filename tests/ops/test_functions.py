"""Functions made of ops, which are no ops themselves: each does what torch's of the same name does, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradc
import gradc.ops.arrangement as arrangement
import gradc.ops.loss as loss
import gradc.ops.rounding as rounding
from gradc import engine
from gradc.tensor import Tensor, wrap

torch = pytest.importorskip("torch")

CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    # name, arguments (a tuple of ints is the shape of a random tensor), keywords
    ("addmm", ((2, 4), (2, 3), (3, 4)), {}),
    ("addmm", ((4,), (2, 3), (3, 4)), {"beta": 0.5, "alpha": 2.0}),
    ("baddbmm", ((5, 2, 4), (5, 2, 3), (5, 3, 4)), {}),
    ("mm", ((2, 3), (3, 4)), {}), ("mv", ((2, 3), (3,)), {}), ("bmm", ((5, 2, 3), (5, 3, 4)), {}),
    ("dot", ((3,), (3,)), {}), ("outer", ((3,), (4,)), {}), ("trace", ((3, 4),), {}),
    *[("einsum", (equation, *map(tuple, shapes)), {}) for equation, *shapes in [
        ("ij,jk->ik", (2, 3), (3, 4)), ("ij,kj->ik", (2, 3), (4, 3)), ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)),
        ("ij->ji", (2, 3)), ("ij->", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("i,j->ij", (2,), (3,)),
        ("i,i->", (3,), (3,)), ("ij,ij->i", (2, 3), (2, 3)), ("ij,jk", (2, 3), (3, 4)),
        ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)), ("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)),
        ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), ("ij,i,j->", (2, 3), (2,), (3,)), ("b i j -> b j", (2, 3, 4)),
        ("...i->...", (2, 3)), ("ijk,k->ij", (2, 3, 4), (4,))]],
    ("flatten", ((2, 3, 4),), {}), ("flatten", ((2, 3, 4), 1), {}), ("flatten", ((),), {}),
    ("unflatten", ((2, 12), 1, [3, -1]), {}), ("movedim", ((2, 3, 4), 0, -1), {}),
    ("movedim", ((2, 3, 4), [0, 1], [1, 0]), {}), ("broadcast_to", ((3, 1), [2, 3, 4]), {}),
    ("select", ((2, 3), 1, -1), {}), ("narrow", ((4, 3), 0, 1, 2), {}), ("split", ((5, 2), 2), {}),
    ("split", ((5, 2), [1, 4]), {}), ("chunk", ((5, 2), 2), {}), ("unbind", ((3, 2), 1), {}),
    ("diag", ((3,),), {}), ("diag", ((3,), -1), {}), ("diag", ((3, 4), 1), {}), ("diag_embed", ((2, 3),), {}),
    ("repeat_interleave", ((3,), 2), {}), ("repeat_interleave", ((2, 3), 2, 1), {}),
    ("roll", ((2, 3), 2), {}), ("roll", ((2, 3), (1, -1), (0, 1)), {}),
    ("sort", ((5,),), {}), ("sort", ((3, 4), 0, True), {}), ("topk", ((3, 5), 2), {}),
    ("topk", ((5,), 2), {"largest": False}), ("kthvalue", ((3, 5), 2), {}), ("kthvalue", ((3, 5), 2, 0, True), {}),
    ("median", ((3, 4),), {}), ("median", ((3, 4), 1), {}),
    ("selu", ((5,),), {}), ("hardswish", ((5,),), {}), ("glu", ((3, 4),), {}),
    ("prelu", ((2, 3), (3,)), {}), ("prelu", ((2, 3, 4), (3,)), {}), ("prelu", ((2, 3), (1,)), {}),
    ("kl_div", ((2, 3), (2, 3)), {"log_target": True, "reduction": "batchmean"}),
    ("kl_div", ((2, 3), (2, 3)), {"log_target": True, "reduction": "sum"}),
    ("var_mean", ((3, 4), 1), {}), ("std_mean", ((3, 4),), {"correction": 0}), ("nan_to_num", ((3,),), {}),
    ("max", ((3, 4),), {}), ("max", ((3, 4), 1), {}), ("max", ((3, 4), (3, 4)), {}), ("min", ((3, 4), 0, True), {}),
    ("norm", ((3, 4),), {}), ("norm", ((3, 4), 1), {}), ("norm", ((3, 4), 3, 1), {}),
    ("norm", ((3, 4), float("inf"), 0), {}), ("frac", ((5,),), {}),
]


def _call(name: str, library: Any, arguments: list[Any], keywords: dict[str, Any]) -> tuple[Any, ...]:
    if library is torch:
        function = getattr(torch.nn.functional, name, None) or getattr(torch, name)
    else:
        function = getattr(gradc.nn.functional, name, None) or getattr(gradc, name)
    found = function(*arguments, **keywords)
    return tuple(found) if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize(("name", "arguments", "keywords"), CALLS, ids=[f"{c[0]}-{i}" for i, c in enumerate(CALLS)])
def test_as_torch(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    random = np.random.default_rng(1)
    scalars = {"select", "narrow", "split", "chunk", "movedim", "roll"}
    arrays = [random.standard_normal(a) if isinstance(a, tuple) and (i == 0 or name not in scalars) else None
              for i, a in enumerate(arguments)]
    ours = [a if x is None else wrap(np.asarray(x)).requires_grad_() for a, x in zip(arguments, arrays, strict=True)]
    theirs = [a if x is None else torch.tensor(x, requires_grad=True) for a, x in zip(arguments, arrays, strict=True)]
    found, expected = _call(name, None, ours, keywords), _call(name, torch, theirs, keywords)
    assert len(found) == len(expected)
    total, wanted = 0.0, 0.0
    for a, b in zip(found, expected, strict=True):
        assert (a.numpy() if not a.requires_grad else a.detach().numpy()).shape == tuple(b.shape)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)
        if a.requires_grad:
            weight = random.standard_normal(a.shape)
            total, wanted = total + (a * wrap(np.asarray(weight))).sum(), wanted + (b * torch.tensor(weight)).sum()
    leaves = [x for x in ours if isinstance(x, Tensor)]
    gradients = torch.autograd.grad(wanted, [x for x in theirs if isinstance(x, torch.Tensor)])
    for a, b in zip(engine.grad(total, leaves), gradients, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-11, atol=1e-12)


def test_index_functions() -> None:
    x, n, y = np.arange(12.0).reshape(3, 4), np.array([2, 0]), np.ones((3, 2))
    for function, arguments in [("index_add", (1, n, y)), ("index_fill", (1, n, 5.0)), ("index_select", (0, n)),
                                ("take_along_dim", (np.array([[1], [0], [2]]), 1)), ("masked_fill", (x > 3, 1.0)),
                                ("masked_select", (x > 3,))]:
        ours = [wrap(a) if isinstance(a, np.ndarray) else a for a in arguments]
        theirs = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
        np.testing.assert_array_equal(getattr(wrap(x), function)(*ours).numpy(),
                                      getattr(torch.tensor(x), function)(*theirs).numpy())


def test_nan_to_num_and_kl_div_at_the_edges() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 1.0])
    np.testing.assert_array_equal(rounding.nan_to_num(wrap(x), 2.0).numpy(), torch.tensor(x).nan_to_num(2.0).numpy())
    p = wrap(np.array([0.0, 1.0]))
    assert loss.kl_div(wrap(np.array([-1.0, -2.0])), p, "sum").item() == 2.0


def test_meshgrid() -> None:
    axes = [np.arange(2.0), np.arange(3.0), np.arange(4.0)]
    for indexing in ("ij", "xy"):
        found = arrangement.meshgrid(*[wrap(a) for a in axes], indexing=indexing)
        for a, b in zip(found, np.meshgrid(*axes, indexing=indexing), strict=True):
            np.testing.assert_array_equal(a.numpy(), b)


def test_unique() -> None:
    values, inverse, counts = wrap(np.array([3, 1, 3, 2])).unique(return_inverse=True, return_counts=True)
    assert (values.tolist(), inverse.tolist(), counts.tolist()) == ([1, 2, 3], [2, 0, 2, 1], [1, 1, 2])


@pytest.mark.parametrize(("widths", "value"), [((1, 2), 0.0), ((1, 0, 2, 1), 3.0), ((-1, 1), 0.0)])
def test_pad(widths: tuple[int, ...], value: float) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_array_equal(arrangement.pad(wrap(x), widths, "constant", value).numpy(),
                                  torch.nn.functional.pad(torch.tensor(x), widths, "constant", value).numpy())
