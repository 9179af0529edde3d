"""Normalisation as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc.dtypes import dtype, int64
from gradc.nn import functional, init
from gradc.nn.module import Module, ModuleError
from gradc.nn.parameter import Parameter
from gradc.ops.creation import empty, ones, zeros
from gradc.tensor import Tensor

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d",
           "InstanceNorm3d", "LayerNorm", "LocalResponseNorm", "RMSNorm", "SyncBatchNorm"]


class Normalization(Module):
    """What all normalisations hold: a weight of ones and a bias of zeros, if there are any."""

    def _affine(self, shape: tuple[int, ...], weight: bool, bias: bool, device: Any, dtype: dtype | None) -> None:
        for name, wanted in (("weight", weight), ("bias", bias)):
            self.register_parameter(name, Parameter(empty(*shape, device=device, dtype=dtype)) if wanted else None)

    def reset_parameters(self) -> None:
        """Make the weight ones and the bias zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if getattr(self, "bias", None) is not None:
            init.zeros_(self.bias)


class Running(Normalization):
    """A normalisation by running statistics, which are buffers."""

    ranks: tuple[int, ...]
    _version = 2

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: dtype | None = None, *,
                 bias: bool = True) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._affine((num_features,), affine, affine and bias, device, dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", zeros((), dtype=int64, device=device) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget all that was seen."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Make the weight ones and the bias zeros, and forget all that was seen."""
        self.reset_running_stats()
        super().reset_parameters()

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *args: Any) -> None:
        """Checkpoints of before the second version have no count of batches."""
        counter = f"{prefix}num_batches_tracked"
        if self.track_running_stats and counter not in state_dict and (local_metadata.get("version") or 1) < 2:
            state_dict[counter] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)


class BatchNorm(Running):
    """Each channel with mean 0 and variance 1 over all images: those of the batch, in evaluation those seen so far.

    With momentum=None the running statistics are plain means over the batches.
    """

    def forward(self, input: Tensor) -> Tensor:
        """`input` normalised."""
        if input.ndim not in self.ranks:
            expected = " or ".join(f"{rank}D" for rank in self.ranks)
            raise ModuleError(f"expected {expected} input (got {input.ndim}D input)")
        momentum: Any = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / self.num_batches_tracked.to(input.dtype)
        tracked = not self.training or self.track_running_stats
        return functional.batch_norm(
            input, self.running_mean if tracked else None, self.running_var if tracked else None, self.weight,
            self.bias, self.training or self.running_mean is None and self.running_var is None, momentum, self.eps)


class BatchNorm1d(BatchNorm):
    """Batch normalisation of vectors or sequences, as torch.nn.BatchNorm1d."""

    ranks = (2, 3)


class BatchNorm2d(BatchNorm):
    """Batch normalisation of images, as torch.nn.BatchNorm2d."""

    ranks = (4,)


class BatchNorm3d(BatchNorm):
    """Batch normalisation of volumes, as torch.nn.BatchNorm3d."""

    ranks = (5,)


class SyncBatchNorm(BatchNorm):
    """Batch normalisation of any tensors, as torch.nn.SyncBatchNorm in one process."""

    ranks = (2, 3, 4, 5)


class InstanceNorm(Running):
    """Each channel of each image with mean 0 and variance 1."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: dtype | None = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """`input` normalised; an image alone has no dimension of images."""
        rank = self.ranks[0]
        if input.ndim not in (rank - 1, rank):
            raise ModuleError(f"expected {rank - 1}D or {rank}D input (got {input.ndim}D input)")
        channels = input.shape[input.ndim - rank + 1]
        if self.affine and channels != self.num_features:
            raise ModuleError(f"expected input's size at dim={input.ndim - rank + 1} to match num_features "
                              f"({self.num_features}), but got: {channels}.")
        images: Any = input if input.ndim == rank else input.unsqueeze(0)  # type: ignore[attr-defined]
        found = functional.instance_norm(images, self.running_mean, self.running_var, self.weight, self.bias,
                                         self.training or not self.track_running_stats, self.momentum, self.eps)
        return found if input.ndim == rank else found.squeeze(0)  # type: ignore[attr-defined, no-any-return]


class InstanceNorm1d(InstanceNorm):
    """Instance normalisation of sequences, as torch.nn.InstanceNorm1d."""

    ranks = (3,)


class InstanceNorm2d(InstanceNorm):
    """Instance normalisation of images, as torch.nn.InstanceNorm2d."""

    ranks = (4,)


class InstanceNorm3d(InstanceNorm):
    """Instance normalisation of volumes, as torch.nn.InstanceNorm3d."""

    ranks = (5,)


class GroupNorm(Normalization):
    """Each of `num_groups` groups of channels of an image with mean 0 and variance 1, as torch.nn.GroupNorm."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
                 dtype: dtype | None = None, *, bias: bool = True) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ModuleError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._affine((num_channels,), affine, affine and bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """`input` normalised."""
        return functional.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class LayerNorm(Normalization):
    """The last dimensions, of shape `normalized_shape`, with mean 0 and variance 1, as torch.nn.LayerNorm."""

    def __init__(self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True, device: Any = None, dtype: dtype | None = None) -> None:
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """`input` normalised."""
        return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")


class RMSNorm(Normalization):
    """The last dimensions divided by the root of the mean of their squares, as torch.nn.RMSNorm."""

    def __init__(self, normalized_shape: int | Sequence[int], eps: float | None = None,
                 elementwise_affine: bool = True, device: Any = None, dtype: dtype | None = None) -> None:
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        wanted = Parameter(empty(*self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.register_parameter("weight", wanted)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """`input` normalised."""
        return functional.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


def _as_shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


class LocalResponseNorm(Module):
    """Each channel divided by a power of the mean square of its neighbours, as torch.nn.LocalResponseNorm."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        """`input` normalised."""
        return functional.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
