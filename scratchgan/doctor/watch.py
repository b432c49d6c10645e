"""The same rules during training: the log is checked ten times, and a fault is reported when it is first recognised.

What happens early in a game is not yet a fault: within the first 30 % of the steps only divergence is reported, and
later only a fault that two checks in a row have found (at the last step, one check is enough).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .advice import Accepts
from .finding import Finding
from .records import from_records
from .report import summary
from .rules import DIVERGENCE, findings

LOOKS = 10  # checks per run; each takes a few milliseconds
EARLY = 0.3  # as a fraction of the steps


class Watch:
    """Watches one training run of `steps` steps with the loss called `loss`.

    accepts  which changes its recipe accepts: see `doctor.advice`

    found    the findings of the last check, likely causes first
    """

    def __init__(self, steps: int, loss: str, accepts: Accepts | None = None):
        self.steps, self.loss, self.accepts = steps, loss, accepts
        self.found: list[Finding] = []
        self._named: set[str] = set()
        self._next = 1  # number of the next check, up to LOOKS

    def look(self, log: Sequence[Mapping[str, Any]]) -> str | None:
        """Check the log so far if it is time; return one line about a newly recognised fault, or None."""
        step = log[-1]["step"]
        if step * LOOKS < self._next * self.steps:
            return None
        self._next = step * LOOKS // self.steps + 1
        before = {finding.fault for finding in self.found}
        self.found = findings(from_records(log, loss=self.loss), self.accepts)
        if not self.found or (first := self.found[0]).fault in self._named:
            return None
        early = step < EARLY * self.steps
        if first.fault != DIVERGENCE and (early or (first.fault not in before and step < self.steps)):
            return None
        self._named.update(finding.fault for finding in self.found)  # its consequences need not be reported either
        return f"step {step:,}: {summary(self.found)}"
