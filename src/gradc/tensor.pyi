"""Types of tensor.py, with what other modules attach to Tensor. Written by tools/stubs.py."""

import builtins
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from gradc import dtypes
from gradc.devices import device as Device
from gradc.generator import Generator
from gradc.hooks import RemovableHandle
from gradc.ir.types import Type
from gradc.ops.elimination import TriangularSolution
from gradc.ops.extremes import Chosen
from gradc.ops.factorizations import QR
from gradc.ops.older import OldSVD
from gradc.ops.random import Stream
from gradc.shapes import Size
from gradc.storage import Storage

new: Any
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
    _turned: builtins.int
    __array_priority__: builtins.int
    __array_ufunc__: Any
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
    @property
    def layout(self) -> builtins.layout: ...
    def is_contiguous(self, memory_format: Any = None) -> builtins.bool:
        """Whether its memory is in row-major order, whatever format is asked about."""
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
    def is_inference(self) -> builtins.bool:
        """Whether it was made in inference mode, so that no gradient can be built on it."""
    def _is_view(self) -> builtins.bool: ...
    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by `backward`, None before the first and after zero_grad."""
    @grad.setter
    def grad(self, value: Tensor | None) -> None: ...
    @grad.deleter
    def grad(self) -> None: ...
    def numpy(self, *, force: builtins.bool = False) -> np.ndarray[Any, Any]:
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
    def H(self) -> Tensor: ...
    @property
    def T(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __add__(self, other: Any) -> Tensor: ...
    def __and__(self, other: Any) -> Tensor: ...
    def __dlpack__(self) -> Tensor: ...
    def __dlpack_device__(self) -> Tensor: ...
    def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __floordiv__(self, other: Any) -> Tensor: ...
    def __ge__(self, other: Any) -> Tensor: ...
    def __getitem__(self, item: Any) -> Tensor: ...
    def __gt__(self, other: Any) -> Tensor: ...
    def __iadd__(self, other: Any) -> Tensor: ...
    def __iand__(self, other: Any) -> Tensor: ...
    def __ifloordiv__(self, other: Any) -> Tensor: ...
    def __ilshift__(self, other: Any) -> Tensor: ...
    def __imod__(self, other: Any) -> Tensor: ...
    def __imul__(self, other: Any) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __ior__(self, other: Any) -> Tensor: ...
    def __ipow__(self, other: Any) -> Tensor: ...
    def __irshift__(self, other: Any) -> Tensor: ...
    def __isub__(self, other: Any) -> Tensor: ...
    def __itruediv__(self, other: Any) -> Tensor: ...
    def __ixor__(self, other: Any) -> Tensor: ...
    def __le__(self, other: Any) -> Tensor: ...
    def __lshift__(self, other: Any) -> Tensor: ...
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
    def __rlshift__(self, other: Any) -> Tensor: ...
    def __rmatmul__(self, other: Any) -> Tensor: ...
    def __rmod__(self, other: Any) -> Tensor: ...
    def __rmul__(self, other: Any) -> Tensor: ...
    def __ror__(self, other: Any) -> Tensor: ...
    def __rpow__(self, other: Any) -> Tensor: ...
    def __rrshift__(self, other: Any) -> Tensor: ...
    def __rshift__(self, other: Any) -> Tensor: ...
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
    def absolute_(self, *args: Any, **kwargs: Any) -> Tensor:
        """absolute in place: writes the result into this tensor and returns it."""
    def acos(self) -> Tensor:
        """The angle in radians whose cosine is x."""
    def acos_(self) -> Tensor:
        """acos in place: writes the result into this tensor and returns it."""
    def acosh(self) -> Tensor:
        """The inverse of the hyperbolic cosine, for x ≥ 1."""
    def acosh_(self) -> Tensor:
        """acosh in place: writes the result into this tensor and returns it."""
    def add(self, y: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
        """x + y."""
    def add_(self, y: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
        """add in place: writes the result into this tensor and returns it."""
    def addbmm(
        self, batch1: Tensor, batch2: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1, out: Tensor | None
        = None,
    ) -> Tensor:
        """beta · x + alpha · the sum of the products of two batches of matrices, as torch.addbmm."""
    def addbmm_(self, *args: Any, **kwargs: Any) -> Tensor:
        """addbmm in place: writes the result into this tensor and returns it."""
    def addcdiv(self, y: Any, z: Any, *, value: builtins.float = 1) -> Tensor:
        """x + value · y / z."""
    def addcdiv_(self, y: Any, z: Any, *, value: builtins.float = 1) -> Tensor:
        """addcdiv in place: writes the result into this tensor and returns it."""
    def addcmul(self, y: Any, z: Any, *, value: builtins.float = 1) -> Tensor:
        """x + value · y · z."""
    def addcmul_(self, y: Any, z: Any, *, value: builtins.float = 1) -> Tensor:
        """addcmul in place: writes the result into this tensor and returns it."""
    def addmm(
        self, a: Tensor, b: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1, out: Tensor | None = None,
    ) -> Tensor:
        """beta · x + alpha · mm(a, b), as torch.addmm."""
    def addmm_(self, *args: Any, **kwargs: Any) -> Tensor:
        """addmm in place: writes the result into this tensor and returns it."""
    def addmv(
        self, a: Tensor, b: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1, out: Tensor | None = None,
    ) -> Tensor:
        """beta · x + alpha · mv(a, b), as torch.addmv."""
    def addmv_(self, *args: Any, **kwargs: Any) -> Tensor:
        """addmv in place: writes the result into this tensor and returns it."""
    def addr(
        self, vec1: Tensor, vec2: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1, out: Tensor | None =
        None,
    ) -> Tensor:
        """beta · x + alpha · vec1 vec2ᵀ, as torch.addr."""
    def addr_(self, *args: Any, **kwargs: Any) -> Tensor:
        """addr in place: writes the result into this tensor and returns it."""
    def adjoint(self) -> Tensor:
        """The conjugate transpose of each matrix, as torch.adjoint."""
    def all(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """Whether all elements are nonzero."""
    def allclose(
        self, y: Tensor, rtol: builtins.float = 1e-05, atol: builtins.float = 1e-08, equal_nan: builtins.bool = False,
    ) -> builtins.bool:
        """Whether |x - y| ≤ atol + rtol·|y| everywhere, as torch.allclose."""
    def amax(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """The largest element over the dimensions `dim`."""
    def amin(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """The smallest element over the dimensions `dim`."""
    def aminmax(self, *, dim: builtins.int | None = None, keepdim: builtins.bool = False, out: Any = None) -> Tensor:
        """The smallest and the largest element along `dim`, or of all."""
    def angle(self) -> Tensor:
        """The angle of z in the complex plane, in radians; of a real number 0 or π."""
    def any(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """Whether any element is nonzero."""
    def apply_(self, function: Callable[[Any], Any]) -> Tensor:
        """Replace each element by what a Python function makes of it: slow."""
    def arccos(self) -> Tensor:
        """The angle in radians whose cosine is x."""
    def arccos_(self, *args: Any, **kwargs: Any) -> Tensor:
        """arccos in place: writes the result into this tensor and returns it."""
    def arccosh(self) -> Tensor:
        """The inverse of the hyperbolic cosine, for x ≥ 1."""
    def arccosh_(self, *args: Any, **kwargs: Any) -> Tensor:
        """arccosh in place: writes the result into this tensor and returns it."""
    def arcsin(self) -> Tensor:
        """The angle in radians whose sine is x."""
    def arcsin_(self, *args: Any, **kwargs: Any) -> Tensor:
        """arcsin in place: writes the result into this tensor and returns it."""
    def arcsinh(self) -> Tensor:
        """The inverse of the hyperbolic sine."""
    def arcsinh_(self, *args: Any, **kwargs: Any) -> Tensor:
        """arcsinh in place: writes the result into this tensor and returns it."""
    def arctan(self) -> Tensor:
        """The angle in radians whose tangent is x."""
    def arctan2(self, y: Any) -> Tensor:
        """The angle of the point (y, x), in radians."""
    def arctan2_(self, *args: Any, **kwargs: Any) -> Tensor:
        """arctan2 in place: writes the result into this tensor and returns it."""
    def arctan_(self, *args: Any, **kwargs: Any) -> Tensor:
        """arctan in place: writes the result into this tensor and returns it."""
    def arctanh(self) -> Tensor:
        """The inverse of the hyperbolic tangent, for |x| < 1."""
    def arctanh_(self, *args: Any, **kwargs: Any) -> Tensor:
        """arctanh in place: writes the result into this tensor and returns it."""
    def argmax(
        self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, out: Tensor | None = None,
    ) -> Tensor:
        """The index of the first largest element."""
    def argmin(
        self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, out: Tensor | None = None,
    ) -> Tensor:
        """The index of the first smallest element."""
    def argsort(
        self, dim: builtins.int = -1, descending: builtins.bool = False, stable: builtins.bool = True,
    ) -> Tensor:
        """The indices that sort x along `dim`; equal elements keep their order, and nan is the largest."""
    def argwhere(self) -> Tensor:
        """The indices of the nonzero elements, a row for each, as torch.argwhere."""
    def as_strided(
        self, size: Sequence[builtins.int], stride: Sequence[builtins.int], storage_offset: builtins.int | None = None,
    ) -> Tensor:
        """A view of the memory of x: element (i, j, …) is the one at offset + i·stride[0] + j·stride[1] + …."""
    def as_strided_(self, *args: Any, **kwargs: Any) -> Tensor:
        """as_strided in place: this tensor itself gets the new dimensions."""
    def as_strided_scatter(
        self, src: Tensor, size: Sequence[builtins.int], stride: Sequence[builtins.int], storage_offset: builtins.int |
        None = None,
    ) -> Tensor:
        """x with the elements that as_strided would show replaced by `value`."""
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
    def atan2_(self, y: Any) -> Tensor:
        """atan2 in place: writes the result into this tensor and returns it."""
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
    def baddbmm(
        self, a: Tensor, b: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1, out: Tensor | None = None,
    ) -> Tensor:
        """beta · x + alpha · bmm(a, b), as torch.baddbmm."""
    def baddbmm_(self, *args: Any, **kwargs: Any) -> Tensor:
        """baddbmm in place: writes the result into this tensor and returns it."""
    def bernoulli(self, p: builtins.float | None = None, *, generator: Stream | None = None, out: Any = None) -> Tensor:
        """Ones with the probabilities x, or all with the probability p, and zeros, as torch.bernoulli."""
    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Fill this tensor with ones, with probability p each, and zeros, as torch.Tensor.bernoulli_."""
    def bfloat16(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.bfloat16."""
    def bincount(self, weights: Tensor | None = None, minlength: builtins.int = 0) -> Tensor:
        """How often each integer from 0 on occurs in x, or the sum of its `weights`, as torch.bincount."""
    def bitwise_and(self, y: Any) -> Tensor:
        """x & y."""
    def bitwise_and_(self, y: Any) -> Tensor:
        """bitwise_and in place: writes the result into this tensor and returns it."""
    def bitwise_left_shift(self, y: Any) -> Tensor:
        """x · 2ʸ, within the bits of x."""
    def bitwise_left_shift_(self, y: Any) -> Tensor:
        """bitwise_left_shift in place: writes the result into this tensor and returns it."""
    def bitwise_not(self) -> Tensor:
        """~x."""
    def bitwise_not_(self) -> Tensor:
        """bitwise_not in place: writes the result into this tensor and returns it."""
    def bitwise_or(self, y: Any) -> Tensor:
        """x | y."""
    def bitwise_or_(self, y: Any) -> Tensor:
        """bitwise_or in place: writes the result into this tensor and returns it."""
    def bitwise_right_shift(self, y: Any) -> Tensor:
        """⌊x / 2ʸ⌋."""
    def bitwise_right_shift_(self, y: Any) -> Tensor:
        """bitwise_right_shift in place: writes the result into this tensor and returns it."""
    def bitwise_xor(self, y: Any) -> Tensor:
        """x ^ y."""
    def bitwise_xor_(self, y: Any) -> Tensor:
        """bitwise_xor in place: writes the result into this tensor and returns it."""
    def bmm(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The product of a 3-D and a 3-D tensor, as torch.bmm."""
    def bool(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.bool."""
    def broadcast_to(self, shape: Sequence[builtins.int]) -> Tensor:
        """expand under NumPy's name, as torch.broadcast_to."""
    def byte(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.uint8."""
    def cauchy_(
        self, median: builtins.float = 0.0, sigma: builtins.float = 1.0, *, generator: Generator | None = None,
    ) -> Tensor:
        """Fill this tensor with numbers of the Cauchy distribution, as torch.Tensor.cauchy_."""
    def cdouble(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.complex128."""
    def ceil(self) -> Tensor:
        """⌈x⌉, rounded up."""
    def ceil_(self) -> Tensor:
        """ceil in place: writes the result into this tensor and returns it."""
    def cfloat(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.complex64."""
    def char(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.int8."""
    def cholesky(self, upper: Any = False) -> Tensor:
        """The lower triangular L with x = L Lᴴ, for a Hermitian positive definite x, of which the lower half is
        read."""
    def cholesky_inverse(self, upper: builtins.bool = False) -> Tensor:
        """The inverse of A, given its Cholesky factor, as torch.cholesky_inverse."""
    def cholesky_solve(self, L: Tensor, upper: builtins.bool = False) -> Tensor:
        """The X for which A X = b, given the Cholesky factor of A, as torch.cholesky_solve."""
    def chunk(self, chunks: builtins.int, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """x cut along `dim` into at most `chunks` pieces, as torch.chunk."""
    def clamp(self, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
        """x limited to [min, max]; a missing bound does not limit."""
    def clamp_(self, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
        """clamp in place: writes the result into this tensor and returns it."""
    def clamp_max(self, max: Any) -> Tensor:
        """x, at most `max`, as torch.clamp_max."""
    def clamp_max_(self, *args: Any, **kwargs: Any) -> Tensor:
        """clamp_max in place: writes the result into this tensor and returns it."""
    def clamp_min(self, min: Any) -> Tensor:
        """x, at least `min`, as torch.clamp_min."""
    def clamp_min_(self, *args: Any, **kwargs: Any) -> Tensor:
        """clamp_min in place: writes the result into this tensor and returns it."""
    def clip(self, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
        """x limited to [min, max]; a missing bound does not limit."""
    def clip_(self, *args: Any, **kwargs: Any) -> Tensor:
        """clip in place: writes the result into this tensor and returns it."""
    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A copy of x with memory of its own."""
    def conj(self) -> Tensor:
        """a - ib for a + ib; a real tensor is its own."""
    def conj_physical(self) -> Tensor:
        """a - ib for a + ib; a real tensor is its own."""
    def conj_physical_(self, *args: Any, **kwargs: Any) -> Tensor:
        """conj_physical in place: writes the result into this tensor and returns it."""
    def contiguous(self, *, memory_format: Any = None) -> Tensor:
        """x in row-major memory: x itself if it is so already."""
    def copy_(self, source: Any, non_blocking: builtins.bool = False) -> Tensor:
        """Write the values of `source`, broadcast and cast, into this tensor, as torch.Tensor.copy_."""
    def copysign(self, y: Any) -> Tensor:
        """|x| with the sign of y."""
    def copysign_(self, *args: Any, **kwargs: Any) -> Tensor:
        """copysign in place: writes the result into this tensor and returns it."""
    def corrcoef(self) -> Tensor:
        """The correlation coefficients of the rows of x, whose columns are observations, as torch.corrcoef."""
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
        out: Tensor | None = None,
    ) -> Tensor:
        """How many elements are nonzero over the dimensions `dim`."""
    def cov(
        self, *, correction: builtins.float = 1, fweights: Tensor | None = None, aweights: Tensor | None = None,
    ) -> Tensor:
        """The covariances of the rows of x, whose columns are observations, as torch.cov."""
    def cpu(self) -> Tensor: ...
    def cross(self, y: Tensor, dim: builtins.int | None = None, *, out: Tensor | None = None) -> Tensor:
        """The cross product of the vectors of three numbers along `dim`, with the other dimensions broadcast."""
    def cuda(self, device: Any = None, non_blocking: builtins.bool = False, memory_format: Any = None) -> Tensor:
        """Raises PyTorch's error of a machine without CUDA: eager tensors live on the host."""
    def cummax(self, dim: builtins.int, *, out: Sequence[Tensor] | None = None) -> Tensor:
        """The largest of the elements so far along `dim`, and the index of the last such."""
    def cummin(self, dim: builtins.int, *, out: Sequence[Tensor] | None = None) -> Tensor:
        """The smallest of the elements so far along `dim`, and the index of the last such."""
    def cumprod(self, dim: builtins.int, *, dtype: dtypes.dtype | None = None, out: Tensor | None = None) -> Tensor:
        """The running product of x along `dim`."""
    def cumprod_(self, dim: builtins.int, *, dtype: dtypes.dtype | None = None, out: Tensor | None = None) -> Tensor:
        """cumprod in place: writes the result into this tensor and returns it."""
    def cumsum(self, dim: builtins.int, *, dtype: dtypes.dtype | None = None, out: Tensor | None = None) -> Tensor:
        """The running sum of x along `dim`."""
    def cumsum_(self, dim: builtins.int, *, dtype: dtypes.dtype | None = None, out: Tensor | None = None) -> Tensor:
        """cumsum in place: writes the result into this tensor and returns it."""
    @property
    def data(self) -> Tensor: ...
    def data_ptr(self) -> builtins.int:
        """The address of the first element."""
    def deg2rad(self) -> Tensor:
        """x degrees in radians."""
    def deg2rad_(self) -> Tensor:
        """deg2rad in place: writes the result into this tensor and returns it."""
    def det(self) -> Tensor:
        """The determinant of x: the product of its eigenvalues."""
    def detach(self) -> Tensor:
        """x without its history: the gradient ends here."""
    def detach_(self) -> Tensor:
        """Make this tensor a leaf without a history, as torch.Tensor.detach_."""
    def diag(self, diagonal: builtins.int = 0, *, out: Tensor | None = None) -> Tensor:
        """A matrix with the vector x on a diagonal, or a copy of the diagonal of the matrix x, as torch.diag."""
    def diag_embed(self, offset: builtins.int = 0, dim1: builtins.int = -2, dim2: builtins.int = -1) -> Tensor:
        """Matrices in the dimensions dim1 and dim2 with the last dimension of x on a diagonal, as torch.diag_embed."""
    def diagflat(self, offset: builtins.int = 0) -> Tensor:
        """A matrix with the elements of x on a diagonal, as torch.diagflat."""
    def diagonal(self, offset: builtins.int = 0, dim1: builtins.int = 0, dim2: builtins.int = 1) -> Tensor:
        """The diagonal `offset` of the matrices of the dimensions dim1 and dim2, as the last dimension: a view."""
    def diagonal_scatter(
        self, src: Tensor, offset: builtins.int = 0, dim1: builtins.int = 0, dim2: builtins.int = 1,
    ) -> Tensor:
        """x with its diagonal replaced by `value`."""
    def diff(
        self, n: builtins.int = 1, dim: builtins.int = -1, prepend: Tensor | None = None, append: Tensor | None = None,
        *, out: Tensor | None = None,
    ) -> Tensor:
        """The n-th differences of neighbours along `dim`, as torch.diff."""
    def digamma(self) -> Tensor:
        """The derivative of log Γ(x); ∓∞ at ±0, nan at negative integers."""
    def digamma_(self) -> Tensor:
        """digamma in place: writes the result into this tensor and returns it."""
    def dist(self, y: Tensor, p: builtins.float = 2) -> Tensor:
        """The p-norm of x - y over all elements, as torch.dist."""
    def div(self, y: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
        """x / y, in floating point."""
    def div_(self, y: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
        """div in place: writes the result into this tensor and returns it."""
    def divide(self, y: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
        """x / y, in floating point."""
    def divide_(self, *args: Any, **kwargs: Any) -> Tensor:
        """divide in place: writes the result into this tensor and returns it."""
    def dot(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The product of a 1-D and a 1-D tensor, as torch.dot."""
    def double(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.float64."""
    def dsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """x cut along dimension 2 at the given places, or into even parts, as torch.dsplit."""
    def eq(self, y: Any) -> Tensor:
        """Whether x = y."""
    def eq_(self, y: Any) -> Tensor:
        """eq in place: writes the result into this tensor and returns it."""
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
    def exponential_(self, lambd: builtins.float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill this tensor with waiting times of rate `lambd`, as torch.Tensor.exponential_."""
    def fill_(self, value: Any) -> Tensor:
        """Write one number into every element."""
    def fill_diagonal_(self, fill_value: Any, wrap: builtins.bool = False) -> Tensor:
        """Write a number on the main diagonal, as torch.Tensor.fill_diagonal_; `wrap` starts anew below a tall
        matrix."""
    def fix(self) -> Tensor:
        """x rounded toward 0."""
    def fix_(self, *args: Any, **kwargs: Any) -> Tensor:
        """fix in place: writes the result into this tensor and returns it."""
    def flatten(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """x with the dimensions from start_dim to end_dim made one, as torch.flatten."""
    def flip(self, *places: Any, dims: Any = None) -> Tensor:
        """x with the order along `dims` reversed."""
    def fliplr(self) -> Tensor:
        """x with its columns in reverse order, as torch.fliplr."""
    def flipud(self) -> Tensor:
        """x with its rows in reverse order, as torch.flipud."""
    def float(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.float32."""
    def float_power(self, exponent: Any, *, out: Tensor | None = None) -> Tensor:
        """x to a power, computed in double precision, as torch.float_power."""
    def float_power_(self, exponent: Any) -> Tensor:
        """float_power in place, of a tensor that can hold its double precision."""
    def floor(self) -> Tensor:
        """⌊x⌋, rounded down."""
    def floor_(self) -> Tensor:
        """floor in place: writes the result into this tensor and returns it."""
    def floor_divide(self, y: Any) -> Tensor:
        """⌊x / y⌋, rounded down."""
    def floor_divide_(self, y: Any) -> Tensor:
        """floor_divide in place: writes the result into this tensor and returns it."""
    def fmax(self, y: Any) -> Tensor:
        """The larger of x and y; where one is nan, the other."""
    def fmin(self, y: Any) -> Tensor:
        """The smaller of x and y; where one is nan, the other."""
    def fmod(self, y: Any) -> Tensor:
        """The remainder of x / y with the sign of x."""
    def fmod_(self, y: Any) -> Tensor:
        """fmod in place: writes the result into this tensor and returns it."""
    def frac(self) -> Any:
        """x - trunc(x), the fractional part, as torch.frac."""
    def frac_(self, *args: Any, **kwargs: Any) -> Tensor:
        """frac in place: writes the result into this tensor and returns it."""
    def frexp(self, *, out: Sequence[Tensor] | None = None) -> Tensor:
        """The m and n with x = m · 2ⁿ and 1/2 ≤ |m| < 1; both 0 for 0."""
    def gather(self, dim: builtins.int, index: Tensor, *, sparse_grad: builtins.bool = False) -> Tensor:
        """result[i][j] = x[index[i][j]][j] for dim = 0, and so on."""
    def gcd(self, y: Any) -> Tensor:
        """The greatest common divisor of |x| and |y|."""
    def gcd_(self, y: Any) -> Tensor:
        """gcd in place: writes the result into this tensor and returns it."""
    def ge(self, y: Any) -> Tensor:
        """Whether x ≥ y."""
    def ge_(self, y: Any) -> Tensor:
        """ge in place: writes the result into this tensor and returns it."""
    def geometric_(self, p: builtins.float, *, generator: Generator | None = None) -> Tensor:
        """Fill this tensor with numbers of trials up to the first success, of probability p, as
        torch.Tensor.geometric_."""
    def ger(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The products of all pairs of elements of two vectors, as torch.outer."""
    def get_device(self) -> builtins.int:
        """-1, the number of the host."""
    def greater(self, y: Any) -> Tensor:
        """Whether x > y."""
    def greater_(self, *args: Any, **kwargs: Any) -> Tensor:
        """greater in place: writes the result into this tensor and returns it."""
    def greater_equal(self, y: Any) -> Tensor:
        """Whether x ≥ y."""
    def greater_equal_(self, *args: Any, **kwargs: Any) -> Tensor:
        """greater_equal in place: writes the result into this tensor and returns it."""
    def gt(self, y: Any) -> Tensor:
        """Whether x > y."""
    def gt_(self, y: Any) -> Tensor:
        """gt in place: writes the result into this tensor and returns it."""
    def half(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.float16."""
    def hardshrink(self, lambd: builtins.float = 0.5) -> Tensor:
        """x where |x| > lambd, else 0."""
    def heaviside(self, y: Any) -> Tensor:
        """0 below 0, 1 above, and y at 0."""
    def heaviside_(self, y: Any) -> Tensor:
        """heaviside in place: writes the result into this tensor and returns it."""
    def histc(
        self, bins: builtins.int = 100, min: builtins.float = 0, max: builtins.float = 0, *, out: Tensor | None = None,
    ) -> Tensor:
        """How many elements lie in each of `bins` equal parts of [min, max], or of the range of x, as torch.histc."""
    def histogram(
        self, bins: Any, *, range: Any = None, weight: Tensor | None = None, density: builtins.bool = False,
    ) -> tuple[Tensor, Tensor]:
        """The number, or weight, of elements between edges, and the edges, as torch.histogram."""
    def hsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """x cut along dimension 1 at the given places, or into even parts, as torch.hsplit."""
    def hypot(self, y: Any) -> Tensor:
        """√(x² + y²), without overflow."""
    def hypot_(self, y: Any) -> Tensor:
        """hypot in place: writes the result into this tensor and returns it."""
    def i0(self) -> Tensor:
        """The modified Bessel function of the first kind of order 0."""
    def i0_(self) -> Tensor:
        """i0 in place: writes the result into this tensor and returns it."""
    def igamma(self, x: Any) -> Tensor:
        """The part of the integral of Γ(a) from 0 to x."""
    def igamma_(self, x: Any) -> Tensor:
        """igamma in place: writes the result into this tensor and returns it."""
    def igammac(self, x: Any) -> Tensor:
        """The part of the integral of Γ(a) from x to ∞."""
    def igammac_(self, x: Any) -> Tensor:
        """igammac in place: writes the result into this tensor and returns it."""
    @property
    def imag(self) -> Tensor: ...
    def index_add(self, dim: builtins.int, index: Tensor, source: Tensor, *, alpha: builtins.float = 1) -> Tensor:
        """x with the slices of `source` added at `index` along `dim`, as torch.index_add."""
    def index_add_(self, *args: Any, **kwargs: Any) -> Tensor:
        """index_add in place: writes the result into this tensor and returns it."""
    def index_copy(self, dim: builtins.int, index: Tensor, source: Tensor) -> Tensor:
        """x with the slices at `index` along `dim` replaced by those of `source`, as torch.index_copy."""
    def index_copy_(self, *args: Any, **kwargs: Any) -> Tensor:
        """index_copy in place: writes the result into this tensor and returns it."""
    def index_fill(self, dim: builtins.int, index: Tensor, value: Any) -> Tensor:
        """x with `value` in the slices at `index` along `dim`, as torch.index_fill."""
    def index_fill_(self, *args: Any, **kwargs: Any) -> Tensor:
        """index_fill in place: writes the result into this tensor and returns it."""
    def index_put(self, indices: Sequence[Tensor | None], values: Tensor, accumulate: builtins.bool = False) -> Tensor:
        """x with `values` at the index that the tensors make, added to what is there if `accumulate`:
        torch.index_put."""
    def index_put_(self, *args: Any, **kwargs: Any) -> Tensor:
        """index_put in place: writes the result into this tensor and returns it."""
    def index_reduce(
        self, dim: builtins.int, index: Tensor, source: Tensor, reduce: str, *, include_self: builtins.bool = True,
    ) -> Tensor:
        """x with the slices of `source` reduced into it at `index` along `dim`, as torch.index_reduce."""
    def index_reduce_(self, *args: Any, **kwargs: Any) -> Tensor:
        """index_reduce in place: writes the result into this tensor and returns it."""
    def index_select(self, dim: builtins.int, index: Tensor) -> Tensor:
        """The slices of x at `index` along `dim`, as torch.index_select."""
    def inner(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The sums of products along the last dimensions of x and y, as torch.inner; of a number, the product."""
    def int(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.int32."""
    def inverse(self) -> Any: ...
    def is_conj(self) -> builtins.bool:
        """Whether x is a conjugate yet to be computed, as torch.is_conj: never here."""
    @property
    def is_cpu(self) -> builtins.bool: ...
    @property
    def is_cuda(self) -> builtins.bool: ...
    @property
    def is_meta(self) -> builtins.bool: ...
    @property
    def is_mkldnn(self) -> builtins.bool: ...
    @property
    def is_mps(self) -> builtins.bool: ...
    @property
    def is_nested(self) -> builtins.bool: ...
    def is_nonzero(self) -> builtins.bool:
        """Whether the one element of x is not zero, as torch.is_nonzero."""
    def is_pinned(self, device: Any = None) -> builtins.bool:
        """False: no memory is locked."""
    @property
    def is_quantized(self) -> builtins.bool: ...
    def is_same_size(self, other: Tensor) -> builtins.bool:
        """Whether two tensors have one shape, as torch.is_same_size."""
    def is_shared(self) -> builtins.bool:
        """False: other processes do not see the memory; threads do."""
    def is_signed(self) -> builtins.bool:
        """Whether the dtype has negative numbers."""
    @property
    def is_sparse(self) -> builtins.bool: ...
    @property
    def is_xpu(self) -> builtins.bool: ...
    def isclose(
        self, y: Tensor, rtol: builtins.float = 1e-05, atol: builtins.float = 1e-08, equal_nan: builtins.bool = False,
    ) -> Tensor:
        """Whether |x - y| ≤ atol + rtol·|y|; infinities and, if asked for, nan are close to themselves."""
    def isfinite(self) -> Tensor:
        """Whether x is neither infinite nor nan."""
    def isfinite_(self) -> Tensor:
        """isfinite in place: writes the result into this tensor and returns it."""
    def isinf(self) -> Tensor:
        """Whether x is infinite."""
    def isinf_(self) -> Tensor:
        """isinf in place: writes the result into this tensor and returns it."""
    def isnan(self) -> Tensor:
        """Whether x is nan."""
    def isnan_(self) -> Tensor:
        """isnan in place: writes the result into this tensor and returns it."""
    def isneginf(self) -> Tensor:
        """Whether x is -∞."""
    def isposinf(self) -> Tensor:
        """Whether x is +∞."""
    def isreal(self) -> Tensor:
        """Whether each element has no imaginary part, as torch.isreal."""
    def istft(
        self, n_fft: builtins.int, hop_length: builtins.int | None = None, win_length: builtins.int | None = None,
        window: Tensor | None = None, center: builtins.bool = True, normalized: builtins.bool = False, onesided:
        builtins.bool | None = None, length: builtins.int | None = None, return_complex: builtins.bool = False,
    ) -> Any:
        """The signal whose windows have these spectra: the least squares estimate, as torch.istft."""
    @property
    def itemsize(self) -> builtins.int: ...
    def kron(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The Kronecker product: x with each element replaced by its product with y, as torch.kron."""
    def kthvalue(
        self, k: builtins.int, dim: builtins.int = -1, keepdim: builtins.bool = False, *, out: Sequence[Tensor] | None =
        None,
    ) -> Tensor:
        """The k-th smallest element along `dim`, counted from 1, and its index."""
    def lcm(self, y: Any) -> Tensor:
        """The least common multiple of |x| and |y|."""
    def lcm_(self, y: Any) -> Tensor:
        """lcm in place: writes the result into this tensor and returns it."""
    def ldexp(self, other: Tensor, *, out: Tensor | None = None) -> Tensor:
        """x · 2 to the power `other`, as torch.ldexp."""
    def ldexp_(self, *args: Any, **kwargs: Any) -> Tensor:
        """ldexp in place: writes the result into this tensor and returns it."""
    def le(self, y: Any) -> Tensor:
        """Whether x ≤ y."""
    def le_(self, y: Any) -> Tensor:
        """le in place: writes the result into this tensor and returns it."""
    def lerp(self, y: Any, weight: Any) -> Tensor:
        """x + weight·(y - x): the point between x and y."""
    def lerp_(self, y: Any, weight: Any) -> Tensor:
        """lerp in place: writes the result into this tensor and returns it."""
    def less(self, y: Any) -> Tensor:
        """Whether x < y."""
    def less_(self, *args: Any, **kwargs: Any) -> Tensor:
        """less in place: writes the result into this tensor and returns it."""
    def less_equal(self, y: Any) -> Tensor:
        """Whether x ≤ y."""
    def less_equal_(self, *args: Any, **kwargs: Any) -> Tensor:
        """less_equal in place: writes the result into this tensor and returns it."""
    def lgamma(self) -> Tensor:
        """log |Γ(x)|."""
    def lgamma_(self) -> Tensor:
        """lgamma in place: writes the result into this tensor and returns it."""
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
    def log_normal_(
        self, mean: builtins.float = 1.0, std: builtins.float = 2.0, *, generator: Generator | None = None,
    ) -> Tensor:
        """Fill this tensor with numbers whose logarithm is normally distributed, as torch.Tensor.log_normal_."""
    def log_softmax(self, dim: builtins.int = -1, *, dtype: Any = None) -> Tensor:
        """x - log Σ exp(x) along `dim`, without overflow."""
    def logaddexp(self, y: Any) -> Tensor:
        """log(eˣ + eʸ), without overflow."""
    def logaddexp2(self, y: Any) -> Tensor:
        """log₂(2ˣ + 2ʸ), without overflow."""
    def logcumsumexp(self, dim: builtins.int, *, out: Tensor | None = None) -> Tensor:
        """log Σ exp(x) of the elements so far along `dim`, without overflow."""
    def logdet(self) -> Tensor:
        """The logarithm of the determinant of x; nan where that is negative."""
    def logical_and(self, y: Any) -> Tensor:
        """Whether x and y are both nonzero."""
    def logical_and_(self, y: Any) -> Tensor:
        """logical_and in place: writes the result into this tensor and returns it."""
    def logical_not(self) -> Tensor:
        """Whether x is zero."""
    def logical_not_(self) -> Tensor:
        """logical_not in place: writes the result into this tensor and returns it."""
    def logical_or(self, y: Any) -> Tensor:
        """Whether x or y is nonzero."""
    def logical_or_(self, y: Any) -> Tensor:
        """logical_or in place: writes the result into this tensor and returns it."""
    def logical_xor(self, y: Any) -> Tensor:
        """Whether exactly one of x and y is nonzero."""
    def logical_xor_(self, y: Any) -> Tensor:
        """logical_xor in place: writes the result into this tensor and returns it."""
    def logit(self, eps: builtins.float | None = None) -> Tensor:
        """log(x / (1 - x)), the inverse of sigmoid; x is first limited to [eps, 1 - eps]."""
    def logit_(self, *args: Any, **kwargs: Any) -> Tensor:
        """logit in place: writes the result into this tensor and returns it."""
    def logsumexp(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """log Σ exp(x) over the dimensions `dim`, without overflow."""
    def long(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.int64."""
    def lt(self, y: Any) -> Tensor:
        """Whether x < y."""
    def lt_(self, y: Any) -> Tensor:
        """lt in place: writes the result into this tensor and returns it."""
    def lu(self, pivot: builtins.bool = True, get_infos: builtins.bool = False) -> tuple[Tensor, ...]:
        """The LU decomposition in one matrix and the pivots; with `get_infos` the place of a pivot that is 0."""
    def lu_solve(self, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
        """The X for which A X = b, given the LU decomposition of A, as torch.lu_solve."""
    @property
    def mH(self) -> Tensor: ...
    @property
    def mT(self) -> Tensor: ...
    def map_(self, other: Tensor, function: Callable[[Any, Any], Any]) -> Tensor:
        """Replace each element by what a Python function makes of it and that of another tensor: slow."""
    def masked_fill(self, mask: Tensor, value: Any) -> Tensor:
        """x with `value` where the mask holds, in the type of x, as torch.masked_fill."""
    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor: ...
    def masked_scatter(self, mask: Tensor, source: Tensor) -> Tensor:
        """x with the elements of `source`, in order, at the places where the mask holds, as torch.masked_scatter."""
    def masked_scatter_(self, *args: Any, **kwargs: Any) -> Tensor:
        """masked_scatter in place: writes the result into this tensor and returns it."""
    def masked_select(self, mask: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The elements of x where the mask holds, in row-major order, as torch.masked_select."""
    def matmul(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The matrix product of x and y: a vector on the left is a row, on the right a column; other dimensions
        broadcast."""
    def matrix_exp(self) -> Tensor:
        """The matrix exponential Σ xⁿ / n!."""
    def matrix_power(self, n: builtins.int) -> Tensor:
        """The product of n factors x, by squaring; of its inverse where n is negative."""
    @overload
    def max(self) -> Tensor: ...
    @overload
    def max(self, other: Tensor) -> Tensor: ...
    @overload
    def max(self, dim: builtins.int, keepdim: builtins.bool = False) -> Chosen: ...
    def maximum(self, y: Any) -> Tensor:
        """The larger of x and y; nan if either is."""
    def mean(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """The mean of x over the dimensions `dim`."""
    @overload
    def median(self) -> Tensor: ...
    @overload
    def median(self, dim: builtins.int, keepdim: builtins.bool = False) -> Chosen: ...
    @overload
    def min(self) -> Tensor: ...
    @overload
    def min(self, other: Tensor) -> Tensor: ...
    @overload
    def min(self, dim: builtins.int, keepdim: builtins.bool = False) -> Chosen: ...
    def minimum(self, y: Any) -> Tensor:
        """The smaller of x and y; nan if either is."""
    def mm(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The product of a 2-D and a 2-D tensor, as torch.mm."""
    def mode(
        self, dim: builtins.int = -1, keepdim: builtins.bool = False, *, out: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """The most frequent element along `dim`, the smallest of several such, and the index of its last occurrence."""
    def moveaxis(self, source: Any, destination: Any) -> Tensor:
        """x with the dimensions `source` moved to the places `destination`, as torch.movedim."""
    def movedim(self, source: Any, destination: Any) -> Tensor:
        """x with the dimensions `source` moved to the places `destination`, as torch.movedim."""
    def msort(self, *, out: Tensor | None = None) -> Tensor:
        """x in order along its first dimension, as torch.msort."""
    def mul(self, y: Any) -> Tensor:
        """x · y."""
    def mul_(self, y: Any) -> Tensor:
        """mul in place: writes the result into this tensor and returns it."""
    def multinomial(
        self, num_samples: builtins.int, replacement: builtins.bool = False, *, generator: Stream | None = None, out:
        Any = None,
    ) -> Tensor:
        """Indices drawn with probabilities proportional to x, row by row for a matrix, as torch.multinomial."""
    def multiply(self, y: Any) -> Tensor:
        """x · y."""
    def multiply_(self, *args: Any, **kwargs: Any) -> Tensor:
        """multiply in place: writes the result into this tensor and returns it."""
    def mv(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The product of a 2-D and a 1-D tensor, as torch.mv."""
    def mvlgamma(self, p: builtins.int, *, out: Tensor | None = None) -> Tensor:
        """log of the multivariate gamma function of dimension p."""
    def mvlgamma_(self, p: builtins.int, *, out: Tensor | None = None) -> Tensor:
        """mvlgamma in place: writes the result into this tensor and returns it."""
    def nan_to_num(
        self, nan: builtins.float = 0.0, posinf: builtins.float | None = None, neginf: builtins.float | None = None,
    ) -> Any:
        """x with nan and infinities replaced by numbers, infinities by the largest ones, as torch.nan_to_num."""
    def nan_to_num_(self, *args: Any, **kwargs: Any) -> Tensor:
        """nan_to_num in place: writes the result into this tensor and returns it."""
    def nanmean(
        self, dim: Any = None, keepdim: builtins.bool = False, *, dtype: dtypes.dtype | None = None, out: Tensor | None
        = None,
    ) -> Tensor:
        """The mean of the elements that are not nan over the dimensions `dim`, as torch.nanmean."""
    def nanmedian(
        self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, out: Any = None,
    ) -> Tensor | Chosen:
        """The median of the elements that are not nan, as torch.nanmedian."""
    def nanquantile(
        self, q: Any, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, interpolation: str = 'linear',
        out: Tensor | None = None,
    ) -> Tensor:
        """The quantile of the elements that are not nan, as torch.nanquantile."""
    def nansum(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """Σ x over the dimensions `dim`, nan counting as 0."""
    def narrow(self, dim: builtins.int, start: builtins.int | Tensor, length: builtins.int) -> Tensor:
        """The `length` elements of the dimension `dim` from `start` on, as torch.narrow."""
    def narrow_copy(self, dim: builtins.int, start: builtins.int, length: builtins.int) -> Tensor:
        """A copy of the elements of a dimension from `start` on, as torch.narrow_copy."""
    def ndimension(self) -> builtins.int: ...
    def ne(self, y: Any) -> Tensor:
        """Whether x ≠ y."""
    def ne_(self, y: Any) -> Tensor:
        """ne in place: writes the result into this tensor and returns it."""
    def neg(self) -> Tensor:
        """-x."""
    def neg_(self) -> Tensor:
        """neg in place: writes the result into this tensor and returns it."""
    def negative(self) -> Tensor:
        """-x."""
    def negative_(self, *args: Any, **kwargs: Any) -> Tensor:
        """negative in place: writes the result into this tensor and returns it."""
    def new_empty(
        self, *sizes: Any, size: Any = ..., dtype: dtypes.dtype | None = None, requires_grad: builtins.bool = False,
        device: Any = None,
    ) -> Tensor: ...
    def new_empty_strided(
        self, size: Sequence[builtins.int], stride: Sequence[builtins.int], *, dtype: dtypes.dtype | None = None,
        device: Any = None, requires_grad: builtins.bool = False, layout: Any = None,
    ) -> Tensor:
        """empty_strided, in the type of this tensor unless another is given."""
    def new_full(
        self, size: Sequence[builtins.int], fill_value: Any, *, dtype: dtypes.dtype | None = None, requires_grad:
        builtins.bool = False, device: Any = None,
    ) -> Tensor: ...
    def new_ones(
        self, *sizes: Any, size: Any = ..., dtype: dtypes.dtype | None = None, requires_grad: builtins.bool = False,
        device: Any = None,
    ) -> Tensor: ...
    def new_tensor(
        self, data: Any, *, dtype: dtypes.dtype | None = None, requires_grad: builtins.bool = False, device: Any = None,
    ) -> Tensor: ...
    def new_zeros(
        self, *sizes: Any, size: Any = ..., dtype: dtypes.dtype | None = None, requires_grad: builtins.bool = False,
        device: Any = None,
    ) -> Tensor: ...
    def nextafter(self, y: Any) -> Tensor:
        """The neighbour of x in the direction of y among the numbers of the dtype."""
    def nextafter_(self, y: Any) -> Tensor:
        """nextafter in place: writes the result into this tensor and returns it."""
    def nonzero(self, *, as_tuple: builtins.bool = False) -> Any:
        """The indices of the nonzero elements, as torch.nonzero."""
    def nonzero_static(self, *, size: builtins.int, fill_value: builtins.int = -1) -> Tensor:
        """The indices of the first `size` nonzero elements, a row for each, as torch.nonzero_static."""
    def norm(
        self, p: Any = 'fro', dim: Any = None, keepdim: builtins.bool = False, out: Tensor | None = None, dtype:
        dtypes.dtype | None = None,
    ) -> Tensor:
        """The p-norm of x over the dimensions `dim`, as torch.norm."""
    def normal_(
        self, mean: builtins.float = 0.0, std: builtins.float = 1.0, *, generator: Generator | None = None,
    ) -> Tensor:
        """Fill this tensor with normally distributed numbers, as torch.Tensor.normal_."""
    def not_equal(self, y: Any) -> Tensor:
        """Whether x ≠ y."""
    def not_equal_(self, *args: Any, **kwargs: Any) -> Tensor:
        """not_equal in place: writes the result into this tensor and returns it."""
    def orgqr(self, tau: Tensor) -> Tensor:
        """The first columns of the product of the reflections I - τᵢ vᵢ vᵢᴴ, as torch.linalg.householder_product."""
    def outer(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The products of all pairs of elements of two vectors, as torch.outer."""
    def permute(self, *dims: Any) -> Tensor:
        """x with its dimensions in the order `dims`."""
    def pin_memory(self, device: Any = None) -> Tensor:
        """This tensor: its memory is the host's, where all threads see it."""
    def pinverse(self, rcond: Any = 1e-15) -> Any: ...
    def polygamma(self, n: builtins.int) -> Tensor: ...
    def polygamma_(self, *args: Any, **kwargs: Any) -> Tensor:
        """polygamma in place: writes the result into this tensor and returns it."""
    def positive(self) -> Tensor:
        """x itself, as torch.positive."""
    def pow(self, exponent: Any, *, out: Tensor | None = None) -> Tensor:
        """x to the power y."""
    def pow_(self, exponent: Any, *, out: Tensor | None = None) -> Tensor:
        """pow in place: writes the result into this tensor and returns it."""
    def prod(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """The product of x over the dimensions `dim`."""
    def put(self, index: Tensor, source: Tensor, accumulate: builtins.bool = False) -> Tensor:
        """x with the elements of `source` at `index`, which counts in row-major order, as torch.put."""
    def put_(self, *args: Any, **kwargs: Any) -> Tensor:
        """put in place: writes the result into this tensor and returns it."""
    def qr(self, some: builtins.bool = True) -> QR:
        """Q and R whose product is x, as torch.qr."""
    def quantile(
        self, q: Any, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, interpolation: str = 'linear',
        out: Tensor | None = None,
    ) -> Tensor:
        """The number below which the part q of the elements along `dim` lies, as torch.quantile; nan if there is a
        nan."""
    def rad2deg(self) -> Tensor:
        """x radians in degrees."""
    def rad2deg_(self) -> Tensor:
        """rad2deg in place: writes the result into this tensor and returns it."""
    def random_(
        self, from_: builtins.int | None = None, to: builtins.int | None = None, *, generator: Generator | None = None,
    ) -> Tensor:
        """Fill this tensor with integers, as torch.Tensor.random_."""
    def ravel(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """x with the dimensions from start_dim to end_dim made one, as torch.flatten."""
    @property
    def real(self) -> Tensor: ...
    def reciprocal(self) -> Tensor:
        """1 / x."""
    def reciprocal_(self) -> Tensor:
        """reciprocal in place: writes the result into this tensor and returns it."""
    def register_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        """Call `hook` with the gradient of this tensor whenever one is computed; what it returns, unless None, replaces
        it."""
    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook` with this leaf whenever `backward` has added to its `.grad`: the place to step an optimizer at
        once."""
    def relu(self) -> Tensor:
        """x where positive, else 0."""
    def relu_(self) -> Tensor:
        """relu in place: writes the result into this tensor and returns it."""
    def remainder(self, y: Any) -> Tensor:
        """x - y·⌊x / y⌋: the remainder with the sign of y."""
    def remainder_(self, y: Any) -> Tensor:
        """remainder in place: writes the result into this tensor and returns it."""
    def renorm(self, p: builtins.float, dim: builtins.int, maxnorm: builtins.float) -> Tensor:
        """x with the slices along `dim` whose p-norm is larger than `maxnorm` scaled down to it, as torch.renorm."""
    def renorm_(self, *args: Any, **kwargs: Any) -> Tensor:
        """renorm in place: writes the result into this tensor and returns it."""
    def repeat(self, *repeats: Any) -> Tensor:
        """x laid side by side, `repeats` times along each dimension."""
    def repeat_interleave(
        self, repeats: builtins.int | Tensor | None = None, dim: builtins.int | None = None, *, output_size:
        builtins.int | None = None,
    ) -> Tensor:
        """Each element, or each slice along `dim`, `repeats` times in a row, as torch.repeat_interleave."""
    def reshape(self, *shape: Any) -> Tensor:
        """x with the same elements in row-major order under another shape, in which one size may be -1."""
    def reshape_as(self, other: Tensor) -> Tensor: ...
    def resize_(self, *size: Any, memory_format: Any = None) -> Tensor:
        """Give this tensor another size: its elements stay in row-major order, new ones are not initialised."""
    def resize_as_(self, other: Tensor, *, memory_format: Any = None) -> Tensor:
        """Give this tensor the size of another."""
    def resolve_conj(self) -> Tensor:
        """x: gradc conjugates at once, so nothing is left to do, as torch.resolve_conj."""
    def resolve_neg(self) -> Tensor:
        """x: gradc negates at once, so nothing is left to do, as torch.resolve_neg."""
    def retain_grad(self) -> None:
        """Keep the gradient of this tensor in `.grad`, as for a leaf."""
    @property
    def retains_grad(self) -> builtins.bool: ...
    def roll(
        self, shifts: builtins.int | Sequence[builtins.int], dims: builtins.int | Sequence[builtins.int] | None = None,
    ) -> Tensor:
        """x shifted along `dims` by `shifts`; what leaves at one end comes in at the other."""
    def rot90(self, k: builtins.int = 1, dims: Sequence[builtins.int] = ...) -> Tensor:
        """x turned by k right angles in the plane of two dimensions, from the first toward the second, as
        torch.rot90."""
    def round(self, *, decimals: builtins.int = 0) -> Tensor:
        """x rounded to the nearest integer, halves to the even one; to `decimals` places where they are given."""
    def round_(self, *, decimals: builtins.int = 0) -> Tensor:
        """round in place: writes the result into this tensor and returns it."""
    def rsqrt(self) -> Tensor:
        """1 / √x."""
    def rsqrt_(self) -> Tensor:
        """rsqrt in place: writes the result into this tensor and returns it."""
    def rsub(self, other: Any) -> Tensor: ...
    def scatter(
        self, dim: builtins.int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None,
    ) -> Tensor:
        """x with x[index[i][j]][j] replaced by source[i][j] for dim = 0, and so on."""
    def scatter_(
        self, dim: builtins.int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None,
    ) -> Tensor:
        """scatter in place: writes the result into this tensor and returns it."""
    def scatter_add(self, dim: builtins.int, index: Tensor, src: Tensor) -> Tensor:
        """x with source[i][j] added to x[index[i][j]][j] for dim = 0, and so on."""
    def scatter_add_(self, dim: builtins.int, index: Tensor, src: Tensor) -> Tensor:
        """scatter_add in place: writes the result into this tensor and returns it."""
    def scatter_reduce(
        self, dim: builtins.int, index: Tensor, src: Tensor, reduce: str, *, include_self: builtins.bool = True,
    ) -> Tensor:
        """x with source[i][j] reduced into x[index[i][j]][j] for dim = 0, and so on, by sum, prod, mean, amax or
        amin."""
    def scatter_reduce_(
        self, dim: builtins.int, index: Tensor, src: Tensor, reduce: str, *, include_self: builtins.bool = True,
    ) -> Tensor:
        """scatter_reduce in place: writes the result into this tensor and returns it."""
    def select(self, dim: builtins.int, index: builtins.int) -> Tensor:
        """x at `index` of the dimension `dim`, as torch.select."""
    def select_scatter(self, src: Tensor, dim: builtins.int, index: builtins.int) -> Tensor:
        """x with the slice at `index` of the dimension `dim` replaced by `src`, as torch.select_scatter."""
    def sgn(self) -> Tensor:
        """z / |z|, the direction of z, and 0 at 0; the sign of a real number."""
    def sgn_(self) -> Tensor:
        """sgn in place: writes the result into this tensor and returns it."""
    def share_memory_(self, device: Any = None) -> Tensor:
        """This tensor: its memory is the host's, where all threads see it."""
    def short(self, memory_format: Any = None) -> Tensor:
        """This tensor as torch.int16."""
    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)), without overflow."""
    def sigmoid_(self) -> Tensor:
        """sigmoid in place: writes the result into this tensor and returns it."""
    def sign(self) -> Tensor:
        """-1, 0 or 1, the sign of x."""
    def sign_(self) -> Tensor:
        """sign in place: writes the result into this tensor and returns it."""
    def signbit(self) -> Tensor:
        """Whether x is negative, or the zero below 0."""
    def sin(self) -> Tensor:
        """The sine of x radians."""
    def sin_(self) -> Tensor:
        """sin in place: writes the result into this tensor and returns it."""
    def sinc(self) -> Tensor:
        """sin(πx) / (πx), and 1 at 0."""
    def sinc_(self) -> Tensor:
        """sinc in place: writes the result into this tensor and returns it."""
    def sinh(self) -> Tensor:
        """The hyperbolic sine."""
    def sinh_(self) -> Tensor:
        """sinh in place: writes the result into this tensor and returns it."""
    def slice_scatter(
        self, src: Tensor, dim: builtins.int = 0, start: builtins.int | None = None, end: builtins.int | None = None,
        step: builtins.int = 1,
    ) -> Tensor:
        """x with the elements from start to end along `dim` replaced by `src`, as torch.slice_scatter."""
    def slogdet(self) -> Tensor:
        """The sign of the determinant of x, and the logarithm of its size."""
    def softmax(self, dim: builtins.int = -1, *, dtype: Any = None) -> Tensor:
        """exp(x) / Σ exp(x) along `dim`, without overflow."""
    def sort(
        self, dim: builtins.int = -1, descending: builtins.bool = False, stable: builtins.bool = True, *, out:
        Sequence[Tensor] | None = None,
    ) -> Tensor:
        """The elements of x in order along `dim`, and where they were; equal ones keep their order, nan is the
        largest."""
    def split(self, split_size: builtins.int | Sequence[builtins.int], dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """split, with the name that its argument has in the method."""
    def split_with_sizes(self, split_sizes: Sequence[builtins.int], dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """x cut along `dim` into pieces of the given sizes, as torch.split_with_sizes."""
    def sqrt(self) -> Tensor:
        """√x."""
    def sqrt_(self) -> Tensor:
        """sqrt in place: writes the result into this tensor and returns it."""
    def square(self) -> Tensor:
        """x²."""
    def square_(self) -> Tensor:
        """square in place: writes the result into this tensor and returns it."""
    def squeeze(self, dim: Any = None) -> Tensor:
        """x without the dimensions `dim` where their size is 1; without all of size 1 when dim is not given."""
    def squeeze_(self, *args: Any, **kwargs: Any) -> Tensor:
        """squeeze in place: this tensor itself gets the new dimensions."""
    def std(
        self, dim: Any = None, unbiased: builtins.bool = True, keepdim: builtins.bool = False, *, correction: Any =
        None, out: Tensor | None = None,
    ) -> Tensor:
        """The standard deviation of x over the dimensions `dim`: the square root of the variance."""
    def stft(
        self, n_fft: builtins.int, hop_length: builtins.int | None = None, win_length: builtins.int | None = None,
        window: Tensor | None = None, center: builtins.bool = True, pad_mode: str = 'reflect', normalized: builtins.bool
        = False, onesided: builtins.bool | None = None, return_complex: builtins.bool | None = None, align_to_window:
        builtins.bool | None = None,
    ) -> Any:
        """The spectra of windows of n_fft numbers of a signal, each hop_length after the last, as torch.stft."""
    def storage_offset(self) -> builtins.int:
        """Where this tensor begins in the memory that it is a view of, in elements; 0 in a trace."""
    def sub(self, y: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
        """x - y."""
    def sub_(self, y: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
        """sub in place: writes the result into this tensor and returns it."""
    def subtract(self, y: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
        """x - y."""
    def subtract_(self, *args: Any, **kwargs: Any) -> Tensor:
        """subtract in place: writes the result into this tensor and returns it."""
    def sum(
        self, dim: Any = None, keepdim: builtins.bool = False, *, axis: Any = None, dtype: dtypes.dtype | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """Σ x over the dimensions `dim`."""
    def sum_to_size(self, *size: Any) -> Tensor:
        """This tensor summed over the dimensions along which one of the given size is broadcast to it."""
    def svd(self, some: builtins.bool = True, compute_uv: builtins.bool = True) -> OldSVD:
        """U, S and V with x = U diag(S) Vᴴ, as torch.svd; zeros for U and V where they are not wanted."""
    def swapaxes(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """x with two dimensions exchanged."""
    def swapaxes_(self, *args: Any, **kwargs: Any) -> Tensor:
        """swapaxes in place: this tensor itself gets the new dimensions."""
    def swapdims(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """x with two dimensions exchanged."""
    def swapdims_(self, *args: Any, **kwargs: Any) -> Tensor:
        """swapdims in place: this tensor itself gets the new dimensions."""
    def t(self) -> Tensor:
        """The transpose of a matrix; a vector or scalar as it is."""
    def t_(self, *args: Any, **kwargs: Any) -> Tensor:
        """t in place: this tensor itself gets the new dimensions."""
    def take(self, index: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The elements of x at `index`, which counts in row-major order, as torch.take."""
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
    def tensor_split(self, indices_or_sections: Any, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """x cut along `dim` at the given places, or into a number of parts as even as can be, as torch.tensor_split."""
    def tile(self, *dims: Any) -> Tensor:
        """x laid side by side; dimensions that `dims` does not name stay, as torch.tile."""
    def to(
        self, *target: Any, dtype: dtypes.dtype | None = None, device: Any = None, copy: builtins.bool = False,
        non_blocking: builtins.bool = False, memory_format: Any = None,
    ) -> Tensor:
        """x in another element type; x itself if it has that type already."""
    def topk(
        self, k: builtins.int, dim: builtins.int = -1, largest: builtins.bool = True, sorted: builtins.bool = True, *,
        out: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """The k largest (or smallest) elements along `dim` in order, and their indices."""
    def trace(self) -> Tensor:
        """The sum of the diagonal of a matrix, as torch.trace."""
    def transpose(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """x with two dimensions exchanged."""
    def transpose_(self, *args: Any, **kwargs: Any) -> Tensor:
        """transpose in place: this tensor itself gets the new dimensions."""
    def triangular_solve(
        self, A: Tensor, upper: builtins.bool = True, transpose: builtins.bool = False, unitriangular: builtins.bool =
        False,
    ) -> TriangularSolution:
        """The X for which A X = b, or Aᵀ X = b, with a triangle of A, as torch.triangular_solve."""
    def tril(self, diagonal: builtins.int = 0) -> Tensor:
        """The part of a matrix on and below a diagonal."""
    def tril_(self, diagonal: builtins.int = 0) -> Tensor:
        """tril in place: writes the result into this tensor and returns it."""
    def triu(self, diagonal: builtins.int = 0) -> Tensor:
        """The part of a matrix on and above a diagonal."""
    def triu_(self, diagonal: builtins.int = 0) -> Tensor:
        """triu in place: writes the result into this tensor and returns it."""
    def true_divide(self, y: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
        """x / y, in floating point."""
    def true_divide_(self, *args: Any, **kwargs: Any) -> Tensor:
        """true_divide in place: writes the result into this tensor and returns it."""
    def trunc(self) -> Tensor:
        """x rounded toward 0."""
    def trunc_(self) -> Tensor:
        """trunc in place: writes the result into this tensor and returns it."""
    def type(self, dtype: Any = None, non_blocking: builtins.bool = False) -> Any:
        """The name of this tensor's class in PyTorch, or this tensor as what a dtype, a class or its name says."""
    def type_as(self, other: Tensor) -> Tensor:
        """This tensor in the dtype of `other`."""
    def unbind(self, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """The slices of x along `dim`, as torch.unbind."""
    def unflatten(self, dim: builtins.int, sizes: Sequence[builtins.int]) -> Tensor:
        """x with the dimension `dim` made several, as torch.unflatten."""
    def unfold(self, dimension: builtins.int, size: builtins.int, step: builtins.int) -> Tensor:
        """The windows of `size` elements that start at every `step`-th place of the dimension `dim`, as a last
        dimension."""
    def uniform_(
        self, from_: builtins.float = 0.0, to: builtins.float = 1.0, *, generator: Generator | None = None,
    ) -> Tensor:
        """Fill this tensor with numbers spread evenly over [from_, to), as torch.Tensor.uniform_."""
    def unique(
        self, sorted: builtins.bool = True, return_inverse: builtins.bool = False, return_counts: builtins.bool = False,
        dim: builtins.int | None = None,
    ) -> Any:
        """The different elements, or slices along `dim`, of x in order, as torch.unique."""
    def unique_consecutive(
        self, return_inverse: builtins.bool = False, return_counts: builtins.bool = False, dim: builtins.int | None =
        None,
    ) -> Any:
        """The elements, or slices along `dim`, without repetitions of the one before, as torch.unique_consecutive."""
    def unsafe_chunk(self, chunks: builtins.int, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """x cut along `dim` into at most `chunks` pieces, as torch.chunk."""
    def unsafe_split(
        self, split_size: builtins.int | Sequence[builtins.int], dim: builtins.int = 0,
    ) -> tuple[Tensor, ...]:
        """split, with the name that its argument has in the method."""
    def unsqueeze(self, dim: builtins.int) -> Tensor:
        """x with a new dimension of size 1 at `dim`."""
    def unsqueeze_(self, *args: Any, **kwargs: Any) -> Tensor:
        """unsqueeze in place: this tensor itself gets the new dimensions."""
    def var(
        self, dim: Any = None, unbiased: builtins.bool = True, keepdim: builtins.bool = False, *, correction: Any =
        None, out: Tensor | None = None,
    ) -> Tensor:
        """The variance of x over the dimensions `dim`: Σ (x - mean)² / (n - correction)."""
    def vdot(self, y: Tensor, *, out: Tensor | None = None) -> Tensor:
        """Σ conj(x)·y of two vectors, as torch.vdot."""
    def view(self, *shape: Any, dtype: Any = None) -> Tensor:
        """reshape that never copies, as torch.Tensor.view."""
    def view_as(self, other: Tensor) -> Tensor: ...
    def vsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """x cut along dimension 0 at the given places, or into even parts, as torch.vsplit."""
    def where(self, condition: Tensor, other: Any) -> Tensor: ...
    def xlogy(self, y: Any, *, out: Tensor | None = None) -> Tensor:
        """x · log(y), and 0 where x is 0, unless y is nan."""
    def xlogy_(self, y: Any, *, out: Tensor | None = None) -> Tensor:
        """xlogy in place: writes the result into this tensor and returns it."""
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
def as_nested(data: Any, inside: bool = False) -> Any:
    """`data` with the tensors in nested lists replaced by their values."""
