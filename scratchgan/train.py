"""The loop around `gan.train_step`: data in, and out comes a folder that tells the whole run.

    recipe.toml       everything that decides the run; training from it repeats it
    log.jsonl         one object a line: step, d_loss, g_loss, d_real, d_fake of that step, seconds since the start, and
                      what the doctor goes by (scratchgan.doctor.signals)
    samples/          000500.png: the samples after 500 steps, always from the same noise
    samples.png  curves.png  progress.gif
    modes.json        for densities with known modes: how many of them G reaches
    checkpoint.npz    what `assemble.restore` needs to sample, and what a later resume needs to go on
"""

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import assemble, checkpoint, plots
from .atomic import replacing, write_text
from .doctor.held_out import split
from .doctor.signals import Probe
from .doctor.watch import Watch
from .plots.density import POINTS
from .recipe import Recipe, to_toml

LOSSES = ("d_loss", "g_loss", "d_real", "d_fake")
MODE_SAMPLES = 2500  # as the papers count modes


class Diverged(RuntimeError):
    """A loss is not finite any more; the message names the step.  What the run had before is in its folder."""


@dataclass(frozen=True)
class Run:
    """What `train` returns: where the run is, the trained gan, its log (records as in log.jsonl) and how it ended."""

    folder: Path
    recipe: Recipe
    gan: Any
    log: list[dict[str, float]]
    seconds: float
    interrupted: bool
    modes: Any = None  # metrics.modes' report, for data whose modes are known
    findings: tuple[Any, ...] = ()  # what scratchgan.doctor found at the last look, the most causal first

    @property
    def files(self) -> list[str]:
        """What the run wrote, by name."""
        return sorted(path.name + "/" * path.is_dir() for path in self.folder.iterdir() if path.name[0] != ".")


def train(recipe: Recipe, out: str | Path | None = None, *, progress: bool = True, data: Any = None,
          on_start: Callable[[Recipe, Path, Any], None] | None = None) -> Run:
    """Train as the recipe says, and leave everything in the folder `out`.

    out        a folder that holds no run yet; None takes runs/<name>, or runs/<name>-2 and so on if that is taken
    progress   show a bar on stderr
    data       what to train on instead of recipe.data: a data set, a density, or an array of examples.  Unless it has
               the name of a known data set, the folder's recipe can then not repeat the run by itself, and says so
    on_start   is called with the recipe, the folder and the data when all is ready and the first step comes next

    Ctrl-C ends the training after the step at hand and saves everything; the result then says `interrupted`.  A second
    Ctrl-C stops at once, with the last checkpoint that was written.

    Raises FileExistsError if `out` holds a run, ValueError for data that cannot be read or do not fit the model, and
    Diverged as soon as a loss is not finite.
    """
    if out is not None:
        assemble.check_free(Path(out))
    recipe, data = assemble.load_data(recipe) if data is None else assemble.given_data(recipe, data)
    gan = assemble.build_gan(recipe, assemble.data_shape(data))
    data, held = split(recipe, data)
    stream = assemble.data_stream(recipe, data)
    folder = assemble.make_folder(out, recipe.name)
    write_text(folder / "recipe.toml", to_toml(recipe))
    if on_start is not None:
        on_start(recipe, folder, data)
    return _Loop(recipe, folder, gan, stream, data, held).run(progress)


