"""Convolutions in any number of dimensions, and transposed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradc import dtypes
from gradc.apply import apply
from gradc.dtypes import dtype
from gradc.errors import CallError, DtypeError, ShapeError
from gradc.ir import Type
from gradc.ops.arrangement import pad
from gradc.ops.base import Op, operand
from gradc.ops.batching import Examples
from gradc.ops.define import op
from gradc.ops.windows import Sizes, correlate, correlate_input, correlate_weight, counts, in_memory, spread_shape
from gradc.tensor import Tensor

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution"]


def _convolve(xp: Any, x: Any, weight: Any, bias: Any = None, *, stride: Sizes, padding: Sizes, dilation: Sizes,
              transposed: bool = False, output_padding: Sizes | None = None, groups: int = 1) -> Any:
    """The kernel for NumPy."""
    if transposed:
        sizes = spread_shape(in_memory(x).shape[2:], weight.shape[2:], stride, padding, dilation, output_padding)
        result = correlate_input(x, weight, sizes, stride, padding, dilation, groups)
    else:
        result = correlate(in_memory(x), weight, stride, padding, dilation, groups)
    if bias is not None:
        result += bias.reshape(-1, *(1,) * len(stride))
    return result


def _lowered(xp: Any, x: Any, weight: Any, bias: Any = None, *, stride: Sizes, padding: Sizes, dilation: Sizes,
             transposed: bool = False, output_padding: Sizes | None = None, groups: int = 1) -> Any:
    """The kernel for XLA. A transposed convolution is one of spread images with reversed windows."""
    shape, kernel = weight.shape, weight.shape[2:]
    results = shape[0]
    if not transposed:
        found = xp.lax.conv_general_dilated(x, weight, stride, tuple((p, p) for p in padding), None, dilation, None,
                                            groups)
    else:
        results = groups * shape[1]
        if groups > 1:
            apart = xp.reshape(weight, (groups, shape[0] // groups, *shape[1:]))
            weight = xp.reshape(xp.swapaxes(apart, 1, 2), (results, shape[0] // groups, *kernel))
        else:
            weight = xp.swapaxes(weight, 0, 1)
        edges = [d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding, strict=True)]
        widths = tuple((e, e + m) for e, m in zip(edges, output_padding or (0,) * len(edges), strict=True))
        found = xp.lax.conv_general_dilated(x, xp.flip(weight, tuple(range(2, len(shape)))), (1,) * len(kernel),
                                            widths, stride, dilation, None, groups)
    return found if bias is None else found + xp.reshape(bias, (results, *(1,) * len(kernel)))


@op
class convolution(Op):
    """The correlation of `weight` with the windows of x, plus bias; `transposed`, the adjoint of that as a map of x.

    Shape   x: [n, c, *s], weight: [m, c / groups, *k] -> [n, m, *t]; transposed, weight: [c, m / groups, *k]
    Source  torch.convolution
    """

    autocast = "lower"
    kernel = _convolve
    lower = _lowered
    grad_x = lambda g, weight, x_type, stride, padding, dilation, transposed, groups: _grad_x(
        g, weight, x_type.shape[2:], stride, padding, dilation, transposed, groups)
    grad_weight = lambda g, x, weight_type, stride, padding, dilation, transposed, groups: convolution_weight(
        *((g, x) if transposed else (x, g)), kernel=weight_type.shape[2:], stride=stride, padding=padding,
        dilation=dilation, groups=groups)
    grad_bias = lambda g, x_type: g.sum((0, *range(2, len(x_type.shape))))
    widens = True
    rejects = (dtypes.BOOL,)
    checked = True
    method = False
    samples = [
        ((2, 3, 5, 4), (4, 3, 3, 2), (4,), {"stride": (1, 1), "padding": (1, 0), "dilation": (1, 1)}),
        ((2, 4, 7), (4, 2, 3), None, {"stride": (2,), "padding": (2,), "dilation": (2,), "groups": 2}),
        ((1, 3, 5), (6, 1, 2), (6,), {"stride": (2,), "padding": (0,), "dilation": (1,), "groups": 3}),
        ((1, 2, 3, 3, 3), (2, 2, 2, 2, 2), None, {"stride": (1, 2, 1), "padding": (0, 1, 0), "dilation": (1, 1, 2)}),
        ((2, 3, 3, 4), (3, 2, 3, 2), (2,), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2),
                                            "output_padding": (1, 0), "transposed": True}),
        ((1, 4, 3), (4, 2, 2), (4,), {"stride": (1,), "padding": (0,), "dilation": (1,), "groups": 2,
                                      "transposed": True}),
    ]

    def infer(self, x: Any, weight: Any, bias: Any = None, *, stride: Sizes, padding: Sizes, dilation: Sizes,
              transposed: bool, output_padding: Sizes | None, groups: int) -> Type:
        computed = _common_dtype(x, weight, bias)
        if len(weight.shape) < 3:
            raise ShapeError(f"weight should have at least three dimensions, got {list(weight.shape)}")
        _check_attributes(stride, padding, dilation, groups)
        _check_operands(x, weight, bias, transposed, groups)
        results = weight.shape[1] * groups if transposed else weight.shape[0]
        kernel = tuple(weight.shape[2:])
        if transposed:
            if output_padding is not None:
                _check_output_padding(output_padding, stride, dilation)
            out = spread_shape(x.shape[2:], kernel, stride, padding, dilation, output_padding)
        else:
            whole = [n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True)]
            out = counts(whole, kernel, stride, dilation)
            if min(out) < 1:
                reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
                raise ShapeError(f"Calculated padded input size per channel: ({' x '.join(map(str, whole))}). Kernel "
                                 f"size: ({' x '.join(map(str, reach))}). Kernel size can't be greater than actual "
                                 f"input size")
        if min(out) < 1:
            raise ShapeError(f"Given input size per channel: {tuple(x.shape[2:])}. Calculated output size per "
                             f"channel: {out}. Output size is too small")
        return Type(computed, (x.shape[0], results, *out))

    def call(self, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any,
             transposed: bool, output_padding: Any, groups: int) -> Any:
        rank = weight.ndim - 2
        attrs = {"stride": sizes(stride, rank, "stride"), "padding": sizes(padding, rank, "padding"),
                 "dilation": sizes(dilation, rank, "dilation"), "transposed": transposed,
                 "output_padding": sizes(output_padding, rank, "output_padding"), "groups": groups}
        return apply(self, (x, weight, operand(self, bias)), attrs)

    def flops(self, operands: Any, results: Any, attrs: Any) -> int:
        x, weight = (v.type for v in operands[:2])
        once = x if attrs["transposed"] else results[0].type  # each of its elements meets one filter, or part of it
        return 2 * once.size * weight.size // weight.shape[0]  # type: ignore[no-any-return]

    def batched(self, examples: Examples) -> Any:
        """Examples of images are more images; those of weights are more groups."""
        (x, weight, bias), (images, weights, biases) = examples.operands, examples.flags
        attrs, size = examples.attrs, examples.size
        if not weights:
            result = apply(self, (x.reshape(-1, *examples.shape(0)[1:]), weight, None), attrs)
            result = result.reshape(size if images else 1, -1, *result.shape[1:])
        else:
            many = examples.aligned(0, examples.rank(0))
            many = many.expand((size, *examples.shape(0))).movedim(0, 1)
            result = apply(self, (many.reshape(many.shape[0], -1, *many.shape[3:]),
                                  weight.reshape(-1, *weight.shape[2:]), None),
                           attrs | {"groups": attrs["groups"] * size})
            result = result.reshape(result.shape[0], size, -1, *result.shape[2:]).movedim(1, 0)
        if bias is None:
            return result
        lead = (size, 1) if biases else ()
        return result + bias.reshape(*lead, -1, *(1,) * len(attrs["stride"]))


def _grad_x(g: Tensor, weight: Tensor, sizes: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
            transposed: bool, groups: int) -> Tensor:
    """The cotangent of the images, of `sizes`: the other of the two kinds of convolution."""
    more = None
    if not transposed:
        least = spread_shape(g._array.shape[2:], weight._array.shape[2:], stride, padding, dilation)
        more = tuple([n - m for n, m in zip(sizes, least, strict=True)])
    return _to_sizes(apply(convolution, (g, weight, None), {
        "stride": stride, "padding": padding, "dilation": dilation, "transposed": not transposed,
        "output_padding": more, "groups": groups}), sizes)


def _to_sizes(x: Any, sizes: Sizes) -> Tensor:
    """x without the windows at the end that only an output_padding as large as the stride makes room for."""
    if x._array.shape[2:] == sizes:
        return x  # type: ignore[no-any-return]
    return x[(..., *map(slice, sizes))]  # type: ignore[no-any-return]


@op
class convolution_weight(Op):
    """The cotangent of the weight of size `kernel` in a convolution of x, of whose result y is the cotangent.

    Source  torch.ops.aten.convolution_backward
    """

    kernel = lambda xp, x, y, *, kernel, stride, padding, dilation, groups=1: correlate_weight(
        in_memory(x), y, kernel, stride, padding, dilation, groups)
    lower = lambda xp, x, y, *, kernel, stride, padding, dilation, groups=1: _lowered_weight(
        xp, x, y, kernel, stride, padding, dilation, groups)
    grad_x = lambda g, y, x_type, stride, padding, dilation, groups: _grad_x(
        y, g, x_type.shape[2:], stride, padding, dilation, False, groups)
    grad_y = lambda g, x, y_type, stride, padding, dilation, groups: _grad_x(
        x, g, y_type.shape[2:], stride, padding, dilation, True, groups)
    widens = True
    rejects = (dtypes.BOOL,)
    method = False
    samples = [
        ((2, 3, 5, 4), (2, 4, 3, 3), {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 0), "dilation": (1, 1)}),
        ((2, 4, 7), (2, 2, 3), {"kernel": (3,), "stride": (2,), "padding": (1,), "dilation": (2,), "groups": 2}),
    ]

    def infer(self, x: Any, y: Any, *, kernel: Sizes, groups: int, **attrs: Any) -> Type:
        return Type(x.dtype, (y.shape[1], x.shape[1] // groups, *kernel))

    def flops(self, operands: Any, results: Any, attrs: Any) -> int:
        return 2 * operands[1].type.size * results[0].type.size // results[0].shape[0]  # type: ignore[no-any-return]

    def batched(self, examples: Examples) -> Any:
        """The examples are groups."""
        size, channels = examples.size, examples.shape(1)[1] * examples.size
        x, y = (examples.whole(i).movedim(0, 1) for i in (0, 1))
        x, y = (t.reshape(t.shape[0], -1, *t.shape[3:]) for t in (x, y))
        found = examples.apply(self, (x, y), groups=examples.attrs["groups"] * size)
        return found.reshape(size, channels // size, *found.shape[1:])


def _lowered_weight(xp: Any, x: Any, y: Any, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes,
                    groups: int) -> Any:
    """For XLA: a convolution of x with y as the window, which has images in the place of channels."""
    widths = tuple((p, d * (k - 1) + s * (m - 1) + 1 - n - p) for p, d, k, s, m, n in zip(
        padding, dilation, kernel, stride, y.shape[2:], x.shape[2:], strict=True))
    found = xp.lax.conv_general_dilated(xp.swapaxes(x, 0, 1), xp.swapaxes(y, 0, 1), dilation, widths, None, stride,
                                        None, 1, groups)
    return xp.swapaxes(found, 0, 1)


# Checks


def _common_dtype(x: Any, weight: Any, bias: Any) -> dtype:
    """The one dtype of all operands. Raises DtypeError if they differ: convolutions do not promote, as in PyTorch."""
    found, other = dtypes.of(x.dtype), dtypes.of(weight.dtype)
    if found is not other:
        raise DtypeError(f"expected scalar type {dtypes.TITLES[found]} but found {dtypes.TITLES[other]}")
    if bias is not None and dtypes.of(bias.dtype) is not found:
        names = {dtypes.float32: "float", dtypes.float64: "double"}
        given = [names.get(kind, kind.name) for kind in (found, dtypes.of(bias.dtype))]
        raise DtypeError(f"Input type ({given[0]}) and bias type ({given[1]}) should be the same")
    return found


def _check_attributes(stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> None:
    for name, values in (("stride", stride), ("dilation", dilation), ("groups", (groups,))):
        if min(values) < 1:
            raise CallError(f"non-positive {name} is not supported")
    if min(padding) < 0:
        raise CallError("negative padding is not supported")


def _check_operands(x: Any, weight: Any, bias: Any, transposed: bool, groups: int) -> None:
    shape, rank = list(weight.shape), len(weight.shape)
    given = f"Given transposed={transposed:d}" if transposed else f"Given groups={groups}"
    if len(x.shape) != rank:
        raise ShapeError(f"Expected {rank - 1}D (unbatched) or {rank}D (batched) input to conv{rank - 2}d, but got "
                         f"input of size: {list(x.shape)}")
    if shape[0] % groups:
        raise ShapeError(f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got "
                         f"weight of size [{shape}] instead")
    channels, results = (shape[0], shape[1] * groups) if transposed else (shape[1] * groups, shape[0])
    if x.shape[1] != channels:
        raise ShapeError(f"{given}, weight of size {shape}, expected input{list(x.shape)} to have {channels} "
                         f"channels, but got {x.shape[1]} channels instead")
    if bias is not None and tuple(bias.shape) != (results,):
        raise ShapeError(f"Given {'transposed=1, ' * transposed}weight of size {shape}, expected bias to be "
                         f"1-dimensional with {results} elements, but got bias of size {list(bias.shape)} instead")


def _check_output_padding(more: Sizes, stride: Sizes, dilation: Sizes) -> None:
    if min(more) < 0:
        raise CallError("negative output_padding is not supported")
    if any(m >= s and m >= d for m, s, d in zip(more, stride, dilation, strict=True)):
        raise CallError(f"output padding must be smaller than either stride or dilation, but got output_padding: "
                        f"{more} stride: {stride} dilation: {dilation}")


def sizes(value: Any, rank: int, name: str) -> Sizes:
    """An attribute given as one integer or one for each dimension. Raises ShapeError for another number of them."""
    found = (value,) if hasattr(value, "__index__") else tuple(value)
    found = tuple([n.__index__() for n in found])
    if len(found) == 1:
        return found * rank
    if len(found) != rank:
        raise ShapeError(f"expected {name} to be a single integer value or a list of {rank} values to match the "
                         f"convolution dimensions, but got {name}={list(found)}")
    return found


# PyTorch's functions


def _batched(x: Tensor, rank: int, name: str) -> tuple[Tensor, bool]:
    """x with a dimension of images, and whether it had none."""
    if x.ndim == rank + 1:
        return x.unsqueeze(0), True  # type: ignore[attr-defined]
    return x, False


def _forward(name: str, rank: int) -> Callable[..., Tensor]:
    def conv(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
             dilation: Any = 1, groups: int = 1) -> Tensor:
        input, single = _batched(input, weight.ndim - 2, name)
        if isinstance(padding, str):
            input, padding = _padded_to(input, weight, stride, padding, dilation)
        found: Any = convolution(input, weight, bias, stride, padding, dilation, False, 0, groups)
        return found.squeeze(0) if single else found  # type: ignore[no-any-return]

    conv.__name__ = conv.__qualname__ = name
    conv.__doc__ = (f"The correlation of `weight` with all windows of `input` along its last dimensions, plus bias: "
                    f"torch.nn.functional.{name}.\n\n    Shape   input: [n, channels, *sizes{rank}], weight: [results, "
                    f"channels / groups, *kernel]")
    return conv


def _padded_to(x: Tensor, weight: Tensor, stride: Any, padding: str, dilation: Any) -> tuple[Tensor, Any]:
    """x padded as a word says, by no more than one more at the end, and what is left to pad."""
    rank = weight.ndim - 2
    if padding == "valid":
        return x, 0
    if padding != "same":
        raise CallError(f"Invalid padding string: {padding!r}")
    if any(s != 1 for s in sizes(stride, rank, "stride")):
        raise CallError("padding='same' is not supported for strided convolutions")
    whole = [d * (k - 1) for k, d in zip(weight._array.shape[2:], sizes(dilation, rank, "dilation"), strict=True)]
    if any(n % 2 for n in whole):
        x = pad(x, [n for total in reversed(whole) for n in (0, total % 2)])
    return x, [total // 2 for total in whole]


def _transposed(name: str, rank: int) -> Callable[..., Tensor]:
    def conv_transpose(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
                       output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:
        input, single = _batched(input, weight.ndim - 2, name)
        found: Any = convolution(input, weight, bias, stride, padding, dilation, True, output_padding, groups)
        return found.squeeze(0) if single else found  # type: ignore[no-any-return]

    conv_transpose.__name__ = conv_transpose.__qualname__ = name
    conv_transpose.__doc__ = (f"The adjoint of a convolution as a map of images, plus bias: "
                              f"torch.nn.functional.{name}.")
    return conv_transpose


conv1d, conv2d, conv3d = (_forward(f"conv{rank}d", rank) for rank in (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = (_transposed(f"conv_transpose{rank}d", rank)
                                                        for rank in (1, 2, 3))
