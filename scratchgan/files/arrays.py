r"""Reading arrays from NumPy's files, .npy and .npz, which are checked before memory is allocated.

A file may be damaged, or made by an attacker, so nothing in it is trusted:

    .npy   consists of magic, version, length of the header, header, values.  The header is a Python literal, which
           NumPy parses with the Python parser.  Here a small grammar parses it in linear time: it allows three keys,
           simple types and whole numbers.  Then type, shape and size are compared with the size of the file.
    .npz   is a zip file of .npy members.  First the size of its directory is checked, then every entry: its name, its
           compression method, the size that it declares.  Only then is a member opened, and no more is read than was
           declared.

Every fault raises a ValueError that says what was wrong; the caller adds the name of the file.  Arrays of Python
objects, which NumPy stores as a pickle, are rejected: loading a pickle can run code.

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
#: compressed data may expand MAX_RATIO times, or to FREE_BYTES if that is more: beyond that it is taken for a zip bomb
MAX_RATIO, FREE_BYTES = 100, 16 << 20
_PIECE = 1 << 20  # bytes read at a time
_KEYS = {"descr", "fortran_order", "shape"}
_ITEM = re.compile(
    r"""\s*(['"])(\w{1,20})\1\s*:\s*"""
    r"""(?:(['"])(?P<text>[^'"\\]{1,40})\3|(?P<bool>True|False)|\((?P<shape>[-\d\slL,]*)\)|(?P<fields>\[))"""
    r"""\s*(?:,|(?=\}))"""
)
_SIMPLE = re.compile(r"[<>|=]?[biufcmMOSUV?]\d{0,9}")
_AXIS = re.compile(r"\s*(-?\d{1,30})[lL]?\s*(?:,|$)")
#: what zipfile and zlib raise for a broken archive (struct.error, NotImplementedError and RuntimeError included)
ZIP_FAULTS = (
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
    """What a valid .npy header declares: shape, dtype, whether in Fortran order, size of the values in bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    size: int


def read_header(file: IO[bytes], size: int, *, whole: bool = True) -> Header:
    """Read the header of a .npy file (or member) of `size` bytes; afterwards the file is at the start of the values.

    Raises ValueError if it is not a .npy file, or if it declares Python objects, an impossible shape, or more values
    than the file has bytes for; with whole=True also if bytes are left over.
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
        raise ValueError("contains pickled Python objects, which are never loaded (they can run code)")
    if len(shape) > MAX_AXES or any(n < 0 for n in shape) or math.prod(n or 1 for n in shape) > 2**60:
        raise ValueError(f"declares the impossible shape {shape}")
    wanted, there = math.prod(shape) * dtype.itemsize, size - (8 + width + length)
    if wanted > there:
        raise ValueError(f"declares {shape} of {dtype}, more than the file contains: it is truncated or broken")
    if whole and wanted < there:
        raise ValueError(f"declares {shape} of {dtype}, but has more bytes than that")
    return Header(shape, dtype, fortran, wanted)


def _parsed(text: str) -> tuple[tuple[int, ...], np.dtype, bool]:
    """(shape, dtype, fortran_order) from the text "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"."""
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
    """Read the array whose header was just read; it is writable and in the native byte order.

    Memory is filled only as values arrive.  Raises ValueError if they end too early.
    """
    buffer, filled = np.empty(header.size, np.uint8), 0
    view = buffer.data
    while filled < header.size:
        n = file.readinto(view[filled : filled + _PIECE])  # type: ignore[attr-defined]  # files and zip members have it
        if not n:
            raise ValueError(f"declares {header.shape} of {header.dtype}, but has fewer bytes than that")
        filled += n
    array = buffer.view(header.dtype) if header.dtype.itemsize else np.empty(math.prod(header.shape), header.dtype)
    if not header.dtype.isnative:
        array = array.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return array.reshape(header.shape, order="F" if header.fortran else "C")


@contextmanager
def opened(file: IO[bytes], *, most: int) -> Iterator[tuple[zipfile.ZipFile, Mapping[str, zipfile.ZipInfo]]]:
    """Open a .npz for reading and check its directory; gives (archive, {name without .npy: entry}).

    most    limit for the total size in bytes that the members declare
    Raises ValueError for every fault, including those that are found only while members are read inside the block.
    """
    try:
        size = check_directory(file, MAX_DIRECTORY)
        with zipfile.ZipFile(file) as archive:
            yield archive, _entries(archive.infolist(), size, most)
    except ValueError:
        raise
    except ZIP_FAULTS as error:
        raise ValueError(one_line(str(error)) or type(error).__name__) from None


def read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[IO[bytes], Header]:
    """Open one member and read its header; `read_rest` reads the values."""
    file = archive.open(entry)
    return file, read_header(file, entry.file_size)


def read_rest(file: IO[bytes], header: Header) -> np.ndarray:
    """Read the values of a member, verify its checksum and close it."""
    with file:
        array = read_values(file, header)
        if file.read(1):  # reading to the end also makes zipfile verify the checksum
            raise ValueError("has more bytes than it declares")
    return array


def check_ratio(unpacked: int, packed: int) -> None:
    """Raise ValueError if `packed` bytes would expand to so many that they are taken for a zip bomb."""
    if unpacked > max(FREE_BYTES, MAX_RATIO * packed):
        raise ValueError(
            f"{packed:,} bytes on disk would unpack to {unpacked:,}, more than {MAX_RATIO}-fold, which is "
            "what a zip bomb does; if that is intended, save the file without compression"
        )


def one_line(text: str, most: int = 600) -> str:
    """The text as one line: line breaks and characters that cannot be printed become escapes; if it is longer than
    `most` characters, the middle is left out.
    """
    if len(text) > most:
        text = f"{text[: most // 2]} ... {text[-most // 2 :]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def decoded(content: bytes) -> str:
    """The text in a file that people edit: UTF-8, with or without a byte order mark, or UTF-16 with one, from Windows.

    Raises UnicodeDecodeError, a ValueError, for anything else.
    """
    return content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")


def sane_name(name: str) -> bool:
    """Whether a zip member's name could be that of an array: printable, ends in .npy, and not a path to elsewhere."""
    steps = name.replace("\\", "/").split("/")
    return (
        name.endswith(".npy")
        and len(name) <= MAX_NAME
        and name.isprintable()
        and "\\" not in name
        and not any(step in ("", ".", "..", ".npy") for step in steps)
        and ":" not in steps[0]
    )


def sane_path(name: str) -> bool:
    """Whether a zip member's name is a plain path: printable, and not a path to elsewhere."""
    steps = name.replace("\\", "/").split("/")
    return len(name) <= 1000 and name.isprintable() and not {"", ".", ".."} & set(steps) and ":" not in steps[0]


def check_directory(file: IO[bytes], most: int) -> int:
    """Return the size of a zip file, which is then at its start; ValueError if its directory has more than `most` bytes
    or is missing.
    """
    size = file.seek(0, io.SEEK_END)
    if (directory := _directory_size(file, size)) > min(most, size):
        raise ValueError(f"its directory declares {directory:,} bytes, expected at most {min(most, size):,}")
    file.seek(0)
    return size


def _directory_size(file: IO[bytes], size: int) -> int:
    """Size in bytes of the zip directory, as declared in the end record that zipfile will use."""
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
        declared = struct.unpack_from("<Q", tail, at - 76 + 40)[0]  # a zip64 record takes precedence
    return declared


def _entries(infos: list[zipfile.ZipInfo], size: int, most: int) -> dict[str, zipfile.ZipInfo]:
    """{name: entry}.  Raises ValueError for the first entry that differs from what NumPy writes."""
    if len(infos) > MAX_MEMBERS:
        raise ValueError(f"has {len(infos):,} members, expected at most {MAX_MEMBERS:,}")
    entries, total = {}, 0
    for info in infos:
        name = info.orig_filename
        if not sane_name(name):
            raise ValueError(f"has a member called {name[:MAX_NAME]!r}; expected the plain name of an array with .npy")
        if name.removesuffix(".npy") in entries:
            raise ValueError(f"has two members called {name!r}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name!r} has compression method {info.compress_type}, which NumPy does not use")
        if info.flag_bits & 0x1:
            raise ValueError(f"{name!r} is encrypted")
        entries[name.removesuffix(".npy")] = info
        total += info.file_size
    if total > most:
        raise ValueError(f"declares {total:,} bytes in total, expected at most {most:,} bytes")
    check_ratio(total, size)
    return entries
