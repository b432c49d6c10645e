"""The rules of the game: each does what its paper says, they go together, and leave no trace where they should not."""

import copy

import numpy as np
import pytest

from scratchgan.core import ShapeError
from scratchgan.gradcheck.cases import CASES
from scratchgan.layers import BatchNorm, Pack, SpectralNorm
from scratchgan.models import build, dcgan, mlp_gan
from scratchgan.penalties import R1, R2
from scratchgan.rules import (
    PENALTIES,
    ClipWeights,
    FeatureMatching,
    GradientPenalty,
    InstanceNoise,
    Unrolled,
    penalised,
    unrolled,
)
from scratchgan.runs import recipe


def points(rng, N=8):
    return rng.standard_normal((N, 2))


def small(**options):
    return mlp_gan(2, 2, (6, 5), dtype=np.float64, **options)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


# -- unrolled steps ----------------------------------------------------------------------------------------------------


def future_loss(gan, k, Z, real, path, entry, h):
    """L_G after k real steps of D's own optimiser against the fakes of a moved G: nothing of rules/unrolled.py."""
    gan = copy.deepcopy(gan)
    dict(gan.G.parameters())[path][entry] += h
    fake, _ = gan.G.forward(Z, train=True)
    for _ in range(k):
        gan.D.zero_grads()
        r, on_real = gan.D.forward(real, train=True)
        f, on_fake = gan.D.forward(fake, train=True)
        _, d_real, d_fake = gan.loss.discriminator(r, f)
        gan.D.backward(d_real, on_real)
        gan.D.backward(d_fake, on_fake)
        gan.d_optimizer.step()
    return gan.loss.generator(gan.D.forward(fake, train=True)[0])[0]


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("optimizer", [{}, {"optimizer": "sgd", "momentum": 0.0}], ids=["adam", "sgd"])
@pytest.mark.parametrize("loss", ["non-saturating", "minimax", "least-squares", "wasserstein"])
def test_unrolled_gradient_is_that_of_the_loss_after_k_real_steps(k, optimizer, loss, rng):
    """To 1e-6, against differences of the loss that D's own optimiser leads to."""
    gan = small(unroll=k, lr_d=0.02, loss=loss, **optimizer)
    for _ in range(3):
        gan.train_step(points(rng))  # moments that are not zero
    Z, real = rng.standard_normal((8, 2)), points(rng)
    gan.g_gradients(Z, real)
    by_hand = {path: g.copy() for path, g in gan.G.gradients()}
    scale = max(np.abs(g).max() for g in by_hand.values())
    h = 1e-5
    for path, g in by_hand.items():
        entry = np.unravel_index(np.abs(g).argmax(), g.shape)
        difference = (future_loss(gan, k, Z, real, path, entry, h) - future_loss(gan, k, Z, real, path, entry, -h)) / (
            2 * h
        )
        assert abs(g[entry] - difference) <= 1e-6 * max(abs(difference), 1e-3 * scale)


def test_looking_ahead_matters(rng):
    """The unrolled gradient differs from the plain one, or the test above would pass without unrolling."""
    plain, ahead = small(lr_d=0.05), small(lr_d=0.05, unroll=5)
    Z, real = rng.standard_normal((8, 2)), points(rng)
    for gan in (plain, ahead):
        gan.g_gradients(Z, real)
    a, b = (np.concatenate([g.ravel() for _, g in gan.G.gradients()]) for gan in (plain, ahead))
    assert np.linalg.norm(a - b) > 0.1 * np.linalg.norm(a)


def test_unrolled_steps_leave_no_trace_in_d(rng):
    gan = dcgan(image_size=16, width=2, latent_dim=3, unroll=2, seed=1)  # with BatchNorm's running state
    real = rng.standard_normal((6, 16, 16, 1)).astype(np.float32)
    gan.train_step(real)
    before = {name: a.copy() for name, a in gan.state().items() if name.startswith(("D/", "d_optimizer/"))}
    gradients = {path: g.copy() for path, g in gan.D.gradients()}  # the log's d_grad is D's own
    gan.g_step(6, real)
    for name, a in before.items():
        np.testing.assert_array_equal(gan.state()[name], a, err_msg=name)
    for path, g in gan.D.gradients():
        np.testing.assert_array_equal(g, gradients[path], err_msg=path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"optimizer": "rmsprop"}, "without momentum, got RMSProp"),
        ({"optimizer": "sgd", "momentum": 0.9}, "with momentum 0.9"),
        ({"loss": "relativistic-average"}, "fake logits only"),
    ],
)
def test_what_cannot_be_unrolled_says_so(options, says):
    with pytest.raises(ValueError, match=says):
        small(unroll=1, **options)


