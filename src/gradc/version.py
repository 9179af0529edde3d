"""The version of gradc."""

__version__ = "0.1.0"
debug = False
cuda = hip = rocm = xpu = git_version = None
"""What PyTorch says it was built with."""
