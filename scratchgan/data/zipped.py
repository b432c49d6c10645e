"""Zip files of the user's: of images, in folders or not, or with one .npz, .npy or IDX file inside.

Nothing is extracted to disk.  The directory of the archive is checked before a member is read: names, methods, and the
sizes that it declares; no more of a member is read than it declares.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ..files.arrays import ZIP_FAULTS, check_directory, check_ratio, one_line, sane_path
from .limits import MAX_FILE, DataError
from .listing import Item, Place
from .picture import EXTENSIONS, BadPicture

MAX_MEMBERS = 200_000
MAX_DIRECTORY = 32 << 20  # bytes
_PIECE = 1 << 20  # bytes read at a time
_ARRAYS = (".npz", ".npy", "-ubyte", "-ubyte.gz", ".idx")


class Archive(NamedTuple):
    """An opened zip file: the folder in which its images are, or the member that is a file of arrays."""

    images: Place | None
    arrays: zipfile.ZipInfo | None
    zip: zipfile.ZipFile


def is_npz(path: Path) -> bool:
    """Whether a zip file is taken for a .npz: by its name, or because all its members are arrays, or it is broken."""
    if path.suffix.lower() == ".npz":
        return True
    try:
        with open(path, "rb") as file:
            check_directory(file, MAX_DIRECTORY)
            with zipfile.ZipFile(file) as archive:
                return all(name.endswith(".npy") for name in archive.namelist())
    except (*ZIP_FAULTS, ValueError):
        return True  # the reader of .npz files says what is wrong with it


def _plain(info: zipfile.ZipInfo) -> str:
    """The name of a member; some programs for Windows write the path with backslashes."""
    return info.filename.replace("\\", "/")


def _steps(info: zipfile.ZipInfo) -> list[str]:
    return _plain(info).split("/")


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


@contextmanager
def opened_zip(path: Path) -> Iterator[Archive]:
    """Open a zip file that is not a .npz.  DataError, naming it, for whatever is wrong with it."""
    try:
        with open(path, "rb") as file:
            size = check_directory(file, MAX_DIRECTORY)
            with zipfile.ZipFile(file) as archive:
                yield _look(path, archive, size)
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    except ZIP_FAULTS as error:
        words = one_line(str(error)) or type(error).__name__
        raise DataError(f"{path}: the zip file is broken or cut short ({words})") from None


def _look(path: Path, archive: zipfile.ZipFile, size: int) -> Archive:
    infos = [info for info in archive.infolist() if not _plain(info).endswith("/")]
    if len(infos) > MAX_MEMBERS:
        raise ValueError(
            f"has {len(infos):,} members, expected at most {MAX_MEMBERS:,}; unpack it, and give the folder"
        )
    names = set()
    for info in infos:
        if not sane_path(info.orig_filename):
            raise ValueError(f"has a member called {info.orig_filename[:200]!r}; expected a plain name or path")
        if (name := _plain(info)) in names:
            raise ValueError(f"has two members called {name!r}")
        names.add(name)
    check_ratio(sum(info.file_size for info in infos), size)
    visible = [info for info in infos if not any(p.startswith((".", "__")) for p in _steps(info))]
    if any(_suffix(_plain(info)) in EXTENSIONS for info in visible):
        return Archive(_place(path, archive, infos), None, archive)
    arrays = [info for info in visible if info.filename.lower().endswith(_ARRAYS)]
    if len(arrays) == 1:
        return Archive(None, arrays[0], archive)
    what = f"{len(arrays)} files of arrays" if arrays else "no images and no arrays"
    raise ValueError(
        f"the zip file holds {what}; expected images, or one .npz or .npy file: unpack it, and give a path"
    )


def _place(path: Path, archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> Place:
    """The members as a folder; folders around all of them, as most programs make, are left out."""
    tree: dict = {}
    for info in infos:
        *folders, name = _steps(info)
        node = tree
        for step in folders:
            node = node.setdefault(step + "/", {})
        node[name] = info
    around: tuple[str, ...] = ()
    while len(inner := [name for name in tree if not name.startswith((".", "__"))]) == 1 and inner[0].endswith("/"):
        tree, around = tree[inner[0]], (*around, inner[0][:-1])
    return _folder(path, archive, tree, around)


def _folder(path: Path, archive: zipfile.ZipFile, tree: dict, parts: tuple[str, ...]) -> Place:
    def files():
        for name in sorted(name for name in tree if not name.endswith("/")):
            yield name, member(path, archive, tree[name])

    def folders():
        for name in sorted(name for name in tree if name.endswith("/")):
            yield _folder(path, archive, tree[name], (*parts, name[:-1]))

    where = f"{path}[{'/'.join(parts)}]" if parts else str(path)
    return Place(where, parts[-1] if parts else path.stem, files, folders)


def member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int = MAX_FILE) -> Item:
    """A member as an Item; reading it raises BadPicture if it is damaged, DataError if it is larger than `most`."""
    where = f"{path}[{info.filename}]"

    def read() -> bytes:
        if info.file_size > most:
            raise DataError(f"{where}: has {info.file_size:,} bytes, expected at most {most:,}")
        if info.flag_bits & 0x1:
            raise BadPicture("it is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadPicture(f"its compression method {info.compress_type} is not read here; make the zip file again")
        try:
            out = bytearray()
            with archive.open(info) as file:  # in pieces: memory for all of one piece is taken before it is read
                while len(out) <= most and (piece := file.read(_PIECE)):
                    out += piece
            return bytes(out)
        except ZIP_FAULTS as error:
            raise BadPicture(one_line(str(error)) or type(error).__name__) from None

    return Item(where, path / info.filename, read)