def test_rules_that_need_real_samples_say_so(rng):
    for options, says in (
        ({"unroll": 1}, "unrolled steps: G's turn needs a batch of real"),
        ({"g_objective": "feature-matching"}, "feature matching: G's turn needs a batch of real samples"),
    ):
        with pytest.raises(ValueError, match=says):
            small(**options).g_step(4)


# -- a check that cannot fail is no check -----------------------------------------------------------------------------


def without_h(along):
    return lambda *a: ([0 * h for h in along(*a)[0]], along(*a)[1])


def without_m(along):
    return lambda *a: (along(*a)[0], 0 * along(*a)[1])


PLANTED = {
    "without (Unrolled.4)": (unrolled, "along", without_h, "MLP GAN, unrolled 5"),
    "without (Unrolled.5)": (unrolled, "along", without_m, "MLP GAN, unrolled 1"),
    "packs in another order": (
        Pack,
        "adjoint",
        lambda _: lambda self, dy, cache: dy.reshape(cache.x.shape)[::-1],
        "MLP GAN, packed",
    ),
    "features, 2 too much": (
        FeatureMatching,
        "generator",
        lambda old: lambda self, *a, **k: (old(self, *a, **k)[0], 2 * old(self, *a, **k)[1]),
        "MLP GAN, feature matching",
    ),
    "penalty without its gradient": (
        GradientPenalty,
        "d_gradients",
        lambda old: (
            lambda self, gan, real, fake: {
                "penalty": old(self, gan, real, fake)["penalty_around"] + float(np.sum(gan.D.layers[0].params["W"]))
            }
        ),
        "MLP GAN, DRAGAN",
    ),
}


@pytest.mark.parametrize(
    ("where", "name", "spoil", "case"), PLANTED.values(), ids=[name.replace(" ", "-") for name in PLANTED]
)
def test_the_registry_s_checks_catch_planted_faults(monkeypatch, where, name, spoil, case):
    (case,) = (c for c in CASES if c.name == case)
    assert case.check().ok
    monkeypatch.setattr(where, name, spoil(getattr(where, name)))
    assert not case.check().ok


# -- packing -----------------------------------------------------------------------------------------------------------


