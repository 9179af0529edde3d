"""Complex autograd."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(330, "gradient is conj Wirtinger (df/dz*)", r"""
        z = t(1.0 + 2j, requires_grad=True)
        (z * z.conj()).real.backward()
        z.grad""",
        gives="tensor(2.+4.j)"),
    Row(331, "abs of complex", r"""
        z = t(3.0 + 4j, requires_grad=True)
        z.abs().backward()
        z.grad""",
        gives="tensor(0.6000+0.8000j)"),
    Row(332, "real input via complex op gets real grad", r"""
        x = t(2.0, requires_grad=True)
        torch.complex(x, x).abs().backward()
        x.grad""",
        gives="tensor(1.4142)"),
]
