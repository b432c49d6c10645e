"""From a recipe to the parts of a run (data, GAN, folder), and from the folder back to the GAN and its pictures.

All randomness is derived from recipe.seed: the GAN spawns its random generators from it, and the order of the data
comes from SeedSequence(seed, spawn_key=(1000,)), which the GAN does not use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .. import plots
from ..data import BatchStream, Data, Dataset
from ..data.paired import PairedStream
from ..data.pairs import Pair, PairStream
from ..files import checkpoint
from ..files.arrays import one_line
from ..game import Game
from ..gan import GAN
from ..models import build
from ..models.training import game
from ..plots.density import PointCloud, save_density, save_points
from ..plots.translations import MOST_COLUMNS, save_translations
from .given import Given, named_data, no_sizes
from .keys import GIVEN, as_text, parse
from .limits import at_most
from .paired_data import draw_pairs, of_input, read_pairs
from .recipe import KEYS, Recipe, base, default, from_dict, options

if TYPE_CHECKING:
    from ..models.cycle import CycleGAN

Stream: TypeAlias = BatchStream | PairStream | PairedStream
FREE = ("name", "description", "data", "data_b")  # keys that may change while a run is stopped
DATA_BRANCH = 1000  # spawn_key for the order of the data, far from the 0, 1, 2, ... that `spawn` uses


def load_data(recipe: Recipe) -> tuple[Recipe, Data]:
    """Load recipe.data; return it with the recipe, in which a path is made absolute and `classes` is filled in.

    The absolute path lets the run be repeated from any working directory.
    Raises ValueError (one line) for data that are unknown, cannot be read, or do not fit the recipe.
    """
    return with_classes(*read_data(recipe))


def read_data(recipe: Recipe, *, strict: bool = True) -> tuple[Recipe, Data]:
    """As `load_data`, with the labels that the data themselves have, and `classes` left as it is.

    strict     refuse sizes for points, which older versions ignored
    """
    from ..data import TOY, load, names

    if recipe.data.endswith(GIVEN):
        raise ValueError(
            f'data = "{recipe.data}": they were given in Python; pass them again (data=...), or say where they are '
            "now (--data FILE)"
        )
    path = Path(recipe.data).expanduser()
    if recipe.data not in names() and path.exists():
        recipe = replace(recipe, data=str(path.resolve()))
    if base(recipe.model) == "cyclegan":
        return _load_pair(recipe)
    if base(recipe.model) == "paired":
        return read_pairs(recipe, _read_alone)
    if recipe.data in TOY:
        if strict and base(recipe.model) == "mlp":
            no_sizes(recipe, recipe.data)
        return recipe, load(recipe.data)  # points have no size or channels
    size, channels = recipe.image_size or None, recipe.channels or None
    data = load(recipe.data, image_size=size, channels=channels, ground=recipe.ground)
    if data.kind == "examples" and recipe.ground == "auto" and data.ground not in ("", "black"):
        recipe = replace(recipe, ground=data.ground)  # translate and evaluate must choose the same one
    return recipe, data


def _read_alone(recipe: Recipe) -> tuple[Recipe, Data]:
    """recipe.data as one data set, and the recipe with its absolute path and its ground."""
    alone: dict[str, Any] = {"model": "dcgan", "degrade": "none", "side_by_side": "none", "flip": False}
    one, data = read_data(replace(recipe, **alone))
    return replace(recipe, data=one.data, ground=one.ground), data


def _load_pair(recipe: Recipe) -> tuple[Recipe, Data]:
    """Both domains of a CycleGAN, as a Pair."""
    from ..data.limits import DataError

    if not recipe.data_b:
        raise ValueError('model "cyclegan" needs a second domain: set data_b')
    domains: list[Dataset] = []
    for key in ("data", "data_b"):
        one, data = _read_alone(replace(recipe, data=getattr(recipe, key)))
        if one.ground != recipe.ground and domains:
            return _load_pair(replace(recipe, ground=one.ground))  # one ground for both domains
        recipe = replace(recipe, ground=one.ground)
        if data.kind != "examples" or len(data.example_shape) != 3:
            raise ValueError(f'{key} = "{getattr(recipe, key)}": a CycleGAN translates images, but these are points')
        recipe = replace(recipe, data=one.data) if key == "data" else replace(recipe, data_b=one.data)
        domains.append(data)
    try:
        return recipe, Pair(domains[0], domains[1], name=f"{Path(recipe.data).name} and {Path(recipe.data_b).name}")
    except DataError as error:
        raise ValueError(f"{error}; set image_size and channels to give both the same shape") from None


def with_classes(recipe: Recipe, data: Data) -> tuple[Recipe, Data]:
    """The recipe with `classes` set from the data, and the data with the labels that the GAN is given.

    Labels that do not occur get no class, unless recipe.classes leaves room for them: the others are numbered anew, and
    their old numbers become their names.
    Raises ValueError if the recipe needs labels and the data have none, only one, or more than recipe.classes.
    """
    if recipe.condition == "none":
        return recipe, data
    found = data.n_classes
    if recipe.condition == "codes":
        most = KEYS["classes"].metadata["high"]
        return replace(recipe, classes=recipe.classes or (found if 1 < found <= most else 0) or 10), data
    if not found or data.kind != "examples" or data.labels is None:
        raise ValueError(
            f'condition = "{recipe.condition}" needs labels, but "{data.name}" has none: use a folder with '
            'one sub-folder per class, or an .npz file with an array "labels"'
        )
    present = np.unique(data.labels)
    names = [data.classes[k] if k < len(data.classes) else str(k) for k in present.tolist()]
    if len(present) < 2:
        raise ValueError(
            f'condition = "{recipe.condition}" needs at least 2 classes, but "{data.name}" has only one: '
            f'"{names[0]}"; add another, or train without labels (condition=none)'
        )
    if len(present) < found and recipe.classes in (0, len(present)):
        data = replace(data, labels=np.searchsorted(present, data.labels), classes=tuple(names))
        found = len(present)
    if recipe.classes and recipe.classes < found:
        raise ValueError(f"classes = {recipe.classes}: {data.name} has {found} classes; expected {found} or more, or 0")
    if found > KEYS["classes"].metadata["high"]:
        raise ValueError(f"{data.name} has {found:,} classes; expected at most {KEYS['classes'].metadata['high']:,}")
    return replace(recipe, classes=recipe.classes or found), data


def class_names(recipe: Recipe, names: Sequence[str]) -> list[str] | None:
    """A name for each of the GAN's classes, from those in the data; None if classes are only numbers.

    Codes are categories that the GAN finds itself: names in the data are not theirs.
    """
    if recipe.condition in ("none", "codes") or not names:
        return None
    return [*names, *map(str, range(len(names), recipe.classes))]


def given_data(recipe: Recipe, data: Given) -> tuple[Recipe, Data]:
    """Data that were given in Python, as a data set, and the recipe with their origin and `classes`.

    data       an array of images (N, H, W, C) in [-1, 1] or points (N, D); (examples, labels); for a CycleGAN (images
               of A, images of B); or a data set, a density, a pair, which is returned as it is unless labels are missing
    Images are resized and converted to the recipe's image_size and channels, as those of files are.
    Raises ValueError for what cannot be a data set, and for points if the recipe has sizes.
    """
    return with_classes(*named_data(recipe, data))


def data_stream(recipe: Recipe, data: Data) -> Stream:
    """Return the endless stream of batches, in an order that depends only on recipe.seed."""
    rng = np.random.default_rng(np.random.SeedSequence(recipe.seed, spawn_key=(DATA_BRANCH,)))
    if data.kind == "pair":
        return PairStream(data.a, data.b, recipe.batch_size, rng=rng)
    if data.kind == "paired":
        return PairedStream(data, recipe.batch_size, rng=rng, flip=recipe.flip)
    return BatchStream(data, recipe.batch_size, rng=rng)


def gan_for(recipe: Recipe, data: Data) -> Any:
    """Build the untrained GAN of a recipe for its data; errors as of `build_gan`."""
    return build_gan(recipe, data.example_shape, data.input_shape if data.kind == "paired" else None)


def build_gan(recipe: Recipe, shape: Sequence[int], given: Sequence[int] | None = None) -> Any:
    """Build the untrained GAN of a recipe for examples of `shape`: (H, W, C) or (D,).

    given     the shape (h, w, Cx) of what a net for pairs is given; default: what the recipe's `degrade` implies

    Raises ValueError if the model cannot make such examples, or if the recipe sets a key that the model ignores.
    """
    taken, shape = options(recipe.model), tuple(int(n) for n in shape)
    for key in ("condition", "minibatch", *signature(game).parameters):  # the keys that change the game
        if key in KEYS and key not in taken and "when" not in KEYS[key].metadata:
            if (value := getattr(recipe, key)) != default(key, recipe.model):
                raise ValueError(f'{key} = {as_text(value)} has no effect with model = "{recipe.model}": leave it out')
    settings = {key: getattr(recipe, key) for key in taken} | {"total_steps": recipe.steps}
    if (
        recipe.penalty != "none"
        and settings.get("d_norm") == "batch"
        and recipe.condition not in ("auxiliary", "codes")
    ):
        raise ValueError(
            f'penalty = "{recipe.penalty}": a gradient penalty cannot go through BatchNorm, with which each output of D '
            'depends on the whole batch: also set d_norm = "layer" or "none"'
        )
    if base(recipe.model) == "mlp":
        return build(recipe.model, **{**settings, "data_shape": shape})
    if len(shape) != 3:
        raise ValueError(
            f'model "{recipe.model}" makes images, but "{recipe.data}" holds points of shape {shape}: use model = "mlp"'
        )
    if shape[0] != shape[1]:
        raise ValueError(
            f'model "{recipe.model}" makes square images, but those of "{recipe.data}" are {shape[0]} x '
            f"{shape[1]}: set image_size"
        )
    if base(recipe.model) == "cyclegan":
        if settings["lr_g"] != settings["lr_d"]:
            raise ValueError(
                f"lr_d = {recipe.lr_d:g}: all nets of a CycleGAN share one learning rate; expected the same as "
                f"lr_g = {recipe.lr_g:g}"
            )
        settings["lr"] = settings.pop("lr_g")
        del settings["lr_d"]
    if base(recipe.model) == "paired":
        settings |= of_input(recipe, shape, given)
    return build(recipe.model, **{**settings, "image_size": shape[0], "channels": shape[2]})


def check_free(folder: Path) -> None:
    """Raise FileExistsError if `folder` contains a run, NotADirectoryError if it is a file."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: expected a folder for the run, got a file")
    if any((folder / name).exists() for name in ("recipe.toml", "log.jsonl", "checkpoint.npz")):
        raise FileExistsError(f"{folder} already contains a run: choose another folder, or remove it first")


