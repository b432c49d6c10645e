"""How the samples change, as a film: an animated GIF that any viewer plays.  For notebooks see `player`."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np

from ..files.atomic import replacing


def save_gif(
    path: str | Path,
    frames: Iterable,
    *,
    most: int = 40,
    milliseconds: int = 160,
    hold: int = 2400,
    limit: int = 2_000_000,
) -> None:
    """Write an animated GIF that starts over after holding its last frame.

    frames are PNG files, arrays (H, W, 3) uint8 or Figures, all of one size.  At most `most` of them are used, evenly
    spaced, the first and last among them; every second one goes as long as the file would be above `limit` bytes.  One
    palette serves all frames, else flat areas would flicker.

    Raises ValueError for no frames, frames of different sizes or other arrays, OSError if a file cannot be read or
    written.
    """
    from PIL import Image

    frames = list(frames)
    if not frames:
        raise ValueError("a film needs at least one frame, got none")
    frames = [frames[i] for i in _spread(len(frames), most)]
    images = open_frames(frames)

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
        raise ValueError(f"the frames of a film must have one size, got {sorted(sizes)}")
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


def _palette(images):
    """Choose 128 colours for images of one size, black and white among them: paper and text must not turn to grey."""
    from PIL import Image

    width, height = images[0].size
    strip = Image.new("RGB", (width, height * len(images)))  # one choice for all: late colours need entries too
    for i, image in enumerate(images):
        strip.paste(image, (0, i * height))
    chosen = strip.quantize(colors=126, method=Image.Quantize.MEDIANCUT).getpalette() or []
    colours = np.reshape(chosen[: 3 * 126], (-1, 3))
    colours[(colours > 247).all(axis=1)] = 255  # averages just off white would be chosen instead of it
    palette = Image.new("P", (1, 1))
    palette.putpalette([0, 0, 0, 255, 255, 255, *colours.ravel().tolist()])
    return palette


def _spread(count: int, most: int) -> list[int]:
    """At most `most` of the indices 0 .. count - 1, evenly spaced, first and last included."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})
