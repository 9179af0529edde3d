"""In-place, version counter, views."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(100, "in-place on leaf requiring grad", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x.add_(1)""",
        raises="RuntimeError: a leaf Variable that requires grad is being used in an in-place operation"),
    Row(101, "in-place on view of leaf", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x[0] = 5.0""",
        raises="RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation"),
    Row(102, "in-place via view.add_ of leaf", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x.view(2).add_(1)""",
        raises="RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation"),
    Row(103, "in-place on leaf inside no_grad ok (optimizer step)", r"""
        x = t([1.0, 2.0], requires_grad=True)
        with torch.no_grad():
            x -= 0.1
        (x, x._version, x.is_leaf)""",
        gives="(tensor([0.9000, 1.9000], requires_grad=True), 1, True)"),
    Row(104, "augmented assignment on leaf = in-place", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x += 1""",
        raises="RuntimeError: a leaf Variable that requires grad is being used in an in-place operation"),
    Row(105, "saved tensor modified in place: version error", r"""
        x = t([1.0, 2.0], requires_grad=True)
        y = x.exp()
        y.add_(1)
        y.sum().backward()""",
        raises=("RuntimeError: one of the variables needed for gradient computation has been modified by an inplace "
            "operation")),
    Row(106, "same with mul", r"""
        x = t([1.0, 2.0], requires_grad=True)
        w = t([1.0, 1.0])
        y = x * w
        w.mul_(2)
        y.sum().backward()""",
        raises=("RuntimeError: one of the variables needed for gradient computation has been modified by an inplace "
            "operation")),
    Row(107, "not saved -> fine", r"""
        x = t([1.0, 2.0], requires_grad=True)
        y = x + 1
        y.mul_(3)
        y.sum().backward()
        x.grad""",
        gives="tensor([3., 3.])"),
    Row(108, "version counter shared between views and base", r"""
        x = torch.zeros(4)
        v = x[:2]
        v.add_(1)
        w = x.detach()
        w.add_(1)
        (x._version, v._version, w._version, x.data._version)""",
        gives="(2, 2, 2, 0)"),
    Row(109, ".data has own version counter and bypasses the check (silently wrong)", r"""
        x = t([1.0, 2.0], requires_grad=True)
        y = x.exp()
        y.data.mul_(0)
        y.sum().backward()
        x.grad""",
        gives="tensor([0., 0.])"),
    Row(110, "detach() shares the version counter (caught)", r"""
        x = t([1.0, 2.0], requires_grad=True)
        y = x.exp()
        y.detach().mul_(0)
        y.sum().backward()""",
        raises=("RuntimeError: one of the variables needed for gradient computation has been modified by an inplace "
            "operation")),
    Row(111, "detach shares memory", r"""
        x = t([1.0, 2.0])
        d = x.detach()
        d[0] = 9
        x""",
        gives="tensor([9., 2.])"),
    Row(112, "detach_ on view", r"""
        x = t([1.0, 2.0], requires_grad=True)
        y = x * 2
        y[0].detach_()""",
        raises="RuntimeError: Can't detach views in-place"),
    Row(113, "detach_ in place turns into leaf", r"""
        x = t([1.0, 2.0], requires_grad=True)
        y = x * 2
        y.detach_()
        (y.is_leaf, y.requires_grad)""",
        gives="(True, False)"),
    Row(114, "setitem on non-leaf", r"""
        x = t([1.0, 2.0, 3.0], requires_grad=True)
        y = x * 2
        y[0] = x[1] * 10
        g = y.grad_fn
        y.sum().backward()
        (x.grad, g.name())""",
        gives="(tensor([ 0., 12.,  2.]), 'torch::autograd::CopySlices')"),
    Row(115, "output[0][0]= through views of views", r"""
        x = torch.ones(2, 2, requires_grad=True)
        y = x * 2
        y[0][0] = x[1, 1] * 10
        y.sum().backward()
        x.grad""",
        gives="""\
tensor([[ 0.,  2.],
        [ 2., 12.]])"""),
    Row(116, "grad_fn of base after in-place on view is CopySlices", r"""
        x = torch.ones(2, 2, requires_grad=True)
        y = x * 2
        v = y[0]
        v.mul_(3)
        (y.grad_fn, v.grad_fn)""",
        gives="(<CopySlices object at 0xADDR>, <AsStridedBackward0 object at 0xADDR>)"),
    Row(117, "in-place on base updates earlier view's grad_fn", r"""
        x = torch.ones(4, requires_grad=True)
        y = x * 2
        v = y[:2]
        y.mul_(3)
        n = v.grad_fn
        v.sum().backward()
        (x.grad, n)""",
        gives="(tensor([6., 6., 0., 0.]), <AsStridedBackward0 object at 0xADDR>)"),
    Row(118, "in-place write into buffer without grad makes it require grad", r"""
        x = t(2.0, requires_grad=True)
        b = torch.zeros(3)
        b[1] = x * x
        b.sum().backward()
        (b.requires_grad, b.is_leaf, x.grad)""",
        gives="(True, False, tensor(4.))"),
    Row(119, "_base and _is_view", r"""
        x = torch.ones(4)
        v = x[:2]
        (v._is_view(), v._base is x, x._is_view())""",
        gives="(True, True, False)"),
    Row(120, "in-place on expanded tensor", r"""
        x = torch.ones(1).expand(3)
        x.add_(1)""",
        raises=("RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location")),
    Row(121, "in-place on view of multi-output op (unbind/split)", r"""
        x = torch.ones(2, 2, requires_grad=True)
        y = x * 2
        a, b = y.unbind(0)
        a.mul_(2)""",
        raises="RuntimeError: Output 0 of Unbind is a view and is being modified inplace"),
    Row(122, "in-place on split output", r"""
        x = torch.ones(4, requires_grad=True)
        y = x * 2
        a, b = y.split(2)
        a.mul_(2)""",
        raises="RuntimeError: Output 0 of Split is a view and is being modified inplace"),
    Row(123, "in-place shape mismatch", r"""
        torch.ones(2).add_(torch.ones(3, 2))""",
        raises="RuntimeError: output with shape [2] doesn't match the broadcast shape [3, 2]"),
    Row(124, "in-place result dtype can't cast", r"""
        torch.ones(2, dtype=torch.int64).add_(1.5)""",
        raises="RuntimeError: result type Float can't be cast to the desired output type Long"),
    Row(125, "in-place truediv on int", r"""
        torch.ones(2, dtype=torch.int64).div_(2)""",
        raises="RuntimeError: result type Float can't be cast to the desired output type Long"),
    Row(126, "setitem shape mismatch", r"""
        x = torch.zeros(3)
        x[:2] = torch.ones(3)""",
        raises=("RuntimeError: The expanded size of the tensor (2) must match the existing size (3) at non-singleton "
            "dimension 0")),
    Row(127, "setitem with mask", r"""
        x = torch.ones(3, requires_grad=True)
        y = x * 2
        y[y > 1] = 0.0
        y.sum().backward()
        x.grad""",
        gives="tensor([0., 0., 0.])"),
    Row(128, "view on incompatible strides", r"""
        torch.ones(2, 3).t().view(6)""",
        raises="RuntimeError: view size is not compatible with input tensor's size and stride"),
    Row(129, "reshape invalid", r"""
        torch.ones(2, 3).reshape(4)""",
        raises="RuntimeError: shape '[4]' is invalid for input of size 6"),
    Row(130, "reshape two -1", r"""
        torch.ones(2, 3).reshape(-1, -1)""",
        raises="RuntimeError: only one dimension can be inferred"),
    Row(131, "expand invalid", r"""
        torch.ones(2, 3).expand(4, 3)""",
        raises=("RuntimeError: The expanded size of the tensor (4) must match the existing size (2) at non-singleton "
            "dimension 0")),
    Row(132, "copy_ routes the gradient to src", r"""
        x = torch.ones(2, requires_grad=True)
        y = torch.zeros(2)
        y.copy_(x * 3)
        y.sum().backward()
        (x.grad, y.grad_fn)""",
        gives="(tensor([3., 3.]), <CopyBackwards object at 0xADDR>)"),
    Row(133, "relu_ saves its output, so modifying input before is fine", r"""
        x = t([-1.0, 2.0], requires_grad=True)
        y = x * 1
        y.relu_()
        y.sum().backward()
        x.grad""",
        gives="tensor([0., 1.])"),
    Row(134, "out= with requires_grad", r"""
        x = torch.ones(2, requires_grad=True)
        o = torch.empty(2)
        torch.add(x, x, out=o)""",
        raises=("RuntimeError: add(): functions with out=... arguments don't support automatic differentiation, but "
            "one of the arguments requires grad")),
    Row(135, "x.data = other (swap)", r"""
        x = torch.ones(2, requires_grad=True)
        x.data = torch.zeros(3)
        (x.shape, x.is_leaf)""",
        gives="(torch.Size([3]), True)"),
]
