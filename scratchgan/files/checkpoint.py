"""Checkpoints: all that is needed to resume a run, in one .npz file of named arrays, texts and integers; no pickle.

Loading a pickle runs whatever code its author put there, so a checkpoint contains only numbers and UTF-8 text:

    format             the text "scratchgan checkpoint", which distinguishes a checkpoint from other .npz files
    version            version of this layout, an integer
    meta/<key>         a fact: a text (its UTF-8 bytes, uint8), an integer, or a list of integers
    arrays/<key>       an array of numbers

The writer of a checkpoint chooses the keys (for runs, runs/train.py).
"""

import errno
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .arrays import MAX_NAME, one_line, opened, read_member, read_rest, sane_name
from .atomic import replacing

FORMAT = "scratchgan checkpoint"
VERSION = 1
MAX_BYTES = 4 << 30  # of all arrays and facts together
MAX_FACT = 1 << 20  # bytes of a text or a list of integers

Meta = str | int | tuple[int, ...]
Kind = TypeVar("Kind", str, int, tuple)


class Checkpoint(NamedTuple):
    """The contents of a checkpoint file: arrays of numbers by name, and facts (texts, integers, tuples of integers)."""

    arrays: dict[str, np.ndarray]
    meta: dict[str, Meta]


def save(path: str | Path, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Meta]) -> None:
    """Write a checkpoint, completely or not at all.  It is read back before it replaces an earlier one.

    Raises ValueError for what `load` would reject: an array of Python objects (it could only be pickled) or of anything
    else than numbers, floats that are not finite, a name that cannot be a zip member's, a fact of more than MAX_FACT
    bytes, more than MAX_BYTES in total; and OSError if the file cannot be written, or is not what was written.
    """
    members: dict[str, np.ndarray] = {"format": _text(FORMAT), "version": np.array(VERSION, np.int64)}
    for key, fact in meta.items():
        members[f"meta/{key}"] = value = _text(fact) if isinstance(fact, str) else np.asarray(fact, dtype=np.int64)
        if value.nbytes > MAX_FACT:
            raise ValueError(f'cannot save "{key}": a fact of {value.nbytes:,} bytes; expected at most {MAX_FACT:,}')
    for key, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.hasobject:
            raise ValueError(f'cannot save "{key}": an array of Python objects; expected numbers')
        if array.dtype.kind not in "fiu":
            raise ValueError(f'cannot save "{key}": an array of {array.dtype}; expected floats or integers')
        if fault := _not_finite(array):
            raise ValueError(f'cannot save "{key}": it {fault}')
        members[f"arrays/{key}"] = array
    for name in members:
        if not sane_name(f"{name}.npy"):
            raise ValueError(
                f"cannot save {name[:MAX_NAME]!r}: expected a printable name of at most {MAX_NAME} characters, "
                "without .. or empty parts"
            )
    if (total := sum(array.nbytes for array in members.values())) > MAX_BYTES:
        raise ValueError(f"cannot save {total:,} bytes of arrays and facts; expected at most {MAX_BYTES:,}")

    def read_back(temporary: Path) -> None:
        try:
            for _ in _members(temporary, MAX_BYTES):
                pass
        except ValueError as error:
            raise OSError(
                errno.EIO, f"what was written could not be read back ({error}); the disk may be faulty", str(path)
            ) from None

    with replacing(path, check=read_back) as file:
        np.savez(file, **members)  # type: ignore[arg-type]  # no member has the name of an option of savez


def load(path: str | Path, *, most: int = MAX_BYTES, arrays: bool = True) -> Checkpoint:
    """Read a checkpoint that `save` wrote, with at most `most` bytes of arrays and facts; or only its facts.

    The file is not trusted: names, types, shapes and sizes are checked before memory is allocated (`files.arrays`), and
    floats must be finite.

    Raises FileNotFoundError if there is no such file, and ValueError, in one line naming the file and the array, if it
    is truncated or damaged, if it is not a scratchgan checkpoint, or if it was written by a newer version.
    """
    path = Path(path)
    where = one_line(str(path), 5000)
    if not path.is_file():
        raise FileNotFoundError(f"{where}: no such checkpoint file")
    try:
        members: dict[str, Any] = dict(_members(path, most, arrays))
    except _Foreign as error:
        raise ValueError(f"{where}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{where}: the checkpoint is truncated or damaged ({one_line(str(error))})") from None
    split = {
        kind: {name.partition("/")[2]: value for name, value in members.items() if name.startswith(kind + "/")}
        for kind in ("arrays", "meta")
    }
    return Checkpoint(**split)


