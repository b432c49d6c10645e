"""The game with pairs: each term by itself, pretraining, holes, noise, state, and what a user relies on."""

import copy

import numpy as np
import pytest

from scratchgan.core import ShapeError
from scratchgan.layers import BatchNorm, Conv2D, LeakyReLU, Sequential
from scratchgan.models import paired
from scratchgan.models.paired_game import PairedGAN

pytestmark = pytest.mark.usefixtures("one_thread")


def small(**options):
    return paired(**{"image_size": 8, "channels": 1, "width": 2, "d_width": 2, "blocks": 1, **options})


def pair(gan, n=3, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    x, y = (rng.uniform(-1, 1, (n, *shape)).astype(dtype) for shape in (gan.input_shape, gan.data_shape))
    if gan.composite:
        x[..., -1] = -1
        x[:, 2:6, 1:5, -1] = 1
        x[..., :-1] = np.where(x[..., -1:] > 0, 0, y)
    return x, y


def weights(net):
    return [w.copy() for _, w in net.parameters()]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def copied(state):
    return {name: array.copy() for name, array in state.items()}


TERMS = {
    "content": "content_weight",
    "adversarial": "adversarial_weight",
    "features": "feature_weight",
    "perceptual": "perceptual_weight",
}
KEYS = {"d_loss", "g_loss", "d_real", "d_fake", *TERMS}

# -- terms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", TERMS)
def test_one_term_at_a_time(term):
    """With one weight, g_loss is that term times it, all others are 0, and G's gradient grows with the weight."""
    gradients = []
    for weight in (0.5, 1.5):
        options = {**dict.fromkeys(TERMS.values(), 0.0), TERMS[term]: weight}
        if term == "features":
            options["adversarial_weight"] = 1e-12  # or D would not be trained
        gan = small(**options)
        x, y = pair(gan)
        u, through_g = gan.make(x)
        report = gan.g_gradients(x, y, u, through_g)
        assert report[term] > 0
        assert report["g_loss"] == pytest.approx(weight * report[term])
        others = set(TERMS) - {term} - ({"adversarial"} if term == "features" else set())
        assert all(report[other] == 0 for other in others)
        gradients.append(np.concatenate([g.ravel() for _, g in gan.G.gradients()]))
    assert np.abs(gradients[0]).max() > 0
    np.testing.assert_allclose(gradients[1], 3 * gradients[0], rtol=1e-3, atol=1e-4 * np.abs(gradients[1]).max())


def test_gradients_of_all_terms_add_up():
    weights_of = {"content_weight": 2.0, "adversarial_weight": 0.7, "feature_weight": 0.3, "perceptual_weight": 0.4}
    total, parts = None, []
    for options in (weights_of, *({**dict.fromkeys(weights_of, 0.0), key: w} for key, w in weights_of.items())):
        off = options["adversarial_weight"] == 0 and options["feature_weight"]
        gan = small(**{**options, **({"adversarial_weight": 1e-12} if off else {})}, dtype=np.float64)
        x, y = pair(gan, dtype=np.float64)
        u, through_g = gan.make(x)
        gan.g_gradients(x, y, u, through_g)
        flat = np.concatenate([g.ravel() for _, g in gan.G.gradients()])
        total, parts = (flat, parts) if total is None else (total, [*parts, flat])
    np.testing.assert_allclose(sum(parts), total, rtol=1e-8, atol=1e-10)


def test_the_report_has_these_numbers_and_d_s_are_means_of_its_output():
    gan = small(feature_weight=1.0, perceptual_weight=1.0)
    x, y = pair(gan)
    report = gan.train_step((x, y))
    assert set(report) == KEYS
    assert all(np.isfinite(list(report.values())))
    assert 0 < report["d_fake"] < 1
    gan = small(loss="least-squares")
    u, _ = gan.make(x)
    judged = gan.d_gradients(x, y, u)
    r, f = (gan.D.forward(np.concatenate([x, v], axis=-1), train=True)[0] for v in (y, u))
    assert judged["d_real"] == pytest.approx(r.mean(), rel=1e-5)
    assert judged["d_fake"] == pytest.approx(f.mean(), rel=1e-5)
    assert judged["d_loss"] == pytest.approx(((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2, rel=1e-5)
    assert gan.last_batch.real is y
    assert gan.last_batch.fake is u
    np.testing.assert_array_equal(gan.last_batch.real_logits, r)


def test_each_turn_touches_the_gradients_of_its_player_only():
    gan = small(feature_weight=1.0, perceptual_weight=1.0)
    x, y = pair(gan)
    u, through_g = gan.make(x)
    for net, other, turn in (
        (gan.G, gan.D, lambda: gan.g_gradients(x, y, u, through_g)),
        (gan.D, gan.G, lambda: gan.d_gradients(x, y, u)),
    ):
        other.zero_grads()
        turn()
        assert any(g.any() for _, g in net.gradients())
        assert not any(g.any() for _, g in other.gradients())
        assert not any(g.any() for _, g in gan.features.gradients())


# -- which turns are taken --------------------------------------------------------------------------------------------


def test_d_takes_no_turn_in_the_first_pretrain_steps():
    gan = small(pretrain=2, feature_weight=1.0, perceptual_weight=1.0)
    x, y = pair(gan)
    for step in range(4):
        d, g = weights(gan.D), weights(gan.G)
        report = gan.train_step((x, y))
        assert not same(g, weights(gan.G))
        playing = step >= 2
        assert same(d, weights(gan.D)) != playing
        assert set(report) == KEYS
        assert (report["d_loss"] > 0) == playing
        assert (gan.last_batch is not None) == playing
        assert all((report[term] > 0) == playing for term in ("adversarial", "features", "perceptual"))
        if not playing:
            assert report["g_loss"] == pytest.approx(100 * report["content"])
    assert (gan.steps, gan.g_optimizer.steps, gan.d_optimizer.steps) == (4, 4, 2)


def test_the_learning_rate_of_d_falls_with_that_of_g():
    gan = small(pretrain=6, lr_schedule="linear", total_steps=10, lr_g=1e-3, lr_d=1e-3)
    x, y = pair(gan)
    for _ in range(8):
        gan.train_step((x, y))
    assert gan.d_optimizer.steps == 2
    assert gan.d_optimizer.current_lr() == gan.g_optimizer.current_lr() == pytest.approx(1e-3 * 0.4)


def test_without_an_adversarial_weight_d_stays_as_it_is():
    gan = small(adversarial_weight=0.0, feature_weight=1.0)
    x, y = pair(gan)
    d = weights(gan.D)
    for _ in range(3):
        report = gan.train_step((x, y))
    assert same(d, weights(gan.D))
    assert gan.d_optimizer.steps == 0
    assert report["d_loss"] == report["d_real"] == report["d_fake"] == report["features"] == report["adversarial"] == 0
    assert report["g_loss"] == pytest.approx(100 * report["content"])


def test_the_image_of_d_s_turn_is_that_of_g_s(monkeypatch):
    gan, seen = small(noise="channel"), []
    judge = gan.judge
    monkeypatch.setattr(gan, "judge", lambda x, v: seen.append(v) or judge(x, v))
    x, y = pair(gan)
    gan.train_step((x, y))
    assert [v is y for v in seen] == [True, False, False]
    assert seen[1] is seen[2]


def test_learns_an_easy_map():
    gan = small(width=4, lr_g=5e-3, net="residual", adversarial_weight=0.01, content_weight=1.0)
    rng, errors = np.random.default_rng(0), []
    for _ in range(60):
        x = rng.uniform(-1, 1, (8, 8, 8, 1)).astype(np.float32)
        errors.append(gan.train_step((x, -x))["content"])
    assert np.mean(errors[-5:]) < 0.5 * errors[0]


# -- what D sees ------------------------------------------------------------------------------------------------------


def test_d_sees_the_enlarged_input_beside_the_image():
    gan = small(scale=2, net="residual")
    x, y = pair(gan)
    logits, _ = gan.judge(x, y)
    enlarged = np.kron(x, np.ones((1, 2, 2, 1), np.float32))
    np.testing.assert_array_equal(logits, gan.D.forward(np.concatenate([enlarged, y], axis=-1), train=True)[0])


def test_d_of_a_hole_sees_nothing_else():
    gan = small(d_sees="hole")
    x, y = pair(gan)
    other = np.where(x[..., -1:] > 0, y, -y)
    np.testing.assert_array_equal(gan.judge(x, y)[0], gan.judge(x, other)[0])
    other = np.where(x[..., -1:] > 0, -y, y)
    assert not np.array_equal(gan.judge(x, y)[0], gan.judge(x, other)[0])
    moved = np.roll(x, 1, axis=2)  # the same pixels, another mask
    assert not np.array_equal(gan.judge(x, y)[0], gan.judge(moved, y)[0])


def test_d_of_outputs_does_not_see_x():
    gan = small(d_sees="output")
    x, y = pair(gan)
    np.testing.assert_array_equal(gan.judge(x, y)[0], gan.judge(-x, y)[0])


# -- holes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d_sees", ["hole", "pair", "output"])
def test_known_pixels_are_bit_identical_and_the_hole_is_g_s(d_sees):
    gan = small(d_sees=d_sees, composite=True, ema_decay=0.5)
    x, y = pair(gan)
    for _ in range(3):
        gan.train_step((x, y))
    known = x[..., -1] < 0
    u, _ = gan.make(x)
    answer = gan.apply(x)
    g = gan.ema.net.forward(x, train=False)[0]
    for made in (u, answer):
        np.testing.assert_array_equal(made[known], y[known])
        assert made.shape == y.shape
    np.testing.assert_allclose(answer[~known], g[~known], atol=1e-6)
    assert np.abs(answer[~known] - x[..., :-1][~known]).max() > 1e-4


def test_what_g_makes_of_known_pixels_does_not_matter():
    """Neither the losses nor G's gradient change if G's image is changed outside the hole."""
    gan = small(d_sees="hole", feature_weight=1.0, perceptual_weight=1.0, dtype=np.float64)
    x, y = pair(gan, dtype=np.float64)
    u, through_g = gan.make(x)
    received = []
    backward = gan.G.backward
    gan.G.backward = lambda dy, *rest, **options: received.append(dy) or backward(dy, *rest, **options)
    gan.g_gradients(x, y, u, through_g)
    known = x[..., -1] < 0
    assert not received[0][known].any()
    assert (received[0][~known] != 0).all()


def test_the_content_of_a_hole_is_the_mean_over_it():
    gan = small(d_sees="hole", content="l1")
    x, y = pair(gan)
    u, through_g = gan.make(x)
    known = x[..., -1] < 0
    report = gan.g_gradients(x, y, u, through_g)
    assert report["content"] == pytest.approx(np.abs(u - y)[~known].mean(), rel=1e-5)
    x[..., -1] = -1
    x[..., :-1] = y
    assert gan.train_step((x, y))["content"] == 0


# -- noise and use ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", ["dropout", "channel"])
@pytest.mark.parametrize("net", ["unet", "residual"])
def test_noise_is_drawn_anew_in_training_and_fixed_in_use(noise, net):
    gan = small(noise=noise, net=net, width=4)
    x, _ = pair(gan)
    a, b = gan.make(x)[0], gan.make(x)[0]
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(gan.apply(x), gan.apply(x))
    np.testing.assert_array_equal(gan.apply(x, seed=3), gan.apply(x, seed=3))
    assert not np.array_equal(gan.apply(x, seed=3), gan.apply(x, seed=4))
    state = copied(gan.state())
    gan.apply(x, seed=7)
    assert same(state.values(), gan.state().values())


@pytest.mark.parametrize("noise", ["none", "dropout", "channel"])
@pytest.mark.parametrize("seed", [None, 2])
def test_a_result_does_not_depend_on_batch_mates(noise, seed):
    gan = small(noise=noise)
    x, _ = pair(gan, 70)
    whole = gan.apply(x, seed=seed)
    assert (whole.shape, whole.dtype) == ((70, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(whole[5:7], gan.apply(x[5:7], seed=seed))
    np.testing.assert_array_equal(whole[[69, 3]], gan.apply(x[[69, 3]], seed=seed))


def test_results_are_clipped_and_in_evaluation_the_net_itself():
    gan = small(net="residual")
    gan.G.layers[-1].params["b"][...] = 0.5
    x, _ = pair(gan)
    y = gan.apply(x)
    expected = gan.G.forward(x, train=False)[0]
    assert expected.max() > 1
    np.testing.assert_allclose(y, np.clip(expected, -1, 1), atol=1e-6)


@pytest.mark.parametrize("noise", ["none", "channel"])
@pytest.mark.parametrize(("net", "scale"), [("unet", 1), ("residual", 2)])
def test_images_of_other_sizes(noise, net, scale, rng):
    gan = small(net=net, scale=scale, noise=noise)
    x = rng.uniform(-1, 1, (2, 12, 16, 1)).astype(np.float32)
    y = gan.apply(x)
    assert y.shape == (2, 12 * scale, 16 * scale, 1)
    np.testing.assert_array_equal(y[1:], gan.apply(x[1:]))


def test_ema_is_what_apply_uses():
    gan = small(ema_decay=0.9)
    x, y = pair(gan)
    for _ in range(3):
        gan.train_step((x, y))
    np.testing.assert_allclose(gan.apply(x), gan.ema.net.forward(x, train=False)[0], atol=1e-6)
    assert np.abs(gan.apply(x) - gan.G.forward(x, train=False)[0]).max() > 1e-5


# -- state ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ema_decay": 0.9, "noise": "dropout", "feature_weight": 1.0, "perceptual_weight": 0.1},
        {"noise": "channel", "net": "residual", "scale": 2, "pretrain": 4, "loss": "relativistic-average"},
        {"d_sees": "hole", "adversarial_weight": 0.1},
    ],
    ids=["plain", "dropout", "channel, pretrain", "hole"],
)
def test_same_seed_same_bits_and_a_resumed_run_goes_on_bit_for_bit(options):
    one, two = small(**options), small(**options)
    batches = [pair(one, seed=i) for i in range(6)]
    first = [one.train_step(batch) for batch in batches[:3]]
    assert first == [two.train_step(batch) for batch in batches[:3]]
    kept = copied(one.state())
    assert same(kept.values(), two.state().values())
    later = [one.train_step(batch) for batch in batches[3:]]
    resumed = small(**options, seed=5)
    resumed.load_state(kept)
    assert later == [resumed.train_step(batch) for batch in batches[3:]]
    assert same(one.state().values(), resumed.state().values())
    np.testing.assert_array_equal(one.apply(batches[0][0]), resumed.apply(batches[0][0]))
    assert not same(weights(one.G), weights(small(**options, seed=1).G))


def test_a_copy_goes_its_own_way():
    gan = small(feature_weight=1.0, perceptual_weight=1.0, pretrain=1, lr_schedule="linear", total_steps=9)
    x, y = pair(gan)
    gan.train_step((x, y))
    twin = copy.deepcopy(gan)
    before = copied(gan.state())
    assert twin.train_step((x, y))["features"] > 0
    assert same(before.values(), gan.state().values())
    assert repr(twin).startswith("PairedGAN(loss='non-saturating', steps=2")
    assert "content='l1', content_weight=100, adversarial_weight=1, feature_weight=1" in repr(twin)


def test_a_wrong_state_changes_nothing():
    gan = small(ema_decay=0.9)
    gan.train_step(pair(gan))
    good, before = copied(gan.state()), copied(gan.state())
    for bad in (
        {k: a for k, a in good.items() if k != "D/0.W"},
        {**good, "steps": np.array(-1)},
        {**good, "rng/noise": np.zeros(3, np.uint8)},
        {**good, "g_optimizer/v/0.W": good["g_optimizer/v/0.W"] - 1},
    ):
        with pytest.raises(ValueError):
            gan.load_state(bad)
        assert same(before.values(), gan.state().values())


# -- errors -----------------------------------------------------------------------------------------------------------

X, Y = np.zeros((2, 2, 8, 8, 1), np.float32)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (X, r"a pair \(x, y\) of batches; got one array"),
        ((X,), "a pair"),
        (None, "got NoneType"),
        ((X, Y[:1]), "same length, got 2 and 1"),
        ((X[:, :4], Y), r"x must be images \(N, 8, 8, 1\), got \(2, 4, 8, 1\)"),
        ((X, Y[:, :4]), r"y must be images \(N, 8, 8, 1\)"),
        ((X[0], Y), "x must be images"),
        ((X[:0], Y[:0]), "x must be images"),
        ((X.astype(np.float64), Y), "x must be float32, got float64"),
        ((X, Y * np.nan), "y has values that are not finite"),
        (([1], Y), "x must be images"),
    ],
)
def test_wrong_pairs_are_named(given, words):
    gan = small()
    before = copied(gan.state())
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=words):
        gan.train_step(given)
    assert same(before.values(), gan.state().values())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: small().train_step((X, Y), np.zeros(2)), "takes no labels"),
        (lambda: small().apply(X[..., [0, 0]]), r"x must be images \(N, h, w, 1\)"),
        (lambda: small().apply(X[:, :7]), r"G cannot take images of this size, \(2, 7, 8\); it was made for 8 x 8"),
        (lambda: small().apply(X + np.inf), "not finite"),
        (lambda: small().apply(X, seed=-1), "seed must be an integer of at least 0"),
        (lambda: small(image_size=30), "cannot be halved"),
        (lambda: small(image_size=9, scale=2), "image_size must be a multiple of the scale 2, got 9"),
        (lambda: small(scale=3), "scale must be 1, 2 or 4"),
        (lambda: small(width=0), "width"),
        (lambda: small(net="resnet"), "unknown net"),
        (lambda: small(noise="gauss"), "unknown noise"),
        (lambda: small(content="l3"), "unknown content"),
        (lambda: small(d_sees="pairs"), "unknown d_sees 'pairs', did you mean 'pair'"),
        (lambda: small(content_weight=-1.0), "content_weight must be a number in"),
        (lambda: small(feature_weight=np.nan), "feature_weight"),
        (lambda: small(pretrain=-1), "pretrain"),
        (lambda: small(lr_schedule="linear"), "total_steps"),
        (lambda: small(d_sees="hole", composite=False, input_channels=2), "needs composite"),
        (lambda: small(d_sees="hole", input_channels=1), r"with a hole.*expected \(8, 8, 2\), got \(8, 8, 1\)"),
        (lambda: small(composite=True, scale=2), "with a hole"),
        (lambda: small(loss="least-square"), "unknown loss"),
    ],
)
def test_wrong_calls_are_named(call, words):
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=words):
        call()


