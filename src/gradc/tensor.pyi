"""Types of tensor.py, with what other modules attach to Tensor. Written by tools/stubs.py."""

import builtins
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from gradc import dtypes, locations
from gradc.generator import Generator
from gradc.hooks import RemovableHandle
from gradc.ir.types import Type
from gradc.ops.ordering import Sorted
from gradc.ops.reduction import ExtremeWithIndex
from gradc.shapes import Size

new: Any
class Storage:
    """What a tensor and its views share besides memory: a version that every write increments."""
    version: int
    history: int
    writer: tuple[str, locations.Location] | None

class Leaf:
    """Stands in `_node` for a leaf that requires grad: the graph's edge to it is the tensor itself."""

class Viewed:
    """Stands in `_node` for a view: its node is in `_view`, and found again once the history of its base changes."""

LEAF: Leaf
VIEW: Viewed
class View:
    """How a view was made: `op` with `attrs` of `parent`."""
    parent: Tensor
    op: Any
    attrs: dict[str, Any]
    node: Any
    history: int
    def __init__(self, parent: Tensor, op: Any, attrs: dict[str, Any], node: Any, history: int) -> None: ...

class device:
    """Where tensors live."""
    type: str
    index: int | None
    def __init__(self, type: str | device, index: int | None = None) -> None: ...
    def __repr__(self) -> str: ...
    def __str__(self) -> str: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

