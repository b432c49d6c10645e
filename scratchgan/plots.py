"""The pictures of a run: grids of images, the training curves, and the film of how the samples change.

Every figure says in its title what to notice.  Colours are Okabe and Ito's, which stay apart for colour-blind readers.
Figures are drawn with matplotlib's objects and never with pyplot: no display, no global state, any thread.  matplotlib
and Pillow are imported inside the functions, so that `import scratchgan` stays fast.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .atomic import replacing

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
REAL, FAKE = VERMILLION, BLUE  # in every figure

DPI = 100
GAP = 255  # white, as the paper: apart from the black or grey ground of digits


def image_grid(images: np.ndarray, *, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """Lay images out in rows, `gap` pixels apart.

    images (N, H, W, C) in [-1, 1], C = 1 or 3; returns (height, width, C) uint8, 0 for -1 and 255 for 1.  `columns`
    is the number of images in a row, by default the root of N.  Values outside [-1, 1] are clipped.

    Raises ValueError for another shape, for no images, and for values that are not finite.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"a grid needs images (N, H, W, 1 or 3), N at least 1; got {images.shape}")
    if not np.isfinite(images).all():
        raise ValueError("a grid needs finite pixels in [-1, 1]; got nan or inf")
    N, H, W, C = images.shape
    columns = math.ceil(math.sqrt(N)) if columns is None else columns
    if columns < 1:
        raise ValueError(f"a grid needs at least 1 column, got {columns}")
    rows = math.ceil(N / columns)
    grid = np.full((rows * (H + gap) + gap, columns * (W + gap) + gap, C), GAP, dtype=np.uint8)
    pixels = np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)
    for n, image in enumerate(pixels):
        y, x = gap + n // columns * (H + gap), gap + n % columns * (W + gap)
        grid[y:y + H, x:x + W] = image
    return grid


