r"""How good is a run on pairs?  The measures of its task on held-out pairs, beside the truth, noise and trivial rivals.

    outputs = run.apply(x)
    result = measure(outputs, x, y, task="translation", train_x=train_x, train_y=train_y)
    print(result)

Two questions are kept apart.  Is each output the right one (PSNR, SSIM: distortion)?  And do outputs look real (the
Frechet distance, the kernel distance: perception)?  A blurred mean of all answers wins the first and loses the second;
another image's answer is the other way round.

    task               measured besides                                   rivals
    translation        L1, PSNR, colour histograms                        mean image, nearest neighbour, another's output
    super-resolution   PSNR and SSIM of the luminance without the         bicubic, pixels as blocks
                       border; consistency with the input
    enhancement        PSNR, and its gain over the input                  the input as it is, smoothed
    inpainting         PSNR and L1 in the hole, seam, known pixels        mean image, nearest neighbour in what is known
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks import positive_int
from ...data import resize_images
from ...data.dataset import to_channels
from ...metrics.classifier import SIZE, load_classifier
from ...metrics.compared import hole
from ...metrics.consistency import consistency
from ...metrics.floor import uniform_noise
from ...metrics.frechet import frechet_distance
from ...metrics.histogram_overlap import histogram_overlap
from ...metrics.kernel_distance import kernel_distance
from ...metrics.perceptual import digit_net, perceptual_distance
from ...metrics.psnr import psnr
from ...metrics.seam import seam_ratio
from ...metrics.ssim import ssim
from ...metrics.texture_net import LEAST, load_texture_net
from . import rivals
from .paired_features import SPLITS, View, between_halves, pieces_of
from .paired_report import PairedEvaluation, PairedMeasure

TASKS = ("translation", "super-resolution", "enhancement", "inpainting")
LOCAL = ("super-resolution", "enhancement")  # tasks about local texture: sets of patches are compared
INPUT = "input"  # the rival of enhancement that does nothing
FEWEST = 16  # pieces (images, or patches of them) for distances of sets


@dataclass(frozen=True)
class Row:
    """One measure: each(outputs) gives a number per image, and `mean` makes one of them; or whole(outputs) gives it."""

    name: str
    best: str
    means: str
    each: Callable[[np.ndarray], np.ndarray] | None = None
    mean: Callable[[np.ndarray], float] = np.mean
    squared: bool = False
    whole: Callable[[np.ndarray], float] | None = None
    floor: float | None = None  # the value for the truth, if it is not that of the truth as output


def measure(
    outputs: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    task: str,
    train_x: np.ndarray | None = None,
    train_y: np.ndarray,
    factor: int = 1,
    digits: bool = False,
    seed: int = 1,
    title: str = "",
) -> PairedEvaluation:
    """Measure outputs (N, H, W, C) for inputs x against the true images y (N, H, W, C), none of them trained on.

    x          (N, h, w, Cx); for super-resolution (N, H / factor, W / factor, C); for inpainting (N, H, W, C + 1), the
               last channel being the mask: -1 known, +1 hole
    train_x    (M, h, w, Cx) and train_y (M, H, W, C), the training pairs, for the rivals and for the scale of the
               features.  train_x is needed for translation only.  For super-resolution and enhancement the training
               images may be smaller or larger than y, for example crops of photographs, if both have 16 pixels a side
    digits     whether the images are digits, which the bundled classifier knows
    seed       for every random choice; the same seed gives the same numbers
    title      of the table and the picture

    Outputs beyond [-1, 1] are clipped, and a note says so.  The result has the rivals' images, too.
    Raises ValueError for another task, for shapes that do not fit, and for pixels that are not finite.
    """
    seed = positive_int("measure", "seed", seed, least=0)
    x, y, train_y = (np.asarray(a, np.float32) for a in (x, y, train_y))
    outputs, notes = _checked(np.asarray(outputs, np.float32), x, y, train_x, train_y, task, factor)
    rng = np.random.default_rng([seed, 1000])
    others = _rivals(task, outputs, x, train_x, train_y, factor, rng)
    noise = uniform_noise(y, len(y), rng=rng)
    if task == "inpainting":
        noise = rivals.filled(x, noise)
    rows = _of_task(task, x, y, factor) + _of_eyes(y, digits)
    if digits:
        rows += _of_digits(y)
    view = View.of(train_y, y, digits=digits, cut=task in LOCAL, rng=rng)
    if pieces_of(y, view.cut) >= FEWEST:
        rows += _of_sets(view, y, seed)
    else:
        notes.append(f"{len(y)} images are too few for distances of sets of features")
    measures = tuple(_measured(row, outputs, y, noise, others) for row in rows)
    notes += _lost(measures)
    if "nearest" in others:
        notes.append("nearest: real images, but of other things; in distances of sets they are as good as can be")
    notes += [
        "truth: the true images themselves as outputs, and for distances of sets the floor: the truth of one half against "
        f"that of the other, mean of {SPLITS} random divisions; noise: uniform noise in every pixel"
        + (" of the hole" if task == "inpainting" else "")
    ]
    return PairedEvaluation(
        title=title or task,
        n=len(y),
        seed=seed,
        features=view.label,
        measures=measures,
        notes=tuple(notes),
        task=task,
        images={"given": _given(task, x, y), "output": outputs, "truth": y, **others},
    )


def pooled(decibels: np.ndarray) -> float:
    """The PSNR of the mean squared error of all images, from that of each: finite if any image has an error."""
    with np.errstate(divide="ignore"):
        return float(-10 * np.log10(np.mean(10 ** (-np.asarray(decibels) / 10))))


def _checked(outputs, x, y, train_x, train_y, task, factor):
    """(outputs in [-1, 1], notes); ValueError for what does not fit."""
    if task not in TASKS:
        raise ValueError(f"measure: task must be one of {', '.join(TASKS)}, got {task!r}")
    if y.ndim != 4 or outputs.shape != y.shape or not y.size:
        raise ValueError(
            f"measure expects outputs like the true images (N, H, W, C), got {outputs.shape} and {y.shape}"
        )
    N, H, W, C = y.shape
    factor = positive_int("measure", "factor", factor)
    expected = {
        "super-resolution": (N, H // factor, W // factor, C),
        "inpainting": (N, H, W, C + 1),
    }.get(task, (*y.shape[:3], x.shape[-1]))
    if x.shape != expected or (task == "super-resolution" and (H % factor or W % factor)):
        raise ValueError(f"measure: {task} of images {y.shape} by {factor} needs inputs {expected}, got {x.shape}")
    if task == "enhancement" and x.shape[-1] not in (1, C):
        raise ValueError(f"measure: enhancement needs inputs with 1 or {C} channels, got {x.shape}")
    any_size = task in LOCAL and train_y.ndim == 4 and min(*train_y.shape[1:3], H, W) >= LEAST
    if train_y.shape[1:] != ((*train_y.shape[1:3], C) if any_size else (H, W, C)) or not len(train_y):
        raise ValueError(f"measure expects train_y (M, {H}, {W}, {C}), got {train_y.shape}")
    if task == "translation" and (train_x is None or np.shape(train_x) != (len(train_y), *x.shape[1:])):
        got = None if train_x is None else np.shape(train_x)
        raise ValueError(f"measure expects train_x {(len(train_y), *x.shape[1:])} for translation, got {got}")
    if not np.isfinite(outputs).all():
        raise ValueError("measure: the outputs are not finite: the run has diverged")
    beyond = float((np.abs(outputs) > 1).mean())
    note = [f"{beyond:.2%} of the outputs' values were beyond [-1, 1] and were clipped"] if beyond else []
    return np.clip(outputs, -1, 1), note


def _rivals(task, outputs, x, train_x, train_y, factor, rng) -> dict[str, np.ndarray]:
    """{name: outputs} of the trivial methods."""
    n = len(outputs)
    if task == "translation":
        return {
            "mean image": rivals.mean_image(train_y, n),
            "nearest": rivals.nearest_target(x, train_x, train_y),
            "another's": rivals.of_another(outputs, rng),
        }
    if task == "super-resolution":
        return {"bicubic": rivals.enlarged(x, factor), "blocks": rivals.enlarged(x, factor, smooth=False)}
    if task == "enhancement":
        same = np.ascontiguousarray(np.broadcast_to(np.clip(x, -1, 1), outputs.shape))
        return {INPUT: same, "smoothed": rivals.smoothed(same)}
    return {
        "mean image": rivals.filled(x, rivals.mean_image(train_y, n)),
        "nearest": rivals.nearest_known(x, train_y),
    }


def _of_task(task, x, y, factor) -> list[Row]:
    """The measures that only this task has."""
    colour = lambda out: psnr(out, y, luminance=False)
    if task == "translation":
        return [
            Row("L1", "low", "mean |error| of a value in [-1, 1]", lambda out: np.abs(out - y).mean(axis=(1, 2, 3))),
            Row("PSNR (dB)", "high", "all channels; from the mean squared error", colour, pooled),
            Row("histogram overlap", "high", "colours in common, 0..1", lambda out: histogram_overlap(out, y)),
        ]
    if task == "super-resolution":
        return [
            Row(
                "PSNR of Y (dB)",
                "high",
                f"luminance, {factor} pixels of border cut; mean of the images",
                lambda out: psnr(out, y, border=factor),
            ),
            Row(
                "SSIM of Y",
                "high",
                "structure in windows of 11 x 11, the same border",
                lambda out: ssim(out, y, border=factor),
            ),
            Row(
                "consistency (dB)",
                "high",
                "PSNR of the output made small against the input",
                lambda out: consistency(out, x, factor),
                pooled,
            ),
        ]
    if task == "enhancement":
        before = pooled(colour(np.broadcast_to(np.clip(x, -1, 1), y.shape)))
        return [
            Row("PSNR (dB)", "high", "all channels; from the mean squared error", colour, pooled),
            Row(
                "PSNR gain (dB)",
                "high",
                "over the input as it is, which has 0",
                whole=lambda out: pooled(colour(out)) - before if np.isfinite(before) else np.nan,
            ),
            Row("SSIM of Y", "high", "structure in windows of 11 x 11", lambda out: ssim(out, y)),
        ]
    holes = hole("measure", x[..., -1], y.shape)
    inside = np.broadcast_to(holes[..., None], y.shape)
    same = lambda out: np.all(inside | (out == x[..., :-1]), axis=(1, 2, 3)).astype(float)
    return [
        Row(
            "PSNR in the hole (dB)",
            "high",
            "all channels; from the mean squared error",
            lambda out: psnr(out, y, mask=holes, luminance=False),
            pooled,
        ),
        Row(
            "L1 in the hole",
            "low",
            "mean |error| of a value in [-1, 1]",
            lambda out: np.abs(np.where(inside, out - y, 0)).sum(axis=(1, 2, 3)) / inside.sum(axis=(1, 2, 3)),
        ),
        Row(
            "seam ratio",
            "real",
            "steps across the border / beside it; median",
            lambda out: seam_ratio(out, holes),
            lambda v: float(np.median(v)),
        ),
        Row("known pixels kept", "high", "share of images with every bit of them as given", same),
    ]


def _of_eyes(y, digits) -> list[Row]:
    """The perceptual distance, where there is a net for these images."""
    if digits:
        features: Any = digit_net()
        form = lambda v: resize_images(to_channels(v, 1), SIZE)
    elif min(y.shape[1:3]) >= LEAST:
        features, form = load_texture_net().maps, lambda v: v
    else:
        return []
    return [
        Row(
            "perceptual distance",
            "low",
            "of our small net; not comparable with LPIPS",
            lambda out: perceptual_distance(form(out), form(y), features),
        )
    ]


def _of_digits(y) -> list[Row]:
    """What the classifier says of outputs and truth."""

    def p(images):
        return load_classifier().probabilities(resize_images(to_channels(images, 1), SIZE)).astype(np.float64)

    truth = p(y).argmax(axis=1)
    return [
        Row("same digit", "high", "share with the class of the truth", lambda out: p(out).argmax(axis=1) == truth),
        Row(
            "entropy of the class",
            "real",
            "in nats; 0: sure; above the truth: undecided",
            lambda out: -(p(out) * np.log(np.maximum(p(out), 1e-12))).sum(axis=1),
        ),
    ]


def _of_sets(view, y, seed) -> list[Row]:
    """Frechet and kernel distance of the features, with the floor of disjoint halves."""
    truth = view(y)
    rows = []
    for name, distance, means in (
        ("Frechet distance", frechet_distance, "mean and covariance of the features; never 0"),
        ("kernel distance (KID)", kernel_distance, "three moments of them; 0 on average if equal"),
    ):
        of = lambda out, distance=distance: between_halves(distance, truth, view(out), seed)
        rows.append(Row(name, "low", means, whole=of, squared=True))
    return rows


def _measured(row, outputs, y, noise, others) -> PairedMeasure:
    """The row for the run, the truth, noise and each rival."""
    methods = {"": outputs, "truth": y, "noise": noise, **others}
    values, each = {}, {}
    for name, images in methods.items():
        if row.whole is not None:
            values[name] = float(row.whole(images))
        else:
            each[name] = np.asarray(row.each(images), np.float64)
            values[name] = float(row.mean(each[name]))
    return PairedMeasure(
        row.name,
        values.pop(""),
        values.pop("truth"),
        values.pop("noise"),
        row.best,
        row.means,
        row.squared,
        rivals=values,
        each={name or "this run": tuple(v.tolist()) for name, v in each.items() if name not in ("truth", "noise")},
    )


def _lost(measures) -> list[str]:
    """A note that lists where a rival is at least as good."""
    lost = [f"{m.name} ({', '.join(m.lost_to)})" for m in measures if m.lost_to]
    return [f"not better than a trivial rival in: {'; '.join(lost)}"] if lost else []


def _given(task, x, y):
    """What the net was given, as images that can be drawn."""
    x = x[..., :-1] if task == "inpainting" else x
    return np.clip(x if x.shape[-1] in (1, 3) else x[..., :1], -1, 1)
