"""NumPy's floating point warnings stay inside gradc, however the user has set them, and the user's settings stay."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
import gradc, gradc.quiet
{setting}
before = np.geterr()
t = gradc.tensor
x = t([0.0, -1.0, 1e30, float("inf")], requires_grad=True)
calls = [
    lambda: x.log(), lambda: x.exp(), lambda: x.sqrt(), lambda: x / x, lambda: x / 0.0, lambda: 1 / x,
    lambda: x * x * x, lambda: x - x, lambda: x ** -1.0, lambda: x.sum() - x.sum(), lambda: gradc.empty(0).mean(),
    lambda: x.softmax(0), lambda: x @ x, lambda: x.norm(), lambda: x.half(), lambda: x.var(), lambda: x.prod(),
    lambda: gradc.nn.functional.cross_entropy(x.reshape(2, 2), t([0, 1])), lambda: x.sigmoid(), lambda: x.cumsum(0),
]
for call in calls:
    for _ in range(4):  # directly, and through generated functions
        result = call()
        if result.requires_grad:
            result.sum().backward()
            x.grad = None
assert np.geterr() == before
try:
    np.log(np.zeros(1))
except (RuntimeWarning, FloatingPointError):
    print("the user's own NumPy still warns")
"""


@pytest.mark.parametrize("options, setting", [
    (["-W", "error"], ""),
    (["-W", "error"], "import warnings; warnings.simplefilter('error')"),
    ([], "np.seterr(all='raise')"),
])
def test_no_warning_of_numpy_reaches_the_user(options, setting):
    done = subprocess.run([sys.executable, *options, "-c", PROGRAM.format(setting=setting)], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the user's own NumPy still warns\n"