def save_grid(path: str | Path, images: np.ndarray, title: str) -> None:
    """Write images (N, H, W, C) in [-1, 1] as a PNG with a title, small ones enlarged by a whole factor.

    Raises ValueError as `image_grid` does, OSError if the file cannot be written.
    """
    grid = image_grid(images)
    scale = max(1, round(480 / max(grid.shape[:2])))
    grid = np.kron(grid, np.ones((scale, scale, 1), dtype=np.uint8)) if scale > 1 else grid  # no blur between pixels
    height, width = grid.shape[:2]
    margin, head = 10, 30
    total = (max(width, 240) + 2 * margin, height + head + margin)
    fig = figure((total[0] + 0.5) / DPI, (total[1] + 0.5) / DPI)  # 29 / 100 * 100 is a bit less than 29
    fig.figimage(np.broadcast_to(grid, (height, width, 3)), xo=(total[0] - width) // 2, yo=margin, origin="upper")
    fig.text(0.5, 1 - head / 2 / total[1], title, ha="center", va="center", fontsize=10)
    save_figure(fig, path)


def save_curves(path: str | Path, log: Sequence[Mapping[str, Any]], *, label_smoothing: float = 0.0) -> None:
    """Write the training curves as a PNG: both losses, and D's mean probability for real and generated examples.

    log holds the records of log.jsonl (step, d_loss, g_loss, d_real, d_fake); null counts as missing.  Lines are
    running means over a tenth of the log, on top of the values themselves.  Marked is where the game would rest: see
    `equilibrium`.

    Raises ValueError if the log is empty or lacks one of the keys.
    """
    keys = ("step", "d_loss", "g_loss", "d_real", "d_fake")
    if not log:
        raise ValueError("curves need at least one record of the log, got none")
    if missing := [key for key in keys if key not in log[0]]:
        raise ValueError(f"curves need records with {', '.join(keys)}; {', '.join(missing)} missing")
    step, d_loss, g_loss, d_real, d_fake = (
        np.array([math.nan if record[key] is None else record[key] for record in log], dtype=float) for key in keys)
    rest, rest_loss = equilibrium(label_smoothing)
    fig = figure(11, 4.2)
    left, right = fig.subplots(1, 2)
    lines = ((left, "D's loss", d_loss, GREEN), (left, "G's loss", g_loss, PURPLE),
             (right, "D(x), real", d_real, REAL), (right, "D(G(z)), generated", d_fake, FAKE))
    for axes, name, values, colour in lines:
        axes.plot(step, values, color=colour, alpha=0.25, linewidth=0.8)
        axes.plot(step, running_mean(values, max(1, len(values) // 20)), color=colour, linewidth=1.8, label=name)
    left.axhline(rest_loss, color=BLACK, linestyle="--", linewidth=1,
                 label=f"D's loss if p = q: {'2 log 2 = ' if not label_smoothing else ''}{rest_loss:.3f}")
    right.axhline(rest, color=BLACK, linestyle="--", linewidth=1, label=f"p = q: D = {'1/2' if rest == 0.5 else rest}")
    left.set(title="Losses: a balance, not a score - neither tells how good samples are", ylabel="loss (nats)")
    right.set(title="D is right if the lines are apart, and fooled where they meet", ylabel="mean probability of real",
              ylim=(0, 1))
    for axes in (left, right):
        axes.set_xlabel("training step")
        axes.title.set_fontsize(10)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, loc="best")
    fig.tight_layout()
    save_figure(fig, path)


def equilibrium(label_smoothing: float = 0.0) -> tuple[float, float]:
    """Return (D, D's loss) where the game would rest, p = q: (1/2, 2 log 2) without label smoothing.

    With the target t = 1 - s for real examples, D minimises -t log D - (1 - t) log(1 - D) - log(1 - D): D = t / 2.
    """
    target = 1 - label_smoothing
    D = target / 2
    return D, -target * math.log(D) - (2 - target) * math.log(1 - D)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of up to `window` values on either side of each value, (n,); nan is left out."""
    known = np.isfinite(values)
    kernel = np.ones(2 * window + 1)
    total = np.convolve(np.where(known, values, 0.0), kernel)[window:-window]
    count = np.convolve(known.astype(float), kernel)[window:-window]
    return np.where(known, total / np.maximum(count, 1), np.nan)


def save_gif(path: str | Path, frames: Iterable[str | Path | np.ndarray], *, most: int = 40, milliseconds: int = 160,
             hold: int = 2400, limit: int = 2_000_000) -> None:
    """Write an animated GIF that starts over after holding its last frame.

    frames are PNG files or arrays (H, W, 3) uint8, all of one size.  At most `most` of them are used, evenly spaced,
    the first and last among them; every second one goes as long as the file would be above `limit` bytes.  One palette
    serves all frames, else flat areas would flicker.

    Raises ValueError for no frames or frames of different sizes, OSError if a file cannot be read or written.
    """
    from io import BytesIO

    from PIL import Image

    frames = list(frames)
    if not frames:
        raise ValueError("a film needs at least one frame, got none")
    frames = [frames[i] for i in _spread(len(frames), most)]
    images = [Image.fromarray(frame) if isinstance(frame, np.ndarray) else Image.open(frame) for frame in frames]
    images = [image.convert("RGB") for image in images]
    if len(sizes := {image.size for image in images}) > 1:
        raise ValueError(f"the frames of a film must have one size, got {sorted(sizes)}")

    palette = _palette([images[i] for i in _spread(len(images), 8)])
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]

    while True:
        film = BytesIO()
        images[0].save(film, format="GIF", save_all=True, append_images=images[1:], loop=0,
                       duration=[milliseconds] * (len(images) - 1) + [hold])
        if film.tell() <= limit or len(images) <= 4:
            break
        images = images[:-1:2] + images[-1:]
    with replacing(path) as file:
        file.write(film.getvalue())


def _palette(images):
    """Choose 128 colours for images of one size, black and white among them: paper and text must not turn to grey."""
    from PIL import Image

    width, height = images[0].size
    strip = Image.new("RGB", (width, height * len(images)))  # one choice for all: late colours need entries too
    for i, image in enumerate(images):
        strip.paste(image, (0, i * height))
    colours = np.reshape(strip.quantize(colors=126, method=Image.Quantize.MEDIANCUT).getpalette()[:3 * 126], (-1, 3))
    colours[(colours > 247).all(axis=1)] = 255  # averages just off white would be chosen instead of it
    palette = Image.new("P", (1, 1))
    palette.putpalette([0, 0, 0, 255, 255, 255, *colours.ravel().tolist()])
    return palette


def figure(width: float, height: float):
    """Return an empty matplotlib Figure of width x height inches on white, with its own Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(fig)
    return fig


def save_figure(fig, path: str | Path) -> None:
    """Write a Figure as a PNG, whole or not at all.  Raises OSError if the file cannot be written."""
    with replacing(path) as file:
        fig.canvas.print_png(file)


def _spread(count: int, most: int) -> list[int]:
    """At most `most` of the indices 0 .. count - 1, evenly spaced, first and last included."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})
