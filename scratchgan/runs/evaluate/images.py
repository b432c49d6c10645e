"""The metrics for a run on images: digits are compared by a classifier's features, other images by their pixels.

The features of digits come from `metrics.classifier`, which was trained on digits only.  For other images the features
are the pixels, after resizing to at most 16 a side (11 in colour): a shift by two pixels is then a large distance, and
the metrics of features say less.  Diversity, the birthday test and memorisation use the pixels of all images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...data import Dataset, load, resize_images
from ...data.dataset import shrink_images, to_channels
from ...data.download import DOWNLOADS
from ...gan import GAN
from ...losses.cross_entropy import softmax
from ...metrics.birthday import birthday_test
from ...metrics.classifier import LABEL, SIZE, Classifier, load_classifier
from ...metrics.density_coverage import density_coverage
from ...metrics.floor import uniform_noise
from ...metrics.frechet import frechet_distance
from ...metrics.inception_score import inception_score
from ...metrics.kernel_distance import kernel_distance
from ...metrics.membership import membership_advantage
from ...metrics.memorisation import memorisation_ratio
from ...metrics.ms_ssim import diversity
from ...metrics.neighbours import nearest
from ...metrics.precision_recall import precision_recall
from ...metrics.sliced_wasserstein import sliced_wasserstein
from ...metrics.two_sample import two_sample_accuracy
from ..recipe import Recipe
from .table import Candidates, Entry, Line, Prepared, entry

DIGITS = ("mnist-5k", "mnist", "uci-digits-8x8")
SURE = 0.9
PIXELS, MOST_FEATURES = 16, 400  # images without a classifier: limits of the side and of the number of features
MEMBERS = 2000  # real images of each kind, at most, in the memorisation and membership tests
MOST_PIXELS = 50_000_000  # limit for the training images in the memorisation test: 400 MB in float64


@dataclass(frozen=True)
class View:
    """Images in the forms that metrics need: pixels (N, H, W, C), features (N, F), probabilities (N, 10) or None.

    role    what the images are: "samples", "real" or "noise"
    """

    images: np.ndarray
    features: np.ndarray
    probabilities: np.ndarray | None = None
    role: str = "samples"

    @property
    def sure(self) -> np.ndarray:
        """The class (M,) of each of the M images that the classifier is at least 90 % sure of."""
        assert self.probabilities is not None  # only used where there is a classifier
        best = self.probabilities.argmax(axis=1)
        return best[self.probabilities.max(axis=1) >= SURE]


def prepare(
    gan: GAN,
    recipe: Recipe,
    data: Dataset,
    *,
    n: int,
    seed: int,
    held_out: np.ndarray | None = None,
    changed: str = "",
) -> Prepared:
    """Draw the images, classify them if they are digits, and choose the metrics.

    data     without what is held out; `changed` if they are not what the run was trained on: see `run_data.RunData`

    Raises ValueError if samples are not finite, or held_out images do not have the shape of the data.
    """
    rng, notes = np.random.default_rng([seed, 1000]), []
    half = min(n, len(data) // 2)
    if half < n:
        notes.append(f"n is {half:,}: half of the data's {len(data):,} images")
    n, order = half, rng.permutation(len(data))
    mine, other = order[:n], order[n : 2 * n]
    samples = np.clip(gan.sample(n, seed=seed), -1, 1)
    if not np.isfinite(samples).all():
        raise ValueError("the run's samples are not finite: it has diverged")
    noise = uniform_noise(samples, n, rng=rng)

    classifier = load_classifier() if recipe.data in DIGITS else None
    if (data.x[mine] == data.x[mine[0]]).all():
        raise ValueError(f"{recipe.data}: all images that samples would be compared with are equal; expected others")
    reference = look(data.x[mine], classifier, "real")
    candidates = Candidates(
        look(samples, classifier), look(data.x[other], classifier, "real"), look(noise, classifier, "noise")
    )
    entries, classes = of_features(reference), None
    if classifier:
        entries += of_digits()
        classes = {"samples": _counts(candidates.samples), "real": _counts(reference)}
        notes += _about_classifier(classifier, data, mine, reference)
    else:
        notes.append("there is no classifier for these images, and so no inception-style score and no classes")
    entries += of_pixels(reference)
    if changed:
        notes.append("what the run remembers of its images cannot be measured without them")
    else:
        entries += _memory(gan, recipe, data, held_out, n, notes, rng)
    notes.append("real: other real images instead of the samples; noise: uniform noise in every pixel")
    F = reference.features.shape[1]
    features = LABEL if classifier else f"features are pixels, {F} numbers per image: a shift is a large distance"
    return Prepared(entries, candidates, n, features, samples, data.x[mine], notes, classes)


def of_features(reference: View) -> list[Entry]:
    """The metrics that compare the features of two sets."""
    real = reference.features
    return [
        entry(
            "Frechet distance",
            "low",
            "mean and covariance of the features; never exactly 0",
            lambda v, rng: frechet_distance(real, v.features),
            squared=True,
        ),
        entry(
            "kernel distance (KID)",
            "low",
            "three moments of the features; 0 on average if equal",
            lambda v, rng: kernel_distance(real, v.features),
            squared=True,
        ),
        Entry(
            [
                Line("precision", "high", "share of samples that lie among real images"),
                Line("recall", "high", "share of real images that lie among samples"),
            ],
            lambda v, rng: precision_recall(real, v.features),
        ),
        Entry(
            [
                Line("density", "high", "samples lie where real images are dense; real: 1"),
                Line("coverage", "high", "share of real images with a sample next to them"),
            ],
            lambda v, rng: density_coverage(real, v.features),
        ),
        entry(
            "two-sample accuracy",
            "low",
            "how often a plane separates real and fake; 0.5: chance",
            lambda v, rng: two_sample_accuracy(real, v.features, rng=rng),
        ),
    ]


def of_digits() -> list[Entry]:
    """The metrics that need a classifier's predictions."""

    def verdicts(v, rng):
        sure = v.sure
        return len(sure) / len(v.images), len(np.unique(sure))

    return [
        entry(
            "inception-style score",
            "high",
            "clear classes, and all of them; at most 10",
            lambda v, rng: inception_score(v.probabilities),
        ),
        Entry(
            [
                Line("sure of its class", "high", "share that the classifier is at least 90 % sure of"),
                Line("classes that occur", "high", "among these images; of 10"),
            ],
            verdicts,
        ),
        entry(
            "MS-SSIM in a class",
            "real",
            "similarity within a class; above real: too alike",
            lambda v, rng: diversity(v.images, rng=rng, pairs=_pairs(v), labels=v.probabilities.argmax(axis=1)),
        ),
    ]


