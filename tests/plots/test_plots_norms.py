"""Norms of gradients: every value of every layer is drawn."""

import numpy as np
import pytest

from scratchgan.plots import (
    gradient_norms,
    norms_of_log,
)


def test_gradient_norms_draw_every_value_of_a_layer_on_a_log_scale():
    steps = np.array([10, 20, 30, 40])
    norms = {"D.0": [1, 0.1, 0.01, np.nan], "D.2": [2.0, 0, 0, 2], "G.0": [3.0, 3, 3, 3]}
    fig = gradient_norms(norms, steps)
    left, _ = fig.axes
    assert left.get_yscale() == "log"
    assert [axes.get_title() for axes in fig.axes] == ["D, the discriminator", "G, the generator"]
    np.testing.assert_allclose(left.lines[0].get_data(), [steps, [1, 0.1, 0.01, np.nan]])
    np.testing.assert_allclose(left.lines[2].get_ydata(), [2, np.nan, np.nan, 2])
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["0", "2 (0 at 2 of 4)"]
    np.testing.assert_allclose(left.lines[1].get_ydata()[:3], [10**-0.5, 0.1, 10**-1.5])  # geometric means
    fig.canvas.draw()


def test_gradient_norms_as_a_heat_map(rng):
    norms = {f"D.{i}": rng.uniform(0.1, 1, 6) for i in range(9)}
    norms["D.3"][2], norms["D.4"][1] = 0, np.nan
    fig = gradient_norms(norms)
    drawn = fig.axes[0].collections[0]
    table = np.ma.getdata(drawn.get_array()).reshape(9, 6)
    np.testing.assert_allclose(table[0], norms["D.0"])
    assert table[3, 2] < drawn.norm.vmin
    assert np.ma.getmaskarray(drawn.get_array()).reshape(9, 6)[4, 1]
    assert "red: exactly 0; white: missing" in fig.axes[0].get_title()
    fig.canvas.draw()


@pytest.mark.parametrize("norms", [{"a": [0.0, 0.0]}, {"a": [1.0]}, {"D": [1.0, 2.0]}, {"a": [np.nan, np.nan]}])
@pytest.mark.parametrize("kind", ["lines", "heat"])
def test_gradient_norms_of_odd_logs(norms, kind):
    gradient_norms(norms, kind=kind).canvas.draw()


@pytest.mark.parametrize(
    ("norms", "options", "words"),
    [
        ({}, {}, "at least one layer"),
        ({"a": []}, {}, "one step"),
        ({"a": [1, 2], "b": [1]}, {}, "b has shape"),
        ({"a": [-1.0]}, {}, "not negative"),
        ({"a": [np.inf]}, {}, "finite"),
        ({"a": [1, 2]}, {"steps": [2, 1]}, "increasing steps"),
        ({"a": [1]}, {"kind": "pie"}, "'pie'"),
    ],
)
def test_gradient_norms_refuse(norms, options, words):
    with pytest.raises(ValueError, match=words):
        gradient_norms(norms, **options)


def test_norms_of_log_reads_what_training_writes():
    log = [{"step": 1, "d_grads": {"0": 1.0, "2": 2.0}, "g_grads": {"0": None}}, {"step": 5, "d_grads": {"0": 3.0}}]
    norms, steps = norms_of_log(log)
    assert steps.tolist() == [1, 5]
    assert list(norms) == ["D.0", "D.2", "G.0"]
    np.testing.assert_array_equal(norms["D.0"], [1, 3])
    np.testing.assert_array_equal(norms["D.2"], [2, np.nan])
    with pytest.raises(ValueError, match="no gradient norms"):
        norms_of_log([{"step": 1}])
