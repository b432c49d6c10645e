r"""CycleGAN on two unpaired sets of handwritten digits: is the digit preserved, and does the translation look real?

    python -m benchmarks.cyclegan [--seeds 0] [--steps N] [--classifier FILE]

Domain A is "uci", the 1,797 UCI digits of 8 x 8 pixels, enlarged and framed like those of MNIST
(`data.pairs.uci_digits_28`): smooth, grey, by other writers.  Domain B is "mnist", the bundled 5,000.  Training uses no
labels, and not the last 20 % of each class.  On these held-out images three quantities are measured after the last
step, in each direction:

    preserved    the share of translations that a classifier of the target domain assigns to the label of the source,
                 and the confusion matrix.  For comparison, the same classifier on the untranslated images, and on real
                 held-out images of its own domain.  For MNIST this is the bundled classifier, which was not trained on
                 the images held out here either (`metrics.classifier.split`); for UCI it is the same net, trained here
                 on the UCI images that are not held out, unchanged and with other slants and proportions
    told apart   accuracy of logistic regression on the bundled classifier's 64 features, which separates translated
                 from real images of the target domain: equally many of each class in both, 5-fold; 50 % is chance.
                 For comparison, the same for untranslated images
    cycle        mean |F(G(x)) - x|, pixels in [-1, 1]

One process and one thread; seconds are the CPU time of this process for the training alone.
Writes benchmarks/results/cyclegan.json and cyclegan.png.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan.data import Dataset
from scratchgan.data.pairs import Pair, PairStream, digits_pair
from scratchgan.files import checkpoint
from scratchgan.files.atomic import write_text
from scratchgan.metrics import classifier
from scratchgan.metrics.augment import warp
from scratchgan.models import cyclegan
from scratchgan.models.cycle import CycleGAN
from scratchgan.plots import figure, save_figure
from scratchgan.plots.grids import image_grid

RESULTS = Path(__file__).parent / "results"
SETTINGS = {
    "width": 16,
    "blocks": 2,
    "d_width": 32,
    "cycle_weight": 20.0,
    "identity_weight": 1.0,
    "pool_size": 50,
    "lr": 1e-3,
    "beta1": 0.5,
    "lr_schedule": "linear",
    "ema_decay": 0.99,
}
STEPS, BATCH = 1000, 8
READER_STEPS = 2000
HELD_OUT = 0.2  # of each class
TARGETS = {"preserved": 0.9, "told_apart": 0.8}
NAMES = {"a": "uci", "b": "mnist"}


def split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(indices of the training images, indices of the held-out images): the last 20 % of each class are held out."""
    classes = [np.flatnonzero(labels == k) for k in range(10)]
    cuts = [round((1 - HELD_OUT) * len(members)) for members in classes]
    return (
        np.concatenate([m[:cut] for m, cut in zip(classes, cuts, strict=True)]),
        np.concatenate([m[cut:] for m, cut in zip(classes, cuts, strict=True)]),
    )


def parts(data: Dataset) -> tuple[Dataset, Dataset]:
    """(training part, held-out part) of a data set."""
    return tuple(Dataset(data.x[i], data.labels[i], name=data.name, source=data.source) for i in split(data.labels))


def uci_classifier(learn: Dataset, file: Path | None) -> classifier.Classifier:
    """The digit classifier's net, trained on UCI images and 16 variants of each; `file`, if given, keeps weights."""
    if file is not None and file.is_file():
        net, (arrays, _) = classifier.build(rng=np.random.default_rng(0)), checkpoint.load(file)
        for name, array in net.arrays().items():
            array[...] = arrays[name]
        return net
    rng = np.random.default_rng(1)
    images = np.concatenate([learn.x] * 2 + [other_hands(learn.x, rng) for _ in range(16)])
    net = classifier.train(images, np.tile(learn.labels, 18), seed=0, steps=READER_STEPS)
    if file is not None:
        checkpoint.save(file, net.arrays(), {"kind": "UCI digits classifier"})
    return net


