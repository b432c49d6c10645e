"""Files that are not what they say: one clear line each, in bounded time and memory, and nothing in them is run."""

import gzip
import http.server
import io
import json
import random
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from refuses import refuses, unit

from scratchgan.data import BatchStream, Dataset, DownloadError, download, limits, load_download, load_path
from scratchgan.data.limits import DataError
from scratchgan.files import arrays, checkpoint
from scratchgan.game import generator_from, rng_state
from scratchgan.runs import recipe
from scratchgan.runs.build import build_gan
from scratchgan.runs.limits import at_most


def npy(shape, dtype="|u1", *, values=b"", order="False", version=1, length=None, text=None):
    """A .npy file by hand, true or not."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {shape}, }}" if text is None else text
    text = text.encode()
    length = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + length.to_bytes(2 if version == 1 else 4, "little") + text + values


def npz(path, members, how=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def idx(shape, values=b""):
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


def chunk(name, body, length=None):
    length = len(body) if length is None else length
    return struct.pack(">I", length) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width=4, height=4, extra=b"", raw=None):
    raw = zlib.compress(bytes((width + 1) * height)) if raw is None else raw
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + extra
        + chunk(b"IDAT", raw)
        + chunk(b"IEND", b"")
    )


def jpeg(**options):
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 90, 200)).save(file, "JPEG", **options)
    return file.getvalue()


def fails(call, *words, kind=ValueError):
    """call() raises `kind` with one line of reasonable length that holds all the words."""
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 3000
    for word in words:
        assert str(word) in message, message


# ---- .npy headers


BROKEN = "its header is broken"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy("(1,)" + "[" * 5000), BROKEN),
        (npy("(1,)", text="(" * 3000 + ")" * 3000), BROKEN),
        (npy("(1,)", text="[" * 9000), BROKEN),
        (npy("__import__('os').system('true')"), BROKEN),
        (npy("(1,)", text="{'descr': '|u1', 'fortran_order': False, 'shape': (4,), 'more': exit()}"), BROKEN),
        (npy("(4, 4, 4)", "<f4", order="None"), BROKEN),
        (npy("(4, 4, 4)", "f4,f4"), BROKEN),
        (npy("(4, 4, 4)", "a3"), BROKEN),
        (npy("(4, 4, 4)", "<U2000000000"), BROKEN),
        (npy("(4,)", text="{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (4,)}"), BROKEN),
        (
            npy("(4, 4, 4)", version=2, length=2**32 - 1),
            "its header declares 4,294,967,295 bytes, expected at most 10,000",
        ),
        (npy("(4, 4, 4)", text=" " * 20_000), "its header declares 20,000 bytes"),
        (npy("(4, 4, 4)", version=2, length=9000), "ends inside its header"),
        (npy(str((1,) * 70), values=b"1"), "declares the impossible shape"),
        (npy("(0, 9999999999999999999999)"), "declares the impossible shape"),
        (npy("(0, 4611686018427387904, 4)"), "declares the impossible shape"),
        (npy("(3, 4, 4)", values=bytes(49)), "has more bytes than that"),
        (
            npy("(3, 4, 4)", "|O", values=b"cos\nsystem\n(S'true'\ntR."),
            "contains pickled Python objects, which are never",
        ),
        (npy("(4, 2)", "|b1", values=bytes(8)), "expected uint8 or floats, got bool"),
    ],
    ids=range(19),
)
def test_npy(tmp_path, content, words):
    (tmp_path / "x.npy").write_bytes(content)
    refuses(tmp_path / "x.npy", tmp_path / "x.npy", words)
    npz(tmp_path / "x.npz", [("images.npy", content)])
    refuses(tmp_path / "x.npz", f"{tmp_path / 'x.npz'}[images]: ", words)
    save(tmp_path / "c.npz", more=[("arrays/x.npy", content)])
    fails(
        lambda: checkpoint.load(tmp_path / "c.npz"),
        "c.npz: the checkpoint is truncated or damaged (arrays/x: ",
        words.replace("expected uint8 or floats, got", "an array of"),
    )


def test_odd_but_sound_arrays_are_read(tmp_path):
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for i, content in enumerate(
        [
            npy("(2, 3, 4)", order="True", values=pixels.tobytes("F")),
            npy("(2L, 3L, 4L)", values=pixels.tobytes()),
            npy("", text='{"shape":(2,3,4),"fortran_order":False,"descr":"u1"}', values=pixels.tobytes(), version=3),
        ]
    ):
        (tmp_path / f"{i}.npy").write_bytes(content)
        np.testing.assert_array_equal(load_path(tmp_path / f"{i}.npy").images[..., 0], unit(pixels))
    wide = np.array([[0.5, -1.5]])
    save(tmp_path / "c.npz", more=[("arrays/x.npy", npy("(1, 2)", ">f8", values=wide.astype(">f8").tobytes()))])
    x = checkpoint.load(tmp_path / "c.npz").arrays["x"]
    np.testing.assert_array_equal(x, wide)
    assert x.dtype == np.float64
    assert x.flags.writeable


# ---- zip files


def save(path, arrays=None, meta=None, more=(), without=()):
    """A checkpoint, with members added and left out by hand."""
    checkpoint.save(path, arrays or {}, meta or {})
    if more or without:
        with zipfile.ZipFile(path) as archive:
            kept = [(name, archive.read(name)) for name in archive.namelist() if name not in without]
        npz(path, [*kept, *more])


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "name",
    [
        "../x.npy",
        "/etc/x.npy",
        "arrays/../../x.npy",
        "C:/x.npy",
        "arrays\\x.npy",
        "x\u202e.npy",
        "arrays//x.npy",
        "x",
        ".npy",
        "x" * 300 + ".npy",
        "a\nb.npy",
        "x/",
    ],
)
def test_names_that_lead_elsewhere(tmp_path, name):
    sound = npy("(1, 3, 4)", values=bytes(12))
    refuses(npz(tmp_path / "x.npz", [(name, sound)]), "x.npz: the .npz file is broken", "has a member called")
    save(tmp_path / "c.npz", more=[(name, sound)])
    fails(lambda: checkpoint.load(tmp_path / "c.npz"), "c.npz: the checkpoint is", "has a member called")
    assert {path.name for path in tmp_path.iterdir()} == {"x.npz", "c.npz"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_directories(tmp_path, monkeypatch):
    path, sound = tmp_path / "x.npz", npy("(2, 4, 4)", values=bytes(32))
    refuses(npz(path, [("images.npy", sound)] * 2), "has two members called 'images.npy'")
    for how, number in ((zipfile.ZIP_LZMA, 14), (zipfile.ZIP_BZIP2, 12)):  # either can take memory at will
        refuses(npz(path, [("images.npy", sound)], how), f"has compression method {number}, which NumPy")
    refuses(npz(path, [(f"a{i}.npy", sound) for i in range(20)]), "expected an array 'images'", "'a15', ...]")
    whole = bytearray(npz(path, [("images.npy", sound)]).read_bytes())
    at, end = whole.index(b"PK\1\2"), len(whole) - 22

    def edited(where, form, value):
        out = whole.copy()
        struct.pack_into(form, out, where, value)
        path.write_bytes(out)
        return path

    refuses(edited(end + 12, "<I", 2**32 - 1), "its directory declares 4,294,967,295 bytes")
    refuses(edited(at + 8, "<H", 1), "'images.npy' is encrypted")
    refuses(edited(at + 24, "<I", 40), "Bad CRC-32")
    refuses(
        edited(at + 24, "<I", len(sound) + 5), "[images]: declares (2, 4, 4) of uint8, but has more bytes than that"
    )
    refuses(edited(at + 16, "<I", 7), "Bad CRC-32")
    refuses(edited(at + 6, "<H", 99), "zip file version 9.9")
    refuses(edited(at + 42, "<I", 2**31), "the .npz file is broken")
    path.write_bytes(
        whole[:at]
        + bytes(whole[at:end]) * 9
        + whole[end : end + 12]
        + struct.pack("<I", 9 * (end - at))
        + whole[end + 16 :]
    )
    refuses(path, "has two members called")
    monkeypatch.setattr(arrays, "MAX_MEMBERS", 3)
    refuses(npz(path, [(f"a{i}.npy", sound) for i in range(4)]), "has 4 members, expected at most 3")
    monkeypatch.setattr(arrays, "MAX_DIRECTORY", 150)
    refuses(npz(path, [(f"a{i}.npy", sound) for i in range(3)]), "its directory declares", "expected at most 150")


def test_an_archive_with_a_comment_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", npy("(2, 4, 4)", values=bytes(32)))
        archive.comment = b"made by hand"
    assert load_path(tmp_path / "x.npz").images.shape == (2, 4, 4, 1)


def test_zip64_is_read_and_its_directory_judged(tmp_path, monkeypatch):
    """What zipfile writes beyond 2 GiB: the size that counts stands in another record."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 300)
    checkpoint.save(tmp_path / "c.npz", {"x": np.arange(1000.0)}, {"step": 3})
    whole = bytearray((tmp_path / "c.npz").read_bytes())
    assert checkpoint.load(tmp_path / "c.npz").arrays["x"][-1] == 999
    struct.pack_into("<Q", whole, whole.index(b"PK\6\6") + 40, 2**50)
    (tmp_path / "c.npz").write_bytes(whole)
    fails(lambda: checkpoint.load(tmp_path / "c.npz"), "its directory declares 1,125,899,906,842,624 bytes")


