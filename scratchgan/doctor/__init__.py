"""What is wrong with this run?  Training writes down a few signals; the doctor reads them, names the fault, and why.

    diagnose("runs/mlp-ring")     a Diagnosis: findings with their numbers, the most causal first; nothing is written
    run("runs/mlp-ring")          the same, printed, with the picture RUN/doctor.png
    summary(run.findings)         one line for what `train` returns, if there are any

`signals` says what is measured and how, `rules` which numbers mean which fault.
"""

from __future__ import annotations

from pathlib import Path

from .finding import Finding
from .report import Diagnosis, diagnose, summary
from .rules import FAULTS, THRESHOLDS

__all__ = ["FAULTS", "THRESHOLDS", "Diagnosis", "Finding", "diagnose", "run", "summary"]


def run(folder: str | Path) -> Diagnosis:
    """Print the diagnosis of a run's folder, and draw it as doctor.png there.

    Raises as `diagnose` does, and OSError if the picture cannot be written.
    """
    from .picture import save_picture

    diagnosis = diagnose(folder)
    print(diagnosis)
    path = Path(folder) / "doctor.png"
    save_picture(path, diagnosis)
    print(f"\nwrote {path}")
    return diagnosis
