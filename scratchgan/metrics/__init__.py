"""How good is it?  One idea a file; every metric states its floor and its ceiling.  The public names, nothing else."""

from .modes import ModeReport, mode_report

__all__ = ["ModeReport", "mode_report"]