def make_folder(out: str | Path | None, name: str) -> Path:
    """Make the run's folder and return it: `out`, or the first free one of runs/<name>, runs/<name>-2, ...

    mkdir fails if the folder exists, so two runs that start at the same time cannot get the same one.
    """
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        return Path(out)
    number = 1
    while True:
        folder = Path("runs") / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1


def restore(run: str | Path) -> tuple[GAN | CycleGAN, Recipe]:
    """Return the trained GAN and the recipe of a run, from its folder or its checkpoint file.

    Raises FileNotFoundError if there is no checkpoint, ValueError if it cannot be used.
    """
    run = Path(run)
    if not run.exists():
        raise FileNotFoundError(f"{run}: no such run; expected a run's folder, such as runs/dcgan-mnist")
    path = run / "checkpoint.npz" if run.is_dir() else run
    if not path.is_file():
        raise FileNotFoundError(f"{run}: this folder contains no checkpoint.npz; expected a run's folder")
    arrays, meta = checkpoint.load(path)
    try:
        recipe = from_dict(parse(checkpoint.fact(meta, "recipe", str)))
        state = _part(arrays, "gan")
        with at_most(sum(array.size for array in state.values()), len(state)):
            given = checkpoint.fact(meta, "input_shape", tuple) if "input_shape" in meta else None
            gan = build_gan(recipe, checkpoint.fact(meta, "data_shape", tuple), given)
        gan.load_state(state)
    except ValueError as error:
        raise ValueError(f"{path}: {one_line(str(error))}") from None
    return gan, recipe


