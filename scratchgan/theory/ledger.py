r"""The ledger: statements of theory, the number that theory gives, and the number that the code gives.

    python -c "from scratchgan.theory.ledger import run; run()"

A row's code number comes out of the package's own losses, layers, optimisers and metrics; the formula beside it shares
nothing with them.  (Three rows hold this folder's integrals against closed forms: they say "integrated".)  Rows are
written in `rows_loss` (the game and its losses), `rows_dynamics` (the game as a dynamical system) and `rows_layers`
(layers, penalties, optimisers, metrics).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..checks import one_of
from .one_thread import on_one_thread


@dataclass(frozen=True)
class Row:
    """One statement.

    topic       a word to sort by
    statement   what holds, in one line
    source      where it is derived
    theory      the number that theory gives, real or complex
    code        the number that the package gives
    tolerance   what `error` may be, in the unit of the numbers, >= 0
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
        one_of("Row", "relation", self.relation, ("=", "<="))
        if not self.tolerance >= 0:
            raise ValueError(f"Row: the tolerance must be at least 0, got {self.tolerance!r}")

    @property
    def error(self) -> float:
        """|code - theory|; for "<=", by how much code is larger, 0 if it is not.  nan stays nan."""
        difference = self.code - self.theory
        return abs(difference) if self.relation == "=" or math.isnan(abs(difference)) else max(0.0, difference)

    @property
    def ok(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.error <= self.tolerance


@on_one_thread
def ledger() -> list[Row]:
    """All rows, computed now; some seconds, for a discriminator is trained and matrices are taken apart.

    Everything random in it has a fixed seed.
    """
    from . import rows_dynamics, rows_layers, rows_loss

    return [*rows_loss.rows(), *rows_dynamics.rows(), *rows_layers.rows()]


def table(rows: list[Row]) -> str:
    """The rows as text, numbers aligned on the right."""
    lines = [("statement", "theory", "", "code", "error", "tolerance", "")]
    topic = None
    for row in rows:
        if row.topic != topic:
            lines.append((f"-- {row.topic}", "", "", "", "", "", ""))
            topic = row.topic
        code = "<= " if row.relation == "<=" else ""
        lines.append((row.statement, _show(row.theory), code, _show(row.code), f"{row.error:.1e}",
                      f"{row.tolerance:.0e}", "holds" if row.ok else "FAILS"))
    width = [max(len(line[i]) for line in lines) for i in range(7)]
    return "\n".join(f"{a:<{width[0]}}  {t:>{width[1]}}  {r}{c:>{width[3] + width[2] - len(r)}}  {e:>{width[4]}}  "
                     f"{l:>{width[5]}}  {o}".rstrip() for a, t, r, c, e, l, o in lines)


def run(*, print=print) -> bool:
    """Print the ledger and how many rows hold; True if all do."""
    rows = ledger()
    held = sum(row.ok for row in rows)
    print(table(rows))
    print(f"\n{held} of {len(rows)} statements hold" + ("" if held == len(rows) else ": see FAILS above"))
    return held == len(rows)


def _show(value: complex) -> str:
    if isinstance(value, complex):
        return f"{value.real:.6f}{value.imag:+.6f}i"
    return f"{value:.6f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"