# ---- checkpoints


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"more": [("arrays/gan/G/0.W.npy", npy("(3,)", "<f8", values=np.array([1.0, np.nan, np.inf]).tobytes()))]},
            "arrays/gan/G/0.W: has 2 values that are not finite",
        ),
        ({"more": [("other.npy", npy("()", "<i8", values=bytes(8)))]}, "has the unknown member 'other'"),
        ({"more": [("arrays/x.npy", npy("(1,)", "<c8", values=bytes(8)))]}, "arrays/x: an array of complex64"),
        ({"more": [("arrays/x.npy", npy("(1,)", "|b1", values=b"\7"))]}, "arrays/x: an array of bool"),
        ({"more": [("meta/x.npy", npy("(2,)", values=b"\xff\xfe"))]}, "meta/x: 'utf-8' codec can't decode"),
        ({"more": [("meta/x.npy", npy("(1,)", "<f8", values=bytes(8)))]}, "meta/x: a fact of float64 (1,)"),
        ({"more": [("meta/x.npy", npy("(1, 1)", "<i8", values=bytes(8)))]}, "meta/x: a fact of int64 (1, 1)"),
        (
            {"more": [("meta/x.npy", npy(f"({2**20 + 1},)", values=bytes(2**20 + 1)))]},
            "meta/x: a fact of 1,048,577 bytes",
        ),
        ({"without": ["version.npy"]}, "version is 'None', expected a whole number"),
        ({"without": ["version.npy"], "more": [("version.npy", npy("()", "<i8", values=bytes(8)))]}, "version is '0'"),
        ({"without": ["version.npy"], "more": [("version.npy", npy("(1,)", values=b"1"))]}, "version is '1'"),
    ],
    ids=range(11),
)
def test_checkpoints(tmp_path, changed, words):
    save(tmp_path / "c.npz", **changed)
    fails(
        lambda: checkpoint.load(tmp_path / "c.npz"), f"{tmp_path}/c.npz: the checkpoint is truncated or damaged", words
    )


