"""GANs that are conditioned on labels or codes: what each player gets, what a label may be, and that a run with labels works."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from scratchgan import Sequential, cli
from scratchgan.core import ShapeError
from scratchgan.data import Dataset
from scratchgan.dynamics import jacobian_vector
from scratchgan.gradcheck.cases import CASES
from scratchgan.layers import Dense, Embedding, LabelConcat, LeakyReLU, Projection, ReLU
from scratchgan.losses.cross_entropy import cross_entropy
from scratchgan.models import build
from scratchgan.models.auxiliary import AuxiliaryGAN
from scratchgan.models.conditional import ConditionalGAN, one_hot
from scratchgan.models.training import game
from scratchgan.runs import recipe as recipes
from scratchgan.runs.build import restore
from scratchgan.runs.train import train

cyclegan = sys.modules["scratchgan.models.cycle"]
TINY = {"image_size": 8, "width": 4, "latent_dim": 3, "dense": 8, "classes": 3, "seed": 0}
NAMES = ("cgan", "projection", "acgan", "infogan")
LABELS = np.array([0, 1, 2, 1, 0, 2, 2, 1])


def tiny(name, **options):
    return build(name, **{**TINY, **options})


def images(rng, n=8, side=8):
    return np.tanh(rng.standard_normal((n, side, side, 1))).astype(np.float32)


@pytest.fixture
def labelled(rng):
    """Bright images have the label 2, dark ones 0."""
    labels = np.arange(60) % 3
    x = np.clip(0.3 * rng.standard_normal((60, 8, 8, 1)) + (labels - 1)[:, None, None, None] * 0.6, -1, 1)
    return Dataset(x.astype(np.float32), labels, name="bright")


# -- the layers -------------------------------------------------------------------------------------------------------


def test_projection_is_the_inner_product_of_features_and_the_labels_vector(rng):
    layer, x = Projection(4, 3, rng=rng), rng.standard_normal((5, 4)).astype(np.float32)
    labels = np.array([0, 2, 2, 1, 0])
    y, _ = layer.forward(x, train=True, labels=labels)
    w, b, e = layer.psi.params["W"], layer.psi.params["b"], layer.embedding.params["W"]
    np.testing.assert_allclose(y[:, 0], [x[n] @ w[:, 0] + b[0] + e[labels[n]] @ x[n] for n in range(5)], rtol=1e-5)


def test_concat_puts_the_labels_vector_beside_the_features(rng):
    layer, x = LabelConcat(3, 2, rng=rng), rng.standard_normal((4, 5)).astype(np.float32)
    y, _ = layer.forward(x, train=True, labels=np.array([2, 0, 0, 1]))
    assert (y[:, :5] == x).all()
    assert (y[:, 5:] == layer.embedding.params["W"][[2, 0, 0, 1]]).all()


@pytest.mark.parametrize("make", [lambda rng: LabelConcat(3, 2, rng=rng), lambda rng: Projection(4, 3, rng=rng)])
def test_a_layer_with_labels_says_what_is_missing(make, rng):
    layer, x = make(rng), rng.standard_normal((5, 4)).astype(np.float32)
    with pytest.raises(TypeError, match="needs labels"):
        layer.forward(x, train=True)
    with pytest.raises(ShapeError, match="a label for each of 5 samples"):
        layer.forward(x, train=True, labels=np.array([0, 1]))
    with pytest.raises(ValueError, match=r"labels from 0 to 2, got 3"):
        layer.forward(x, train=True, labels=np.array([0, 1, 2, 3, 0]))
    with pytest.raises(ShapeError, match="features"):
        layer.forward(x.reshape(5, 2, 2), train=True, labels=np.zeros(5, int))


def test_a_sequential_hands_labels_on_or_refuses_them(rng):
    x, labels = rng.standard_normal((4, 3)).astype(np.float32), np.array([0, 1, 1, 2])
    net = Sequential([Dense(3, 4, rng=rng), Sequential([LabelConcat(3, 2, rng=rng), Dense(6, 1, rng=rng)])])
    assert net.takes_labels
    a, _ = net.forward(x, train=True, labels=labels)
    b, _ = net.forward(x, train=True, labels=labels[::-1].copy())
    assert (a != b).any()
    with pytest.raises(TypeError, match="none of its layers takes labels"):
        Sequential([Dense(3, 4, rng=rng)]).forward(x, train=True, labels=labels)


# -- the game ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_step_moves_both_players_and_the_same_seed_gives_the_same_bits(name, rng):
    x = images(rng)
    one, two, other = tiny(name), tiny(name), tiny(name, seed=1)
    before = {key: a.copy() for key, a in one.state().items()}
    for gan in (one, two, other):
        report = gan.train_step(x, LABELS)
        assert all(np.isfinite(v) for v in report.values())
        assert {"d_loss", "g_loss", "d_real", "d_fake"} <= set(report)
    a, b, c = (gan.state() for gan in (one, two, other))
    assert all((a[key] == b[key]).all() for key in a)
    for player in ("G", "D"):
        moved = [key for key in a if key.startswith(f"{player}/") and "running" not in key]
        assert all((a[key] != before[key]).any() for key in moved)
        assert any((a[key] != c[key]).any() for key in moved)


@pytest.mark.parametrize("name", NAMES)
def test_state_comes_back_and_training_goes_on_with_the_same_bits(name, rng):
    x, one, two = images(rng), tiny(name, ema_decay=0.9), tiny(name, ema_decay=0.9, seed=5)
    one.train_step(x, LABELS)
    two.load_state({key: a.copy() for key, a in one.state().items()})
    for gan in (one, two):
        gan.train_step(x, LABELS)
    a, b = one.state(), two.state()
    assert all((a[key] == b[key]).all() for key in a)


@pytest.mark.parametrize("name", ["cgan", "projection", "acgan"])
def test_a_gan_with_labels_says_what_they_may_be(name, rng):
    gan, x = tiny(name), images(rng)
    with pytest.raises(ValueError, match=r"needs labels \(8,\) in 0\.\.2"):
        gan.train_step(x)
    with pytest.raises(ShapeError, match=r"labels \(8,\), one for each sample, got \(3,\)"):
        gan.train_step(x, LABELS[:3])
    with pytest.raises(ValueError, match=r"in 0\.\.2 as labels, got 0 to 3"):
        gan.train_step(x, LABELS + (LABELS == 2))
    with pytest.raises(ValueError, match="float64"):
        gan.train_step(x, LABELS.astype(float))
    with pytest.raises(ValueError, match="as labels, got -1"):
        gan.sample(2, seed=0, labels=-1)


def test_samples_of_a_label_and_in_turn(rng):
    gan = tiny("cgan")
    gan.train_step(images(rng), LABELS)  # BatchNorm has seen something
    each = gan.sample(6, seed=3)
    assert (each == gan.sample(6, seed=3, labels=np.array([0, 1, 2, 0, 1, 2]))).all()
    assert (gan.sample(6, seed=3, labels=1)[[1, 4]] == each[[1, 4]]).all()
    assert (gan.sample(6, seed=3, labels=1)[0] != each[0]).any()
    assert (gan.sample(200, seed=3)[:6] == each).all()  # the same bits in any company


def test_d_is_told_the_labels_and_g_gets_them_one_hot(rng):
    gan, x = tiny("cgan"), images(rng)
    gan.condition_on(LABELS)
    Z = gan.noise(8)
    assert Z.shape == (8, 6)
    assert (Z[:, 3:] == one_hot(LABELS, 3)).all()
    same, other = gan.probability(x, LABELS), gan.probability(x, (LABELS + 1) % 3)
    assert same.shape == (8,)
    assert (same != other).all()
    with pytest.raises(ValueError, match="needs labels"):
        gan.probability(x)


def test_acgan_adds_the_cross_entropy_of_real_and_fake_to_both_losses(rng):
    gan, x = tiny("acgan", d_norm="none"), images(rng)
    gan.condition_on(LABELS)
    Z = gan.noise(8)
    report = gan.d_gradients(x, Z)
    fake, _ = gan.G.forward(Z, train=True)
    out_real, out_fake = (gan.D.forward(a, train=True)[0] for a in (x, fake))
    plain = gan.loss.discriminator(out_real[:, :1], out_fake[:, :1])[0]
    ce = [cross_entropy(np.ascontiguousarray(out[:, 1:]), LABELS)[0] for out in (out_real, out_fake)]
    assert report["codes_real"] == pytest.approx(ce[0], rel=1e-5)
    assert report["codes_fake"] == pytest.approx(ce[1], rel=1e-5)
    assert report["d_loss"] == pytest.approx(plain + sum(ce), rel=1e-5)
    g = gan.g_gradients(Z)
    assert g["g_loss"] == pytest.approx(gan.loss.generator(out_fake[:, :1])[0] + ce[1], rel=1e-5)


def test_infogan_reads_its_codes_from_fakes_only_and_needs_no_labels(rng):
    gan, x = tiny("infogan", d_norm="none", continuous=2, continuous_weight=0.3), images(rng)
    gan.condition_on(LABELS)
    Z = gan.noise(8)
    assert Z.shape == (8, 3 + 3 + 2)
    assert (np.abs(Z[:, 6:]) <= 1).all()
    report = gan.d_gradients(x, Z)
    fake, _ = gan.G.forward(Z, train=True)
    out = gan.D.forward(fake, train=True)[0]
    expected = cross_entropy(np.ascontiguousarray(out[:, 1:4]), LABELS)[0]
    expected += 0.3 * 0.5 * float(((out[:, 4:] - Z[:, 6:]) ** 2).sum(axis=1).mean())
    assert report["codes_fake"] == pytest.approx(expected, rel=1e-5)
    assert "codes_real" not in report
    assert set(gan.train_step(x)) >= {"d_loss", "g_loss"}
    p, codes = gan.read(x)
    assert p.shape == (8, 3)
    assert codes.shape == (8, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    made = gan.generate(Z[:, :3], LABELS, Z[:, 6:])
    assert (made != gan.generate(Z[:, :3], LABELS)).any()  # without codes: 0, their middle
    with pytest.raises(ShapeError, match=r"codes \(8, 2\)"):
        gan.generate(Z[:, :3], LABELS, Z[:, 6:7])


def test_d_steps_and_penalties_work_with_labels(rng):
    gan, x = tiny("projection", d_norm="layer", penalty="r1", d_steps=2), images(rng)
    report = [gan.train_step(x, LABELS) for _ in range(2)]
    assert all("penalty_real" in r for r in report)
    assert gan.g_optimizer.steps == 1


def test_what_cannot_be_combined_is_refused(rng):
    with pytest.raises(ValueError, match="packing = 1"):
        tiny("cgan", packing=2)
    with pytest.raises(ValueError, match='a d_norm other than "spectral"'):
        tiny("acgan", d_norm="spectral")
    with pytest.raises(ValueError, match="expected no rules"):
        tiny("acgan", d_norm="layer", penalty="r1")
    with pytest.raises(ValueError, match="a loss in which G's part uses fakes only"):
        tiny("infogan", loss="relativistic-average")
    with pytest.raises(ValueError, match="classes must be an integer of at least 2"):
        tiny("cgan", classes=1)
    with pytest.raises(ValueError, match="class_weight"):
        tiny("acgan", class_weight=-1)
    plain = build("mlp", data_dim=2, hidden=(4,))
    with pytest.raises(ValueError, match="D must take labels"):
        ConditionalGAN(
            plain.G,
            plain.D,
            classes=3,
            latent_dim=2,
            data_shape=(2,),
            g_optimizer=plain.g_optimizer,
            d_optimizer=plain.d_optimizer,
        )
    gan = tiny("acgan")
    gan.condition_on(LABELS)
    with pytest.raises(ValueError, match="answers of D"):
        jacobian_vector(gan, images(rng), gan.noise(8), {}, {})


def spoilt_table(backward):
    """The label's gradient goes to the table with the wrong sign."""
    return lambda self, dy, cache, **options: backward(self, -dy, cache, **options)