class _Loop:
    """One run, from the first step to the last file."""

    def __init__(self, recipe, folder, gan, stream, data, held=None):
        self.recipe, self.folder, self.gan, self.stream, self.data = recipe, folder, gan, stream, data
        self.log, self.frames, self.step, self.start = [], [], gan.steps, time.perf_counter()
        self.log_file = None
        self.probe = Probe(gan, data=getattr(data, "x", None), held=held)
        self.watch = Watch(recipe.steps, recipe.loss)

    def run(self, progress: bool) -> Run:
        """Train, save, and say how it went."""
        (self.folder / "samples").mkdir(exist_ok=True)
        with (_CtrlC() as ctrl_c, open(self.folder / "log.jsonl", "a", encoding="utf-8") as self.log_file,
              _bar(self.recipe, progress) as bar, np.errstate(all="ignore")):  # a loss that overflows is found below
            interrupted = self.steps(ctrl_c, bar)
            bar.set_description("saving")
            self.finish()
            bar.set_description(self.recipe.name)
        return Run(self.folder, self.recipe, self.gan, self.log, time.perf_counter() - self.start, interrupted,
                   self.modes(), tuple(self.watch.found))

    def steps(self, ctrl_c, bar) -> bool:
        """Train to the last step; return whether Ctrl-C came before it."""
        recipe, losses = self.recipe, {}
        self.frame()
        while self.step < recipe.steps and not ctrl_c.pressed:
            if logged := (self.step + 1) % recipe.log_every == 0 or self.step + 1 == recipe.steps:
                self.probe.before()
            try:
                losses = self.gan.train_step(*self.batch())
            except KeyboardInterrupt:
                if ctrl_c.pressed:  # the second one: at once, and not saving a step done by half
                    raise
                ctrl_c.pressed = True
                break
            self.step += 1
            if wrong := [f"{key} = {losses[key]}" for key in LOSSES if not math.isfinite(losses[key])]:
                self.diverged(", ".join(wrong), losses)
            bar.set_description(recipe.name, refresh=False)
            bar.set_postfix_str("D loss {:.3f}  G loss {:.3f}  D(x) {:.2f}  D(G(z)) {:.2f}".format(
                *(losses[key] for key in LOSSES)), refresh=False)
            bar.update()
            if logged:
                self.record(losses)
                if (warning := self.watch.look(self.log)) and not bar.disable:
                    bar.write(f"{recipe.name}: {warning}", file=sys.stderr)
            if recipe.sample_every and self.step % recipe.sample_every == 0:
                self.frame()
            if recipe.checkpoint_every and self.step % recipe.checkpoint_every == 0:
                self.save()
        if losses and (not self.log or self.log[-1]["step"] != self.step):
            self.record(losses)
        return self.step < recipe.steps

    def batch(self) -> tuple:
        """What `train_step` takes: a batch, and its labels where the GAN wants them."""
        return self.stream.next_labelled() if self.gan.conditional else (self.stream.next(),)

    def record(self, losses) -> None:
        """Add a line to the log, and see that it is on its way to the disk."""
        extra = sorted(losses.keys() - set(LOSSES))                    # penalties, under names of their own
        numbers = {key: float(losses[key]) for key in (*LOSSES, *extra)}
        entry = {"step": self.step, **{key: value if math.isfinite(value) else None for key, value in numbers.items()},
                 "seconds": round(time.perf_counter() - self.start, 3), **self.probe.after()}
        self.log.append(entry)
        self.log_file.write(json.dumps(entry) + "\n")
        self.log_file.flush()

    def frame(self) -> None:
        """Draw the samples as they are now, once for each step, from the noise that all pictures of a run share."""
        self.check_weights()
        path = self.folder / "samples" / f"{self.step:06d}.png"
        if path not in self.frames:
            n = self.recipe.sample_grid if len(self.gan.data_shape) == 3 else POINTS
            assemble.draw_samples(path, self.gan, self.data, n=n, seed=self.recipe.seed,
                                  title=f"{self.recipe.name}, step {self.step:,}")
            self.frames.append(path)

    def save(self) -> None:
        """Write the checkpoint."""
        from . import __version__

        self.check_weights()
        arrays = {f"gan/{key}": value for key, value in self.gan.state().items()}
        arrays |= {f"stream/{key}": value for key, value in self.stream.state().items()}
        checkpoint.save(self.folder / "checkpoint.npz", arrays, {
            "recipe": to_toml(self.recipe), "step": self.step, "data_shape": tuple(self.gan.data_shape),
            "scratchgan": __version__})

    def finish(self) -> None:
        """Write what a run ends with, the most precious first."""
        self.save()
        self.frame()
        with replacing(self.folder / "samples.png") as file:
            file.write(self.frames[-1].read_bytes())
        self.curves_and_film()

    def curves_and_film(self) -> None:
        """Draw curves.png and progress.gif from what there is."""
        if self.log:
            plots.save_curves(self.folder / "curves.png", self.log, label_smoothing=self.recipe.label_smoothing,
                              loss=self.recipe.loss)
        if self.frames:
            plots.save_gif(self.folder / "progress.gif", self.frames)

    def check_weights(self) -> None:
        """Raise Diverged before a picture or a checkpoint is made of weights that are not finite."""
        for name, array in self.gan.state().items():
            if not np.isfinite(array).all():
                self.diverged(f"{name} is not finite")

    def diverged(self, wrong: str, losses=None) -> None:
        """Keep what was good, and raise Diverged.  The checkpoint stays the last good one."""
        if losses is not None:
            self.record(losses)
        self.curves_and_film()
        raise Diverged(f"training diverged at step {self.step:,}: {wrong}; the run up to there is in {self.folder}; "
                       f"lower learning rates (lr_g = {self.recipe.lr_g:g}, lr_d = {self.recipe.lr_d:g}) are the first "
                       "thing to try")

    def modes(self) -> Any:
        """Count the modes that G reaches, write modes.json and return the report; None if the data have none."""
        if not assemble.is_density(self.data) or getattr(self.data, "modes", None) is None:
            return None
        from .metrics.modes import mode_report

        report = mode_report(self.gan.sample(MODE_SAMPLES, seed=self.recipe.seed + 1), self.data)
        numbers = {key: None if value != value else value for key, value in asdict(report).items()}  # JSON has no nan
        write_text(self.folder / "modes.json", json.dumps(numbers) + "\n")
        return report


class _CtrlC:
    """Within the block, the first Ctrl-C only sets `pressed`; the second raises KeyboardInterrupt as usual."""

    def __enter__(self):
        self.pressed, self.before = False, None
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread handle signals
            self.before = signal.signal(signal.SIGINT, self.press)
        return self

    def press(self, signum, frame):
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True

    def __exit__(self, *exception):
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)


def _bar(recipe: Recipe, progress: bool):
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    return tqdm(total=recipe.steps, desc="starting", unit="step", disable=not progress, file=sys.stderr,
                mininterval=0.2 if terminal else 5, ascii=not terminal, dynamic_ncols=terminal)