def test_facts_are_of_their_kind():
    meta = {"recipe": 7, "step": 3, "data_shape": (2,)}
    assert (checkpoint.fact(meta, "step", int), checkpoint.fact(meta, "data_shape", tuple)) == (3, (2,))
    fails(lambda: checkpoint.fact(meta, "recipe", str), "the checkpoint's 'recipe' is '7', expected text")
    fails(lambda: checkpoint.fact(meta, "step", tuple), "expected a list of integers")
    fails(lambda: checkpoint.fact(meta, "more", int), "the checkpoint lacks 'more'")


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    for saved, meta, words in [
        ({"x": np.array(["a"])}, {}, "an array of <U1; expected floats or integers"),
        ({"../x": np.zeros(1)}, {}, "without .. or empty parts"),
        ({}, {"x": "a" * (2**20 + 1)}, "a fact of 1,048,577 bytes"),
        ({"m/0.W": np.array([1.0, np.nan, np.inf])}, {}, '"m/0.W": it has 2 values that are not finite'),
    ]:
        fails(lambda a=saved, m=meta: checkpoint.save(tmp_path / "c.npz", a, m), "cannot save", words)
    assert list(tmp_path.iterdir()) == []


def test_states_that_cannot_be(rng):
    """Finite, of the right shape, and yet no state: refused by name, and nothing has changed."""
    gan = build_gan(recipe.Recipe(model="dcgan", width=2, latent_dim=3), (8, 8, 1))
    good = {name: np.array(array) for name, array in gan.state().items()}
    variance = next(name for name in good if name.endswith("var (running)"))
    square = next(name for name in good if name.startswith("d_optimizer/v/"))
    other = build_gan(recipe.Recipe(model="dcgan", width=2, latent_dim=3, seed=1), (8, 8, 1))
    before = {name: np.array(array) for name, array in other.state().items()}
    for name, value, words in [
        (variance, np.full_like(good[variance], -1), f"the running variance {variance!r} is negative"),
        (square, np.full_like(good[square], -1), f"'{square.removeprefix('d_optimizer/')}' is a mean of squares"),
        ("steps", np.array(-1), "steps is -1, expected at least 0"),
        ("g_optimizer/steps", np.array(-(2**40)), "Adam: steps is -1099511627776"),
        ("rng/noise", np.frombuffer(b"[" * 999, np.uint8), "not the state of a random generator"),
        ("rng/noise", np.zeros(1001, np.uint8), "text of at most 1000 bytes, got uint8 (1001,)"),
        ("rng/layers", np.full(9, np.nan), "got float64 (9,)"),
    ]:
        fails(lambda n=name, v=value: other.load_state({**good, n: v}), words)
        for key, array in other.state().items():
            np.testing.assert_array_equal(array, before[key])
    other.load_state(good)
    np.testing.assert_array_equal(other.sample(2, seed=0), gan.sample(2, seed=0))


