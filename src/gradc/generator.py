"""PyTorch's random numbers on NumPy: the same seed gives the numbers that PyTorch gives on a CPU with AVX2.

The stream of 32-bit words is NumPy's own Mersenne Twister; this module turns words into samples as PyTorch does.
Uniform and integer samples, permutations and single-precision normal samples are equal bit for bit; double-precision
normal samples, which need the platform's logarithm and sine, may differ in the last bits. PyTorch itself rounds
differently on CPUs without fused multiply-add.

Source: ATen/core/DistributionsHelper.h, ATen/core/TransformationHelper.h and ATen/native/cpu/DistributionTemplates.h.
"""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc import dtypes
from gradc.errors import DtypeError, GradcError, ShapeError
from gradc.ir.types import Type

DEFAULT_SEED = 67280421310721
"""The seed of a generator that nobody seeded."""

BLOCK = 16
"""Normal samples are made in blocks: 8 uniform samples for the radii, then 8 for the angles."""

CHUNK = 1 << 15
"""Samples transformed at a time, so that temporary arrays stay in the cache."""

WORDS = 624
"""Words of the Mersenne Twister's state."""

_STATE = np.dtype({
    "names": ["seed", "left", "seeded", "next", "words", "normal", "has_normal"],
    "formats": [np.uint64, np.int32, np.int32, np.uint64, (np.uint64, WORDS), np.float64, np.int32],
    "offsets": [0, 8, 12, 16, 24, 5024, 5040],
    "itemsize": 5056,
})
"""Layout of PyTorch's saved state. `left` counts the words until the next twist; `normal` is the cached sample."""

Shape = int | Sequence[int]


class RandomError(GradcError, RuntimeError, ValueError):
    """Parameters that no distribution has, or a state that is none."""


