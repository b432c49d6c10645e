"""One row of the ledger: a statement of theory, the number from theory, and the number from the code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..checks import one_of


@dataclass(frozen=True)
class LedgerRow:
    """One statement.

    topic       the group of rows that it belongs to
    statement   the statement, in one line
    source      where it is derived: an equation or a paper
    theory      the number from theory, real or complex
    code        the number that the package computes
    tolerance   the largest permitted `error`, >= 0
    relation    "=", or "<=" for "code is at most theory"

    Raises ValueError for another relation or a tolerance that is not a number >= 0.
    """

    topic: str
    statement: str
    source: str
    theory: complex
    code: complex
    tolerance: float
    relation: str = "="

    def __post_init__(self):
        one_of("LedgerRow", "relation", self.relation, ("=", "<="))
        if not self.tolerance >= 0:
            raise ValueError(f"LedgerRow: the tolerance must be at least 0, got {self.tolerance!r}")

    @property
    def error(self) -> float:
        """|code - theory|; for "<=", max(0, code - theory).  nan stays nan."""
        difference: Any = self.code - self.theory  # real where the relation is "<="
        return abs(difference) if self.relation == "=" or math.isnan(abs(difference)) else max(0.0, difference)

    @property
    def ok(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.error <= self.tolerance
