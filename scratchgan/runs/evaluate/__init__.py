r"""How good is a run?  Every metric that fits it, each between the same number for real data and for noise.

    evaluation = evaluate("runs/dcgan-mnist")       # also writes evaluation.json and evaluation.png into the folder
    print(evaluation)

Three rows of examples are held against the same n real ones, by the same code: n samples of the run, n *other* real
ones, and noise.  The second is the floor: what chance and the finite n alone make of a perfect generator.  The third is
what a generator scores that has learned nothing.  n counts: most metrics change with it, so compare runs with equal n.

What fits is decided by the data: `images` and `points` say what is computed of which.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...checks import positive_int
from ...data import Data, Dataset, Density
from ...gan import GAN
from .. import build
from ..recipe import Recipe
from .report import Evaluation
from .table import table

LEAST = 100  # examples: fewer say nothing, and k neighbours must exist


def evaluate(
    run: str | Path,
    *,
    n: int = 2000,
    seed: int = 1,
    data: Data | np.ndarray | None = None,
    held_out: np.ndarray | None = None,
    progress: bool = True,
    save: bool = True,
) -> Evaluation:
    """Measure the run in a folder, and write evaluation.json and evaluation.png into it.

    run        a run's folder, or its checkpoint.npz
    n          samples, and real examples to hold them against; at most half of the data set, whose other half is the
               floor (the evaluation says how many it took)
    seed       of the samples and of every random choice; the same seed gives the same numbers
    data       the data of a run that was trained on an array from Python; else they are loaded as its recipe says
    held_out   images of the same kind that the run was not trained on (M, H, W, C): for memorisation and membership.
               Data sets with a test part bring it along
    progress   show a bar on stderr
    save       False writes nothing

    Raises FileNotFoundError if there is no such run, ValueError if it cannot be read, if its data cannot be had or do
    not fit, for n below 100 and for samples that are not finite, and OSError if the folder cannot be written to.
    """
    n, seed = positive_int("evaluate", "n", n, least=LEAST), positive_int("evaluate", "seed", seed, least=0)
    gan, recipe = build.restore(run)
    if gan.kind == "translations":
        raise ValueError(
            f"{run}: a CycleGAN makes no samples of noise, so there is nothing to evaluate so; see "
            "benchmarks/cyclegan.py for how translations are judged"
        )
    data = _data(run, recipe, gan, data)
    if data.kind == "density" or len(gan.data_shape) == 1:
        from . import points

        prepared = points.prepare(gan, recipe, data, n=n, seed=seed)
    else:
        from . import images

        prepared = images.prepare(gan, recipe, data, n=n, seed=seed, held_out=held_out)
    measures = table(prepared.entries, prepared.candidates, seed=seed, progress=progress)
    name = Path(run).resolve()
    evaluation = Evaluation(
        title=f"{recipe.name} ({recipe.model} on {recipe.data}, {gan.steps:,} steps)",
        n=prepared.n,
        seed=seed,
        features=prepared.features,
        measures=tuple(measures),
        notes=tuple(prepared.notes),
        classes=prepared.classes,
    )
    if save:
        evaluation.save(name if name.is_dir() else name.parent, prepared.samples, prepared.real)
    return evaluation


def run(folder: str | Path, *, n: int = 2000, seed: int = 1, progress: bool = True, print=print) -> Evaluation:
    """`evaluate`, printed: what `scratchgan evaluate RUN` does."""
    evaluation = evaluate(folder, n=n, seed=seed, progress=progress)
    out = Path(folder) if Path(folder).is_dir() else Path(folder).parent
    print(evaluation)
    print(f"\nwrote {out / 'evaluation.json'} and {out / 'evaluation.png'}")
    return evaluation


def _data(run: str | Path, recipe: Recipe, gan: GAN, data: Data | np.ndarray | None) -> Dataset | Density:
    """What the run was trained on; ValueError if that cannot be, or is something else."""
    if data is None:
        try:
            _, data = build.load_data(recipe)
        except ValueError as error:
            raise ValueError(
                f"{run}: its data cannot be loaded ({error}); evaluate(run, data=...) takes them from Python"
            ) from None
    else:
        _, data = build.given_data(recipe, data)
    if data.kind == "pair":
        raise ValueError(f"{run}: expected one data set or a density, got the two of {data.name}")
    if data.example_shape != gan.data_shape:
        raise ValueError(f"{run}: makes samples of shape {gan.data_shape}, but the data have {data.example_shape}")
    if data.kind == "examples" and len(data) < 2 * LEAST:
        raise ValueError(
            f"{run}: expected at least {2 * LEAST} real examples to measure with, its data have {len(data)}"
        )
    return data