def test_generator_states(rng):
    text = rng_state(rng).tobytes().decode()
    for changed in (
        "[]",
        "1",
        '{"bit_generator": "PCG64"}',
        text.replace("PCG64", "MT19937"),
        text.replace("{", "{[", 1),
        text.replace('"inc": ', '"inc": 1e999, "x": '),
        text.replace('"inc": ', '"inc": -'),
        '{"a":' * 190,
    ):
        fails(lambda c=changed: generator_from(np.frombuffer(c.encode(), np.uint8)), "not the state of a random")


def test_stream_states_do_not_choose_their_types(rng):
    """A state may hold arrays, by type: {"dtype": "S2000000000"} would take 2 GB."""
    stream = BatchStream(Dataset(np.zeros((4, 2), np.float32)), 2, rng=np.random.default_rng(0))
    state = stream.state()
    for text in (
        '{"bit_generator": {"dtype": "S2000000000", "values": ["a"]}}',
        '{"a":' * 3000,
        "[]",
        " " * 30_000,
        '{"dtype": "O", "values": [1]}',
        '{"dtype": "<u8", "values": 3}',
    ):
        changed = {**state, "rng": np.frombuffer(text.encode(), np.uint8)}
        fails(lambda c=changed: stream.load_state(c), "state is unusable")
    assert json.loads(stream.state()["rng"].tobytes()) == json.loads(state["rng"].tobytes())


def test_nets_are_not_larger_than_their_file():
    """What a recipe in a checkpoint asks for is refused before it is made, if the weights beside it are fewer."""
    small = recipe.Recipe(model="mlp", hidden=(4, 4), latent_dim=3)
    with at_most(2 * (4 * 4 + 4 * 4 + 4 * 4), 6):
        build_gan(small, (2,))
    for keys, shape in (
        ({"hidden": (10**7, 10**7)}, (2,)),
        ({"hidden": (4,) * 1000}, (2,)),
        ({"latent_dim": 10**9}, (2,)),
        ({"hidden": (4,)}, (10**9,)),
        ({"model": "dcgan", "width": 10**8}, (8, 8, 1)),
        ({"model": "dcgan", "width": 4}, (2**30, 2**30, 1)),
    ):
        asked = recipe.Recipe(**{"model": "mlp", "latent_dim": 3, **keys})
        with at_most(1000, 20):
            fails(lambda a=asked, s=shape: build_gan(a, s), "the nets have more weights than the file contains")
    build_gan(small, (2,))  # the limit is gone again


