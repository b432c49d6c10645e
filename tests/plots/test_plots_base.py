"""Figures: no global state, no main thread, and a notebook shows them."""

import subprocess
import sys
import threading

import pytest

from scratchgan import plots


def record(step, d_loss=1.2):
    return {"step": step, "d_loss": d_loss, "g_loss": 0.7, "d_real": 0.6, "d_fake": 0.4, "seconds": 0.1}


def test_figures_need_no_pyplot_and_no_main_thread(tmp_path):
    code = (
        "import sys; from pathlib import Path; from scratchgan import plots\n"
        "plots.save_curves(Path(sys.argv[1]), [dict(step=1, d_loss=1, g_loss=1, d_real=.5, d_fake=.5)])\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "c.png"], check=True)
    thread = threading.Thread(target=plots.save_curves, args=(tmp_path / "t.png", [record(1), record(2)]))
    thread.start()
    thread.join()
    assert (tmp_path / "t.png").is_file()


def test_a_figure_shows_itself_in_a_notebook():
    fig = plots.figure(2, 1)
    fig.add_subplot().plot([0, 1])
    assert fig._repr_png_().startswith(b"\x89PNG")


def test_figures_in_notebooks_are_larger_on_a_projector(monkeypatch, tmp_path):
    from io import BytesIO

    from PIL import Image

    def size(content):
        return Image.open(BytesIO(content)).size

    monkeypatch.setenv("SCRATCHGAN_PLOT_SCALE", "1.5")
    fig = plots.figure(3, 2)
    assert size(fig._repr_png_()) == (450, 300)
    plots.save_figure(fig, tmp_path / "a.png")
    assert size((tmp_path / "a.png").read_bytes()) == (300, 200)
    monkeypatch.setenv("SCRATCHGAN_PLOT_SCALE", "big")
    with pytest.raises(ValueError, match=r"must be a number from 0\.5 to 4, got .big."):
        plots.figure(3, 2)
