"""A recorded step gives the bits of the usual step, and is not used where it would not."""

import contextlib
import copy
import functools
import threading

import numpy as np
import pytest

import scratchgan
from scratchgan import replay
from scratchgan.exercises import bugs
from scratchgan.gan import GAN
from scratchgan.layers import (
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    Reshape,
    Sequential,
    Tanh,
)
from scratchgan.losses import NonSaturating, minimax
from scratchgan.models import MODELS, base_of, dcgan, mlp_gan
from scratchgan.optim import SGD, Adam, RMSProp
from scratchgan.replay import fingerprint
from scratchgan.rules import InstanceNoise

pytestmark = pytest.mark.skipif(scratchgan.get_backend() != "numba", reason="the twins are not recorded")
STEPS = 9  # 2 as usual, 1 recorded, 2 compared, 4 from the listing


def points(step, N=32):
    return np.random.default_rng(step).standard_normal((N, 2)).astype(np.float32)


def images(step, N=16):
    return np.tanh(np.random.default_rng(step).standard_normal((N, 8, 8, 1))).astype(np.float32)


def small(seed=0, **options):
    return mlp_gan(2, 2, (64, 64), seed=seed, **options)


def pixels(seed=0, **options):
    return dcgan(8, 1, 4, 16, seed=seed, **options)


def own(optimizer=Adam, ema_decay=0.0, dtype=np.float32, **options):
    """A game of layers that no member of the family puts together in this way."""
    rng = np.random.default_rng(0)
    G = Sequential(
        [
            Dense(3, 4 * 4 * 8, rng=rng, dtype=dtype),
            Reshape((4, 4, 8)),
            BatchNorm(8, dtype=dtype),
            LeakyReLU(0.1),
            ConvTranspose2D(8, 1, kernel_size=4, stride=2, padding=1, rng=rng, dtype=dtype),
            Tanh(),
        ]
    )
    D = Sequential(
        [
            Conv2D(1, 16, kernel_size=3, padding=1, rng=rng, dtype=dtype),
            LeakyReLU(0.2),
            Flatten(),
            Dense(1024, 1, rng=rng, dtype=dtype),
        ]
    )
    return GAN(
        G,
        D,
        latent_dim=3,
        data_shape=(8, 8, 1),
        g_optimizer=optimizer(G, lr=1e-3),
        d_optimizer=optimizer(D, lr=1e-3),
        ema_decay=ema_decay,
        **options,
    )


def train(gan, batches, steps=STEPS, after=None):
    """Train on batches(0), batches(1), ...; return (reports, state, last batch, gradients) after each step."""
    trace = []
    for step in range(steps):
        report = gan.train_step(batches(step))
        trace.append(
            (
                {name: float(v).hex() for name, v in report.items()},
                {key: np.copy(a) for key, a in gan.state().items()},
                [np.copy(a) for a in gan.last_batch],
                [np.copy(g) for net in (gan.G, gan.D) for _, g in net.gradients()],
            )
        )
        if after is not None:
            after(step, gan)
    return trace


