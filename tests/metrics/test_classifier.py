"""The classifier of digits: the weights that are shipped, training, and files that are not what they seem."""

import zipfile

import numpy as np
import pytest

import scratchgan
from scratchgan.files import checkpoint
from scratchgan.losses.cross_entropy import softmax
from scratchgan.metrics import classifier
from scratchgan.metrics.classifier import WEIGHTS, load_classifier, split

pytestmark = pytest.mark.usefixtures("one_thread")


def test_split_is_fixed_and_fair(mnist):
    learn, kept_out = split(mnist.labels)
    assert sorted(np.concatenate([learn, kept_out])) == list(range(5000))
    assert np.bincount(mnist.labels[kept_out]).tolist() == [100] * 10
    assert np.bincount(mnist.labels[learn]).tolist() == [400] * 10
    np.testing.assert_array_equal(kept_out[:100], np.flatnonzero(mnist.labels == 0)[-100:])
    with pytest.raises(ValueError, match="expected more than that per class"):
        split(np.arange(10).repeat(100))


def test_shipped_weights_reach_the_recorded_accuracy(mnist):
    net, (_, kept_out) = load_classifier(), split(mnist.labels)
    correct = int((net.logits(mnist.x[kept_out]).argmax(axis=1) == mnist.labels[kept_out]).sum())
    assert (correct, len(kept_out)) == (net.facts.correct, net.facts.kept_out)
    assert net.facts.accuracy == correct / 1000 >= 0.985
    assert WEIGHTS.stat().st_size <= 1 << 20
    assert net.facts.command == (
        f"python -m scratchgan.metrics.classifier --seed {net.facts.seed} --steps {net.facts.steps}"
    )
    assert (net.facts.seed, net.facts.steps) == (0, classifier.STEPS)
    assert load_classifier() is net


def test_features_and_probabilities(mnist):
    net, x = load_classifier(), mnist.x[::40]
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


@pytest.fixture(scope="module")
def few_steps(mnist):
    """A training of 20 steps, on 1 thread."""
    return classifier.train(mnist.x[::5], mnist.labels[::5], steps=20, progress=False)


def same(one, other):
    for (name, a), b in zip(one.arrays().items(), other.arrays().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_training_repeats_bit_for_bit(mnist, few_steps):
    same(few_steps, classifier.train(mnist.x[::5], mnist.labels[::5], steps=20, progress=False))


@pytest.mark.skipif(scratchgan.get_backend() != "numba", reason="the NumPy twins run on one thread")
def test_training_has_the_same_bits_on_two_threads(mnist):
    from engines import MOST

    one = classifier.train(mnist.x[::5], mnist.labels[::5], steps=4, progress=False)
    scratchgan.set_num_threads(MOST)
    try:
        same(one, classifier.train(mnist.x[::5], mnist.labels[::5], steps=4, progress=False))
    finally:
        scratchgan.set_num_threads(1)


def test_training_learns_and_has_a_seed(mnist, few_steps):
    right = (few_steps.logits(mnist.x[1::50]).argmax(axis=1) == mnist.labels[1::50]).mean()
    assert right > 0.5
    other = classifier.train(mnist.x[::5], mnist.labels[::5], steps=1, seed=1, progress=False)
    third = classifier.train(mnist.x[::5], mnist.labels[::5], steps=1, seed=2, progress=False)
    assert not np.array_equal(other.arrays()["head/W"], third.arrays()["head/W"])


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"steps": 0}, "steps must be an integer of at least 1"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
    ],
)
def test_training_refuses(mnist, kwargs, words):
    with pytest.raises(ValueError, match=words):
        classifier.train(mnist.x[::5], mnist.labels[::5], progress=False, **kwargs)


def test_training_wants_labels_and_enough_images(mnist):
    for x, labels in ((mnist.x[:10], mnist.labels[:10]), (mnist.x[:100], mnist.labels[:99])):
        with pytest.raises(ValueError, match="at least 50 images, each with a label"):
            classifier.train(x, labels, progress=False)


def test_the_command_writes_what_it_says(tmp_path, capsys):
    path, again = tmp_path / "w.npz", tmp_path / "again.npz"
    for out in (path, again):
        assert classifier.main(["--out", str(out), "--steps", "2", "--seed", "3", "--quiet"]) == 0
    printed = capsys.readouterr().out
    net = load_classifier(path)
    assert f"{net.facts.correct:,} of 1,000 held-out images" in printed
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


def rewritten(path, *, arrays=None, meta=None):
    """The shipped file with other entries."""
    stored = checkpoint.load(WEIGHTS)
    changed = {name: np.nan_to_num(a) for name, a in (arrays or {}).items()}
    checkpoint.save(path, {**stored.arrays, **changed}, {**stored.meta, **(meta or {})})
    with np.load(path) as file:  # `save` refuses numbers that are not finite
        members = dict(file) | {f"arrays/{name}": a for name, a in (arrays or {}).items()}
    np.savez(path, **members)


def test_hostile_arrays_are_named(tmp_path):
    good = checkpoint.load(WEIGHTS).arrays
    cases = {
        "head/b: has 10 values that are not finite": {"head/b": np.full(10, np.nan, np.float32)},
        r"'head/b' must be float32 \(10,\), got float32 \(9,\)": {"head/b": np.zeros(9, np.float32)},
        r"'head/b' must be float32 \(10,\), got float64": {"head/b": np.zeros(10)},
        "has unknown entries more": {"more": np.zeros(1)},
        "variance 'body/1.var' is negative": {"body/1.var": -np.ones_like(good["body/1.var"])},
    }
    for i, (words, changed) in enumerate(cases.items()):
        rewritten(tmp_path / f"{i}.npz", arrays=changed)
        with pytest.raises(ValueError, match=f"{i}.npz: .*{words}"):
            load_classifier(tmp_path / f"{i}.npz")


def test_hostile_facts_are_named(tmp_path):
    cases = {
        "an accuracy from 0 to 1": {"correct": 2000},
        "unexpected keyword": {"more": 1},
        "got 'cat'": {"kind": "cat"},
    }
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
    with pytest.raises(ValueError, match="needs the facts"):
        classifier.save(tmp_path / "w.npz", few_steps)
