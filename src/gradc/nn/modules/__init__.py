"""PyTorch's place for nn's modules. Its files (`torch.nn.modules.batchnorm`) are all this one, under their names."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from gradc.nn.convolution import Convolution as _ConvNd  # noqa: F401
from gradc.nn.layers import Dropout as _DropoutNd  # noqa: F401
from gradc.nn.losses import Loss as _Loss  # noqa: F401
from gradc.nn.losses import WeightedLoss as _WeightedLoss  # noqa: F401
from gradc.nn.modules import module, utils
from gradc.nn.normalization import BatchNorm as _BatchNorm  # noqa: F401
from gradc.nn.normalization import InstanceNorm as _InstanceNorm  # noqa: F401
from gradc.nn.normalization import Running as _NormBase  # noqa: F401

__all__ = ["module", "utils"]

FILES = frozenset(
    "activation adaptive batchnorm channelshuffle container conv distance dropout flatten fold instancenorm lazy "
    "linear loss normalization padding pixelshuffle pooling rnn sparse transformer upsampling".split())


def __getattr__(name: str) -> Any:
    """One of PyTorch's files, or whatever torch.nn has under this name."""
    return sys.modules[__name__] if name in FILES else getattr(importlib.import_module("gradc.nn"), name)
