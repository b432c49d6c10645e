"""One step of training, taken apart: it is a step of training, and its pictures show what it did."""

import numpy as np
import pytest

from scratchgan.data import load
from scratchgan.models import mlp_gan
from scratchgan.plots import animation_html, fake_gradient, play_turn


def small(**options):
    return mlp_gan(2, 2, (8, 8), lr_g=1e-3, lr_d=1e-3, seed=0, **options)


@pytest.mark.parametrize("options", [{}, {"loss": "wasserstein"}, {"ema_decay": 0.9}, {"loss": "least-squares"}])
def test_it_is_a_step_of_training(options):
    ring, ours, theirs = load("ring"), small(**options), small(**options)
    mine, other = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(3):
        turn = play_turn(ours, ring, n=16, rng=mine)
        report = theirs.train_step(ring.sample(16, rng=other))
        assert turn.report == report
    for name, array in theirs.state().items():
        np.testing.assert_array_equal(ours.state()[name], array, err_msg=name)


def test_it_keeps_what_happened():
    ring, gan = load("ring"), small()
    turn = play_turn(gan, ring, n=16, rng=np.random.default_rng(0))
    assert turn.step == 0
    assert gan.steps == 1
    np.testing.assert_array_equal(turn.moved, gan.generate(turn.noise_2))
    assert (turn.before != turn.after).any()
    assert np.abs(turn.moved - turn.fake_2).max() > 0
    np.testing.assert_allclose(turn.push, -16 * fake_gradient(gan, turn.fake_2), rtol=1e-5)  # D has not moved since


def test_pictures():
    turn = play_turn(small(), load("ring"), n=16, rng=np.random.default_rng(0))
    sheet = turn.sheet()
    assert len(sheet.axes) == 6
    assert all(axes.get_title() and axes.get_xlabel() and axes.get_ylabel() for axes in sheet.axes)
    frames, titles = turn.frames()
    assert len(frames) == len(titles) == 6
    assert titles[0] == "step 1, 1. noise"
    assert "Play" in animation_html(frames, titles)


def test_errors():
    rng = np.random.default_rng(0)
    with pytest.raises(
        ValueError, match="in the plane; the GAN generates samples \\(3,\\), the data have 2 dimensions"
    ):
        play_turn(mlp_gan(3, 2, (4,)), load("ring"), rng=rng)
    with pytest.raises(ValueError, match="n must be"):
        play_turn(small(), load("ring"), n=0, rng=rng)
    with pytest.raises(ValueError, match="one update of D per step, got 2"):
        play_turn(small(d_steps=2), load("ring"), rng=rng)
