"""Functional API (torch.autograd.functional, torch.func)."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(214, "autograd.functional.jacobian", r"""
        ag.functional.jacobian(lambda x: x**2, t([1.0, 2.0]))""",
        gives="""\
tensor([[2., 0.],
        [0., 4.]])"""),
    Row(215, "autograd.functional.hessian", r"""
        ag.functional.hessian(lambda x: (x**3).sum(), t([1.0, 2.0]))""",
        gives="""\
tensor([[ 6.,  0.],
        [ 0., 12.]])"""),
    Row(216, "hessian non scalar", r"""
        ag.functional.hessian(lambda x: x**2, t([1.0, 2.0]))""",
        raises="RuntimeError: The Tensor returned by the function given to hessian should contain a single element"),
    Row(217, "func.grad", r"""
        torch.func.grad(lambda x: x**2)(t(3.0))""",
        gives="tensor(6.)"),
    Row(218, "func.grad non-scalar", r"""
        torch.func.grad(lambda x: x**2)(t([3.0, 1.0]))""",
        raises=("RuntimeError: grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with"
            " 1 dims")),
    Row(219, "func.grad argnums/has_aux", r"""
        torch.func.grad(lambda x, y: (x * y, x), argnums=(0, 1), has_aux=True)(t(3.0), t(2.0))""",
        gives="((tensor(2.), tensor(3.)), tensor(3.))"),
    Row(220, "func.grad of non-tensor output", r"""
        torch.func.grad(lambda x: 3.0)(t(3.0))""",
        raises="RuntimeError: grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got <class 'float'>"),
    Row(221, "jacrev/jacfwd/hessian", r"""
        f = lambda x: x**2
        (
            torch.func.jacrev(f)(t([1.0, 2.0])),
            torch.func.jacfwd(f)(t([1.0, 2.0])),
            torch.func.hessian(lambda x: (x**3).sum())(t([1.0, 2.0])),
        )""",
        gives="""\
(tensor([[2., 0.],
        [0., 4.]]), tensor([[2., 0.],
        [0., 4.]]), tensor([[ 6.,  0.],
        [ 0., 12.]]))"""),
    Row(222, "vjp / jvp", r"""
        o, vjp = torch.func.vjp(lambda x: x**2, t([1.0, 2.0]))
        (o, vjp(t([1.0, 1.0])), torch.func.jvp(lambda x: x**2, (t([1.0, 2.0]),), (t([1.0, 0.0]),)))""",
        gives="(tensor([1., 4.]), (tensor([2., 4.]),), (tensor([1., 4.]), tensor([2., 0.])))"),
    Row(223, "vmap in_dims/out_dims", r"""
        torch.vmap(lambda a, b: a @ b, in_dims=(0, None))(torch.ones(3, 2), torch.ones(2))""",
        gives="tensor([2., 2., 2.])"),
    Row(224, "vmap with .item()", r"""
        torch.vmap(lambda a: a.item())(torch.ones(3))""",
        raises="RuntimeError: vmap: It looks like you're calling .item() on a Tensor"),
    Row(225, "vmap with data-dependent if", r"""
        torch.vmap(lambda a: a if a > 0 else -a)(torch.ones(3))""",
        raises=("RuntimeError: vmap: It looks like you're attempting to use a Tensor in some data-dependent control "
            "flow")),
    Row(226, "vmap mismatched sizes", r"""
        torch.vmap(lambda a, b: a + b)(torch.ones(3), torch.ones(2))""",
        raises="ValueError: vmap: Expected all tensors to have the same size in the mapped dimension"),
    Row(227, "vmap randomness default error", r"""
        torch.vmap(lambda a: a + torch.rand(()))(torch.ones(3))""",
        raises="RuntimeError: vmap: called random operation while in randomness error mode"),
    Row(228, "grad then side effect on outer tensor", r"""
        L = []
        torch.func.grad(lambda x: (L.append(x), x**2)[1])(t(3.0))
        L[0] + 1""",
        gives="tensor(4.)"),
    Row(229, "backward() inside func.grad", r"""
        torch.func.grad(lambda x: ((x**2).backward(), x**2)[1])(t(3.0, requires_grad=True))""",
        raises="RuntimeError: backward() called inside a functorch transform"),
    Row(230, "functional_call", r"""
        m = nn.Linear(1, 1)
        torch.func.functional_call(m, {'weight': t([[2.0]]), 'bias': t([0.0])}, (t([3.0]),))""",
        gives="tensor([6.])"),
    Row(231, "forward_ad dual", r"""
        import torch.autograd.forward_ad as fw
        with fw.dual_level():
            d = fw.make_dual(t(3.0), t(1.0))
            y = d * d
            r = fw.unpack_dual(y)
        r""",
        gives="UnpackedDualTensor(primal=tensor(9.), tangent=tensor(6.))"),
]
