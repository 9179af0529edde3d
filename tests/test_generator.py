"""The generator gives PyTorch's numbers: against numbers noted from PyTorch 2.13, and against PyTorch itself."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from gradc import dtypes
from gradc.errors import DtypeError, ShapeError
from gradc.generator import DEFAULT_SEED, Generator, RandomError
from gradc.ops.drawing import default_generator

FLOATING = [d for d in dtypes.ALL if d.is_floating_point]
SHAPES = [(), (0,), (1,), (5,), (3, 5), (16,), (17,), (2, 0, 3), (4, 4, 4), (7, 11), (70000,)]


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


@pytest.fixture
def torch() -> Any:
    """PyTorch, where it is installed and rounds as it does on most machines."""
    module = pytest.importorskip("torch")
    if not module.backends.cpu.get_cpu_capability().startswith("AVX"):
        pytest.skip("PyTorch rounds differently without fused multiply-add")
    return module


def as_array(tensor: Any) -> np.ndarray:
    """A torch tensor's elements. NumPy cannot read torch's bfloat16, but it can read the bits."""
    module = pytest.importorskip("torch")
    if tensor.dtype is module.bfloat16:
        return tensor.view(module.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def distance(a: np.ndarray, b: np.ndarray) -> int:
    """The largest distance between two arrays in units in the last place."""
    assert a.shape == b.shape and a.dtype == b.dtype
    part = np.real(a).dtype
    bits = np.dtype(f"i{part.itemsize}")

    def order(x: np.ndarray) -> np.ndarray:
        numbers = np.ascontiguousarray(x).reshape(-1).view(part).view(bits).astype(np.int64)
        return np.where(numbers < 0, -(numbers & np.iinfo(bits).max), numbers)

    return int(np.abs(order(a) - order(b)).max(initial=0))


LITERALS = {
    "rand": (lambda: seeded(0).rand(4),
             [0.49625658988952637, 0.7682217955589294, 0.08847743272781372, 0.13203048706054688]),
    "rand float64": (lambda: seeded(0).rand(3, dtypes.float64),
                     [0.9700530018065531, 0.707819864399788, 0.45938294312745087]),
    "rand float16": (lambda: seeded(0).rand(4, dtypes.float16),
                     [0.496337890625, 0.76806640625, 0.0885009765625, 0.132080078125]),
    "rand bfloat16": (lambda: seeded(0).rand(4, dtypes.bfloat16),
                      [0.49609375, 0.76953125, 0.08837890625, 0.1318359375]),
    "negative seed": (lambda: seeded(-1).rand(3), [0.9937993884086609, 0.5713063478469849, 0.5700080394744873]),
    "default seed": (lambda: Generator().rand(3), [0.267295241355896, 0.8725283145904541, 0.3352888226509094]),
    "uniform": (lambda: seeded(42).uniform(4, low=-1.5, high=2.5),
                [2.0290770530700684, 2.160015821456909, 0.031455039978027344, 2.3372225761413574]),
    "few normals": (lambda: seeded(0).randn(3), [1.5409960746765137, -0.293428897857666, -2.1787893772125244]),
    "a block of normals": (lambda: seeded(0).randn(16)[[0, 1, 7, 8, 15]],
                           [-1.1258398294448853, -1.152360200881958, -2.1152193546295166, 0.32227492332458496,
                            -0.2472781538963318]),
    "an uneven block": (lambda: seeded(0).randn(18)[[0, 1, 2, 17]],
                        [-1.1258398294448853, -1.152360200881958, 0.5666506290435791, 1.2590092420578003]),
    "an uneven block float16": (lambda: seeded(0).randn(17, dtypes.float16)[[0, 1, 16]],
                                [-1.1259765625, -1.3525390625, -0.84375]),
    "complex normals": (lambda: seeded(0).randn(2, dtypes.complex64),
                        [1.0896488428115845 - 0.20748557150363922j, -1.5406367778778076 + 0.40194159746170044j]),
    "normal": (lambda: seeded(42).normal(4, mean=10, std=0.5),
               [10.16834545135498, 10.064404487609863, 10.117231369018555, 10.115166664123535]),
    "randint": (lambda: seeded(42).randint(-5, 5, 8), [-3, 2, 1, -1, 1, 0, -5, -1]),
    "randint of 28 bits": (lambda: seeded(42).randint(0, 2**28, 2), [199900595, 250975502]),
    "randint of 64 bits": (lambda: seeded(42).randint(-(2**63), 2**63 - 1, 2),
                           [-2314326399425823309, 8314211556539077902]),
    "randperm": (lambda: seeded(42).randperm(10), [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]),
    "bernoulli of a number": (lambda: seeded(42).bernoulli(0.5, 8), [1, 1, 1, 1, 0, 1, 0, 0]),
    "bernoulli of an array": (lambda: seeded(42).bernoulli(np.full(8, 0.5, np.float32)), [0, 0, 1, 0, 1, 0, 1, 0]),
}


@pytest.mark.parametrize("name", LITERALS)
def test_numbers_noted_from_pytorch(name: str) -> None:
    draw, expected = LITERALS[name]
    assert draw().tolist() == expected


def test_double_precision_normals_noted_from_pytorch() -> None:
    few = np.array([1.5409961082440433, -0.2934289057609464, -2.1787893820745574])
    many = np.array([-2.310411800234176, -0.3732508612577643, -1.0608166785462863, 0.9995093547811761])
    assert distance(seeded(0).randn(3, dtypes.float64), few) <= 2
    assert distance(seeded(0).randn(16, dtypes.float64)[:4], many) <= 2


def test_the_default_generator_starts_at_the_default_seed() -> None:
    assert Generator().initial_seed() == DEFAULT_SEED == 67280421310721
    assert isinstance(default_generator, Generator)
    assert seeded(-1).initial_seed() == 2**64 - 1


def test_seed_changes_the_stream() -> None:
    generator = Generator()
    seed = generator.seed()
    assert seed == generator.initial_seed() != DEFAULT_SEED
    assert np.array_equal(generator.rand(5), seeded(seed).rand(5))


def test_draws_continue_one_stream() -> None:
    generator = seeded(3)
    pieces = [generator.rand(n) for n in (1, 700, 0, 2, 297)]
    assert np.array_equal(np.concatenate(pieces), seeded(3).rand(1000))


def test_the_second_normal_of_a_pair_is_kept_and_reseeding_drops_it() -> None:
    generator = seeded(3)
    first, second = generator.randn(()), generator.randn(())
    assert [first, second] == seeded(3).randn(2).tolist()
    generator.randn(1)
    assert generator.randn(0).size == 0
    assert np.array_equal(generator.manual_seed(3).randn(2), [first, second])


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)),
                                   lambda g: Generator().set_state(g.get_state())])
def test_a_saved_state_continues_the_same(clone: Callable[[Generator], Generator]) -> None:
    generator = seeded(11)
    generator.rand(1000)
    generator.randn(3)  # leaves a normal sample over
    other = clone(generator)
    assert other.initial_seed() == 11
    for draw in (lambda g: g.randn(4), lambda g: g.rand(1300), lambda g: g.randperm(9)):
        assert np.array_equal(draw(generator), draw(other))


def test_permutations_hold_every_number_once() -> None:
    for n in (0, 1, 2, 3, 64, 1000):
        assert sorted(seeded(n).randperm(n).tolist()) == list(range(n))


def test_threads_share_a_stream_without_losing_numbers() -> None:
    generator, pieces = seeded(5), []
    threads = [threading.Thread(target=lambda: pieces.extend(generator.rand(100) for _ in range(50)))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(np.sort(np.concatenate(pieces)), np.sort(seeded(5).rand(20000)))


def test_samples_keep_within_their_bounds() -> None:
    for kind in FLOATING:
        samples = seeded(1).uniform(50000, kind, 0.0, 1.0).astype(np.float64)
        assert samples.min() >= 0 and samples.max() < 1
    wide = seeded(1).uniform(1000, dtypes.float64, -8e307, 8e307)
    assert np.isfinite(wide).all() and wide.min() < -7e307 and wide.max() > 7e307


@pytest.mark.parametrize("call, error, phrase", [
    (lambda g: g.randint(5, 3, 2), RandomError, "expects 'from' to be less than 'to', but got from=5 >= to=3"),
    (lambda g: g.randint(0, 300, 2, dtypes.uint8), RandomError, "to - 1 is out of bounds"),
    (lambda g: g.randint(-5, 3, 2, dtypes.uint8), RandomError, "from is out of bounds"),
    (lambda g: g.randint(0, 3, 2, dtypes.bool_), RandomError, "to - 1 is out of bounds"),
    (lambda g: g.randint(0, 70000, 2, dtypes.float16), RandomError, "to - 1 is out of bounds"),
    (lambda g: g.randint(0, 3, 2, dtypes.complex64), DtypeError, "integral, floating-point and boolean"),
    (lambda g: g.uniform(2, low=2, high=1), RandomError, r"found from=2 > to=1"),
    (lambda g: g.uniform(2, dtypes.float16, -60000, 60000), RandomError, "out of bounds"),
    (lambda g: g.normal(2, std=-1), RandomError, "expects std >= 0.0, but found std -1"),
    (lambda g: g.bernoulli(2.0, 3), RandomError, r"expects p to be in \[0, 1\]"),
    (lambda g: g.bernoulli(np.array([0.5, np.nan])), RandomError, r"expects p to be in \[0, 1\]"),
    (lambda g: g.bernoulli(np.array([0, 1])), DtypeError, "must be floats"),
    (lambda g: g.rand(2, dtypes.int64), DtypeError, "torch.int64"),
    (lambda g: g.randn(2, dtypes.int64), DtypeError, "torch.int64"),
    (lambda g: g.rand((2, -1)), ShapeError, "negative dimension -1"),
    (lambda g: g.randperm(-1), ShapeError, "negative dimension -1"),
    (lambda g: g.manual_seed(2**64), RandomError, "Overflow when unpacking"),
    (lambda g: g.set_state(np.zeros(3, np.uint8)), RandomError, "size to be 3"),
    (lambda g: g.set_state(np.zeros(5056, np.uint8)), RandomError, "invalid mt19937 state"),
    (lambda g: Generator("cuda"), RandomError, "'cuda'"),
])
def test_errors_keep_pytorchs_phrase_and_class(call: Callable[[Generator], object], error: type, phrase: str) -> None:
    generator = seeded(1)
    with pytest.raises(error, match=phrase) as caught:
        call(generator)
    assert isinstance(caught.value, RuntimeError)
    assert np.array_equal(generator.rand(3), seeded(1).rand(3)), "a failed draw must leave the stream alone"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", FLOATING + [dtypes.complex64, dtypes.complex128], ids=str)
def test_uniform_samples_equal_pytorchs(torch: Any, kind: dtypes.dtype, shape: tuple[int, ...]) -> None:
    ours, theirs = seeded(7), torch.Generator().manual_seed(7)
    expected = as_array(torch.rand(shape, dtype=getattr(torch, kind.name), generator=theirs))
    assert distance(ours.rand(shape, kind), expected) == 0
    for low, high in ((-1.3, 2.7), (0.1, 0.7), (100.0, 100.5), (3.0, 3.0)):
        expected = as_array(torch.empty(shape, dtype=getattr(torch, kind.name)).uniform_(low, high, generator=theirs))
        assert distance(ours.uniform(shape, kind, low, high), expected) == 0


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", FLOATING + [dtypes.complex64, dtypes.complex128], ids=str)
def test_normal_samples_equal_pytorchs(torch: Any, kind: dtypes.dtype, shape: tuple[int, ...]) -> None:
    ours, theirs = seeded(7), torch.Generator().manual_seed(7)
    double = kind in (dtypes.float64, dtypes.complex128)
    expected = as_array(torch.randn(shape, dtype=getattr(torch, kind.name), generator=theirs))
    assert distance(ours.randn(shape, kind), expected) <= (3 if double else 0)
    expected = as_array(torch.empty(shape, dtype=getattr(torch, kind.name)).normal_(0.3, 2.5, generator=theirs))
    drawn = ours.normal(shape, kind, 0.3, 2.5)
    if double:
        np.testing.assert_allclose(drawn, expected, rtol=1e-14, atol=1e-14)
    else:
        assert distance(drawn, expected) == 0


def test_many_single_precision_normals_equal_pytorchs_bit_for_bit(torch: Any) -> None:
    expected = torch.randn(1_000_003, generator=torch.Generator().manual_seed(2)).numpy()
    assert np.array_equal(seeded(2).randn(1_000_003).view(np.int32), expected.view(np.int32))


@pytest.mark.parametrize("low, high, kinds", [
    (0, 1, dtypes.ALL[:10]), (0, 2, dtypes.ALL[:10]), (0, 100, dtypes.ALL[1:10]), (-100, 100, dtypes.ALL[2:10]),
    (-2000, 2000, dtypes.ALL[3:10]), (0, 2**28 - 1, dtypes.ALL[4:6]), (0, 2**28, dtypes.ALL[4:6]),
    (-(2**31), 2**31 - 1, dtypes.ALL[4:6]), (-7, 2**33, (dtypes.int64, dtypes.float64)),
    (-(2**63), 2**63 - 1, (dtypes.int64,)), (0, 2**30, (dtypes.float32, dtypes.bfloat16)),
    (-(2**24) - 1, 2**24 + 1, (dtypes.float32,)), (2**53 + 1, 2**60, (dtypes.float64,)),
    (-2049, 2049, (dtypes.float16,)), (-60000, 65505, (dtypes.float16,)),
])
@pytest.mark.filterwarnings("ignore")  # PyTorch warns where floats skip integers
def test_integers_equal_pytorchs(torch: Any, low: int, high: int, kinds: tuple[dtypes.dtype, ...]) -> None:
    ours, theirs = seeded(9), torch.Generator().manual_seed(9)
    for kind in kinds:
        expected = as_array(torch.randint(low, high, (50, 7), dtype=getattr(torch, kind.name), generator=theirs))
        drawn = ours.randint(low, high, (50, 7), kind)
        assert drawn.dtype == expected.dtype and np.array_equal(drawn, expected), kind


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 623, 1000, 54321])
def test_permutations_equal_pytorchs(torch: Any, n: int) -> None:
    for seed in range(5 if n < 5000 else 1):
        ours, theirs = seeded(seed), torch.Generator().manual_seed(seed)
        assert np.array_equal(ours.randperm(n), torch.randperm(n, generator=theirs).numpy())
        assert np.array_equal(ours.rand(3), torch.rand(3, generator=theirs).numpy())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bernoulli_equals_pytorchs(torch: Any, shape: tuple[int, ...]) -> None:
    ours, theirs = seeded(13), torch.Generator().manual_seed(13)
    for kind in dtypes.ALL[:10]:
        expected = as_array(torch.empty(shape, dtype=getattr(torch, kind.name)).bernoulli_(0.3, generator=theirs))
        drawn = ours.bernoulli(0.3, shape, kind)
        assert drawn.dtype == expected.dtype and np.array_equal(drawn, expected)
    for kind in FLOATING:
        p = torch.rand(shape, dtype=getattr(torch, kind.name))
        assert np.array_equal(ours.bernoulli(as_array(p)), as_array(torch.bernoulli(p, generator=theirs)))


def test_dropout_draws_as_bernoulli_of_a_number(torch: Any) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        kept = torch.nn.functional.dropout(torch.ones(999), 0.3) != 0
    assert np.array_equal(seeded(4).bernoulli(1 - 0.3, 999, dtypes.bool_), kept.numpy())


DRAWS = [
    lambda ours, torch, theirs, n: (ours.rand(n), torch.rand(n, generator=theirs)),
    lambda ours, torch, theirs, n: (ours.randn(n), torch.randn(n, generator=theirs)),
    lambda ours, torch, theirs, n: (ours.randn(n, dtypes.bfloat16),
                                    torch.randn(n, dtype=torch.bfloat16, generator=theirs)),
    lambda ours, torch, theirs, n: (ours.randint(0, 10, n), torch.randint(0, 10, (n,), generator=theirs)),
    lambda ours, torch, theirs, n: (ours.randperm(n), torch.randperm(n, generator=theirs)),
    lambda ours, torch, theirs, n: (ours.bernoulli(0.5, n), torch.empty(n).bernoulli_(0.5, generator=theirs)),
]


@pytest.mark.parametrize("seed", range(10))
def test_mixed_calls_keep_in_step_with_pytorch(torch: Any, seed: int) -> None:
    """States are exchanged on the way: PyTorch's bytes continue here and ours continue there."""
    choose = np.random.default_rng(seed)
    ours, theirs = seeded(seed), torch.Generator().manual_seed(seed)
    for _ in range(60):
        n = int(choose.choice([0, 1, 2, 3, 15, 16, 17, 40, 700]))
        drawn, expected = DRAWS[choose.integers(len(DRAWS))](ours, torch, theirs, n)
        assert np.array_equal(drawn, as_array(expected))
        if choose.random() < 0.1:
            theirs = torch.Generator().set_state(torch.from_numpy(ours.get_state()))
        if choose.random() < 0.1:
            ours = Generator().set_state(theirs.get_state().numpy())
        assert ours.initial_seed() == theirs.initial_seed() == seed
