"""What training programs use besides tensors and modules, as torch.utils."""

from gradc.utils import checkpoint, data, dlpack

__all__ = ["checkpoint", "data", "dlpack"]
