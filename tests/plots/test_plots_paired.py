"""Pictures of pairs, and the plane of perception and distortion."""

import numpy as np
import pytest
from PIL import Image

from scratchgan.plots import paired_rows, perception_distortion, save_pairs, save_plane


def images(n, side, channels, value=0.0):
    return np.full((n, side, side, channels), value, np.float32)


def test_rows_and_columns_stand_where_their_names_do():
    rows = {"given": images(3, 4, 1, -1), "output": images(3, 16, 3, 0), "truth": images(3, 16, 3, 0.5)}
    fig = paired_rows(rows, headings=["20.0 dB", "21.0 dB", "22.0 dB"], title="a run", notice="look here")
    (axes,) = fig.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["given", "output", "truth"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["20.0 dB", "21.0 dB", "22.0 dB"]
    shown = axes.images[0].get_array()
    assert shown.shape == (3 * 17 + 1, 3 * 17 + 1, 3)
    for tick, value in zip(axes.get_yticks(), (0, 0.5, 0.75), strict=True):
        np.testing.assert_allclose(shown[int(tick), 8], 255 * value, atol=1)
    assert fig.get_suptitle() == "a run\nlook here"


def test_at_most_16_columns_are_drawn():
    fig = paired_rows({"given": images(40, 8, 1), "truth": images(40, 8, 1)}, headings=["x"] * 40)
    assert fig.axes[0].images[0].get_array().shape[1] == 16 * 9 + 1
    assert len(fig.axes[0].get_xticks()) == 16


def test_a_picture_of_pairs_refuses():
    for rows, words in (
        ({}, "at least one row"),
        ({"a": images(2, 8, 1), "b": images(3, 8, 1)}, "same length, got a 2, b 3"),
        ({"a": images(2, 8, 1), "b": images(2, 12, 1)}, "a has 8 x 8"),
        ({"a": images(2, 8, 2)}, "1 or 3|channels"),
    ):
        with pytest.raises(ValueError, match=words):
            paired_rows(rows)
    with pytest.raises(ValueError, match="2 headings, got 1"):
        paired_rows({"a": images(2, 8, 1)}, headings=["one"])


def test_names_are_cut_and_no_formulas(tmp_path):
    save_pairs(tmp_path / "p.png", {"$x^2$ and much more that does not fit": images(1, 8, 3)}, title="$")
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size[0] >= 600


def test_methods_are_points_with_floor_and_ceiling():
    fig = perception_distortion({"bicubic": (22, 30), "net": [(24, 14), (24.2, 13)]}, floor=2, ceiling=50, title="t")
    (axes,) = fig.axes
    points = [line.get_xydata().tolist() for line in axes.lines if line.get_linestyle() == "None"]
    assert points == [[[22, 30]], [[24, 14], [24.2, 13]]]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["bicubic", "net"]
    texts = [t.get_text() for t in axes.texts]
    assert "better" in texts
    assert any(text.startswith("floor") and text.endswith(" 2") for text in texts)
    assert any(text.startswith("ceiling") for text in texts)
    low, high = axes.get_ylim()
    assert low < 2 < 50 < high
    assert axes.get_xlim()[0] < 22 < 24.2 < axes.get_xlim()[1]
    assert "truth" in axes.get_xlabel()
    assert "real" in axes.get_ylabel()


def test_the_arrow_shows_down_and_to_the_right():
    fig = perception_distortion({"a": (22, 30)})
    (arrow,) = [t for t in fig.axes[0].texts if getattr(t, "arrow_patch", None) is not None]
    (x1, y1), (x0, y0) = arrow.xy, arrow.xyann
    assert x1 > x0
    assert y1 < y0


def test_a_far_ceiling_leaves_room_for_the_methods():
    fig = perception_distortion({"a": (22, 30), "b": (23, 20)}, floor=2, ceiling=900)
    assert fig.axes[0].get_ylim()[1] < 60
    assert any("900, far above" in t.get_text() for t in fig.axes[0].texts)


def test_the_plane_refuses(tmp_path):
    for methods, options, words in (
        ({}, {}, "at least one method"),
        ({"a": (float("inf"), 2)}, {}, "finite pairs .* of a"),
        ({"a": []}, {}, "finite pairs"),
        ({"a": (1, 2)}, {"floor": float("nan")}, "finite floor"),
    ):
        with pytest.raises(ValueError, match=words):
            perception_distortion(methods, **options)
    save_plane(tmp_path / "plane.png", {f"method {i}": (20 + i, 30 - i) for i in range(12)}, floor=1)
    with Image.open(tmp_path / "plane.png") as picture:
        assert picture.size == (860, 500)
