"""Control flow that depends on values: branches and loops as functions, eager and compiled, with gradients."""

from __future__ import annotations

from gradc.control.associative import associative_scan
from gradc.control.branches import cond
from gradc.control.loops import fori_loop, scan, while_loop

__all__ = ["associative_scan", "cond", "fori_loop", "scan", "while_loop"]