# ---- IDX files


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (idx((0, 2**32 - 1, 2**32 - 1)), "which is empty"),
        (idx((0, 4, 4)), "which is empty"),
        (
            gzip.compress(idx((2, 3, 3), bytes(18))) + gzip.compress(b""),
            "expected a gzip file with one member, but more data follows it",
        ),
        (
            gzip.compress(idx((2, 3, 3), bytes(18))) + b"more",
            "expected a gzip file with one member, but more data follows it",
        ),
        (gzip.compress(idx((2, 3, 3), bytes(18)))[:-8] + bytes(8), "the gzip file is broken or cut short"),
        (gzip.compress(b""), "not an IDX file"),
        (b"\x1f\x8b", "the gzip file is broken or cut short"),
        (gzip.compress(idx((20, 1000, 1000), bytes(2 * 10**7)), 1), "would unpack to 20,000,000, more than 100-fold"),
    ],
    ids=range(8),
)
def test_idx(tmp_path, content, words):
    (tmp_path / "x").write_bytes(content)
    refuses(tmp_path / "x", tmp_path / "x", words)


def test_idx_padded_with_zeros_is_read(tmp_path):
    (tmp_path / "x").write_bytes(gzip.compress(idx((2, 4, 4), bytes(32))) + bytes(512))
    assert load_path(tmp_path / "x").images.shape == (2, 4, 4, 1)


# ---- images


def saved(kind, **options):
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 90, 200)).save(file, kind, **options)
    return file.getvalue()


def webp(width, height, more=b""):
    """A WebP that declares a canvas, for which Pillow would take memory before it has read anything else."""
    canvas = struct.pack("<II", 0, 0)[:4] + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas + more
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp(width, height, compression, pixels):
    """A BMP of 8 bits; with compression 1, the code 0 2 x y skips y rows, for which Pillow makes zeros at once."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, len(pixels), 1, 1, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(pixels), 0, 0, 1078) + head + bytes(1024) + pixels


def tiff(tags, more=b"", count=None):
    """A TIFF of tags (number, type, count, value); a true one has at least nine."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count or len(tags)) + entries + bytes(4) + more


def gif(before=b"", blocks=b"\x02\x44\x01\x00"):
    """A GIF of one pixel, with bytes before its picture."""
    return b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + before + b",\0\0\0\0\1\0\1\0\0\x02" + blocks + b";"


