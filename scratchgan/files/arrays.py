r"""Arrays in NumPy's own files, .npy and .npz, judged before a byte of memory is taken for them.

A file may be broken, or made by somebody who wishes us ill.  So nothing here believes it:

    .npy   magic, version, length of the header, header, values.  The header is a Python literal; NumPy parses it with
           the Python parser.  Here a small grammar reads it, which knows three keys, simple types and whole numbers,
           and takes linear time.  Type, shape and size are then held against the size of the file.
    .npz   a zip file of .npy members.  First the size of its directory, then every entry of it: the name, the way it
           is packed, the size that it declares; only then a member is opened, and no more is read than was declared.

Every fault is a ValueError that says what was wrong; the caller puts the name of the file before it.  Objects, which
NumPy stores as a pickle, are refused: to load a pickle is to run it.

Source: numpy.lib.format, "Format Specifications"; PKWARE's APPNOTE, sections 4.3.12-4.3.16.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, NamedTuple

import numpy as np

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000  # bytes of a .npy header: NumPy's own limit
MAX_AXES = 32
MAX_MEMBERS = 10_000  # of a .npz
MAX_DIRECTORY = 2 << 20  # bytes of its directory
MAX_NAME = 200  # characters of a member's name
#: packed data may grow this much when unpacked, and always to FREE_BYTES: beyond that it is a bomb, not a data set
MAX_RATIO, FREE_BYTES = 100, 16 << 20
_PIECE = 1 << 20  # bytes read at a time from what is packed
_KEYS = {"descr", "fortran_order", "shape"}
_ITEM = re.compile(
    r"""\s*(['"])(\w{1,20})\1\s*:\s*"""
    r"""(?:(['"])(?P<text>[^'"\\]{1,40})\3|(?P<bool>True|False)|\((?P<shape>[-\d\slL,]*)\)|(?P<fields>\[))"""
    r"""\s*(?:,|(?=\}))"""
)
_SIMPLE = re.compile(r"[<>|=]?[biufcmMOSUV?]\d{0,9}")
_AXIS = re.compile(r"\s*(-?\d{1,30})[lL]?\s*(?:,|$)")
#: what zipfile and zlib raise for a broken archive (struct.error, NotImplementedError and RuntimeError included)
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    KeyError,
    IndexError,
)


