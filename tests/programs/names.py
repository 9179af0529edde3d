"""The ways in which programs name PyTorch and its parts."""

import importlib
import sys

import torch
import torch as t
import torch.nn.functional
import torch.utils.checkpoint as checkpoint
from torch.autograd import Function, grad
from torch.autograd.functional import jacobian
from torch.nn import Module, functional as F, init
from torch.nn.parameter import Parameter
from torch.utils import data


class Twice(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


class Scale(Module):
    def __init__(self):
        super().__init__()
        self.factor = Parameter(torch.empty(3))
        init.constant_(self.factor, 2.0)

    def forward(self, x):
        return Twice.apply(x) * self.factor


x = t.arange(3.0, requires_grad=True)
print(__name__, torch is t is sys.modules["torch"], torch.nn.functional is F, isinstance(x, torch.Tensor))
print(grad(Scale()(x).sum(), x), jacobian(torch.sin, torch.zeros(2)))
print(checkpoint.checkpoint(torch.exp, x, use_reentrant=False).sum(), len(data.TensorDataset(x)))
print(importlib.import_module("torch.nn").Linear(2, 3), torch.__version__ >= "1.13", torch.cuda.device_count())
print(torch.get_default_dtype(), torch.device("cuda:0"), torch.float32, x.device, torch.jit.is_scripting())
try:
    import torch.nothing
except ImportError as error:
    print(type(error).__name__, "torch.nothing" in str(error))
try:
    torch.zeros(1, device="cuda")
except (AssertionError, RuntimeError) as error:
    print("Torch not compiled with CUDA enabled" in str(error))
print(hasattr(torch, "nothing_like_this"), hasattr(x, "nothing_like_this"))