SIZE = [(256, 4, 1, 9), (257, 4, 1, 9), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.png", png(extra=chunk(b"IDAT", b"", 2**31 - 1)), "one of its parts declares 2,147,483,647 bytes"),
        ("a.png", png(extra=chunk(b"abCd", b"") * 20_001), "more than 20,000 parts"),
        ("a.png", png(5001, 5000, raw=b""), "has 5001 x 5000 pixels, expected at most 25,000,000"),
        ("a.png", png(2**31 - 1, 2**31 - 1, raw=b""), "Pillow's limit"),
        ("a.png", png(0, 4, raw=b""), "broken image"),
        ("a.jpg", jpeg()[:2] + b"\xff" * 300_000 + jpeg()[2:], "more than 20,000 parts"),
        ("a.jpg", jpeg()[:2] + b"x" * 30_000 + jpeg()[2:], "more than 20,000 parts"),
        ("a.jpg", jpeg()[:2] + b"\xff\xfe\0\2" * 20_001 + jpeg()[2:], "more than 20,000 parts"),
        ("a.jpg", jpeg(progressive=True)[:-2] + b"\xff\xda\0\x08\1\1\0\0\x3f\0\0" * 200, "scans, expected at most 100"),
        ("a.jpg", jpeg()[:200], "broken image"),
        ("a.png", jpeg()[:3], "broken image"),
        ("a\nb.png", b"", r"a\nb.png: broken image"),
        ("a.webp", webp(16384, 16384), "has 16384 x 16384 pixels, expected at most 25,000,000"),
        ("a.webp", webp(2**24, 2**24), "expected at most 25,000,000"),
        ("a.webp", webp(4, 4, b"abcd\0\0\0\0" * 20_001), "more than 20,000 parts"),
        ("a.webp", saved("WEBP")[:-40], "broken image"),
        ("a.bmp", bmp(25_000_000, 1, 1, b"\0\2\0\xff"), "the compressed BMP image is wider than 20,000 pixels"),
        ("a.bmp", bmp(5001, 5000, 0, b""), "has 5001 x 5000 pixels, expected at most 25,000,000"),
        ("a.bmp", bmp(50, 50, 0, b""), "broken image"),
        ("a.tif", tiff([*SIZE, (273, 4, 30_000, 8)], bytes(120_000)), "more than 20,000 strips or tiles"),
        ("a.tif", tiff([*SIZE, (40_000, 12, 300_000, 8)], bytes(2_500_000)), "declares 2,400,0"),
        ("a.tif", tiff([(40_000 + i, 1, 50_000, 8) for i in range(90)], bytes(60_000)), "bytes of tags; save it again"),
        ("a.tif", tiff([(40_000, 3, 1, 8)] * 20_001), "more than 20,000 tags"),
        ("a.tif", tiff([(256, 4, 1, 2**31), *SIZE[1:]]), "broken image"),
        ("a.tif", tiff(SIZE, count=60_000), "broken image"),
        ("a.gif", gif(b"?" * 30_000), "more than 20,000 parts"),
        ("a.gif", gif(b"!\xfe\1x\0" * 20_001), "more than 20,000 parts"),
        ("a.gif", gif(blocks=b"\1x" * 2_000_001 + b"\0"), "more than 2,000,000 blocks"),
        ("a.gif", gif()[:20], "it ends before its first picture"),
        ("a.jpg", jpeg()[:2] + b"\xff\xda\0\2x" * 20_001, "more than 20,000 parts"),
        ("a.png", b"\0\0\0\x1cftypavif" + bytes(99), "broken"),
    ],
    ids=range(31),
)
def test_images(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    refuses(tmp_path, f"{tmp_path}/", words)


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png() + bytes(5000))
    monkeypatch.setattr("scratchgan.data.listing.MAX_FILE", 4000)
    refuses(tmp_path, f"{tmp_path / 'a.png'}: the image file has more than 4,000 bytes")


def test_odd_but_sound_images_are_read(tmp_path):
    (tmp_path / "c.bmp").write_bytes(bmp(4, 4, 1, b"\4\7\0\0\0\2\0\1\4\7\0\0\4\7\0\0\0\1"))
    (tmp_path / "d.gif").write_bytes(gif(b"!\xfe\1x\0" * 50 + b"???"))
    (tmp_path / "e.png").write_bytes(png(extra=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**21)))))
    (tmp_path / "f.png").write_bytes(png(extra=chunk(b"acTL", struct.pack(">II", 3, 0))))
    (tmp_path / "a.png").write_bytes(png(extra=chunk(b"abCd", b"?") * 50))
    (tmp_path / "b.jpg").write_bytes(jpeg()[:2] + b"\xff" * 9 + b"\xff\xfe\0\7hello" + jpeg(progressive=True)[2:])
    assert load_path(tmp_path, image_size=4, channels=3).images.shape == (6, 4, 4, 3)


# ---- recipes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hidden = " + b"[" * 5000, "nested too deeply; a recipe is one flat table"),
        (b"a = " + b"{a = " * 5000, "nested too deeply"),
        (b"a" + b".a" * 30_000 + b" = 1", "a line has more than 200 dots"),  # took half a minute
        (b"# " + b"x" * 70_000, "longer than 65,536 bytes"),
        (b"steps = " + b"9" * 5000, "not a TOML file"),
        (b'steps = "\xff"', "not a TOML file: 'utf-8' codec"),
        (b"stesp = 3", 'unknown key "stesp"; did you mean "steps"?'),
        (b'loss = "a\\nb"', r'loss = "a\nb": expected'),
        (b"hidden = [" + b"1.5,\n" * 5000 + b"]", "expected a list of integers"),
    ],
    ids=range(9),
)
def test_recipes(tmp_path, content, words):
    (tmp_path / "mine.toml").write_bytes(content)
    start = time.process_time()
    fails(lambda: recipe.load(tmp_path / "mine.toml"), f"{tmp_path / 'mine.toml'}: ", words)
    assert time.process_time() - start < 2


