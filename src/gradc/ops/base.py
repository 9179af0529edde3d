"""What an op is: one class that holds its shape rule, kernel, gradient formulas, decomposition, docs and samples.

    @op
    class softplus(Pointwise):
        '''log(1 + exp(x)) ...'''
        kernel = lambda xp, x: xp.logaddexp(x, 0.0)
        grad_x = lambda g, x: g * sigmoid(x)

`@op` makes the one instance, which is what formulas, models and graphs call: `softplus(x)`.

A kernel's positional parameters after `xp` are the operands, its keyword-only ones the static attributes. `grad_a` is
the cotangent of operand `a`; its parameters may be `g` (the cotangent of the result), operands, `result`, attributes,
`<operand>_type` and `result_type`. What it names of operands and result is exactly what is saved. A formula may
return a gradient of the broadcast shape: the caller sums it back and casts it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradc import dtypes, shapes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, DtypeError, UnsupportedError
from gradc.inplace import into
from gradc.ir import Type, Value
from gradc.ops.batching import Examples, broadcast
from gradc.ops.namespace import NumpyNamespace
from gradc.tensor import Tensor, wrap

NUMBERS = (bool, int, float, complex)
NARROW = {dtypes.float16.numpy, dtypes.bfloat16.numpy}


class Formula:
    """A gradient formula and the names it uses."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.names = tuple(inspect.signature(function).parameters)

    def __call__(self, names: Mapping[str, Any]) -> Any:
        return self.function(**{name: names[name] for name in self.names})