def check_same_recipe(path: Path, recipe: Recipe, meta: dict[str, Any], *, free: Sequence[str] = ()) -> None:
    """Raise ValueError, naming the keys, if a run's recipe.toml differs from the recipe in its checkpoint.

    Name and description decide nothing, data are known by their checksum; other keys that may differ are in `free`.
    """
    try:
        saved = from_dict(parse(checkpoint.fact(meta, "recipe", str)))
        for key in ("log_bytes", "step", "milliseconds"):  # an older checkpoint lacks some
            if checkpoint.fact(meta, key, int) < 0:
                raise ValueError(f"the checkpoint's {key!r} is {meta[key]}, expected at least 0")
    except ValueError as error:
        raise ValueError(f"{path}: {one_line(str(error))}; this version of scratchgan cannot resume from it") from None
    if differ := [
        f"{key} = {getattr(recipe, key)!r}, but {getattr(saved, key)!r} in the checkpoint"
        for key in KEYS
        if key not in (*FREE, *free) and getattr(recipe, key) != getattr(saved, key)
    ]:
        longer = recipe.steps > saved.steps and len(differ) == 1
        raise ValueError(
            f"{path.parent / 'recipe.toml'} was changed: {'; '.join(differ)}; "
            + (f"to train on: scratchgan resume {path.parent} --steps {recipe.steps}; else " if longer else "")
            + "undo the change to resume, or start a new run from it with another --out"
        )


