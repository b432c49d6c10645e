"""CycleGAN: the derivative of the whole graph, the history of fakes, and what a user relies on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan.core import ShapeError
from scratchgan.data import BatchStream, DataError, Dataset, load
from scratchgan.data.pairs import Pair, PairStream, digits_pair, uci_digits_28
from scratchgan.gradcheck.differences import Shifted
from scratchgan.gradcheck.report import Report
from scratchgan.gradcheck.rows_cyclegan import cyclegan_rows
from scratchgan.layers import BatchNorm, Conv2D, InstanceNorm, LeakyReLU, Residual, Sequential, Tanh
from scratchgan.models import cyclegan
from scratchgan.models.cycle import CycleGAN, l1
from scratchgan.models.cyclegan_nets import Both
from scratchgan.models.history import History

pytestmark = pytest.mark.usefixtures("one_thread")


def small(**options):
    return cyclegan(**{"image_size": 8, "width": 2, "blocks": 1, "d_width": 2, "pool_size": 3, **options})


def pair(n=2, seed=0, size=8, dtype=np.float32):
    return tuple(np.random.default_rng(seed).uniform(-1, 1, (2, n, size, size, 1)).astype(dtype))


def copied(state):
    return {name: array.copy() for name, array in state.items()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def tiny(**options):
    """Four different nets with few weights, for differences in every entry."""
    rng = np.random.default_rng(1)
    conv = lambda Ci, Co, **size: Conv2D(Ci, Co, **{"kernel_size": 3, "padding": 1, **size}, rng=rng, dtype=np.float64)
    norm = lambda C: InstanceNorm(C, dtype=np.float64)
    G_AB = Sequential([conv(1, 2), norm(2), LeakyReLU(0.2), conv(2, 1), Tanh()])
    G_BA = Sequential([Residual(Sequential([conv(1, 1), norm(1), LeakyReLU(0.2)])), conv(1, 1), Tanh()])
    D_A = Sequential([conv(1, 2, stride=2), LeakyReLU(0.2), conv(2, 1)])
    D_B = Sequential([conv(1, 1), norm(1), LeakyReLU(0.2), conv(1, 1, stride=2)])
    return CycleGAN(G_AB, G_BA, D_A, D_B, data_shape=(6, 5, 1), **options)


# -- derivatives ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"identity_weight": 0.0, "cycle_weight": 3.0}, {"loss": "non-saturating"}],
    ids=["all terms", "no identity", "another loss"],
)
def test_gradient_of_every_weight_of_the_whole_graph(options):
    a, b = np.random.default_rng(0).uniform(-1, 1, (2, 2, 6, 5, 1))
    rows = cyclegan_rows(tiny(**options), a, b, np.random.default_rng(3))
    assert {row.array.split(".")[0] for row in rows} == {
        f"{p}'s loss: {p}_{net}" for p, nets in (("G", ("AB", "BA")), ("D", ("A", "B"))) for net in nets
    }
    report = Report("CycleGAN", rows, 1e-7)
    assert report.ok, str(report)


def test_gradient_of_the_built_nets_along_directions_in_all_weights():
    gan, (a, b) = small(dtype=np.float64), pair(dtype=np.float64)
    rng, h = np.random.default_rng(4), 1e-6
    for net in (gan.G, gan.D):
        for _, w in net.parameters():
            w += 0.3 * rng.standard_normal(w.shape)
    _, fakes = gan.g_gradients(a, b)
    for net, value in (
        (gan.G, lambda: gan.g_gradients(a, b)[0]["g_loss"]),
        (gan.D, lambda: gan.d_gradients(a, b, *fakes)["d_loss"]),
    ):
        arrays = [w for _, w in net.parameters()]
        for _ in range(4):
            directions = [rng.standard_normal(w.shape) * 0.1 for w in arrays]
            value()
            by_hand = sum(np.sum(g * v) for (_, g), v in zip(net.gradients(), directions, strict=True))
            with Shifted(arrays, directions, h):
                plus = value()
            with Shifted(arrays, directions, -h):
                minus = value()
            assert by_hand == pytest.approx((plus - minus) / (2 * h), rel=1e-5)


def test_the_parts_add_up_to_the_losses_and_are_what_they_say():
    gan, (a, b) = small(cycle_weight=7.0, identity_weight=0.25), pair()
    report, (fa, fb) = gan.g_gradients(a, b)
    forward = lambda net, x: net.forward(x, train=True)[0].astype(np.float64)
    np.testing.assert_allclose(fb, gan.translate(a, "b"), atol=1e-6)  # nothing differs in evaluation
    assert report["cycle_a"] == pytest.approx(np.abs(forward(gan.G_BA, fb) - a).mean(), rel=1e-5)
    assert report["cycle_b"] == pytest.approx(np.abs(forward(gan.G_AB, fa) - b).mean(), rel=1e-5)
    assert report["identity_a"] == pytest.approx(np.abs(forward(gan.G_BA, a) - a).mean(), rel=1e-5)
    assert report["identity_b"] == pytest.approx(np.abs(forward(gan.G_AB, b) - b).mean(), rel=1e-5)
    assert report["adversarial_b"] == pytest.approx(((forward(gan.D_B, fb) - 1) ** 2).mean() / 2, rel=1e-5)
    assert report["adversarial_a"] == pytest.approx(((forward(gan.D_A, fa) - 1) ** 2).mean() / 2, rel=1e-5)
    assert report["g_loss"] == pytest.approx(
        report["adversarial_a"]
        + report["adversarial_b"]
        + 7 * (report["cycle_a"] + report["cycle_b"])
        + 7 * 0.25 * (report["identity_a"] + report["identity_b"])
    )
    judged = gan.d_gradients(a, b, fa, fb)
    assert judged["d_loss"] == pytest.approx(judged["d_loss_a"] + judged["d_loss_b"])
    r, f = forward(gan.D_A, a), forward(gan.D_A, fa)
    assert judged["d_loss_a"] == pytest.approx(((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2, rel=1e-5)
    assert judged["d_real"] == pytest.approx((r.mean() + forward(gan.D_B, b).mean()) / 2, rel=1e-4, abs=1e-6)
    assert judged["d_fake"] == pytest.approx((f.mean() + forward(gan.D_B, fb).mean()) / 2, rel=1e-4, abs=1e-6)


def test_each_turn_touches_the_gradients_of_its_player_only():
    gan, (a, b) = small(), pair()
    for own, other, turn in (
        (gan.G, gan.D, lambda: gan.g_gradients(a, b)),
        (gan.D, gan.G, lambda: gan.d_gradients(a, b, a, b)),
    ):
        own.zero_grads()
        other.zero_grads()
        turn()
        once = [g.copy() for _, g in own.gradients()]
        assert all(g.any() for g in once if g.size > 4)
        assert not any(g.any() for _, g in other.gradients())
        turn()  # the second call starts from zero
        assert all(np.array_equal(g, before) for (_, g), before in zip(own.gradients(), once, strict=True))


def test_l1_has_slope_zero_where_both_are_equal():
    value, slope = l1(np.array([1.0, -2.0, 0.5, 3.0]), np.array([1.0, 0.0, 0.0, 3.0]))
    assert value == 2.5 / 4
    np.testing.assert_array_equal(slope, [0, -0.25, 0.25, 0])


# -- the history of fakes ---------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(size=st.integers(0, 6), batches=st.lists(st.integers(1, 5), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_history_hands_on_what_it_was_given_and_keeps_the_first_until_it_is_full(size, batches, seed):
    history, rng, given_so_far = History(size, (1,)), np.random.default_rng(seed), 0
    for n in batches:
        fakes = np.arange(given_so_far, given_so_far + n, dtype=np.float32)[:, None] + 1
        before, count = history.held.copy(), len(history)
        shown = history.swap(fakes, rng=rng)
        free = size - count
        np.testing.assert_array_equal(shown[:free], fakes[:free])  # (History.1); free = 0 if it is off
        assert set(shown.ravel()) <= set(fakes.ravel()) | set(before[:count].ravel())
        given_so_far += n
        assert len(history) == min(size, given_so_far)
        held = history.held[: len(history)].ravel()
        assert len(set(held)) == len(held)
        assert set(held) <= set(range(1, given_so_far + 1))
        if size == 0:
            assert shown is fakes


def test_history_shows_old_fakes_half_of_the_time_and_replaces_these():
    history, rng = History(50, (1,)), np.random.default_rng(0)
    history.swap(np.zeros((50, 1), np.float32), rng=rng)
    fakes = np.arange(1, 4001, dtype=np.float32)[:, None]
    shown = history.swap(fakes, rng=rng)
    old = shown != fakes
    assert abs(old.mean() - 0.5) < 0.03  # 4 standard deviations
    seen_again = shown[old]
    assert (np.sort(seen_again[seen_again > 0]) == np.unique(seen_again[seen_again > 0])).all()  # each at most once
    assert (seen_again <= fakes[old]).all()  # never one that is still to come


@pytest.mark.parametrize(
    ("fakes", "words"), [(np.zeros((2, 3), np.float32), "expected fakes"), (np.zeros((2, 1)), "float32")]
)
def test_history_refuses_what_does_not_fit(fakes, words):
    with pytest.raises(ValueError, match=words):
        History(2, (1,)).swap(fakes, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="size must be an integer of at least 0"):
        History(-1, (1,))


# -- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"ema_decay": 0.9}, {"pool_size": 0}])
def test_same_seed_same_bits_and_a_resumed_run_goes_on_bit_for_bit(options):
    one, two = small(**options), small(**options)
    first = [one.train_step(pair(seed=i)) for i in range(3)]
    assert first == [two.train_step(pair(seed=i)) for i in range(3)]
    kept = copied(one.state())
    assert same(kept, two.state())
    later = [one.train_step(pair(seed=i)) for i in range(3, 6)]
    resumed = small(**options, seed=5)
    resumed.load_state(kept)
    assert same(kept, resumed.state())
    assert later == [resumed.train_step(pair(seed=i)) for i in range(3, 6)]
    assert same(one.state(), resumed.state())
    x = pair(seed=9)[0]
    np.testing.assert_array_equal(one.translate(x), resumed.translate(x))
    assert not same(one.state(), small(**options, seed=1).state())


def test_state_is_checked_before_anything_changes():
    gan = small(ema_decay=0.9)
    gan.train_step(pair())
    good, before = copied(gan.state()), copied(gan.state())
    other = copied(small(ema_decay=0.9).state())
    bad = [
        {k: a for k, a in other.items() if k != "history/A"},
        {**other, "more": np.zeros(1)},
        {**other, "D/A.0.W": np.zeros((1, 1))},
        {**other, "G/AB.0.W": other["G/AB.0.W"].astype(np.float64)},
        {k: a for k, a in other.items() if k != "rng/history"},
        {**other, "rng/history": np.zeros(3, np.uint8)},
        {**other, "history/B/count": np.array(4)},
        {**other, "steps": np.array(-1)},
        {**other, "g_optimizer/v/BA.0.W": other["g_optimizer/v/BA.0.W"] - 1},
        {**other, "history/A": np.zeros((2, 8, 8, 1), np.float32)},
    ]
    for arrays in bad:
        with pytest.raises(ValueError):
            gan.load_state(arrays)
        assert same(before, gan.state())
    gan.load_state(good)
    assert {
        "G/AB.0.W",
        "G/BA.0.W",
        "D/A.0.W",
        "D/B.0.W",
        "ema/AB.0.W",
        "history/A",
        "history/B/count",
        "g_optimizer/m/AB.0.W",
        "d_optimizer/v/B.0.b",
    } <= good.keys()


def test_learns_to_go_there_and_back():
    gan, (a, b) = small(width=4, lr=5e-3), pair(4)
    first = gan.train_step((a, b))
    for _ in range(40):
        last = gan.train_step((a, b))
    assert last["cycle"] < 0.7 * first["cycle"]
    assert gan.steps == 41


def test_ema_translates_with_the_mean_weights():
    gan = small(ema_decay=0.9)
    start = [w.copy() for _, w in gan.G.parameters()]
    gan.train_step(pair())
    d = 1 / 10  # (EMA.1) at t = 1
    for (_, mean), w0, (_, w) in zip(gan.ema.net.parameters(), start, gan.G.parameters(), strict=True):
        np.testing.assert_allclose(mean, d * w0 + (1 - d) * w, rtol=1e-5, atol=1e-7)
    x = pair()[0]
    np.testing.assert_allclose(gan.translate(x, "a"), gan.ema.net["BA"].forward(x, train=False)[0], atol=1e-6)
    assert np.abs(gan.translate(x, "a") - gan.G_BA.forward(x, train=False)[0]).max() > 1e-5


def test_translation_does_not_depend_on_batch_mates():
    gan, x = small(), pair(70)[0]
    whole = gan.translate(x, "a")
    assert (whole.shape, whole.dtype) == (x.shape, np.float32)
    assert np.abs(whole).max() <= 1
    np.testing.assert_array_equal(whole[5:7], gan.translate(x[5:7], "a"))
    np.testing.assert_array_equal(whole[[69, 3]], gan.translate(x[[69, 3]], "a"))
    y, again = gan.cycle(x, to="a")
    np.testing.assert_array_equal(y, whole)
    np.testing.assert_array_equal(again, gan.translate(whole, "b"))


A, B = pair()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (A, "a pair"),
        ((A,), "a pair"),
        ((A, B, A), "a pair"),
        (None, "a pair"),
        ((A, B[:1]), "same length"),
        ((A, B[:, :4]), r"b must be images \(N, 8, 8, 1\)"),
        ((A[0], B), "a must be images"),
        ((A[:0], B[:0]), "images"),
        ((A, B.astype(np.float64)), "b must be float32"),
        ((A * np.nan, B), "a has values that are not finite"),
        ((A, [1]), "b must be images"),
    ],
)
def test_wrong_pairs_are_named(given, words):
    gan = small()
    before = copied(gan.state())
    with pytest.raises(ValueError, match=words):
        gan.train_step(given)
    assert same(before, gan.state())


def test_wrong_calls_are_named():
    gan = small()
    for call, words in (
        (lambda: gan.train_step((A, B), np.zeros(2)), "no labels"),
        (lambda: gan.translate(A, to="c"), '"a" or "b"'),
        (lambda: gan.translate(np.full_like(A, np.inf)), "not finite"),
        (lambda: cyclegan(image_size=10), "multiple of 4"),
        (lambda: cyclegan(width=0), "width"),
        (lambda: cyclegan(pool_size=-1), "size"),
        (lambda: cyclegan(cycle_weight=np.nan), "cycle_weight"),
        (lambda: cyclegan(loss="relativistic-average"), "relativistic"),
        (lambda: cyclegan(lr_schedule="linear"), "total_steps"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_nets_that_do_not_fit_are_refused():
    rng = np.random.default_rng(0)
    conv = lambda Co=1: Conv2D(1, Co, kernel_size=3, padding=1, rng=rng)
    with pytest.raises(ShapeError, match=r"G_BA makes images of shape \(8, 8, 2\)"):
        CycleGAN(conv(), conv(2), conv(), conv(), data_shape=(8, 8, 1))
    with pytest.raises(ValueError, match="BatchNorm"):
        CycleGAN(conv(), Sequential([conv(), BatchNorm(1)]), conv(), conv(), data_shape=(8, 8, 1))
    with pytest.raises(ValueError, match="the same dtype"):
        CycleGAN(conv(), conv(), conv(), conv().astype(np.float64), data_shape=(8, 8, 1))
    assert [path for path, _ in Both(A=conv(), B=conv()).parameters()] == ["A.W", "A.b", "B.W", "B.b"]


# -- data -------------------------------------------------------------------------------------------------------------


def test_uci_digits_have_mnists_frame():
    small_digits, data = load("uci-digits-8x8"), uci_digits_28()
    assert data.x.shape == (1797, 28, 28, 1)
    np.testing.assert_array_equal(data.labels, small_digits.labels)
    frame = np.ones((28, 28), bool)
    frame[4:24, 4:24] = False
    assert (data.x[:, frame] == -1).all()
    inner = data.x[:, 4:24, 4:24].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(inner, small_digits.x.mean(axis=(1, 2, 3)), atol=0.1)  # clipped overshoot, edges
    both = digits_pair()
    assert (both.example_shape, both.b.name) == ((28, 28, 1), "mnist-5k")
    assert "UCI" in both.source
    assert "MNIST" in both.source


def domains():
    x = np.linspace(-1, 1, 17, dtype=np.float32)[:, None, None, None]
    return Dataset(x[:7] * 0.5), Dataset(x)


def test_pair_stream_shuffles_each_domain_by_itself_and_resumes():
    a, b = domains()
    stream = PairStream(a, b, 3, rng=np.random.default_rng(4))
    rng_a, rng_b = np.random.default_rng(4).spawn(2)
    alone = BatchStream(a, 3, rng=rng_a), BatchStream(b, 3, rng=rng_b)
    for _ in range(5):
        got = stream.next()
        assert [x.shape for x in got] == [(3, 1, 1, 1)] * 2
        for x, single in zip(got, alone, strict=True):
            np.testing.assert_array_equal(x, single.next())
    kept = copied(stream.state())
    assert {"a/rng", "a/order", "b/position", "b/epoch"} <= kept.keys()
    later = [next(stream) for _ in range(4)]
    other = PairStream(a, b, 3, rng=np.random.default_rng(5))
    other.load_state(kept)
    np.testing.assert_array_equal(later, [next(other) for _ in range(4)])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s.pop("b/rng"),
        lambda s: s.update({"b/order": np.arange(7)}),
        lambda s: s.pop("a/order"),
        lambda s: s.update({"b/position": np.array(99)}),
    ],
)
def test_pair_stream_refuses_a_wrong_state_and_stays_as_it_was(spoil):
    stream = PairStream(*domains(), 3, rng=np.random.default_rng(4))
    stream.next()
    before = copied(stream.state())
    other = PairStream(*domains(), 3, rng=np.random.default_rng(8))
    other.next()
    bad = copied(other.state())
    spoil(bad)
    with pytest.raises(ValueError):
        stream.load_state(bad)
    assert same(before, stream.state())


def test_wrong_pairs_of_data_are_named():
    a, b = domains()
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="7 samples are fewer"):
        PairStream(a, b, 8, rng=rng)
    with pytest.raises(DataError, match="samples of the same shape"):
        Pair(a, Dataset(np.zeros((3, 2, 2, 1))))
    with pytest.raises(TypeError, match="b must be a Dataset"):
        Pair(a, b.x)
    with pytest.raises(TypeError, match="rng"):
        PairStream(a, b, 2, rng=0)