def of_pixels(reference: View) -> list[Entry]:
    """The metrics that compare the images' pixels."""

    def birthday(v, rng):
        report = birthday_test(v.images, real=reference.images, closest=1)
        return report.repeats, report.at_least

    return [
        entry(
            "MS-SSIM of pairs",
            "real",
            "similarity of any two, 0..1; above real: too alike",
            lambda v, rng: diversity(v.images, rng=rng, pairs=_pairs(v)),
        ),
        entry(
            "sliced Wasserstein, pixels",
            "low",
            "how far mass must move, projected on random lines",
            lambda v, rng: sliced_wasserstein(reference.images, v.images, rng=rng),
        ),
        Entry(
            [
                Line("pairs that repeat", "low", "nearer to each other than any two real images"),
                Line("different images, at least", "high", "birthday test, 95 % bound; limited by n"),
            ],
            birthday,
        ),
    ]


def _pairs(v: View) -> int:
    """How many pairs of images MS-SSIM compares."""
    return min(500, len(v.images))


def _memory(
    gan: GAN,
    recipe: Recipe,
    data: Dataset,
    held_out: np.ndarray | None,
    n: int,
    notes: list[str],
    rng: np.random.Generator,
) -> list[Entry]:
    """Did the run memorise images?  Compares with held-out images if there are any, else leave-one-out.

    Adds to `notes` what was done.
    """
    if held_out is None and recipe.data in DOWNLOADS:
        size, channels = recipe.image_size or None, recipe.channels or None
        test_part = load(recipe.data, image_size=size, channels=channels, split="test")
        assert isinstance(test_part, Dataset)  # downloads are never densities
        held_out = test_part.x
    elif held_out is None and data.test is not None and data.test_size > 1:
        held_out = data.test().x
    train = data.x
    if train.size > MOST_PIXELS:
        train = train[np.sort(rng.permutation(len(train))[: MOST_PIXELS // train[0].size])]
        notes.append(f"memorisation was measured with {len(train):,} of the {len(data):,} training images")
    if held_out is None:
        notes.append(
            f"no images were held out from the {len(data):,} used for training: membership cannot be measured, "
            "and memorisation is measured leave-one-out, by a real image's distance to the nearest other one"
        )
        return [_leave_one_out(train, n)]
    held_out = np.asarray(held_out, np.float32)
    if held_out.shape[1:] != data.x.shape[1:] or len(held_out) < 2:
        raise ValueError(f"held_out: expected at least 2 images of shape {data.x.shape[1:]}, got {held_out.shape}")
    notes.append(
        f"{len(held_out):,} images were held out of training: half of them set the scale, the other half give "
        'the column "real"'
    )
    copies, members = _with_held_out(gan, train, held_out[::2], held_out[1::2], rng)
    if gan.conditional:
        notes.append("membership was not measured: D needs labels, and the held-out images have none")
        return [copies]
    return [copies, members]


def _leave_one_out(train: np.ndarray, n: int) -> Entry:
    """Distances to the nearest training image, relative to those from real images to the nearest *other* one."""
    flat = train.reshape(len(train), -1).astype(np.float64)
    known = flat[np.linspace(0, len(flat) - 1, min(len(flat), MEMBERS, n)).round().astype(int)]
    of_real = np.sqrt(nearest(known, flat, 2)[0][:, 1])  # the second nearest: the nearest is the image itself
    limit, middle = np.quantile(of_real, 0.01), np.median(of_real)

    def compute(v, rng):
        x = v.images.reshape(len(v.images), -1).astype(np.float64)
        distance = np.sqrt(nearest(x, flat, 2)[0][:, int(v.role == "real")])
        return np.median(distance) / middle if middle > 0 else np.nan, (distance < limit).mean()

    return Entry(
        [
            Line("nearest real image", "real", "distance; real images: 1; 0: copies; < 1: smooth"),
            Line("copies", "low", "share nearer to a real image than 99 % of real ones are"),
        ],
        compute,
    )


def _with_held_out(gan, train, judge, proof, rng) -> list[Entry]:
    """Memorisation relative to images that were not used in training, and membership inference with D."""

    def copies(v, _):
        report = memorisation_ratio(train, judge, proof if v.role == "real" else v.images)
        return report.ratio, report.copies

    def members(v, _):
        if v.role == "noise":
            return (np.nan,)
        known = train[rng.permutation(len(train))[:MEMBERS]] if v.role == "samples" else proof
        report = membership_advantage(gan.probability(known[:MEMBERS]), gan.probability(judge[:MEMBERS]))
        return (report.advantage,)

    return [
        Entry(
            [
                Line("nearest trained / held out", "real", "1: nothing memorised; 0: copies"),
                Line("copies", "low", "share nearer to a training image than 99 % of others"),
            ],
            copies,
        ),
        Entry([Line("membership advantage of D", "low", "does D recognise its training set? 0: no, 1: yes")], members),
    ]


def look(images: np.ndarray, classifier: Classifier | None, role: str = "samples") -> View:
    """The View of images (N, H, W, C): features of the classifier (from grey 28 x 28 images), or pixels without one."""
    if classifier is None:
        side = min(PIXELS, int((MOST_FEATURES / images.shape[-1]) ** 0.5))
        small = shrink_images(images, side)
        return View(images, small.reshape(len(images), -1), role=role)
    features = classifier.features(resize_images(to_channels(images, 1), SIZE))
    return View(images, features, softmax(classifier.classify(features)), role)


def _counts(view: View) -> list[int]:
    """How many images the classifier is sure of, for each of the 10 classes."""
    return np.bincount(view.sure, minlength=10).tolist()


def _about_classifier(classifier, data, mine, reference) -> list[str]:
    """Notes on how far the classifier can be trusted on these images."""
    facts, notes = classifier.facts, []
    notes.append(
        f"the classifier is right on {facts.accuracy:.1%} of {facts.kept_out:,} held-out digits of mnist-5k; it "
        "was trained on the other 4,000, some of which may be among the real ones here, and on nothing but "
        "digits: it can be sure of noise, too"
    )
    if data.x.shape[1:] != (SIZE, SIZE, 1):
        notes.append(
            "for the classifier, images were made grey and resized from "
            f"{data.x.shape[1]} x {data.x.shape[2]} to {SIZE} x {SIZE}"
        )
    if data.labels is not None:
        right = float((reference.probabilities.argmax(axis=1) == data.labels[mine]).mean())
        notes.append(f"it gives {right:.1%} of the real images here their correct label")
    return notes