def load_states(path: Path, arrays: dict[str, np.ndarray], gan: Game, stream: Stream) -> None:
    """Load a checkpoint's states into gan and stream.  Raises ValueError, naming the file, if they do not fit."""
    try:
        gan.load_state(_part(arrays, "gan"))
        stream.load_state(_part(arrays, "stream"))
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"{path}: {error}") from None


def draw_samples(
    path: str | Path,
    gan: GAN | CycleGAN,
    data: Data | None,
    *,
    n: int,
    seed: int,
    title: str,
    names: Sequence[str] | None = None,
    every: bool = False,
) -> list[Path]:
    """Write a picture of n samples, a grid of images, or points; return the files written.

    Points are drawn over D's surface, together with real ones, if `data` has points in 2 dimensions or is a density.
    The picture of a conditional GAN has one row per class, and the same latent vector for all images of a column; that
    of a CycleGAN has images, translations and back-translations, in both directions; that of a net for pairs has what it
    is given, its outputs and the truth, for n / 3 examples of `data`.

    names      of a conditional GAN's classes; default: their numbers
    every      for a conditional GAN: exactly n samples, on several pages (PATH, then -2, -3, ...) if one is too small.
               Otherwise as many of each class, at least one, and what does not fit on one page is left out
    """
    path = Path(path)
    if gan.kind == "translations":
        columns, ways = min(max(1, n // 6), MOST_COLUMNS), []
        for to, domain in (("b", "a"), ("a", "b")):
            x = getattr(data, domain).x
            x = x[np.random.default_rng(seed).permutation(len(x))[:columns]]
            ways.append((f"to {getattr(data, to).name}", x, *gan.cycle(x, to)))
        save_translations(path, ways, title=title)
    elif gan.kind == "paired":
        assert data is not None
        assert data.kind == "paired"
        draw_pairs(path, gan, data, n=n, seed=seed, title=title)
    elif gan.conditional:
        n = n if every else max(gan.classes, n - n % gan.classes)
        columns = math.ceil(n / gan.classes)
        Z = np.random.default_rng(seed).standard_normal((columns, gan.latent_dim)).astype(gan.G.dtype)
        which, labels = np.divmod(np.arange(n), gan.classes)
        images = gan.generate(Z[which], labels)
        paths = []
        for number, page in enumerate(plots.labelled_pages(images, labels, names=names, columns=columns, title=title)):
            paths.append(path if not number else path.with_name(f"{path.stem}-{number + 1}{path.suffix}"))
            plots.save_figure(page, paths[-1])
            if not every:
                break
        return paths
    elif len(gan.data_shape) == 3:
        plots.save_grid(path, gan.sample(n, seed=seed), title)
    elif data is not None and data.kind == "density":
        save_density(path, gan, data, title=title, seed=seed, n=n)
    elif data is not None and data.kind == "examples" and data.example_shape == (2,):
        save_density(path, gan, PointCloud(data.x), title=title, seed=seed, n=n)
    else:
        save_points(path, gan.sample(n, seed=seed), title)
    return [path]


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {key.partition("/")[2]: value for key, value in arrays.items() if key.startswith(prefix + "/")}
