"""Optimizers and modules (user-visible parts)."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(333, "optimizer step without grads", r"""
        p = nn.Parameter(t([1.0]))
        o = torch.optim.SGD([p], lr=0.1)
        o.step()
        p""",
        gives="""\
Parameter containing:
tensor([1.], requires_grad=True)"""),
    Row(334, "optimizer of non-leaf", r"""
        x = t([1.0], requires_grad=True) * 1
        torch.optim.SGD([x], lr=0.1)""",
        raises="ValueError: can't optimize a non-leaf Tensor"),
    Row(335, "optimizer empty list", r"""
        torch.optim.SGD([], lr=0.1)""",
        raises="ValueError: optimizer got an empty parameter list"),
    Row(336, "optimizer given a tensor", r"""
        torch.optim.SGD(nn.Parameter(t([1.0])), lr=0.1)""",
        raises="TypeError: params argument given to the optimizer should be an iterable of Tensors or dicts"),
    Row(337, "optimizer state_dict", r"""
        p = nn.Parameter(t([1.0]))
        o = torch.optim.SGD([p], lr=0.1, momentum=0.9)
        p.sum().backward()
        o.step()
        o.state_dict()""",
        gives=("{'state': {0: {'momentum_buffer': tensor([1.])}}, 'param_groups': [{'lr': 0.1, 'momentum': 0.9, "
            "'dampening': 0, 'weight_decay': 0, 'nesterov': False, 'maximize': False, 'foreach': None, "
            "'differentiable': False, 'fused': None, 'params': [0]}]}")),
    Row(338, "load_state_dict mismatch", r"""
        nn.Linear(2, 1).load_state_dict({'weight': torch.ones(1, 3)})""",
        raises="RuntimeError: Error(s) in loading state_dict for Linear"),
    Row(339, "assign tensor to parameter slot", r"""
        m = nn.Linear(2, 1)
        m.weight = torch.ones(1, 2)""",
        raises="TypeError: cannot assign 'torch.FloatTensor' as parameter 'weight'"),
    Row(340, "clip_grad_norm_", r"""
        p = nn.Parameter(t([3.0, 4.0]))
        (p * p).sum().backward()
        n = nn.utils.clip_grad_norm_([p], 1.0)
        (n, p.grad)""",
        gives="(tensor(10.), tensor([0.6000, 0.8000]))"),
    Row(341, "module repr", r"""
        nn.Sequential(nn.Linear(2, 3), nn.ReLU())""",
        gives="""\
Sequential(
  (0): Linear(in_features=2, out_features=3, bias=True)
  (1): ReLU()
)"""),
]
