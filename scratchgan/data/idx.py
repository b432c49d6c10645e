"""The IDX format of MNIST: two zero bytes, a type, the number of axes, each size as a big-endian uint32, the values.

Source: the format note on the MNIST page of LeCun, Cortes and Burges.  Only unsigned bytes (type 0x08) are supported;
MNIST stores both images and labels in this type.
"""

import contextlib
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from ..files.arrays import check_ratio
from .limits import DataError, check_fits

_MOST_DEFLATE_CAN = 1040  # deflate compresses by a factor of at most about 1032
_PIECE = 1 << 20  # bytes read at a time
_MAX_AXES = 32


def read_idx(path: str | Path, content: IO[bytes] | None = None, *, ndim: int | None = None) -> np.ndarray:
    """Read one IDX file, gzipped or plain, as a uint8 array.

    content   the file, if it is not to be opened by its path
    DataError naming the file if it is not IDX, does not hold bytes, does not have `ndim` axes, is cut short or too
    long, or declares more values than the file can hold (checked before memory is allocated).
    """
    with open(path, "rb") if content is None else contextlib.nullcontext(content) as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        size = raw.seek(0, 2)
        raw.seek(0)
        if not zipped:
            return _read(raw, path, ndim, size, zipped)
        try:
            return _read(_Unzipped(raw), path, ndim, size, zipped)
        except (EOFError, zlib.error):
            raise DataError(f"{path}: the gzip file is broken or cut short") from None


class _Unzipped:
    """The contents of a gzip file with a single member, decompressed piece by piece, with its checksum verified.

    gzip.GzipFile would accept any number of members, even empty ones, and reads the file name in the header byte by
    byte in Python; a malicious file could exploit either.
    """

    def __init__(self, raw):
        self.raw, self.inflate = raw, zlib.decompressobj(wbits=31)

    def read(self, n):
        """At most n bytes; b"" at the end.  EOFError or zlib.error if the file is broken."""
        while not self.inflate.eof:
            packed = self.inflate.unconsumed_tail or self.raw.read(_PIECE)
            if not packed:
                raise EOFError
            if piece := self.inflate.decompress(packed, n):
                return piece
        return b""

    @property
    def rest(self):
        """Whether anything follows the member, apart from zeros, which some tools pad files with."""
        return any(self.inflate.unused_data) or any(any(piece) for piece in iter(lambda: self.raw.read(_PIECE), b""))


def _exactly(file, n):
    """n bytes, or fewer at the end of the file."""
    out = bytearray()
    while len(out) < n and (piece := file.read(min(n - len(out), _PIECE))):
        out += piece
    return bytes(out)


def _read(file, path, ndim, size, zipped):
    head = _exactly(file, 4)
    if len(head) < 4 or head[:2] != b"\0\0" or not head[3]:
        raise DataError(
            f"{path}: not an IDX file (it must begin with two zero bytes, a type and a number of axes)"
            + ("; unpack the tar archive first, and give the folder" if ".t" in Path(path).name else "")
        )
    if head[2] != 0x08:
        raise DataError(f"{path}: IDX type 0x{head[2]:02x} is not supported, only unsigned bytes (0x08)")
    if ndim is not None and head[3] != ndim:
        raise DataError(f"{path}: expected an IDX file of {ndim} axes, got {head[3]}")
    if head[3] > _MAX_AXES:
        raise DataError(f"{path}: declares {head[3]} axes, expected at most {_MAX_AXES}")
    sizes = _exactly(file, 4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise DataError(f"{path}: the IDX file ends inside its header")
    shape = struct.unpack(f">{head[3]}I", sizes)
    count = math.prod(shape)
    if not count:
        raise DataError(f"{path}: declares {shape}, which is empty")
    if count > size * (_MOST_DEFLATE_CAN if zipped else 1):
        raise DataError(f"{path}: declares {shape}, {count} bytes, which a file of this size cannot hold")
    check_fits(shape, path)
    if zipped:
        try:
            check_ratio(count, size)
        except ValueError as error:
            raise DataError(f"{path}: declares {shape}: {error}") from None
    values, filled = np.empty(count, np.uint8), 0
    while filled < count and (piece := file.read(min(count - filled, _PIECE))):
        values[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    if filled < count or file.read(1):  # tries to read one more byte: the file should have ended
        what = "ends before" if filled < count else "continues after"
        raise DataError(f"{path}: declares {shape}, {count} bytes, but {what} that")
    if zipped and file.rest:
        raise DataError(f"{path}: expected a gzip file with one member, but more data follows it")
    return values.reshape(shape)
