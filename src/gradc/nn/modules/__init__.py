"""PyTorch's place for nn's modules."""

from gradc.nn.modules import module

__all__ = ["module"]
