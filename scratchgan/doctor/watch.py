"""The same rules while training goes on: ten looks at the log so far, and a line when a fault first shows.

The beginning of a game is no fault: nothing but divergence is named within the first 30 % of the steps, and later only
what two looks in a row have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .finding import Finding
from .records import from_records
from .report import summary
from .rules import DIVERGENCE, findings

LOOKS = 10  # a look costs a few milliseconds
EARLY = 0.3  # of the steps


class Watch:
    """Follows one training of `steps` steps under a loss.

    found    what the last look saw, the most causal first
    """

    def __init__(self, steps: int, loss: str):
        self.steps, self.loss = steps, loss
        self.found: list[Finding] = []
        self._named: set[str] = set()
        self._next = 1  # the look that comes next, of LOOKS

    def look(self, log: Sequence[Mapping[str, Any]]) -> str | None:
        """A line about a fault that is new in the log so far, or None; most calls return at once."""
        step = log[-1]["step"]
        if step * LOOKS < self._next * self.steps:
            return None
        self._next = step * LOOKS // self.steps + 1
        before = {finding.fault for finding in self.found}
        self.found = findings(from_records(log, loss=self.loss))
        if not self.found or (first := self.found[0]).fault in self._named:
            return None
        early = step < EARLY * self.steps
        if first.fault != DIVERGENCE and (early or (first.fault not in before and step < self.steps)):
            return None
        self._named.update(finding.fault for finding in self.found)  # what follows from it is no news
        return f"step {step:,}: {summary(self.found)}"