class Op:
    """Base class of ops. Fields that differ by op are class attributes; the docstring is the op's reference."""

    name: str
    kernel: Any = None
    lower: Any = None
    """The kernel for JAX, where one text cannot serve both."""
    into: Any = None
    """The kernel for NumPy arrays of float32 with a keyword `out`, where it is a function of its own."""
    complex_kernel: Any = None
    """The kernel for complex operands, where the kernel's functions know only real ones."""
    decompose: Any = None
    grads: Any = None
    """One formula for all operands, where they share work: returns a tuple with a gradient or None for each."""
    samples: Sequence[Any] = ()
    """Sample calls, in the language of ops/samples.py; the tests make them all."""

    checked = False
    """Whether eager mode asks `infer` first: where NumPy would take operands that the op does not."""
    rejects: tuple[int, ...] = ()
    """The categories of dtypes, see dtypes.py, that PyTorch refuses."""
    rejection = ""
    """The error's message, if it is not the usual one."""
    widens = False
    """Whether float16 and bfloat16 are computed in float32 and rounded once, as PyTorch does."""
    autocast: str | None = None
    """What amp.autocast does to the operands: None, "lower" (to its dtype) or "float32"."""
    pointwise = False
    commutative = False
    effect = False
    view = False
    detaches = False
    holomorphic = True
    """Whether gradient formulas multiply the cotangent by derivatives: `gradients` then conjugates them, see there."""
    specialises = False
    """Whether gradients are specialised to the value of a Python number operand, as pow is to its exponent."""
    region: str | None = None
    torch_name: str | None = None
    torch_operands: Sequence[str] = ("self", "other")
    """PyTorch's names of the first operands, under which a node shows what it saved."""
    operators: Sequence[str] = ()
    """Python's special methods that this op implements."""
    method = True
    """Whether it is a method of Tensor under its name."""
    inplace = False
    """Whether it has an in-place form, `name_`."""
    aliases: Sequence[str] = ()
    generates = True
    """Whether eager mode generates a NumPy function for its gradient; not where attributes differ from call to call."""
    generated: dict[Any, Any]
    namespace = NumpyNamespace()
    eager: Any = None
    """The generated function (modes, attrs, *operands) -> result of eager mode; see eager.py."""
    run_composite: Any = None
    """Computes a composite eagerly: (operands, attrs) -> arrays. composites.py, a layer above, provides it."""

    backward: Any = None
    backward_on_tensors: Any = None
    """A backward of its own in place of formulas: (node, cotangent, needs) -> gradients, as arrays and as tensors."""

    operands: tuple[str, ...]
    results: tuple[str, ...] = ()
    """Names under which formulas read the results, where there are several."""
    variadic = False
    defaults: dict[str, Any]
    formulas: dict[int, Formula]
    joint: Formula | None = None
    saved_names: tuple[str, ...] | None = None
    saved_sources: tuple[tuple[bool, int, tuple[int, ...]], ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The user's call: operands, then attributes by position or keyword. Ops override it to normalise them."""
        n = len(args) if self.variadic else len(self.operands)
        attrs = dict(zip(self.defaults, args[n:], strict=False)) | kwargs
        unknown = [key for key in attrs if key not in self.defaults]
        if unknown == ["out"]:
            return into(kwargs.pop("out"), self.call(*args, **kwargs), self.name)
        if unknown or len(args) > n + len(self.defaults):
            raise ArgumentError(f"{self.name}({', '.join([*self.operands, *self.defaults])}) got "
                                f"{f'an unexpected keyword {unknown[0]!r}' if unknown else f'{len(args)} arguments'}")
        return apply(self, tuple([operand(self, x) for x in args[:n]]), self.defaults | attrs)

    # Types

    def infer(self, *operands: Any, **attrs: Any) -> Type | tuple[Type, ...]:
        """The type of the result, or a tuple of them. Operands have `.shape` and `.dtype`, or are numbers or None."""
        raise NotImplementedError(f"{self.name} has no type rule")

    def flops(self, operands: Sequence[Any], results: Sequence[Any], attrs: Mapping[str, Any]) -> int:
        """How many numbers are added, multiplied or taken a function of; 0 for what moves them, or is not counted.

        Operands and results have `.type`, as values of a graph do. A composite's are those of its decomposition.
        """
        return sum([x.type.size for x in results]) if self.pointwise else 0

    def compute_dtype(self, operands: Sequence[Any]) -> dtype | None:
        """The type that all operands are cast to before the kernel; None to leave each as it is.

        Raises DtypeError for an operand of a type that the op rejects.
        """
        if self.rejects:
            for x in operands:
                if hasattr(x, "dtype"):
                    self.check_category(dtypes.of(x.dtype))
        return None

    def check_category(self, kind: dtype) -> None:
        """Raise DtypeError for a type that the op rejects."""
        if kind.category in self.rejects:
            if self.rejection:
                raise DtypeError(self.rejection)
            raise UnsupportedError(f'"{self.name}" not implemented for {dtypes.TITLES[kind]!r}')

    def promoting(self, operands: Sequence[Any]) -> Iterator[tuple[bool, Any]]:
        """Each operand, and whether promotion casts it."""
        return ((hasattr(x, "dtype"), x) for x in operands)

    def promoted(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """NumPy operands, cast to the type they are computed in."""
        target = self.compute_dtype(arrays)
        if target is None:
            return arrays
        kind = target.numpy
        if target is dtypes.bfloat16:  # to NumPy it is a stranger, which a number turns into float32
            arrays = [kind.type(x) if type(x) in (int, float) else x for x in arrays]
        return [x.astype(kind) if takes and x.dtype != kind else x for takes, x in self.promoting(arrays)]

    def computed(self, arrays: Sequence[Any], attrs: dict[str, Any]) -> Any:
        """The kernel on NumPy operands of any type, cast already: complex ones, and half precision widened."""
        kinds = {x.dtype for x in arrays if isinstance(x, np.ndarray)}
        if self.complex_kernel is not None and any(kind.kind == "c" for kind in kinds):
            return self.complex_kernel(self.namespace, *arrays, **attrs)
        narrow = kinds & NARROW if self.widens else ()
        if not narrow:
            return self.kernel(self.namespace, *arrays, **attrs)
        wide = [x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype in NARROW else x for x in arrays]
        result = self.kernel(self.namespace, *wide, **attrs)
        return result.astype(max(narrow, key=str)) if result.dtype.kind == "f" else result

    def promoted_tensors(self, operands: Sequence[Any]) -> Sequence[Any]:
        """Tensor operands, cast to the type they are computed in."""
        target = self.compute_dtype(operands)
        if target is None:
            return operands
        return [x.to(target) if takes and x.dtype is not target else x for takes, x in self.promoting(operands)]

    def promoted_values(self, values: Sequence[Any], cast: Callable[[Any, dtype], Any]) -> Sequence[Any]:
        """Graph operands, cast to the type they are computed in by recording `cast(value, dtype)`."""
        target = self.compute_dtype(values)
        if target is None:
            return values
        return [cast(x, target) if takes and x.dtype is not target else x for takes, x in self.promoting(values)]

    def promoted_types(self, operands: Sequence[Any]) -> Sequence[Any]:
        """The types of tensor operands after promotion; numbers stay."""
        types = [x.type_ if isinstance(x, Tensor) else x for x in operands]
        return self.promoted_values(types, lambda type, target: Type(target, type.shape))

    # Views

    def writer(self, base: Type, attrs: dict[str, Any]) -> tuple[Op, dict[str, Any], bool]:
        """For a view: the op that puts a new value of the view back into the base, and whether it reads the base."""
        raise NotImplementedError(f"{self.name} is not a view that can be written")

    # Many examples at once

    def batched(self, examples: Examples) -> Any:
        """The result for many examples at once, by the op's rule, see batching.py.

        None where it has none: then a composite is opened, and for another op the examples take turns.
        """
        return broadcast(self, examples) if self.pointwise else None

    # Gradients

    def node_name(self, node: Any) -> str:
        """PyTorch's name of the node in the dynamic graph."""
        return f"{self.torch_name}Backward0"

    def gradients(self, names: dict[str, Any], needs: Sequence[bool]) -> tuple[Any, ...]:
        """The cotangents of the operands that need one, from the values of the names that formulas use.

        They are of the operand's shape and type: sums over broadcast dimensions are done here. A formula computes
        g·f'(x); PyTorch's gradient at complex numbers is g·conj(f'(x)), which is conj(conj(g)·f'(x)).
        """
        conjugates = self.holomorphic and self._conjugates(names)
        if conjugates:
            names["g"] = _conjugate(names["g"])
        if self.joint is not None:
            found = self.joint(names)
        else:
            found = [self.formulas[i](names) if needs[i] and i in self.formulas else None for i in range(len(needs))]
        if conjugates:
            found = [None if g is None else g.conj() for g in found]
        types = names["operand_types"]
        return tuple(fit(g, t) if need and g is not None else None
                     for g, t, need in zip(found, types, needs, strict=True))

    def _conjugates(self, names: dict[str, Any]) -> bool:
        """Whether derivatives can be complex: the cotangent is, and something that the formulas read is."""
        g = names["g"]
        if g.__class__ is not tuple:
            if g.dtype.category != dtypes.COMPLEX:
                return False
        elif not any(x.dtype.category == dtypes.COMPLEX for x in g):
            return False
        return any(_is_complex(names[name]) for name in self.saved_names or ())


def _conjugate(g: Any) -> Any:
    return tuple([x.conj() for x in g]) if g.__class__ is tuple else g.conj()


def _is_complex(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_is_complex, x))
    return x.dtype.category == dtypes.COMPLEX if isinstance(x, Tensor) else x.__class__ is complex


def fit(g: Any, type: Type) -> Any:
    """A gradient summed over the dimensions along which an operand of `type` was broadcast, in the operand's dtype.

    A real operand takes the real part.
    """
    from_shape = tuple(g._array.shape)
    if from_shape != type.shape:
        dims = shapes.broadcast_dims(type.shape, from_shape)
        if dims:
            g = g.sum(dims, keepdim=dims[-1] >= len(from_shape) - len(type.shape))
        if tuple(g._array.shape) != type.shape:
            g = g.reshape(type.shape)
    if g.dtype.category == dtypes.COMPLEX != type.dtype.category:
        g = g.real
    return g if g.dtype is type.dtype else g.to(type.dtype)


def once_each(self: Op, operands: Sequence[Any], results: Sequence[Any], attrs: Mapping[str, Any]) -> int:
    """The `flops` of an op that uses each element of its operand once."""
    return operands[0].type.size  # type: ignore[no-any-return]


def is_jax(x: Any) -> bool:
    """Whether x is an array of JAX, found without importing it."""
    return hasattr(x, "__jax_array__") or type(x).__module__.startswith("jax")


def operand(op: Op, x: Any) -> Any:
    """`x` as an operand: a tensor, a Python number or None.

    NumPy arrays and scalars become tensors or numbers. Raises ArgumentError for anything else.
    """
    if isinstance(x, Tensor) or x is None or type(x) in NUMBERS:
        return x
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray) or is_jax(x):
        return wrap(np.asarray(x))
    if isinstance(x, NUMBERS):
        return x
    raise ArgumentError(f"{op.name}(): operands are tensors and numbers, got {type(x).__name__} ({x!r})")


