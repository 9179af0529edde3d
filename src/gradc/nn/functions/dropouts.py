"""Dropout of whole channels, and dropout that keeps mean and variance, under PyTorch's names and signatures."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from gradc import dtypes, locations
from gradc.errors import DtypeError, ShapeError
from gradc.generator import RandomError
from gradc.inplace import write
from gradc.ops.drawing import draw
from gradc.shapes import Shape
from gradc.tensor import Tensor

__all__ = ["alpha_dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

SATURATION = 1.7580993408473766
"""What selu tends to for large negative numbers, with the other sign."""


def _checked(input: Tensor, p: float) -> None:
    where = locations.quote(locations.here())
    if not 0 <= p <= 1:
        raise RandomError(f"dropout probability has to be between 0 and 1, but got {p}{where}")
    if not input.dtype.is_floating_point:
        raise DtypeError(f"dropout: result type Float can't be cast to the desired output type "
                         f"{dtypes.TITLES[input.dtype]}{where}")


def _noise(input: Tensor, p: float, shape: Shape) -> Any:
    """0 with probability p, else 1."""
    kind = input.dtype
    return draw("dropout", None, lambda stream, size: stream.bernoulli(1 - p, size, kind), shape)


def _channels(input: Tensor) -> Shape:
    """One element for each channel of each image."""
    shape = input._array.shape
    if len(shape) < 2:
        raise ShapeError(f"Feature dropout requires at least 2 dimensions in the input"
                         f"{locations.quote(locations.here())}")
    return (*shape[:2], *(1,) * (len(shape) - 2))


def _feature_dropout(input: Any, p: float, training: bool, inplace: bool, name: str) -> Tensor:
    _checked(input, p)
    if not training or p == 0 or not input.numel():
        return input  # type: ignore[no-any-return]
    if p == 1:
        found = input * input.new_zeros(())
    else:
        number = np.float64 if input.dtype is dtypes.float64 else np.float32
        found = input * (_noise(input, p, _channels(input)) / float(number(1 - p)))
    return write(input, found, f"{name}_") if inplace else found


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`input` with each channel of a sequence zero with probability p and else divided by 1 - p."""
    if input.ndim not in (2, 3):
        raise ShapeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input."
                         f"{locations.quote(locations.here())}")
    return _of_images(input, p, training, inplace, 3, "dropout1d")


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`input` with each channel of an image zero with probability p and else divided by 1 - p."""
    if input.ndim not in (3, 4):
        _warn("dropout2d", input.ndim, 3, 4)
    elif input.ndim == 3:
        warnings.warn("dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior "
                      "is desired - input is interpreted as shape (N, C, L), where C is the channel dim. This behavior "
                      "will change in a future release to interpret the input as one without a batch dimension, i.e. "
                      "shape (C, H, W). To maintain the 1D channel-wise dropout behavior, please switch to using "
                      "dropout1d instead.", stacklevel=2)
    return _feature_dropout(input, p, training, inplace, "dropout2d")


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`input` with each channel of a volume zero with probability p and else divided by 1 - p."""
    if input.ndim not in (4, 5):
        _warn("dropout3d", input.ndim, 4, 5)
    return _of_images(input, p, training, inplace, 5, "dropout3d")


def _of_images(input: Any, p: float, training: bool, inplace: bool, rank: int, name: str) -> Tensor:
    """Dropout of channels, also of one image without a dimension of images."""
    if input.ndim != rank - 1:
        return _feature_dropout(input, p, training, inplace, name)
    found: Any = _feature_dropout(input.unsqueeze(0), p, training, False, name)
    return write(input, found.squeeze(0), f"{name}_") if inplace else found.squeeze(0)


def _warn(name: str, rank: int, least: int, most: int) -> None:
    warnings.warn(f"{name}: Received a {rank}-D input to {name}, which is deprecated and will result in an error in a "
                  f"future release. To retain the behavior and silence this warning, please use dropout instead. Note "
                  f"that {name} exists to provide channel-wise dropout on inputs with {least - 1} spatial dimensions, "
                  f"a channel dimension, and an optional batch dimension (i.e. {least}D or {most}D inputs).",
                  stacklevel=3)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`input` with elements at selu's lower limit with probability p, scaled so that mean and variance stay.

    Source  Klambauer et al. 2017, "Self-normalizing neural networks"
    """
    return _alpha_dropout(input, p, training, inplace, "alpha_dropout")


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """alpha_dropout of whole channels."""
    return _alpha_dropout(input, p, training, inplace, "feature_alpha_dropout")


def _alpha_dropout(input: Any, p: float, training: bool, inplace: bool, name: str) -> Tensor:
    if not training or p == 0 or not input.numel():
        return input  # type: ignore[no-any-return]
    _checked(input, p)
    if p == 1:
        found = input * input.new_zeros(())
    else:
        noise = _noise(input, p, _channels(input) if name.startswith("feature") else input._array.shape)
        scale = 1 / math.sqrt((SATURATION**2 * p + 1) * (1 - p))
        shift = (noise - 1) * (SATURATION * scale) + SATURATION * scale * p
        found = input * (noise * scale) + shift
    return write(input, found, f"{name}_") if inplace else found
