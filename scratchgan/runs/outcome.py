"""How training ended: a finished or interrupted `Run`, or the error `Diverged`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..doctor.finding import Finding
from ..gan import GAN
from .recipe import Recipe

if TYPE_CHECKING:
    from ..metrics.modes import ModeReport
    from ..models.cycle import CycleGAN


class Diverged(RuntimeError):
    """A loss, gradient or weight is no longer finite; the message names the step and where this began.

    The folder keeps the results up to then, and the last checkpoint.
    """


@dataclass(frozen=True)
class Run:
    """What `train` returns: the run's folder, the trained gan, the log (records as in log.jsonl) and how it ended."""

    folder: Path
    recipe: Recipe
    gan: GAN | CycleGAN
    log: list[dict[str, float]]
    seconds: float
    interrupted: bool  # by Ctrl-C or SIGTERM, before its last step
    signal: int = 0  # which of the two, as a number; 0 for none
    modes: ModeReport | None = None  # metrics.modes' report, for data whose modes are known
    findings: tuple[Finding, ...] = ()  # of scratchgan.doctor's last check during training, likely causes first

    @property
    def files(self) -> list[str]:
        """Sorted names of the files and folders that the run wrote; those of folders end in /."""
        return sorted(path.name + "/" * path.is_dir() for path in self.folder.iterdir() if path.name[0] != ".")
