"""Image files as people have them: every kind, depth and orientation, with all that programs and cameras add to them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin
from refuses import refuses

from scratchgan.data import load_path
from scratchgan.data.folder import read_folder
from scratchgan.data.picture import extensions

GREY = (np.add.outer(np.arange(24), np.arange(20)) * 6).clip(0, 255).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)
AVIF = pytest.mark.skipif(".avif" not in extensions(), reason="this Pillow has no AVIF")


def saved(pixels, kind, **options):
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, kind, **options)
    return file.getvalue()


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(values, bits, colour, extra=b""):
    """A PNG by hand: Pillow does not write all depths.  values (H, W) or (H, W, channels)."""
    rows = values.reshape(len(values), -1).astype(np.int64)
    bit = (rows[..., None] >> np.arange(bits)[::-1]) & 1
    packed = np.packbits(bit.reshape(len(rows), -1).astype(np.uint8), axis=1)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in packed))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def pixels_of(tmp_path, content, name="a.png", **options):
    """One file, read as a folder: (H, W, C) uint8."""
    folder = tmp_path / "one"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    images = read_folder(folder, **options)
    (folder / name).unlink()
    return images.pixels[0]


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "bmp", "tiff", "gif", pytest.param("avif", marks=AVIF)])
def test_every_kind_of_file(tmp_path, kind):
    options = {"webp": {"lossless": True}, "jpeg": {"quality": 97}, "avif": {"quality": 97}}.get(kind, {})
    near = 0 if kind in ("png", "webp", "bmp", "tiff") else 12
    for name in {"jpeg": ("a.jpg", "a.JPE", "a.jfif", "a.jpeg"), "tiff": ("a.tif", "a.tiff")}.get(kind, (f"a.{kind}",)):
        found = pixels_of(tmp_path, saved(COLOUR, kind, **options) + b"more" * 9, name)
        np.testing.assert_allclose(found, COLOUR.astype(int), atol=near)
    found = pixels_of(tmp_path, saved(GREY, kind, **options), f"a.{kind}", channels=1)
    np.testing.assert_allclose(found[..., 0], GREY.astype(int), atol=2)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_every_depth_of_grey_and_its_transparent_value(tmp_path, bits):
    values = GREY.astype(np.int64) * (2**bits - 1) // 255
    values[0, :3] = 2**bits - 1
    expected = values * 255 // (2**bits - 1)
    np.testing.assert_array_equal(pixels_of(tmp_path, png(values, bits, 0))[..., 0], expected)
    key = chunk(b"tRNS", struct.pack(">H", 2**bits - 1))
    shown = pixels_of(tmp_path, png(values, bits, 0, key), ground="grey")[..., 0]
    np.testing.assert_array_equal(shown, np.where(values == 2**bits - 1, 128, expected))


def test_sixteen_bits_of_grey_with_alpha_and_of_colour(tmp_path):
    deep = np.stack([GREY.astype(int) * 257, np.full(GREY.shape, 65535)], axis=-1)
    np.testing.assert_array_equal(pixels_of(tmp_path, png(deep, 16, 4)), GREY[..., None])  # grey, not colour
    np.testing.assert_array_equal(pixels_of(tmp_path, png(COLOUR.astype(int) * 257, 16, 2)), COLOUR)
    one = np.broadcast_to([60000, 5, 300], (24, 20, 3)).copy()
    one[0, 0] = 65535
    shown = pixels_of(tmp_path, png(one, 16, 2, chunk(b"tRNS", struct.pack(">HHH", 60000, 5, 300))), ground="white")
    assert (shown == 255).all()


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F", "F -1..1", "CMYK", "LA", "RGBA", "YCbCr", "P", "1"])
@pytest.mark.parametrize("packing", [None, "tiff_lzw"])
def test_every_form_of_tiff(tmp_path, mode, packing):
    grey, near = True, 0
    if mode == "I;16B":
        picture = Image.frombytes("I;16B", (20, 24), (GREY.astype(">u2") * 257).tobytes())
    elif mode == "I;16":
        picture = Image.fromarray(GREY.astype(np.uint16) * 257)
    elif mode == "I":
        picture = Image.fromarray(GREY.astype(np.int32) * 257)
    elif mode == "F":
        picture = Image.fromarray(GREY.astype(np.float32) / 255)
    elif mode == "F -1..1":
        picture = Image.fromarray(GREY.astype(np.float32) / 127.5 - 1)
    elif mode == "LA":
        picture = Image.fromarray(GREY).convert("LA")
    else:
        grey, near = False, {"YCbCr": 5, "P": 60}.get(mode, 0)
        picture = Image.fromarray(COLOUR).convert(mode)
    expected = GREY[..., None] if grey else COLOUR
    if mode == "1":
        expected = np.asarray(picture)[..., None] * 255
    found = pixels_of(tmp_path, saved(picture, "tiff", compression=packing), "a.tif")
    np.testing.assert_allclose(found, expected.astype(int), atol=near)


def tiff(values, bits, photometric=1):
    """A TIFF by hand: 12 or 16 bits of grey."""
    bit = (values.astype(np.int64)[..., None] >> np.arange(bits)[::-1]) & 1
    pixels = np.packbits(bit.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()
    if bits == 16:
        pixels = values.astype("<u2").tobytes()
    height, width = values.shape
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1), (278, height)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in [*tags, (279, len(pixels))])
    head = b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels
    return head + struct.pack("<H", len(tags) + 1) + entries + bytes(4)


def test_twelve_bits_and_white_as_zero(tmp_path):
    twelve = pixels_of(tmp_path, tiff(GREY.astype(int) * 4095 // 255, 12), "a.tif")[..., 0]
    np.testing.assert_allclose(twelve, GREY.astype(int), atol=1)
    turned = pixels_of(tmp_path, tiff(GREY.astype(int) * 257, 16, photometric=0), "a.tif")[..., 0]
    np.testing.assert_array_equal(turned, 255 - GREY)


def test_floats_have_one_range_for_the_whole_folder(tmp_path):
    dark, bright = GREY.astype(np.float32) / 300, GREY.astype(np.float32)
    for values, name in ((dark, "a.tif"), (bright, "b.tif")):
        (tmp_path / name).write_bytes(saved(values, "tiff"))
    np.testing.assert_allclose(read_folder(tmp_path).pixels[1, ..., 0], GREY)  # 0..255, for the dark one as well
    assert read_folder(tmp_path).pixels[0].max() == 1
    (tmp_path / "c.tif").write_bytes(saved(bright - 9, "tiff"))
    refuses(tmp_path, "must lie in 0..1, -1..1, 0..255 or 0..65535", f"{tmp_path / 'c.tif'} has the value -9")
    (tmp_path / "c.tif").write_bytes(saved(np.full((24, 20), np.nan, np.float32), "tiff"))
    refuses(tmp_path, f"{tmp_path / 'c.tif'}: broken image (it has a value that is not finite)")


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_in_every_kind_of_file(tmp_path, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    for kind in ("png", "jpeg", "webp", "tiff", *(["avif"] if ".avif" in extensions() else [])):
        content = saved(COLOUR, kind, exif=exif, **({"lossless": True} if kind == "webp" else {}))
        expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
        np.testing.assert_array_equal(pixels_of(tmp_path, content, f"a.{kind}"), expected, kind)


def test_orientation_where_other_programs_put_it(tmp_path):
    turned = np.rot90(COLOUR, -1)
    exif = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    plain = saved(COLOUR, "png")
    end = plain[:-12], plain[-12:]
    hexed = b"\nexif\n%8d\n" % len(exif) + exif.hex().encode()
    xmp = b'<x:xmpmeta tiff:Orientation="6"/>'
    for name, body in (
        (b"eXIf", exif),
        (b"eXIf", b"Exif\0\0" + exif),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(hexed)),
        (b"tEXt", b"Raw profile type APP1\0" + hexed),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)),
    ):
        content = end[0] + chunk(name, body) + end[1]  # behind the pixels, where Pillow would not look
        np.testing.assert_array_equal(pixels_of(tmp_path, content), turned, str((name, body[:20])))
    jpeg = saved(GREY, "jpeg")
    segment = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    content = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]
    assert pixels_of(tmp_path, content, "a.jpg").shape == (20, 24, 1)


@pytest.mark.parametrize(
    "exif",
    [
        bytes.fromhex("0008000201120003"),
        b"b'Exif\\x",
        b"",
        b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0",
        b"MM\0*\0\0\0\x08\0\x05\x01\x12",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0",  # orientation 99
    ],
    ids=range(7),
)
def test_malformed_exif_is_taken_as_missing(tmp_path, exif):
    jpeg = saved(COLOUR, "jpeg", dpi=(72, 72))
    segment = b"Exif\0\0" + exif
    content = jpeg[:20] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[20:]
    np.testing.assert_array_equal(pixels_of(tmp_path, content, "a.jpg"), pixels_of(tmp_path, jpeg, "a.jpg"))
    plain = saved(COLOUR, "png")
    np.testing.assert_array_equal(pixels_of(tmp_path, plain[:-12] + chunk(b"eXIf", exif) + plain[-12:]), COLOUR)
    webp = saved(COLOUR, "webp", lossless=True, exif=b"Exif\0\0" + exif)
    np.testing.assert_array_equal(pixels_of(tmp_path, webp, "a.webp"), COLOUR)


def test_what_programs_and_cameras_add_is_left_out(tmp_path, rng):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("workflow", "x" * 2_000_000, zip=True)
    for content in (
        saved(COLOUR, "png", pnginfo=info),
        saved(COLOUR, "png", icc_profile=bytes(2_000_000)),
        saved(COLOUR, "png") + rng.bytes(300_000),
    ):
        np.testing.assert_array_equal(pixels_of(tmp_path, content), COLOUR)
    jpeg = saved(COLOUR, "jpeg")
    whole = pixels_of(tmp_path, jpeg, "a.jpg")
    for content in (
        jpeg + b"\xff\xda" * 200 + rng.bytes(300_000),  # the film of a motion photo, with what looks like scans in it
        saved(COLOUR, "jpeg", icc_profile=rng.bytes(500_000)),
        saved(COLOUR, "jpeg", comment=b"c" * 60_000),
        saved(COLOUR, "MPO", save_all=True, append_images=[Image.fromarray(GREY).convert("RGB")]),
    ):
        np.testing.assert_array_equal(pixels_of(tmp_path, content, "a.jpg"), whole)
    cmyk = Image.fromarray(COLOUR).convert("CMYK")  # which marker says that the colours are inverted must be kept
    np.testing.assert_allclose(
        pixels_of(tmp_path, saved(cmyk, "jpeg", quality=97), "a.jpg"), COLOUR.astype(int), atol=2
    )


def test_of_several_pictures_the_first_is_read(tmp_path):
    film = {"save_all": True, "append_images": [Image.fromarray(COLOUR[::-1].copy())]}
    for i, kind in enumerate(("png", "gif", "webp", "tiff")):
        options = {"lossless": True} if kind == "webp" else {}
        (tmp_path / f"{i}.{kind}").write_bytes(saved(COLOUR, kind, **options, **film))
    images = read_folder(tmp_path)
    np.testing.assert_allclose(images.pixels, np.broadcast_to(COLOUR, (4, 24, 20, 3)).astype(int), atol=12)
    assert images.notes == [f"{tmp_path}: of 4 files with several pictures, only the first is read"]


def test_a_grey_palette_goes_with_grey_and_with_colour(tmp_path):
    palette = saved(GREY, "gif")
    for other, channels in ((GREY, 1), (COLOUR, 3)):
        (tmp_path / "a.gif").write_bytes(palette)
        (tmp_path / "b.png").write_bytes(saved(other, "png"))
        x = read_folder(tmp_path).pixels
        assert x.shape == (2, 24, 20, channels)
        np.testing.assert_array_equal(x[0, ..., 0], GREY)


# ---- transparent pixels


def strokes(rng, shade):
    pixels = np.full((8, 8, 4), shade, np.uint8)
    pixels[..., 3] = (rng.random((8, 8)) < 0.3) * 255
    pixels[0, 0, 3] = 255
    return pixels


def test_drawings_on_nothing_are_seen(tmp_path, rng):
    for i in range(4):
        (tmp_path / f"{i}.png").write_bytes(saved(strokes(rng, 0 if i else 200), "png"))
    data = load_path(tmp_path)
    assert data.ground == "white"
    assert data.x.min() == -1
    assert data.x.max() == 1
    assert "3 of 4 images with transparent pixels show nothing over black, so all are shown over white" in data.notes[0]
    black = load_path(tmp_path, ground="black")
    assert (black.x[1:] == -1).all()
    assert "3 of 4 images with transparent pixels show nothing over black; with ground = white it" in black.notes[0]
    assert load_path(tmp_path, ground="grey").x[1].max() == pytest.approx(128 / 127.5 - 1, abs=1e-6)
    refuses(tmp_path, "ground must be auto, black, white, grey, got 'pink'", ground="pink")


def test_bright_drawings_stay_on_black_and_clear_images_are_told(tmp_path, rng):
    for i in range(3):
        (tmp_path / f"{i}.webp").write_bytes(saved(strokes(rng, 220), "webp", lossless=True))
    (tmp_path / "clear.gif").write_bytes(saved(Image.new("P", (8, 8)), "gif", transparency=0))
    data = load_path(tmp_path, channels=3)
    assert data.ground == "black"
    assert data.notes == (f"{tmp_path}: 1 of 4 images is transparent everywhere: nothing is seen",)
    (tmp_path / "clear.gif").unlink()
    for i in range(3):
        opaque = strokes(rng, 0)
        opaque[..., 3] = 255
        (tmp_path / f"{i}.webp").write_bytes(saved(opaque, "webp", lossless=True))
    assert load_path(tmp_path).ground == ""


# ---- files that are no images


def test_all_bad_files_are_named_at_once(tmp_path):
    sound = saved(COLOUR, "png")
    for i in range(5):
        (tmp_path / f"good{i}.png").write_bytes(sound)
    (tmp_path / "half.png").write_bytes(saved(np.repeat(COLOUR, 20, 0), "bmp")[:3000])  # only decoding shows it
    (tmp_path / "page.jpg").write_bytes(b"<!DOCTYPE html><html>404</html>")
    (tmp_path / "phone.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (tmp_path / "pointer.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0")
    refuses(
        tmp_path,
        f"{tmp_path}: 4 of 9 images cannot be used; delete or replace them: {tmp_path / 'half.png'}: ",
        "page.jpg: it is a web page",
        "phone.jpg: it is a HEIC image, which Pillow cannot read: convert it to JPEG",
        "pointer.png: it is a pointer of Git LFS",
    )
    for i in range(30):
        (tmp_path / f"x{i:02d}.gif").write_bytes(b"")
    refuses(tmp_path, "34 of 39 images cannot be used", "x05.gif: it is empty", "; and 24 more")
    for path in tmp_path.glob("*.*"):
        if path.name[0] not in "gh":
            path.unlink()
    refuses(tmp_path, f"{tmp_path / 'half.png'}: broken image (", "delete or replace it", image_size=8)


def test_what_pillow_says_of_a_file_that_was_cut_off_is_given_as_its_words(tmp_path):
    """GIF's decoder raises IndexError here, whose text alone names nothing."""
    (tmp_path / "cut.gif").write_bytes(b"GIF89a\x01")
    refuses(
        tmp_path,
        f"{tmp_path / 'cut.gif'}: broken image (Pillow cannot decode it: ",
        "delete or replace it",
        image_size=8,
    )
