"""Where G's loss sends the fakes: the arrows are the derivative of the loss, and nothing moves while they are drawn."""

import copy

import numpy as np
import pytest

from scratchgan import GAN, Sequential
from scratchgan.data import gaussian_mixture_1d, ring
from scratchgan.layers import Dense, Pack, Tanh
from scratchgan.losses import LOSSES
from scratchgan.models import mlp_gan
from scratchgan.optim import Adam
from scratchgan.plots import fake_gradient, surface
from scratchgan.plots.density import optimal_d

pytestmark = pytest.mark.usefixtures("one_thread")


def trained(loss="non-saturating", dim=2, steps=20, **options):
    gan = mlp_gan(data_dim=dim, latent_dim=2, hidden=(16, 16), loss=loss, seed=0, **options)
    density = ring() if dim == 2 else gaussian_mixture_1d()
    rng = np.random.default_rng(0)
    for _ in range(steps):
        gan.train_step(density.sample(32, rng=rng))
    return gan, density


def in_float64(gan):
    gan.D = gan.D.astype(np.float64)
    return gan


def bits(gan):
    return {name: array.tobytes() for name, array in gan.state().items()}


@pytest.mark.parametrize("loss", LOSSES)
def test_arrows_are_the_numerical_derivative_of_gs_loss(loss, rng):
    gan = in_float64(trained(loss)[0])
    fake, real = rng.normal(size=(5, 2)), rng.normal(size=(6, 2))

    def value(fake):
        logits = [gan.D.forward(x, train=False)[0] for x in (fake, real)]
        return gan.loss.generator(*logits)[0]

    h, numerical = 1e-6, np.empty((5, 2))
    for i in np.ndindex(5, 2):
        step = np.zeros((5, 2))
        step[i] = h
        numerical[i] = (value(fake + step) - value(fake - step)) / (2 * h)
    gradient = fake_gradient(gan, fake, real)
    np.testing.assert_allclose(gradient, numerical, rtol=1e-5, atol=1e-9)
    assert np.abs(gradient).max() > 1e-4
    small = 1e-3 / np.abs(gradient).max()
    assert value(fake - small * gradient) < value(fake)  # along the arrows G's loss falls


def test_in_training_mode_it_is_what_g_is_sent_and_nothing_moves(rng):
    gan, density = trained("relativistic-average")
    real, Z = density.sample(8, rng=rng), rng.normal(size=(8, 2)).astype(np.float32)
    fake, _ = gan.G.forward(Z, train=True, rng=rng)
    sent = []
    D = gan.D
    backward = D.backward
    gan.D.backward = lambda *args, **options: sent.append(backward(*args, **options)) or sent[-1]
    gan.g_gradients(Z, real)
    del gan.D.backward
    before = bits(gan)
    np.testing.assert_array_equal(fake_gradient(gan, fake, real, train=True), sent[-1])
    fake_gradient(gan, fake, real)
    assert bits(gan) == before


def test_drawing_leaves_the_training_as_it_was():
    gan, density = trained()
    other = copy.deepcopy(gan)
    surface(gan, density, n=60)
    real = density.sample(32, rng=np.random.default_rng(5))
    assert gan.train_step(real) == other.train_step(real)
    assert bits(gan) == bits(other)


def arrows_of(axes):
    [quiver] = [artist for artist in axes.collections if type(artist).__name__ == "Quiver"]
    return quiver


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("loss", ["non-saturating", "wasserstein", "hinge", "least-squares"])
def test_drawn_arrows_start_at_fakes_and_point_down_the_loss(loss, dim):
    gan, density = trained(loss, dim)
    fig = surface(gan, density, n=80, seed=4)
    axes = fig.axes[dim == 1]
    quiver = arrows_of(axes)
    fake = gan.sample(80, seed=4)
    real = density.sample(80, rng=np.random.default_rng(4))
    push = -80 * fake_gradient(gan, fake, real).astype(float)
    index = [int(np.abs(fake[:, 0] - x).argmin()) for x in quiver.X]
    np.testing.assert_allclose(fake[index, 0], quiver.X, rtol=1e-6)
    drawn = np.stack([quiver.U, quiver.V], axis=1)[:, :dim]
    scale = np.linalg.norm(drawn, axis=1).max() / np.linalg.norm(push[index], axis=1).max()
    np.testing.assert_allclose(drawn, scale * push[index], rtol=1e-4, atol=1e-7)
    assert len(index) == len(set(index)) > 10
    longest = np.linalg.norm(push[index], axis=1).max()
    assert any(f"longest {longest:.3g}" in text.get_text() for text in axes.get_legend().get_texts())


