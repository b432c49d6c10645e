"""Our judge of digits: its loss, its warps, the weights that are shipped, and files that are not what they seem."""

import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import scratchgan
from scratchgan.data import load
from scratchgan.files import checkpoint
from scratchgan.losses.cross_entropy import CrossEntropy, cross_entropy, cross_entropy_tangent, softmax
from scratchgan.metrics import classifier
from scratchgan.metrics.augment import random_warp, warp
from scratchgan.metrics.classifier import WEIGHTS, load_classifier, split

LOGITS = arrays(np.float64, (5, 4), elements=st.floats(-50, 50))


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small batches: two threads would mostly wait for each other on a busy machine."""
    before = scratchgan.get_num_threads()
    scratchgan.set_num_threads(1)
    yield
    scratchgan.set_num_threads(before)


@pytest.fixture(scope="module")
def digits():
    return load("mnist-5k")


# -- the loss ----------------------------------------------------------------------------------------------------------


def test_cross_entropy_of_two_classes_is_the_games():
    """(Loss.1): logits (0, l) and the label 1 cost softplus(-l)."""
    l = np.array([-3.0, 0.0, 2.0])
    value, d = cross_entropy(np.stack([np.zeros(3), l], axis=1), np.array([1, 1, 1]))
    assert value == pytest.approx(np.log1p(np.exp(-l)).mean())
    np.testing.assert_allclose(d[:, 1], -1 / (1 + np.exp(l)) / 3)


def test_cross_entropy_knows_nothing_and_everything():
    assert cross_entropy(np.full((3, 10), 7.0), np.arange(3))[0] == pytest.approx(np.log(10))
    huge = np.array([[1e4, -1e4], [-1e4, 1e4]])
    value, d = cross_entropy(huge, np.array([0, 0]))
    assert value == pytest.approx(1e4)
    np.testing.assert_allclose(d, [[0, 0], [-0.5, 0.5]])


@settings(deadline=None, derandomize=True, max_examples=50)
@given(LOGITS, st.floats(-100, 100), st.integers(0, 3))
def test_a_number_added_to_all_logits_changes_nothing(logits, c, label):
    labels = np.full(5, label)
    value, d = cross_entropy(logits, labels)
    moved, d_moved = cross_entropy(logits + c, labels)
    assert value >= 0
    assert moved == pytest.approx(value, abs=1e-12)
    np.testing.assert_allclose(d_moved, d, atol=1e-13)
    np.testing.assert_allclose(d.sum(axis=1), 0, atol=1e-15)
    np.testing.assert_allclose(cross_entropy_tangent(logits, labels, np.full((5, 4), c)), 0, atol=1e-12)
    np.testing.assert_allclose(softmax(logits).sum(axis=1), 1)


def test_cross_entropy_is_registered_and_keeps_float32():
    from scratchgan.gradcheck.cases import CASES

    assert "CrossEntropy" in [case.name for case in CASES]
    assert cross_entropy(np.zeros((2, 3), np.float32), np.array([0, 1]))[1].dtype == np.float32


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (np.zeros((2, 3), int), [0, 1], r"float logits \(N, K\).* got int64 \(2, 3\)"),
        ([[0.0]], [0], "got list"),
        (np.zeros(3), [0], r"got float64 \(3,\)"),
        (np.zeros((0, 3)), [], r"got float64 \(0, 3\)"),
        (np.zeros((2, 3)), [0], "2 whole numbers as labels"),
        (np.zeros((2, 3)), [0.0, 1.0], "2 whole numbers as labels, got float64"),
        (np.zeros((2, 3)), [0, 3], r"labels in 0..2, got 0 to 3"),
        (np.zeros((2, 3)), [-1, 0], r"labels in 0..2, got -1 to 0"),
    ],
)
def test_cross_entropy_refuses(logits, labels, words):
    with pytest.raises(ValueError, match=words):
        cross_entropy(logits, labels)


def test_cross_entropy_as_a_layer_skips_what_nobody_asks():
    layer, x = CrossEntropy(np.array([0, 1])), np.array([[1.0, 2.0], [0.5, 0.0]])
    y, cache = layer.forward(x, train=True)
    assert layer.backward(np.ones_like(y), cache, input_grad=False) is None
    assert layer.tangent(None, cache) is None
    assert layer.tangent_backward(None, cache, input_grad=False) is None
    np.testing.assert_array_equal(layer.tangent_backward(None, cache), 0)
    with pytest.raises(ValueError, match=r"logits \(N, K\)"):
        layer.forward(np.zeros((2, 3, 4)), train=True)


# -- the warps ---------------------------------------------------------------------------------------------------------


def test_warp_by_nothing_is_nothing(rng):
    images = rng.uniform(-1, 1, (3, 6, 5, 2)).astype(np.float32)
    eye, zero = np.tile(np.eye(2), (3, 1, 1)), np.zeros((3, 2))
    np.testing.assert_array_equal(warp(images, eye, zero), images)
    moved = warp(images, eye, zero + np.array([1, -2]))  # output u shows the input at u + s
    np.testing.assert_array_equal(moved[:, :-1, 2:], images[:, 1:, :-2])
    np.testing.assert_array_equal(moved[:, -1], -1)
    half = warp(images, eye, zero + np.array([0.5, 0]))
    np.testing.assert_allclose(half[:, :-1], (images[:, :-1] + images[:, 1:]) / 2, atol=1e-6)
    np.testing.assert_array_equal(warp(images, eye, zero + np.array([1e6, -1e6])), np.float32(-1))


def test_warp_turns(rng):
    images = rng.uniform(-1, 1, (1, 7, 7, 1)).astype(np.float32)
    quarter = np.array([[[0.0, -1.0], [1.0, 0.0]]])  # R(90 degrees)
    turned = warp(images, quarter, np.zeros((1, 2)))[0, :, :, 0]
    np.testing.assert_allclose(turned, np.rot90(images[0, :, :, 0], -1), atol=1e-6)


def test_random_warp_is_a_function_of_its_rng(digits):
    x = digits.x[::500]
    first = random_warp(x, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(random_warp(x, rng=np.random.default_rng(1)), first)
    assert first.dtype == np.float32
    assert first.min() >= -1
    assert first.max() <= 1 + 1e-6
    assert 0.01 < np.abs(first - x).mean() < 0.3
    still = random_warp(x, rng=np.random.default_rng(1), degrees=0, scale=0, slant=0, shift=0)
    np.testing.assert_allclose(still, x, atol=1e-6)
    with pytest.raises(TypeError, match="Generator"):
        random_warp(x, rng=1)
    for limit in ({"scale": 1.0}, {"degrees": -1}, {"slant": np.nan}, {"shift": np.inf}):
        with pytest.raises(ValueError, match=f"random_warp: {next(iter(limit))} must be a number in"):
            random_warp(x, rng=np.random.default_rng(1), **limit)
    with pytest.raises(ValueError, match=r"images \(N, H, W, C\), got \(28, 28\)"):
        random_warp(x[0, :, :, 0], rng=np.random.default_rng(1))


# -- the shipped weights -----------------------------------------------------------------------------------------------


def test_split_is_fixed_and_fair(digits):
    learn, kept_out = split(digits.labels)
    assert sorted(np.concatenate([learn, kept_out])) == list(range(5000))
    assert np.bincount(digits.labels[kept_out]).tolist() == [100] * 10
    assert np.bincount(digits.labels[learn]).tolist() == [400] * 10
    np.testing.assert_array_equal(kept_out[:100], np.flatnonzero(digits.labels == 0)[-100:])
    with pytest.raises(ValueError, match="expected more than that of each"):
        split(np.arange(10).repeat(100))


def test_shipped_weights_reach_the_recorded_accuracy(digits):
    net, (_, kept_out) = load_classifier(), split(digits.labels)
    correct = int((net.logits(digits.x[kept_out]).argmax(axis=1) == digits.labels[kept_out]).sum())
    assert (correct, len(kept_out)) == (net.facts.correct, net.facts.kept_out)
    assert net.facts.accuracy == correct / 1000 >= 0.985
    assert WEIGHTS.stat().st_size <= 1 << 20
    assert net.facts.command == (
        f"python -m scratchgan.metrics.classifier --seed {net.facts.seed} --steps {net.facts.steps}"
    )
    assert (net.facts.seed, net.facts.steps) == (0, classifier.STEPS)
    assert load_classifier() is net


def test_features_and_probabilities(digits):
    net, x = load_classifier(), digits.x[::40]
    features, probabilities = net.features(x), net.probabilities(x)
    assert (features.shape, features.dtype) == ((125, 64), np.float32)
    assert (probabilities.shape, probabilities.dtype) == ((125, 10), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(probabilities, softmax(net.logits(x)))
    np.testing.assert_array_equal(net.features(x[:7]), features[:7])  # N never changes an image's bits
    np.testing.assert_array_equal(net.classify(features), net.logits(x))
    before = scratchgan.get_backend()
    scratchgan.set_backend("numpy")
    try:
        np.testing.assert_allclose(net.features(x), features, atol=1e-4)
    finally:
        scratchgan.set_backend(before)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 8, 8, 1)), r"\(N, 28, 28, 1\).* got float64 \(2, 8, 8, 1\); scratchgan.data.resize_images"),
        (np.zeros((0, 28, 28, 1)), "N at least 1"),
        (np.zeros((2, 28, 28, 1), np.uint8), "float images .* got uint8"),
        (np.full((2, 28, 28, 1), 255.0), r"pixels in \[-1, 1\], got 255 to 255"),
        (np.full((2, 28, 28, 1), np.nan), "finite pixels"),
    ],
)
def test_features_refuse(images, words):
    with pytest.raises(ValueError, match=words):
        load_classifier().features(images)


# -- training ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few_steps(digits):
    """A training of 20 steps, on 1 thread."""
    return classifier.train(digits.x[::5], digits.labels[::5], steps=20, progress=False)


def same(one, other):
    for (name, a), b in zip(one.arrays().items(), other.arrays().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_training_repeats_bit_for_bit(digits, few_steps):
    same(few_steps, classifier.train(digits.x[::5], digits.labels[::5], steps=20, progress=False))


@pytest.mark.skipif(scratchgan.get_backend() != "numba", reason="the NumPy twins run on one thread")
def test_training_has_the_same_bits_on_two_threads(digits):
    import numba

    one = classifier.train(digits.x[::5], digits.labels[::5], steps=4, progress=False)
    scratchgan.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    try:
        same(one, classifier.train(digits.x[::5], digits.labels[::5], steps=4, progress=False))
    finally:
        scratchgan.set_num_threads(1)


def test_training_learns_and_has_a_seed(digits, few_steps):
    right = (few_steps.logits(digits.x[1::50]).argmax(axis=1) == digits.labels[1::50]).mean()
    assert right > 0.5
    other = classifier.train(digits.x[::5], digits.labels[::5], steps=1, seed=1, progress=False)
    third = classifier.train(digits.x[::5], digits.labels[::5], steps=1, seed=2, progress=False)
    assert not np.array_equal(other.arrays()["head/W"], third.arrays()["head/W"])


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"steps": 0}, "steps must be an integer of at least 1"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
    ],
)
def test_training_refuses(digits, kwargs, words):
    with pytest.raises(ValueError, match=words):
        classifier.train(digits.x[::5], digits.labels[::5], progress=False, **kwargs)


def test_training_wants_labels_and_enough_images(digits):
    for x, labels in ((digits.x[:10], digits.labels[:10]), (digits.x[:100], digits.labels[:99])):
        with pytest.raises(ValueError, match="at least 50 images, each with a label"):
            classifier.train(x, labels, progress=False)


def test_the_command_writes_what_it_says(tmp_path, capsys):
    path, again = tmp_path / "w.npz", tmp_path / "again.npz"
    for out in (path, again):
        assert classifier.main(["--out", str(out), "--steps", "2", "--seed", "3", "--quiet"]) == 0
    printed = capsys.readouterr().out
    net = load_classifier(path)
    assert f"{net.facts.correct:,} of 1,000 images that were kept out" in printed
    assert (net.facts.seed, net.facts.steps, net.facts.kept_out) == (3, 2, 1000)
    assert path.read_bytes() == again.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.npz", "w.npz"]


def test_ctrl_c_leaves_no_file(tmp_path, monkeypatch, capsys):
    def stopped(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(classifier, "random_warp", stopped)
    assert classifier.main(["--out", str(tmp_path / "w.npz"), "--quiet"]) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["--steps", "0"], ["--seed", "-1"], ["--out", "/nosuch/w.npz"], ["--steps", "x"]]
)
def test_the_command_refuses(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        classifier.main(arguments)
    assert stop.value.code == 2
    assert "error:" in capsys.readouterr().err


# -- hostile files -----------------------------------------------------------------------------------------------------


def rewritten(path, *, arrays=None, meta=None):
    """The shipped file with other entries."""
    stored = checkpoint.load(WEIGHTS)
    checkpoint.save(path, {**stored.arrays, **(arrays or {})}, {**stored.meta, **(meta or {})})


def test_hostile_arrays_are_named(tmp_path):
    good = checkpoint.load(WEIGHTS).arrays
    cases = {
        "head/b: has 10 values that are not finite": {"head/b": np.full(10, np.nan, np.float32)},
        r"'head/b' must be float32 \(10,\), got float32 \(9,\)": {"head/b": np.zeros(9, np.float32)},
        r"'head/b' must be float32 \(10,\), got float64": {"head/b": np.zeros(10)},
        "has the unknown more": {"more": np.zeros(1)},
        "variance 'body/1.var' is negative": {"body/1.var": -np.ones_like(good["body/1.var"])},
    }
    for i, (words, changed) in enumerate(cases.items()):
        rewritten(tmp_path / f"{i}.npz", arrays=changed)
        with pytest.raises(ValueError, match=f"{i}.npz: .*{words}"):
            load_classifier(tmp_path / f"{i}.npz")


def test_hostile_facts_are_named(tmp_path):
    cases = {"no share": {"correct": 2000}, "unexpected keyword": {"more": 1}, "but of 'cat'": {"kind": "cat"}}
    for i, (words, changed) in enumerate(cases.items()):
        rewritten(tmp_path / f"{i}.npz", meta=changed)
        with pytest.raises(ValueError, match=words):
            load_classifier(tmp_path / f"{i}.npz")


def test_hostile_files_are_named(tmp_path):
    whole = WEIGHTS.read_bytes()
    bomb, declares = tmp_path / "bomb.npz", tmp_path / "declares.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arrays/head/W.npy", bytes(1 << 24))
    with zipfile.ZipFile(declares, "w") as archive:
        for name in ("format", "version"):
            with zipfile.ZipFile(WEIGHTS) as shipped:
                archive.writestr(f"{name}.npy", shipped.read(f"{name}.npy"))
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000000000,), }"
        archive.writestr("arrays/x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    (tmp_path / "short.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.npz").write_text("weights")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    np.savez(tmp_path / "pickle.npz", x=np.array([{}], dtype=object))
    cases = {
        "bomb": "at most 1,048,576 bytes",
        "declares": "larger than the file|truncated or damaged",
        "short": "truncated or damaged",
        "empty": "not an .npz file",
        "text": "not an .npz file",
        "other": "something else",
        "pickle": "something else|damaged",
    }
    for name, words in cases.items():
        with pytest.raises(ValueError, match=f"{name}.npz: .*({words})"):
            load_classifier(tmp_path / f"{name}.npz")
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_classifier(tmp_path / "nosuch.npz")
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_classifier(tmp_path)


def test_save_wants_facts(tmp_path, few_steps):
    with pytest.raises(ValueError, match="needs its facts"):
        classifier.save(tmp_path / "w.npz", few_steps)
