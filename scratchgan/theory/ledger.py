r"""The ledger: statements of theory, each with the number from theory and the number from the code.

    python -c "from scratchgan.theory.ledger import run; run()"

The code's number is computed with the package's own losses, layers, optimisers and metrics; the formula for theory's
number shares no code with them.  (Three rows, marked "integrated", compare integrals of this folder with closed forms.)
The rows are in `rows_loss` (the losses), `rows_optimal` (the best discriminator), `rows_distances` (the distances that
the losses estimate), `rows_dynamics` (the game as a dynamical system) and `rows_layers` (layers, penalties, optimisers,
metrics).
"""

from __future__ import annotations

from . import rows_distances, rows_dynamics, rows_layers, rows_loss, rows_optimal
from .one_thread import on_one_thread
from .row import LedgerRow


@on_one_thread
def ledger() -> list[LedgerRow]:
    """Compute all rows; takes some seconds, because discriminators are trained and eigenvalues computed.

    All random numbers have fixed seeds.
    """
    parts = (rows_loss, rows_optimal, rows_distances, rows_dynamics, rows_layers)
    return [row for part in parts for row in part.rows()]


def table(rows: list[LedgerRow]) -> str:
    """The rows as a text table with right-aligned numbers."""
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
    """Print the ledger and the number of rows that hold; return True if all do."""
    rows = ledger()
    held = sum(row.ok for row in rows)
    print(table(rows))
    print(f"\n{held} of {len(rows)} statements hold" + ("" if held == len(rows) else ": see FAILS above"))
    return held == len(rows)


def _show(value: complex) -> str:
    if isinstance(value, complex):
        return f"{value.real:.6f}{value.imag:+.6f}i"
    return f"{value:.6f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"
