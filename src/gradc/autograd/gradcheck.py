"""Gradients held against finite differences: torch.autograd.gradcheck and gradgradcheck.

A matrix here has a row for each number of an input and a column for each number of an output, as PyTorch prints it.
Of complex outputs the real and the imaginary parts are checked one after the other; by a complex input a real function
has the gradient ∂f/∂re + i ∂f/∂im.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.engine import grad
from gradc.errors import GradcError, GradError
from gradc.func.batching import vmap
from gradc.ops.creation import zeros_like
from gradc.ops.drawing import Generator
from gradc.pushforward import pushforward
from gradc.tensor import Tensor, host_array, wrap

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Array = np.ndarray[Any, Any]


class GradcheckError(GradcError, RuntimeError):
    """A gradient that is not the derivative."""


class GradcheckArgumentError(GradcError, ValueError):
    """Inputs that leave nothing to check."""


class GradcheckOptionError(GradcError, AssertionError):
    """Options that do not go together."""


def gradcheck(func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
              raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
              check_grad_dtypes: bool = False, check_batched_grad: bool = False,
              check_batched_forward_grad: bool = False, check_forward_ad: bool = False,
              check_backward_ad: bool = True, fast_mode: bool = False, masked: bool | None = None) -> bool:
    """Whether the gradients of `func` are its derivatives, by finite differences of step `eps` at `inputs`.

    Inputs should be float64 or complex128. They are changed while it runs, and put back. `fast_mode` compares one
    random combination of rows and columns in place of all. Forward mode and vmap are checked where asked for. Also
    checked: two backwards agree within `nondet_tol`, and no cotangent gives no gradient.

    Raises GradcheckError for a wrong gradient, or returns False where not `raise_exception`.
    Source  torch.autograd.gradcheck
    """
    for refused, why in ((not (check_forward_ad or check_backward_ad),
                          "Expected at least one of check_forward_ad or check_backward_ad to be True"),
                         (check_batched_grad and not check_backward_ad,
                          "Setting check_batched_grad=True requires check_backward_ad to be True"),
                         (check_batched_forward_grad and not check_forward_ad,
                          "Setting check_batched_forward_grad=True requires check_forward_ad to be True")):
        if refused:
            raise GradcheckOptionError(why)
    check = _Check(func, _as_tuple(inputs), eps, atol, rtol, nondet_tol, check_grad_dtypes, fast_mode)
    try:
        _check_inputs(check.inputs)
        if check_backward_ad:
            check.backward()
        if check_forward_ad:
            check.forward(check_batched_forward_grad)
        if check_backward_ad:
            check.linearity(check_batched_grad, check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6,
                  atol: float = 1e-5, rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False,
                  raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
                  check_grad_dtypes: bool = False, check_batched_grad: bool = False,
                  check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True, fast_mode: bool = False,
                  masked: bool = False) -> bool:
    """Whether the second gradients of `func` are the derivatives of its first; see gradcheck.

    Cotangents are random numbers in [-1, 1), from a generator of their own, unless `grad_outputs` are given.

    Source  torch.autograd.gradgradcheck
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise GradcheckOptionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    given = _as_tuple(inputs)
    if grad_outputs is None:
        stream = Generator()
        seeds = tuple([_cotangent(y, stream, gen_non_contig_grad_outputs) for y in _differentiable(func(*given))])
    else:
        seeds = _as_tuple(grad_outputs)
    wanted = [i for i, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        xs = args[: len(given)]
        outputs = _differentiable(func(*xs))
        found = grad(outputs, [xs[i] for i in wanted], args[len(given) :], create_graph=True, allow_unused=True)
        return tuple([g for g in found if g is not None])

    return gradcheck(gradients, given + seeds, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
                     nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad,
                     check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad, fast_mode=fast_mode,
                     check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev, masked=masked)


def _cotangent(output: Tensor, stream: Generator, strided: bool) -> Tensor:
    shape = (*output.shape[:-1], 2 * output.shape[-1]) if strided and output.ndim else output.shape
    made = wrap(stream.uniform(shape, output.dtype, -1.0, 1.0))
    return (made[..., ::2] if strided and output.ndim else made).requires_grad_()  # type: ignore[index]


@dataclass
class _Check:
    """One check of a function at a point. `part` takes of a complex output what is checked now."""

    func: Callable[..., Any]
    inputs: tuple[Any, ...]
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    check_grad_dtypes: bool
    fast: bool

    def __post_init__(self) -> None:
        self.wanted = [(i, x) for i, x in enumerate(self.inputs) if isinstance(x, Tensor) and x.requires_grad]
        self.tensors = [x for _, x in self.wanted]

    def outputs(self, part: str = "") -> tuple[Tensor, ...]:
        """The tensors that func returns; of complex ones the `part` "real" or "imag"."""
        found = _as_tuple(self.func(*self.inputs))
        return tuple([getattr(y, part) if part and y.is_complex() else y for y in found])

    # Backward

    def backward(self) -> None:
        """Compare every gradient with finite differences."""
        outputs = self.outputs()
        several = any(y.is_complex() for y in outputs)
        split = [i for i, y in enumerate(_differentiable(outputs)) if y.is_complex()]
        for part in ("imag", "real") if several else ("",):
            outputs = self.outputs(part)
            differentiable = _differentiable(outputs)
            for j, (i, x) in enumerate(self.wanted):
                numerical = self._numerical(x, part)
                if not differentiable:
                    if any(np.any(n) for n in numerical):
                        raise GradcheckError("Numerical gradient for function expected to be zero"
                                             + locations.quote(locations.here()))
                    continue
                numerical = [n for n, y in zip(numerical, outputs, strict=True) if y.requires_grad]
                for o, (n, y) in enumerate(zip(numerical, differentiable, strict=True)):
                    place = o, i, _considering(part, "outputs") if o in split else "", ""
                    a = self._analytical(y, j)
                    if not self.fast:
                        self._compare(a, n, place)
                    elif a.size and n.size:
                        rows, columns = _weights(len(a)), _weights(n.shape[1])
                        self._compare(rows @ a, n @ columns, place, rows.sum() * columns.sum())

    def _numerical(self, x: Tensor, part: str) -> list[Array]:
        """By x, the derivatives of all outputs."""
        rows: list[list[Array]] = []
        for along in self._directions(x):
            by_real = self._difference(x, along, part)
            if x.is_complex():
                by_imaginary = self._difference(x, along * 1j, part)
                by_real = [a + 1j * b for a, b in zip(by_real, by_imaginary, strict=True)]
            rows.append(by_real)
        return [np.stack(columns) for columns in zip(*rows, strict=True)] if rows else \
            [np.zeros((0, y.numel())) for y in self.outputs(part)]

    def _difference(self, x: Tensor, along: Array, part: str = "") -> list[Array]:
        """The derivatives of all outputs in a direction of x."""
        array, before = _writable(x), x._array.copy()
        try:
            array[...] = before - self.eps * along
            low = [host_array(y, "gradcheck()").copy() for y in self.outputs(part)]
            array[...] = before + self.eps * along
            high = [host_array(y, "gradcheck()") for y in self.outputs(part)]
            return [_slope(a, b, self.eps) for a, b in zip(low, high, strict=True)]
        finally:
            array[...] = before

    def _analytical(self, output: Tensor, j: int) -> Array:
        """By input j of those wanted, the derivatives of an output, from backward."""
        first, second = [[self._pull(output, along)[j] for along in self._directions(output)] for _ in range(2)]
        x = self.tensors[j]
        for g in first:
            if g is not None and g.shape != x.shape:
                raise GradcheckError("Analytical gradient has incorrect size")
            if g is not None and g.dtype is not x.dtype and self.check_grad_dtypes:
                raise GradcheckError("Gradient has dtype mismatch")
        columns, again = [[_flat(g, x) for g in found] for found in (first, second)]
        if any(not (np.abs(a - b) <= self.nondet_tol).all() for a, b in zip(columns, again, strict=True)):
            raise GradcheckError("Backward is not reentrant, i.e., running backward with same input and grad_output "
                                 "multiple times gives different values, although analytical gradient matches "
                                 f"numerical gradient.The tolerance for nondeterminism was {self.nondet_tol}.")
        return np.stack(columns, axis=1) if columns else np.zeros((x.numel(), 0))

    def _pull(self, output: Tensor, along: Array) -> tuple[Tensor | None, ...]:
        return grad(output, self.tensors, wrap(along), retain_graph=True, allow_unused=True)

    # Forward mode

    def forward(self, batched: bool) -> None:
        """Compare the tangents of forward mode with finite differences, and those of many directions with vmap."""
        split = [i for i, x in enumerate(self.inputs) if isinstance(x, Tensor) and x.is_complex()]
        for i, x in self.wanted:
            outputs = self.outputs()
            for part, factor in (("imag", 1j), ("real", 1)) if x.is_complex() else (("", 1),):
                directions = [factor * along for along in self._directions(x)]
                numerical = [self._difference(x, along) for along in directions]
                tangents = [pushforward(outputs, [x], [wrap(along)]) for along in directions]
                prefix = _considering(part, "inputs") if i in split else ""
                for o, y in enumerate(outputs):
                    if y.requires_grad and directions:
                        a, n = [_flat(t[o], y) for t in tangents], [n[o] for n in numerical]
                        self._compare(np.stack(a), np.stack(n), (o, i, prefix, "computed with forward mode "))
            if batched:
                self._batched(lambda t, x=x: _filled(pushforward(self.outputs(), [x], [t]), self.outputs()), x, i)

    def _compare(self, a: Array, n: Array, place: tuple[int, int, str, str], scale: float = 1.0) -> None:
        if not np.allclose(a, n, self.rtol, self.atol * scale):
            output, input, prefix, mode = place
            if self.fast:  # whole matrices say more
                whole = replace(self, fast=False)
                whole.forward(False) if mode else whole.backward()
                mode += "in fast mode, but not in slow mode, "
            raise GradcheckError(f"{prefix}Jacobian {mode}mismatch for output {output} with respect to input {input},\n"
                                 f"numerical:{wrap(n)}\nanalytical:{wrap(a)}\n")

    def _directions(self, x: Tensor) -> list[Array]:
        """The unit vectors of a tensor's space, in its shape; in fast mode one random combination of them."""
        if self.fast:
            return [_weights(x.numel()).astype(x.dtype.numpy).reshape(x.shape)]
        found = [np.zeros(x.shape, x.dtype.numpy) for _ in range(x.numel())]
        for i, along in enumerate(found):
            along.reshape(-1)[i] = 1
        return found

    # What else a backward must do

    def linearity(self, batched: bool, undefined: bool) -> None:
        """No cotangent gives no gradient, and, if asked, many at once give what one at a time gives."""
        outputs = _differentiable(self.outputs())
        for i, y in enumerate(outputs if batched else ()):
            self._batched(lambda v, y=y: _filled(grad(y, self.tensors, v, retain_graph=True, allow_unused=True),
                                                 self.tensors), y, i)
        if not outputs:
            return
        for g, x in zip(grad(outputs, self.tensors, [zeros_like(y) for y in outputs], retain_graph=True,
                             allow_unused=True), self.tensors, strict=True):
            if g is None:
                continue
            if np.any(host_array(g, "gradcheck()") != 0):
                raise GradcheckError("backward not multiplied by grad_output")
            if g.dtype is not x.dtype:
                raise GradcheckError("grad is incorrect type")
            if g.shape != x.shape:
                raise GradcheckError("grad is incorrect size")
        if undefined and len(outputs) > 1:
            self._undefined(len(outputs))

    def _undefined(self, count: int) -> None:
        """Each output alone must do: the others then have no cotangent."""
        for i in range(count):
            output = _differentiable(self.outputs())[i]
            try:
                found = grad(output, self.tensors, zeros_like(output), allow_unused=True)
            except GradError as problem:
                raise GradcheckError("Expected backward function to handle undefined output grads.") from problem
            if any(g is not None and np.any(host_array(g, "gradcheck()") != 0) for g in found):
                raise GradcheckError("Expected all input grads to be undefined or zero when all output grads are "
                                     "undefined or zero.")

    def _batched(self, function: Callable[[Tensor], tuple[Tensor, ...]], like: Tensor, number: int) -> None:
        """Compare vmap of a linear function with calls one by one."""
        stream = Generator()
        seeds = stream.randn((2, *like.shape), like.dtype)
        expected = [function(wrap(seed)) for seed in seeds]
        try:
            found = vmap(function)(wrap(seeds))
        except RuntimeError as problem:
            raise GradcheckError(f"While computing batched gradients, got: {problem}") from problem
        for i, (together, *single) in enumerate(zip(found, *expected, strict=True)):
            apart = np.stack([host_array(x.detach(), "gradcheck()") for x in single])  # type: ignore[attr-defined]
            if not np.allclose(host_array(together.detach(), "gradcheck()"), apart, 1e-5, 1e-8):
                raise GradcheckError(f"For output {number} and input {i}:\n\ngot: {together}\n\nexpected: {apart}\n\n"
                                     "gradcheck or gradgradcheck failed while testing batched gradient computation.")


# Parts


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _differentiable(outputs: Any) -> tuple[Tensor, ...]:
    return tuple([y for y in _as_tuple(outputs) if y.requires_grad])


def _check_inputs(inputs: Sequence[Any]) -> None:
    found = False
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor) or not x.requires_grad:
            continue
        found = True
        if x.dtype not in (dtypes.float64, dtypes.complex128):
            warnings.warn(f"Input #{i} requires gradient and is not a double precision floating point or complex. This "
                          "check will likely fail if all the inputs are not of double precision floating point or "
                          "complex. ", UserWarning, stacklevel=3)
        if any(step == 0 and size > 1 for step, size in zip(x.stride(), x.shape, strict=True)):
            raise GradError(f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                            "non-overlapping to be able to compute the numerical gradients correctly. You should call "
                            ".contiguous on the input before passing it to gradcheck.")
    if not found:
        raise GradcheckArgumentError("gradcheck expects at least one input tensor to require gradient, but none of "
                                     "them have requires_grad=True.")


