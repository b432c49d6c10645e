"""Labelled grids, neighbours, gradient norms and phase portraits: what is drawn is what was given."""

import numpy as np
import pytest

from scratchgan import plots
from scratchgan.plots import (
    curves,
    gradient_norms,
    labelled_grid,
    nearest_images,
    neighbours,
    norms_of_log,
    phase_portrait,
)
from scratchgan.theory import dirac


def test_a_figure_shows_itself_in_a_notebook():
    fig = plots.figure(2, 1)
    fig.add_subplot().plot([0, 1])
    assert fig._repr_png_().startswith(b"\x89PNG")


def test_labelled_grid_has_a_class_a_row(rng):
    images, labels = rng.uniform(-1, 1, (9, 3, 4, 1)), np.array([2, 0, 2, 2, 0, 2, 3, 2, 2])
    axes = labelled_grid(images, labels, names=["zero", "one", "two", "three"], columns=4).axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert shown.shape == (3 * 4 + 1, 4 * 5 + 1, 3)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["zero", "two", "three"]
    for row, indices in enumerate([[1, 4], [0, 2, 3, 5], [6]]):
        for column in range(4):
            cell = shown[1 + 4 * row : 4 + 4 * row, 1 + 5 * column : 5 + 5 * column, 0]
            if column < len(indices):
                np.testing.assert_allclose(cell, (images[indices[column], ..., 0] + 1) * 127.5, atol=0.51)
            else:
                assert (cell == 255).all()


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        ([0, 1], {}, "needs 3 labels"),
        ([0, 1, -1], {}, "whole numbers from 0"),
        ([0.0, 1.0, 2.0], {}, "float64"),
        ([0, 1, 2], {"names": ["a", "b"]}, "2 names and the label 2"),
        ([0, 1, 2], {"columns": 0}, "at least 1 column"),
    ],
)
def test_labelled_grid_refuses(labels, options, words):
    with pytest.raises(ValueError, match=words):
        labelled_grid(np.zeros((3, 2, 2, 1)), np.array(labels), **options)


def test_nearest_images_by_brute_force(rng):
    samples, training = rng.uniform(-1, 1, (6, 4, 4, 3)).astype(np.float32), rng.uniform(-1, 1, (40, 4, 4, 3))
    training[7] = samples[2]
    indices, distances = nearest_images(samples, training, 5)
    table = np.sqrt([[((s - t) ** 2).sum() for t in training] for s in samples.astype(float)])
    np.testing.assert_array_equal(indices, np.argsort(table, axis=1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :5], rtol=1e-12)
    assert (indices[2, 0], distances[2, 0]) == (7, 0.0)


def test_neighbours_draws_sample_and_neighbours_and_says_what_is_a_copy(rng):
    training = rng.uniform(-1, 1, (30, 4, 4, 1))
    samples = np.concatenate([training[5:6] + 1e-3, rng.uniform(-1, 1, (2, 4, 4, 1))]).clip(-1, 1)
    fig = neighbours(samples, training, k=2, title="run")
    indices, distances = nearest_images(samples, training, 2)
    shown = [np.asarray(axes.images[0].get_array())[..., 0] for axes in fig.axes]
    expected = [image for n in range(3) for image in (samples[n], *training[indices[n]])]
    for a, b in zip(shown, expected, strict=True):
        np.testing.assert_allclose(a, (b[..., 0] + 1) * 127.5, atol=0.51)
    words = [text.get_text() for text in fig.texts]
    assert f"{distances[1, 0]:.2f}" in words
    assert f"{distances[0, 0]:.2f} copy?" in words
    assert "1 of 3 samples is nearer" in fig.get_suptitle()
    others = [np.sort([np.linalg.norm(a - b) for b in training])[1] for a in training]
    assert f"{np.median(others):.2f} from the next" in fig.get_suptitle()


def test_neighbours_refuse():
    images = np.zeros((2, 4, 4, 1))
    for arguments, words in (
        ((images, np.zeros((3, 5, 5, 1))), "one size"),
        ((images, images, 3), "of 2 training"),
        ((images, np.full((2, 4, 4, 1), np.nan)), "finite"),
        ((images, images, 0), "at least 1"),
        ((images[0], images), "a grid needs images"),
    ):
        with pytest.raises(ValueError, match=words):
            nearest_images(*arguments)
    with pytest.raises(ValueError, match="at least 2 training images"):
        neighbours(images, images[:1], k=1)


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
        ({"a": [1, 2], "b": [1]}, {}, "b has the shape"),
        ({"a": [-1.0]}, {}, "not negative"),
        ({"a": [np.inf]}, {}, "finite"),
        ({"a": [1, 2]}, {"steps": [2, 1]}, "rise"),
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
    with pytest.raises(ValueError, match="no norms of gradients"):
        norms_of_log([{"step": 1}])


def test_phase_portrait_draws_the_field_and_paths_where_they_are():
    variant = dirac.VARIANTS["minimax"]
    paths = {mode: dirac.trajectory(variant, mode=mode, steps=60) for mode in dirac.MODES}
    fig = phase_portrait(
        lambda psi, theta: [-v for v in dirac.field(variant, psi, theta)],
        (-2, 2, -1, 1),
        trajectories=paths,
        rest=(0, 0),
        grid=5,
    )
    axes = fig.axes[0]
    quiver = axes.collections[0]
    v_psi, v_theta = dirac.field(variant, quiver.X, quiver.Y)
    scale = np.abs(quiver.U).max() / np.abs(v_psi).max()
    np.testing.assert_allclose(np.stack([quiver.U, quiver.V]), -scale * np.stack([v_psi, v_theta]), atol=1e-12)
    assert (quiver.X.min(), quiver.X.max(), quiver.Y.min(), quiver.Y.max()) == (-2, 2, -1, 1)
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), paths["simultaneous"])
    # the flow leads the paths: the first step goes along the arrow there
    first = np.diff(paths["simultaneous"][:2], axis=0)[0]
    arrow = -np.array(dirac.field(variant, *paths["simultaneous"][0]))
    assert first @ arrow == pytest.approx(np.linalg.norm(first) * np.linalg.norm(arrow))
    fig.canvas.draw()


def test_phase_portrait_of_arrays_of_a_still_field_and_of_paths_that_overflow():
    grid = np.zeros((4, 4))
    fig = phase_portrait(
        (grid, grid),
        (0, 1, 0, 1),
        grid=4,
        trajectories={
            "away": [[0.5, 0.5], [3, 3], [np.inf, 1]],
            "stays": [[0.2, 0.2], [0.2, 0.2]],
            "point": [[0.1, 0.1]],
        },
    )
    assert "away (leaves)" in [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    fig.canvas.draw()
    phase_portrait(None, (0, 1, 0, 1)).canvas.draw()


@pytest.mark.parametrize(
    ("field", "options", "words"),
    [
        (None, {"extent": (1, 0, 0, 1)}, "extent must be"),
        (None, {"extent": (0, np.inf, 0, 1)}, "extent must be"),
        (lambda x, y: (x[:2], y), {}, "two arrays"),
        (lambda x, y: (x / 0 if False else x * np.nan, y), {}, "finite over the extent"),
        (None, {"trajectories": {"p": np.zeros((3, 3))}}, "'p' must be"),
        (None, {"trajectories": {"p": [[np.nan, 0]]}}, "finite start"),
        (None, {"grid": 1}, "at least 2"),
    ],
)
def test_phase_portrait_refuses(field, options, words):
    with pytest.raises(ValueError, match=words):
        phase_portrait(field, **{"extent": (0, 1, 0, 1), **options})


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
