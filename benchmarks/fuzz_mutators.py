"""Mutators of the fuzzer: each turns a valid file into a damaged one.  They take bytes and a `random.Random`.

Blind mutators (flip, cut, insert, splice) find errors in a parser's first checks.  Mutators that know the format (a
.npy header, a zip directory, a PNG chunk with a corrected checksum) pass these checks and find errors in later ones.
"""

from __future__ import annotations

import gzip
import io
import random
import re
import struct
import zipfile
import zlib

NUMBERS = [
    0,
    1,
    2,
    7,
    127,
    128,
    255,
    256,
    32767,
    65535,
    65536,
    10**6,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
    10**30,
]
DESCRIPTIONS = [
    "|O",
    "|u1",
    "<f4",
    ">f4",
    "<f8",
    "<f2",
    "<f16",
    "<c8",
    "<i8",
    ">i8",
    "|b1",
    "|S9",
    "<U2000000000",
    "|V0",
    "<M8[s]",
    "f4,f4",
    "(2,3)<f4",
    "<f3",
    "O8",
    "object",
    "float",
    "<f0",
    "|S0",
    "a9",
    "",
    "<f4" * 50,
]
CODE = [
    "__import__('os').system('true')",
    "(lambda: 1)()",
    "exec('1')",
    "[" * 3000,
    "(" * 3000,
    "9" * 6000,
    "1e999",
    "{" * 200,
    "-" * 3000 + "1",
    "'" * 3,
    "\\x00",
    "\x00",
    "{**{}}",
    "'''",
    "\n\n",
    "0x" + "f" * 3000,
    "1" + "_1" * 50,
]
NAMES = [
    "../../etc/passwd",
    "/etc/passwd",
    "arrays/../x",
    "C:\\x",
    "a\x00b",
    "\u202egnp",
    "",
    ".",
    "x" * 60000,
    "images",
    "format",
    "meta/recipe",
    "arrays/é",
    "arrays/\u0430",
    "arrays//x",
    "arrays/",
    "con",
    "labels",
    "\n",
]


