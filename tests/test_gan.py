"""The procedure of both players, and what a user of a GAN relies on."""

import os
import subprocess
import sys

import numpy as np
import pytest

from scratchgan import GAN, Sequential
from scratchgan.core import ShapeError
from scratchgan.layers import BatchNorm, Dense, Dropout, LeakyReLU
from scratchgan.models import MODELS, base_of, build, dcgan, mlp_gan
from scratchgan.models.dcgan import halve
from scratchgan.optim import SGD, Adam


def weights(net):
    return [w.copy() for _, w in net.parameters()]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture
def points(rng):
    return rng.standard_normal((16, 2)).astype(np.float32)


def test_each_turn_moves_one_player_only(points):
    gan = mlp_gan()
    g, d = weights(gan.G), weights(gan.D)
    gan.d_step(points)
    assert same(g, weights(gan.G))
    assert not same(d, weights(gan.D))
    d = weights(gan.D)
    d_grads = [a.copy() for _, a in gan.D.gradients()]
    gan.g_step(16)
    assert same(d, weights(gan.D))
    assert same(d_grads, [a for _, a in gan.D.gradients()])  # frozen: not even its gradients are touched
    assert not same(g, weights(gan.G))


def test_d_gradient_is_the_sum_over_both_batches(points):
    """Half of it would be lost by `=` for `+=`; a cache on the layer would spoil the real half."""
    gan = dcgan(image_size=16, width=2, latent_dim=3)
    rng = np.random.default_rng(0)
    real = rng.standard_normal((5, 16, 16, 1)).astype(np.float32)
    Z = rng.standard_normal((5, 3)).astype(np.float32)
    gan.d_gradients(real, Z)
    both = [g.copy() for _, g in gan.D.gradients()]
    fake, _ = gan.G.forward(Z, train=True)
    parts = []
    for x, which in ((real, 1), (fake, 2)):  # one after the other, each with fresh gradients
        gan.D.zero_grads()
        r, _ = gan.D.forward(real, train=True)
        f, _ = gan.D.forward(fake, train=True)
        derivatives = gan.loss.discriminator(r, f)
        _, cache = gan.D.forward(x, train=True)
        gan.D.backward(derivatives[which], cache)
        parts.append([g.copy() for _, g in gan.D.gradients()])
    for total, a, b in zip(both, *parts, strict=True):
        np.testing.assert_allclose(total, a + b, rtol=1e-4, atol=1e-6)


def test_steps_lower_their_own_loss(points):
    """A small step of D lowers D's loss on the same batch, and one of G lowers G's, under both losses."""
    for loss in ("minimax", "non-saturating"):
        gan = mlp_gan(loss=loss, optimizer="sgd", momentum=0.0, lr_d=1e-3, lr_g=1e-3)
        Z = gan.noise(16)
        before = gan.d_gradients(points, Z)["d_loss"]
        gan.d_optimizer.step()
        assert gan.d_gradients(points, Z)["d_loss"] < before
        before = gan.g_gradients(Z)["g_loss"]
        gan.g_optimizer.step()
        assert gan.g_gradients(Z)["g_loss"] < before


def test_g_step_draws_new_noise(points, monkeypatch):
    gan = mlp_gan()
    drawn = []
    draw = gan.noise
    monkeypatch.setattr(gan, "noise", lambda N: drawn.append(draw(N)) or drawn[-1])
    gan.train_step(points)
    assert len(drawn) == 2
    assert not np.array_equal(*drawn)


@pytest.mark.parametrize("model", [name for name, builder in MODELS.items() if base_of(builder) in (dcgan, mlp_gan)])
def test_same_seed_same_bits_other_seed_other_bits(model, rng):
    images = {"image_size": 8, "width": 4, "latent_dim": 5}
    options = {"data_shape": (8, 8, 1), "hidden": (9,)} if model == "mlp" else images
    data = rng.uniform(-1, 1, (3, 12, 8, 8, 1)).astype(np.float32)
    finals = []
    for seed in (0, 0, 1):
        gan = build(model, seed=seed, ema_decay=0.9, **options)
        for batch in data:
            gan.train_step(batch, *((np.arange(12) % 10,) if gan.conditional else ()))
        finals.append([a.copy() for name, a in gan.state().items() if not name.startswith("rng/")])
    assert same(finals[0], finals[1])
    assert not same(finals[0], finals[2])


