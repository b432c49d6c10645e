"""Valid files for the fuzzer: small ones of every kind that our readers accept."""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
from pathlib import Path

import numpy as np

from . import fuzz_pictures as pictures


def _npz(packed=False, **arrays) -> bytes:
    out = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(out, **arrays)
    return out.getvalue()


def _npy(array) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _idx(array) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def seeds_checkpoint(rng):
    """Checkpoints of small runs, in the format that training writes."""
    from scratchgan.files import checkpoint
    from scratchgan.runs import recipe
    from scratchgan.runs.build import build_gan

    out = []
    for settings, shape in (
        ({"model": "mlp", "hidden": (4, 4), "latent_dim": 3, "ema_decay": 0.9}, (2,)),
        ({"model": "dcgan", "width": 2, "latent_dim": 3, "optimizer": "rmsprop"}, (8, 8, 1)),
    ):
        made = recipe.Recipe(name="seed", data="array", **settings)
        gan = build_gan(made, shape)
        arrays = {f"gan/{key}": value for key, value in gan.state().items()}
        arrays["stream/order"] = np.arange(9)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "c.npz"
            checkpoint.save(path, arrays, {"recipe": recipe.to_toml(made), "step": 3, "data_shape": shape})
            out.append(path.read_bytes())
    return out


def seeds_image(rng):
    from PIL import Image

    out = []
    rgb, grey = rng.integers(0, 256, (24, 20, 3), np.uint8), rng.integers(0, 256, (24, 20), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    colour = Image.fromarray(rgb)
    for picture, kind, options in (
        (Image.fromarray(grey), "PNG", {}),
        (colour, "PNG", {}),
        (colour.quantize(8), "PNG", {"transparency": 1}),
        (Image.fromarray(np.dstack([rgb, grey])), "PNG", {}),
        (Image.fromarray(grey).convert("LA"), "PNG", {}),
        (Image.fromarray(grey.astype(np.uint16) * 99), "PNG", {}),
        (Image.fromarray(grey).convert("1"), "PNG", {}),
        (colour, "PNG", {"save_all": True, "append_images": [colour.rotate(90), colour]}),
        (colour, "JPEG", {}),
        (Image.fromarray(grey), "JPEG", {"exif": exif}),
        (colour, "JPEG", {"progressive": True}),
        (colour.convert("CMYK"), "JPEG", {}),
        (colour, "GIF", {}),
    ):
        file = io.BytesIO()
        picture.save(file, kind, **options)
        out.append(file.getvalue())
    return out


def seeds(name: str) -> list[bytes]:
    """Valid files for the reader with this name."""
    rng = np.random.default_rng(0)
    images, points = rng.integers(0, 256, (5, 6, 7), np.uint8), rng.normal(size=(6, 2))
    if name in ("checkpoint", "run"):
        return seeds_checkpoint(rng)
    if name == "idx":
        return [
            _idx(images),
            gzip.compress(_idx(images), mtime=0),
            gzip.compress(_idx(np.zeros((9, 20, 20), np.uint8))),
        ]
    if name == "npy":
        return [
            _npy(images),
            _npy(points),
            _npy(points[:3].astype(">f4")),
            _npy(np.asfortranarray(images)),
            _npy(rng.random((2, 4, 4, 3), np.float32)),
        ]
    if name == "npz":
        return [
            _npz(images=images, labels=np.arange(5)),
            _npz(only=points),
            _npz(True, images=images, labels=images[:, 0, 0]),
            _npz(True, images=np.zeros((9, 50, 50)), more=np.ones(3)),
            _npz(x_train=images, y_train=np.eye(5, dtype=np.float32), x_test=images[:2], y_test=np.eye(5)[:2]),
            _npz(images=images, labels=np.array(["cat", "dog", "cow", "ant", "bee"])),
        ]
    if name == "image":
        return seeds_image(rng)
    if name in (*pictures.KINDS, "zip"):
        return pictures.seeds_of(name)
    from scratchgan.runs import recipe

    made = recipe.to_toml(recipe.Recipe())
    return [path.read_bytes() for path in sorted(recipe.FOLDER.glob("*.toml"))] + [made.encode()]
