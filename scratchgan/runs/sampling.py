"""`scratchgan sample`: samples of a run as a picture or as an array, of all classes or of one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..data.limits import check_fits
from ..files.atomic import replacing
from . import build
from .facts import read_facts
from .keys import nearest
from .places import check_outside
from .run_data import read_meta

MOST_NAMES = 12  # of classes in a message


def sample_run(
    run: str | Path, *, n: int, seed: int, label: str | None = None, out: str | Path | None = None
) -> tuple[list[Path], str]:
    """Make exactly n samples of a run and write them; return (the files written, what to say about them).

    label   a class by its name or number, for a conditional GAN; default: all classes in turn, 0, 1, ...
    out     a .png file, on several pages if one is too small, or a .npy file, next to which the labels of a
            conditional GAN are written as STEM-labels.npy; default: RUN/sample-nN-seedS.png

    Raises ValueError for a CycleGAN, for a label that does not exist, and if `out` lies in the run's data.
    """
    from ..data.toy import TOY
    from ..plots import save_grid

    run = Path(run)
    gan, recipe = build.restore(run)
    if gan.kind == "translations":
        raise ValueError(f"{run}: a CycleGAN translates images, it makes none from noise; try scratchgan translate")
    if gan.kind == "paired":
        doors = "scratchgan inpaint" if recipe.degrade == "holes" else "scratchgan translate or scratchgan enhance"
        raise ValueError(f"{run}: makes images from images, and none from noise; try {doors}")
    facts = read_facts(read_meta(run))
    names = build.class_names(recipe, facts.classes if facts is not None else ())
    number, of_class, slug, remark = None, "", "", ""
    if label is not None:
        if not gan.conditional:
            raise ValueError(f"argument --label: {run} is not a conditional GAN, so its samples have no labels")
        number, remark = class_number(label, gan.classes, names)
        named = f' ("{names[number]}")' if names is not None else ""
        of_class = f" of label {number}{named}"
        slug = f"-label{label}" if re.fullmatch(r"[\w.+-]{1,40}", label) else f"-class{number}"
    path = Path(out) if out else (run if run.is_dir() else run.parent) / f"sample{slug}-n{n}-seed{seed}.png"
    check_outside(recipe, path.parent)
    check_fits((n, *gan.data_shape), f"{n:,} samples")
    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"{recipe.name} after {gan.steps:,} steps: {n} samples, seed {seed}"
    if path.suffix == ".npy":
        paths = _save_arrays(path, gan, n, seed, number)
    elif number is not None:
        save_grid(path, gan.sample(n, seed=seed, labels=np.full(n, number)), f"{title}, label {label}")
        paths = [path]
    else:
        density = TOY[recipe.data]() if recipe.data in TOY else None
        paths = build.draw_samples(path, gan, density, n=n, seed=seed, title=title, names=names, every=True)
    return paths, f"{n:,} samples{of_class}, seed {seed}, from {run} after {gan.steps:,} steps{remark}"


def class_number(label: str, classes: int, names: Sequence[str] | None) -> tuple[int, str]:
    """(the number of the class that `label` means, what should be said about it).

    It is a name or a number from 0; if a name is itself a number, the name counts.
    Raises ValueError, with the classes there are, if it is neither.
    """
    number = int(label) if re.fullmatch("[0-9]{1,9}", label) else -1
    if names is not None and label in names:
        named = list(names).index(label)
        if number == named or not 0 <= number < classes:
            return named, ""
        return named, f'; "{label}" is taken as a name, class number {label} is called "{names[number]}"'
    if 0 <= number < classes:
        return number, ""
    if names is None:
        raise ValueError(f"argument --label: expected 0 to {classes - 1}, got {label}")
    known = ", ".join(map(str, names[:MOST_NAMES])) + (", ..." if len(names) > MOST_NAMES else "")
    hint = nearest(label, names)
    hint = hint if "did you mean" in hint else ""
    raise ValueError(
        f'argument --label: expected the name of a class ({known}) or its number, 0 to {classes - 1}; got "{label}"{hint}'
    )


def _save_arrays(path: Path, gan, n: int, seed: int, number: int | None) -> list[Path]:
    """Write samples, and their labels if the GAN is conditional."""
    labels = None
    if gan.conditional:
        labels = np.arange(n) % gan.classes if number is None else np.full(n, number)
    arrays = {path: gan.sample(n, seed=seed) if labels is None else gan.sample(n, seed=seed, labels=labels)}
    if labels is not None:
        arrays[path.with_name(f"{path.stem}-labels.npy")] = labels
    for target, array in arrays.items():
        with replacing(target) as file:
            np.save(file, array, allow_pickle=False)
    return list(arrays)