def test_settings_nested_too_deeply():
    deep = ["hidden=" + "[" * 2000, "model=mlp"]
    fails(lambda: recipe.override(recipe.Recipe(), deep), "expected a list of integers")


# ---- downloads


def test_downloads_that_are_something_else(tmp_path, monkeypatch):
    """A server that sends without end, to somewhere else, round in circles, or a bomb: named, and nothing is kept."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            mirror = self.path.split("/")[1]
            to = {"page": "/login.html", "circle": "/circle/x", "file": "file:///etc/passwd"}.get(mirror)
            self.send_response(302 if to else 200)
            if to:
                self.send_header("Location", to)
            if mirror == "packed":
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            if not to:
                body = gzip.compress(bytes(10**6)) if mirror == "packed" else b"<html>log in</html>"
                body = bytes(200_000) if mirror == "endless" else body
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the client has gone

        def log_message(self, *_):
            pass

    monkeypatch.setattr(download, "MAX_DOWNLOAD", 100_000)
    monkeypatch.setenv("SCRATCHGAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        for mirror, words in [
            ("endless", "sent more than 100,000 bytes, discarded"),
            ("page", "wrong SHA-256 checksum, discarded"),
            ("packed", "sent more than 100,000 bytes"),
            ("circle", "TooManyRedirects"),
            ("file", "InvalidSchema"),
        ]:
            fails(
                lambda m=mirror: load_download("mnist", mirrors=[f"{base}/{m}"], progress=False),
                "could not download mnist",
                f"{base}/{mirror}/train-images-idx3-ubyte.gz: {words}",
                kind=DownloadError,
            )
        monkeypatch.setattr(download, "MAX_SECONDS", -1)
        fails(lambda: load_download("mnist", mirrors=[f"{base}/page"]), "took more than -1 s", kind=DownloadError)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert list((tmp_path / "mnist").iterdir()) == []


# ---- all of them


BOMBS = r"""
import resource, sys, time
from pathlib import Path
from scratchgan.files import checkpoint
from scratchgan.data import load_path
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (450 << 20),) * 2)
for path in map(Path, sys.argv[1:]):
    start = time.process_time()
    try:
        checkpoint.load(path) if path.name == "c.npz" else load_path(path)
        print("READ", path)
    except ValueError as error:
        print(time.process_time() - start < 2, str(error).count("\n") == 0 and path.name in str(error))
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(peak < 500e3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_bombs_take_neither_time_nor_memory(tmp_path):
    """Files of at most 2 MB that would fill 300 MB and more; all in one process that may take 450 MB more."""
    huge = npy("(3000000, 10, 10)")
    written = {
        "declared.npz": packed_zip([("images.npy", huge, 300)]),
        "header.npz": packed_zip([("images.npy", npy("(1,)", version=2, length=2**32 - 1), 300)]),
        "lies.npz": packed_zip([("images.npy", npy("(15000, 1000)"), 300)], declared=15_000_128),
        "c.npz": packed_zip(
            [("format.npy", npy("(20,)", values=checkpoint.FORMAT.encode()), 0), ("arrays/x.npy", huge, 300)]
        ),
        "idx.gz": packed_gzip(idx((3000000, 10, 10)), 300),
        "idx-lies.gz": packed_gzip(idx((3, 10, 10)), 300),
        "x.npy": npy("(1000000000, 100, 100)", values=b"1"),
    }
    for name, content in written.items():
        assert len(content) < 2e6
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", BOMBS, *(str(tmp_path / name) for name in written)],
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["True True"] * 7 + ["True"], done.stdout


def deflated(head, megabytes):
    """(deflate stream, CRC-32, size) of `head` and then so many MB of zeros, without packing each of them."""
    million = bytes(10**6)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(million) + packer.flush(zlib.Z_FULL_FLUSH)
    crc = zlib.crc32(head)
    for _ in range(megabytes):
        crc = zlib.crc32(million, crc)
    return start + block * megabytes + packer.flush(), crc, len(head) + megabytes * 10**6


def packed_gzip(head, megabytes):
    stream, crc, size = deflated(head, megabytes)
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + stream + struct.pack("<II", crc, size)


def packed_zip(members, declared=None):
    """A zip file of deflated members (name, head, MB of zeros), whose directory may declare another size."""
    out, directory = b"", b""
    for name, head, megabytes in members:
        stream, crc, size = deflated(head, megabytes)
        facts = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, crc, len(stream), declared or size, len(name), 0)
        directory += b"PK\1\2\24\0" + facts + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + name.encode()
        out += b"PK\3\4" + facts + name.encode() + stream
    return out + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, *[len(members)] * 2, len(directory), len(out), 0)


