"""Leaves, grad accumulation, .grad."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(1, "requires_grad_(False) on a leaf stops tracking", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x.requires_grad_(False)
        (x * 2).requires_grad""",
        gives="False"),
    Row(2, "requires_grad of result = any input requires grad", r"""
        x = t(1.0, requires_grad=True)
        c = t(1.0)
        ((x + c).requires_grad, (c + c).requires_grad)""",
        gives="(True, False)"),
    Row(3, "rebinding a parameter to its update makes a non-leaf (classic bug)", r"""
        w = t(1.0, requires_grad=True)
        w = w - 0.1
        (w * w).backward()
        w.grad""",
        warns=("UserWarning: The .grad attribute of a Tensor that is not a leaf Tensor is being accessed",)),
    Row(4, ".cuda()/.to()/.double() after requires_grad makes a non-leaf", r"""
        x = t([1.0], requires_grad=True)
        y = x.double()
        (y.is_leaf, y.grad_fn.name())""",
        gives="(False, 'ToCopyBackward0')"),
    Row(5, "zeros_like/ones_like/rand_like/new_* do not inherit requires_grad", r"""
        x = t([1.0], requires_grad=True)
        (torch.zeros_like(x).requires_grad, x.new_ones(1).requires_grad)""",
        gives="(False, False)"),
    Row(6, "leaf flags", r"""
        x = t([1.0, 2.0], requires_grad=True)
        (x.is_leaf, x.requires_grad, x.grad, x.grad_fn, x.output_nr, x._version)""",
        gives="(True, True, None, None, 0, 0)"),
    Row(7, "non-leaf flags", r"""
        x = t([1.0, 2.0], requires_grad=True)
        y = x * 2
        (y.is_leaf, y.requires_grad, y.grad_fn is not None)""",
        gives="(False, True, True)"),
    Row(8, "tensor without requires_grad is a leaf", r"""
        (t(1.0) * 2).is_leaf""",
        gives="True"),
    Row(9, "backward accumulates, does not overwrite", r"""
        x = t(3.0, requires_grad=True)
        (x * x).backward()
        (x * x).backward()
        x.grad""",
        gives="tensor(12.)"),
    Row(10, "grad is the same object accumulated in place", r"""
        x = t(3.0, requires_grad=True)
        (x * x).backward()
        g = x.grad
        (x * x).backward()
        (g is x.grad, g)""",
        gives="(True, tensor(12.))"),
    Row(11, "with create_graph accumulation is out of place", r"""
        x = t(3.0, requires_grad=True)
        (x * x).backward(create_graph=True)
        g = x.grad
        (x * x).backward(create_graph=True)
        (g is x.grad, g, x.grad)""",
        gives="(False, tensor(6., grad_fn=<CopyBackwards>), tensor(12., grad_fn=<AddBackward0>))",
        warns=("UserWarning: Using backward() with create_graph=True will create a reference cycle",)),
    Row(12, "create_graph in backward() warns", r"""
        x = t(3.0, requires_grad=True)
        (x**3).backward(create_graph=True)
        x.grad""",
        gives="tensor(27., grad_fn=<CopyBackwards>)",
        warns=("UserWarning: Using backward() with create_graph=True will create a reference cycle",)),
    Row(13, ".grad of non-leaf warns, gives None", r"""
        x = t(3.0, requires_grad=True)
        y = x * 2
        (y * y).backward()
        y.grad""",
        warns=("UserWarning: The .grad attribute of a Tensor that is not a leaf Tensor is being accessed",)),
    Row(14, "retain_grad", r"""
        x = t(3.0, requires_grad=True)
        y = x * 2
        y.retain_grad()
        (y * y).backward()
        (y.grad, y.retains_grad, x.retains_grad)""",
        gives="(tensor(12.), True, False)"),
    Row(15, "retain_grad on no-grad tensor", r"""
        t(1.0).retain_grad()""",
        raises="RuntimeError: can't retain_grad on Tensor that has requires_grad=False"),
    Row(16, "retain_grad on leaf is a no-op", r"""
        x = t(1.0, requires_grad=True)
        x.retain_grad()
        x.retains_grad""",
        gives="False"),
    Row(17, "set requires_grad=False on non-leaf", r"""
        x = t(3.0, requires_grad=True)
        y = x * 2
        y.requires_grad = False""",
        raises="RuntimeError: you can only change requires_grad flags of leaf variables"),
    Row(18, "set requires_grad=True on non-leaf that already does", r"""
        x = t(3.0, requires_grad=True)
        y = x * 2
        y.requires_grad = True
        y.requires_grad""",
        raises="RuntimeError: you can only change requires_grad flags of leaf variables"),
    Row(19, "requires_grad_() on int tensor", r"""
        t([1, 2]).requires_grad_()""",
        raises="RuntimeError: only Tensors of floating point dtype can require gradients"),
    Row(20, "tensor(int, requires_grad=True)", r"""
        t([1, 2], requires_grad=True)""",
        raises="RuntimeError: Only Tensors of floating point and complex dtype can require gradients"),
    Row(21, "tensor(bool, requires_grad=True)", r"""
        t([True], requires_grad=True)""",
        raises="RuntimeError: Only Tensors of floating point and complex dtype can require gradients"),
    Row(22, "torch.tensor(existing tensor) warns", r"""
        x = t(1.0, requires_grad=True)
        y = torch.tensor(x)
        (y.requires_grad, y.is_leaf)""",
        gives="(False, True)",
        warns=("UserWarning: To copy construct from a tensor, it is recommended to use",)),
    Row(23, "assign .grad wrong type", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x.grad = 3.0""",
        raises="TypeError: assigned grad expected to be a Tensor or None but got grad of type float"),
    Row(24, "assign .grad wrong shape", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x.grad = t([1.0, 2.0, 3.0])""",
        raises="RuntimeError: attempting to assign a gradient of size '[3]' to a tensor of size '[2]'"),
    Row(25, "assign .grad wrong dtype", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x.grad = t([1.0, 2.0], dtype=torch.float64)""",
        raises="RuntimeError: attempting to assign a gradient with dtype"),
    Row(26, "assign .grad itself", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x.grad = x""",
        raises="RuntimeError: can't assign Variable as its own grad"),
    Row(27, "assign .grad None", r"""
        x = t(3.0, requires_grad=True)
        (x * x).backward()
        x.grad = None
        x.grad"""),
    Row(28, "zero_grad set_to_none default", r"""
        m = nn.Linear(2, 1)
        m(torch.ones(2)).sum().backward()
        m.zero_grad()
        m.weight.grad"""),
    Row(29, "grad dtype matches the leaf's dtype", r"""
        x = t([1.0, 2.0], dtype=torch.float16, requires_grad=True)
        (x.float() ** 2).sum().backward()
        x.grad""",
        gives="tensor([2., 4.], dtype=torch.float16)"),
    Row(30, "broadcast leaf gradient is summed to shape", r"""
        b = t([1.0, 2.0], requires_grad=True)
        (torch.ones(3, 2) * b).sum().backward()
        b.grad""",
        gives="tensor([3., 3.])"),
    Row(31, "leaf used twice", r"""
        x = t(2.0, requires_grad=True)
        (x * x + x).backward()
        x.grad""",
        gives="tensor(5.)"),
    Row(32, "integer outputs do not require grad", r"""
        x = t([1.5, 2.0], requires_grad=True)
        (x.argmax().requires_grad, (x > 1).requires_grad, x.long().requires_grad)""",
        gives="(False, False, False)"),
    Row(33, "floor/round/sign have zero gradient, not an error", r"""
        x = t([1.5, 2.0], requires_grad=True)
        (x.floor() + x.round() + x.sign()).sum().backward()
        x.grad""",
        gives="tensor([0., 0.])"),
    Row(34, "deepcopy non-leaf", r"""
        import copy
        x = t(1.0, requires_grad=True)
        copy.deepcopy(x * 2)""",
        raises=("RuntimeError: Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the")),
    Row(35, "deepcopy leaf keeps requires_grad", r"""
        import copy
        x = t(1.0, requires_grad=True)
        y = copy.deepcopy(x)
        (y, y.is_leaf)""",
        gives="(tensor(1., requires_grad=True), True)"),
    Row(36, "pickling non-leaf", r"""
        import pickle
        x = t(1.0, requires_grad=True)
        pickle.dumps(x * 2) and 'ok'""",
        gives="'ok'"),
]
