"""Hooks."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(136, "tensor hook may replace the gradient", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        y.register_hook(lambda g: g * 10)
        y.backward()
        x.grad""",
        gives="tensor(60.)"),
    Row(137, "hooks run in registration order", r"""
        x = t(3.0, requires_grad=True)
        y = x * 1
        y.register_hook(lambda g: g + 1)
        y.register_hook(lambda g: g * 10)
        y.backward()
        x.grad""",
        gives="tensor(20.)"),
    Row(138, "hook returning None leaves grad", r"""
        x = t(3.0, requires_grad=True)
        h = x.register_hook(lambda g: print('g', g))
        (x * 2).backward()
        h.remove()
        x.grad = None
        (x * 2).backward()
        x.grad""",
        gives="tensor(2.)",
        prints="g tensor(2.)"),
    Row(139, "hook on non-requires-grad tensor", r"""
        t(1.0).register_hook(print)""",
        raises="RuntimeError: cannot register a hook on a tensor that doesn't require gradient"),
    Row(140, "hook returning wrong shape", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x.register_hook(lambda g: torch.ones(3))
        (x * 2).sum().backward()""",
        raises="RuntimeError: hook '<lambda>' has changed the size of value"),
    Row(141, "hook returning non tensor", r"""
        x = t([1.0, 2.0], requires_grad=True)
        x.register_hook(lambda g: 3)
        (x * 2).sum().backward()""",
        raises="TypeError: expected Variable, but hook returned 'int'"),
    Row(142, "leaf hook sees only this backward's gradient, before accumulation", r"""
        x = t(3.0, requires_grad=True)
        L = []
        x.register_hook(lambda g: L.append(g.item()))
        (x * x + x).backward()
        (x * x).backward()
        (L, x.grad)""",
        gives="([7.0, 6.0], tensor(13.))"),
    Row(143, "post-accumulate hook gets the parameter, must return None", r"""
        x = t(3.0, requires_grad=True)
        x.register_post_accumulate_grad_hook(lambda p: (print(p.grad.item()), p.grad.zero_()) and None)
        (x * x).backward()
        x.grad""",
        gives="tensor(0.)",
        prints="6.0"),
    Row(144, "post-accumulate hook returning something", r"""
        x = t(3.0, requires_grad=True)
        x.register_post_accumulate_grad_hook(lambda p: 3)
        (x * x).backward()""",
        raises="TypeError: expected Variable, but hook returned 'int'"),
    Row(145, "optimizer-in-backward with post-accumulate hook", r"""
        x = t(3.0, requires_grad=True)
        def h(p):
            with torch.no_grad():
                p -= 0.1 * p.grad
            p.grad = None
        x.register_post_accumulate_grad_hook(h)
        (x * x).backward()
        (x, x.grad)""",
        gives="(tensor(2.4000, requires_grad=True), None)"),
    Row(146, "exception inside a hook propagates unchanged", r"""
        x = t(3.0, requires_grad=True)
        def h(g):
            raise KeyError('boom')
        x.register_hook(h)
        (x * x).backward()""",
        raises="KeyError: 'boom'"),
    Row(147, "post-accumulate hook on non-leaf", r"""
        x = t(3.0, requires_grad=True)
        (x * 2).register_post_accumulate_grad_hook(print)""",
        raises="RuntimeError: post accumulate grad hooks cannot be registered on non-leaf tensors"),
    Row(148, "node hook (post)", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        y.grad_fn.register_hook(lambda gi, go: print(gi, go))
        y.backward()
        x.grad""",
        gives="tensor(6.)",
        prints="(tensor(3.), tensor(3.)) (tensor(1.),)"),
    Row(149, "node hook replacing grad_inputs", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        y.grad_fn.register_hook(lambda gi, go: tuple((g * 10 for g in gi)))
        y.backward()
        x.grad""",
        gives="tensor(60.)"),
    Row(150, "node prehook", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        y.grad_fn.register_prehook(lambda go: (go[0] * 100,))
        y.backward()
        x.grad""",
        gives="tensor(600.)"),
    Row(151, "module full backward hook", r"""
        m = nn.Linear(1, 1, bias=False)
        m.weight.data.fill_(2.0)
        m.register_full_backward_hook(lambda mod, gi, go: print(gi, go))
        m(torch.ones(1, 1, requires_grad=True)).sum().backward()""",
        prints="(tensor([[2.]]),) (tensor([[1.]]),)"),
    Row(152, "multi-grad hook", r"""
        a = t(1.0, requires_grad=True)
        b = t(2.0, requires_grad=True)
        ag.graph.register_multi_grad_hook([a, b], lambda gs: print(gs))
        (a * b).backward()""",
        prints="[tensor(2.), tensor(1.)]"),
    Row(153, "retain_grad sees the hook-modified grad", r"""
        x = t(3.0, requires_grad=True)
        y = x * x
        y.retain_grad()
        y.register_hook(lambda g: g * 10)
        y.backward()
        y.grad""",
        gives="tensor(10.)"),
    Row(154, "hook runs before in-place op: hook bound to the value at registration", r"""
        x = t(3.0, requires_grad=True)
        y = x * 1
        y.register_hook(lambda g: print('hook', g))
        y.mul_(5)
        y.backward()
        x.grad""",
        gives="tensor(5.)",
        prints="hook tensor(5.)"),
]