def half_projection(backward):
    """dx of a projection without the part that comes through the label."""

    def wrong(self, dy, cache, *, param_grads=True, input_grad=True):
        dx = backward(self, dy, cache, param_grads=param_grads, input_grad=input_grad)
        return None if dx is None else dx - self.product.backward(self._wide(dy), cache.of_product)[0]

    return wrong


def twice(code_loss):
    """L_Q's derivative twice as large as it is."""

    def wrong(self, answers, Z):
        value, d_answers = code_loss(self, answers, Z)
        return value, 2 * d_answers

    return wrong


def no_codes(code_loss):
    """L_Q's derivative without the continuous codes."""

    def wrong(self, answers, Z):
        value, d_answers = code_loss(self, answers, Z)
        d_answers[:, self.classes :] = 0
        return value, d_answers

    return wrong


def wrong_way(l1):
    """The sign of l1's derivative."""
    return lambda u, v: (l1(u, v)[0], -l1(u, v)[1])


def no_tangent(tangent):
    """A label's vector that does not move with its table."""
    return lambda self, tx, cache, tparams=None: tangent(self, tx, cache, None)


@pytest.mark.parametrize(
    ("where", "name", "spoil", "case"),
    [
        (Embedding, "backward", spoilt_table, "LabelConcat"),
        (Projection, "backward", half_projection, "Projection"),
        (LabelConcat, "tangent", no_tangent, "LabelConcat"),
        (Projection, "tangent", no_tangent, "Sequential, labels"),
        (LabelConcat, "backward", spoilt_table, "Conditional, concat"),
        (Projection, "backward", half_projection, "Conditional, projection"),
        (AuxiliaryGAN, "code_loss", twice, "Auxiliary (ACGAN)"),
        (AuxiliaryGAN, "code_loss", no_codes, "Auxiliary (InfoGAN)"),
        (cyclegan, "l1", wrong_way, "CycleGAN"),
    ],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
def test_the_registry_s_checks_catch_planted_faults(monkeypatch, where, name, spoil, case):
    (case,) = (c for c in CASES if c.name == case)
    monkeypatch.setattr(where, name, spoil(getattr(where, name)))
    assert not case.check().ok


# -- a run ------------------------------------------------------------------------------------------------------------


def small_recipe(**changes):
    return replace(
        recipes.load("cgan-mnist"),
        **{
            "image_size": 0,
            "steps": 30,
            "batch_size": 12,
            "width": 4,
            "latent_dim": 4,
            "dense": 8,
            "sample_every": 0,
            "sample_grid": 12,
            "log_every": 5,
            **changes,
        },
    )


@pytest.mark.parametrize("condition", ["concat", "auxiliary", "codes"])
def test_a_run_with_labels_from_training_to_sampling(condition, labelled, tmp_path, capsys):
    run = train(small_recipe(condition=condition), tmp_path / "run", progress=False, data=labelled)
    assert run.recipe.classes == 3
    assert {"samples.png", "checkpoint.npz"} <= set(run.files)
    again, _ = restore(tmp_path / "run")
    assert (again.sample(9, seed=1) == run.gan.sample(9, seed=1)).all()
    sample = ["sample", str(tmp_path / "run"), "--n", "4", "--label"]
    assert cli.main([*sample, "2", "--out", str(tmp_path / "a.npy")]) == 0
    assert (np.load(tmp_path / "a.npy") == run.gan.sample(4, seed=1, labels=2)).all()
    assert cli.main([*sample, "1"]) == 0
    assert (tmp_path / "run" / "sample-label1-n4-seed1.png").exists()
    assert cli.main([*sample, "3"]) == 2
    assert "expected 0 to 2, got 3" in capsys.readouterr().err


def test_a_label_asked_of_a_gan_without_labels_is_refused(tmp_path, capsys, labelled):
    train(small_recipe(condition="none", steps=1), tmp_path / "run", progress=False, data=labelled)
    assert cli.main(["sample", str(tmp_path / "run"), "--label", "1"]) == 2
    assert "not a conditional GAN" in capsys.readouterr().err


def test_data_without_labels_and_held_out_are_refused(labelled, tmp_path):
    bare = Dataset(labelled.x, name="bare")
    with pytest.raises(ValueError, match=r'condition = "concat" needs labels, but "bare" has none'):
        train(small_recipe(), tmp_path / "a", progress=False, data=bare)
    with pytest.raises(ValueError, match="classes = 2: bright has 3"):
        train(small_recipe(classes=2), tmp_path / "b", progress=False, data=labelled)
    with pytest.raises(ValueError, match="held_out = 5: expected 0 for a GAN with labels"):
        small_recipe(held_out=5)
    run = train(small_recipe(condition="codes", steps=1), tmp_path / "c", progress=False, data=bare)
    assert run.recipe.classes == 10  # codes need no labels


def points_gan(condition, seed):
    """A conditional GAN of points in the plane: a step takes less than a millisecond."""
    rng, out = np.random.default_rng([seed, 1]), {"init": "glorot"}
    new = {"rng": rng, "init": "he"}
    G = Sequential([Dense(2 + 3, 32, **new), ReLU(), Dense(32, 2, **new | out)])
    joined = [LabelConcat(3, 4, rng=rng)] if condition == "concat" else []
    last = Dense(32, 1, **new | out) if joined else Projection(32, 3, rng=rng)
    D = Sequential([*joined, Dense(2 + 4 * len(joined), 32, **new), LeakyReLU(0.2), last])
    make = lambda *nets, **options: ConditionalGAN(*nets, classes=3, **options)
    rates = {"lr_g": 5e-3, "lr_d": 5e-3, "ema_decay": 0.95}
    return game(G, D, latent_dim=2, data_shape=(2,), seed=seed, make=make, **rates)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("condition", ["concat", "projection"])
def test_a_conditional_gan_learns_what_a_label_means(condition, seed):
    """Asked for a label, it makes points near this label's centre: 99 % or more on ten seeds, a third by chance."""
    centres = np.array([[0, 1], [-1, -0.5], [1, -0.5]], np.float32)
    gan, rng = points_gan(condition, seed), np.random.default_rng(seed)
    for _ in range(250):
        labels = rng.integers(0, 3, 48)
        x = centres[labels] + 0.2 * rng.standard_normal((48, 2))
        gan.train_step(x.astype(np.float32), labels)
    samples = np.array([gan.sample(100, seed=1, labels=k) for k in range(3)])
    nearest = ((samples[:, :, None] - centres) ** 2).sum(axis=-1).argmin(axis=-1)
    assert (nearest == np.arange(3)[:, None]).mean() > 0.85
