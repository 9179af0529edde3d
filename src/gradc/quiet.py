"""NumPy's floating point warnings, silenced where gradc computes: log(0) is -inf here, without comment, as in PyTorch.

Only warnings that NumPy attributes to gradc's modules and generated functions are ignored; NumPy's error state, and
what users see of their own NumPy code, stay as they are.
"""

from __future__ import annotations

import warnings

warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"gradc\.")

QUIET = (RuntimeWarning, FloatingPointError)
"""What NumPy raises where the user has made errors of its floating point warnings. gradc then computes once more with
them off."""
