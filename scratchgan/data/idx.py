"""The IDX format of MNIST: two zero bytes, a type, the number of axes, each size as a big-endian uint32, the values.

Source: the format note on the MNIST page of LeCun, Cortes and Burges.  Only unsigned bytes (type 0x08) are read, which
is what images and labels are stored as.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from .limits import DataError, check_fits

_MOST_DEFLATE_CAN = 1040  # a deflate stream grows at most about 1032-fold when it is opened


def read_idx(path: str | Path, *, ndim: int | None = None) -> np.ndarray:
    """Read one IDX file, gzipped or plain: an array of uint8.

    DataError naming the file if it is not IDX, not of bytes, has another number of axes than `ndim`, is cut short or
    too long, or declares more values than the file can hold (checked before any memory is taken).
    """
    with open(path, "rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0, 2)
        most = raw.tell() * (_MOST_DEFLATE_CAN if zipped else 1)
        raw.seek(0)
        if not zipped:
            return _read(raw, path, ndim, most)
        try:
            with gzip.GzipFile(fileobj=raw) as opened:
                return _read(opened, path, ndim, most)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DataError(f"{path}: the gzip file is broken or cut short") from None


def _read(file, path, ndim, most):
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or not head[3]:
        raise DataError(f"{path}: not an IDX file (it must begin with two zero bytes, a type and a number of axes)")
    if head[2] != 0x08:
        raise DataError(f"{path}: IDX type 0x{head[2]:02x} is not supported, only unsigned bytes (0x08)")
    if ndim is not None and head[3] != ndim:
        raise DataError(f"{path}: expected an IDX file of {ndim} axes, got {head[3]}")
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise DataError(f"{path}: the IDX file ends inside its header")
    shape = struct.unpack(f">{head[3]}I", sizes)
    count = math.prod(shape)
    if count > most:
        raise DataError(f"{path}: declares {shape}, {count} bytes, which a file of this size cannot hold")
    check_fits(shape, path)
    values = file.read(count + 1)  # one more, to see whether the file goes on
    if len(values) != count:
        what = "goes on after" if len(values) > count else "ends before"
        raise DataError(f"{path}: declares {shape}, {count} bytes, but {what} that")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)