def test_same_bits_on_one_and_two_blas_threads():
    """The number of threads that NumPy's matrix product was given must not show in the weights."""
    code = (
        "import numpy as np, hashlib; from scratchgan.models import dcgan; gan = dcgan(width=16, dense=32)\n"
        "for seed in range(3): gan.train_step(np.random.default_rng(seed).uniform(-1, 1, (64, 28, 28, 1))"
        ".astype('f'))\n"
        "print(hashlib.sha256(b''.join(w.tobytes() for _, w in gan.G.parameters())).hexdigest())"
    )
    run = lambda n: (
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n},
        ).stdout
    )
    assert run("1") == run("2")


def test_sampling_does_not_disturb_training_and_depends_on_its_seed(points):
    one, two = mlp_gan(ema_decay=0.5), mlp_gan(ema_decay=0.5)
    one.train_step(points)
    two.train_step(points)
    a, b, c = one.sample(300, seed=1), one.sample(300, seed=1), one.sample(300, seed=2)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    np.testing.assert_array_equal(one.sample(7, seed=1), one.sample(300, seed=1)[:7])  # whole or in part
    one.train_step(points)
    two.train_step(points)
    assert same(weights(one.G), weights(two.G))
    assert a.shape == (300, 2)
    assert a.dtype == np.float32


def test_state_goes_on_bit_for_bit(rng):
    def make():
        net = lambda i, o, r: [Dense(i, 8, rng=r), BatchNorm(8), LeakyReLU(0.2), Dropout(0.3), Dense(8, o, rng=r)]
        r = np.random.default_rng(4)
        G, D = Sequential(net(3, 2, r)), Sequential(net(2, 1, r))
        return GAN(G, D, latent_dim=3, data_shape=(2,), g_optimizer=Adam(G), d_optimizer=Adam(D), ema_decay=0.9, seed=0)

    data = rng.standard_normal((8, 10, 2)).astype(np.float32)
    whole, first = make(), make()
    for batch in data:
        whole.train_step(batch)
    for batch in data[:3]:
        first.train_step(batch)
    saved = {name: a.copy() for name, a in first.state().items()}
    second = make()
    second.load_state(saved)
    for batch in data[3:]:
        second.train_step(batch)
    assert second.steps == 8
    for name, a in whole.state().items():
        np.testing.assert_array_equal(a, second.state()[name], err_msg=name)


def test_load_state_names_what_is_wrong_and_changes_nothing():
    gan = mlp_gan()
    before = {name: a.copy() for name, a in gan.state().items()}
    broken = {name: np.zeros_like(a) for name, a in before.items()}
    broken.pop("G/0.W")
    with pytest.raises(ValueError, match=r"the state lacks G/0\.W"):
        gan.load_state(broken)
    broken = {name: np.zeros_like(a) for name, a in before.items()}
    with pytest.raises(ValueError, match="not the state of a random generator"):
        gan.load_state(broken)
    for name, a in gan.state().items():
        np.testing.assert_array_equal(a, before[name])


def test_bad_calls_are_named(points):
    gan = mlp_gan()
    with pytest.raises(ShapeError, match=r"expects samples \(N, 2\), got \(16, 3\)"):
        gan.train_step(np.zeros((16, 3), np.float32))
    with pytest.raises(ShapeError, match=r"got \(0, 2\)"):
        gan.train_step(points[:0])
    with pytest.raises(ShapeError, match="got list"):
        gan.train_step([[0.0, 1.0]])
    with pytest.raises(TypeError, match="float32 parameters, got float64 input"):
        gan.train_step(points.astype(np.float64))
    with pytest.raises(ValueError, match="not conditional"):
        gan.train_step(points, labels=np.zeros(16))
    with pytest.raises(ValueError, match="not conditional"):
        gan.sample(3, seed=0, labels=np.zeros(3))
    with pytest.raises(ValueError, match="not conditional: generate"):
        gan.generate(gan.noise(3), np.zeros(3))
    with pytest.raises(ValueError, match="n must be an integer of at least 1, got 0"):
        gan.sample(0, seed=0)
    with pytest.raises(ValueError, match="more than 4 GiB"):
        gan.sample(10**12, seed=0)
    with pytest.raises(ValueError, match="seed must be an integer of at least 0, got -1"):
        mlp_gan(seed=-1)


