r"""The ledger: statements of theory, the number that theory gives, and the number that the code gives.

    python -c "from scratchgan.theory.ledger import run; run()"

A row's code number comes out of the package's own losses, layers, optimisers and metrics; the formula beside it shares
nothing with them.  (Three rows hold this folder's integrals against closed forms: they say "integrated".)  Rows are
written in `rows_loss` (the losses), `rows_optimal` (the best discriminator), `rows_distances` (what lies behind the
losses), `rows_dynamics` (the game as a dynamical system) and `rows_layers` (layers, penalties, optimisers, metrics).
"""

from __future__ import annotations

from . import rows_distances, rows_dynamics, rows_layers, rows_loss, rows_optimal
from .one_thread import on_one_thread
from .row import LedgerRow


@on_one_thread
def ledger() -> list[LedgerRow]:
    """All rows, computed now; some seconds, for a discriminator is trained and matrices are taken apart.

    Everything random in it has a fixed seed.
    """
    parts = (rows_loss, rows_optimal, rows_distances, rows_dynamics, rows_layers)
    return [row for part in parts for row in part.rows()]


def table(rows: list[LedgerRow]) -> str:
    """The rows as text, numbers aligned on the right."""
    lines = [("statement", "theory", "", "code", "error", "tolerance", "")]
    topic = None
    for row in rows:
        if row.topic != topic:
            lines.append((f"-- {row.topic}", "", "", "", "", "", ""))
            topic = row.topic
        code = "<= " if row.relation == "<=" else ""
        lines.append(
            (
                row.statement,
                _show(row.theory),
                code,
                _show(row.code),
                f"{row.error:.1e}",
                f"{row.tolerance:.0e}",
                "holds" if row.ok else "FAILS",
            )
        )
    width = [max(len(line[i]) for line in lines) for i in range(7)]
    return "\n".join(
        f"{a:<{width[0]}}  {t:>{width[1]}}  {r}{c:>{width[3] + width[2] - len(r)}}  {e:>{width[4]}}  "
        f"{l:>{width[5]}}  {o}".rstrip()
        for a, t, r, c, e, l, o in lines
    )


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
