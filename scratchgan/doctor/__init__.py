"""What is wrong with this training?  A few signals are recorded; the doctor reads them, names the fault, and says why.

    judge(from_records(log), name="mine")     a Diagnosis: findings with their numbers, the most causal first
    summary(findings)                         one line, if there are any findings

`signals` says what is measured and how, `rules` which numbers mean which fault.  `scratchgan.runs.diagnose` does this for
a run's folder.
"""

from __future__ import annotations

from .finding import Finding
from .records import from_records
from .report import Diagnosis, judge, summary
from .rules import FAULTS, THRESHOLDS

__all__ = ["FAULTS", "THRESHOLDS", "Diagnosis", "Finding", "from_records", "judge", "summary"]
