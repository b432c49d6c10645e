"""From the records of a training run to a diagnosis, and the diagnosis as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from . import records
from .advice import Accepts, advice
from .finding import Finding
from .rules import DIVERGENCE, SATURATED, findings, limit

TITLES = {
    "divergence": "the training diverged",
    "dead units": "dead units: no gradient passes",
    "overfitting": "overfitting: D has memorised its examples",
    "D too weak": "D is too weak to teach G",
    "G's gradient vanished": "G's gradient vanished",
    "oscillation": "oscillation: the players chase each other",
    "mode collapse": "mode collapse",
    "D saturated": "D saturated: it has won, and G does not improve",
}


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found in a run.  `str()` gives the report.

    name         what was diagnosed, such as a run's folder
    findings     faults, likely causes first; () if none was recognised
    log          the log as columns
    missing      signals that the log does not have, for example because an older version wrote it
    not_judged   what could not be judged, and why
    notes        problems with the files; and how close G is to the data, if no fault was found
    """

    name: str
    findings: tuple[Finding, ...]
    log: records.Log
    missing: tuple[str, ...]
    not_judged: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether no fault was recognised in a log that is long enough to judge."""
        return not self.findings and len(self.log) >= limit("records")

    @property
    def title(self) -> str:
        """The first finding, or that there is none, as a title."""
        if self.findings:
            return TITLES[self.findings[0].fault]
        return "healthy: no fault recognised" if self.healthy else "too short to judge"

    def __str__(self) -> str:
        steps = self.log.steps
        lines = [f"{self.name}: {self.title} (steps {steps[0]:,} to {steps[-1]:,}, {len(steps):,} records)"]
        for number, finding in enumerate(self.findings, 1):
            since = "" if finding.since is None else f", since step {finding.since:,}"
            place = "" if len(self.findings) == 1 else " - the first cause" if number == 1 else " - may follow from 1"
            lines += ["", f"{number}. {finding.fault}{since}{place}"]
            lines += [f"   signal  {text}" for text in finding.evidence]
            if number == 1:  # advice against an effect could make its cause worse
                lines += [f"   {'try   ' if i == 0 else '      '}  {text}" for i, text in enumerate(finding.advice)]
        small = [("missing", f"the log has no {', '.join(self.missing)}: the rest was judged")] if self.missing else []
        small += [("not judged", text) for text in self.not_judged] + [("note", text) for text in self.notes]
        if small:
            lines += ["", *(f"{kind}: {text}" for kind, text in small)]
        return "\n".join(lines)


def judge(log: records.Log, *, name: str, notes: Sequence[str] = (), accepts: Accepts | None = None) -> Diagnosis:
    """Diagnose the training run that `log` records.  `name` and `notes` appear in the report.

    accepts   which changes the run's recipe accepts (see `doctor.advice`): no others are proposed
    """
    found = tuple(findings(log, accepts))
    missing = log.missing if log.broken is None else ()  # in a diverged run they are not missing, but not finite
    return Diagnosis(name, found, log, missing, tuple(_not_judged(log, accepts)), (*notes, *_progress(log, found)))


def _not_judged(log: records.Log, accepts: Accepts | None) -> list[str]:
    if log.broken is not None:
        return []
    texts = []
    if len(log) < limit("records"):
        return [
            f"all but divergence: {len(log)} records are too few, expected at least {limit('records'):g} (train "
            "longer, or with a lower log_every)"
        ]
    loss = log.facts
    if loss is not None and loss.needs_constraint:
        texts.append(
            f"{SATURATED}: with the loss {log.loss} a critic is meant to separate, and its loss has no minimum; "
            "C(x) and C(G(z)) are not probabilities"
        )
    elif loss is not None and not loss.gives_probability:
        texts.append(
            f"C(x) and C(G(z)): with the loss {log.loss} they are not probabilities; D is judged by how it ranks "
            "real samples and fakes"
        )
    if not log.has("memorised"):
        also = "" if log.has("copied") else "; and fakes are compared only with training sets of up to 500 examples"
        keep = advice("keeps some", "held_out?=100 | held_out?=10").within(accepts)
        texts.append(f"whether D has memorised its examples: none are held out{f' ({keep})' if keep else ''}{also}")
    return texts


def _progress(log: records.Log, found: Sequence[Finding]) -> list[str]:
    """How close G is to the data, for a run without a fault: even a balanced game may need many more steps."""
    apart, off = log.median("neighbour"), max(log.median("uncovered"), log.median("stray"))
    if found or len(log) < limit("records") or not math.isfinite(apart):
        return []
    where = f"nearest neighbours tell fakes from real samples in {apart:.0%} of cases (50 % is perfect)"
    if apart > limit("apart") and off > limit("uncovered"):
        return [
            f"the game is in balance, but G is not good yet: {where}, and the distance of fakes and data is "
            f"{off:.2f} (0: perfect, 1: all fakes in one place); try more steps, or larger nets"
        ]
    return [where]


def summary(found: list[Finding] | tuple[Finding, ...]) -> str:
    """The first finding in one line: fault, first evidence, first advice; and the names of the other faults."""
    first = found[0]
    rest = f" (and {', '.join(finding.fault for finding in found[1:])})" if len(found) > 1 else ""
    hint = "" if first.fault == DIVERGENCE or not first.advice else f"; try: {first.advice[0]}"
    return f"{first.fault}{rest}: {first.evidence[0]}{hint}"