def fact(meta: Mapping[str, Meta], key: str, kind: type[Kind]) -> Kind:
    """meta[key], of type `kind`: str, int or tuple.  Raises ValueError if it is missing or of another type."""
    if key not in meta:
        raise ValueError(f"the checkpoint lacks {key!r}")
    if not isinstance(value := meta[key], kind):
        raise ValueError(
            f"the checkpoint's {key!r} is {str(value)[:40]!r}, expected "
            f"{ {str: 'text', int: 'an integer', tuple: 'a list of integers'}[kind] }"
        )
    return value


def _members(path: Path, most: int, arrays: bool = True) -> Iterator[tuple[str, Any]]:
    """(name, contents) of every member of a checkpoint file, or only of its facts, each verified.

    Raises ValueError at the first fault.
    """
    with open(path, "rb") as file:
        if file.read(2) != b"PK":  # an .npz is a zip file, and begins with these bytes
            raise _Foreign("not a scratchgan checkpoint (not an .npz file)")
        with opened(file, most=most) as (archive, entries):
            _check_ours(archive, entries)
            for name, entry in entries.items():
                if arrays or not name.startswith("arrays/"):
                    yield name, _read(archive, entry, name)


class _Foreign(ValueError):
    """The file may be intact, but this version cannot read it."""


def _check_ours(archive, entries) -> None:
    """Raise ValueError unless these are the members of a checkpoint with a known version."""
    if "format" not in entries or _read(archive, entries["format"], "format") != FORMAT:
        raise _Foreign("not a scratchgan checkpoint (an .npz file of something else)")
    version = _read(archive, entries["version"], "version") if "version" in entries else None
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"version is {str(version)[:40]!r}, expected a whole number of at least 1")
    if version > VERSION:
        raise _Foreign(
            f"written by a newer scratchgan (checkpoint version {version}, this one reads up to {VERSION}); "
            "install a newer scratchgan to read it"
        )
    for name in entries:
        if name not in ("format", "version") and not name.startswith(("meta/", "arrays/")):
            raise ValueError(f"has the unknown member {name!r}; expected format, version, meta/... and arrays/...")


def _read(archive, entry, name: str) -> np.ndarray | Meta:
    """Read a member: an array, or a fact as text, integer or tuple.  Raises ValueError, naming it, if it is neither."""
    try:
        file, header = read_member(archive, entry)
        if name.startswith("arrays/"):
            return _numbers(file, header)
        kind, axes = header.dtype.kind, len(header.shape)
        if header.size > MAX_FACT:
            raise ValueError(f"a fact of {header.size:,} bytes; expected at most {MAX_FACT:,}")
        if (header.dtype, axes) != (np.dtype(np.uint8), 1) and (kind != "i" or axes > 1):
            if name == "format":
                return ""
            raise ValueError(f"a fact of {header.dtype} {header.shape}; expected text or integers")
        value = read_rest(file, header)
        return value.tobytes().decode() if value.dtype == np.uint8 else _integers(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{name}: {one_line(str(error))}") from None


def _numbers(file, header) -> np.ndarray:
    if header.dtype.kind not in "fiu":
        raise ValueError(f"an array of {header.dtype}; expected floats or integers")
    array = read_rest(file, header)
    if fault := _not_finite(array):
        raise ValueError(fault)
    return array


def _not_finite(array: np.ndarray) -> str:
    """How many values of an array are not finite, in words; "" if all are."""
    if array.dtype.kind != "f" or (finite := np.isfinite(array)).all():
        return ""
    return f"has {array.size - np.count_nonzero(finite):,} values that are not finite"


def _text(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _integers(array: np.ndarray) -> int | tuple[int, ...]:
    return int(array) if array.ndim == 0 else tuple(int(value) for value in array)
