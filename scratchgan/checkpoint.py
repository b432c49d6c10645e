"""Everything that a run needs to go on, in one .npz file: named arrays and a few plain facts, and no pickle.

Loading a pickle runs whatever code its author put there, so a checkpoint holds numbers and UTF-8 text only:

    format             the text "scratchgan checkpoint", which tells ours from any other .npz
    version            of this layout, an integer
    meta/<key>         a text (uint8, its UTF-8 bytes), an integer, or a list of integers
    arrays/<key>       an array of numbers

What the keys mean is the business of `train.py`.
"""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .atomic import replacing

FORMAT = "scratchgan checkpoint"
VERSION = 1

Meta = str | int | tuple[int, ...]


class Checkpoint(NamedTuple):
    """What a checkpoint file holds: arrays of numbers by name, and facts (texts, integers, tuples of integers)."""

    arrays: dict[str, np.ndarray]
    meta: dict[str, Meta]


def save(path: str | Path, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Meta]) -> None:
    """Write a checkpoint, whole or not at all.

    Raises ValueError for an array of Python objects (it could only be pickled) and OSError if the file cannot be
    written.
    """
    members = {"format": _text(FORMAT), "version": np.int64(VERSION)}
    for key, fact in meta.items():
        members[f"meta/{key}"] = _text(fact) if isinstance(fact, str) else np.asarray(fact, dtype=np.int64)
    for key, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.hasobject:
            raise ValueError(f'cannot save "{key}": an array of Python objects; expected numbers')
        members[f"arrays/{key}"] = array
    with replacing(path) as file:
        np.savez(file, **members)


def load(path: str | Path) -> Checkpoint:
    """Read a checkpoint that `save` wrote.

    Raises FileNotFoundError if there is none, and ValueError, naming the file, if it is truncated or damaged, if it
    is no checkpoint of ours, or if a newer scratchgan wrote it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint file")
    with open(path, "rb") as file:
        if file.read(2) != b"PK":  # every .npz is a zip file, and every zip file begins so
            raise ValueError(f"{path}: not a scratchgan checkpoint (not an .npz file)")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as npz:
            ours = "format" in npz.files and _string(npz["format"]) == FORMAT
            version = int(npz["version"]) if ours else 0
            members = {key: npz[key] for key in npz.files} if ours and version <= VERSION else {}
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, ValueError) as error:
        raise ValueError(f"{path}: the checkpoint is truncated or damaged ({error})") from None
    if not ours:
        raise ValueError(f"{path}: not a scratchgan checkpoint (an .npz file of something else)")
    if version > VERSION:
        raise ValueError(f"{path}: written by a newer scratchgan (checkpoint version {version}, this one reads up to "
                         f"{VERSION}); install a newer scratchgan to read it")
    meta, arrays = {}, {}
    for key, value in members.items():
        kind, _, name = key.partition("/")
        if kind == "meta":
            meta[name] = _string(value) if value.dtype == np.uint8 else _integers(value)
        elif kind == "arrays":
            arrays[name] = value
    return Checkpoint(arrays, meta)


def _text(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _string(array: np.ndarray) -> str:
    return array.tobytes().decode(errors="replace") if array.dtype == np.uint8 else ""


def _integers(array: np.ndarray) -> int | tuple[int, ...]:
    return int(array) if array.ndim == 0 else tuple(int(value) for value in array)