class Header(NamedTuple):
    """What a .npy header declares, found possible: shape, dtype, whether in Fortran's order, bytes of the values."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    size: int


def read_header(file: IO[bytes], size: int, *, whole: bool = True) -> Header:
    """Read the header of a .npy file (or member) of `size` bytes; the file is left where the values begin.

    Raises ValueError if it is none, if it declares Python objects, a shape that cannot be, or more values than the
    file has bytes; with whole=True also if there are fewer.
    """
    broken = "not an array that NumPy can read (its header is broken or too new)"
    start = file.read(8)
    version = tuple(start[6:8])
    if len(start) < 8 or start[:6] != MAGIC or version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(broken)
    width = 2 if version == (1, 0) else 4
    length = int.from_bytes(file.read(width), "little")
    if length > MAX_HEADER:
        raise ValueError(f"its header declares {length:,} bytes, expected at most {MAX_HEADER:,}")
    text = file.read(length)
    if len(text) < length:
        raise ValueError(f"{broken}: it ends inside its header")
    try:
        shape, dtype, fortran = _parsed(text.decode("utf-8" if version == (3, 0) else "latin-1"))
    except (ValueError, TypeError):
        raise ValueError(broken) from None
    if dtype.hasobject:
        raise ValueError("holds pickled Python objects, which are never loaded (they can run code)")
    if len(shape) > MAX_AXES or any(n < 0 for n in shape) or math.prod(n or 1 for n in shape) > 2**60:
        raise ValueError(f"declares the impossible shape {shape}")
    wanted, there = math.prod(shape) * dtype.itemsize, size - (8 + width + length)
    if wanted > there:
        raise ValueError(f"declares {shape} of {dtype}, more than the file holds: it is cut short or broken")
    if whole and wanted < there:
        raise ValueError(f"declares {shape} of {dtype}, but goes on after that")
    return Header(shape, dtype, fortran, wanted)


def _parsed(text: str) -> tuple[tuple[int, ...], np.dtype, bool]:
    """(shape, dtype, fortran_order) of "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"."""
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError(text)
    at, found = 1, {}
    while item := _ITEM.match(text, at):
        at, key = item.end(), item[2]
        if key in found:
            raise ValueError(key)
        found[key] = item
    if found.keys() != _KEYS or text[at:].strip() != "}":
        raise ValueError(text)
    descr, fortran, shape = found["descr"]["text"], found["fortran_order"]["bool"], found["shape"]["shape"]
    if found["descr"]["fields"] or descr is None or not _SIMPLE.fullmatch(descr) or fortran is None or shape is None:
        raise ValueError(text)
    axes, at = [], 0
    while axis := _AXIS.match(shape, at):
        axes.append(int(axis[1]))
        at = axis.end()
    if shape[at:].strip():
        raise ValueError(shape)
    return tuple(axes), np.dtype(descr), fortran == "True"


def read_values(file: IO[bytes], header: Header) -> np.ndarray:
    """The array whose header was just read, in this machine's byte order, and writable.

    Memory is touched only as the values come.  Raises ValueError if they end too early.
    """
    buffer, filled = np.empty(header.size, np.uint8), 0
    view = buffer.data
    while filled < header.size:
        n = file.readinto(view[filled : filled + _PIECE])  # type: ignore[attr-defined]  # files and zip members have it
        if not n:
            raise ValueError(f"declares {header.shape} of {header.dtype}, but ends before that")
        filled += n
    array = buffer.view(header.dtype) if header.dtype.itemsize else np.empty(math.prod(header.shape), header.dtype)
    if not header.dtype.isnative:
        array = array.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return array.reshape(header.shape, order="F" if header.fortran else "C")


@contextmanager
def opened(file: IO[bytes], *, most: int) -> Iterator[tuple[zipfile.ZipFile, Mapping[str, zipfile.ZipInfo]]]:
    """Open a .npz for reading: (archive, {name without .npy: entry}); all of its directory has been found sane.

    most    bytes that all members together may declare
    Raises ValueError for whatever is wrong with it, also for what is found only inside of the block.
    """
    try:
        size = file.seek(0, io.SEEK_END)
        if (directory := _directory_size(file, size)) > min(MAX_DIRECTORY, size):
            raise ValueError(
                f"its directory declares {directory:,} bytes, expected at most {min(MAX_DIRECTORY, size):,}"
            )
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            yield archive, _entries(archive.infolist(), size, most)
    except ValueError:
        raise
    except _ZIP_FAULTS as error:
        raise ValueError(one_line(str(error)) or type(error).__name__) from None


def read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[IO[bytes], Header]:
    """Open one member and read its header; `read_rest` gives the values."""
    file = archive.open(entry)
    return file, read_header(file, entry.file_size)


def read_rest(file: IO[bytes], header: Header) -> np.ndarray:
    """The values of a member, and its check sum with them.  Closes it."""
    with file:
        array = read_values(file, header)
        if file.read(1):  # zipfile compares the sum where the member ends
            raise ValueError("goes on after its end")
    return array


def check_ratio(unpacked: int, packed: int) -> None:
    """ValueError if `packed` bytes declare so much that they must be a bomb."""
    if unpacked > max(FREE_BYTES, MAX_RATIO * packed):
        raise ValueError(
            f"{packed:,} bytes on disk would unpack to {unpacked:,}, more than {MAX_RATIO}-fold, which is "
            "what a zip bomb does; if that is meant, save it without packing"
        )


def one_line(text: str, most: int = 600) -> str:
    """The text as one line: line breaks and what cannot be printed become escapes; of more than `most` characters the
    middle is left out.
    """
    if len(text) > most:
        text = f"{text[: most // 2]} ... {text[-most // 2 :]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def sane_name(name: str) -> bool:
    """Whether this could be the name of an array: printable, and no path that leads anywhere."""
    steps = name.replace("\\", "/").split("/")
    return (
        name.endswith(".npy")
        and len(name) <= MAX_NAME
        and name.isprintable()
        and "\\" not in name
        and not any(step in ("", ".", "..", ".npy") for step in steps)
        and ":" not in steps[0]
    )


def _directory_size(file: IO[bytes], size: int) -> int:
    """Bytes of the zip directory as the end of the file declares them, by the record that zipfile will take."""
    tail_start = max(0, size - (1 << 16) - 22 - 76)
    file.seek(tail_start)
    tail = file.read()
    at = len(tail) - 22
    if at < 0 or tail[at : at + 4] != b"PK\5\6" or tail[-2:] != b"\0\0":  # an archive with a comment
        at = tail.rfind(b"PK\5\6", max(0, len(tail) - (1 << 16) - 22))
    if at < 0 or len(tail) < at + 22:
        raise ValueError("the end of the zip file is missing")
    declared = struct.unpack_from("<I", tail, at + 12)[0]
    if at >= 76 and tail[at - 20 : at - 16] == b"PK\6\7" and tail[at - 76 : at - 72] == b"PK\6\6":
        declared = struct.unpack_from("<Q", tail, at - 76 + 40)[0]  # zip64 overrules it
    return declared


def _entries(infos: list[zipfile.ZipInfo], size: int, most: int) -> dict[str, zipfile.ZipInfo]:
    """{name: entry}, or the ValueError for the first entry that is not as NumPy writes them."""
    if len(infos) > MAX_MEMBERS:
        raise ValueError(f"holds {len(infos):,} members, expected at most {MAX_MEMBERS:,}")
    entries, total = {}, 0
    for info in infos:
        name = info.orig_filename
        if not sane_name(name):
            raise ValueError(f"has a member called {name[:MAX_NAME]!r}; expected the plain name of an array and .npy")
        if name.removesuffix(".npy") in entries:
            raise ValueError(f"has two members called {name!r}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name!r} is packed in a way (number {info.compress_type}) that NumPy does not use")
        if info.flag_bits & 0x1:
            raise ValueError(f"{name!r} is encrypted")
        entries[name.removesuffix(".npy")] = info
        total += info.file_size
    if total > most:
        raise ValueError(f"declares {total:,} bytes in all, expected at most {most:,} bytes")
    check_ratio(total, size)
    return entries
