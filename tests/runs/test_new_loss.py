"""A new loss is one class with its facts: once it has a name in LOSSES, recipes, logs, pictures and the doctor know it."""

import json

import numpy as np
import pytest

from scratchgan import losses, plots
from scratchgan.data import gaussian_mixture_1d, ring
from scratchgan.gradcheck import check
from scratchgan.losses import Pointwise, Rest
from scratchgan.models import mlp_gan
from scratchgan.plots.density import save_density
from scratchgan.runs.diagnose import run as diagnose
from scratchgan.runs.recipe import Recipe, load, override
from scratchgan.runs.train import train


class Bare(Pointwise):
    """a = e^-r, b = e^f, c = e^-f, and not one fact."""

    name = "bare"

    def real_term(self, r):
        e = np.exp(-r)
        return e, -e, e

    def fake_term(self, f):
        e = np.exp(f)
        return e, e, e

    def generator_term(self, f):
        return self.real_term(f)


class Exponential(Bare):
    """The same with its facts: p e^-C + q e^C is least at C* = (log p - log q) / 2."""

    name = "exponential"
    undecided = 0.0
    rest = Rest(2.0, 1.0, 0.0)
    optimal_formula = "log(p / q) / 2"

    def optimal_logit(self, log_p, log_q):
        with np.errstate(invalid="ignore"):
            return (log_p - log_q) / 2


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    for loss in (Bare, Exponential):
        monkeypatch.setitem(losses.LOSSES, loss.name, loss)


SHORT = ("steps=30", "log_every=1", "sample_every=15", "hidden=[16]", "batch_size=32")


def words(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("name", ["exponential", "bare"])
@pytest.mark.parametrize("start", ["mlp-ring", "mlp-1d"])
def test_a_recipe_trains_it_with_pictures_and_the_doctor(name, start, tmp_path):
    recipe = override(load(start), [f"loss={name}", *SHORT])
    run = train(recipe, tmp_path / "run", progress=False)
    assert {"samples.png", "curves.png", "progress.gif", "checkpoint.npz", "log.jsonl"} <= set(run.files)
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert len(log) == 30
    assert ("real_right" in log[-1]) == (name == "exponential")  # the share needs `undecided`
    assert log[-1]["d_real"] == pytest.approx(log[-1]["real_logit"], rel=1e-4)  # no probability: C(x) is logged
    told = str(diagnose(run.folder))
    assert f"with the loss {name} they are not probabilities" in told
    assert (run.folder / "doctor.png").is_file()


def test_curves_know_where_it_rests():
    log = [{"step": n, "d_loss": 1.9, "g_loss": 1.0, "d_real": 0.6, "d_fake": -0.4} for n in (1, 2)]
    left, right = plots.curves(log, loss="exponential").axes
    assert "D's loss if p = q: 2.000" in words(left)
    assert words(right) == ["C(x), real", "C(G(z)), generated", "p = q: C = 0"]
    assert right.get_ylabel() == "mean critic C(x)"
    left, right = plots.curves(log, loss="bare").axes
    assert words(left) == ["D's loss", "G's loss"]
    assert words(right) == ["C(x), real", "C(G(z)), generated"]


def test_pictures_draw_its_output_and_its_optimum(tmp_path):
    for name, middle in (("exponential", "; dashed: 0"), ("bare", "")):
        gan = mlp_gan(data_dim=2, latent_dim=2, hidden=(8,), loss=name, seed=0)
        fig = plots.surface(gan, ring(), n=50)
        assert fig.axes[1].get_ylabel() == f"critic C(x){middle}"
        gan = mlp_gan(data_dim=1, latent_dim=2, hidden=(8,), loss=name, seed=0)
        lower = plots.surface(gan, gaussian_mixture_1d(), n=50).axes[1]
        assert ("C* = log(p / q) / 2, q estimated" in words(lower)) == (name == "exponential")
        save_density(tmp_path / "1d.png", gan, gaussian_mixture_1d(), n=50)
        assert (tmp_path / "1d.png").stat().st_size > 1000


def test_a_recipe_names_it_among_the_losses():
    assert Recipe(loss="exponential").loss == "exponential"
    with pytest.raises(
        ValueError, match=r'loss = "exponentia": expected .* or "exponential"; did you mean "exponential"'
    ):
        Recipe(loss="exponentia")
    with pytest.raises(
        ValueError, match='label_smoothing has no effect with loss = "exponential", only with "minimax"'
    ):
        override(Recipe(), ["loss=exponential", "label_smoothing=0.1"])


def test_the_checker_takes_it():
    for loss in (Bare(), Exponential()):
        assert check(loss).ok
