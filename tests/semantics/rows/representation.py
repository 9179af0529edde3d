"""Tensor repr."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(232, "leaf", r"""
        t([1.0, 2.0], requires_grad=True)""",
        gives="tensor([1., 2.], requires_grad=True)"),
    Row(233, "non-leaf", r"""
        t([1.0, 2.0], requires_grad=True) * 2""",
        gives="tensor([2., 4.], grad_fn=<MulBackward0>)"),
    Row(234, "sum", r"""
        t([1.0, 2.0], requires_grad=True).sum()""",
        gives="tensor(3., grad_fn=<SumBackward0>)"),
    Row(235, "float64 / int / bool / float16 / bf16 / complex", r"""
        [
            torch.ones(1, dtype=d)
            for d in (
                torch.float64,
                torch.int64,
                torch.int32,
                torch.bool,
                torch.float16,
                torch.bfloat16,
                torch.complex64,
                torch.uint8,
            )
        ]""",
        gives=("[tensor([1.], dtype=torch.float64), tensor([1]), tensor([1], dtype=torch.int32), tensor([True]), "
            "tensor([1.], dtype=torch.float16), tensor([1.], dtype=torch.bfloat16), tensor([1.+0.j]), tensor([1],"
            " dtype=torch.uint8)]")),
    Row(236, "scalar tensors", r"""
        (t(3), t(3.0), t(True), t(3.5), t(10000000000.0), t(1e-05), t(float('nan')), t(float('inf')))""",
        gives=("(tensor(3), tensor(3.), tensor(True), tensor(3.5000), tensor(1.0000e+10), tensor(1.0000e-05), "
            "tensor(nan), tensor(inf))")),
    Row(237, "mixed magnitude -> sci", r"""
        t([1.0, 1000.0, 100000.0])""",
        gives="tensor([1.0000e+00, 1.0000e+03, 1.0000e+05])"),
    Row(238, "large range", r"""
        t([1e-08, 1.0])""",
        gives="tensor([1.0000e-08, 1.0000e+00])"),
    Row(239, "integral floats print with '.'", r"""
        t([1.0, 2.0, 30.0])""",
        gives="tensor([ 1.,  2., 30.])"),
    Row(240, "4 decimals", r"""
        t([1 / 3, 2 / 3])""",
        gives="tensor([0.3333, 0.6667])"),
    Row(241, "2-D alignment", r"""
        t([[1.0, -2.0], [3.5, 4.0]])""",
        gives="""\
tensor([[ 1.0000, -2.0000],
        [ 3.5000,  4.0000]])"""),
    Row(242, "empty", r"""
        (torch.empty(0), torch.empty(2, 0), torch.empty(0, dtype=torch.int64))""",
        gives="(tensor([]), tensor([], size=(2, 0)), tensor([], dtype=torch.int64))"),
    Row(243, "summarised >1000 elements", r"""
        torch.arange(2000.0)""",
        gives="""\
tensor([0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 1.9970e+03, 1.9980e+03,
        1.9990e+03])"""),
    Row(244, "str() == repr()", r"""
        str(t([1.0])) == repr(t([1.0]))""",
        gives="True"),
    Row(245, "nn.Parameter repr", r"""
        nn.Parameter(t([1.0, 2.0]))""",
        gives="""\
Parameter containing:
tensor([1., 2.], requires_grad=True)"""),
    Row(246, "Size/dtype/device repr", r"""
        (torch.ones(2, 3).shape, torch.float32, torch.ones(1).device)""",
        gives="(torch.Size([2, 3]), torch.float32, device(type='cpu'))"),
    Row(247, "format spec only for 0-d", r"""
        (f'{t(3.14159):.2f}', '%s' % t(2.0), f'{t([1.0])}')""",
        gives="('3.14', 'tensor(2.)', 'tensor([1.])')"),
    Row(248, "format spec on 1-d", r"""
        f'{t([1.0, 2.0]):.2f}'""",
        raises="TypeError: unsupported format string passed to Tensor.__format__"),
    Row(249, "0-d requires-grad format", r"""
        f'{t(3.14159, requires_grad=True):.2f}'""",
        gives="'3.14'"),
]