def zip_of_images():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("a/cats/0.png", "a/dogs/1.png"):
            archive.writestr(name, png())
    return file.getvalue()


def seeds():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    plain, packed = io.BytesIO(), io.BytesIO()
    np.save(plain, pixels)
    np.savez_compressed(packed, images=pixels, labels=np.arange(3))
    sound = idx(pixels.shape, pixels.tobytes())
    return {
        "x.npy": plain.getvalue(),
        "x.npz": packed.getvalue(),
        "x.idx": sound,
        "x.gz": gzip.compress(sound),
        "images/x.png": png(),
        "images/x.jpg": jpeg(),
        **{f"images/x.{kind}": saved(kind) for kind in ("webp", "bmp", "tiff", "gif")},
        "x.zip": zip_of_images(),
        "x.toml": recipe.to_toml(recipe.Recipe()).encode(),
    }


@settings(deadline=None, derandomize=True, max_examples=150)
@given(name=st.sampled_from(sorted(seeds())), seed=st.integers(0, 2**32))
def test_mutants_are_read_or_refused_in_one_line(tmp_path_factory, name, seed):
    """The short form of benchmarks/fuzz.py."""
    rng, content = random.Random(seed), bytearray(seeds()[name])
    for _ in range(rng.choice((1, 2, 5))):
        at = rng.randrange(len(content) + 1)
        change = rng.randrange(4)
        if change == 0:
            content[at : at + 1] = rng.randbytes(1)
        elif change == 1:
            del content[at : at + rng.choice((1, 8, 10**6))]
        elif change == 2:
            content[at:at] = rng.randbytes(rng.choice((1, 30)))
        else:
            content[at : at + 4] = rng.choice((b"\xff" * 4, bytes(4), b"9999", b"-1, ", b"\x7f\xff\xff\xff", b"[[[["))
    path = tmp_path_factory.mktemp("mutants") / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    error = None
    try:
        if name == "x.toml":
            recipe.load(path)
        else:
            load_path(path.parent if name.startswith("images") else path)
    except ValueError as caught:
        error = caught
    if error is not None:
        assert "\n" not in str(error)
        assert str(path) in str(error)
        assert name == "x.toml" or isinstance(error, DataError)


def test_every_limit_is_one_that_sound_files_keep():
    """Far from what the package itself writes and ships."""
    assert max(path.stat().st_size for path in recipe.FOLDER.glob("*.toml")) * 10 < recipe.MAX_BYTES
    assert len(rng_state(np.random.default_rng(0))) * 3 < 1000
    for entry in download.DOWNLOADS.values():
        assert "28x28" in entry[0]  # 47 MB unpacked at most, from 4 MB and more
    assert limits.MAX_PIXELS >= 5000**2


def test_a_log_with_absurd_lines_is_read_without_them(tmp_path):
    from scratchgan.doctor import from_records
    from scratchgan.runs.diagnose import read_log

    lines = ['{"step": 1, "d_loss": 1.0}', "[" * 100_000, '{"step": 2, "d_loss": 1.5}']
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    log = read_log(tmp_path)
    assert log.steps.tolist() == [1, 2]
    assert any("line 2 of the log cannot be read" in note for note in log.notes)
    assert np.isnan(from_records([{"step": 1, "d_loss": 10**5000}])["d_loss"][0])
