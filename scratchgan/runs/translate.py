"""`scratchgan translate`: translate image files with a generator of a CycleGAN run.

Each image is first converted to the format of the run's training data: cropped to its centre square, resized, and made
grey if the run is.  In addition to the translated images, translated.png shows each image, its translation, and the
translation back.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..data.dataset import to_unit
from ..data.folder import EXTENSIONS, read_image
from ..data.limits import DataError
from ..files.atomic import replacing
from .recipe import GIVEN, Recipe

if TYPE_CHECKING:
    from ..models.cycle import CycleGAN

COLUMNS = 16  # of translated.png, one per image


def domain_name(recipe: Recipe, which: str) -> str:
    """The name of the data of domain "a" or "b"."""
    return Path((recipe.data if which == "a" else recipe.data_b).removesuffix(GIVEN)).name


def domain(recipe: Recipe, to: str) -> str:
    """The domain "a" or "b" that a user means by its letter, the name of its data, or an unambiguous prefix of that.

    Raises ValueError for anything else.
    """
    names = {"a": domain_name(recipe, "a"), "b": domain_name(recipe, "b")}
    if to in names:
        return to
    fits = [which for which, name in names.items() if to and name.lower().startswith(to.lower())]
    if len(fits) != 1:
        raise ValueError(f'--to "{to}": expected one of the two domains: a ({names["a"]}) or b ({names["b"]})')
    return fits[0]


def translate_files(gan: CycleGAN, files: Sequence[str | Path], to: str, out: Path, *, named: str) -> list[Path]:
    """Translate image files, and the image files in folders, to domain "a" or "b"; return the paths written.

    out     folder for the results, made if needed: STEM-to-NAMED.png for each image, and translated.png
    named   the domain's name in file names and titles

    Raises ValueError for something that is not an image, and if two results would have the same name; OSError if `out`
    cannot be written to.
    """
    from ..plots import save_translations

    paths = find(files)
    targets = [out / f"{path.stem}-to-{named}.png" for path in paths]
    if len(set(targets)) < len(targets):
        twice = next(target for target in targets if targets.count(target) > 1)
        raise ValueError(
            f"two of the images are called {twice.name.removesuffix(f'-to-{named}.png')}; translate them "
            "separately, with different --out folders"
        )
    side, _, channels = gan.data_shape
    x = to_unit(np.stack([read_image(path, side, channels) for path in paths]), 255)
    y, back = gan.cycle(x, to)
    out.mkdir(parents=True, exist_ok=True)
    for target, image in zip(targets, y, strict=True):
        write_png(target, image)
    picture = out / "translated.png"
    save_translations(
        picture,
        [(f"to {named}", x[:COLUMNS], y[:COLUMNS], back[:COLUMNS])],
        title=f"{len(paths)} images, translated" + (f"; the first {COLUMNS}" if len(paths) > COLUMNS else ""),
    )
    return [*targets, picture]


def find(files: Sequence[str | Path]) -> list[Path]:
    """The given files, and the images in the given folders, in order.  Raises DataError for paths that do not exist."""
    paths: list[Path] = []
    for file in map(Path, files):
        if file.is_dir():
            inside = [p for p in sorted(file.iterdir()) if p.suffix.lower() in EXTENSIONS and p.name[0] != "."]
            if not inside:
                raise DataError(f"{file}: no images found (looked for {', '.join(EXTENSIONS)})")
            paths += inside
        elif file.is_file():
            paths.append(file)
        else:
            raise DataError(f"{file}: no such file or folder; expected a PNG or JPEG image, or a folder of images")
    return paths


def write_png(path: Path, image: np.ndarray) -> None:
    """Write an image (H, W, 1 or 3) in [-1, 1] as a PNG of H x W pixels."""
    from PIL import Image

    pixels = np.rint((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)
    with replacing(path) as file:
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, format="PNG")
