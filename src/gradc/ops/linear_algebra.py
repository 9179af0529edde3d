"""Products of matrices and vectors."""

from __future__ import annotations

import math
from typing import Any

from gradc import dtypes, shapes
from gradc.apply import apply, autocasting
from gradc.dtypes import dtype
from gradc.errors import ArgumentError, DtypeError, ShapeError
from gradc.inplace import into
from gradc.ir import Type
from gradc.ops.arithmetic import add
from gradc.ops.base import Op, operand
from gradc.ops.batching import Examples
from gradc.ops.define import op
from gradc.tensor import Tensor

__all__ = ["addmm", "addmv", "baddbmm", "bmm", "dot", "einsum", "matmul", "mm", "mv", "outer", "trace"]


def check_dtypes(x: Any, y: Any) -> dtype:
    """The one dtype of both operands. Raises DtypeError if they differ: products do not promote, as in PyTorch."""
    a, b = dtypes.of(x.dtype), dtypes.of(y.dtype)
    if a is not b:
        names = {dtypes.float32: "float", dtypes.float64: "double", dtypes.int64: "long int", dtypes.int32: "int"}
        raise DtypeError(f"expected m1 and m2 to have the same dtype, but got: {names.get(a, a.name)} != "
                         f"{names.get(b, b.name)}")
    return a


