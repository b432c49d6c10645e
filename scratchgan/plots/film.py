"""Animate how the samples change: an animated GIF that any viewer can play.  For notebooks see `player`."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np

from ..files.atomic import replacing

MOST_SIDE = 1600  # pixels


def save_gif(
    path: str | Path,
    frames: Iterable,
    *,
    most: int = 40,
    milliseconds: int = 160,
    hold: int = 2400,
    limit: int = 2_000_000,
) -> None:
    """Write an animated GIF that loops after a pause on its last frame.

    frames      PNG files, arrays (H, W), (H, W, 1) or (H, W, 3) uint8, or Figures, all of the same size
    most        upper limit of the frames used: evenly spaced ones, including the first and the last
    milliseconds, hold    duration of a frame, and of the last one, in ms
    limit       in bytes: while the file would be larger, every second frame is dropped

    All frames share one palette, because otherwise flat areas would flicker.
    Raises ValueError for no frames, frames of different sizes or other arrays, OSError if a file cannot be read or
    written.
    """
    from PIL import Image

    frames = list(frames)
    if not frames:
        raise ValueError("a film needs at least one frame, got none")
    frames = [frames[i] for i in _spread(len(frames), most)]
    images = [_at_most(image) for image in open_frames(frames)]

    palette = _palette([images[i] for i in _spread(len(images), 8)])
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]

    while True:
        film = BytesIO()
        images[0].save(
            film,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            loop=0,
            duration=[milliseconds] * (len(images) - 1) + [hold],
        )
        if film.tell() <= limit or len(images) <= 4:
            break
        images = images[:-1:2] + images[-1:]
    with replacing(path) as file:
        file.write(film.getvalue())


def open_frames(frames: Iterable) -> list:
    """Return frames - PNG files, arrays (H, W), (H, W, 1) or (H, W, 3) uint8, or Figures - as Pillow images in RGB.

    Raises ValueError for frames of different sizes or other arrays, OSError if a file cannot be read.
    """
    images = [_opened(frame) for frame in frames]
    if len(sizes := {image.size for image in images}) > 1:
        raise ValueError(f"the frames of a film must all have the same size, got {sorted(sizes)}")
    return images


def _opened(frame):
    from PIL import Image

    if hasattr(frame, "canvas"):
        file = BytesIO()
        frame.canvas.print_png(file)
        return Image.open(file).convert("RGB")
    if not isinstance(frame, np.ndarray):
        with Image.open(frame) as image:
            return image.convert("RGB")
    pixels = frame[..., 0] if frame.ndim == 3 and frame.shape[-1] == 1 else frame
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or not pixels.size:
        raise ValueError(
            f"a frame must be a PNG file, a Figure or an array (H, W), (H, W, 1) or (H, W, 3) of uint8; "
            f"got {frame.dtype} of shape {frame.shape}"
        )
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")


def _at_most(image):
    """The image, made smaller if it has more than MOST_SIDE pixels a side: a film of large pictures fills the memory."""
    factor = max(image.size) / MOST_SIDE
    return image if factor <= 1 else image.resize(tuple(max(1, round(n / factor)) for n in image.size))


def _palette(images):
    """Choose 128 colours for images of the same size, including black and white, so that neither turns grey."""
    from PIL import Image

    width, height = images[0].size
    strip = Image.new("RGB", (width, height * len(images)))  # all images at once, as later ones may have new colours
    for i, image in enumerate(images):
        strip.paste(image, (0, i * height))
    chosen = strip.quantize(colors=126, method=Image.Quantize.MEDIANCUT).getpalette() or []
    colours = np.reshape(chosen[: 3 * 126], (-1, 3))
    colours[(colours > 247).all(axis=1)] = 255  # otherwise white would map to an off-white average
    palette = Image.new("P", (1, 1))
    palette.putpalette([0, 0, 0, 255, 255, 255, *colours.ravel().tolist()])
    return palette


def _spread(count: int, most: int) -> list[int]:
    """At most `most` of the indices 0 .. count - 1, evenly spaced, first and last included."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})
