"""One observed behaviour of PyTorch: a snippet and all that its user sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A row of the table of PyTorch's eager semantics, as observed on torch 2.13.0 on a CPU.

    `gives` is the repr of the last expression, memory addresses written 0xADDR; `prints` what went to stdout.
    `raises` is `Class: phrase`, the class or one of its bases and what the message must contain; `warns` likewise, for
    each warning in order. `differs` is a phrase of docs/differences.md that says why gradc does otherwise on purpose.
    `pending` marks a row that gradc does not honour yet.
    """

    number: int
    title: str
    code: str
    gives: str | None = None
    prints: str = ""
    raises: str | None = None
    warns: tuple[str, ...] = ()
    differs: str | None = None
    pending: bool = False
