"""Runs one entry of PyTorch's operator database on torch and on gradc, and says in what they differ."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.testing._internal import common_utils
from torch.testing._internal.opinfo.core import OpInfo, SampleInput
from translation import Missing, counterpart, named, of_the_database, rebound, translated

import gradc

DTYPES = {torch.float64: 5, torch.float32: 2, torch.int64: 2, torch.bool: 2, torch.complex128: 2}
"""How many samples are tried for each element type."""
TOLERANCES = {"float64": 1e-8, "complex128": 1e-8, "float32": 2e-5, "complex64": 2e-5, "float16": 2e-3,
              "bfloat16": 2e-2}
GENERATED = 400
"""Samples are spread over the first so many that the database generates."""

common_utils.extract_test_fn = lambda: None  # it reads the source of every frame above, to look for a unittest


@dataclass
class Problem:
    """In which respect an op differs, for which way to call it and which type."""

    aspect: str
    variant: str
    dtype: str
    text: str

    def __str__(self) -> str:
        return f"{self.variant} {self.dtype} {self.aspect}: {self.text}"

    @property
    def keys(self) -> set[str]:
        """Under which of these the table of exceptions may excuse it."""
        return {self.aspect, self.variant, self.dtype, f"{self.aspect} {self.dtype}", f"{self.variant} {self.aspect}"}


@dataclass
class Outcome:
    """What a call gave: a result, or an error."""

    result: Any = None
    error: Exception | None = None


def attempt(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Outcome:
    torch.manual_seed(7)
    gradc.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Outcome(function(*args, **kwargs))
        except Missing:
            raise
        except gradc.coverage.MissingName as problem:  # type: ignore[attr-defined]
            raise Missing(str(problem).splitlines()[0]) from problem
        except Exception as problem:
            return Outcome(error=problem)


def leaves(x: Any) -> Iterator[Any]:
    """What a result consists of, in order."""
    if isinstance(x, (list, tuple)) and not isinstance(x, (torch.Size, gradc.Size)):
        for item in x:
            yield from leaves(item)
    elif isinstance(x, dict):
        yield from leaves(list(x.values()))
    else:
        yield x


def numbers(x: Any) -> np.ndarray[Any, Any]:
    x = x.detach()
    if x.dtype in (torch.bfloat16, gradc.bfloat16):
        x = x.float()
    if isinstance(x, torch.Tensor):
        x = x.clone().resolve_conj().resolve_neg()  # a clone: of zeros without memory there is no array
    return x.numpy()


def differ(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any], factor: float = 1) -> str | None:
    """In what two arrays of one shape differ by more than rounding, measured by the largest number."""
    rtol = TOLERANCES.get(theirs.dtype.name, 0) * factor
    if rtol == 0:
        return None if np.array_equal(ours, theirs) else f"{ours.ravel()[:6]}, not {theirs.ravel()[:6]}"
    finite = np.abs(theirs[np.isfinite(theirs)])
    atol = rtol * max(1.0, float(finite.max(initial=0)))
    with np.errstate(all="ignore"):
        far = ~np.isclose(ours, theirs, rtol=rtol, atol=min(atol, 1e300), equal_nan=True)
    if not far.any():
        return None
    return f"{ours[far][:4]}, not {theirs[far][:4]} ({far.sum()} of {far.size})"


def compare(ours: Any, theirs: Any, types_only: bool = False) -> tuple[str, str] | None:
    """The aspect in which two results differ, and how."""
    ours, theirs = list(leaves(ours)), list(leaves(theirs))
    if len(ours) != len(theirs):
        return "types", f"{len(ours)} results, not {len(theirs)}"
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(b, torch.Tensor) != isinstance(a, gradc.Tensor):
            return "types", f"{type(a).__name__}, not {type(b).__name__}"
        if not isinstance(b, torch.Tensor):
            if a != b and not (a != a and b != b) and not isinstance(b, torch.dtype):
                return "values", f"{a!r}, not {b!r}"
            continue
        if (a.dtype.name, tuple(a.shape)) != (str(b.dtype).removeprefix("torch."), tuple(b.shape)):
            return "types", f"{a.dtype.name}{list(a.shape)}, not {str(b.dtype)[6:]}{list(b.shape)}"
        found = None if types_only else differ(numbers(a), numbers(b))
        if found:
            return "values", found
    return None


def compare_gradients(ours: Any, theirs: Any, memo: dict[int, tuple[Any, Any]]) -> tuple[str, str] | None:
    """The gradients of all results that have one, of the same cotangents."""
    pairs = [(a, b) for a, b in zip(leaves(ours), leaves(theirs), strict=True) if isinstance(b, torch.Tensor)]
    for a, b in pairs:
        if a.requires_grad != b.requires_grad:
            return "requires_grad", f"{a.requires_grad}, not {b.requires_grad}"
    pairs = [(a, b) for a, b in pairs if b.requires_grad]
    operands = [(x, y) for x, y in memo.values() if x.requires_grad]
    if not pairs or not operands:
        return None
    random = np.random.default_rng(5)
    seeds = [random.normal(size=b.shape) * (1 + 1j if b.is_complex() else 1) for _, b in pairs]
    wanted = attempt(torch.autograd.grad, [b for _, b in pairs], [x for x, _ in operands],
                     [torch.tensor(s, dtype=b.dtype) for s, (_, b) in zip(seeds, pairs, strict=True)],
                     allow_unused=True)
    if wanted.error:
        return None  # torch has none here
    found = attempt(gradc.autograd.grad, [a for a, _ in pairs], [y for _, y in operands],
                    [gradc.tensor(s, dtype=a.dtype) for s, (a, _) in zip(seeds, pairs, strict=True)], allow_unused=True)
    if found.error:
        return "gradient", f"{type(found.error).__name__}: {str(found.error)[:200]}"
    for i, (a, b) in enumerate(zip(found.result, wanted.result, strict=True)):
        a, b = (np.zeros(tuple(operands[i][0].shape)) if x is None else numbers(x) for x in (a, b))
        text = f"shape {a.shape}, not {b.shape}" if a.shape != b.shape else differ(a, b, 10)
        if text:
            return "gradient", f"of operand {i}: {text}"
    return None


def described(sample: SampleInput) -> str:
    def one(x: Any) -> str:
        if isinstance(x, torch.Tensor):
            contiguous = "" if x.is_contiguous() else f" strides {x.stride()}"
            return f"{str(x.dtype)[6:]}{list(x.shape)}{contiguous}"
        if isinstance(x, (list, tuple)):
            return "[" + ", ".join(map(one, x)) + "]"
        return repr(x)

    keywords = [f"{key}={one(value)}" for key, value in sample.kwargs.items()]
    return "(" + ", ".join([one(sample.input), *map(one, sample.args), *keywords]) + ")"


def chosen(op: OpInfo, dtype: torch.dtype, count: int, gradient: bool) -> list[SampleInput]:
    """`count` samples spread over those that the database has."""
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(itertools.islice(op.sample_inputs("cpu", dtype, requires_grad=gradient), max(GENERATED, count)))
    if len(found) <= count:
        return found
    return [found[i] for i in sorted({round(i) for i in np.linspace(0, len(found) - 1, count)})]


def variants(op: OpInfo) -> Iterator[tuple[str, Callable[..., Any], Callable[[], Callable[..., Any]]]]:
    """The ways to call an op: how it is called, torch's function, and how to find gradc's."""
    if of_the_database(op.op):
        yield "function", op.op, lambda: rebound(op.op)
    else:
        yield "function", op.op, lambda: named(op.name)
    if op.method_variant is not None:
        yield "method", op.method_variant, lambda: counterpart(op.method_variant)
    if op.inplace_variant is not None:
        yield "inplace", _on_a_clone(op.inplace_variant), lambda: _on_a_clone(counterpart(op.inplace_variant))
    for kind in ("operator_variant", "inplace_operator_variant"):
        operator = getattr(op, kind)
        if operator is not None:
            function = _on_a_clone(operator)
            yield kind, function, lambda function=function: function
    for alias in op.aliases:
        if not alias.name.startswith("_"):
            yield f"alias {alias.name}", alias.op, functools.partial(named, alias.name)


def _on_a_clone(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *args, **kwargs: function(x.clone() if hasattr(x, "clone") else x, *args, **kwargs)


def problems(op: OpInfo, all_samples: bool = False, types_only: bool = False) -> Iterator[Problem]:
    """All in which gradc differs from torch on the samples of an op."""
    for dtype, count in DTYPES.items():
        if dtype not in op.supported_dtypes("cpu"):
            continue
        name = str(dtype).removeprefix("torch.")
        gradient = op.supports_autograd and dtype in op.supported_backward_dtypes("cpu")
        samples = chosen(op, dtype, 10**6 if all_samples else count, gradient)
        for variant, theirs, find in variants(op):
            try:
                ours = find()
                for sample in samples if variant == "function" else samples[: len(samples) // 2 + 1]:
                    found = problem_of_sample(sample, ours, theirs, gradient, types_only)
                    if found:
                        yield Problem(found[0], variant, name, f"{described(sample)}: {found[1]}")
                documented = op.supports_out and not op.name.startswith("nn.functional.")
                if variant == "function" and documented and dtype is torch.float64 and samples:
                    found = problem_of_out(samples[0], ours, theirs, types_only)
                    if found:
                        yield Problem(found[0], "out", name, f"{described(samples[0])}: {found[1]}")
            except Missing as missing:
                yield Problem("missing", variant, name, str(missing))
                if variant == "function":
                    return
    yield from problems_of_errors(op)


def problem_of_sample(sample: SampleInput, ours: Any, theirs: Any, gradient: bool,
                      types_only: bool) -> tuple[str, str] | None:
    memo: dict[int, tuple[Any, Any]] = {}
    args, kwargs = translated((sample.input, *sample.args), memo), translated(sample.kwargs, memo)
    wanted = attempt(theirs, sample.input, *sample.args, **sample.kwargs)
    found = attempt(ours, *args, **kwargs)
    if wanted.error or found.error:
        return compare_errors(found.error, wanted.error)
    process = sample.output_process_fn_grad
    wanted = attempt(process, wanted.result)
    found = attempt(rebound(process) if of_the_database(process) else process, found.result)
    if wanted.error or found.error:
        return compare_errors(found.error, wanted.error)
    problem = compare(found.result, wanted.result, types_only)
    if problem is None and gradient:
        problem = compare_gradients(found.result, wanted.result, memo)
    return problem


def compare_errors(ours: Exception | None, theirs: Exception | None) -> tuple[str, str] | None:
    if theirs is None:
        return "raises", f"{type(ours).__name__}: {str(ours)[:300]}"
    said = f"{type(theirs).__name__}: {str(theirs)[:160]}"
    if ours is None:
        return "silent", f"torch raises {said}"
    if isinstance(theirs, NotImplementedError) and isinstance(ours, RuntimeError) or isinstance(ours, type(theirs)):
        return None
    return "errors", f"{type(ours).__name__} ({str(ours)[:160]}), not {said}"


def problem_of_out(sample: SampleInput, ours: Any, theirs: Any, types_only: bool) -> tuple[str, str] | None:
    """`out=` gets the result, and is what is returned."""
    with torch.no_grad(), gradc.no_grad():
        wanted = attempt(theirs, sample.input, *sample.args, **sample.kwargs)
        if wanted.error or not all(isinstance(x, torch.Tensor) for x in leaves(wanted.result)):
            return None
        memo: dict[int, tuple[Any, Any]] = {}
        args, kwargs = translated((sample.input, *sample.args), memo), translated(sample.kwargs, memo)
        outs = [translated(torch.empty_like(x.detach()), {}) for x in leaves(wanted.result)]
        single = isinstance(wanted.result, torch.Tensor)
        found = attempt(ours, *args, **kwargs, out=outs[0] if single else tuple(outs))
    if found.error:
        return "out", f"{type(found.error).__name__}: {str(found.error)[:200]}"
    return compare(outs, wanted.result, types_only)


def problems_of_errors(op: OpInfo) -> Iterator[Problem]:
    """What torch refuses is refused here, by an error of the same kind."""
    if op.error_inputs_func is None:
        return
    _, theirs, find = next(variants(op))
    ours = find()
    torch.manual_seed(3)
    for case in op.error_inputs("cpu"):
        sample = case.sample_input
        if "out" in sample.kwargs:
            continue  # out= may share memory with operands here, and is of any type that the result can be cast to
        memo: dict[int, tuple[Any, Any]] = {}
        try:
            args, kwargs = translated((sample.input, *sample.args), memo), translated(sample.kwargs, memo)
            found = attempt(ours, *args, **kwargs)
        except Missing:
            continue  # an error of layouts or devices that gradc does not have
        expected = case.error_type if isinstance(case.error_type, tuple) else (case.error_type,)
        if found.error is None and expected == (Exception,):
            continue  # torch has no overload for numbers in these places; gradc computes the same as on 0-d tensors
        if found.error is None:
            text = f"torch raises {expected[0].__name__}: {case.error_regex[:160]}"
            yield Problem("silent", "function", "errors", f"{described(sample)}: {text}")
        elif not isinstance(found.error, expected) and NotImplementedError not in expected:
            text = f"{type(found.error).__name__} ({str(found.error)[:160]}), not {expected[0].__name__}: "
            yield Problem("errors", "function", "errors", f"{described(sample)}: {text}{case.error_regex[:160]}")
