"""Optimizers: torch.optim."""

from gradc.optim import lr_scheduler, swa_utils
from gradc.optim.adadelta import Adadelta
from gradc.optim.adafactor import Adafactor
from gradc.optim.adagrad import Adagrad
from gradc.optim.adam import Adam, AdamW
from gradc.optim.adamax import Adamax
from gradc.optim.asgd import ASGD
from gradc.optim.lbfgs import LBFGS
from gradc.optim.muon import Muon
from gradc.optim.nadam import NAdam
from gradc.optim.optax import Optax
from gradc.optim.optimizer import Optimizer
from gradc.optim.radam import RAdam
from gradc.optim.rmsprop import RMSprop
from gradc.optim.rprop import Rprop
from gradc.optim.sgd import SGD
from gradc.optim.sparse_adam import SparseAdam

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Muon", "NAdam", "Optax",
    "Optimizer", "RAdam", "RMSprop", "Rprop", "SparseAdam", "lr_scheduler", "swa_utils",
]