@op
class matmul(Op):
    """The matrix product of x and y: a vector on the left is a row, on the right a column; other dimensions broadcast.

    Source  torch.matmul
    """

    autocast = "lower"
    kernel = lambda xp, x, y: xp.matmul(x, y)
    widens = True
    rejects = (dtypes.BOOL,)
    grad_x = lambda g, y, x_type, y_type: _grad_left(g, y, x_type, y_type)
    grad_y = lambda g, x, x_type, y_type: _grad_right(g, x, x_type, y_type)
    operators = ("__matmul__", "__rmatmul__")
    samples = [((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((3,), (3,)), ((5, 2, 3), (3, 4)),
               ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((3,), (5, 3, 4)), ((5, 2, 3), (3,))]

    def infer(self, x: Any, y: Any) -> Type:
        if not x.shape or not y.shape:
            raise ShapeError(f"both arguments to matmul need to be at least 1D, but they are {len(x.shape)}D and "
                             f"{len(y.shape)}D")
        if x.shape[-1] != y.shape[-2 if len(y.shape) > 1 else -1]:
            raise ShapeError(_mismatch(x.shape, y.shape))
        batch = shapes.broadcast(tuple(x.shape[:-2]), tuple(y.shape[:-2]))
        return Type(check_dtypes(x, y), (*batch, *x.shape[-2:-1], *(y.shape[-1:] if len(y.shape) > 1 else ())))

    def flops(self, operands: Any, results: Any, attrs: Any) -> int:
        return 2 * results[0].type.size * operands[0].type.shape[-1]  # type: ignore[no-any-return]

    def call(self, x: Tensor, y: Tensor, *, out: Tensor | None = None) -> Any:
        if out is not None:
            return into(out, self.call(x, y), self.name)
        x, y = operand(self, x), operand(self, y)
        if not isinstance(x, Tensor) or not isinstance(y, Tensor):
            raise ArgumentError(f"matmul(): operands are tensors, got {type(x).__name__} and {type(y).__name__}")
        return apply(self, (x, y), {})

    def promoted(self, arrays: Any) -> Any:
        self.check_category(check_dtypes(*arrays))
        return arrays

    def batched(self, examples: Examples) -> Any:
        """One product where it keeps the examples in front by itself; else vectors become matrices for it."""
        (x, y), rank = examples.operands, examples.rank
        if rank(1) <= 2 and not examples.flags[1] or rank(0) <= 2 <= rank(1) and not examples.flags[0]:
            return matmul(x, y)
        row, column = rank(0) == 1, rank(1) == 1
        matrices = Examples((x.unsqueeze(-2) if row else x, y.unsqueeze(-1) if column else y), examples.flags, {},
                            examples.size)
        width = max(matrices.rank(0), matrices.rank(1))
        found = matmul(matrices.wide(0, width), matrices.wide(1, width))
        return found.squeeze((-2,) * row + (-1,) * column) if row or column else found

    def node_name(self, node: Any) -> str:
        ranks = tuple(len(shape) for shape in node.signature[:2])
        return NODE_NAMES.get(ranks, "UnsafeViewBackward0")


NODE_NAMES = {(1, 1): "DotBackward0", (2, 1): "MvBackward0", (2, 2): "MmBackward0", (1, 2): "SqueezeBackward4"}
"""The last node of torch's matmul by the ranks of its operands."""


def _mismatch(x: shapes.Shape, y: shapes.Shape) -> str:
    if len(x) == len(y) == 1:
        return (f"inconsistent tensor size, expected tensor {list(x)} and src {list(y)} to have the same number of "
                f"elements, but got {x[0]} and {y[0]} elements respectively")
    if len(x) == 2 and len(y) == 1:
        return f"size mismatch, got input ({x[0]}), mat ({x[0]}x{x[1]}), vec ({y[0]})"
    left = "x".join(map(str, x if len(x) == 2 else (1, *x) if len(x) == 1 else x))
    return f"mat1 and mat2 shapes cannot be multiplied ({left} and {'x'.join(map(str, y))})"


def _grad_left(g: Tensor, y: Tensor, x_type: Type, y_type: Type) -> Tensor:
    """The cotangent of x in x @ y; its broadcast batch dimensions are summed by the caller."""
    if y_type.ndim == 1:
        return g * y if x_type.ndim == 1 else g.unsqueeze(-1) * y  # type: ignore[attr-defined]
    if x_type.ndim == 1:
        return (y @ g.unsqueeze(-1)).squeeze(-1)  # type: ignore[attr-defined, operator]
    return g @ (y.t() if y_type.ndim == 2 else y.mT)  # type: ignore[attr-defined, operator]


def _grad_right(g: Tensor, x: Tensor, x_type: Type, y_type: Type) -> Tensor:
    """The cotangent of y in x @ y. One matrix for a whole batch of rows: one product, not a batch of them summed."""
    if y_type.ndim == 1:
        if x_type.ndim == 1:
            return x * g  # type: ignore[operator, no-any-return]
        rows: Any = _rows(x, x_type.shape[-1])
        return g.reshape(-1) @ rows  # type: ignore[no-any-return]  # XLA:CPU is slow at rows.t() @ g
    if x_type.ndim == 1:
        return x.unsqueeze(-1) * g.unsqueeze(-2)  # type: ignore[attr-defined]
    if y_type.ndim == 2 and x_type.ndim > 2:
        rows = _rows(x, x_type.shape[-1])
        return rows.t() @ _rows(g, y_type.shape[-1])  # type: ignore[no-any-return]
    return (x.t() if x_type.ndim == 2 else x.mT) @ g  # type: ignore[attr-defined, operator]


def _ranked(name: str, *ranks: int) -> Any:
    """matmul for operands of given ranks only, under the name PyTorch has for it."""
    def product(x: Tensor, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        if (x.ndim, y.ndim) != ranks:
            raise ShapeError(f"{name}: expected {ranks[0]}D and {ranks[1]}D tensors, got {x.type_} and {y.type_}")
        return matmul(x, y) if out is None else into(out, matmul(x, y), name)

    product.__name__ = name
    product.__doc__ = f"The product of a {ranks[0]}-D and a {ranks[1]}-D tensor, as torch.{name}."
    setattr(Tensor, name, product)
    return product


mm = _ranked("mm", 2, 2)
mv = _ranked("mv", 2, 1)
bmm = _ranked("bmm", 3, 3)
dot = _ranked("dot", 1, 1)


def outer(x: Tensor, y: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The products of all pairs of elements of two vectors, as torch.outer."""
    return into(out, x.unsqueeze(-1) * y, "outer")  # type: ignore[attr-defined]


Tensor.outer = outer  # type: ignore[attr-defined]


@op
class linear(Op):
    """x @ weight.T + bias.

    Source  torch.nn.functional.linear
    """

    autocast = "lower"
    kernel = lambda xp, x, weight, bias=None: _linear(xp, x, weight, bias)
    widens = True
    rejects = (dtypes.BOOL,)
    grad_x = lambda g, weight: g @ weight
    grad_weight = lambda g, x, x_type, weight_type: _rows(g, weight_type.shape[0]).t() @ _rows(x, x_type.shape[-1])
    grad_bias = lambda g: g
    method = False
    samples = [((4, 3), (2, 3), (2,)), ((4, 3), (2, 3), None), ((3,), (2, 3), (2,)), ((2, 4, 3), (5, 3), (5,))]

    def infer(self, x: Any, weight: Any, bias: Any = None) -> Type:
        if len(weight.shape) != 2 or not x.shape or x.shape[-1] != weight.shape[1]:
            rows = 1
            for n in x.shape[:-1]:
                rows *= n
            raise ShapeError(f"mat1 and mat2 shapes cannot be multiplied ({rows}x{x.shape[-1] if x.shape else 1} and "
                             f"{'x'.join(map(str, weight.shape[::-1]))})")
        computed = check_dtypes(x, weight)
        if bias is not None:
            check_dtypes(x, bias)
            shapes.expand(bias.shape, (*x.shape[:-1], weight.shape[0]))
        return Type(computed, (*x.shape[:-1], weight.shape[0]))

    def call(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
        return apply(self, (x, weight, bias), {})

    def promoted(self, arrays: Any) -> Any:
        self.check_category(check_dtypes(arrays[0], arrays[1]))
        return arrays

    flops = matmul.flops

    def batched(self, examples: Examples) -> Any:
        (x, weight, bias), (rows, matrices, added) = examples.operands, examples.flags
        if not matrices and not added:
            return linear(x, weight, bias)
        if matrices:
            product = matmul.batched(Examples((x, weight.mT), (rows, matrices), {}, examples.size))
        else:
            product = linear(x, weight)
        return product if bias is None else add.batched(
            Examples((product, bias), (rows or matrices, added), {}, examples.size))

    def node_name(self, node: Any) -> str:
        has_bias = node.signature[2] is not None
        if len(node.signature[0]) == 2:
            return "AddmmBackward0" if has_bias else "MmBackward0"
        return "ViewBackward0" if has_bias else "UnsafeViewBackward0"


def _linear(xp: Any, x: Any, weight: Any, bias: Any) -> Any:
    product = xp.matmul(x, xp.transpose(weight))
    if bias is not None:
        product += bias  # on NumPy in place: a second array of that size costs as much as many sums
    return product


def _rows(x: Tensor, size: int) -> Tensor:
    """x as a matrix of rows: linears stay two-dimensional, where one product is fastest."""
    if x.ndim == 2:
        return x
    return x.reshape(math.prod(x._array.shape[:-1]), size)  # type: ignore[attr-defined, no-any-return]


def added(x: Any, product: Any, beta: float, alpha: float, name: str) -> Any:
    """beta · x + alpha · product, in the product's shape; with beta = 0 inf and nan in x do not count."""
    shapes.expand(x._array.shape, product._array.shape)
    if x.dtype is not product.dtype:
        raise DtypeError(f"{name}: self and mat2 must have the same dtype, but got {dtypes.TITLES[x.dtype]} and "
                         f"{dtypes.TITLES[product.dtype]}")
    if product.dtype.category < dtypes.FLOAT:  # numbers are cast to the type of the tensors, not the other way
        to_number = bool if product.dtype.category == dtypes.BOOL else int
        beta, alpha = to_number(beta), to_number(alpha)
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else product + (x if beta == 1 else x * beta)


def _adding(name: str, product: Any) -> Any:
    """beta · x + alpha · the product of two tensors, under the name PyTorch has for it."""
    def add_product(x: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1,
                    out: Tensor | None = None) -> Tensor:
        return into(out, added(x, product(a, b), beta, alpha, name), name)

    add_product.__name__ = name
    add_product.__doc__ = f"beta · x + alpha · {product.__name__}(a, b), as torch.{name}."
    made = autocasting("lower")(add_product)
    setattr(Tensor, name, made)
    return made


addmm, addmv, baddbmm = _adding("addmm", mm), _adding("addmv", mv), _adding("baddbmm", bmm)


@autocasting("float32")
def trace(x: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix, as torch.trace."""
    if x.ndim != 2:
        raise ShapeError(f"trace: expected a matrix, but got tensor with dim {x.ndim}")
    return x.diagonal().sum()  # type: ignore[attr-defined, no-any-return]


Tensor.trace = trace  # type: ignore[attr-defined]


def einsum(equation: str, *tensors: Any) -> Tensor:
    """The sum of products that `equation` describes by letters, as torch.einsum; "..." are broadcast dimensions.

    Raises ArgumentError for an equation that does not fit the tensors.
    """
    operands = list(tensors[0]) if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else list(tensors)
    terms, result = _letters(equation, [x.ndim for x in operands])
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for letter, size in zip(term, x._array.shape, strict=True):
            if size != 1 and sizes.setdefault(letter, size) not in (1, size):
                raise ShapeError(f"einsum(): subscript {letter} has size {size} but an earlier operand has size "
                                 f"{sizes[letter]}")
            sizes.setdefault(letter, size)
    whole, letters = operands[0], terms[0]
    whole, letters = _one_of_each(whole, letters)
    for i, (x, term) in enumerate(zip(operands[1:], terms[1:], strict=True), 1):
        x, term = _one_of_each(x, term)
        needed = set(result).union(*terms[i + 1 :])
        whole, letters = _contract(whole, letters, x, term, needed)
    whole, letters = _sum_out(whole, letters, set(result))
    return whole.permute([letters.index(letter) for letter in result])  # type: ignore[attr-defined, no-any-return]


def _letters(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with capital-free stand-ins for the dots."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ArgumentError(f"einsum(): the equation {equation!r} has {len(terms)} operands, {len(ranks)} were given")
    dots = max(rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True))
    filled = []
    for term, rank in zip(terms, ranks, strict=True):
        extra = rank - len(term.replace("...", ""))
        if extra < 0 or extra > 0 and "..." not in term:
            raise ArgumentError(f"einsum(): the subscripts {term!r} do not fit an operand of {rank} dimensions")
        filled.append(term.replace("...", "".join(map(str, range(dots - extra, dots)))))
    if arrow:
        return filled, right.replace("...", "".join(map(str, range(dots))))
    used = "".join(filled)
    once = sorted({letter for letter in used if letter.isalpha() and used.count(letter) == 1})
    return filled, "".join(map(str, range(dots))) + "".join(once)


def _one_of_each(x: Any, letters: str) -> tuple[Any, str]:
    """x with letters that occur twice made one: the diagonal."""
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            x = x.diagonal(0, first, second)
            letters = letters[:first] + letters[first + 1 : second] + letters[second + 1 :] + letter
    return x, letters


def _sum_out(x: Any, letters: str, needed: set[str]) -> tuple[Any, str]:
    dims = tuple(d for d, letter in enumerate(letters) if letter not in needed)
    return (x.sum(dims) if dims else x), "".join(letter for letter in letters if letter in needed)


def _contract(x: Any, a: str, y: Any, b: str, needed: set[str]) -> tuple[Any, str]:
    """The product of x and y as one batched matmul, summed over the letters that nobody needs any more."""
    x, a = _sum_out(x, a, needed | set(b))
    y, b = _sum_out(y, b, needed | set(a))
    batch = "".join(letter for letter in a if letter in b and letter in needed)
    summed = "".join(letter for letter in a if letter in b and letter not in needed)
    rows = "".join(letter for letter in a if letter not in b)
    columns = "".join(letter for letter in b if letter not in a)
    left = x.permute([a.index(letter) for letter in batch + rows + summed])
    right = y.permute([b.index(letter) for letter in batch + summed + columns])
    n, r = len(batch), len(rows)
    row_shape, column_shape = left.shape[n : n + r], right.shape[n + len(summed) :]
    for d in range(len(summed)):  # a size of 1 is broadcast
        size = max(left.shape[n + r + d], right.shape[n + d])
        left = left.expand(*left.shape[: n + r + d], size, *left.shape[n + r + d + 1 :])
        right = right.expand(*right.shape[: n + d], size, *right.shape[n + d + 1 :])
    inner = math.prod(left.shape[n + r :])
    product = matmul(left.reshape(*left.shape[:n], math.prod(row_shape), inner),
                     right.reshape(*right.shape[:n], inner, math.prod(column_shape)))
    return product.reshape(*product.shape[:n], *row_shape, *column_shape), batch + rows + columns