def blind(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Make one to four changes that do not depend on the format."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, kind = rng.randrange(len(out) + 1), rng.randrange(8)
        if kind == 0 and out:
            for _ in range(rng.choice((1, 1, 8))):
                out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del out[at:]
        elif kind == 2:
            out[at:at] = rng.randbytes(rng.choice((1, 2, 4, 30, 1000)))
        elif kind == 3:
            del out[at : at + rng.choice((1, 2, 8, 100))]
        elif kind == 4:
            other = rng.choice(others)
            out[at:] = other[rng.randrange(len(other) + 1) :]
        elif kind == 5:
            piece = bytes(out[at : at + rng.choice((4, 50, 500))])
            out[at:at] = piece * rng.choice((1, 2, 20))
        elif kind == 6:
            number = rng.choice(NUMBERS) % 2**64
            width, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
            out[at : at + width] = (number % 256**width).to_bytes(width, order)
        else:
            out = bytearray(text(bytes(out), rng))
    return bytes(out)


def text(data: bytes, rng: random.Random) -> bytes:
    """Change one number, word or bracket of a text."""
    tokens = list(re.finditer(rb"\d+|\w+|[\[\]{}()'\"=,.:\n]", data[:200_000]))
    if not tokens:
        return data
    token = rng.choice(tokens)
    if token[0].isdigit() and rng.random() < 0.7:
        new = str(rng.choice((1, -1)) * rng.choice(NUMBERS)).encode()
    else:
        new = rng.choice(
            (
                b"",
                token[0] * 2,
                token[0][::-1],
                rng.choice(tokens)[0],
                rng.choice(CODE).encode(),
                b"nan",
                b"[[a]]\n",
                b"\xff",
                b"true",
                b"1979-05-27",
                "é\u202e".encode(),
                b"a." * 30,
                b"''",
            )
        )
    return data[: token.start()] + new + data[token.end() :]


def npy(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Change the header of a .npy file, its values, or its length."""
    if rng.random() < 0.3 or data[:6] != b"\x93NUMPY":
        return blind(data, rng, others)
    start = 10 if data[6] == 1 else 12
    end = start + int.from_bytes(data[8:start], "little")
    header, values, version = data[start:end].decode("latin-1"), data[end:], data[6]
    kind = rng.randrange(7)
    if kind == 0:
        header = re.sub(r"'descr': [^,]*", lambda _: f"'descr': {rng.choice(DESCRIPTIONS)!r}", header)
    elif kind == 1:
        shape = [rng.choice((0, 1, 2, 3, -1, 28, rng.choice(NUMBERS))) for _ in range(rng.choice((0, 1, 2, 3, 4, 40)))]
        header = re.sub(r"'shape': \([^)]*\)", f"'shape': {tuple(shape)}", header)
    elif kind == 2:
        header = header.replace("False", rng.choice(("True", "None", "1", "'no'")))
    elif kind == 3:
        header = text(header.encode("latin-1"), rng).decode("latin-1")
    elif kind == 4:
        header = header.rstrip()[:-1] + rng.choice(
            (f", 'more': {rng.choice(CODE)}}}", rng.choice(CODE), " " * rng.choice((100, 70000)) + "}")
        )
    elif kind == 5:
        values = struct.pack("<f", rng.choice((float("nan"), float("inf"), 3e38, -1.5))) * (len(values) // 4 or 1)
    else:
        version, values = rng.choice((0, 2, 3, 255)), values[: rng.randrange(len(values) + 1)]
    raw = header.encode("latin-1", "replace")
    length = rng.choice((len(raw),) * 9 + tuple(NUMBERS))
    width = 2 if version == 1 else 4
    return b"\x93NUMPY" + bytes([version, 0]) + (length % 256**width).to_bytes(width, "little") + raw + values


def archive(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Change a member of a zip file and pack it again with correct checksums, or change a field of its records."""
    if rng.random() < 0.2:
        return blind(data, rng, others)
    if rng.random() < 0.4:
        return _records(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        members = [[info.filename, opened.read(info)] for info in opened.infolist()]
    for _ in range(rng.choice((1, 1, 2))):
        if not members:
            break
        chosen = rng.choice(members)
        kind = rng.randrange(9)
        if kind < 4:
            chosen[1] = npy(chosen[1], rng, [content for _, content in members])
        elif kind == 4:
            chosen[0] = rng.choice(NAMES) + rng.choice(("", ".npy"))
        elif kind == 5:
            members.append([chosen[0] if rng.random() < 0.5 else rng.choice(NAMES) + ".npy", chosen[1]])
        elif kind == 6:
            members.remove(chosen)
        elif kind == 7:  # the text of a recipe, a generator's state
            header = chosen[1][:128]
            changed = text(chosen[1][128:], rng)
            shape = f"({len(changed)},), }}".encode()
            chosen[1] = re.sub(rb"\(\d+,\), \}", shape, header)[:127].ljust(127) + b"\n" + changed
        else:
            chosen[1] = rng.choice(members)[1] if rng.random() < 0.9 else bytes(rng.choice((10**6, 4 * 10**7)))
    out = io.BytesIO()
    how = rng.choice((zipfile.ZIP_STORED,) * 4 + (zipfile.ZIP_DEFLATED,) * 2 + (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(out, "w", how) as packed:
        for name, content in members:
            packed.writestr(zipfile.ZipInfo(name) if name else zipfile.ZipInfo("x"), content, how)
    return out.getvalue()


def _records(data: bytes, rng: random.Random) -> bytes:
    """Overwrite a field of a local header, a directory entry or the end record of a zip file."""
    out = bytearray(data)
    mark, fields = rng.choice(
        (
            (
                b"PK\1\2",
                ((4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4)),
            ),
            (b"PK\3\4", ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2))),
            (b"PK\5\6", ((4, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2))),
        )
    )
    places = [match.start() for match in re.finditer(re.escape(mark), data)]
    if not places:
        return blind(data, rng, [data])
    for _ in range(rng.choice((1, 1, 3))):
        at, (offset, width) = rng.choice(places), rng.choice(fields)
        old = int.from_bytes(out[at + offset : at + offset + width], "little")
        new = rng.choice((rng.choice(NUMBERS), old + rng.choice((-1, 1, 4, 100, 10**6)), rng.getrandbits(8 * width)))
        out[at + offset : at + offset + width] = (new % 256**width).to_bytes(width, "little")
    return bytes(out)


def idx(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Change an IDX file, or the content of a gzipped one; sometimes make a decompression bomb."""
    zipped = data[:2] == b"\x1f\x8b"
    if zipped and rng.random() < 0.4:
        return blind(data, rng, others)
    plain = bytearray(gzip.decompress(data) if zipped else data)
    kind = rng.randrange(4)
    if kind == 0:
        plain = bytearray(blind(bytes(plain), rng, others))
    elif kind == 1:
        at = 4 + 4 * rng.randrange(3)
        plain[at : at + 4] = struct.pack(">I", rng.choice(NUMBERS) % 2**32)
    elif kind == 2:
        plain[rng.randrange(4)] = rng.choice((0, 1, 3, 8, 9, 13, 14, 255))
    elif rng.random() < 0.03:
        n = rng.choice((10**5, 2 * 10**7))
        plain = bytearray(b"\0\0\x08\x03" + struct.pack(">3I", n // 100, 10, 10) + bytes(n))
    else:
        plain += bytes(rng.choice((1, 100)))
    return gzip.compress(bytes(plain), 1) + rng.choice((b"",) * 8 + (data, b"\0" * 9)) if zipped else bytes(plain)


def image(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Change an image; in a PNG, change a chunk and correct its checksum."""
    if data[:4] != b"\x89PNG" or rng.random() < 0.4:
        return blind(data, rng, others)
    chunks, at = [], 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append([data[at + 4 : at + 8], bytearray(data[at + 8 : at + 8 + length])])
        at += 12 + length
    name, body = chosen = rng.choice(chunks[:2] + chunks)
    kind = rng.randrange(6)
    if kind == 0 and name == b"IHDR":
        body[rng.choice((0, 4)) :][:4] = b""
        at = rng.choice((0, 4))
        body[at : at + 4] = struct.pack(">I", rng.choice((0, 1, 999, 4000, 30000, 2**31 - 1, 2**32 - 1)))
    elif kind == 1 and body:
        body[rng.randrange(len(body))] = rng.randrange(256)
    elif kind == 2:
        chunks.insert(rng.randrange(len(chunks)), chosen)
    elif kind == 3:
        chunks.remove(chosen)
    elif kind == 4 and name == b"IDAT":
        body[:] = zlib.compress(bytes(rng.choice((10, 1000, 10**6))))
    else:
        new = rng.choice((b"zTXt", b"iTXt", b"iCCP", b"tEXt", b"acTL", b"fcTL", b"eXIf", b"PLTE", b"tRNS", b"gAMA"))
        content = rng.choice(
            (
                b"",
                b"\0" * 26,
                b"k\0\0" + zlib.compress(bytes(3 * 10**6)),
                rng.randbytes(40),
                struct.pack(">II", 3, 0),
                b"k\0\1\0\0\0" + zlib.compress(bytes(10**6)),
            )
        )
        chunks.insert(rng.randrange(1, len(chunks) + 1), [new, bytearray(content)])
    return data[:8] + b"".join(
        struct.pack(">I", len(b)) + n + bytes(b) + struct.pack(">I", zlib.crc32(n + bytes(b))) for n, b in chunks
    )


def recipe(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Change words, numbers and lines of a recipe; sometimes add deep nesting or a key of many parts."""
    kind = rng.randrange(12)
    if kind == 0:
        return blind(data, rng, others)
    if kind == 1:
        lines = data.splitlines(keepends=True)
        rng.shuffle(lines)
        return b"".join(lines + rng.sample(lines, 2))
    if kind == 2:
        n = rng.choice((5, 100, 3000, 30000))
        return data + rng.choice(
            (
                b"x = " + b"[" * n,
                b"x = " + b"{a = " * n,
                b"a" + b".a" * n + b" = 1",
                b"9" * n,
                b"x = " + b"9" * n,
                b"\n[[a]]" * n,
                b"x = '''" + b"'" * n,
                b"# " + b"\xc3\xa9" * n,
            )
        )
    for _ in range(rng.choice((1, 1, 2, 5))):
        data = text(data, rng)
    return data
