"""Generated functions that work by tiles give the very numbers of those that work on whole arrays."""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from gradc.backends import numpy as backend
from gradc.backends import tiles
from gradc.ops import threads as sharing
from gradc.ops.namespace import where
from gradc.passes.local import tidy

F = gradc.nn.functional

TABLE = {
    # name: (function, shapes of its arguments, whether a part of it runs by tiles)
    "pointwise": (lambda x: (x.exp() * x + 1).tanh(), [(40,)], True),
    "rows": (lambda x: (x - x.amax(-1, True)).exp() / 3, [(5, 8)], True),
    "rows of rows": (lambda x: (x - x.mean((1, 2), True)).exp() / 3, [(6, 5, 4)], True),
    "columns": (lambda x: (x - x.amax(0, True)).exp() / 3, [(5, 8)], True),
    "broadcast": (lambda x, y, z: (x * y + z).exp() - z, [(6, 5, 4), (5, 1), (4,)], True),
    "before": (lambda x, y: ((y * 2).unsqueeze(-1) + x).exp() * x, [(6, 4), (6,)], True),
    "after": (lambda x: (x.exp() * x + 1).sum(), [(6, 4)], True),
    "after, by row": (lambda x: (x - x.mean(1, True)).square().sum(1) @ x, [(6, 4)], True),
    "an input returned": (lambda x: (x, (x.exp() * x + 1).tanh()), [(6, 4)], True),
    "several results": (lambda x: (x.exp(), x.exp() * x, (x + 1).tanh()), [(6, 4)], True),
    "bool": (lambda x: gradc.where((x > 0) & (x < 1), x.exp(), x * 2), [(6, 4)], True),
    "products": (lambda x, y: (x @ y) @ y, [(6, 4), (4, 4)], False),
    "short": (lambda x: x.exp(), [(6, 4)], False),
    "uneven": (lambda x: (x.exp() * x + 1).tanh(), [(7, 3)], True),
}


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "LARGE", 8)
    monkeypatch.setattr(sharing, "SHARED", 8)
    monkeypatch.setattr(tiles, "TILE", 8)


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "THREADS", request.param)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", TABLE)
def test_tiles_give_the_numbers_of_the_whole(name: str) -> None:
    function, shapes, expected = TABLE[name]
    arrays = [np.random.default_rng(i).standard_normal(shape, np.float32) for i, shape in enumerate(shapes)]
    graph = tidy(gradc.make_ir(function)(*map(gradc.tensor, arrays)))
    by_tiles = tiles.tiled(graph, backend.whole)
    assert (by_tiles is not None) == expected
    for run in [by_tiles] * expected:
        for found, whole in zip(run(*arrays), backend.whole(graph)(*arrays), strict=True):
            assert found.dtype == whole.dtype
            np.testing.assert_array_equal(found, whole)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("loss", [
    lambda x: F.gelu(x).sum(), lambda x: F.softmax(x, -1)[:, 0].sum(), lambda x: F.layer_norm(x, (6,)).square().sum(),
    lambda x: F.cross_entropy(x, gradc.arange(8) % 6)])
def test_composites_and_gradients_by_tiles(loss) -> None:
    """The third use of an op on a type runs generated functions; the first is by the formulas themselves."""
    x = gradc.randn(8, 6, requires_grad=True)
    found = []
    for _ in range(4):
        value = loss(x)
        found.append((value.item(), *gradc.autograd.grad(value, x)))
    np.testing.assert_allclose(found[3][0], found[0][0], rtol=1e-6)
    np.testing.assert_allclose(found[3][1].numpy(), found[0][1].numpy(), rtol=1e-5, atol=1e-7)


def test_an_error_of_a_thread_is_raised() -> None:
    def work(part: slice) -> None:
        if part.start:
            raise FloatingPointError("overflow")

    with pytest.raises(FloatingPointError, match="overflow"):
        sharing.share(work, 4, threads=2)


def test_threads_keep_the_callers_errstate() -> None:
    found: list[str] = []
    with np.errstate(over="raise"):
        sharing.share(lambda part: found.append(np.geterr()["over"]), 4, threads=3)
    assert found == ["raise"] * 3


def test_rows_are_summed_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """BLAS sums rows of some length, products among them without an array of their own: not in pairs, yet as well."""
    monkeypatch.setattr(tiles, "TILE", 1000)
    x, y = np.random.default_rng(0).standard_normal((2, 8, 500), np.float32)
    function = lambda x, y: (x - x.mean(-1, True)) * (x * y).sum(-1, True)  # noqa: E731
    graph = tidy(gradc.make_ir(function)(gradc.tensor(x), gradc.tensor(y)))
    by_tiles = tiles.tiled(graph, backend.whole)
    assert by_tiles is not None
    exact = function(gradc.tensor(x.astype(np.float64)), gradc.tensor(y.astype(np.float64))).numpy()
    wrong = [abs(run(x, y)[0] - exact).max() for run in (by_tiles, backend.whole(graph))]
    assert wrong[0] <= 2 * wrong[1]


@pytest.mark.skipif(sharing.openblas() is None, reason="NumPy has another BLAS")
def test_products_of_shared_work_run_by_one_thread() -> None:
    read, write = sharing.openblas()
    before, found = read(), []
    write(3)
    sharing.share(lambda part: found.append(read()), 4, threads=2)
    after = read()
    write(before)
    assert (found, after) == ([1, 1], 3)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_where_on_large_arrays_is_that_of_numpy(kind: type) -> None:
    generator = np.random.default_rng(0)
    test = generator.random((64, 64)) < 0.5
    array = (generator.standard_normal((64, 64)) * 9).astype(kind)
    numbers = [0, 1] if kind is np.int64 else [0.0, -0.0, np.nan, np.inf, 1.5]
    for other in (array.T, array[:, :1], *[np.array(x, kind) for x in numbers]):
        for pair in ((array, other), (other, array), (other, other)):
            found, expected = where(test, *pair), np.where(test, *pair)
            assert found.dtype == expected.dtype
            assert found.tobytes() == expected.tobytes()
