"""Graphs as Python source over an array namespace, and that source as functions.

And, under torch.backends' names, the switches of PyTorch's own backends: see cudnn, cuda, mps, mkl, mkldnn, openmp.
"""

from gradc.backends import cuda, cudnn, mkl, mkldnn, mps, openmp

__all__ = ["cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]