def test_surface_of_a_data_set_of_points_and_without_arrows(rng):
    gan, density = trained()
    fig = surface(gan, density.sample(100, rng=rng), n=30, arrows=0)
    assert not [a for a in fig.axes[0].collections if type(a).__name__ == "Quiver"]
    fig.canvas.draw()


@pytest.mark.parametrize("loss", ["non-saturating", "hinge"])
def test_surface_of_a_d_that_judges_packs(loss, rng):
    G, D = Sequential([Dense(2, 2, rng=rng)]), Sequential([Pack(3), Dense(6, 8, rng=rng), Tanh(), Dense(8, 1, rng=rng)])
    gan = GAN(G, D, latent_dim=2, data_shape=(2,), loss=loss, g_optimizer=Adam(G, 1e-3), d_optimizer=Adam(D, 1e-3))
    fig = surface(gan, ring(), n=32, seed=2)  # 30, for packs of 3
    quiver = arrows_of(fig.axes[0])
    fake = gan.sample(30, seed=2)
    push = -10 * fake_gradient(gan, fake).astype(float)
    index = [int(np.abs(fake - at).sum(axis=1).argmin()) for at in np.stack([quiver.X, quiver.Y], axis=1)]
    drawn = np.stack([quiver.U, quiver.V], axis=1)
    scale = np.linalg.norm(drawn, axis=1).max() / np.linalg.norm(push[index], axis=1).max()
    np.testing.assert_allclose(drawn, scale * push[index], rtol=1e-4, atol=1e-7)
    fig.canvas.draw()


def test_surface_refuses(rng):
    gan, density = trained(steps=0)
    with pytest.raises(ValueError, match="got float64 of shape \\(3, 3\\)"):
        surface(gan, np.zeros((3, 3)))
    with pytest.raises(ValueError, match="finite points"):
        surface(gan, np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="the data have 1 dimensions"):
        surface(gan, gaussian_mixture_1d())
    with pytest.raises(ValueError, match="got 0 and 5"):
        surface(gan, density, n=0, arrows=5)
    with pytest.raises(ValueError, match="expected fake samples \\(N, 2\\)"):
        fake_gradient(gan, np.zeros((3, 1)))
    with pytest.raises(ValueError, match="finite fake"):
        fake_gradient(gan, np.full((3, 2), np.inf))
    with pytest.raises(ValueError, match="'relativistic-average' also needs"):
        fake_gradient(trained("relativistic-average", steps=0)[0], np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("loss", "bounds"), [("minimax", (0, 1)), ("non-saturating", (0, 1)), ("hinge", (-1, 1)), ("least-squares", (0, 1))]
)
def test_optimal_d_is_the_least_loss_at_every_point(loss, bounds):
    smoothing = 0.1 if loss == "minimax" else 0.0
    made = LOSSES[loss](smoothing) if smoothing else LOSSES[loss]()
    p, q = np.array([1.0, 0.5, 0.1]), np.array([0.2, 0.5, 0.9])
    best = optimal_d(made, p, q)
    tried = np.linspace(*bounds, 4001)[1:-1] if bounds == (0, 1) else np.linspace(*bounds, 4001)
    logits = np.log(tried / (1 - tried)) if loss in ("minimax", "non-saturating") else tried
    for value, density_p, density_q in zip(best, p, q, strict=True):
        cost = density_p * made.real_term(logits)[0] + density_q * made.fake_term(logits)[0]
        nearest = np.abs(tried - value).argmin()
        assert cost[nearest] == pytest.approx(cost.min(), abs=1e-6)
    if made.rest.output is not None:
        assert made.rest.output == pytest.approx(best[1])
    assert made.undecided_output == pytest.approx(best[1] + smoothing / 2)
    assert optimal_d(LOSSES["wasserstein"](), p, q) is None