def _writable(x: Tensor) -> Array:
    array = host_array(x, "gradcheck()")
    if not array.flags.writeable:
        raise GradError("gradcheck changes its inputs for a while, and one of them has read-only memory: clone() it")
    return array


def _slope(low: Array, high: Array, eps: float) -> Array:
    """The central difference, as a vector."""
    if low.shape != high.shape or low.dtype != high.dtype:
        what = "shape" if low.shape != high.shape else "dtype"
        raise GradcheckOptionError(f"Expected `func` to return outputs with the same {what} when inputs are perturbed "
                                   f"by {eps}, but got: {what}s {getattr(low, what)} and {getattr(high, what)}.")
    return ((high - low) / (2 * eps)).reshape(-1)  # type: ignore[no-any-return]


def _flat(g: Tensor | None, like: Tensor) -> Array:
    """A gradient or tangent as a vector; zeros for none."""
    if g is None:
        return np.zeros(like.numel(), like.dtype.numpy)
    return host_array(g.detach(), "gradcheck()").reshape(-1)  # type: ignore[attr-defined]


def _filled(found: Sequence[Tensor | None], like: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple([zeros_like(x) if g is None else g for g, x in zip(found, like, strict=True)])


def _weights(count: int) -> Array:
    """A random combination of rows or columns, of length 1."""
    weights = Generator().rand(count, dtypes.float64)
    return weights / max(np.linalg.norm(weights), 1e-300)


def _considering(part: str, what: str) -> str:
    return f"While considering the {'imaginary' if part == 'imag' else 'real'} part of complex {what} only, "
