"""The tables of rewrite rules. Each line is a theorem that the test suite evaluates."""

from gradc.passes.rules.algebra import ALGEBRA
from gradc.passes.rules.constants import CONSTANTS
from gradc.passes.rules.shape import SHAPE
from gradc.passes.rules.stability import STABILITY

RULES = [rule for rule in (*ALGEBRA, *STABILITY, *SHAPE, *CONSTANTS) if not rule.fast]
"""The rules that are on by default."""

FAST = [rule for rule in (*ALGEBRA, *STABILITY, *SHAPE, *CONSTANTS) if rule.fast]
"""The rules that need fast-math: wrong for some infinities, nans or zeros."""

__all__ = ["ALGEBRA", "CONSTANTS", "FAST", "RULES", "SHAPE", "STABILITY"]
