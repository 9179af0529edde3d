"""Python's own multiprocessing under PyTorch's name: a tensor that is sent to another process is copied."""

import multiprocessing

__all__ = multiprocessing.__all__

globals().update({name: getattr(multiprocessing, name) for name in multiprocessing.__all__})