def test_nets_that_do_not_fit_are_refused():
    rng = np.random.default_rng(0)
    conv = lambda Ci=1, Co=1: Conv2D(Ci, Co, kernel_size=3, padding=1, rng=rng)
    D = lambda: Sequential([conv(2, 1), LeakyReLU(0.2), conv()])
    make = lambda G, D, **options: PairedGAN(G, D, input_shape=(8, 8, 1), data_shape=(8, 8, 1), **options)
    make(conv(), D())
    with pytest.raises(ShapeError, match=r"G makes images of shape \(8, 8, 2\)"):
        make(conv(1, 2), D())
    with pytest.raises(ShapeError, match="expects images"):
        make(conv(), Sequential([conv()]))
    with pytest.raises(ValueError, match="BatchNorm"):
        make(Sequential([conv(), BatchNorm(1)]), D())
    with pytest.raises(ValueError, match="D must be a Sequential"):
        make(conv(), conv(2, 1))
    with pytest.raises(ValueError, match="the same dtype: G has float32, D float64"):
        make(conv(), D().astype(np.float64))
    with pytest.raises(ValueError, match="perceptual_weight needs `features`"):
        make(conv(), D(), perceptual_weight=1.0)
    with pytest.raises(ShapeError, match=r"a multiple of it, got 8 x 8 and 8 x 4"):
        PairedGAN(conv(), D(), input_shape=(8, 4, 1), data_shape=(8, 8, 1))
    with pytest.raises(ShapeError, match=r"input_shape must be \(height, width, channels\), got \(8, 8\)"):
        PairedGAN(conv(), D(), input_shape=(8, 8), data_shape=(8, 8, 1))
