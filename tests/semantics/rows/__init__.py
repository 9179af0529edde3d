"""The 341 observed behaviours of PyTorch, as data."""

from __future__ import annotations

from rows import (
    backward,
    checking,
    complex_numbers,
    custom_functions,
    functional,
    grad_modes,
    gradients,
    graph_walking,
    hooks,
    in_place,
    leaves,
    promotion,
    randomness,
    representation,
    training,
)

GROUPS = [
    leaves, backward, gradients, grad_modes, in_place, hooks, graph_walking, custom_functions, checking, functional,
    representation, promotion, randomness, complex_numbers, training,
]
ROWS = [row for group in GROUPS for row in group.ROWS]
