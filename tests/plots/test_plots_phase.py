"""Phase portraits: the field and its paths are drawn where they are."""

import numpy as np
import pytest

from scratchgan.plots import (
    phase_portrait,
)
from scratchgan.theory import dirac


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
