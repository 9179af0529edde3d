"""print_saved: what backward reads, by line and in bytes."""

from __future__ import annotations

from typing import Any

import pytest

import gradc as torch
from gradc.errors import GradError
from gradc.inspect.saved import saved_values
from gradc.nn import functional as F


def network(x, w):
    h = F.gelu(x @ w)
    return F.softmax(h @ w.t(), dim=-1)


def operands() -> list[torch.Tensor]:
    return [torch.randn(8, 4, requires_grad=True), torch.randn(4, 16, requires_grad=True)]


def test_what_is_saved_is_printed_by_line(capsys: Any) -> None:
    torch.print_saved(network)(*operands())
    line = network.__code__.co_firstlineno
    assert capsys.readouterr().out.splitlines() == [
        "640 B are saved in 4 values",
        f"    512 B  test_saved.py:{line + 1}  h = F.gelu(x @ w)",
        "             matmul_0: f32[8, 16]",
        f"    128 B  test_saved.py:{line + 2}  return F.softmax(h @ w.t(), dim=-1)",
        "             softmax_0: f32[8, 4]",
        "      0 B  inputs",
        "             w: f32[4, 16]",
        "             x: f32[8, 4]"]


def test_what_is_printed_is_what_the_program_saves() -> None:
    f, given = torch.compile(network, fullgraph=True), operands()
    f(*given)
    found = saved_values(f)(*given)
    assert sorted(str(each.value) for each in found) == sorted(map(str, f.last.forward.saved_values))
    assert found.nbytes == 640


def test_nothing_saved_says_so() -> None:
    assert str(saved_values(lambda x: x + 1)(torch.ones(3, requires_grad=True))) == "nothing is saved"


def test_a_function_without_gradients_is_refused() -> None:
    with pytest.raises(GradError, match="no result of network requires grad"):
        torch.print_saved(network)(*[x.detach() for x in operands()])
