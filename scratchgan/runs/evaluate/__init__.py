r"""How good is a run?  Every metric that fits it, each next to the value that real data and noise have.

    evaluation = evaluate("runs/dcgan-mnist")       # also writes evaluation.json and evaluation.png into the folder
    print(evaluation)

Three sets of n examples are compared with the same n real ones, by the same code: the run's samples, *other* real
examples, and noise.  The value of real examples is the floor: what a perfect generator would score with a finite n.
That of noise is what a generator scores that has learned nothing.  Most metrics depend on n, so compare runs with equal
n only.

The data decide which metrics fit: see `images` and `points`.  Nets that learned from pairs are measured on pairs that
were held out: see `paired`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...checks import positive_int
from ...data import Data, Dataset, Density
from ...data.paired import Paired
from ...gan import GAN
from .. import build, run_data
from ..given import Given
from .report import Evaluation
from .table import table

LEAST = 100  # examples: with fewer, the metrics are noisy
FEWEST = 50  # half of the data must have so many: k nearest neighbours must exist


def evaluate(
    run: str | Path,
    *,
    n: int = 2000,
    seed: int = 1,
    data: Given | str | Path | None = None,
    held_out: np.ndarray | None = None,
    progress: bool = True,
    save: bool = True,
) -> Evaluation:
    """Measure the run in a folder, and write evaluation.json and evaluation.png into it.

    run        a run's folder, or its checkpoint.npz
    n          number of samples, and of real examples to compare them with; it is reduced to half of the data set if
               that is smaller, because the other half is needed for the floor (the evaluation says so)
    seed       for the samples and every random choice; the same seed gives the same numbers
    data       where the run's data are now (a name or a path), or the data themselves if they were given in Python; by
               default they are loaded as its recipe says
    held_out   images (M, H, W, C) that the run was not trained on, for memorisation and membership inference; default:
               those that the run held out, or the test set of data sets that are downloaded
    progress   show a progress bar on stderr
    save       whether to write the two files

    If the data have changed since the run began, the evaluation says so, and does not ask what D remembers.
    Raises FileNotFoundError if there is no such run, ValueError if it cannot be read, if its data cannot be loaded, do
    not fit or are not those that `data` is said to be, for n below 100 and for samples that are not finite, and OSError if
    the folder cannot be written to.
    """
    n, seed = positive_int("evaluate", "n", n, least=LEAST), positive_int("evaluate", "seed", seed, least=0)
    gan, recipe = build.restore(run)
    if gan.kind == "translations":
        raise ValueError(
            f"{run}: expected a run that makes samples from noise, got a CycleGAN; for how translations are "
            "evaluated see benchmarks/cyclegan.py"
        )
    own = run_data.of_run(run, recipe, data=data)
    folder = Path(run).resolve()
    folder = folder if folder.is_dir() else folder.parent
    if gan.kind == "paired":
        from .of_pairs import evaluate_pairs

        of_pairs = evaluate_pairs(gan, recipe, own, n=n, seed=seed)
        if save:
            of_pairs.save(folder)
        return of_pairs
    kept, of_run = (own.data, None) if own.changed else own.split()
    assert not isinstance(of_run, Paired)  # only nets for pairs hold pairs out
    kept = _fitting(f"{run}: {own.changed}" if own.changed else run, gan, kept)
    if kept.kind == "density" or len(gan.data_shape) == 1:
        from . import points

        prepared = points.prepare(gan, recipe, kept, n=n, seed=seed, held_out=of_run)
    else:
        from . import images

        held_out = of_run if held_out is None else held_out
        prepared = images.prepare(gan, recipe, kept, n=n, seed=seed, held_out=held_out, changed=own.changed)
    if prepared.n < LEAST:
        prepared.notes.append(f"n is below {LEAST}: all numbers are noisy, compare only large differences")
    measures = table(prepared.entries, prepared.candidates, seed=seed, progress=progress)
    evaluation = Evaluation(
        title=f"{recipe.name} ({recipe.model} on {recipe.data}, {gan.steps:,} steps)",
        n=prepared.n,
        seed=seed,
        features=prepared.features,
        measures=tuple(measures),
        notes=(*([own.changed] if own.changed else []), *prepared.notes),
        classes=prepared.classes,
    )
    if save:
        evaluation.save(folder, prepared.samples, prepared.real)
    return evaluation


def run(
    folder: str | Path,
    *,
    n: int = 2000,
    seed: int = 1,
    data: str | None = None,
    progress: bool = True,
    print=print,
) -> Evaluation:
    """Call `evaluate` and print the result: the command `scratchgan evaluate RUN`."""
    evaluation = evaluate(folder, n=n, seed=seed, data=data, progress=progress)
    out = Path(folder) if Path(folder).is_dir() else Path(folder).parent
    print(evaluation)
    print(f"\nwrote {out / 'evaluation.json'} and {out / 'evaluation.png'}")
    return evaluation


def _fitting(run: str | Path, gan: GAN, data: Data) -> Dataset | Density:
    """The data.  Raises ValueError if they do not fit the GAN, or are too few."""
    if data.kind == "pair" or data.kind == "paired":
        raise ValueError(f"{run}: expected one data set or a density, got the pair {data.name}")
    if data.example_shape != gan.data_shape:
        raise ValueError(f"{run}: makes samples of shape {gan.data_shape}, but its data have {data.example_shape}")
    if data.kind == "examples" and len(data) < 2 * FEWEST:
        raise ValueError(
            f"{run}: expected at least {2 * FEWEST} real examples to compare with, its data have {len(data)}"
        )
    return data
