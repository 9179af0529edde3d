"""The tables of rewrite rules. Each line is a theorem that the test suite evaluates."""

from gradc.passes.rules.algebra import ALGEBRA
from gradc.passes.rules.constants import CONSTANTS
from gradc.passes.rules.dimensions import DIMENSIONS
from gradc.passes.rules.logic import LOGIC
from gradc.passes.rules.reductions import REDUCTIONS
from gradc.passes.rules.shape import SHAPE
from gradc.passes.rules.stability import STABILITY
from gradc.passes.rules.strength import STRENGTH

_ALL = (*STABILITY, *STRENGTH, *ALGEBRA, *LOGIC, *REDUCTIONS, *SHAPE, *DIMENSIONS, *CONSTANTS)

RULES = [rule for rule in _ALL if not rule.fast]
"""The rules that are on by default."""

FAST = [rule for rule in _ALL if rule.fast]
"""The rules that need fast-math: wrong for some infinities, nans or zeros. `compile(passes=FAST)` switches them on."""

__all__ = ["ALGEBRA", "CONSTANTS", "DIMENSIONS", "FAST", "LOGIC", "REDUCTIONS", "RULES", "SHAPE", "STABILITY",
           "STRENGTH"]