def other_hands(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image rotated by up to 12 degrees, slanted by up to 0.6, 0.65 to 1.05 times as high, 0.75 to 1.35 as wide.

    A translated digit keeps its writer's slant and proportions.  These hardly vary in UCI, so a classifier trained only
    on UCI's own images takes a slanted 6 for a 4.
    """
    N = len(images)
    angle, slant = np.deg2rad(rng.uniform(-12, 12, N)), rng.uniform(-0.6, 0.6, N)
    height, width = rng.uniform(0.65, 1.05, N), rng.uniform(0.75, 1.35, N)
    A = np.empty((N, 2, 2))
    A[:, 0, 0], A[:, 0, 1] = np.cos(angle) / height, -np.sin(angle) / height
    A[:, 1, 0], A[:, 1, 1] = (np.sin(angle) + slant) / width, np.cos(angle) / width
    return warp(images, A, np.zeros((N, 2)))


def learn(pair: Pair, seed: int, steps: int, batch_size: int = BATCH, **settings) -> tuple[CycleGAN, float, dict]:
    """(the trained game, seconds of CPU time, its last losses: means over 50 steps)."""
    from tqdm import trange

    gan = cyclegan(seed=seed, total_steps=steps, **settings)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1000,)))
    stream, last = PairStream(pair.a, pair.b, batch_size, rng=rng), []
    start = time.process_time()
    for step in trange(steps, desc=f"seed {seed}", unit="step"):
        report = gan.train_step(stream.next())
        if step >= steps - 50:
            last.append(report)
    return gan, time.process_time() - start, {key: float(np.mean([r[key] for r in last])) for key in last[0]}


def told_apart(one: np.ndarray, labels_one: np.ndarray, other: np.ndarray, labels_other: np.ndarray) -> float:
    """Accuracy of logistic regression that separates two sets of features, with equally many of each class in both.

    5 folds, C = 1; features are standardised with the statistics of the training folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chosen = ([], [])
    for k in range(10):
        i, j = np.flatnonzero(labels_one == k), np.flatnonzero(labels_other == k)
        n = min(len(i), len(j))
        chosen[0].append(i[:n])
        chosen[1].append(j[:n])
    one, other = (features[np.concatenate(i)] for features, i in zip((one, other), chosen, strict=True))
    X, y = np.concatenate([one, other]), np.repeat([0, 1], [len(one), len(other)])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return float(cross_val_score(model, X, y, cv=folds).mean())


def measure(gan: CycleGAN, held: dict[str, Dataset], readers: dict[str, classifier.Classifier]) -> dict:
    """The three quantities in each direction; `held` and `readers`: held-out images and classifier by domain letter."""
    bundled, found = classifier.load_classifier(), {}
    features = {which: bundled.features(data.x) for which, data in held.items()}
    for source, target in (("a", "b"), ("b", "a")):
        x, labels, reader = held[source].x, held[source].labels, readers[target]
        y, again = gan.cycle(x, to=target)
        read = reader.logits(y).argmax(axis=1)
        confusion = np.zeros((10, 10), int)
        np.add.at(confusion, (labels, read), 1)
        real, real_labels = held[target].x, held[target].labels
        found[f"{NAMES[source]} to {NAMES[target]}"] = {
            "preserved": float((read == labels).mean()),
            "preserved_untranslated": float((reader.logits(x).argmax(axis=1) == labels).mean()),
            "reader_on_its_own": float((reader.logits(real).argmax(axis=1) == real_labels).mean()),
            "told_apart": told_apart(bundled.features(y), labels, features[target], real_labels),
            "told_apart_untranslated": told_apart(features[source], labels, features[target], real_labels),
            "cycle_error": float(np.abs(again - x).mean(dtype=np.float64)),
            "changed": float(np.abs(y - x).mean(dtype=np.float64)),
            "images": len(x),
            "confusion": confusion.tolist(),
        }
    return found


def draw(path: Path, gan: CycleGAN, held: dict[str, Dataset], found: dict) -> None:
    """Rows of x, G(x) and F(G(x)) in both directions, for two held-out images of each digit."""
    fig = figure(11, 4.6)
    for axes, (source, target) in zip(fig.subplots(2, 1), (("a", "b"), ("b", "a")), strict=True):
        data, way = held[source], f"{NAMES[source]} to {NAMES[target]}"
        x = data.x[np.concatenate([np.flatnonzero(data.labels == k)[:2] for k in range(10)])]
        y, again = gan.cycle(x, to=target)
        axes.imshow(
            image_grid(np.concatenate([x, y, again]), columns=len(x))[..., 0],
            cmap="gray",
            vmin=0,
            vmax=255,
            interpolation="nearest",
        )
        axes.set_yticks([15, 44, 73], ["x", "G(x)", "F(G(x))"])
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(
            f"{way}: {found[way]['preserved']:.1%} keep their digit, told apart from real ones in "
            f"{found[way]['told_apart']:.1%}, cycle error {found[way]['cycle_error']:.3f}",
            fontsize=9,
        )
    fig.suptitle(
        "The digit and its slant stay, the style of the handwriting changes, and the way back restores the original "
        "(held-out images)",
        fontsize=10,
    )
    fig.tight_layout()
    save_figure(fig, path)


def main() -> None:
    """Train and measure for each seed; write the JSON, and the figure of the first seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cyclegan", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="default: 0")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of {BATCH} images of each domain; default: {STEPS}")
    parser.add_argument("--classifier", type=Path, default=None, help="file that keeps the UCI classifier's weights")
    parser.add_argument("--out", type=Path, default=RESULTS, help="default: benchmarks/results")
    args = parser.parse_args()
    scratchgan.set_num_threads(1)
    pair = digits_pair()
    (train_a, held_a), (train_b, held_b) = parts(pair.a), parts(pair.b)
    held = {"a": held_a, "b": held_b}
    readers = {"a": uci_classifier(train_a, args.classifier), "b": classifier.load_classifier()}
    runs = []
    for seed in args.seeds:
        gan, seconds, last = learn(Pair(train_a, train_b, name=pair.name), seed, args.steps, **SETTINGS)
        found = measure(gan, held, readers)
        met = {
            way: bool(f["preserved"] >= TARGETS["preserved"] and f["told_apart"] <= TARGETS["told_apart"])
            for way, f in found.items()
        }
        runs.append({"seed": seed, "cpu_seconds": seconds, "targets_met": met, "last_losses": last, **found})
        for way, f in found.items():
            print(f"seed {seed}, {way}: " + ", ".join(f"{k} {v:.3f}" for k, v in f.items() if isinstance(v, float)))
        if seed == args.seeds[0]:
            draw(args.out / "cyclegan.png", gan, held, found)
        write_text(
            args.out / "cyclegan.json",
            json.dumps(
                {
                    "settings": {**SETTINGS, "steps": args.steps, "batch_size": BATCH},
                    "targets": TARGETS,
                    "training_images": {"uci": len(train_a), "mnist": len(train_b)},
                    "runs": runs,
                },
                indent=1,
            )
            + "\n",
        )


if __name__ == "__main__":
    main()
