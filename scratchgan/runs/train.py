"""The loop around `gan.train_step`: it trains on the data and records the whole run in one folder.

    recipe.toml       everything that decides the run; training from it repeats the run
    log.jsonl         one JSON object per line: step, d_loss, g_loss, d_real, d_fake, seconds since the start, and the
                      signals that the doctor uses (scratchgan.doctor.signals)
    samples/          000500.png: the samples after 500 steps, always from the same latent vectors
    samples.png       the final samples
    curves.png        losses and outputs of D during training
    progress.gif      the pictures of samples/ as an animation
    modes.json        for densities with known modes: how many of them G reaches
    checkpoint.npz    the state that `build.restore` needs to make samples, and `resume` to continue the run

A run that was stopped (by Ctrl-C, by SIGTERM, by a kill at any moment) is continued by `resume`, and the result is bit
for bit the same as without the interruption: weights, log (except for the seconds), pictures.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .. import kernels, plots
from ..data import BatchStream, Data
from ..data.pairs import PairStream
from ..doctor.finding import Finding
from ..doctor.signals import Probe
from ..doctor.watch import Watch
from ..files import checkpoint
from ..files.atomic import replacing, sync, write_text
from ..files.console import argument
from ..gan import GAN
from ..plots.density import POINTS
from . import advice, build
from .finite import bad_array, first_fault
from .folder import checksum, clean, cut_log, locked
from .held_out import split
from .recipe import Recipe, to_toml
from .recipe import load as load_recipe
from .terminal import Stop, progress_bar, say_notes

if TYPE_CHECKING:
    from ..metrics.modes import ModeReport
    from ..models.cycle import CycleGAN

LOSSES = ("d_loss", "g_loss", "d_real", "d_fake")
MODE_SAMPLES = 2500  # the number that papers use to count modes


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


def train(
    recipe: Recipe,
    out: str | Path | None = None,
    *,
    progress: bool = True,
    data: Data | np.ndarray | None = None,
    on_start: Callable[[Recipe, Path, Data], None] | None = None,
) -> Run:
    """Train as the recipe says, and write everything into the folder `out`.

    out        a folder that contains no run yet; default: runs/<name>, or runs/<name>-2 and so on if that exists
    progress   show a progress bar on stderr
    data       train on this instead of recipe.data: a data set, a density, or an array of examples.  Unless it has the
               name of a known data set, the saved recipe cannot repeat the run by itself; its `data` key then says so
    on_start   called as on_start(recipe, folder, data) before the first step

    Ctrl-C or SIGTERM ends training after the current step and saves everything; the result then has `interrupted` set,
    and `resume` continues from there.  A second Ctrl-C stops at once; the last checkpoint remains.

    Raises FileExistsError if `out` contains a run, folder.InUse if another process is writing to it, ValueError for
    data that cannot be read or do not fit the model, and Diverged as soon as a loss, gradient or weight is not finite.
    """
    if out is not None:
        build.check_free(Path(out))
    kernels.prepare()
    recipe, data = build.load_data(recipe) if data is None else build.given_data(recipe, data)
    say_notes(data)
    gan, known = build.build_gan(recipe, data.example_shape), checksum(data)
    data, held = split(recipe, data)
    stream = build.data_stream(recipe, data)
    folder = build.make_folder(out, recipe.name)
    with locked(folder):
        write_text(folder / "recipe.toml", to_toml(recipe))
        if on_start is not None:
            on_start(recipe, folder, data)
        return Loop(recipe, folder, gan, stream, data, held, known).run(progress)


def resume(
    folder: str | Path,
    *,
    progress: bool = True,
    data: Data | np.ndarray | None = None,
    on_start: Callable[[Recipe, Path, Data], None] | None = None,
) -> Run:
    """Continue a run from its last checkpoint, bit for bit as if it had never been stopped.

    data       what the run was trained on, if this was passed to `train` as `data`
    others     as for `train`

    If the run is complete, only its final pictures are drawn again.  If it was stopped before its first checkpoint, it
    starts again.

    Raises FileNotFoundError if there is no run, ValueError if its recipe, data or log are not those that the checkpoint
    was written with, folder.InUse if another process is writing to the folder, and otherwise as `train`.
    """
    folder = Path(folder)
    if not (folder / "recipe.toml").is_file():
        raise FileNotFoundError(f"{folder}: contains no recipe.toml; expected a run's folder, such as runs/dcgan-mnist")
    kernels.prepare()
    with locked(folder):
        clean(folder)
        recipe = load_recipe(folder)
        path, arrays = folder / "checkpoint.npz", None
        meta: dict[str, Any] = {"log_bytes": 0, "milliseconds": 0}
        if path.exists():
            arrays, meta = checkpoint.load(path)
            build.check_same_recipe(path, recipe, meta)
        found, data = build.load_data(recipe) if data is None else build.given_data(recipe, data)
        if found != recipe:
            raise ValueError(f"{folder}: expected its data, {recipe.data}, got {found.data}")
        gan = build.build_gan(recipe, data.example_shape)
        known = checksum(data)
        if arrays is not None and meta.get("data") != known:
            raise ValueError(
                f"{folder}: the data {recipe.data} have changed since the run began (SHA-256 "
                f"{known[:12]}..., in the checkpoint {str(meta.get('data'))[:12]}...), so the run cannot be "
                "resumed: start a new one with another --out"
            )
        data, held = split(recipe, data)
        stream = build.data_stream(recipe, data)
        if arrays is not None:
            build.load_states(path, arrays, gan, stream)
        loop = Loop(recipe, folder, gan, stream, data, held, known)
        loop.take_up(cut_log(folder / "log.jsonl", meta["log_bytes"]), meta["milliseconds"])
        if on_start is not None:
            on_start(recipe, folder, data)
        return loop.run(progress)


class Loop:
    """Trains one run, and writes all its files."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        gan: GAN | CycleGAN,
        stream: BatchStream | PairStream,
        data: Data,
        held: np.ndarray | None,
        known: str,
    ):
        self.recipe, self.folder, self.gan, self.stream, self.data = recipe, folder, gan, stream, data
        self.step, self.start = gan.steps, time.perf_counter()
        self.log: list[dict[str, Any]] = []
        self.frames: list[Path] = []
        self.log_file: BinaryIO | None = None
        self.log_bytes = 0
        self.saved = gan.steps if (folder / "checkpoint.npz").exists() else None
        self.checksum = known  # of the data, including held-out examples
        self.probe = Probe(gan, data=data.x if data.kind == "examples" else None, held=held)
        self.watch = Watch(recipe.steps, recipe.loss, advice.of_data(recipe, data))

    def take_up(self, log: list[dict[str, Any]], milliseconds: int) -> None:
        """Restore what the run had at its checkpoint: the log's records, the pictures, the elapsed time."""
        self.start -= milliseconds / 1000
        for record in log:
            self.log.append(record)
            self.watch.look(self.log)
        for path in sorted((self.folder / "samples").glob("*.png")):
            step = int(path.stem) if path.stem.isdecimal() else -1
            if 0 <= step <= self.step and self.has_frame(step):
                self.frames.append(path)
            else:
                path.unlink()  # drawn after the checkpoint: it will be drawn again

    def run(self, progress: bool) -> Run:
        """Train up to the last step or a signal, write all files, and return the result."""
        (self.folder / "samples").mkdir(exist_ok=True)
        with (
            Stop() as stop,
            open(self.folder / "log.jsonl", "ab") as log_file,
            progress_bar(self.recipe, progress, self.step) as bar,
            np.errstate(all="ignore"),
        ):  # NumPy's warnings are off: `steps` checks for numbers that are not finite
            self.log_file, self.log_bytes = log_file, log_file.tell()
            try:
                interrupted = self.steps(stop, bar)
                bar.set_description("saving")
                self.finish(interrupted)
                bar.set_description(self.recipe.name)
                modes = self.modes()
            except OSError as error:  # such as a full disk, or a folder that was removed
                raise self.unwritable(error) from None
        return Run(
            self.folder,
            self.recipe,
            self.gan,
            self.log,
            time.perf_counter() - self.start,
            interrupted,
            stop.signal,
            modes,
            tuple(self.watch.found),
        )

    def steps(self, stop, bar) -> bool:
        """Train to the last step; return whether a signal stopped training before that."""
        recipe = self.recipe
        if self.has_frame(self.step):
            self.frame()
        if not (self.folder / "checkpoint.npz").exists():
            self.save()  # from now on, the run can be resumed after a kill at any moment
        while self.step < recipe.steps and not stop.signal:
            if logged := (self.step + 1) % recipe.log_every == 0 or self.step + 1 == recipe.steps:
                self.probe.before()
            losses = self.gan.train_step(*self.batch())
            self.step += 1
            if wrong := [f"{key} = {losses[key]}" for key in LOSSES if not math.isfinite(losses[key])]:
                self.diverged(", ".join(wrong), losses)
            if (where := bad_array(self.gan)) is not None:
                self.diverged(f"{where} is not finite", losses)
            bar.set_description(recipe.name, refresh=False)
            bar.set_postfix_str(
                "D loss {:.3f}  G loss {:.3f}  {mark}(x) {:.2f}  {mark}(G(z)) {:.2f}".format(
                    *(losses[key] for key in LOSSES), mark=self.gan.loss.symbol[0]
                ),
                refresh=False,
            )
            bar.update()
            if logged:
                self.record(losses)
                if (warning := self.watch.look(self.log)) and not bar.disable:
                    bar.write(f"{recipe.name}: {warning}", file=bar.fp)
            if recipe.sample_every and self.step % recipe.sample_every == 0:
                self.frame()
            if recipe.checkpoint_every and self.step % recipe.checkpoint_every == 0 and self.step < recipe.steps:
                self.save()
        return self.step < recipe.steps

    def unwritable(self, error: OSError) -> OSError:
        """The same error, with which checkpoint is safe and how to continue."""
        safe = "there is no checkpoint yet" if self.saved is None else f"the checkpoint of step {self.saved:,} is safe"
        return OSError(
            error.errno,
            f"{error.strerror or error} at step {self.step:,}; {safe}; when the problem is solved, "
            f"`scratchgan resume {argument(self.folder)}` continues the run",
            str(error.filename or self.folder),
        )

    def batch(self) -> tuple:
        """The arguments of `train_step`: a batch, and its labels if the GAN is conditional."""
        if self.gan.conditional and isinstance(self.stream, BatchStream):
            return self.stream.next_labelled()
        return (self.stream.next(),)

    def record(self, losses) -> None:
        """Add a line to the log, which `run` has opened, and flush it."""
        assert self.log_file is not None
        extra = sorted(losses.keys() - set(LOSSES))  # such as penalties
        numbers = {key: float(losses[key]) for key in (*LOSSES, *extra)}
        entry = {
            "step": self.step,
            **{key: value if math.isfinite(value) else None for key, value in numbers.items()},
            "seconds": round(time.perf_counter() - self.start, 3),
            **self.probe.after(),
        }
        line = (json.dumps(entry) + "\n").encode()
        try:
            self.log_file.write(line)
            self.log_file.flush()
        except OSError:  # such as a full disk: remove the incomplete line
            with contextlib.suppress(OSError):
                os.ftruncate(self.log_file.fileno(), self.log_bytes)
            raise
        self.log_bytes += len(line)
        self.log.append(entry)

    def frame(self) -> None:
        """Draw the current samples into samples/, unless this step has a picture; all pictures use the same noise."""
        path = self.folder / "samples" / f"{self.step:06d}.png"
        if path not in self.frames:
            self.draw(path)
            self.frames.append(path)

    def has_frame(self, step: int) -> bool:
        """Whether a run that is not interrupted draws a picture at this step."""
        every = self.recipe.sample_every
        return step in (0, self.recipe.steps) or (every > 0 and step % every == 0)

    def draw(self, path: Path) -> None:
        """Draw the current samples."""
        n = self.recipe.sample_grid if len(self.gan.data_shape) == 3 else POINTS
        build.draw_samples(
            path, self.gan, self.data, n=n, seed=self.recipe.seed, title=f"{self.recipe.name}, step {self.step:,}"
        )

    def save(self) -> None:
        """Write the checkpoint, after syncing the log to disk: a checkpoint must never be ahead of its log."""
        from .. import __version__

        if self.log_file is not None:
            sync(self.log_file.fileno())
        arrays = {f"gan/{key}": value for key, value in self.gan.state().items()}
        arrays |= {f"stream/{key}": value for key, value in self.stream.state().items()}
        checkpoint.save(
            self.folder / "checkpoint.npz",
            arrays,
            {
                "recipe": to_toml(self.recipe),
                "step": self.step,
                "data_shape": tuple(self.gan.data_shape),
                "data": self.checksum,
                "log_bytes": self.log_bytes,
                "milliseconds": int(1000 * (time.perf_counter() - self.start)),
                "scratchgan": __version__,
            },
        )
        self.saved = self.step

    def finish(self, interrupted: bool) -> None:
        """Write the checkpoint, samples.png, curves and animation.

        An interrupted run adds no picture to samples/ that an uninterrupted one would not have.
        """
        self.save()
        if interrupted and not self.has_frame(self.step):
            self.draw(self.folder / "samples.png")
        else:
            self.frame()
            with replacing(self.folder / "samples.png") as file:
                file.write(self.frames[-1].read_bytes())
        self.curves_and_film()

    def curves_and_film(self) -> None:
        """Draw curves.png from the log and progress.gif from the pictures in samples/, if there are any."""
        if self.log:
            plots.save_curves(
                self.folder / "curves.png", self.log, label_smoothing=self.recipe.label_smoothing, loss=self.recipe.loss
            )
        if self.frames:
            plots.save_gif(self.folder / "progress.gif", self.frames)

    def diverged(self, wrong: str, losses) -> None:
        """Record the step, draw the curves and raise Diverged.  The last good checkpoint is kept."""
        began = first_fault(self.gan)
        self.record(losses)
        self.curves_and_film()
        where = "" if began is None or began in wrong else f", first in {began}"
        raise Diverged(
            f"training diverged at step {self.step:,}: {wrong}{where}; the run up to this step is in "
            f"{self.folder}; first try lower learning rates (lr_g = {self.recipe.lr_g:g}, lr_d = "
            f"{self.recipe.lr_d:g})"
        )

    def modes(self) -> ModeReport | None:
        """Count the modes that G reaches, write modes.json and return the report; None if no modes are known."""
        if self.gan.kind != "samples" or self.data.kind != "density" or self.data.modes is None:
            return None
        from ..metrics.modes import mode_report

        report = mode_report(self.gan.sample(MODE_SAMPLES, seed=self.recipe.seed + 1), self.data)
        numbers = {key: None if value != value else value for key, value in asdict(report).items()}  # JSON has no nan
        write_text(self.folder / "modes.json", json.dumps(numbers) + "\n")
        return report
