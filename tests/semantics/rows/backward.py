"""backward(): arguments and errors."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(37, "scalar-only", r"""
        x = t([1.0, 2.0], requires_grad=True)
        (x * 2).backward()""",
        raises="RuntimeError: grad can be implicitly created only for scalar outputs"),
    Row(38, "one-element tensor allowed without gradient", r"""
        x = t([1.0], requires_grad=True)
        (x * 2).backward()
        x.grad""",
        gives="tensor([2.])"),
    Row(39, "explicit gradient", r"""
        x = t([1.0, 2.0], requires_grad=True)
        (x * 2).backward(t([1.0, 10.0]))
        x.grad""",
        gives="tensor([ 2., 20.])"),
    Row(40, "gradient shape mismatch", r"""
        x = t([1.0, 2.0], requires_grad=True)
        (x * 2).backward(torch.ones(3))""",
        raises="RuntimeError: Mismatch in shape: grad_output[0] has a shape of torch.Size([3])"),
    Row(41, "gradient broadcastable shape is still an error", r"""
        x = t([1.0, 2.0], requires_grad=True)
        (x * 2).backward(torch.ones(1))""",
        raises="RuntimeError: Mismatch in shape: grad_output[0] has a shape of torch.Size([1])"),
    Row(42, "gradient non-tensor", r"""
        x = t([1.0, 2.0], requires_grad=True)
        (x * 2).backward([1.0, 1.0])""",
        raises="TypeError: gradients can be either Tensors or None, but got float"),
    Row(43, "gradient of other dtype is cast", r"""
        x = t([1.0, 2.0], requires_grad=True)
        (x * 2).backward(t([1.0, 1.0], dtype=torch.float64))
        x.grad.dtype""",
        gives="torch.float32"),
    Row(44, "gradient int dtype", r"""
        x = t([1.0, 2.0], requires_grad=True)
        (x * 2).backward(t([1, 1]))
        x.grad""",
        gives="tensor([2., 2.])"),
    Row(45, "complex gradient for a real output", r"""
        x = t([1.0, 2.0], requires_grad=True)
        (x * 2).backward(t([1j, 1j]))
        x.grad""",
        raises="RuntimeError: For complex Tensors, both grad_output and output are required to have the same dtype"),
    Row(46, "no graph", r"""
        t(1.0).backward()""",
        raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"),
    Row(47, "detached output", r"""
        x = t(1.0, requires_grad=True)
        (x * 2).detach().backward()""",
        raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"),
    Row(48, "freed graph second backward", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        y.backward()
        y.backward()""",
        raises="RuntimeError: Trying to backward through the graph a second time"),
    Row(49, "x*2 saves the scalar 2, so a second backward fails too", r"""
        x = t(3.0, requires_grad=True)
        y = x * 2 + 1
        y.backward()
        y.backward()
        x.grad""",
        raises="RuntimeError: Trying to backward through the graph a second time"),
    Row(50, "a graph of ops that save nothing (add, sum, view, neg) survives a second backward", r"""
        x = t([3.0, 1.0], requires_grad=True)
        y = (-(x + 1)).view(2, 1).sum()
        y.backward()
        y.backward()
        x.grad""",
        gives="tensor([-2., -2.])"),
    Row(51, "partial graph reuse: shared sub-graph freed by the first backward", r"""
        x = t(3.0, requires_grad=True)
        h = x.exp()
        a = h * 2
        b = h * 3
        a.backward()
        b.backward()""",
        raises="RuntimeError: Trying to backward through the graph a second time"),
    Row(52, "retain_graph=True", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        y.backward(retain_graph=True)
        y.backward()
        x.grad""",
        gives="tensor(12.)"),
    Row(53, "accessing freed saved tensor", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        y.backward()
        y.grad_fn._saved_self""",
        raises="RuntimeError: Trying to backward through the graph a second time"),
    Row(54, "inputs= restricts accumulation", r"""
        x = t(3.0, requires_grad=True)
        w = t(2.0, requires_grad=True)
        (x * w).backward(inputs=[x])
        (x.grad, w.grad)""",
        gives="(tensor(2.), None)"),
    Row(55, "inputs=[]", r"""
        x = t(3.0, requires_grad=True)
        (x * x).backward(inputs=[])""",
        raises="RuntimeError: `inputs` argument to `backward()` cannot be empty"),
    Row(56, "inputs= may be non-leaf", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        (y * 2).backward(inputs=[y])
        y.grad""",
        gives="tensor(2.)"),
    Row(57, "inputs= not requiring grad", r"""
        x = t(3.0, requires_grad=True)
        c = t(1.0)
        (x * c).backward(inputs=[c])""",
        raises="RuntimeError: can't retain_grad on Tensor that has requires_grad=False"),
    Row(58, "complex scalar output", r"""
        x = t(3.0 + 1j, requires_grad=True)
        (x * x).backward()""",
        raises="RuntimeError: grad can be implicitly created only for real scalar outputs but got torch.complex64"),
    Row(59, "autograd.backward with several roots", r"""
        x = t(3.0, requires_grad=True)
        torch.autograd.backward([x * 2, x * x])
        x.grad""",
        gives="tensor(8.)"),
    Row(60, "autograd.backward mismatched lengths", r"""
        x = t(3.0, requires_grad=True)
        torch.autograd.backward([x * 2, x * x], [t(1.0)])""",
        raises="RuntimeError: got 2 tensors and 1 gradients"),
    Row(61, "backward on a leaf", r"""
        x = t(3.0, requires_grad=True)
        x.backward()
        x.grad""",
        gives="tensor(1.)"),
    Row(62, "backward under no_grad is allowed", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        with torch.no_grad():
            y.backward()
        x.grad""",
        gives="tensor(6.)"),
    Row(63, "nan/inf propagate: where trick", r"""
        x = t(0.0, requires_grad=True)
        torch.where(x > 0, x.sqrt(), t(0.0)).backward()
        x.grad""",
        gives="tensor(nan)"),
    Row(64, "subgradients: relu(0), abs(0), max ties, sqrt(0)", r"""
        r = []
        for f in (
            torch.relu,
            torch.abs,
            torch.sqrt,
            lambda v: torch.clamp(v, 0.0, 1.0),
            lambda v: torch.maximum(v, v * 0),
        ):
            x = t(0.0, requires_grad=True)
            f(x).backward()
            r.append(x.grad.item())
        r""",
        gives="[0.0, 0.0, inf, 1.0, 0.5]"),
    Row(65, "max() splits ties evenly; max(dim) and amax", r"""
        x = t([1.0, 1.0, 0.0], requires_grad=True)
        a = ag.grad(x.max(), x)[0]
        b = ag.grad(x.max(0).values, x)[0]
        c = ag.grad(x.amax(0), x)[0]
        (a, b, c)""",
        gives="(tensor([0.5000, 0.5000, 0.0000]), tensor([1., 0., 0.]), tensor([0.5000, 0.5000, 0.0000]))"),
    Row(66, "norm at 0 has zero subgradient", r"""
        x = torch.zeros(2, requires_grad=True)
        x.norm().backward()
        x.grad""",
        gives="tensor([0., 0.])"),
    Row(67, "prod with zeros has right grad", r"""
        x = t([0.0, 2.0, 3.0], requires_grad=True)
        x.prod().backward()
        x.grad""",
        gives="tensor([6., 0., 0.])"),
    Row(68, "pow(x,0) and 0**x gradients", r"""
        x = t(0.0, requires_grad=True)
        a = ag.grad(x**0, x)[0]
        b = ag.grad(x**2, x)[0]
        c = ag.grad(x**0.5, x)[0]
        y = t(0.0, requires_grad=True)
        d = ag.grad(0.0**y, y)[0]
        (a, b, c, d)""",
        gives="(tensor(0.), tensor(0.), tensor(inf), tensor(0.))"),
]
