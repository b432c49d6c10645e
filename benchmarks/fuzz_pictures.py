"""The fuzzer's valid files and mutators for WebP, BMP, TIFF, GIF and AVIF images, and for zip files of images.

Each mutator changes the file blindly, or writes a number that is likely to matter into a field that the format has: the
length of a chunk, the count of a tag, the width in a header.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile

import numpy as np

from .fuzz_mutators import NAMES, NUMBERS, _records, blind, image

KINDS = ("webp", "bmp", "tiff", "gif", "avif")


def seeds_of(kind: str) -> list[bytes]:
    """Small valid files of a kind, or small zip files of images."""
    from PIL import Image

    rng = np.random.default_rng(0)
    rgb, grey = rng.integers(0, 256, (24, 20, 3), np.uint8), rng.integers(0, 256, (24, 20), np.uint8)
    colour, plain, clear = (Image.fromarray(x) for x in (rgb, grey, np.dstack([rgb, grey])))
    exif = Image.Exif()
    exif[0x0112] = 6
    film = {"save_all": True, "append_images": [colour.rotate(90), plain.convert("RGB")]}
    wanted = {
        "webp": [
            (colour, {"lossless": True}),
            (colour, {}),
            (clear, {"exif": exif}),
            (colour, {"icc_profile": bytes(300)}),
            (colour, film),
        ],
        "bmp": [(colour, {}), (plain, {}), (colour.quantize(16), {}), (plain.convert("1"), {}), (clear, {})],
        "tiff": [
            (colour, {}),
            (plain, {"compression": "tiff_lzw"}),
            (colour.quantize(8), {"compression": "packbits"}),
            (Image.fromarray(grey.astype(np.uint16) * 200), {"exif": exif}),
            (Image.fromarray(grey.astype(np.float32) / 255), {"compression": "tiff_adobe_deflate"}),
            (Image.fromarray(grey.astype(np.int32)), {}),
            (plain.convert("1"), {"compression": "group4"}),
            (colour, {"compression": "jpeg"}),
            (colour.convert("CMYK"), {"compression": "tiff_lzw"}),
            (clear, {"big_tiff": True}),
            (colour, film),
        ],
        "gif": [(plain, {}), (colour.quantize(8), {"transparency": 1, "comment": b"x" * 300}), (colour, film)],
        "avif": [(colour, {}), (plain, {}), (clear, {"exif": exif}), (colour, film)],
    }
    if kind == "zip":
        return _zips(seeds_of("bmp")[:1] + seeds_of("gif")[:1], plain)
    if kind == "bmp":
        return [_saved(picture, kind, options) for picture, options in wanted[kind]] + [_run_length()]
    return [_saved(picture, kind, options) for picture, options in wanted[kind]]


def _saved(picture, kind, options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind.upper(), **options)
    return file.getvalue()


def _run_length() -> bytes:
    """A BMP with run-length compression, which Pillow does not write: runs, plain pixels, a skip, the end."""
    data = bytes([9, 1, 0, 0, 0, 3, 1, 2, 3, 0, 0, 2, 2, 1, 4, 7, 0, 0, 9, 5, 0, 1])
    palette = bytes(range(256)) * 4
    head = struct.pack("<IiiHHIIiiII", 40, 9, 6, 1, 8, 1, len(data), 2835, 2835, 256, 0)
    start = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + palette + data


def _zips(images: list[bytes], plain) -> list[bytes]:
    images = [*images, _saved(plain, "png", {}), _saved(plain, "jpeg", {})]
    array = io.BytesIO()
    np.savez(array, images=np.asarray(plain)[None].repeat(3, 0), labels=np.arange(3))
    out = []
    for names, method in (
        (("a.png", "b.jpg", "c.bmp", "d.gif"), zipfile.ZIP_STORED),
        (("in/cats/a.png", "in/cats/b.jpg", "in/dogs/c.bmp", "in/dogs/d.gif"), zipfile.ZIP_DEFLATED),
        (("train/a.png", "train/b.jpg", "test/c.bmp", "__MACOSX/d.gif"), zipfile.ZIP_STORED),
        (("data/x.npz",), zipfile.ZIP_STORED),
    ):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in zip(names, [array.getvalue()] if len(names) == 1 else images, strict=False):
                archive.writestr(zipfile.ZipInfo(name), content, method)
        out.append(file.getvalue())
    return out


def fields(data: bytes, kind: str) -> list[tuple[int, int, str]]:
    """(place, width, byte order) of numbers in a file that say how long or how large something is."""
    if kind == "bmp":
        return [(at, 4, "little") for at in (2, 10, 14, 18, 22, 30, 34, 46)] + [(26, 2, "little"), (28, 2, "little")]
    if kind == "gif":
        at = 13 + (6 << (data[10] & 7)) * (data[10] >> 7)
        found = [(6, 2, "little"), (8, 2, "little"), (10, 1, "little"), (at, 1, "little"), (at + 2, 1, "little")]
        comma = data.find(b",", at)
        return found + [(comma + i, 2, "little") for i in (1, 3, 5, 7)] + [(comma + 9, 1, "little")]
    if kind == "webp":
        found, at = [(4, 4, "little")], 12
        while at + 8 <= len(data):
            found += [(at + 4, 4, "little"), (at + 8, 4, "little"), (at + 12, 3, "little"), (at + 15, 3, "little")]
            at += 8 + int.from_bytes(data[at + 4 : at + 8], "little") // 2 * 2
        return found
    if kind == "avif":
        names = (b"ispe", b"iloc", b"iinf", b"ipma", b"pixi", b"av1C", b"mdat", b"meta", b"irot", b"stsz", b"stco")
        places = [(data.find(name), name) for name in names]
        return [(at + i, 4, "big") for at, _ in places if at > 0 for i in (-4, 4, 8, 12, 16)]
    order, big = ("little" if data[:2] == b"II" else "big"), data[2:4] in (b"+\0", b"\0+")
    start = int.from_bytes(data[8:16] if big else data[4:8], order)
    head, entry, width = (8, 20, 8) if big else (2, 12, 4)
    count = min(int.from_bytes(data[start : start + head], order), 100)
    found = [(8 if big else 4, width, order), (start, head, order), (start + head + count * entry, width, order)]
    for i in range(count):
        at = start + head + i * entry
        found += [(at, 2, order), (at + 2, 2, order), (at + 4, width, order), (at + 4 + width, width, order)] * 2
    return found


def picture(kind: str):
    """The mutator of a kind of image."""

    def mutate(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
        if rng.random() < 0.4:
            return blind(data, rng, others)
        out = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            at, width, order = rng.choice(fields(data, kind))
            old = int.from_bytes(out[at : at + width], order)
            new = rng.choice(
                (rng.choice(NUMBERS), old + rng.choice((-1, 1, 4, 100, 10**6)), rng.getrandbits(8 * width), old ^ 1)
            )
            out[at : at + width] = (new % 256**width).to_bytes(width, order)
        return bytes(out)

    return mutate


def pictures_in_zip(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Change, add, remove or rename a member of a zip file of images, or change a field of its records."""
    if rng.random() < 0.2:
        return blind(data, rng, others)
    if rng.random() < 0.4:
        return _records(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        members = [[info.filename, opened.read(info)] for info in opened.infolist()]
    chosen, kind = rng.choice(members), rng.randrange(6)
    if kind == 0:
        chosen[1] = image(chosen[1], rng, [content for _, content in members])
    elif kind == 1:
        chosen[0] = rng.choice(NAMES) + rng.choice(("", ".png", "/a.png", ".npz"))
    elif kind == 2:
        members.append([chosen[0] if rng.random() < 0.5 else rng.choice(NAMES) + ".png", chosen[1]])
    elif kind == 3:
        members.remove(chosen)
    elif kind == 4:
        chosen[0] = rng.choice(("train/", "test/", "a/b/c/", "\\", "..\\", "C:", "trainA/", "trainB/")) + chosen[0]
    else:
        chosen[1] = rng.choice(members)[1] if rng.random() < 0.9 else bytes(rng.choice((10**6, 4 * 10**7)))
    out = io.BytesIO()
    how = rng.choice((zipfile.ZIP_STORED,) * 4 + (zipfile.ZIP_DEFLATED,) * 2 + (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(out, "w", how) as packed:
        for name, content in members:
            packed.writestr(zipfile.ZipInfo(name or "x"), content, how)
    return out.getvalue()