class Pointwise(Op):
    """An op on each element of its broadcast operands.

    `promotion` says in which type: "same", the promoted one, or "float", where integers become the default float.
    `result` is "same", "real" (the type of the real part) or a dtype.
    """

    pointwise = True
    promotion = "same"
    result: str | dtype = "same"
    promotes: slice = slice(None)
    rejects_each = False
    """Whether an operand of a rejected category is refused also where the others promote it."""
    widens = True

    def promoting(self, operands: Sequence[Any]) -> Iterator[tuple[bool, Any]]:
        taking = range(len(operands))[self.promotes]
        return ((i in taking and hasattr(x, "dtype"), x) for i, x in enumerate(operands))

    def promoted_values(self, values: Sequence[Any], cast: Callable[[Any, dtype], Any]) -> Sequence[Any]:
        if dtypes.FLOAT not in self.rejects and common_floating(values[self.promotes]) is not None:
            return values
        return super().promoted_values(values, cast)

    def compute_dtype(self, operands: Sequence[Any]) -> dtype:
        found = operands[self.promotes]
        result = common_floating(found)
        if result is None:
            if self.rejects_each:
                super().compute_dtype(operands)
            kinds = [(dtypes.python_scalar(type(x)), -1) if type(x) in NUMBERS else (dtypes.of(x.dtype), x.ndim)
                     for x in found if x is not None]
            result = dtypes.promote(kinds)
        if self.promotion == "float" and result.category < dtypes.FLOAT:
            return dtypes.get_default_dtype()
        self.check_category(result)
        return result

    def infer(self, *operands: Any, **attrs: Any) -> Type:
        computed = self.compute_dtype(operands)
        for x in operands[self.promotes]:
            if x is not None and type(x) not in NUMBERS and x.dtype is not computed:
                raise DtypeError(f"operands must have one dtype, got {x.dtype!r} and {computed!r}")
        shape = shapes.broadcast(*[x.shape for x in operands if x is not None and type(x) not in NUMBERS])
        kind = computed if self.result == "same" else computed.to_real() if self.result == "real" else self.result
        return Type(kind, shape)  # type: ignore[arg-type]


def common_floating(operands: Sequence[Any]) -> dtype | None:
    """The floating type that all values or types share, if all other operands are real numbers or None.

    Then it is the type to compute in, and nothing is cast: the usual case, found quickly.
    """
    common = None
    for x in operands:
        kind = x.__class__
        if kind is Value or kind is Type:
            if common is None:
                common = x.dtype
                if common.category != dtypes.FLOAT:
                    return None
            elif x.dtype is not common:
                return None
        elif x is not None and kind is not float and kind is not int:
            return None
    return common