def test_players_must_fit_each_other(rng):
    G, D = Sequential([Dense(3, 2, rng=rng)]), Sequential([Dense(2, 1, rng=rng)])
    make = lambda **kw: GAN(
        **{"G": G, "D": D, "latent_dim": 3, "data_shape": (2,), "g_optimizer": SGD(G), "d_optimizer": SGD(D), **kw}
    )
    make()
    with pytest.raises(ValueError, match="g_optimizer was made for another net"):
        make(g_optimizer=SGD(D))
    with pytest.raises(ShapeError, match=r'Dense "G.0" expects vectors \(N, 3\)'):
        make(latent_dim=4)
    wide = Sequential([Dense(3, 5, rng=rng)])
    with pytest.raises(ShapeError, match=r"G makes samples of shape \(5,\), the data has \(2,\)"):
        make(G=wide, g_optimizer=SGD(wide))
    two = Sequential([Dense(2, 2, rng=rng)])
    with pytest.raises(ShapeError, match="D must end in one logit"):
        make(D=two, d_optimizer=SGD(two))


@pytest.mark.parametrize(
    ("size", "expected"),
    [(28, (7, 2)), (32, (4, 3)), (64, (4, 4)), (8, (4, 1)), (12, (6, 1)), (20, (5, 2)), (4, (2, 1))],
)
def test_rule_of_sizes(size, expected):
    assert halve(size) == expected


@pytest.mark.parametrize("size", [9, 30, 36, 3, 0])
def test_sizes_that_cannot_be_halved(size):
    with pytest.raises(ValueError, match="image_size"):
        halve(size)


def test_dcgan_28_is_the_reference_architecture():
    gan = dcgan()
    D = [w.shape for _, w in gan.D.parameters()]
    G = [w.shape for _, w in gan.G.parameters()]
    assert D == [(4, 4, 1, 64), (64,), (4, 4, 64, 128), (128,), (128,), (6272, 1), (1,)]
    assert G == [(100, 6272), (128,), (128,), (4, 4, 64, 128), (64,), (64,), (4, 4, 1, 64), (1,)]


def test_dcgan_with_a_hidden_dense_layer(rng):
    gan = dcgan(image_size=8, width=3, latent_dim=5, dense=7)
    assert [w.shape for _, w in gan.D.parameters()] == [(4, 4, 1, 3), (3,), (48, 7), (7,), (7,), (7, 1), (1,)]
    assert [w.shape for _, w in gan.G.parameters()][:5] == [(5, 7), (7,), (7,), (7, 48), (3,)]
    assert np.isfinite(gan.train_step(rng.uniform(-1, 1, (4, 8, 8, 1)).astype(np.float32))["g_loss"])


@pytest.mark.parametrize(("size", "channels"), [(32, 3), (64, 1), (8, 1)])
def test_dcgan_other_sizes_train(size, channels, rng):
    gan = dcgan(image_size=size, channels=channels, width=4, latent_dim=5)
    report = gan.train_step(rng.uniform(-1, 1, (4, size, size, channels)).astype(np.float32))
    assert all(np.isfinite(v) for v in report.values())
    assert set(report) == {"d_loss", "g_loss", "d_real", "d_fake"}
    images = gan.sample(3, seed=0)
    assert images.shape == (3, size, size, channels)
    assert np.abs(images).max() <= 1
    assert gan.probability(images).shape == (3,)


def test_unknown_names():
    with pytest.raises(ValueError, match="unknown model 'dcgn', did you mean 'dcgan'"):
        build("dcgn")
    with pytest.raises(ValueError, match="unknown optimizer 'adm', did you mean 'adam'"):
        mlp_gan(optimizer="adm")
    with pytest.raises(ValueError, match="disagree"):
        mlp_gan(3, data_shape=(2,))
