"""Each rule against its equation written out, schedules, averages, and states that go on bit for bit."""

import numpy as np
import pytest
from small_layers import dense, said

from scratchgan import optim
from scratchgan.layers import BatchNorm, Dense
from scratchgan.optim import SGD, Adam, Ema, RMSProp

MAKERS = [
    lambda net, **kw: SGD(net, 0.1, momentum=0.9, **kw),
    lambda net, **kw: SGD(net, 0.1, momentum=0.9, nesterov=True, **kw),
    lambda net, **kw: RMSProp(net, 0.01, **kw),
    lambda net, **kw: Adam(net, 0.01, **kw),
]
ids = ["sgd", "nesterov", "rmsprop", "adam"]


def train(optimizer, steps, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for _, g in optimizer.net.gradients():
            g[...] = rng.standard_normal(g.shape)
        optimizer.step()


def by_hand(kind, gradients, w):
    """The equations of the docstrings, one number, plain Python."""
    v = m = 0.0
    for t, g in enumerate(gradients, 1):
        if kind in ("sgd", "nesterov"):
            v = 0.9 * v + g
            w -= 0.1 * ((g + 0.9 * v) if kind == "nesterov" else v)
        elif kind == "rmsprop":
            v = 0.99 * v + 0.01 * g * g
            w -= 0.01 * g / (v**0.5 + 1e-8)
        else:
            m, v = 0.5 * m + 0.5 * g, 0.999 * v + 0.001 * g * g
            w -= 0.01 * (m / (1 - 0.5**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
    return w


@pytest.mark.parametrize(("kind", "make"), list(zip(ids, MAKERS, strict=True)), ids=ids)
def test_rule_is_its_equation(kind, make, rng):
    net = Dense(1, 1, bias=False, rng=rng, dtype=np.float64)
    start = float(net.params["W"][0, 0])
    gradients = rng.standard_normal(20)
    optimizer = make(net)
    for g in gradients:
        net.grads["W"][...] = g
        optimizer.step()
    assert net.params["W"][0, 0] == pytest.approx(by_hand(kind, gradients, start), rel=1e-12)


@pytest.mark.parametrize("make", MAKERS, ids=ids)
def test_minimises_a_quadratic_and_keeps_arrays_and_dtype(make, rng):
    net = Dense(3, 2, rng=rng)
    arrays = [w for _, w in net.parameters()]
    optimizer = make(net, schedule=optim.cosine(1200))
    for _ in range(1200):
        for (_, w), (_, g) in zip(net.parameters(), net.gradients(), strict=True):
            g[...] = w - 1
        optimizer.step()
    for a, (_, w) in zip(arrays, net.parameters(), strict=True):
        assert a is w
        assert w.dtype == np.float32
        np.testing.assert_allclose(w, 1, atol=0.02)


@pytest.mark.parametrize("make", MAKERS, ids=ids)
def test_state_goes_on_bit_for_bit(make, rng):
    net = Dense(3, 2, rng=rng)
    twin = net.astype(np.float32)
    whole, first = make(net), make(twin)
    train(whole, 5, seed=1)
    train(whole, 5, seed=2)
    train(first, 5, seed=1)
    second = make(twin)
    second.load_state({name: a.copy() for name, a in first.state().items()})
    train(second, 5, seed=2)
    for (_, a), (_, b) in zip(net.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_state_is_named_and_changes_nothing(rng):
    optimizer = Adam(Dense(3, 2, rng=rng))
    train(optimizer, 2)
    before = {name: a.copy() for name, a in optimizer.state().items()}
    for change, message in (
        (lambda s: s.pop("m/W"), "lacks m/W"),
        (lambda s: s.update(z=s["m/W"]), "unknown entries z"),
        (lambda s: s.update({"v/b": np.zeros(3, np.float32)}), r"'v/b' must be float32 \(2,\)"),
    ):
        state = {name: np.zeros_like(a) for name, a in before.items()}
        change(state)
        with pytest.raises(ValueError, match=message):
            optimizer.load_state(state)
        for name, a in optimizer.state().items():
            np.testing.assert_array_equal(a, before[name])


def test_schedules():
    linear, cosine = optim.linear(100), optim.cosine(100)
    assert [linear(s) for s in (0, 50, 75, 100, 200)] == [1, 1, 0.5, 0, 0]
    assert [cosine(s) for s in (0, 50, 100, 200)] == pytest.approx([1, 0.5, 0, 0])
    assert optim.constant()(7) == 1
    net = Dense(1, 1, rng=np.random.default_rng(0))
    optimizer = SGD(net, 0.2, schedule=linear)
    optimizer.steps = 75
    assert optimizer.current_lr() == pytest.approx(0.1)
    with pytest.raises(ValueError, match="needs total_steps, got None"):
        optim.schedule("linear")
    with pytest.raises(ValueError, match="unknown schedule 'cosin', did you mean 'cosine'"):
        optim.schedule("cosin", 10)


def test_ema_follows_weights_and_running_statistics(rng):
    net = BatchNorm(2, dtype=np.float64)
    ema = Ema(net, 0.9)
    mean = {path: a.copy() for path, a in net.parameters() + net.buffers()}
    for t in range(1, 150):
        d = min(0.9, t / (t + 9))
        for path, a in net.parameters() + net.buffers():
            a += rng.standard_normal(a.shape)
            mean[path] = d * mean[path] + (1 - d) * a
        ema.update()
    for path, a in ema.net.parameters() + ema.net.buffers():
        np.testing.assert_allclose(a, mean[path], rtol=1e-10, err_msg=path)
    assert ema.net.params["gamma"] is not net.params["gamma"]


@pytest.mark.parametrize("lr", [0, -1, float("nan"), float("inf"), "fast", True])
def test_bad_learning_rate(lr, rng):
    with pytest.raises(ValueError, match="Adam: lr must be a number"):
        Adam(Dense(1, 1, rng=rng), lr)


def test_states_that_are_not_alike():
    own = {name: np.zeros(2, np.float32) for name in "abcdefgh"}
    more = {**own, **{name: 0 for name in "zyxwvu"}}
    check = lambda given, own=own: said(lambda: optim.check_same_arrays("Adam", own, given))
    assert check({"h": own["h"]}) == "Adam: the state lacks a, b, c, d, e"
    assert check(more) == "Adam: the state has unknown entries u, v, w, x, y"
    assert check({**more, "a": 1}, {**own, "k": 0}) == "Adam: the state lacks k"
    assert check({**own, "b": np.zeros(3, np.float32)}) == "Adam: 'b' must be float32 (2,), got float32 (3,)"
    assert check({**own, "c": np.zeros(2)}) == "Adam: 'c' must be float32 (2,), got float64 (2,)"
    assert optim.check_same_arrays("Adam", own, {name: a + 1 for name, a in own.items()}) is None
    for kind in ("SGD", "RMSProp", "Adam"):
        optimizer = getattr(optim, kind)(dense())
        assert said(lambda optimizer=optimizer: optimizer.load_state({})).startswith(f"{kind}: the state lacks ")
        optimizer.load_state({**optimizer.state(), "steps": np.array(7)})
        assert (optimizer.steps, type(optimizer.steps)) == (7, int)


def test_schedules_in_full():
    linear, cosine = optim.linear(10, start=0.2, final=0.1), optim.cosine(10, final=0.2)
    np.testing.assert_allclose([linear(s) for s in (0, 2, 6, 10, 30)], [1, 1, 0.55, 0.1, 0.1], rtol=1e-15)
    np.testing.assert_allclose([cosine(s) for s in (0, 5, 10, 30)], [1, 0.6, 0.2, 0.2], rtol=1e-15)
    np.testing.assert_allclose([optim.linear(10)(s) for s in (5, 6, 9, 10)], [1, 0.8, 0.2, 0], atol=1e-15)
    assert optim.cosine(10)(10) == 0
    assert optim.schedule("constant")(10**9) == 1.0


def test_a_schedule_counts_from_zero():
    seen = []
    optimizer = optim.SGD(dense(), 0.5, schedule=lambda step: seen.append(step) or 0.5)
    assert optimizer.current_lr() == 0.25
    optimizer.step()
    optimizer.step()
    assert (seen, optimizer.steps) == ([0, 0, 1], 2)