CPU: device
class Tensor:
    """An array with autograd, as torch.Tensor."""
    _array: Any
    _storage: Storage
    _node: Any
    _grad: Tensor | None
    _view: View | None
    _device: Any
    _hooks: Any
    _retains_grad: builtins.bool
    __array_priority__: builtins.int
    __array_ufunc__: None
    def __hash__(self) -> builtins.int: ...
    def __init__(self, *data: Any) -> None: ...
    @property
    def shape(self) -> Size: ...
    def size(self, dim: builtins.int | None = None) -> Size | builtins.int:
        """The shape, or its size at `dim`."""
    @property
    def dtype(self) -> dtypes.dtype: ...
    @property
    def type_(self) -> Type:
        """The gradc type: element type and shape."""
    @property
    def ndim(self) -> builtins.int: ...
    def dim(self) -> builtins.int: ...
    def numel(self) -> builtins.int:
        """Number of elements."""
    nelement = numel
    def element_size(self) -> builtins.int:
        """Bytes per element."""
    @property
    def nbytes(self) -> builtins.int: ...
    @property
    def device(self) -> Device: ...
    def is_floating_point(self) -> builtins.bool: ...
    def is_complex(self) -> builtins.bool: ...
    def is_contiguous(self) -> builtins.bool: ...
    def stride(self) -> tuple[builtins.int, ...]:
        """Elements to step over per dimension; in a trace, where memory has no layout, those of row-major order."""
    @property
    def requires_grad(self) -> builtins.bool: ...
    @requires_grad.setter
    def requires_grad(self, value: builtins.bool) -> None: ...
    def requires_grad_(self, requires_grad: builtins.bool = True) -> Tensor:
        """Turn the recording of gradients of this leaf on or off, and return it."""
    @property
    def is_leaf(self) -> builtins.bool: ...
    @property
    def grad_fn(self) -> Any:
        """The node of the graph that made this tensor; None for a leaf."""
    @property
    def output_nr(self) -> builtins.int: ...
    @property
    def _version(self) -> builtins.int: ...
    @property
    def _base(self) -> Tensor | None: ...
    def _is_view(self) -> builtins.bool: ...
    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by `backward`, None before the first and after zero_grad."""
    @grad.setter
    def grad(self, value: Tensor | None) -> None: ...
    @grad.deleter
    def grad(self) -> None: ...
    def numpy(self) -> np.ndarray[Any, Any]:
        """The values as a NumPy array that shares this tensor's memory."""
    def __array__(self, dtype: Any = None, copy: builtins.bool | None = None) -> np.ndarray[Any, Any]: ...
    def tolist(self) -> Any:
        """The values as nested lists of Python numbers; a number for a 0-d tensor."""
    def item(self) -> builtins.bool | builtins.int | builtins.float | complex:
        """The value of a one-element tensor as a Python number."""
    def __bool__(self) -> builtins.bool: ...
    def __float__(self) -> builtins.float: ...
    def __int__(self) -> builtins.int: ...
    def __complex__(self) -> complex: ...
    def __index__(self) -> builtins.int: ...
    def __len__(self) -> builtins.int: ...
    def __iter__(self) -> Any: ...
    def __contains__(self, item: Any) -> builtins.bool: ...
    def __format__(self, spec: str) -> str: ...
    def __repr__(self) -> str: ...
    def __deepcopy__(self, memo: dict[builtins.int, Any]) -> Tensor: ...
    def __reduce__(self) -> Any: ...

    # Attached by ops, engine and hooks

    @property
    def T(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __add__(self, other: Any) -> Tensor: ...
    def __and__(self, other: Any) -> Tensor: ...
    def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __floordiv__(self, other: Any) -> Tensor: ...
    def __ge__(self, other: Any) -> Tensor: ...
    def __getitem__(self, item: Any) -> Tensor: ...
    def __gt__(self, other: Any) -> Tensor: ...
    def __iadd__(self, other: Any) -> Tensor: ...
    def __iand__(self, other: Any) -> Tensor: ...
    def __ifloordiv__(self, other: Any) -> Tensor: ...
    def __imod__(self, other: Any) -> Tensor: ...
    def __imul__(self, other: Any) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __ior__(self, other: Any) -> Tensor: ...
    def __ipow__(self, other: Any) -> Tensor: ...
    def __isub__(self, other: Any) -> Tensor: ...
    def __itruediv__(self, other: Any) -> Tensor: ...
    def __ixor__(self, other: Any) -> Tensor: ...
    def __le__(self, other: Any) -> Tensor: ...
    def __lt__(self, other: Any) -> Tensor: ...
    def __matmul__(self, other: Any) -> Tensor: ...
    def __mod__(self, other: Any) -> Tensor: ...
    def __mul__(self, other: Any) -> Tensor: ...
    def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __neg__(self) -> Tensor: ...
    def __or__(self, other: Any) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __pow__(self, other: Any) -> Tensor: ...
    def __radd__(self, other: Any) -> Tensor: ...
    def __rand__(self, other: Any) -> Tensor: ...
    def __rfloordiv__(self, other: Any) -> Tensor: ...
    def __rmatmul__(self, other: Any) -> Tensor: ...
    def __rmod__(self, other: Any) -> Tensor: ...
    def __rmul__(self, other: Any) -> Tensor: ...
    def __ror__(self, other: Any) -> Tensor: ...
    def __rpow__(self, other: Any) -> Tensor: ...
    def __rsub__(self, other: Any) -> Tensor: ...
    def __rtruediv__(self, other: Any) -> Tensor: ...
    def __rxor__(self, other: Any) -> Tensor: ...
    def __setitem__(self, item: Any, value: Any) -> None: ...
    def __sub__(self, other: Any) -> Tensor: ...
    def __truediv__(self, other: Any) -> Tensor: ...
    def __xor__(self, other: Any) -> Tensor: ...
    def abs(self) -> Tensor:
        """|x|."""
    def abs_(self) -> Tensor:
        """abs in place: writes the result into this tensor and returns it."""
    def absolute(self) -> Tensor:
        """|x|."""
    def acos(self) -> Tensor:
        """The angle in radians whose cosine is x."""
    def acos_(self) -> Tensor:
        """acos in place: writes the result into this tensor and returns it."""
    def acosh(self) -> Tensor:
        """The inverse of the hyperbolic cosine, for x ≥ 1."""
    def acosh_(self) -> Tensor:
        """acosh in place: writes the result into this tensor and returns it."""
    def add(self, y: Any, *, alpha: Any = 1) -> Tensor:
        """x + y."""
    def add_(self, y: Any, *, alpha: Any = 1) -> Tensor:
        """add in place: writes the result into this tensor and returns it."""
    def addcdiv(self, y: Any, z: Any, *, value: builtins.float = 1) -> Tensor:
        """x + value · y / z."""
    def addcdiv_(self, y: Any, z: Any, *, value: builtins.float = 1) -> Tensor:
        """addcdiv in place: writes the result into this tensor and returns it."""
    def addcmul(self, y: Any, z: Any, *, value: builtins.float = 1) -> Tensor:
        """x + value · y · z."""
    def addcmul_(self, y: Any, z: Any, *, value: builtins.float = 1) -> Tensor:
        """addcmul in place: writes the result into this tensor and returns it."""
    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1) -> Tensor:
        """beta · x + alpha · mat1 @ mat2, as torch.addmm, and torch.baddbmm for batches."""
    def addmv(self, mat1: Tensor, mat2: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1) -> Tensor:
        """beta · x + alpha · mat1 @ mat2, as torch.addmm, and torch.baddbmm for batches."""
    def all(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
    ) -> Tensor:
        """Whether all elements are nonzero."""
    def allclose(
        self, y: Tensor, rtol: builtins.float = 1e-05, atol: builtins.float = 1e-08, equal_nan: builtins.bool = False,
    ) -> builtins.bool:
        """Whether |x - y| ≤ atol + rtol·|y| everywhere, as torch.allclose."""
    def amax(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
    ) -> Tensor:
        """The largest element over the dimensions `dim`."""
    def amin(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
    ) -> Tensor:
        """The smallest element over the dimensions `dim`."""
    def any(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
    ) -> Tensor:
        """Whether any element is nonzero."""
    def arccos(self) -> Tensor:
        """The angle in radians whose cosine is x."""
    def arccosh(self) -> Tensor:
        """The inverse of the hyperbolic cosine, for x ≥ 1."""
    def arcsin(self) -> Tensor:
        """The angle in radians whose sine is x."""
    def arcsinh(self) -> Tensor:
        """The inverse of the hyperbolic sine."""
    def arctan(self) -> Tensor:
        """The angle in radians whose tangent is x."""
    def arctan2(self, y: Any) -> Tensor:
        """The angle of the point (y, x), in radians."""
    def arctanh(self) -> Tensor:
        """The inverse of the hyperbolic tangent, for |x| < 1."""
    def argmax(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """The index of the first largest element."""
    def argmin(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """The index of the first smallest element."""
    def argsort(
        self, dim: builtins.int = -1, descending: builtins.bool = False, stable: builtins.bool = True,
    ) -> Tensor:
        """The indices that sort x along `dim`; equal elements keep their order, and nan is the largest."""
    def asin(self) -> Tensor:
        """The angle in radians whose sine is x."""
    def asin_(self) -> Tensor:
        """asin in place: writes the result into this tensor and returns it."""
    def asinh(self) -> Tensor:
        """The inverse of the hyperbolic sine."""
    def asinh_(self) -> Tensor:
        """asinh in place: writes the result into this tensor and returns it."""
    def atan(self) -> Tensor:
        """The angle in radians whose tangent is x."""
    def atan2(self, y: Any) -> Tensor:
        """The angle of the point (y, x), in radians."""
    def atan_(self) -> Tensor:
        """atan in place: writes the result into this tensor and returns it."""
    def atanh(self) -> Tensor:
        """The inverse of the hyperbolic tangent, for |x| < 1."""
    def atanh_(self) -> Tensor:
        """atanh in place: writes the result into this tensor and returns it."""
    def backward(
        self, gradient: Any = None, retain_graph: builtins.bool | None = None, create_graph: builtins.bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this tensor to the `.grad` of the leaves it depends on, as torch.Tensor.backward."""
    def baddbmm(self, mat1: Tensor, mat2: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1) -> Tensor:
        """beta · x + alpha · mat1 @ mat2, as torch.addmm, and torch.baddbmm for batches."""
    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Fill this tensor with ones, with probability p each, and zeros, as torch.Tensor.bernoulli_."""
    def bfloat16(self) -> Tensor:
        """This tensor as torch.bfloat16."""
    def bitwise_and(self, y: Any) -> Tensor:
        """x & y."""
    def bitwise_not(self) -> Tensor:
        """~x."""
    def bitwise_or(self, y: Any) -> Tensor:
        """x | y."""
    def bitwise_xor(self, y: Any) -> Tensor:
        """x ^ y."""
    def bmm(self, y: Tensor) -> Tensor:
        """The product of a 3-D and a 3-D tensor, as torch.bmm."""
    def bool(self) -> Tensor:
        """This tensor as torch.bool."""
    def broadcast_to(self, shape: Sequence[builtins.int]) -> Tensor:
        """expand under NumPy's name, as torch.broadcast_to."""
    def byte(self) -> Tensor:
        """This tensor as torch.uint8."""
    def ceil(self) -> Tensor:
        """⌈x⌉, rounded up."""
    def ceil_(self) -> Tensor:
        """ceil in place: writes the result into this tensor and returns it."""
    def char(self) -> Tensor:
        """This tensor as torch.int8."""
    def chunk(self, chunks: builtins.int, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """x cut along `dim` into at most `chunks` pieces, as torch.chunk."""
    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """x limited to [min, max]; a missing bound does not limit."""
    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        """clamp in place: writes the result into this tensor and returns it."""
    def clamp_max(self, max: Any) -> Tensor:
        """x, at most `max`, as torch.clamp_max."""
    def clamp_min(self, min: Any) -> Tensor:
        """x, at least `min`, as torch.clamp_min."""
    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """x limited to [min, max]; a missing bound does not limit."""
    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A copy of x with memory of its own."""
    def contiguous(self, *, memory_format: Any = None) -> Tensor:
        """x in row-major memory: x itself if it is so already."""
    def copy_(self, source: Any, non_blocking: builtins.bool = False) -> Tensor:
        """Write the values of `source`, broadcast and cast, into this tensor, as torch.Tensor.copy_."""
    def cos(self) -> Tensor:
        """The cosine of x radians."""
    def cos_(self) -> Tensor:
        """cos in place: writes the result into this tensor and returns it."""
    def cosh(self) -> Tensor:
        """The hyperbolic cosine."""
    def cosh_(self) -> Tensor:
        """cosh in place: writes the result into this tensor and returns it."""
    def count_nonzero(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
    ) -> Tensor:
        """How many elements are nonzero over the dimensions `dim`."""
    def cpu(self) -> Tensor: ...
    def cumprod(self, dim: builtins.int, *, dtype: dtypes.dtype | None = None) -> Tensor:
        """The running product of x along `dim`."""
    def cumsum(self, dim: builtins.int, *, dtype: dtypes.dtype | None = None) -> Tensor:
        """The running sum of x along `dim`."""
    @property
    def data(self) -> Tensor: ...
    def detach(self) -> Tensor:
        """x without its history: the gradient ends here."""
    def diag(self, diagonal: builtins.int = 0) -> Tensor:
        """A matrix with the vector x on a diagonal, or the diagonal of the matrix x, as torch.diag."""
    def diag_embed(self, offset: builtins.int = 0) -> Tensor:
        """Matrices with the last dimension of x on a diagonal, as torch.diag_embed."""
    def diagonal(self, offset: builtins.int = 0, dim1: builtins.int = 0, dim2: builtins.int = 1) -> Tensor:
        """The diagonal `offset` of the matrices of the dimensions dim1 and dim2, as the last dimension: a copy."""
    def div(self, y: Any, *, rounding_mode: str | None = None) -> Tensor:
        """x / y, in floating point."""
    def div_(self, y: Any, *, rounding_mode: str | None = None) -> Tensor:
        """div in place: writes the result into this tensor and returns it."""
    def divide(self, y: Any, *, rounding_mode: str | None = None) -> Tensor:
        """x / y, in floating point."""
    def dot(self, y: Tensor) -> Tensor:
        """The product of a 1-D and a 1-D tensor, as torch.dot."""
    def double(self) -> Tensor:
        """This tensor as torch.float64."""
    def eq(self, y: Any) -> Tensor:
        """Whether x = y."""
    def equal(self, y: Tensor) -> builtins.bool:
        """Whether x and y have one shape and the same elements, as torch.equal."""
    def erf(self) -> Tensor:
        """The error function, 2/√π ∫₀ˣ exp(-t²) dt."""
    def erf_(self) -> Tensor:
        """erf in place: writes the result into this tensor and returns it."""
    def erfc(self) -> Tensor:
        """1 - erf(x), accurate for large x."""
    def erfc_(self) -> Tensor:
        """erfc in place: writes the result into this tensor and returns it."""
    def erfinv(self) -> Tensor:
        """The number whose error function is x, for |x| < 1."""
    def erfinv_(self) -> Tensor:
        """erfinv in place: writes the result into this tensor and returns it."""
    def exp(self) -> Tensor:
        """eˣ."""
    def exp2(self) -> Tensor:
        """2ˣ."""
    def exp2_(self) -> Tensor:
        """exp2 in place: writes the result into this tensor and returns it."""
    def exp_(self) -> Tensor:
        """exp in place: writes the result into this tensor and returns it."""
    def expand(self, *sizes: Any) -> Tensor:
        """x repeated to `shape` without copying."""
    def expand_as(self, other: Tensor) -> Tensor: ...
    def expm1(self) -> Tensor:
        """eˣ - 1, accurate near 0."""
    def expm1_(self) -> Tensor:
        """expm1 in place: writes the result into this tensor and returns it."""
    def fill_(self, value: Any) -> Tensor:
        """Write one number into every element."""
    def fix(self) -> Tensor:
        """x rounded toward 0."""
    def flatten(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """x with the dimensions from start_dim to end_dim made one, as torch.flatten."""
    def flip(self, *dims: Any) -> Tensor:
        """x with the order along `dims` reversed."""
    def float(self) -> Tensor:
        """This tensor as torch.float32."""
    def floor(self) -> Tensor:
        """⌊x⌋, rounded down."""
    def floor_(self) -> Tensor:
        """floor in place: writes the result into this tensor and returns it."""
    def floor_divide(self, y: Any) -> Tensor:
        """⌊x / y⌋, rounded down."""
    def floor_divide_(self, y: Any) -> Tensor:
        """floor_divide in place: writes the result into this tensor and returns it."""
    def fmod(self, y: Any) -> Tensor:
        """The remainder of x / y with the sign of x."""
    def fmod_(self, y: Any) -> Tensor:
        """fmod in place: writes the result into this tensor and returns it."""
    def frac(self) -> Any:
        """x - trunc(x), the fractional part, as torch.frac."""
    def gather(self, dim: builtins.int, index: Tensor, *, sparse_grad: builtins.bool = False) -> Tensor:
        """result[i][j] = x[index[i][j]][j] for dim = 0, and so on."""
    def ge(self, y: Any) -> Tensor:
        """Whether x ≥ y."""
    def greater(self, y: Any) -> Tensor:
        """Whether x > y."""
    def greater_equal(self, y: Any) -> Tensor:
        """Whether x ≥ y."""
    def gt(self, y: Any) -> Tensor:
        """Whether x > y."""
    def half(self) -> Tensor:
        """This tensor as torch.float16."""
    def hypot(self, y: Any) -> Tensor:
        """√(x² + y²), without overflow."""
    def index_add(self, dim: builtins.int, index: Tensor, source: Tensor, *, alpha: builtins.float = 1) -> Tensor:
        """x with the slices of `source` added at `index` along `dim`, as torch.index_add."""
    def index_fill(self, dim: builtins.int, index: Tensor, value: Any) -> Tensor:
        """x with `value` in the slices at `index` along `dim`, as torch.index_fill."""
    def index_select(self, dim: builtins.int, index: Tensor) -> Tensor:
        """The slices of x at `index` along `dim`, as torch.index_select."""
    def int(self) -> Tensor:
        """This tensor as torch.int32."""
    def isfinite(self) -> Tensor:
        """Whether x is neither infinite nor nan."""
    def isinf(self) -> Tensor:
        """Whether x is infinite."""
    def isnan(self) -> Tensor:
        """Whether x is nan."""
    def kthvalue(self, k: builtins.int, dim: builtins.int = -1, keepdim: builtins.bool = False) -> Sorted:
        """The k-th smallest element along `dim`, counted from 1, and its index, as torch.kthvalue."""
    def le(self, y: Any) -> Tensor:
        """Whether x ≤ y."""
    def lerp(self, y: Any, weight: Any) -> Tensor:
        """x + weight·(y - x): the point between x and y."""
    def less(self, y: Any) -> Tensor:
        """Whether x < y."""
    def less_equal(self, y: Any) -> Tensor:
        """Whether x ≤ y."""
    def log(self) -> Tensor:
        """The natural logarithm."""
    def log10(self) -> Tensor:
        """The logarithm to base 10."""
    def log10_(self) -> Tensor:
        """log10 in place: writes the result into this tensor and returns it."""
    def log1p(self) -> Tensor:
        """log(1 + x), accurate near 0."""
    def log1p_(self) -> Tensor:
        """log1p in place: writes the result into this tensor and returns it."""
    def log2(self) -> Tensor:
        """The logarithm to base 2."""
    def log2_(self) -> Tensor:
        """log2 in place: writes the result into this tensor and returns it."""
    def log_(self) -> Tensor:
        """log in place: writes the result into this tensor and returns it."""
    def log_softmax(self, dim: builtins.int = -1, *, dtype: Any = None) -> Tensor:
        """x - log Σ exp(x) along `dim`, without overflow."""
    def logaddexp(self, y: Any) -> Tensor:
        """log(eˣ + eʸ), without overflow."""
    def logical_and(self, y: Any) -> Tensor:
        """Whether x and y are both nonzero."""
    def logical_not(self) -> Tensor:
        """Whether x is zero."""
    def logical_or(self, y: Any) -> Tensor:
        """Whether x or y is nonzero."""
    def logical_xor(self, y: Any) -> Tensor:
        """Whether exactly one of x and y is nonzero."""
    def logit(self, eps: builtins.float | None = None) -> Tensor:
        """log(x / (1 - x)), the inverse of sigmoid; x is first limited to [eps, 1 - eps]."""
    def logsumexp(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
    ) -> Tensor:
        """log Σ exp(x) over the dimensions `dim`, without overflow."""
    def long(self) -> Tensor:
        """This tensor as torch.int64."""
    def lt(self, y: Any) -> Tensor:
        """Whether x < y."""
    @property
    def mT(self) -> Tensor: ...
    def masked_fill(self, mask: Tensor, value: Any) -> Tensor:
        """x with `value` where the mask holds, as torch.masked_fill."""
    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor: ...
    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements of x where the mask holds, in row-major order, as torch.masked_select."""
    def matmul(self, y: Tensor) -> Tensor:
        """The matrix product of x and y: a vector on the left is a row, on the right a column; other dimensions
        broadcast."""
    @overload
    def max(self) -> Tensor: ...
    @overload
    def max(self, other: Tensor) -> Tensor: ...
    @overload
    def max(self, dim: builtins.int, keepdim: builtins.bool = False) -> ExtremeWithIndex: ...
    def maximum(self, y: Any) -> Tensor:
        """The larger of x and y; nan if either is."""
    def mean(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
    ) -> Tensor:
        """The mean of x over the dimensions `dim`."""
    @overload
    def median(self) -> Tensor: ...
    @overload
    def median(self, dim: builtins.int, keepdim: builtins.bool = False) -> Sorted: ...
    @overload
    def min(self) -> Tensor: ...
    @overload
    def min(self, other: Tensor) -> Tensor: ...
    @overload
    def min(self, dim: builtins.int, keepdim: builtins.bool = False) -> ExtremeWithIndex: ...
    def minimum(self, y: Any) -> Tensor:
        """The smaller of x and y; nan if either is."""
    def mm(self, y: Tensor) -> Tensor:
        """The product of a 2-D and a 2-D tensor, as torch.mm."""
    def moveaxis(self, source: Any, destination: Any) -> Tensor:
        """x with the dimensions `source` moved to the places `destination`, as torch.movedim."""
    def movedim(self, source: Any, destination: Any) -> Tensor:
        """x with the dimensions `source` moved to the places `destination`, as torch.movedim."""
    def mul(self, y: Any) -> Tensor:
        """x · y."""
    def mul_(self, y: Any) -> Tensor:
        """mul in place: writes the result into this tensor and returns it."""
    def multiply(self, y: Any) -> Tensor:
        """x · y."""
    def mv(self, y: Tensor) -> Tensor:
        """The product of a 2-D and a 1-D tensor, as torch.mv."""
    def nan_to_num(
        self, nan: builtins.float = 0.0, posinf: builtins.float | None = None, neginf: builtins.float | None = None,
    ) -> Any:
        """x with nan and infinities replaced by numbers, infinities by the largest ones, as torch.nan_to_num."""
    def narrow(self, dim: builtins.int, start: builtins.int, length: builtins.int) -> Tensor:
        """The `length` elements of the dimension `dim` from `start` on, as torch.narrow."""
    def ne(self, y: Any) -> Tensor:
        """Whether x ≠ y."""
    def neg(self) -> Tensor:
        """-x."""
    def neg_(self) -> Tensor:
        """neg in place: writes the result into this tensor and returns it."""
    def negative(self) -> Tensor:
        """-x."""
    def new_empty(
        self, *size: Any, dtype: dtypes.dtype | None = None, requires_grad: builtins.bool = False, device: Any = None,
    ) -> Tensor: ...
    def new_full(
        self, size: Sequence[builtins.int], fill_value: Any, *, dtype: dtypes.dtype | None = None, requires_grad:
        builtins.bool = False, device: Any = None,
    ) -> Tensor: ...
    def new_ones(
        self, *size: Any, dtype: dtypes.dtype | None = None, requires_grad: builtins.bool = False, device: Any = None,
    ) -> Tensor: ...
    def new_tensor(
        self, data: Any, *, dtype: dtypes.dtype | None = None, requires_grad: builtins.bool = False, device: Any = None,
    ) -> Tensor: ...
    def new_zeros(
        self, *size: Any, dtype: dtypes.dtype | None = None, requires_grad: builtins.bool = False, device: Any = None,
    ) -> Tensor: ...
    def nonzero(self, *, as_tuple: builtins.bool = False) -> Any:
        """The indices of the nonzero elements, as torch.nonzero."""
    def norm(self, p: Any = 2, dim: Any = None, keepdim: builtins.bool = False) -> Tensor:
        """The p-norm of x over the dimensions `dim`, as torch.norm."""
    def normal_(
        self, mean: builtins.float = 0.0, std: builtins.float = 1.0, *, generator: Generator | None = None,
    ) -> Tensor:
        """Fill this tensor with normally distributed numbers, as torch.Tensor.normal_."""
    def not_equal(self, y: Any) -> Tensor:
        """Whether x ≠ y."""
    def outer(self, y: Tensor) -> Tensor:
        """The products of all pairs of elements of two vectors, as torch.outer."""
    def permute(self, *dims: Any) -> Tensor:
        """x with its dimensions in the order `dims`."""
    def pow(self, exponent: Any) -> Tensor:
        """x to the power y."""
    def pow_(self, exponent: Any) -> Tensor:
        """pow in place: writes the result into this tensor and returns it."""
    def prod(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
    ) -> Tensor:
        """The product of x over the dimensions `dim`."""
    def random_(
        self, from_: builtins.int | None = None, to: builtins.int | None = None, *, generator: Generator | None = None,
    ) -> Tensor:
        """Fill this tensor with integers, as torch.Tensor.random_."""
    def ravel(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """x with the dimensions from start_dim to end_dim made one, as torch.flatten."""
    def reciprocal(self) -> Tensor:
        """1 / x."""
    def reciprocal_(self) -> Tensor:
        """reciprocal in place: writes the result into this tensor and returns it."""
    def register_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        """Call `hook` with the gradient of this tensor whenever one is computed; what it returns, unless None, replaces
        it."""
    def relu(self) -> Tensor:
        """x where positive, else 0."""
    def relu_(self) -> Tensor:
        """relu in place: writes the result into this tensor and returns it."""
    def remainder(self, y: Any) -> Tensor:
        """x - y·⌊x / y⌋: the remainder with the sign of y."""
    def remainder_(self, y: Any) -> Tensor:
        """remainder in place: writes the result into this tensor and returns it."""
    def repeat(self, *repeats: Any) -> Tensor:
        """x laid side by side, `repeats` times along each dimension."""
    def repeat_interleave(self, repeats: builtins.int | Tensor, dim: builtins.int | None = None) -> Tensor:
        """Each element, or each slice along `dim`, `repeats` times in a row, as torch.repeat_interleave."""
    def reshape(self, *shape: Any) -> Tensor:
        """x with the same elements in row-major order under another shape, in which one size may be -1."""
    def reshape_as(self, other: Tensor) -> Tensor: ...
    def retain_grad(self) -> None:
        """Keep the gradient of this tensor in `.grad`, as for a leaf."""
    @property
    def retains_grad(self) -> builtins.bool: ...
    def roll(
        self, shifts: builtins.int | Sequence[builtins.int], dims: builtins.int | Sequence[builtins.int] | None = None,
    ) -> Tensor:
        """x shifted along `dims` by `shifts`; what leaves at one end comes in at the other."""
    def round(self) -> Tensor:
        """x rounded to the nearest integer, halves to the even one."""
    def round_(self) -> Tensor:
        """round in place: writes the result into this tensor and returns it."""
    def rsqrt(self) -> Tensor:
        """1 / √x."""
    def rsqrt_(self) -> Tensor:
        """rsqrt in place: writes the result into this tensor and returns it."""
    def rsub(self, other: Any) -> Tensor: ...
    def scatter(self, dim: builtins.int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
        """x with x[index[i][j]][j] replaced by source[i][j] for dim = 0, and so on."""
    def scatter_(self, dim: builtins.int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
        """scatter in place: writes the result into this tensor and returns it."""
    def scatter_add(self, dim: builtins.int, index: Tensor, source: Tensor) -> Tensor:
        """x with source[i][j] added to x[index[i][j]][j] for dim = 0, and so on."""
    def scatter_add_(self, dim: builtins.int, index: Tensor, source: Tensor) -> Tensor:
        """scatter_add in place: writes the result into this tensor and returns it."""
    def select(self, dim: builtins.int, index: builtins.int) -> Tensor:
        """x at `index` of the dimension `dim`, as torch.select."""
    def short(self) -> Tensor:
        """This tensor as torch.int16."""
    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)), without overflow."""
    def sigmoid_(self) -> Tensor:
        """sigmoid in place: writes the result into this tensor and returns it."""
    def sign(self) -> Tensor:
        """-1, 0 or 1, the sign of x."""
    def sin(self) -> Tensor:
        """The sine of x radians."""
    def sin_(self) -> Tensor:
        """sin in place: writes the result into this tensor and returns it."""
    def sinh(self) -> Tensor:
        """The hyperbolic sine."""
    def sinh_(self) -> Tensor:
        """sinh in place: writes the result into this tensor and returns it."""
    def softmax(self, dim: builtins.int = -1, *, dtype: Any = None) -> Tensor:
        """exp(x) / Σ exp(x) along `dim`, without overflow."""
    def sort(self, dim: builtins.int = -1, descending: builtins.bool = False, stable: builtins.bool = True) -> Sorted:
        """x in order along `dim`, and the indices where its elements were, as torch.sort (always stable)."""
    def split(
        self, split_size_or_sections: builtins.int | Sequence[builtins.int], dim: builtins.int = 0,
    ) -> tuple[Tensor, ...]:
        """x cut along `dim` into pieces of one size (the last may be smaller) or of the given sizes, as torch.split."""
    def sqrt(self) -> Tensor:
        """√x."""
    def sqrt_(self) -> Tensor:
        """sqrt in place: writes the result into this tensor and returns it."""
    def square(self) -> Tensor:
        """x²."""
    def squeeze(self, dim: Any = None) -> Tensor:
        """x without the dimensions `dim` where their size is 1; without all of size 1 when dim is not given."""
    def std(
        self, dim: Any = None, unbiased: builtins.bool = True, keepdim: builtins.bool = False, *, correction: Any =
        None,
    ) -> Tensor:
        """The standard deviation of x over the dimensions `dim`: the square root of the variance."""
    def sub(self, y: Any, *, alpha: Any = 1) -> Tensor:
        """x - y."""
    def sub_(self, y: Any, *, alpha: Any = 1) -> Tensor:
        """sub in place: writes the result into this tensor and returns it."""
    def subtract(self, y: Any, *, alpha: Any = 1) -> Tensor:
        """x - y."""
    def sum(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
    ) -> Tensor:
        """Σ x over the dimensions `dim`."""
    def swapaxes(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """x with two dimensions exchanged."""
    def swapdims(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """x with two dimensions exchanged."""
    def t(self) -> Tensor:
        """The transpose of a matrix; a vector or scalar as it is."""
    def take_along_dim(self, indices: Tensor, dim: builtins.int | None = None) -> Tensor:
        """The elements of x at `indices` along `dim`, broadcast in the others, as torch.take_along_dim."""
    def tan(self) -> Tensor:
        """The tangent of x radians."""
    def tan_(self) -> Tensor:
        """tan in place: writes the result into this tensor and returns it."""
    def tanh(self) -> Tensor:
        """The hyperbolic tangent."""
    def tanh_(self) -> Tensor:
        """tanh in place: writes the result into this tensor and returns it."""
    def tile(self, *repeats: Any) -> Tensor:
        """x laid side by side, `repeats` times along each dimension."""
    def to(
        self, *target: Any, dtype: dtypes.dtype | None = None, device: Any = None, copy: builtins.bool = False,
        non_blocking: builtins.bool = False,
    ) -> Tensor:
        """x in another element type; x itself if it has that type already."""
    def topk(
        self, k: builtins.int, dim: builtins.int = -1, largest: builtins.bool = True, sorted: builtins.bool = True,
    ) -> Sorted:
        """The k largest (or smallest) elements along `dim` in order, and their indices, as torch.topk."""
    def trace(self) -> Tensor:
        """The sum of the diagonal of a matrix, as torch.trace."""
    def transpose(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """x with two dimensions exchanged."""
    def tril(self, diagonal: builtins.int = 0) -> Tensor:
        """The part of a matrix on and below a diagonal."""
    def triu(self, diagonal: builtins.int = 0) -> Tensor:
        """The part of a matrix on and above a diagonal."""
    def true_divide(self, y: Any, *, rounding_mode: str | None = None) -> Tensor:
        """x / y, in floating point."""
    def trunc(self) -> Tensor:
        """x rounded toward 0."""
    def trunc_(self) -> Tensor:
        """trunc in place: writes the result into this tensor and returns it."""
    def type_as(self, other: Tensor) -> Tensor:
        """This tensor in the dtype of `other`."""
    def unbind(self, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """The slices of x along `dim`, as torch.unbind."""
    def unflatten(self, dim: builtins.int, sizes: Sequence[builtins.int]) -> Tensor:
        """x with the dimension `dim` made several, as torch.unflatten."""
    def uniform_(
        self, from_: builtins.float = 0.0, to: builtins.float = 1.0, *, generator: Generator | None = None,
    ) -> Tensor:
        """Fill this tensor with numbers spread evenly over [from_, to), as torch.Tensor.uniform_."""
    def unique(
        self, sorted: builtins.bool = True, return_inverse: builtins.bool = False, return_counts: builtins.bool = False,
    ) -> Any:
        """The different elements of x in order, as torch.unique."""
    def unsqueeze(self, dim: builtins.int) -> Tensor:
        """x with a new dimension of size 1 at `dim`."""
    def var(
        self, dim: Any = None, unbiased: builtins.bool = True, keepdim: builtins.bool = False, *, correction: Any =
        None,
    ) -> Tensor:
        """The variance of x over the dimensions `dim`: Σ (x - mean)² / (n - correction)."""
    def view(self, *shape: Any) -> Tensor:
        """reshape that never copies, as torch.Tensor.view."""
    def view_as(self, other: Tensor) -> Tensor: ...
    def where(self, condition: Tensor, other: Any) -> Tensor: ...
    def zero_(self) -> Tensor:
        """Write 0 into every element."""
    def zeros_like(
        self, *, dtype: dtypes.dtype | None = None, device: Any = None, requires_grad: builtins.bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        """Zeros in the shape and dtype of x, as torch.zeros_like."""

class Parameter(Tensor):
    """A Tensor that a module trains: a leaf that requires grad, found by `module.parameters()`."""
    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter: ...
    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None: ...
    def __repr__(self) -> str: ...

def wrap(array: Any) -> Tensor:
    """A new tensor over `array`, with memory of its own and outside every graph."""
def rebuild(kind: type[Tensor], array: np.ndarray[Any, Any], requires_grad: bool) -> Tensor:
    """A leaf of class `kind`; what unpickling calls."""
def payload(tensor: Tensor) -> Any:
    """What holds the values now: a NumPy array, a jax array that a compiled function left, or an ir.Value."""
def on_device(array: Any) -> Tensor:
    """A new tensor over a jax array, which becomes NumPy when eager code first reads it."""
def edge(tensor: Tensor) -> Any:
    """Where gradients of `tensor` go: the node (or output of a node) that made it, the leaf itself, or None."""
def relink(tensor: Tensor) -> None:
    """Find the place of a view in the graph after a write to its base; apply.py installs the real one."""
def root(tensor: Tensor) -> Tensor:
    """The tensor at the start of a chain of views; detach() starts a chain of its own."""
def host_array(tensor: Tensor, what: str) -> np.ndarray[Any, Any]:
    """The NumPy array of `tensor`."""
def as_nested(data: Any) -> Any:
    """`data` with the tensors in nested lists replaced by their values."""

Device = device
