"""Every row of the ledger within its tolerance; vanishing gradients; the pictures."""

import io
import math
import sys

import numpy as np
import pytest

from scratchgan.layers import Conv2D
from scratchgan.losses import LeastSquares, Minimax, NonSaturating
from scratchgan.theory import dirac, ledger, plots_theory, vanishing
from scratchgan.theory.rows_layers import operator_norm

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def rows():
    return ledger.ledger()


def test_every_row_holds(rows):
    assert [row for row in rows if not row.ok] == []
    for row in rows:
        assert math.isfinite(abs(row.theory))
        assert row.tolerance <= 2e-2
        assert row.source


def test_the_ledger_is_long_enough_and_has_no_row_twice(rows):
    names = [(row.topic, row.statement) for row in rows]
    assert len(set(names)) == len(names) >= 25


def test_a_planted_wrong_sign_fails_its_rows(monkeypatch):
    """A ledger that cannot fail is no ledger."""
    right = Minimax.generator_term
    monkeypatch.setattr(Minimax, "generator_term", lambda self, f: tuple(-part for part in right(self, f)))
    from scratchgan.theory import rows_loss, rows_optimal

    failed = [row.statement for row in [*rows_loss._labels(), *rows_optimal._generator()] if not row.ok]
    assert "minimax: slope of G's loss is -D" in failed
    assert "minimax: G's gradient is grad 2 JSD" in failed


def test_row_relations():
    row = lambda code, relation="=": ledger.LedgerRow("t", "s", "", 1.0, code, 0.1, relation)
    assert row(1.05).ok
    assert not row(1.2).ok
    assert row(-5, "<=").ok
    assert row(1.05, "<=").error == pytest.approx(0.05)
    assert not row(1.2, "<=").ok
    for relation in ("=", "<="):
        assert not row(math.nan, relation).ok
    for bad in (lambda: row(1.0, ">"), lambda: ledger.LedgerRow("t", "s", "", 1.0, 1.0, math.nan)):
        with pytest.raises(ValueError, match=r"relation|tolerance"):
            bad()


def test_the_table_aligns_and_counts(monkeypatch, rows):
    rows = [rows[0], rows[1], ledger.LedgerRow("other", "wrong on purpose", "", 1j, 2j, 0.1)]
    monkeypatch.setattr(ledger, "ledger", lambda: rows)
    out = io.StringIO()
    assert ledger.run(print=lambda text: print(text, file=out)) is False
    lines = out.getvalue().splitlines()
    assert lines[-1] == "2 of 3 statements hold: see FAILS above"
    assert lines[-3].endswith("FAILS")
    ends = {line.rindex(" 1e-14") for line in lines if " 1e-14" in line}
    assert len(ends) == 1


# -- operator norms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2])
def test_operator_norm_is_the_largest_singular_value(stride, rng):
    layer = Conv2D(2, 3, kernel_size=3, stride=stride, padding=1, rng=rng, dtype=np.float64)
    units = np.eye(50).reshape(50, 5, 5, 2)
    matrix = (layer.forward(units, train=False)[0] - layer.params["b"]).reshape(50, -1)
    assert operator_norm(layer, (5, 5, 2), gain=1e-9) == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-4)


# -- vanishing gradients ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curve():
    return vanishing.experiment(before=30, steps=(0, 10, 100, 300), hidden=(32,), lr=5e-3)


def test_minimax_vanishes_and_non_saturating_does_not(curve):
    assert curve.minimax[-1] < curve.minimax.max() / 100
    assert curve.non_saturating[-1] > curve.non_saturating[0]
    assert curve.orders[0] == pytest.approx(np.log10(curve.minimax.max() / curve.minimax[-1]))
    assert curve.d_real[-1] > 0.99
    assert curve.d_fake[-1] < 0.01
    assert len(str(curve).splitlines()) == 5


def test_the_experiment_repeats_itself(curve):
    again = vanishing.experiment(before=30, steps=(0, 10), hidden=(32,), lr=5e-3)
    np.testing.assert_array_equal(again.minimax, curve.minimax[:2])


def test_gradient_norm_is_that_of_the_given_loss(rng):
    from scratchgan.models import mlp_gan

    gan = mlp_gan(2, 2, (4,), dtype=np.float64)
    Z, h = rng.standard_normal((5, 2)), 1e-6
    for loss in (Minimax(), NonSaturating(), LeastSquares()):
        total = 0.0
        for _, w in gan.G.parameters():
            for i in range(w.size):
                ends = []
                for sign in (h, -2 * h):
                    w.flat[i] += sign
                    ends.append(loss.generator(gan.D.forward(gan.G.forward(Z, train=True)[0], train=True)[0])[0])
                w.flat[i] += h
                total += ((ends[0] - ends[1]) / (2 * h)) ** 2
        assert vanishing.gradient_norm(gan, loss, Z) == pytest.approx(math.sqrt(total), rel=1e-6)
    assert gan.loss.name == "non-saturating"


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": ()},
        {"steps": (0, 0)},
        {"steps": (3, 1)},
        {"steps": (-1, 2)},
        {"before": -1},
        {"batch": 0},
        {"data": np.zeros((0, 2))},
        {"data": np.zeros(3)},
        {"data": np.full((4, 2), np.nan)},
    ],
)
def test_bad_experiments_are_refused(bad):
    with pytest.raises(ValueError, match="vanishing"):
        vanishing.experiment(**bad)


# -- pictures ---------------------------------------------------------------------------------------------------------


def test_pictures_are_written(tmp_path, curve):
    from PIL import Image

    plots_theory.save_divergences(tmp_path / "a.png")
    plots_theory.save_phase_portraits(
        tmp_path / "b.png", [dirac.VARIANTS["R1"], dirac.VARIANTS["WGAN, clipped"]], steps=50
    )
    plots_theory.save_spectra(tmp_path / "c.png", {"a game": {"one": np.array([-1 + 1j, -1 - 1j, 0])}}, title="t")
    plots_theory.save_vanishing(tmp_path / "d.png", {"digits": curve})
    for name in "abcd":
        with Image.open(tmp_path / f"{name}.png") as image:
            pixels = np.asarray(image.convert("L"))
        assert pixels.shape[0] > 300
        assert 0.3 < (pixels > 250).mean() < 0.99
    for save in (
        lambda p: plots_theory.save_phase_portraits(p, []),
        lambda p: plots_theory.save_vanishing(p, {}),
        lambda p: plots_theory.save_spectra(p, {}, title="t"),
    ):
        with pytest.raises(ValueError, match="at least one"):
            save(tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_theory_imports_no_matplotlib():
    import subprocess

    code = (
        "import sys, scratchgan.theory.plots_theory, scratchgan.theory.ledger; "
        "print([m for m in ('matplotlib', 'PIL', 'tqdm', 'scipy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
