"""What public functions say to arguments that they cannot use: one line, in the user's terms, from the function itself.

python -m tests.test_bad_arguments         prints the table of messages
"""

import tempfile
from pathlib import Path

import numpy as np
import pytest

import scratchgan
from scratchgan import GAN, Sequential, data, dynamics, gradcheck, losses, metrics, optim, penalties, plots, theory
from scratchgan.layers import BatchNorm, Concat, Conv2D, Dense, LayerNorm, LeakyReLU, Projection, Reshape, SpectralNorm
from scratchgan.models import build, dcgan, mlp_gan
from scratchgan.rules import ClipWeights, GradientPenalty, InstanceNoise, Unrolled
from scratchgan.runs import recipe
from scratchgan.runs import train as training

RNG = np.random.default_rng(0)
NOWHERE = Path(tempfile.gettempdir()) / "scratchgan-nowhere"
X = RNG.standard_normal((6, 2)).astype(np.float32)
IMAGES = np.zeros((4, 8, 8, 1), np.float32)
NAN = np.where(np.arange(12).reshape(6, 2) == 5, np.nan, X).astype(np.float32)
GAME = mlp_gan(2, 2, (4,))
RECIPE = recipe.load("mlp-ring")

CASES = {
    "Dense: no rng": lambda: Dense(2, 3, rng=7),
    "Dense: wrong input": lambda: Dense(2, 3, rng=RNG).forward(np.zeros((5, 4), np.float32), train=True),
    "Dense: integers": lambda: Dense(2, 3, rng=RNG).forward(np.zeros((5, 2), int), train=True),
    "Dense: a list": lambda: Dense(2, 3, rng=RNG).forward([[1.0, 2.0]], train=True),
    "Conv2D: image smaller than kernel": lambda: Conv2D(1, 2, kernel_size=9, rng=RNG).forward(IMAGES, train=True),
    "Conv2D: channels first": lambda: Conv2D(1, 2, kernel_size=3, rng=RNG).forward(
        IMAGES.reshape(4, 1, 8, 8), train=True
    ),
    "BatchNorm: batch of one": lambda: BatchNorm(2).forward(X[:1], train=True),
    "LayerNorm: another shape": lambda: LayerNorm((3,)).forward(X, train=True),
    "LeakyReLU: slope": lambda: LeakyReLU(-1),
    "Reshape: another size": lambda: Reshape((3,)).forward(X, train=True),
    "Concat: nothing": lambda: Concat([]),
    "SpectralNorm: of no weight": lambda: SpectralNorm(LeakyReLU(), rng=RNG),
    "Projection: no labels": lambda: Projection(2, 3, rng=RNG).forward(X, train=True),
    "Sequential: neighbours": lambda: Sequential([Dense(2, 3, rng=RNG), Dense(4, 1, rng=RNG)]),
    "Sequential: no layer": lambda: Sequential([Dense(2, 3, rng=RNG), np.tanh]),
    "Sequential.backward: foreign cache": lambda: Sequential([]).backward(
        X, Dense(2, 2, rng=RNG).forward(X, train=True)[1]
    ),
    "astype": lambda: GAME.G.astype(np.int32),
    "GAN: optimiser of the other": lambda: GAN(
        GAME.G, GAME.D, latent_dim=2, data_shape=(2,), g_optimizer=GAME.d_optimizer, d_optimizer=GAME.g_optimizer
    ),
    "train_step: wrong shape": lambda: GAME.train_step(X[:, :1]),
    "train_step: labels": lambda: GAME.train_step(X, np.zeros(6, int)),
    "sample: none": lambda: GAME.sample(0, seed=0),
    "sample: too many": lambda: GAME.sample(1 << 40, seed=0),
    "load_state: of another net": lambda: GAME.load_state(mlp_gan(2, 2, (5,)).state()),
    "losses.get": lambda: losses.get("mimimax"),
    "losses: empty": lambda: losses.Minimax().discriminator(np.zeros((0, 1)), np.zeros((0, 1))),
    "Adam: rate": lambda: optim.Adam(GAME.G, -1e-3),
    "schedule": lambda: optim.schedule("cosin", 10),
    "R1: gamma": lambda: penalties.R1(-1),
    "penalty_backward: BatchNorm": lambda: penalties.penalty_backward(
        Sequential([BatchNorm(2), Dense(2, 1, rng=RNG)]), X, penalties.R1()
    ),
    "interpolate": lambda: penalties.interpolate(X, X[:3], rng=RNG),
    "GradientPenalty: place": lambda: GradientPenalty(penalties.R1(), "everywhere"),
    "Unrolled": lambda: Unrolled(0),
    "ClipWeights": lambda: ClipWeights(0),
    "InstanceNoise": lambda: InstanceNoise(-1, 10),
    "dcgan: size": lambda: dcgan(image_size=29),
    "mlp_gan: hidden": lambda: mlp_gan(2, 2, (0,)),
    "build": lambda: build("dcgna"),
    "gradcheck.check: a function": lambda: gradcheck.check(np.tanh, X),
    "gradcheck.check: NaN": lambda: gradcheck.check(Dense(2, 1, rng=RNG), NAN),
    "jacobian_vector": lambda: dynamics.jacobian_vector(GAME, X, X, {"9.W": X}, {}),
    "data.load": lambda: data.load("mnits-5k"),
    "data.load: a missing folder": lambda: data.load(NOWHERE / "photos"),
    "Dataset: NaN": lambda: data.Dataset(NAN),
    "Dataset: bytes": lambda: data.Dataset(np.full((2, 4, 4, 1), 255.0)),
    "BatchStream": lambda: data.BatchStream(data.Dataset(X), 7, rng=RNG),
    "resize_images": lambda: data.resize_images(IMAGES, 0),
    "recipe.load": lambda: recipe.load("dcgan-minst"),
    "recipe.override": lambda: recipe.override(RECIPE, ["lr_q=1"]),
    "recipe.override: type": lambda: recipe.override(RECIPE, ["steps=many"]),
    "train: data": lambda: training.train(RECIPE, NOWHERE, progress=False, data=np.full((20, 2), np.inf)),
    "resume": lambda: training.resume(NOWHERE),
    "frechet_distance": lambda: metrics.frechet_distance(X, X[:1]),
    "precision_recall": lambda: metrics.precision_recall(X, NAN),
    "ms_ssim": lambda: metrics.ms_ssim(IMAGES, IMAGES[:2]),
    "mode_report": lambda: metrics.mode_report(X, data.load("spirals")),
    "load_classifier": lambda: metrics.load_classifier(NOWHERE / "weights.npz"),
    "earth_mover_1d": lambda: metrics.earth_mover_1d([], [1.0]),
    "image_grid": lambda: plots.image_grid(X),
    "save_grid": lambda: plots.save_grid(NOWHERE / "no" / "a.png", IMAGES, "title"),
    "labelled_grid": lambda: plots.labelled_grid(IMAGES, np.zeros(3, int)),
    "theory.gaussian": lambda: theory.gaussian(0, -1),
    "set_num_threads": lambda: scratchgan.set_num_threads(0),
    "set_backend": lambda: scratchgan.set_backend("cuda"),
}


def message(case):
    """(type, text) of what a case raises."""
    with pytest.raises((ValueError, TypeError, OSError, RuntimeError)) as caught:
        CASES[case]()
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize("case", CASES)
def test_bad_arguments_are_refused_in_one_line_that_says_what_was_expected(case):
    kind, text = message(case)
    assert text
    assert "\n" not in text
    assert len(text) < 400
    assert kind.__module__.partition(".")[0] in ("builtins", "scratchgan")
    raw = (
        "object has no attribute",
        "index out of",
        "out of bounds",
        "could not be broadcast",
        "unexpected keyword",
        "cannot unpack",
        "not subscriptable",
        "numba.",
        "positional argument",
        "invalid literal",
    )
    assert not [words for words in raw if words in text]


def test_there_are_forty_at_least():
    assert len(CASES) >= 40


if __name__ == "__main__":
    for name in CASES:
        kind, text = message(name)
        print(f"{name:<38}{kind.__name__:<18}{text}")
