"""What is wrong with this training?  Training records a few signals, from which the doctor recognises typical faults.

    judge(from_records(log), name="mine")     a Diagnosis: findings with their numbers, likely causes first
    summary(findings)                         the first finding in one line; there must be one

`signals` defines what is measured, `rules` which numbers indicate which fault.  `scratchgan.runs.diagnose` diagnoses a
run's folder.
"""

from __future__ import annotations

from .finding import Finding
from .records import from_records
from .report import Diagnosis, judge, summary
from .rules import FAULTS, THRESHOLDS

__all__ = ["FAULTS", "THRESHOLDS", "Diagnosis", "Finding", "from_records", "judge", "summary"]
