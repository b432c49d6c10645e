"""Where a run may write: never into its own data, and what it wrote before it failed to begin is removed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from . import build
from .folder import LOCK, locked
from .recipe import Recipe

WRITTEN = ("recipe.toml", "log.jsonl", "checkpoint.npz", "samples.png", "curves.png", "progress.gif", "modes.json")


def check_outside(recipe: Recipe, out: str | Path) -> None:
    """Raise ValueError if pictures in the folder `out`, or in its samples/, would become part of the recipe's data.

    Links are followed, also those to the folders of single classes.
    """
    out = Path(out).expanduser().absolute()
    for key in ("data", "data_b"):
        folder = _data_folder(getattr(recipe, key))
        if folder is None:
            continue
        with os.scandir(folder) as entries:
            links = [Path(entry.path) for entry in entries if entry.is_dir() and entry.is_symlink()]
        for inside in (folder, *links):
            if _within(out, inside) or _within(inside, out / "samples"):
                raise ValueError(
                    f'{out} lies in the data ({key} = "{getattr(recipe, key)}"), so its pictures would become part of '
                    "them: choose another --out"
                )


def _data_folder(place: str) -> Path | None:
    """The folder that a recipe's `data` means, or None for a name, a file or nothing."""
    from ..data import names

    if not place or place in names():
        return None
    path = Path(place).expanduser()
    return path if path.is_dir() else None


def _within(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or lies inside it; the path need not exist."""
    path = path.resolve()
    for parent in (path, *path.parents):
        with contextlib.suppress(OSError):  # it does not exist, or may not be looked at
            if os.path.samefile(parent, folder):
                return True
    return False


@contextlib.contextmanager
def new_folder(out: str | Path | None, name: str, *, begun: Callable[[], bool]) -> Iterator[Path]:
    """Make a new run's folder, as `build.make_folder` says, and hold its lock within the block.

    If the block ends with an error before `begun()`, everything that it wrote is removed; what was there before stays.
    Raises InUse as `folder.locked` does, OSError if the folder cannot be made.
    """
    target = Path("runs") if out is None else Path(out)
    made = [path for path in (target, *target.parents) if not path.exists()]
    folder = build.make_folder(out, name)
    made = [*([folder] if out is None else []), *made]
    before = {*folder.iterdir(), *folder.glob("samples/*")}
    owned = False
    try:
        with locked(folder):
            owned = True
            try:
                yield folder
            except BaseException:
                if not begun():
                    _empty(folder, before)
                raise
    except BaseException:
        if owned and not begun():
            if folder / LOCK not in before:
                (folder / LOCK).unlink(missing_ok=True)
            for path in made:
                with contextlib.suppress(OSError):  # not empty
                    path.rmdir()
        raise


def _empty(folder: Path, before: set[Path]) -> None:
    """Remove what a run has written into its folder."""
    samples = folder / "samples"
    written = [folder / name for name in WRITTEN]
    written += [*samples.glob("*.png"), *folder.glob(".*.tmp"), *samples.glob(".*.tmp")]
    for path in written:
        if path not in before:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
    if samples not in before:
        with contextlib.suppress(OSError):
            samples.rmdir()
