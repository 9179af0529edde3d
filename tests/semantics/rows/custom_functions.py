"""Custom autograd.Function."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(165, "basic + repr name", r"""
        class Sq(F):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x
            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 2 * x * g
        x = t(3.0, requires_grad=True)
        y = Sq.apply(x)
        y.backward()
        (x.grad, y.grad_fn.name(), type(y.grad_fn).__name__)""",
        gives="(tensor(6.), 'SqBackward', 'SqBackward')"),
    Row(166, "calling instance / old style", r"""
        class Sq(F):
            def forward(self, x):
                return x * x
        Sq()(t(1.0))""",
        raises="RuntimeError: Legacy autograd function with non-static forward method is deprecated",
        warns=("DeprecationWarning: <class 'probe.Sq'> should not be instantiated",)),
    Row(167, "wrong number of gradients", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x, y):
                return x * y
            @staticmethod
            def backward(ctx, g):
                return g
        x = t(3.0, requires_grad=True)
        A.apply(x, x).backward()""",
        raises="RuntimeError: function ABackward returned an incorrect number of gradients (expected 2, got 1)"),
    Row(168, "too many gradients (non-None)", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * 2
            @staticmethod
            def backward(ctx, g):
                return (g, g)
        x = t(3.0, requires_grad=True)
        A.apply(x).backward()""",
        raises="RuntimeError: function ABackward returned an incorrect number of gradients (expected 1, got 2)"),
    Row(169, "trailing Nones are accepted", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * 2
            @staticmethod
            def backward(ctx, g):
                return (g, None, None)
        x = t(3.0, requires_grad=True)
        A.apply(x).backward()
        x.grad""",
        gives="tensor(1.)"),
    Row(170, "wrong gradient shape", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * 2
            @staticmethod
            def backward(ctx, g):
                return torch.ones(3)
        x = t([3.0, 1.0], requires_grad=True)
        A.apply(x).sum().backward()""",
        raises=("RuntimeError: Function ABackward returned an invalid gradient at index 0 - got [3] but expected "
            "shape compatible with [2]")),
    Row(171, "expandable gradient shape is reduced", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * 2
            @staticmethod
            def backward(ctx, g):
                return torch.ones(3, 2)
        x = t([3.0, 1.0], requires_grad=True)
        A.apply(x).sum().backward()
        x.grad""",
        gives="tensor([3., 3.])"),
    Row(172, "no backward defined", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * 2
        x = t(3.0, requires_grad=True)
        A.apply(x).backward()""",
        raises=("NotImplementedError: You must implement either the backward or vjp method for your custom "
            "autograd.Function")),
    Row(173, "non-static forward", r"""
        class A(F):
            def forward(ctx, x):
                return x * 2
            @staticmethod
            def backward(ctx, g):
                return g
        A.apply(t(1.0))""",
        gives="tensor(2.)"),
    Row(174, "needs_input_grad", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x, y, k):
                return x * y
            @staticmethod
            def backward(ctx, g):
                print(ctx.needs_input_grad)
                return (g, None, None)
        x = t(3.0, requires_grad=True)
        A.apply(x, t(1.0), 5).backward()""",
        prints="(True, False, False)"),
    Row(175, "saved_tensors twice after free", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * 2
            @staticmethod
            def backward(ctx, g):
                ctx.saved_tensors
                return g
        x = t(3.0, requires_grad=True)
        y = A.apply(x)
        y.backward()
        y.backward()""",
        raises="RuntimeError: Trying to backward through the graph a second time"),
    Row(176, "save_for_backward non-tensor", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(3)
                return x * 2
            @staticmethod
            def backward(ctx, g):
                return g
        A.apply(t(3.0, requires_grad=True))""",
        raises="TypeError: save_for_backward can only save variables, but argument 0 is of type int"),
    Row(177, "saved input modified in place", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * 2
            @staticmethod
            def backward(ctx, g):
                ctx.saved_tensors
                return g
        x = t([3.0], requires_grad=True) * 1
        y = A.apply(x)
        x.add_(1)
        y.backward()""",
        raises=("RuntimeError: one of the variables needed for gradient computation has been modified by an inplace "
            "operation")),
    Row(178, "once_differentiable", r"""
        from torch.autograd.function import once_differentiable
        class A(F):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x
            @staticmethod
            @once_differentiable
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 2 * x * g
        x = t(3.0, requires_grad=True)
        (g,) = ag.grad(A.apply(x), x, create_graph=True)
        ag.grad(g, x)""",
        raises="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"),
    Row(179, "once_differentiable with a differentiable grad_output", r"""
        from torch.autograd.function import once_differentiable
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * x
            @staticmethod
            @once_differentiable
            def backward(ctx, g):
                return 2 * g
        x = t(3.0, requires_grad=True)
        w = t(2.0, requires_grad=True)
        (g,) = ag.grad(A.apply(x) * w, x, create_graph=True)
        print(g)
        g.backward()""",
        prints="tensor(4., grad_fn=<Error>)",
        raises="RuntimeError: trying to differentiate twice a function that was marked with @once_differentiable"),
    Row(180, "double backward through a differentiable backward", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3
            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 3 * x * x * g
        x = t(3.0, requires_grad=True)
        (g,) = ag.grad(A.apply(x), x, create_graph=True)
        ag.grad(g, x)""",
        gives="(tensor(18.),)"),
    Row(181, "mark_non_differentiable", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                i = x.sort()[1].float()
                ctx.mark_non_differentiable(i)
                return (x * 2, i)
            @staticmethod
            def backward(ctx, g, gi):
                print(gi)
                return g * 2
        x = t([3.0, 1.0], requires_grad=True)
        a, b = A.apply(x)
        a.sum().backward()
        (b.requires_grad, x.grad)""",
        gives="(False, tensor([2., 2.]))",
        prints="tensor([0., 0.])"),
    Row(182, "mark_dirty", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                x.mul_(2)
                ctx.mark_dirty(x)
                return x
            @staticmethod
            def backward(ctx, g):
                return g * 2
        l = t([3.0], requires_grad=True)
        x = l * 1
        y = A.apply(x)
        y.sum().backward()
        (y is x, l.grad, x.grad_fn.name())""",
        gives="(True, tensor([2.]), 'ABackward')"),
    Row(183, "mark_dirty on leaf", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                x.mul_(2)
                ctx.mark_dirty(x)
                return x
            @staticmethod
            def backward(ctx, g):
                return g * 2
        A.apply(t([3.0], requires_grad=True))""",
        raises="RuntimeError: a leaf Variable that requires grad has been used in an in-place operation"),
    Row(184, "unused output's grad is materialised as zeros", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return (x * 2, x * 3)
            @staticmethod
            def backward(ctx, a, b):
                print(a, b)
                return a
        x = t(3.0, requires_grad=True)
        A.apply(x)[0].backward()""",
        prints="tensor(1.) tensor(0.)"),
    Row(185, "set_materialize_grads(False) gives None", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                ctx.set_materialize_grads(False)
                return (x * 2, x * 3)
            @staticmethod
            def backward(ctx, a, b):
                print(a, b)
                return a
        x = t(3.0, requires_grad=True)
        A.apply(x)[0].backward()""",
        prints="tensor(1.) None"),
    Row(186, "setup_context form", r"""
        class A(F):
            @staticmethod
            def forward(x):
                return x * x
            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.save_for_backward(*inputs)
            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 2 * x * g
        x = t(3.0, requires_grad=True)
        A.apply(x).backward()
        x.grad""",
        gives="tensor(6.)"),
    Row(187, "vmap without vmap staticmethod", r"""
        class A(F):
            @staticmethod
            def forward(x):
                return x * x
            @staticmethod
            def setup_context(ctx, inputs, output):
                pass
            @staticmethod
            def backward(ctx, g):
                return g
        torch.vmap(A.apply)(torch.ones(2))""",
        raises="RuntimeError: You tried to vmap over A, but it does not have vmap support"),
    Row(188, "func.grad needs setup_context", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * x
            @staticmethod
            def backward(ctx, g):
                return g
        torch.func.grad(A.apply)(t(2.0))""",
        raises="RuntimeError: In order to use an autograd.Function with functorch transforms"),
    Row(189, "vmap staticmethod", r"""
        class A(F):
            @staticmethod
            def forward(x):
                return x * x
            @staticmethod
            def setup_context(ctx, inputs, output):
                pass
            @staticmethod
            def backward(ctx, g):
                return g
            @staticmethod
            def vmap(info, in_dims, x):
                print(info.batch_size, in_dims)
                return (x * x, in_dims[0])
        torch.vmap(A.apply)(torch.ones(2))""",
        gives="tensor([1., 1.])",
        prints="2 (0,)"),
    Row(190, "generate_vmap_rule", r"""
        class A(F):
            generate_vmap_rule = True
            @staticmethod
            def forward(x):
                return x * x
            @staticmethod
            def setup_context(ctx, inputs, output):
                pass
            @staticmethod
            def backward(ctx, g):
                return g
        torch.vmap(A.apply)(torch.ones(2))""",
        gives="tensor([1., 1.])"),
    Row(191, "jvp staticmethod missing under forward AD", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * x
            @staticmethod
            def backward(ctx, g):
                return g
        import torch.autograd.forward_ad as fwAD
        with fwAD.dual_level():
            A.apply(fwAD.make_dual(t(1.0), t(1.0)))""",
        raises="NotImplementedError: You must implement the jvp function for custom autograd.Function"),
    Row(192, "forward runs in no_grad mode", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                print(torch.is_grad_enabled())
                return x * 2
            @staticmethod
            def backward(ctx, g):
                print(torch.is_grad_enabled())
                return g * 2
        x = t(3.0, requires_grad=True)
        A.apply(x).backward()""",
        prints="""\
False
False"""),
    Row(193, "returning an input unchanged becomes a view-like alias", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x
            @staticmethod
            def backward(ctx, g):
                return g * 5
        x = t(3.0, requires_grad=True)
        y = A.apply(x)
        y.backward()
        (y is x, x.grad)""",
        gives="(False, tensor(5.))"),
    Row(194, "STE example", r"""
        class STE(F):
            @staticmethod
            def forward(ctx, x):
                return x.round()
            @staticmethod
            def backward(ctx, g):
                return g
        x = t(1.7, requires_grad=True)
        y = STE.apply(x)
        y.backward()
        (y, x.grad)""",
        gives="(tensor(2., grad_fn=<STEBackward>), tensor(1.))"),
]
