"""gradcheck, anomaly, saved_tensors_hooks, checkpoint."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(195, "gradcheck passes in double", r"""
        torch.autograd.gradcheck(lambda x: x**3, (torch.rand(2, dtype=torch.double, requires_grad=True),))""",
        gives="True"),
    Row(196, "gradcheck wrong gradient", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * x
            @staticmethod
            def backward(ctx, g):
                return g
        torch.autograd.gradcheck(A.apply, (t([3.0], dtype=torch.double, requires_grad=True),))""",
        raises="GradcheckError: Jacobian mismatch for output 0 with respect to input 0"),
    Row(197, "gradcheck float32 warning", r"""
        torch.autograd.gradcheck(lambda x: x * 2, (t([1.0], requires_grad=True),))""",
        raises="GradcheckError: Jacobian mismatch for output 0 with respect to input 0",
        warns=("UserWarning: Input #0 requires gradient and is not a double precision floating point",)),
    Row(198, "gradcheck no input requires grad", r"""
        torch.autograd.gradcheck(lambda x: x * 2, (t([1.0]),))""",
        raises="ValueError: gradcheck expects at least one input tensor to require gradient"),
    Row(199, "gradcheck raise_exception=False", r"""
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return x * x
            @staticmethod
            def backward(ctx, g):
                return g
        x = t([3.0], dtype=torch.double, requires_grad=True)
        torch.autograd.gradcheck(A.apply, (x,), raise_exception=False)""",
        gives="False"),
    Row(200, "gradgradcheck", r"""
        torch.autograd.gradgradcheck(lambda x: x**3, (torch.rand(2, dtype=torch.double, requires_grad=True),))""",
        gives="True"),
    Row(201, "detect_anomaly nan", r"""
        x = t(-1.0, requires_grad=True)
        with ag.detect_anomaly():
            y = x.sqrt() * 0
            y.backward()""",
        raises="RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output",
        warns=("UserWarning: Anomaly Detection has been enabled", "UserWarning: Error detected in SqrtBackward0",)),
    Row(202, "detect_anomaly check_nan=False", r"""
        x = t(-1.0, requires_grad=True)
        with ag.detect_anomaly(check_nan=False):
            y = x.sqrt() * 0
            y.backward()
        x.grad""",
        gives="tensor(nan)",
        warns=("UserWarning: Anomaly Detection has been enabled",)),
    Row(203, "set_detect_anomaly flag", r"""
        ag.set_detect_anomaly(True)
        a = torch.is_anomaly_enabled()
        ag.set_detect_anomaly(False)
        a""",
        gives="True"),
    Row(204, "saved_tensors_hooks", r"""
        x = t(3.0, requires_grad=True)
        with ag.graph.saved_tensors_hooks(
            lambda v: (print('pack', v.item()), v)[1], lambda v: (print('unpack'), v)[1]
        ):
            y = x * x
        y.backward()
        x.grad""",
        gives="tensor(6.)",
        prints="""\
pack 3.0
pack 3.0
unpack
unpack"""),
    Row(205, "unpack hook returning wrong type", r"""
        x = t(3.0, requires_grad=True)
        with ag.graph.saved_tensors_hooks(lambda v: 'x', lambda v: 'y'):
            y = x.exp()
        y.backward()""",
        raises="TypeError: Output of saved tensor unpack_hook expected to be a Tensor but got result of type str"),
    Row(206, "save_on_cpu", r"""
        x = t(3.0, requires_grad=True)
        with ag.graph.save_on_cpu():
            y = x * x
        y.backward()
        x.grad""",
        gives="tensor(6.)"),
    Row(207, "disable_saved_tensors_hooks", r"""
        x = t(3.0, requires_grad=True)
        with ag.graph.disable_saved_tensors_hooks('not here'):
            with ag.graph.saved_tensors_hooks(lambda v: v, lambda v: v):
                pass""",
        raises="RuntimeError: not here"),
    Row(208, "checkpoint without use_reentrant", r"""
        from torch.utils.checkpoint import checkpoint
        x = t(3.0, requires_grad=True)
        y = checkpoint(lambda v: v * v * v, x)
        y.backward()
        x.grad""",
        gives="tensor(27.)",
        warns=("UserWarning: torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly",)),
    Row(209, "checkpoint non-reentrant recomputes", r"""
        from torch.utils.checkpoint import checkpoint
        x = t(3.0, requires_grad=True)
        y = checkpoint(lambda v: (print('run'), v.exp())[1], x, use_reentrant=False)
        print('bwd')
        y.backward()""",
        prints="""\
run
bwd
run"""),
    Row(210, "checkpoint non-deterministic forward", r"""
        from torch.utils.checkpoint import checkpoint
        n = [0]
        def f(v):
            n[0] += 1
            return v.exp() * v if n[0] == 1 else v.exp()
        x = t(3.0, requires_grad=True)
        checkpoint(f, x, use_reentrant=False).backward()""",
        raises="CheckpointError: torch.utils.checkpoint: A different number of tensors was saved"),
    Row(211, "checkpoint preserves RNG", r"""
        from torch.utils.checkpoint import checkpoint
        x = torch.ones(4, requires_grad=True)
        y = checkpoint(lambda v: nn.functional.dropout(v, 0.5), x, use_reentrant=False)
        y.sum().backward()
        (y.detach() == x.grad).all()""",
        gives="tensor(True)"),
    Row(212, "backward inside backward / in-place during checkpoint ok", r"""
        from torch.utils.checkpoint import checkpoint
        x = t(3.0, requires_grad=True)
        ag.grad(checkpoint(lambda v: v * v, x, use_reentrant=False), x, create_graph=True)""",
        gives="(tensor(6., grad_fn=<AddBackward0>),)"),
    Row(213, "allow_mutation_on_saved_tensors", r"""
        x = t([1.0, 2.0], requires_grad=True)
        with ag.graph.allow_mutation_on_saved_tensors():
            y = x.exp()
            z = y * 1
            y.mul_(0)
            z.sum().backward()
        x.grad""",
        gives="tensor([2.7183, 7.3891])"),
]
