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
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .. import kernels, plots
from ..data import BatchStream, Data
from ..data.paired import Paired
from ..doctor.signals import Probe
from ..doctor.watch import Watch
from ..files import checkpoint
from ..files.atomic import replacing, sync, write_text
from ..files.console import argument
from ..gan import GAN
from ..plots.density import POINTS
from . import advice, build, places, run_data, start
from .facts import Facts
from .finite import bad_array, first_fault
from .folder import clean, cut_log, locked
from .given import Given
from .outcome import Diverged, Run
from .recipe import Recipe, to_toml
from .recipe import load as load_recipe
from .terminal import Stop, progress_bar, say_notes

if TYPE_CHECKING:
    from ..metrics.modes import ModeReport
    from ..models.cycle import CycleGAN

LOSSES = ("d_loss", "g_loss", "d_real", "d_fake")
MODE_SAMPLES = 2500  # the number that papers use to count modes


def train(
    recipe: Recipe | str | Path,
    out: str | Path | None = None,
    *,
    progress: bool = True,
    data: Given | str | Path | None = None,
    on_start: Callable[[Recipe, Path, Data], None] | None = None,
) -> Run:
    """Train as the recipe says, and write everything into the folder `out`.

    recipe     a Recipe, or what `recipe.load` takes: a name, a TOML file, a run's folder
    out        a folder that contains no run yet; default: runs/<name>, or runs/<name>-2 and so on if that exists
    progress   show a progress bar, and what should be known about the data, on stderr
    data       train on this instead of recipe.data: a name or path, a data set, a density, an array of examples, or
               (examples, labels).  Unless it is a known data set, the saved recipe cannot repeat the run by itself; its `data` key says so
    on_start   called as on_start(recipe, folder, data) before the first step

    Ctrl-C or SIGTERM ends training after the current step and saves everything; the result then has `interrupted` set,
    and `resume` continues from there.  A second Ctrl-C stops at once; the last checkpoint remains.

    A run that fails before its first step leaves nothing behind.
    Raises FileExistsError if `out` contains a run, folder.InUse if another process is writing to it, ValueError for
    data that cannot be read or do not fit the model, and Diverged as soon as a loss, gradient or weight is not finite.
    """
    recipe = start.located(load_recipe(recipe))
    if out is not None:
        build.check_free(Path(out))
    kernels.prepare()
    own = run_data.for_training(recipe, data)
    say_notes(own.data)
    recipe, (data, held) = own.recipe, own.split()
    places.check_outside(recipe, Path("runs") / recipe.name if out is None else out)
    gan, stream = build.gan_for(recipe, data), build.data_stream(recipe, data)
    remarks = [start.take_weights(gan, recipe), *own.remarks]
    with places.new_folder(out, recipe.name, begun=lambda: gan.steps > 0) as folder:
        write_text(folder / "recipe.toml", to_toml(recipe))
        if on_start is not None:
            on_start(recipe, folder, data)
        for remark in filter(None, remarks if progress else []):
            print(f"{recipe.name}: {remark}", file=sys.stderr)
        return Loop(recipe, folder, gan, stream, data, held, own.facts).run(progress)


def resume(
    folder: str | Path,
    *,
    progress: bool = True,
    steps: int | None = None,
    data: Given | str | Path | None = None,
    data_b: str | Path | None = None,
    on_start: Callable[[Recipe, Path, Data], None] | None = None,
) -> Run:
    """Continue a run from its last checkpoint, bit for bit as if it had never been stopped.

    steps      train to this step instead of the recipe's last one, which may have been reached
    data       where the data are now (a name or a path), or, if the run was trained on data that were given in Python,
               these data; default: where they were when the run began
    data_b     where the second domain of a CycleGAN is now
    others     as for `train`

    If the run is complete, only its final pictures are drawn again.  If it was stopped before its first checkpoint, it
    starts again.  A missing recipe.toml is restored from the checkpoint.

    Raises FileNotFoundError if there is no run, ValueError if its recipe, data or log are not those that the checkpoint
    was written with, folder.InUse if another process is writing to the folder, and otherwise as `train`.
    """
    folder = Path(folder)
    path = folder / "checkpoint.npz"
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such run; expected a run's folder, such as runs/dcgan-mnist")
    if not (folder / "recipe.toml").is_file() and not path.is_file():
        raise FileNotFoundError(f"{folder}: contains no recipe.toml; expected a run's folder, such as runs/dcgan-mnist")
    kernels.prepare()
    with locked(folder):
        clean(folder)
        begun = path.exists()
        arrays, meta = (
            checkpoint.load(path) if begun else checkpoint.Checkpoint({}, {"log_bytes": 0, "milliseconds": 0})
        )
        found = recipe = load_recipe(folder)  # from the checkpoint if there is no recipe.toml
        if begun:
            build.check_same_recipe(path, recipe, meta, free=() if steps is None else ("steps",))
        if steps is not None:
            recipe = start.longer(recipe, steps, folder, meta)
        own = run_data.of_run(folder, recipe, data=data, data_b=data_b, meta=meta, strict=True)
        recipe, (data, held) = own.recipe, own.split()
        gan, stream = build.gan_for(recipe, data), build.data_stream(recipe, data)
        if begun:
            build.load_states(path, arrays, gan, stream)
        else:
            start.take_weights(gan, recipe)
        loop = Loop(recipe, folder, gan, stream, data, held, own.facts)
        log = cut_log(folder / "log.jsonl", checkpoint.fact(meta, "log_bytes", int))
        loop.take_up(log, checkpoint.fact(meta, "milliseconds", int))
        if on_start is not None:
            on_start(recipe, folder, data)
        if begun and to_toml(recipe) != meta["recipe"]:
            loop.save()  # before recipe.toml, so that a kill between the two leaves a run that can be resumed
        if recipe != found or not (folder / "recipe.toml").exists():
            write_text(folder / "recipe.toml", to_toml(recipe))
        return loop.run(progress)


class Loop:
    """Trains one run, and writes all its files."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        gan: GAN | CycleGAN,
        stream: build.Stream,
        data: Data,
        held: np.ndarray | Paired | None,
        facts: Facts,
    ):
        self.recipe, self.folder, self.gan, self.stream, self.data = recipe, folder, gan, stream, data
        self.step, self.start = gan.steps, time.perf_counter()
        self.log: list[dict[str, Any]] = []
        self.frames: list[Path] = []
        self.log_file: BinaryIO | None = None
        self.log_bytes = 0
        self.saved = gan.steps if (folder / "checkpoint.npz").exists() else None
        self.facts = facts  # about the data, including held-out examples
        self.pictured = run_data.held_out_pairs(data, held) if data.kind == "paired" else data
        self.probe = Probe(
            gan,
            data=data.x if data.kind == "examples" else None,
            held=held if isinstance(held, np.ndarray) else None,
        )
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
                if self.gan.steps == 0:  # nothing is kept: see `train`
                    raise
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
        title = f"{self.recipe.name}, step {self.step:,}"
        names = build.class_names(self.recipe, self.data.classes)
        build.draw_samples(path, self.gan, self.pictured, n=n, seed=self.recipe.seed, title=title, names=names)

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
                **({"input_shape": tuple(self.gan.input_shape)} if self.gan.kind == "paired" else {}),
                "data": self.facts.sha256,
                "facts": self.facts.to_json(),
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
