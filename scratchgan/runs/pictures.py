"""Pictures of a finished run, in addition to those that training itself writes."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..plots.base import save_figure
from ..plots.copies import neighbours
from ..plots.latent import interpolation
from ..plots.norms import gradient_norms, norms_of_log
from ..plots.player import MOST_FRAMES, animation_html
from ..plots.surfaces import surface

if TYPE_CHECKING:
    from .given import Given

ROWS = 8  # samples whose neighbours are drawn
PAIRS = 16  # examples of a net for pairs


def picture_run(
    run: str | Path,
    out: str | Path | None = None,
    *,
    seed: int = 1,
    data: "Given | str | Path | None" = None,
    say: Callable[[str], object] = warnings.warn,
) -> list[Path]:
    """Draw every picture that the run's data and log allow, and return the files written.

    pairs.png           runs on pairs: what is given, what the net makes of it and the truth, for held-out examples
    surface.png         runs on points in 1 or 2 dimensions: D's surface, and where G's loss moves the fakes
    interpolation.png   runs on images: from one latent vector z to another, on a straight line and on the sphere
    neighbours.png      runs on images: samples next to the training images nearest to them
    gradients.png       runs whose log has d_grads and g_grads: the norm of the gradient, layer by layer
    film.html           the pictures in samples/ as an animation with buttons, for a browser

    run    a run's folder, or its checkpoint file
    out    a folder for the pictures; default: the run's own
    seed   for the noise
    data   where the run's data are now (a name or a path), or the data themselves if they were given in Python
    say    called with a line for every picture that is left out, because the data are missing or have changed

    Raises FileNotFoundError if there is no checkpoint, ValueError if it cannot be used, if the run is a CycleGAN's, if
    `data` is not what it was trained on, or if `out` lies in its data.
    """
    from .build import restore
    from .paired_data import draw_pairs
    from .places import check_outside
    from .run_data import of_run, test_pairs

    folder = Path(run)
    gan, recipe = restore(folder)
    if gan.kind == "translations":
        raise ValueError(f"{run}: expected a run that makes samples, got a CycleGAN; see `scratchgan translate`")
    paired = gan.kind == "paired"
    out = Path(out) if out is not None else folder if folder.is_dir() else folder.parent
    check_outside(recipe, out)
    points = len(gan.data_shape) == 1
    found, missing = None, ""
    try:
        own = of_run(run, recipe, data=data)
        found, missing = (None, own.changed) if own.changed else (test_pairs(own) if paired else own.split()[0], "")
    except (ValueError, OSError) as error:
        if data is not None:
            raise
        missing = str(error)
    if missing:
        say(f"{'surface' if points else 'pairs' if paired else 'neighbours'}.png was left out: {missing}")
    out.mkdir(parents=True, exist_ok=True)
    title = f"{recipe.name} after {gan.steps:,} steps"
    written = []
    if found is not None and found.kind == "paired":
        draw_pairs(out / "pairs.png", gan, found, n=3 * PAIRS, seed=seed, title=f"{title}: held-out examples")
        written.append(out / "pairs.png")
    if not points and not paired:
        save_figure(interpolation(gan, seed=seed, title=title), out / "interpolation.png")
        written.append(out / "interpolation.png")
    if found is not None and found.kind == "examples" and not points:
        save_figure(neighbours(gan.sample(ROWS, seed=seed), found.x, title=title), out / "neighbours.png")
        written.append(out / "neighbours.png")
    elif (
        found is not None
        and found.kind in ("density", "examples")
        and (found.kind == "density" or gan.data_shape == (2,))
    ):
        real = found if found.kind == "density" else found.x
        save_figure(surface(gan, real, seed=seed, title=title), out / "surface.png")
        written.append(out / "surface.png")
    log = _log(folder / "log.jsonl")
    if any(record.get("d_grads") or record.get("g_grads") for record in log):
        save_figure(gradient_norms(*norms_of_log(log), title=recipe.name), out / "gradients.png")
        written.append(out / "gradients.png")
    frames = sorted((folder / "samples").glob("*.png"))[-MOST_FRAMES:]
    if frames:
        titles = [f"step {int(path.stem):,}" if path.stem.isdecimal() else path.stem for path in frames]
        animation_html(frames, titles, label=f"Samples of {recipe.name} during training").save(
            out / "film.html", title=title
        )
        written.append(out / "film.html")
    return written


def _log(path: Path) -> list[dict]:
    """The records of a log.jsonl; [] if there is no such file.  Raises ValueError for a line that is not an object."""
    if not path.is_file():
        return []
    try:
        return [dict(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: not a log: {error}") from None