def test_packing_lays_neighbours_side_by_side(rng):
    x = rng.standard_normal((6, 2, 3, 2))
    y, _ = Pack(3).forward(x, train=True)
    assert y.shape == (2, 2, 3, 6)
    for n in range(6):
        np.testing.assert_array_equal(y[n // 3, ..., 2 * (n % 3) : 2 * (n % 3) + 2], x[n])


def test_a_packed_d_gives_one_logit_a_pack(rng):
    gan = small(packing=4)
    assert gan.D.forward(points(rng), train=True)[0].shape == (2, 1)
    p = gan.probability(points(rng, 5))
    assert p.shape == (5,)
    with pytest.raises(
        ValueError, match="packs 4 samples into one: expected a batch size that is a multiple of 4, got 6"
    ):
        gan.train_step(points(rng, 6))


def test_a_packed_d_judges_a_single_sample_by_copies(rng):
    gan, x = small(packing=2), points(rng, 3)
    logits = gan.D.forward(np.repeat(x, 2, axis=0), train=False)[0]
    np.testing.assert_allclose(gan.probability(x), (1 / (1 + np.exp(-logits)))[:, 0], rtol=1e-12)


# -- noise, clipping, turns --------------------------------------------------------------------------------------------


def test_instance_noise_fades(rng):
    rule, gan = InstanceNoise(0.5, 10), small(instance_noise=0.5, noise_steps=10)
    assert [rule.sigma_at(t) for t in (0, 5, 10, 99)] == [0.5, 0.25, 0, 0]
    x = np.zeros((4000, 2), np.float32)
    assert abs(gan.rules[0].transformed(gan, x).std() - 0.5) < 0.02
    assert gan.rules[0].transformed(gan, x).dtype == np.float32
    gan.steps = 10
    assert gan.rules[0].transformed(gan, x) is x


def test_real_and_fake_get_noise_of_their_own():
    gan, x = small(instance_noise=0.5, noise_steps=10), np.zeros((50, 2))
    assert abs(np.corrcoef(gan.transformed(x).ravel(), gan.transformed(x).ravel())[0, 1]) < 0.5


def test_clipped_weights_stay_in_the_box(rng):
    gan = small(loss="wasserstein", clip=0.01, optimizer="rmsprop", lr_d=1.0)
    gan.train_step(points(rng))
    assert max(np.abs(w).max() for _, w in gan.D.parameters()) == 0.01
    assert max(np.abs(w).max() for _, w in gan.G.parameters()) > 0.01


def test_g_waits_for_its_turn(rng):
    gan, moved = small(d_steps=3), []
    for _ in range(6):
        before = [w.copy() for _, w in gan.G.parameters()]
        report = gan.train_step(points(rng))
        assert np.isfinite(report["g_loss"])
        moved.append(any((w != b).any() for (_, w), b in zip(gan.G.parameters(), before, strict=True)))
    assert moved == [False, False, True, False, False, True]


# -- penalties ---------------------------------------------------------------------------------------------------------


def test_d_loss_is_what_d_minimises_and_the_penalty_stands_beside_it(rng):
    plain, paid = small(), small(penalty="r1+r2", penalty_weight=3.0)
    real, Z = points(rng), rng.standard_normal((8, 2))
    a, b = plain.d_gradients(real, Z), paid.d_gradients(real, Z)
    assert b["penalty_real"] > 0
    assert b["penalty_fake"] > 0
    assert b["d_loss"] == pytest.approx(a["d_loss"] + b["penalty_real"] + b["penalty_fake"], rel=1e-12)


def test_a_rare_penalty_is_as_heavy_as_it_is_rare(rng):
    gan = small(penalty="r1", penalty_every=4)
    real, Z, values = points(rng), rng.standard_normal((8, 2)), []
    for gan.steps in range(8):
        values.append(gan.d_gradients(real, Z).get("penalty_real", 0.0))
    always = small(penalty="r1").d_gradients(real, Z)["penalty_real"]
    np.testing.assert_allclose(values, [4 * always, 0, 0, 0, 4 * always, 0, 0, 0], rtol=1e-12)


def test_every_named_penalty_builds():
    made = {name: [(type(rule.penalty), rule.where) for rule in penalised(name, 2.0)] for name in PENALTIES}
    assert made["none"] == []
    assert made["r1+r2"] == [(R1, "real"), (R2, "fake")]
    assert made["wgan-gp"][0][1] == "between"
    with pytest.raises(ValueError, match="penalty"):
        penalised("r3", 1.0)
    with pytest.raises(ValueError, match="where"):
        GradientPenalty(R1(1.0), "nowhere")


def test_no_penalty_through_batchnorm():
    with pytest.raises(ValueError, match="cannot go through BatchNorm"):
        dcgan(image_size=16, width=2, latent_dim=3, penalty="r1")


def test_penalty_lowers_the_slope_of_d(rng):
    """Of two games with the same data and seed, D of the penalised one ends up flatter at the data."""
    slopes = []
    for options in ({}, {"penalty": "r1", "penalty_weight": 10.0}):
        gan = mlp_gan(2, 2, (32, 32), lr_d=2e-3, **options)
        draw = np.random.default_rng(0)
        for _ in range(200):
            gan.train_step(draw.standard_normal((64, 2)).astype(np.float32))
        x = draw.standard_normal((256, 2)).astype(np.float32)
        y, cache = gan.D.forward(x, train=True)
        slopes.append(np.sqrt((gan.D.backward(np.ones_like(y), cache, param_grads=False) ** 2).sum(axis=1)).mean())
    assert slopes[1] < 0.5 * slopes[0]


# -- feature matching, minibatch ---------------------------------------------------------------------------------------


def test_feature_matching_is_the_distance_of_means(rng):
    gan = small(g_objective="feature-matching")
    real, fake = points(rng), points(rng, 5)
    value, _ = gan.rules[0].generator(gan, fake, real, gan.objective)
    means = []
    for x in (real, fake):
        for layer in gan.D.layers[:-1]:
            x, _ = layer.forward(x, train=True)
        means.append(x.mean(axis=0))
    assert value == pytest.approx(np.sum((means[0] - means[1]) ** 2), rel=1e-12)


def test_feature_matching_needs_a_dense_layer_at_the_end(rng):
    gan = small()
    gan.D.layers = gan.D.layers[:-1]
    with pytest.raises(ValueError, match="last Dense layer"):
        FeatureMatching().check(gan)


@pytest.mark.parametrize("minibatch", ["std", "discrimination"])
def test_d_sees_the_batch(minibatch, rng):
    gan = dcgan(image_size=8, width=2, latent_dim=3, minibatch=minibatch, d_norm="none")
    x = rng.standard_normal((4, 8, 8, 1)).astype(np.float32)
    alone = gan.D.forward(x, train=True)[0][0]
    other = gan.D.forward(np.concatenate([x[:1], x[:1], x[:1], x[:1]]), train=True)[0][0]
    assert alone != other


# -- all together, and recipes -----------------------------------------------------------------------------------------

ALL = {
    "packing": 2,
    "minibatch": "std",
    "penalty": "r1+r2",
    "penalty_weight": 1.0,
    "instance_noise": 0.2,
    "noise_steps": 20,
    "g_objective": "feature-matching",
    "unroll": 2,
    "label_smoothing": 0.1,
    "lr_d": 1e-3,
    "ema_decay": 0.9,
    "d_steps": 2,
}


def test_all_cures_train_together_and_resume_with_the_same_bits(rng):
    batches = [points(rng).astype(np.float32) for _ in range(8)]
    whole = mlp_gan(2, 2, (16, 16), seed=4, **ALL)
    for x in batches:
        whole.train_step(x)
    first = mlp_gan(2, 2, (16, 16), seed=4, **ALL)
    for x in batches[:5]:
        first.train_step(x)
    second = mlp_gan(2, 2, (16, 16), seed=9, **ALL)
    second.load_state({name: a.copy() for name, a in first.state().items()})
    for x in batches[5:]:
        second.train_step(x)
    for name, a in whole.state().items():
        np.testing.assert_array_equal(second.state()[name], a, err_msg=name)


def test_the_family_is_built_as_the_papers_have_it():
    layers = lambda gan: [type(layer) for _, layer in gan.D.walk()]
    sizes = {"image_size": 28, "channels": 1, "width": 2}
    assert SpectralNorm in layers(build("sngan", **sizes))
    assert BatchNorm not in layers(build("sngan", **sizes))
    for critic in ("wgan-gp", "dragan", "r1gan"):
        assert BatchNorm not in layers(build(critic, **sizes))
    clipped = build("wgan-clip", **sizes)
    assert (clipped.d_steps, clipped.rules[0].c, type(clipped.d_optimizer).__name__) == (5, 0.01, "RMSProp")
    gp = build("wgan-gp", **sizes)
    assert (gp.d_steps, gp.rules[0].penalty.weight, gp.rules[0].where, gp.d_optimizer.beta1) == (5, 10.0, "between", 0)
    assert build("ragan", **sizes).loss.relativistic
    with pytest.raises(ValueError, match="d_norm"):
        dcgan(d_norm="group")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["packing=3"], "batch_size = 64: expected a multiple of packing = 3"),
        (["penalty=r3"], "penalty"),
        (["penalty_weight=3"], "penalty_weight has no effect"),
        (["unroll=-1"], "unroll"),
        (["clip=-0.1"], "clip"),
        (["d_steps=0"], "d_steps"),
    ],
)
def test_recipes_refuse_what_cannot_be(settings, says):
    with pytest.raises(ValueError, match=says):
        recipe.override(recipe.load("dcgan-mnist"), settings)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ClipWeights(0.0),
        lambda: InstanceNoise(-1.0, 5),
        lambda: InstanceNoise(1, 0),
        lambda: Unrolled(0),
        lambda: Pack(0),
        lambda: small(instance_noise=0.1),
        lambda: small(g_objective="beauty"),
        lambda: small(minibatch="mean"),
        lambda: GradientPenalty(R1(1.0), "real", every=0),
    ],
)
def test_bad_arguments(make):
    with pytest.raises(ValueError, match=r"\w"):
        make()


def test_pack_says_what_it_needs():
    with pytest.raises(ShapeError, match="Pack"):
        Pack(2).output_shape(())
