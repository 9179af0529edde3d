"""Jacobians, Hessians and their products with vectors, by reverse mode: torch.autograd.functional.

Each function takes `func`, of tensors and with tensors as results, and `inputs`, a tensor or a tuple of tensors; what
comes back has the structure of inputs and outputs. With `create_graph` it can be differentiated further; without, it
has no history. `strict` refuses results that do not depend on the inputs, which are zeros otherwise.

Products with the Jacobian come from the vector-Jacobian product, which is linear in its vector: its own gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradc import locations
from gradc.engine import grad
from gradc.errors import ArgumentError, GradcError, GradError
from gradc.modes import enable_grad, is_grad_enabled, set_grad_enabled
from gradc.ops.creation import zeros_like
from gradc.ops.joining import stack
from gradc.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = tuple[Tensor, ...]


class StrategyError(GradcError, AssertionError):
    """A strategy that jacobian and hessian do not have."""


class CombinationError(GradcError, NotImplementedError):
    """Options that PyTorch does not combine."""


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """The outputs, and the product of `v` (1 for a single number, if left out) with the Jacobian."""
    with enable_grad():
        many, xs = _tuple(inputs, "inputs", "vjp")
        xs = _own(xs, create_graph)
        several, outputs = _outputs(func, xs, "vjp", strict)
        if v is not None:
            v = _vector(v, outputs, several, "vjp", create_graph)
        elif len(outputs) != 1 or outputs[0].numel() != 1:
            raise GradError("The vector v can only be None if the user-provided function returns a single Tensor with "
                            "a single element.")
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _filled(_grad(outputs, xs, v, create_graph), xs, strict, create_graph, BACK)
    return _shown(outputs, several, create_graph), _shown(found, many, create_graph)


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """The outputs, and the product of the Jacobian with `v` (1 for a single number, if left out)."""
    with enable_grad():
        _, xs, v = _inputs_and_vector(inputs, v, "jvp", create_graph,
                                      "The vector v can only be None if the input to the user-provided function is a "
                                      "single Tensor with a single element.")
        several, outputs = _outputs(func, xs, "jvp", strict)
        cotangents = tuple([zeros_like(x, requires_grad=True) for x in outputs])  # of any value: all is linear in them
        pulled = _grad(outputs, xs, cotangents, True)
        _check_depends(pulled, "grad_inputs", strict)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _filled(_grad(pulled, cotangents, v, create_graph), outputs, strict, create_graph, BACK_TRICK)
    return _shown(outputs, several, create_graph), _shown(found, several, create_graph)


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """The value, and the product of `v` with the Hessian, of a function of one number as result."""
    with enable_grad():
        many, xs, v = _inputs_and_vector(inputs, v, "vhp", create_graph)
        output = _single(func, xs, "vhp", strict)
        slopes = _grad((output,), xs, None, True)
        _check_depends(slopes, "jacobian", strict)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _filled(_grad(slopes, xs, v, create_graph), xs, strict, create_graph, DOUBLE_BACK)
    return _shown((output,), False, create_graph), _shown(found, many, create_graph)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False,
        strict: bool = False) -> tuple[Any, Any]:
    """The value, and the product of the Hessian with `v`: vhp, which is quicker, where the Hessian is symmetric."""
    with enable_grad():
        many, xs, v = _inputs_and_vector(inputs, v, "hvp", create_graph)
        output = _single(func, xs, "hvp", strict)
        slopes = _grad((output,), xs, None, True)
        _check_depends(slopes, "jacobian", strict)
        cotangents = tuple([zeros_like(x, requires_grad=True) for x in xs])
        pulled = _grad(slopes, xs, cotangents, True)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _filled(_grad(pulled, cotangents, v, create_graph), xs, strict, create_graph, DOUBLE_BACK_TRICK)
    return _shown((output,), False, create_graph), _shown(found, many, create_graph)


def jacobian(func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False,
             vectorize: bool = False, strategy: str = "reverse-mode") -> Any:
    """The derivative of each number of the outputs by each number of the inputs.

    Shape   the output's, then the input's; in tuples of outputs of tuples of inputs, where these are tuples
    """
    _check_strategy(strategy)
    forward = strategy == "forward-mode"
    if forward and create_graph:
        raise CombinationError("torch.autograd.functional.jacobian: `create_graph=True` and `strategy=\"forward-mode\"`"
                               " are not supported together (yet). Please either set `create_graph=False` or "
                               "`strategy=\"reverse-mode\"`.")
    if strict and (forward or vectorize):
        other = '`strategy="forward-mode"`' if forward else "`vectorized=True`"
        raise GradError(f"torch.autograd.functional.jacobian: `strict=True` and {other} are not supported together "
                        f"(yet). Please set `strict=False`.")
    if forward and not vectorize:
        raise CombinationError("Computing Jacobian using forward-AD or forward-over-reverse Hessian is only "
                               "implemented for `vectorize=True`.")
    with enable_grad():
        many, xs = _tuple(inputs, "inputs", "jacobian")
        xs = _own(xs, create_graph)
        several, outputs = _outputs(func, xs, "jacobian", strict)
        found = _columns(outputs, xs) if forward else \
            tuple([_rows(output, i, xs, create_graph, strict) for i, output in enumerate(outputs)])
    found = tuple([_shown(row, many, create_graph) for row in found])
    return found if several else found[0]


def hessian(func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False,
            vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """The second derivatives of a function with one number as result.

    Shape   one input's, then the other's; in a tuple of tuples where `inputs` is a tuple
    """
    many, xs = _tuple(inputs, "inputs", "hessian")
    _check_strategy(outer_jacobian_strategy)

    def number(*given: Tensor) -> Tensor:
        return _single(func, given, "hessian", strict).squeeze()  # type: ignore[attr-defined, no-any-return]

    def slopes(*given: Tensor) -> Tensors:
        found: Tensors = jacobian(number, given, create_graph=True)
        _check_depends(found, "jacobian", strict)
        return found

    found = jacobian(slopes, xs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found if many else found[0][0]


# Rows and columns of a Jacobian


def _rows(output: Tensor, number: int, xs: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """The derivatives of one output, one backward for each of its numbers."""
    rows: list[list[Tensor]] = [[] for _ in xs]
    flat: Any = output.reshape(-1)  # type: ignore[attr-defined]
    for j in range(output.numel()):
        for i, (g, x) in enumerate(zip(_grad((flat[j],), xs, None, create_graph, True), xs, strict=True)):
            if strict and g is None:
                raise GradError(f"Output {number} of the user-provided function is independent of input {i}. This is "
                                f"not allowed in strict mode.{locations.quote(locations.here())}")
            if strict and create_graph and not g.requires_grad:  # type: ignore[union-attr]
                raise GradError(f"The jacobian of the user-provided function is independent of input {i}. This is not "
                                f"allowed in strict mode when create_graph=True.{locations.quote(locations.here())}")
            rows[i].append(zeros_like(x) if g is None else g)
    return tuple([_stacked(row, (*output.shape, *x.shape), x) for row, x in zip(rows, xs, strict=True)])


def _columns(outputs: Tensors, xs: Tensors) -> tuple[Tensors, ...]:
    """The derivatives of all outputs, one product for each number of the inputs."""
    cotangents = tuple([zeros_like(y, requires_grad=True) for y in outputs])
    pulled = _grad(outputs, xs, cotangents, True)
    found: list[list[Tensor]] = [[] for _ in outputs]
    for i, x in enumerate(xs):
        columns: list[list[Tensor]] = [[] for _ in outputs]
        for j in range(x.numel()):
            direction: Any = zeros_like(x).reshape(-1)  # type: ignore[attr-defined]
            direction[j] = 1
            pushed = _grad((pulled[i],), cotangents, (direction.reshape(x.shape),), False, True)
            for column, g, y in zip(columns, pushed, outputs, strict=True):
                column.append(zeros_like(y) if g is None else g)
        for row, column, y in zip(found, columns, outputs, strict=True):
            whole: Any = _stacked(column, (*x.shape, *y.shape), y)
            row.append(whole.permute(*range(x.ndim, whole.ndim), *range(x.ndim)))
    return tuple(map(tuple, found))


def _stacked(parts: list[Tensor], shape: tuple[int, ...], like: Tensor) -> Tensor:
    found: Any = stack(parts) if parts else like.new_zeros(shape)  # type: ignore[attr-defined]
    return found.reshape(shape)  # type: ignore[no-any-return]


# Structure


def _tuple(given: Any, what: str, name: str) -> tuple[bool, Tensors]:
    """Whether a tuple was given, and it as one."""
    many = isinstance(given, tuple)
    for i, x in enumerate(given if many else (given,)):
        if not isinstance(x, Tensor):
            which = f"value at index {i}" if many else f"given {what}"
            raise ArgumentError(f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the "
                                f"{which} has type {type(x)}.")
    return many, given if many else (given,)


def _own(xs: Tensors, create_graph: bool, differentiated: bool = True) -> Tensors:
    """New tensors for the inputs, so that the same ones in the closure of the function count as constants."""
    made: list[Any] = [x.view(x.shape) if create_graph and x.requires_grad  # type: ignore[attr-defined]
                       else x.detach().requires_grad_(differentiated) for x in xs]  # type: ignore[attr-defined]
    return tuple(made)


def _outputs(func: Callable[..., Any], xs: Tensors, name: str, strict: bool) -> tuple[bool, Tensors]:
    several, outputs = _tuple(func(*xs), "outputs of the user-provided function", name)
    _check_depends(outputs, "outputs", strict)
    return several, outputs


def _single(func: Callable[..., Any], xs: Tensors, name: str, strict: bool) -> Tensor:
    """The result of a function that must return one number."""
    several, outputs = _outputs(func, xs, name, strict)
    if several:
        raise GradError(f"The function given to {name} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise GradError(f"The Tensor returned by the function given to {name} should contain a single element")
    return outputs[0]


def _inputs_and_vector(inputs: Any, v: Any, name: str, create_graph: bool, missing: str = (
        "The vector v can only be None if the input to the user-provided function is a single Tensor with a single "
        "element.")) -> tuple[bool, Tensors, Any]:
    many, xs = _tuple(inputs, "inputs", name)
    xs = _own(xs, create_graph)
    if v is not None:
        return many, xs, _vector(v, xs, many, name, create_graph)
    if len(xs) != 1 or xs[0].numel() != 1:
        raise GradError(missing)
    return many, xs, None


def _vector(v: Any, like: Tensors, many: bool, name: str, create_graph: bool) -> Tensors:
    """The vector of a product, which must have the structure and shapes of `like`."""
    vs = _own(_tuple(v, "v", name)[1], create_graph, False)
    if len(vs) != len(like):
        raise GradError(f"v is a tuple of invalid length: should be {len(like)} but got {len(vs)}." if many
                        else "The given v should contain a single Tensor.")
    for i, (given, x) in enumerate(zip(vs, like, strict=True)):
        if given.shape != x.shape:
            raise GradError(f"{f'Entry {i} in ' if many else ''}v has invalid size: should be {x.shape} but got "
                            f"{given.shape}.")
    return vs


def _shown(found: Tensors, many: bool, create_graph: bool) -> Any:
    if not create_graph:
        found = tuple([x.detach() for x in found])  # type: ignore[attr-defined]
    return found if many else found[0]


# Gradients


def _grad(outputs: Sequence[Tensor | None], xs: Tensors, seeds: Sequence[Tensor] | None, create_graph: bool,
          retain_graph: bool | None = None) -> tuple[Tensor | None, ...]:
    """autograd.grad of those outputs that have a history; None for what they do not depend on."""
    pairs = [(y, None if seeds is None else seeds[i]) for i, y in enumerate(outputs)
             if y is not None and y.requires_grad]
    if not pairs:
        return (None,) * len(xs)
    return grad([y for y, _ in pairs], xs, [s for _, s in pairs], retain_graph, create_graph, allow_unused=True)


_INDEPENDENT = {
    "outputs": "Output {} of the user-provided function does not require gradients. The outputs must be computed in a "
               "differentiable manner from the input when running in strict mode.",
    "grad_inputs": "The gradient with respect to input {} is independent of the inputs of the user-provided function. "
                   "This is not allowed in strict mode.",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided function with respect to "
                "input {} is independent of the input. This is not allowed in strict mode. You should ensure that "
                "your function is twice differentiable and that the jacobian depends on the inputs (this would be "
                "violated by a linear function for example).",
}


def _check_depends(found: Sequence[Tensor | None], what: str, strict: bool) -> None:
    """In strict mode, raise GradError for what does not depend on the inputs."""
    for i, x in enumerate(found if strict else ()):
        if x is None:
            raise GradError(f"The output of the user-provided function is independent of input {i}. This is not "
                            f"allowed in strict mode.{locations.quote(locations.here())}")
        if not x.requires_grad:
            raise GradError(_INDEPENDENT[what].format(i) + locations.quote(locations.here()))


BACK = ("The output of the user-provided function is independent of input {}. This is not allowed in strict mode.",
        "jacobian")
BACK_TRICK = ("The gradient with respect to the input is independent of entry {} in the grad_outputs when using the "
              "double backward trick to compute forward mode gradients. This is not allowed in strict mode.",
              "jacobian")
DOUBLE_BACK = ("The jacobian of the user-provided function is independent of input {}. This is not allowed in strict "
               "mode.", "hessian")
DOUBLE_BACK_TRICK = ("The hessian of the user-provided function is independent of entry {} in the grad_jacobian. This "
                     "is not allowed in strict mode as it prevents from using the double backward trick to replace "
                     "forward mode AD.", "hessian")
"""What strict mode says of a gradient that is none, and what is constant where a gradient has no graph."""


def _filled(found: Sequence[Tensor | None], like: Tensors, strict: bool, create_graph: bool,
            stage: tuple[str, str]) -> Tensors:
    """Gradients with zeros for what is independent; in strict mode an error."""
    for i, g in enumerate(found if strict else ()):
        if g is None:
            raise GradError(stage[0].format(i) + locations.quote(locations.here()))
        if create_graph and not g.requires_grad:
            raise GradError(f"The {stage[1]} of the user-provided function is independent of input {i}. This is not "
                            f"allowed in strict mode when create_graph=True.{locations.quote(locations.here())}")
    return tuple([zeros_like(x) if g is None else g for g, x in zip(found, like, strict=True)])


def _check_strategy(strategy: str) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise StrategyError('Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function '
                            'has more outputs than inputs, "forward-mode" tends to be more performant. Otherwise, '
                            'prefer to use "reverse-mode".')
