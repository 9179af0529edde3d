"""autograd.grad."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(69, "returns tuple, does not touch .grad", r"""
        x = t(3.0, requires_grad=True)
        g = ag.grad(x * x, x)
        (g, x.grad)""",
        gives="((tensor(6.),), None)"),
    Row(70, "unused input", r"""
        x = t(3.0, requires_grad=True)
        w = t(1.0, requires_grad=True)
        ag.grad(x * x, [x, w])""",
        raises="RuntimeError: The differentiated Tensor at index 1 appears to not have been used in the graph"),
    Row(71, "allow_unused", r"""
        x = t(3.0, requires_grad=True)
        w = t(1.0, requires_grad=True)
        ag.grad(x * x, [x, w], allow_unused=True)""",
        gives="(tensor(6.), None)"),
    Row(72, "materialize_grads", r"""
        x = t(3.0, requires_grad=True)
        w = t([1.0, 2.0], requires_grad=True)
        ag.grad(x * x, [x, w], materialize_grads=True)""",
        gives="(tensor(6.), tensor([0., 0.]))"),
    Row(73, "materialize_grads with allow_unused=False", r"""
        x = t(3.0, requires_grad=True)
        ag.grad(x * x, [x], materialize_grads=True, allow_unused=False)""",
        raises=("ValueError: Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False")),
    Row(74, "input does not require grad", r"""
        x = t(3.0, requires_grad=True)
        c = t(1.0)
        ag.grad(x * c, c)""",
        raises="RuntimeError: One of the differentiated Tensors does not require grad"),
    Row(75, "output does not require grad", r"""
        x = t(3.0, requires_grad=True)
        ag.grad(t(1.0), x)""",
        raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"),
    Row(76, "non-scalar output without grad_outputs", r"""
        x = t([1.0, 2.0], requires_grad=True)
        ag.grad(x * 2, x)""",
        raises="RuntimeError: grad can be implicitly created only for scalar outputs"),
    Row(77, "grad_outputs", r"""
        x = t([1.0, 2.0], requires_grad=True)
        ag.grad(x * x, x, grad_outputs=t([1.0, 10.0]))""",
        gives="(tensor([ 2., 40.]),)"),
    Row(78, "grad_outputs shape mismatch", r"""
        x = t([1.0, 2.0], requires_grad=True)
        ag.grad(x * x, x, grad_outputs=torch.ones(3))""",
        raises="RuntimeError: Mismatch in shape: grad_output[0] has a shape of torch.Size([3])"),
    Row(79, "is_grads_batched", r"""
        x = t([1.0, 2.0], requires_grad=True)
        ag.grad(x * x, x, grad_outputs=torch.eye(2), is_grads_batched=True)""",
        gives="""\
(tensor([[2., 0.],
        [0., 4.]]),)"""),
    Row(80, "wrt intermediate", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        ag.grad(y * y, y)""",
        gives="(tensor(18.),)"),
    Row(81, "create_graph second derivative", r"""
        x = t(3.0, requires_grad=True)
        (g,) = ag.grad(x**3, x, create_graph=True)
        (g, ag.grad(g, x))""",
        gives="(tensor(27., grad_fn=<MulBackward0>), (tensor(18.),))"),
    Row(82, "create_graph implies retain_graph", r"""
        x = t(3.0, requires_grad=True)
        y = x**3
        ag.grad(y, x, create_graph=True)
        ag.grad(y, x)""",
        gives="(tensor(27.),)"),
    Row(83, "without create_graph the gradient has no graph", r"""
        x = t(3.0, requires_grad=True)
        (g,) = ag.grad(x**3, x)
        ag.grad(g, x)""",
        raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"),
    Row(84, "empty inputs", r"""
        x = t(3.0, requires_grad=True)
        ag.grad(x * x, [])""",
        raises="RuntimeError: `inputs` argument to `grad()` cannot be empty"),
    Row(85, "grad_outputs None inside list for scalar", r"""
        x = t(3.0, requires_grad=True)
        ag.grad([x * x, x * 2], x, grad_outputs=[None, t(10.0)])""",
        gives="(tensor(26.),)"),
    Row(86, "GradientEdge", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        e = ag.graph.get_gradient_edge(y)
        (ag.grad(y * 2, e), e)""",
        gives=("((tensor(2.),), GradientEdge(node=<MulBackward0 object at 0xADDR>, output_nr=0, "
            "ownership_token=None))")),
    Row(87, "after freeing via grad", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        ag.grad(y, x)
        ag.grad(y, x)""",
        raises="RuntimeError: Trying to backward through the graph a second time"),
]
