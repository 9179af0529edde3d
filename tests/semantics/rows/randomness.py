"""Randomness and determinism."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(322, "manual_seed reproducible", r"""
        torch.manual_seed(0)
        a = torch.rand(3)
        torch.manual_seed(0)
        (a, torch.equal(a, torch.rand(3)))""",
        gives="(tensor([0.4963, 0.7682, 0.0885]), True)"),
    Row(323, "Generator object", r"""
        g = torch.Generator().manual_seed(1)
        torch.rand(2, generator=g)""",
        gives="tensor([0.7576, 0.2793])"),
    Row(324, "get/set_rng_state", r"""
        s = torch.get_rng_state()
        a = torch.rand(1)
        torch.set_rng_state(s)
        torch.equal(a, torch.rand(1))""",
        gives="True"),
    Row(325, "fork_rng", r"""
        torch.manual_seed(0)
        with torch.random.fork_rng():
            torch.rand(1)
        a = torch.rand(1)
        torch.manual_seed(0)
        torch.equal(a, torch.rand(1))""",
        gives="True"),
    Row(326, "dropout scaling and grad mask", r"""
        torch.manual_seed(0)
        x = torch.ones(4, requires_grad=True)
        y = nn.functional.dropout(x, 0.5)
        y.sum().backward()
        (y, x.grad)""",
        gives="(tensor([0., 0., 2., 0.], grad_fn=<MulBackward0>), tensor([0., 0., 2., 0.]))"),
    Row(327, "dropout p out of range", r"""
        nn.functional.dropout(torch.ones(1), 1.5)""",
        raises="ValueError: dropout probability has to be between 0 and 1, but got 1.5"),
    Row(328, "bernoulli_ in place has zero grad", r"""
        x = torch.ones(2, requires_grad=True)
        torch.bernoulli(x).requires_grad""",
        gives="True"),
    Row(329, "use_deterministic_algorithms flag", r"""
        torch.use_deterministic_algorithms(True)
        a = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(False)
        a""",
        gives="True"),
]
