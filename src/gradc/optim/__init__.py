"""Optimizers: torch.optim."""

from gradc.optim.adam import Adam, AdamW
from gradc.optim.optimizer import Optimizer
from gradc.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