def check_same(ours, theirs):
    for (report, state, batch, grads), (report_2, state_2, batch_2, grads_2) in zip(ours, theirs, strict=True):
        assert report == report_2
        assert list(state) == list(state_2)
        for a, b in zip((*state.values(), *batch, *grads), (*state_2.values(), *batch_2, *grads_2), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.tobytes() == b.tobytes()


def both(make, batches, monkeypatch, steps=STEPS, after=None):
    """The game whose steps were recorded, after its trace was compared with that of the usual steps."""
    gan = make()
    ours = train(gan, batches, steps, after)
    monkeypatch.setenv(replay.VARIABLE, "0")
    usual = make()
    theirs = train(usual, batches, steps, after)
    monkeypatch.delenv(replay.VARIABLE)
    assert replay.of(usual).listing is None
    check_same(ours, theirs)
    return gan


GAMES = {
    "points": (small, points),
    "images": (pixels, images),
    "average": (lambda: pixels(ema_decay=0.9), images),
    "own layers": (own, images),
    "own, RMSProp": (lambda: own(RMSProp), images),
    "own, SGD, average": (lambda: own(SGD, 0.5), images),
    "own, float64": (lambda: own(dtype=np.float64), lambda step: images(step).astype(np.float64)),
    "own, relativistic": (lambda: own(loss="relativistic-average"), images),
    "own, hinge": (lambda: own(loss="hinge"), images),
    "own, wasserstein": (lambda: own(loss="wasserstein"), images),
    "least squares": (lambda: small(loss="least-squares"), points),
    "minimax": (lambda: small(loss="minimax"), points),
    "smoothed labels": (lambda: small(loss=NonSaturating(label_smoothing=0.2)), points),
    "one sample": (small, lambda step: points(step, 1)),
    "uneven batch": (small, lambda step: points(step, 37)),
}


@pytest.mark.parametrize("name", GAMES)
def test_every_step_has_the_bits_of_the_usual_step(name, monkeypatch):
    make, batches = GAMES[name]
    gan = both(make, batches, monkeypatch)
    assert replay.of(gan).ready, replay.of(gan).why


@pytest.mark.parametrize("name", [name for name in MODELS if base_of(MODELS[name]) is dcgan])
def test_members_of_the_family_are_recorded_or_say_why_not(name, monkeypatch):
    options = {"classes": 3} if name in ("cgan", "acgan", "projection") else {}
    labels = np.arange(16) % 3 if options else None

    def make():
        return MODELS[name](image_size=8, channels=1, latent_dim=4, width=8, seed=1, **options)

    traces = []
    for value in ("1", "0"):
        monkeypatch.setenv(replay.VARIABLE, value)
        gan = make()
        if labels is None:
            reports = [gan.train_step(images(step)) for step in range(STEPS)]
        else:
            reports = [gan.train_step(images(step), labels) for step in range(STEPS)]
        traces.append((reports, {key: a.tobytes() for key, a in gan.state().items()}))
        if value == "1":
            found = replay.of(gan)
            assert found.ready or replay.why_not(gan) or found.why
            assert found.ready == (name in ("dcgan", "lsgan", "ragan"))
    assert traces[0] == traces[1]


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_matter(threads, monkeypatch):
    before = scratchgan.get_num_threads()
    scratchgan.set_num_threads(min(threads, before))
    try:
        ours = train(pixels(), images)
    finally:
        scratchgan.set_num_threads(before)
    monkeypatch.setenv(replay.VARIABLE, "0")
    check_same(ours, train(pixels(), images))


def slope(step, gan):
    if step == 6:
        gan.D.layers[1].slope = 0.4


def numpy_slope(step, gan):
    if step in (2, 8):
        gan.D.layers[1].slope = np.float32(step / 10)


def rate(step, gan):
    gan.g_optimizer.lr = 1e-3 / (step + 1)


def new_array(step, gan):
    if step == 6:
        layer = gan.G.layers[0]
        layer.params["W"] = layer.params["W"] * np.float32(0.5)


@pytest.fixture
def any_code(monkeypatch):
    """The tests' own code may be recorded, too."""
    monkeypatch.setattr(fingerprint, "foreign", lambda gan: "")


def new_loss(step, gan):
    if step == 6:
        gan.loss = NonSaturating(label_smoothing=0.1)


def state_set_back(step, gan):
    if step == 3:
        gan.kept = {key: np.copy(a) for key, a in gan.state().items()}
    if step == 6:
        gan.load_state(gan.kept)


def in_place(step, gan):
    if step == 6:
        gan.D.layers[0].params["W"][...] *= np.float32(0.5)
        gan.D.layers[0].grads["W"][...] = 7


def sampled(step, gan):
    gan.sample(3, seed=step)


def rule(step, gan):
    if step == 6:
        gan.rules.append(InstanceNoise(0.1, 100))
        gan.streams["instance noise"] = np.random.default_rng(3)
        for each in gan.rules:
            each.check(gan)


CHANGES = {f.__name__: f for f in (slope, numpy_slope, rate, new_array, new_loss, state_set_back, in_place, sampled)}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_between_two_steps_has_its_effect(name, monkeypatch):
    gan = both(small, points, monkeypatch, 14, CHANGES[name])
    assert replay.of(gan).ready, replay.of(gan).why


def test_other_batch_sizes_are_followed(monkeypatch):
    both(small, lambda step: points(step, 32 if step % 7 else 8), monkeypatch, 20)


def test_a_game_that_changes_again_and_again_is_not_recorded_for_ever(monkeypatch):
    """The last recording that is allowed is used; after the next change, all steps are usual ones."""
    steps = replay.USUAL + 1 + replay.CHECKS
    gan = small()
    for attempt in range(replay.ATTEMPTS):
        train(gan, lambda step, N=8 + attempt: points(step, N), steps + 1)
        assert replay.of(gan).ready, attempt
    train(gan, lambda step: points(step, 64), steps + 1)
    assert replay.of(gan).attempts == replay.ATTEMPTS
    assert not replay.of(gan).ready


def test_a_replaced_method_is_called(monkeypatch, any_code):
    gan = small()
    train(gan, points)
    assert replay.of(gan).ready
    calls = []
    first = Dense.weight_grad
    monkeypatch.setattr(Dense, "weight_grad", lambda self, x, dy: calls.append(1) or first(self, x, dy))
    gan.train_step(points(0))
    assert calls
    train(gan, points)
    assert replay.of(gan).ready
    steps = []
    monkeypatch.setattr(Adam, "step", lambda self: steps.append(self))
    gan.train_step(points(0))
    assert steps == [gan.d_optimizer, gan.g_optimizer]
    before = len(calls)
    monkeypatch.setattr(GAN, "g_gradients", lambda self, Z, real=None: {"g_loss": 3.0})
    assert gan.train_step(points(0))["g_loss"] == 3.0
    assert len(calls) > before


@pytest.mark.parametrize("name", bugs.names())
def test_a_planted_fault_has_its_effect_at_once_and_no_longer_than_it_is_planted(name, monkeypatch):
    def plant(step, gan):
        if step == 6:
            gan.patient = contextlib.ExitStack()
            gan.patient.enter_context(bugs.planted(name))
        if step == 8:
            gan.patient.close()

    both(own, images, monkeypatch, 10, plant)


def test_a_replaced_function_is_called(monkeypatch):
    gan = small()
    train(gan, points)
    assert replay.of(gan).ready
    calls = []
    first = minimax.softplus
    monkeypatch.setattr(minimax, "softplus", lambda x: calls.append(1) or first(x))
    gan.train_step(points(0))
    assert calls


def test_dropout_is_never_recorded():
    rng = np.random.default_rng(0)
    G, D = Sequential([Dense(2, 2, rng=rng)]), Sequential([Dense(2, 64, rng=rng), Dropout(0.5), Dense(64, 1, rng=rng)])
    gan = GAN(G, D, latent_dim=2, data_shape=(2,), g_optimizer=Adam(G), d_optimizer=Adam(D))
    train(gan, points)
    assert replay.of(gan).listing is None
    assert "random" in replay.of(gan).why


def wrapped(calls, method):
    @functools.wraps(method)
    def wrapper(self, *args, **options):
        calls.append(method)
        return method(self, *args, **options)

    return wrapper


@pytest.mark.parametrize(("owner", "name"), [(GAN, "g_step"), (Dense, "forward"), (NonSaturating, "generator")])
def test_code_of_others_is_called_in_every_step(owner, name, monkeypatch):
    """It may print, count or draw, which no array reports."""
    calls = []
    monkeypatch.setattr(owner, name, wrapped(calls, getattr(owner, name)))
    gan = small()
    train(gan, points)
    before = len(calls)
    train(gan, points)
    assert before > 0
    assert len(calls) == 2 * before
    assert "not code of this package" in replay.of(gan).why


def test_a_loss_of_the_user_is_code_of_others():
    class Own(NonSaturating):
        def output(self, logits):
            return logits

    gan = small(loss=Own())
    train(gan, points)
    assert "output is not code of this package" in replay.of(gan).why


@pytest.mark.parametrize("options", [{"d_steps": 2}, {"rules": [InstanceNoise(0.1, 100)]}])
def test_games_that_are_not_recorded_say_why(options):
    gan = small(**options)
    train(gan, points)
    assert replay.of(gan).listing is None
    assert replay.why_not(gan)


def test_a_listing_that_gives_other_bits_is_not_used(any_code):
    """A loss that counts its calls: nothing that an array could report."""

    calls = []

    class Drifting(NonSaturating):
        def generator(self, fake_logits, real_logits=None):
            calls.append(1)
            value, d = super().generator(fake_logits)
            return value, d * np.float32(1 + 0.01 * (len(calls) % 5))

    gan = small(loss=Drifting())
    reports = [gan.train_step(points(step)) for step in range(STEPS)]
    assert not replay.of(gan).ready
    assert "other bits" in replay.of(gan).why
    assert all(np.isfinite(report["g_loss"]) for report in reports)


#: what keeps something, and the reason that is given; none where the layer is another one in every step
KEEPING = {
    "an array": (lambda layer, y, cache: vars(layer).update(kept=y), ""),
    "arrays": (lambda layer, y, cache: vars(layer).update(kept=(y, cache)), ""),
    "a number": (lambda layer, y, cache: vars(layer).update(kept=(layer.kept or 0) + 1), ""),
    "in a list": (lambda layer, y, cache: layer.all.append(y), "still in use"),
}


@pytest.mark.parametrize("name", KEEPING)
def test_a_layer_that_keeps_something_of_the_step_is_not_recorded(name, monkeypatch, any_code):
    """From a listing, what was kept would change with every step, or with none."""
    keep, why = KEEPING[name]

    class Keeping(Dense):
        def forward(self, x, **options):
            y, cache = super().forward(x, **options)
            keep(self, y, cache)
            return y, cache

    def make():
        rng = np.random.default_rng(0)
        G, D = Sequential([Keeping(2, 64, rng=rng), Dense(64, 2, rng=rng)]), Sequential([Dense(2, 1, rng=rng)])
        G.layers[0].kept, G.layers[0].all = None, []
        return GAN(G, D, latent_dim=2, data_shape=(2,), g_optimizer=Adam(G), d_optimizer=Adam(D))

    gan = both(make, lambda step: points(step, 256), monkeypatch)
    assert not replay.of(gan).ready
    assert why in replay.of(gan).why


def test_both_comparisons_count(any_code):
    """A loss that computes something else from the fifth step on, in which the second comparison is made."""
    calls = []

    class Late(NonSaturating):
        def generator(self, fake_logits, real_logits=None):
            calls.append(1)
            value, d = super().generator(fake_logits)
            return value, d * np.float32(1 if len(calls) < replay.USUAL + 1 + replay.CHECKS else 2)

    gan = small(loss=Late())
    train(gan, points, replay.USUAL + replay.CHECKS)
    assert replay.of(gan).passed == replay.CHECKS - 1
    train(gan, points, 1)
    assert not replay.of(gan).ready
    assert "other bits" in replay.of(gan).why


def test_every_kind_of_result_is_compared():
    gan = small()
    report = train(gan, points, 1) and gan.train_step(points(1))
    before = replay._digest(gan, report)
    bias, moment, gradient = gan.D.layers[0].params["b"], gan.g_optimizer.slot["m"][0], gan.G.layers[0].grads["W"]
    for array in (bias, moment, gradient, gan.last_batch.fake_logits):
        kept = array.copy()
        array.flat[-1] += 1
        assert replay._digest(gan, report) != before
        array[...] = kept
    assert replay._digest(gan, {**report, "g_loss": report["g_loss"] + 1e-12}) != before
    gan.noise(1)
    assert replay._digest(gan, report) != before


def test_a_step_that_branches_on_a_number_is_not_recorded(any_code):
    class Branching(NonSaturating):
        def generator(self, fake_logits, real_logits=None):
            value, d = super().generator(fake_logits)
            return value, d if fake_logits.mean() > 0 else 2 * d

    gan = small(loss=Branching())
    train(gan, points)
    assert not replay.of(gan).ready
    assert "bool" in replay.of(gan).why
    assert "test_replay" not in replay.of(gan).why


def test_a_copy_trains_on_by_itself():
    gan = small()
    train(gan, points)
    twin = copy.deepcopy(gan)
    assert replay.of(twin) is not replay.of(gan)
    theirs = {key: a.tobytes() for key, a in twin.state().items()}
    ours = train(gan, points)
    assert {key: a.tobytes() for key, a in twin.state().items()} == theirs
    check_same(train(twin, points), ours)
    assert replay.of(gan).ready
    assert replay.of(twin).ready


def test_two_python_threads_may_train_at_once(monkeypatch):
    traces = {}

    def work(seed):
        traces[seed] = train(small(seed), points, 12)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.setenv(replay.VARIABLE, "0")
    for seed in (1, 2):
        check_same(traces[seed], train(small(seed), points, 12))


def test_an_error_in_the_recorded_step_leaves_the_game_as_it_was():
    gan = small()
    for step in range(replay.USUAL):
        gan.train_step(points(step))
    arrays = [a for net in (gan.G, gan.D) for _, a in net.parameters()]
    gan.loss.generator = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        gan.train_step(points(0))
    del gan.loss.generator
    assert all(a is b for a, b in zip(arrays, [a for n in (gan.G, gan.D) for _, a in n.parameters()], strict=True))
    assert all(type(a) is np.ndarray for a in arrays)
    assert "step" not in vars(gan.g_optimizer)
    train(gan, points)
    assert replay.of(gan).ready


def test_values_that_are_kept_do_not_change_later():
    gan = small()
    train(gan, points)
    kept = gan.last_batch
    before = [a.copy() for a in kept]
    gan.train_step(points(99))
    for a, b in zip(kept, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nan_is_followed(monkeypatch):
    def batches(step):
        return points(step) if step < 7 else np.full((32, 2), np.nan, np.float32)

    both(small, batches, monkeypatch)
