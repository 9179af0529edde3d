"""Small functions with one impurity each, written once for gradc, PyTorch and jax.numpy."""

from impure_programs import containers, memory, objects, outside, training, values
from impure_programs.case import PROGRAMS, Case, Noticed

__all__ = ["PROGRAMS", "Case", "Noticed", "containers", "memory", "objects", "outside", "training", "values"]