class Generator:
    """A stream of random numbers, as torch.Generator, with methods that draw NumPy arrays from it.

    Threads may share a generator: each draw takes consecutive numbers of the stream. A dtype is anything that
    gradc.dtypes.of knows; left out, it is the default dtype for fractions and int64 for integers.
    """

    def __init__(self, device: str = "cpu") -> None:
        if str(device) != "cpu":
            raise RandomError(f"Generator: no random numbers on device {device!r}; gradc has 'cpu' only")
        self._lock = threading.RLock()
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`. Negative seeds count from 2**64 down."""
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise RandomError(f"manual_seed: Overflow when unpacking long long, {seed} is not in [-2**63, 2**64)")
        with self._lock:
            self._seed = seed % 2**64
            self._twister = np.random.RandomState(self._seed % 2**32)
            self._spare_normal: float | None = None
        return self

    def seed(self) -> int:
        """Start a stream that nobody can foresee, and return its seed."""
        return self.manual_seed(secrets.randbits(53)).initial_seed()

    def initial_seed(self) -> int:
        """The seed of the stream, as last set."""
        return self._seed

    def get_state(self) -> np.ndarray:
        """The point in the stream, as the bytes that torch.Generator.get_state gives."""
        state = np.zeros(1, _STATE)
        with self._lock:
            twister = self._twister.get_state(legacy=False)["state"]
            spare = self._spare_normal
            state["seed"] = self._seed
        state["left"] = WORDS + 1 - twister["pos"]
        state["seeded"] = 1
        state["next"] = twister["pos"]
        state["words"] = twister["key"]
        state["normal"] = spare or 0.0
        state["has_normal"] = spare is not None
        return state.view(np.uint8)

    def set_state(self, state: np.ndarray) -> Generator:
        """Continue at a point that get_state gave, here or in PyTorch."""
        data = np.ascontiguousarray(state)
        if data.dtype != np.uint8 or data.size != _STATE.itemsize:
            raise RandomError(f"set_state: Expected a CPUGeneratorImplState of size {_STATE.itemsize} in uint8 but "
                              f"found the input RNG state size to be {data.size} in {data.dtype}")
        fields = data.reshape(-1).view(_STATE)[0]
        if not 1 <= fields["left"] <= WORDS:
            raise RandomError(f"set_state: invalid mt19937 state, {fields['left']} words are left of {WORDS}")
        position = WORDS + 1 - int(fields["left"])
        with self._lock:
            self._seed = int(fields["seed"])
            self._twister.set_state(("MT19937", fields["words"].astype(np.uint32), position, 0, 0.0))
            self._spare_normal = float(fields["normal"]) if fields["has_normal"] else None
        return self

    def __reduce__(self) -> tuple[Any, tuple[type[Generator], np.ndarray]]:
        return _restored, (type(self), Generator.get_state(self))

    def rand(self, shape: Shape, dtype: object = None) -> np.ndarray:
        """Samples spread evenly over [0, 1), as torch.rand."""
        return self.uniform(shape, dtype)

    def uniform(self, shape: Shape, dtype: object = None, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """Samples spread evenly over [low, high), as Tensor.uniform_."""
        kind, dimensions = _float_kind("uniform", dtype), as_dimensions(shape)
        if not low <= high:
            raise RandomError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
        if not max(abs(low), abs(high), high - low) <= _largest(kind):
            raise RandomError(f"uniform_: from={low}, to={high} or to-from is out of bounds for {kind!r}, "
                              f"whose largest number is {_largest(kind)}")
        if kind.is_complex:
            return _paired(self.uniform((*dimensions, 2), _part(kind), low, high), kind)
        samples = self._unit(math.prod(dimensions), kind is dtypes.float64)
        if (low, high) != (0, 1):
            start, stop = samples.dtype.type(low), samples.dtype.type(high)
            samples = _multiply_add(samples, stop - start, start)
        result = samples.astype(kind.numpy, copy=False)
        bounds = np.array([low, high], kind.numpy)
        result[result == bounds[1]] = bounds[0]  # rounding can reach `high`, which is not in the range
        return result.reshape(dimensions)

    def randn(self, shape: Shape, dtype: object = None) -> np.ndarray:
        """Samples of the standard normal distribution, as torch.randn."""
        return self.normal(shape, dtype)

    def normal(self, shape: Shape, dtype: object = None, mean: float = 0.0, std: float = 1.0) -> np.ndarray:
        """Samples of a normal distribution, as Tensor.normal_.

        Of complex samples, `mean` is that of each part, as in PyTorch, and `std` that of the whole number.
        """
        kind, dimensions = _float_kind("normal", dtype), as_dimensions(shape)
        if not std >= 0:
            raise RandomError(f"normal expects std >= 0.0, but found std {std}")
        if kind.is_complex:
            return _paired(self.normal((*dimensions, 2), _part(kind), mean, std / math.sqrt(2)), kind)
        count = math.prod(dimensions)
        if count < BLOCK:
            samples = _multiply_add(self._few_normals(count), np.float64(std), np.float64(mean))
            if kind is not dtypes.float64:
                samples = samples.astype(np.float32)  # PyTorch's half types round twice: double, float, half
        else:
            samples = self._many_normals(count, kind, mean, std)
        return samples.astype(kind.numpy, copy=False).reshape(dimensions)

    def randint(self, low: int, high: int, shape: Shape, dtype: object = None) -> np.ndarray:
        """Integers spread evenly over [low, high), as torch.randint; int64 unless a dtype is given."""
        kind, dimensions = dtypes.int64 if dtype is None else dtypes.of(dtype), as_dimensions(shape)
        low, high = _integer_bounds(int(low), int(high), kind)
        span, count = high - low, math.prod(dimensions)
        if span >= 2**28:  # a remainder of 32 bits would favour small numbers noticeably
            offsets = self._words64(count) % np.uint64(span)
        else:
            offsets = (self._words(count) % np.uint32(span)).astype(np.uint64)
        integers = (offsets + np.uint64(low % 2**64)).view(np.int64)
        if kind.bits == 16 and kind.is_floating_point:
            integers = integers.astype(np.float32)  # PyTorch's half types round twice: integer, float, half
        return integers.astype(kind.numpy, copy=False).reshape(dimensions)

    def randperm(self, n: int, dtype: object = None) -> np.ndarray:
        """The integers below `n` in random order, as torch.randperm; int64 unless a dtype is given."""
        kind, (n,) = dtypes.int64 if dtype is None else dtypes.of(dtype), as_dimensions(n)
        swaps = max(n - 1, 0)
        too_many = n >= (2**32 - 1) // 20  # for remainders of 32 bits to be even enough
        words = self._words64(swaps) if too_many else self._words(swaps)
        steps = np.arange(n)
        partners = steps.copy()
        partners[:swaps] += (words % np.arange(n, 1, -1).astype(words.dtype)).astype(np.int64)
        return _swapped(partners, steps).astype(kind.numpy, copy=False)

    def bernoulli(self, p: float | np.ndarray, shape: Shape | None = None, dtype: object = None) -> np.ndarray:
        """Ones with probability `p` and zeros, as Tensor.bernoulli_ for a number and torch.bernoulli for an array.

        The shape and the dtype of an array `p` hold where none are given. A number, and an array in float64, are
        compared with samples of 53 bits, other arrays with samples of 24.
        """
        own = dtypes.of(p.dtype) if isinstance(p, np.ndarray) else dtypes.get_default_dtype()
        if not own.is_floating_point:
            raise DtypeError(f"bernoulli: probabilities must be floats, got {own!r}")
        kind = own if dtype is None else dtypes.of(dtype)
        probabilities = np.asarray(p)
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise RandomError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        double = not isinstance(p, np.ndarray) or p.dtype == np.float64
        dimensions = probabilities.shape if shape is None else as_dimensions(shape)
        samples = self._unit(math.prod(dimensions), double).reshape(dimensions)
        return (samples < probabilities.astype(samples.dtype)).astype(kind.numpy)

    def _words(self, count: int) -> np.ndarray:
        """The next words of the stream, 32 bits each."""
        with self._lock:
            return self._twister.randint(0, 2**32, count, np.uint32)

    def _words64(self, count: int) -> np.ndarray:
        """The next pairs of words as 64-bit words: the earlier word is the upper half."""
        words = self._words(2 * count)
        return (words[0::2].astype(np.uint64) << np.uint64(32)) | words[1::2]

    def _unit(self, count: int, double: bool) -> np.ndarray:
        """Samples in [0, 1), from the lower bits of words: as many as a float or a double holds exactly."""
        if double:
            bits = self._words64(count) & np.uint64(2**53 - 1)
            return bits.view(np.int64) * 2.0**-53
        bits = self._words(count) & np.uint32(2**24 - 1)
        return bits.view(np.int32).astype(np.float32) * np.float32(2**-24)

    def pairwise_normals(self, shape: Shape) -> np.ndarray:
        """Standard normal samples in double precision, in pairs; the second may be left over for the next call."""
        dims = as_dimensions(shape)
        return self._few_normals(math.prod(dims)).reshape(dims)

    def _few_normals(self, count: int) -> np.ndarray:
        """As pairwise_normals, by a loop: meant for few."""
        with self._lock:
            samples: list[float] = []
            if count and self._spare_normal is not None:
                samples, self._spare_normal = [self._spare_normal], None
            pairs = (count - len(samples) + 1) // 2
            for turn, fraction in self._unit(2 * pairs, double=True).reshape(-1, 2).tolist():
                radius, angle = math.sqrt(-2.0 * math.log1p(-fraction)), 2.0 * math.pi * turn
                samples += (radius * math.cos(angle), radius * math.sin(angle))
            if len(samples) > count:
                self._spare_normal = samples.pop()
        return np.array(samples)

    def _many_normals(self, count: int, kind: dtypes.dtype, mean: float, std: float) -> np.ndarray:
        """At least 16 samples, in whole blocks. One more block overwrites the last 16 where the count is uneven."""
        whole = count // BLOCK * BLOCK
        tail = BLOCK if whole < count else 0
        filled = whole if kind.bits == 16 else count  # floats fill the whole array with words first, then drop some
        unit = self._unit(filled + tail, kind is dtypes.float64)
        blocks = np.concatenate([unit[:whole], unit[filled:]]).reshape(-1, 2, BLOCK // 2)
        step = CHUNK // BLOCK
        for start in range(0, len(blocks), step):
            _box_muller(blocks[start : start + step], mean, std)
        samples = blocks.reshape(-1)
        if tail:
            samples[count - BLOCK : count] = samples[whole:].copy()  # the two may overlap
        return samples[:count]


@dataclass(frozen=True, eq=False)
class Draw:
    """A use of a generator that a trace noted: numbers in a `shape`, or, where it is None, a change of its state.

    `sample(generator, shape)` draws or changes; `name` is what a graph calls the numbers.
    """

    name: str
    generator: Generator
    sample: Callable[[Any, Any], Any]
    shape: tuple[int, ...] | None

    def __call__(self) -> Any:
        return self.sample(self.generator, self.shape)

    def infer(self) -> Type:
        """The type of the numbers. Raises what drawing them would raise, and leaves the generator alone."""
        return Type(dtypes.of(self.sample(Generator(), (0,)).dtype), self.shape or ())


def _restored(kind: type[Generator], state: np.ndarray) -> Generator:
    """A generator at a saved point; what pickle calls."""
    return Generator.set_state(kind(), state)


def as_dimensions(shape: Shape) -> tuple[int, ...]:
    """A shape as a tuple. Raises ShapeError for negative sizes."""
    dimensions = tuple(map(int, shape)) if isinstance(shape, Iterable) else (int(shape),)
    if any(size < 0 for size in dimensions):
        raise ShapeError(f"Trying to create tensor with negative dimension {min(dimensions)}: {list(dimensions)}")
    return dimensions


def _float_kind(name: str, dtype: object) -> dtypes.dtype:
    """The dtype asked for, which must be one that has fractions."""
    kind = dtypes.get_default_dtype() if dtype is None else dtypes.of(dtype)
    if not kind.is_differentiable:
        raise DtypeError(f"{name}: not implemented for {kind!r}; draw floats and convert them, or use randint")
    return kind


def _part(kind: dtypes.dtype) -> dtypes.dtype:
    """The dtype of the real part of a complex dtype."""
    return dtypes.float64 if kind is dtypes.complex128 else dtypes.float32


def _paired(parts: np.ndarray, kind: dtypes.dtype) -> np.ndarray:
    """Complex numbers from (real, imaginary) in the last dimension."""
    return parts.view(kind.numpy)[..., 0]


def _largest(kind: dtypes.dtype) -> float:
    """The largest finite number of a dtype with fractions, or of its parts."""
    if kind is dtypes.bfloat16:
        return (2 - 2**-7) * 2.0**127  # NumPy knows nothing about this type
    return float(np.finfo(kind.numpy).max)


def _integer_bounds(low: int, high: int, kind: dtypes.dtype) -> tuple[int, int]:
    """Bounds for randint that `kind` can hold, or an error."""
    if low >= high:
        raise RandomError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if kind.is_complex:
        raise DtypeError(f"randint: handles only integral, floating-point and boolean types, got {kind!r}")
    if kind is dtypes.bool_:
        least, most = 0, 1
    elif kind.is_floating_point:
        most = min(int(_largest(kind)), 2**63 - 1)
        least = max(-int(_largest(kind)), -(2**63))
    else:
        least, most = int(np.iinfo(kind.numpy).min), int(np.iinfo(kind.numpy).max)
    for name, bound in (("from", low), ("to - 1", high - 1)):
        if not least <= bound <= most:
            raise RandomError(f"randint: {name} is out of bounds for {kind!r}, {bound} is not in [{least}, {most}]")
    return _without_rounding(low, high, kind) if kind.is_floating_point else (low, high)


_MANTISSA_BITS = {dtypes.float16: 11, dtypes.bfloat16: 8, dtypes.float32: 24, dtypes.float64: 53}


def _without_rounding(low: int, high: int, kind: dtypes.dtype) -> tuple[int, int]:
    """Move bounds beyond the mantissa inwards, so that no integer between them rounds to a float outside."""
    def rounded(value: int) -> int:
        wide = np.float64(value) if kind is dtypes.float64 else np.float32(value)
        return int(float(wide.astype(kind.numpy)))

    def spacing(value: int) -> int:
        return 1 << max(abs(value).bit_length() - _MANTISSA_BITS[kind], 0)

    if rounded(low + 1) < low:
        low = rounded(low + 1) + spacing(low + 1)
    if rounded(high - 1) >= high:
        high = rounded(high - 1) - spacing(high - 1)
    if low >= high:
        raise RandomError(f"random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
                          f"but got from={low} >= to={high}")
    return low, high


def _swapped(partners: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The positions 0, 1, 2, ... after step i = 0, 1, 2, ... has swapped position i with partners[i] >= i.

    No step depends on a loop here. Step i takes what lies at its partner: what the last earlier step with that
    partner put there, if there is one. That step k put there what lay at position k, which in turn came from the last
    earlier step with partner k, and so on: a chain of pointers, followed for all steps at once.
    """
    origin = steps.copy()
    moving = np.flatnonzero(partners > steps)
    origin[partners[moving]] = moving  # of repeated partners the last counts
    while not np.array_equal(further := origin[origin], origin):
        origin = further
    bits = len(steps).bit_length()
    order = np.sort(partners << bits | steps) & ((1 << bits) - 1)  # steps by partner, then by time
    repeated = np.flatnonzero(partners[order[1:]] == partners[order[:-1]])
    result = partners.copy()
    result[order[repeated + 1]] = origin[order[repeated]]
    return result


def _multiply_add(a: np.ndarray, b: Any, c: Any) -> np.ndarray:
    """a * b + c with one rounding, as the fused instruction of the CPU. The result has the type of `a`.

    Single precision is computed in double precision. Double precision adds the rounding errors of the product and
    of the sum, which are doubles themselves, at the end.

    Source: T. J. Dekker, "A floating-point technique for extending the available precision", 1971.
    """
    if a.dtype == np.float32:
        wide = np.multiply(a, b, dtype=np.float64)
        wide += c
        return wide.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        product = a * b
        a_high, b_high = _upper_half(a), _upper_half(b)
        a_low, b_low = a - a_high, b - b_high
        product_error = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
        total = product + c
        other = total - product
        total_error = (product - (total - other)) + (c - other)
        exact = total + (product_error + total_error)
    return np.where(np.isfinite(exact), exact, total)


def _upper_half(x: Any) -> Any:
    """The upper 26 bits of a double's mantissa, so that products of halves are exact."""
    scaled = x * (2.0**27 + 1)
    return scaled - (scaled - x)


def _box_muller(blocks: np.ndarray, mean: float, std: float) -> None:
    """Turn uniform samples into normal ones in place: (radius, angle) becomes the point's two coordinates."""
    number = blocks.dtype.type
    fractions = 1 - blocks[:, 0]  # in (0, 1], so that the logarithm is finite
    angles = blocks[:, 1] * number(2 * math.pi)
    if blocks.dtype == np.float32:
        logarithms, (sines, cosines) = _log(fractions), _sine_and_cosine(angles)
    else:
        logarithms, sines, cosines = np.log(fractions), np.sin(angles), np.cos(angles)
    radii = np.sqrt(number(-2) * logarithms)
    blocks[:, 0] = _multiply_add(radii * cosines, number(std), number(mean))
    blocks[:, 1] = _multiply_add(radii * sines, number(std), number(mean))


_LOG = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
_SINE = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COSINE = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_LN2 = (-2.12194440e-4, 0.693359375)
_QUARTER_PI = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
"""Cephes' polynomials, and constants in parts, small and large, whose sum is more precise than a float."""


def _polynomial(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    """The value of a polynomial in single precision, highest power first."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = _multiply_add(value, x, np.float32(coefficient))
    return value


def _log(x: np.ndarray) -> np.ndarray:
    """The natural logarithm in single precision, with the rounding of PyTorch's vector code.

    Source: Cephes, logf.c, as arranged in ATen/native/cpu/avx_mathfun.h.
    """
    half, one = np.float32(0.5), np.float32(1)
    mantissa, exponent = np.frexp(x)
    small = mantissa < np.float32(math.sqrt(0.5))
    power = (exponent - small).astype(np.float32)
    x = (mantissa - one) + np.where(small, mantissa, np.float32(0))  # within [sqrt(0.5) - 1, sqrt(2) - 1]
    square = x * x
    value = _polynomial(_LOG, x) * x
    value = _multiply_add(value, square, power * np.float32(_LN2[0]))
    value = _multiply_add(square, -half, value)
    return _multiply_add(power, np.float32(_LN2[1]), x + value)


def _sine_and_cosine(angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sine and cosine of angles >= 0 in single precision, with the rounding of PyTorch's vector code.

    Source: Cephes, sinf.c, as arranged in ATen/native/cpu/avx_mathfun.h.
    """
    octant = (angle * np.float32(4 / math.pi)).astype(np.int32)
    octant = (octant + 1) & ~1
    x, multiple = angle, octant.astype(np.float32)
    for part in _QUARTER_PI:
        x = _multiply_add(multiple, np.float32(part), x)
    square = x * x
    cosine = _polynomial(_COSINE, square) * square
    cosine = _multiply_add(cosine, square, square * np.float32(-0.5)) + np.float32(1)
    sine = _multiply_add(_polynomial(_SINE, square) * square, x, x)
    swap = octant & 2 != 0
    return (np.where(swap, cosine, sine) * _sign(octant & 4 != 0),
            np.where(swap, sine, cosine) * _sign((octant + 2) & 4 != 0))


def _sign(negative: np.ndarray) -> np.ndarray:
    return np.where(negative, np.float32(-1), np.float32(1))
