"""no_grad / enable_grad / inference_mode / set_grad_enabled."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(88, "no_grad result has no grad_fn", r"""
        x = t(3.0, requires_grad=True)
        with torch.no_grad():
            y = x * 2
        (y.requires_grad, y.grad_fn, torch.is_grad_enabled())""",
        gives="(False, None, True)"),
    Row(89, "enable_grad nests", r"""
        x = t(3.0, requires_grad=True)
        with torch.no_grad():
            with torch.enable_grad():
                y = x * 2
        y""",
        gives="tensor(6., grad_fn=<MulBackward0>)"),
    Row(90, "no_grad as decorator with and without call", r"""
        x = t(3.0, requires_grad=True)
        @torch.no_grad()
        def f(v):
            return v * 2
        @torch.no_grad
        def g(v):
            return v * 2
        (f(x), g(x))""",
        gives="(tensor(6.), tensor(6.))"),
    Row(91, "set_grad_enabled as function and context", r"""
        x = t(3.0, requires_grad=True)
        with torch.set_grad_enabled(False):
            y = x * 2
        a = y.requires_grad
        torch.set_grad_enabled(False)
        b = (x * 2).requires_grad
        torch.set_grad_enabled(True)
        (a, b)""",
        gives="(False, False)"),
    Row(92, "no_grad on generator function", r"""
        @torch.no_grad()
        def g():
            yield torch.is_grad_enabled()
            yield torch.is_grad_enabled()
        (list(g()), torch.is_grad_enabled())""",
        gives="([False, False], True)"),
    Row(93, "factory with requires_grad under no_grad", r"""
        with torch.no_grad():
            x = torch.ones(2, requires_grad=True)
        x""",
        gives="tensor([1., 1.], requires_grad=True)"),
    Row(94, "inference tensor in autograd", r"""
        with torch.inference_mode():
            c = torch.ones(2)
        x = torch.ones(2, requires_grad=True)
        (x * c).sum().backward()""",
        raises="RuntimeError: Inference tensors cannot be saved for backward"),
    Row(95, "in-place on inference tensor outside", r"""
        with torch.inference_mode():
            c = torch.ones(2)
        c.add_(1)""",
        raises="RuntimeError: Inplace update to inference tensor outside InferenceMode is not allowed."),
    Row(96, "requires_grad_ on inference tensor outside", r"""
        with torch.inference_mode():
            c = torch.ones(2)
        c.requires_grad_()""",
        raises="RuntimeError: Setting requires_grad=True on inference tensor outside InferenceMode is not allowed"),
    Row(97, "inference flags", r"""
        with torch.inference_mode():
            c = torch.ones(2)
            d = torch.is_inference_mode_enabled()
        (c.is_inference(), d)""",
        gives="(True, True)"),
    Row(98, "inference tensor version", r"""
        with torch.inference_mode():
            c = torch.ones(2)
        c._version""",
        raises="RuntimeError: Inference tensors do not track version counter"),
    Row(99, "view of leaf made in no_grad then modified in place", r"""
        x = torch.ones(2, requires_grad=True)
        with torch.no_grad():
            v = x[0]
        v.mul_(2)""",
        raises=("RuntimeError: A view was created in no_grad mode and is being modified inplace with grad mode "
            "enabled")),
]
