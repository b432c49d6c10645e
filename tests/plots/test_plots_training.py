"""The curves of a training run: equilibrium, running means, short logs and logs with gaps."""

import math

import numpy as np
import pytest
from pictures import pixels

from scratchgan import losses, plots
from scratchgan.plots import (
    curves,
)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_the_rest_of_minimax_is_the_least_loss_of_d_where_p_is_q(smoothing):
    D = np.linspace(0.001, 0.999, 9981)
    loss = -(1 - smoothing) * np.log(D) - smoothing * np.log(1 - D) - np.log(1 - D)
    value, _, best = losses.get("minimax", label_smoothing=smoothing).rest
    assert best == pytest.approx(D[loss.argmin()], abs=1e-3)
    assert value == pytest.approx(loss.min(), abs=1e-5)
    if not smoothing:
        assert (best, value) == (0.5, 2 * math.log(2))


def test_running_mean_of_a_window_without_the_missing():
    values = np.array([1.0, 2.0, np.nan, 4.0, 9.0])
    np.testing.assert_allclose(plots.running_mean(values, 1), [1.5, 1.5, np.nan, 6.5, 6.5])
    np.testing.assert_allclose(plots.running_mean(values, 9), [4, 4, np.nan, 4, 4])


def record(step, d_loss=1.2):
    return {"step": step, "d_loss": d_loss, "g_loss": 0.7, "d_real": 0.6, "d_fake": 0.4, "seconds": 0.1}


@pytest.mark.parametrize("log", [[record(1)], [record(n, None if n == 3 else 1.0) for n in range(1, 30)]])
def test_curves_draw_short_logs_and_logs_with_gaps(tmp_path, log):
    plots.save_curves(tmp_path / "c.png", log, label_smoothing=0.1)
    assert pixels(tmp_path / "c.png").shape == (420, 1100, 3)


def test_curves_refuse_what_is_no_log(tmp_path):
    with pytest.raises(ValueError, match="at least one record"):
        plots.save_curves(tmp_path / "c.png", [])
    with pytest.raises(ValueError, match="d_real, d_fake missing"):
        plots.save_curves(tmp_path / "c.png", [{"step": 1, "d_loss": 1, "g_loss": 1}])


def test_curves_mark_the_rest_of_the_loss_that_was_played():
    log = [{"step": n, "d_loss": 1.0, "g_loss": 1.0, "d_real": 0.6, "d_fake": 0.4} for n in (1, 2)]
    for loss, words in (
        ("hinge", "p = q: 2.000"),
        ("wasserstein", "p = q: 0.000"),
        ("least-squares", "p = q: 0.250"),
        ("relativistic-average", "2 log 2 = 1.386"),
        ("minimax", "2 log 2 = 1.386"),
    ):
        left, right = curves(log, loss=loss).axes
        assert any(words in text.get_text() for text in left.get_legend().get_texts()), loss
        marked = any("p = q" in text.get_text() for text in right.get_legend().get_texts())
        assert marked == (loss in ("least-squares", "minimax"))
    with pytest.raises(ValueError, match="unknown loss 'hinges'"):
        curves(log, loss="hinges")
