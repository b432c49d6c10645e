"""Load data by name or by path: `load("ring")`, `load("mnist-5k")`, `load("my-photos/", image_size=32)`."""

import difflib
import os
from dataclasses import replace
from functools import partial

from .dataset import Dataset
from .densities import Density
from .download import DOWNLOADS, load_download
from .embedded import EMBEDDED, WITH_TEST, load_embedded
from .limits import DataError, check_image_options
from .own import fit, load_path
from .toy import TOY


def names() -> dict[str, str]:
    """{name: one-line description} of all known data sets, toy densities first."""
    lines = {name: f"{make().about}, {make().dim}-D, true density known" for name, make in TOY.items()}
    lines |= {name: entry[1] for name, entry in EMBEDDED.items()}
    return lines | {name: entry[0] for name, entry in DOWNLOADS.items()}


def load(
    name_or_path: str | os.PathLike,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    ground: str = "auto",
    split: str = "train",
) -> Dataset | Density:
    """Load data by name or path: a Density for the name of a toy density, otherwise a Dataset.

    name_or_path  a name from `names()`, or a path for `load_path`; names take precedence (./ring is a folder `ring`)
    image_size    resize to image_size x image_size (centre square, bicubic); None: unchanged.  Images only; for
                  "textures" the side of the crops, which are not resized
    channels      1 or 3: convert to grey or colour; None: unchanged.  Images only
    ground        what transparent pixels of image files are shown over: see `load_path`.  Other data ignore it
    split         "train" or "test"; downloaded sets, emoji, textures, and some of your own, have a test part.  A density
                  ignores it: its samples are fresh
    DataError for an unknown name or an unsuitable option, DownloadError if a file cannot be downloaded, and the errors
    of `load_path`.
    """
    if split not in ("train", "test"):
        raise DataError(f"split must be 'train' or 'test', got {split!r}")
    image_size, channels = check_image_options(image_size, channels)
    name = os.fspath(name_or_path)
    if name in TOY:
        if image_size is not None or channels is not None:
            raise DataError(f"{name} is a density of points: image_size and channels are for images")
        return TOY[name]()
    if name in DOWNLOADS:
        return fit(load_download(name, split), image_size, channels)
    if name in EMBEDDED or os.path.exists(os.path.expanduser(name)):
        if name not in EMBEDDED:
            return load_path(name, image_size=image_size, channels=channels, ground=ground, split=split)
        if split == "test" and name not in WITH_TEST:
            raise DataError(f"{name} has no test part; sets with one: {', '.join([*DOWNLOADS, *WITH_TEST])}")
        return _embedded(name, image_size, channels, split)
    known = [*TOY, *EMBEDDED, *DOWNLOADS]
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise DataError(f"{name!r} is neither a file, a folder nor a known data set{hint}; known: {', '.join(known)}")


def _embedded(name: str, image_size: int | None, channels: int | None, split: str = "train") -> Dataset:
    data = fit(load_embedded(name, split, image_size=image_size), image_size, channels)
    return data if data.test is None else replace(data, test=partial(_embedded, name, image_size, channels, "test"))
