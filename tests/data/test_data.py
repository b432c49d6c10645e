"""Named data: embedded sets, resizing, one error for each mistake, and a stream that resumes bit for bit."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scratchgan
from scratchgan.data import (
    BatchStream,
    DataError,
    Dataset,
    check_batch,
    load,
    names,
    resize_images,
    ring,
)

# ---- names and embedded sets


@pytest.mark.parametrize(("name", "shape"), [("mnist-5k", (5000, 28, 28, 1)), ("uci-digits-8x8", (1797, 8, 8, 1))])
def test_embedded(name, shape):
    data = load(name)
    assert data.images.shape == shape
    assert data.images.dtype == np.float32
    assert (data.images.min(), data.images.max()) == (-1, 1)  # exactly
    assert data.labels.dtype == np.int64
    assert set(data.labels) == set(range(10))
    assert data.n_classes == 10
    assert "CC BY" in data.source
    assert repr(data) == f"<Dataset {name}: {shape[0]} x {shape[1:]}, 10 classes>"
    top = 255 if name == "mnist-5k" else 16
    pixels = (data.images + 1) * (top / 2)
    np.testing.assert_allclose(pixels, np.round(pixels), atol=1e-4)  # whole grey levels, none lost


def test_attribution_lies_beside_the_files():
    text = (Path(scratchgan.__file__).parent / "data" / "files" / "README.md").read_text()
    for words in ("CC BY-SA 3.0", "CC BY 4.0", "mnist-5k.npz", "uci-digits-8x8.npz", "LeCun", "Alpaydin"):
        assert words in text


def test_load_converts_images():
    data = load("uci-digits-8x8", image_size=20, channels=3)
    assert data.images.shape == (1797, 20, 20, 3)
    assert data.name == "uci-digits-8x8"
    np.testing.assert_array_equal(data.images[..., 0], data.images[..., 2])
    assert len(data.labels) == 1797
    assert load("uci-digits-8x8", image_size=8, channels=1).images.shape == (1797, 8, 8, 1)


def test_names_list_everything():
    lines = names()
    assert {"ring", "mixture-1d", "two-moons", "mnist-5k", "uci-digits-8x8", "mnist", "kmnist"} <= set(lines)
    assert all(line and "\n" not in line for line in lines.values())
    assert load("ring").name == "ring"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load("minst"), "'minst' is neither a file, a folder nor a known data set; did you mean 'mnist'?"),
        (lambda: load("Ring"), "did you mean 'ring'?"),
        (lambda: load("/no/such/folder"), "known: mixture-1d, ring"),
        (lambda: load(""), "'' is neither"),
        (lambda: load("x" * 5000), "is neither"),
        (lambda: load("ring", image_size=28), "ring is a density of points: image_size and channels are for images"),
        (lambda: load("mnist-5k", channels=2), "channels must be 1 (grey), 3 (colour) or None (unchanged), got 2"),
        (lambda: load("mnist-5k", image_size=0), "image_size must be an integer of at least 1, got 0"),
        (lambda: load("mnist-5k", image_size=10**6), "the limit is 4 GiB"),
        (lambda: load("mnist-5k", split="test"), "mnist-5k has no test part; sets with one: mnist, fashion-mnist"),
        (lambda: load("mnist", split="valid"), "split must be 'train' or 'test', got 'valid'"),
        (lambda: Dataset(np.zeros((2, 3, 3))), "expected images (N, H, W, C) or points (N, D), got shape (2, 3, 3)"),
        (lambda: Dataset(np.zeros((0, 3))), "got shape (0, 3)"),
        (lambda: Dataset(np.full((2, 1), 1e300)), "sample 0 has the value inf; every value must be finite"),
        (lambda: Dataset(np.full((2, 2, 2, 1), 255.0)), "sample 0 has the value 255, outside [-1, 1]"),
        (lambda: Dataset(np.zeros((2, 1)), labels=[0.0, 1.0]), "labels must be 2 whole numbers, got float64"),
        (lambda: Dataset(np.zeros((2, 1)), labels=[0]), "labels must be 2 whole numbers, got int64 of shape (1,)"),
        (lambda: Dataset(np.zeros((2, 1)), labels=[0, -1]), "labels must be 0 or more, got -1 at index 1"),
        (lambda: check_batch(load("uci-digits-8x8"), 2000), "1797 samples are fewer than one batch of 2000"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_import_is_light():
    code = (
        "import sys, scratchgan.data; print([m for m in ('numba', 'matplotlib', 'pooch', 'PIL') if m in sys.modules])"
    )
    root = Path(scratchgan.__file__).parents[1]
    out = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]", out.stderr


# ---- resizing


def test_resize_keeps_what_it_should(rng):
    constant = np.full((2, 9, 9, 3), 0.25, np.float32)
    np.testing.assert_allclose(resize_images(constant, 13), 0.25, atol=1e-6)
    x = rng.uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)
    assert resize_images(x, 8) is x
    # cubic interpolation reproduces a ramp away from the border
    ramp = np.broadcast_to(np.linspace(-0.9, 0.9, 16, dtype=np.float32)[:, None], (16, 16))[None, ..., None]
    down = resize_images(ramp, 8)[0, 2:-2, 0, 0]
    np.testing.assert_allclose(np.diff(down), 0.24, atol=5e-3)


def test_resize_crops_the_centre_and_clips(rng):
    wide = np.full((1, 4, 10, 1), -1, np.float32)
    wide[:, :, 3:7] = rng.uniform(-1, 1, (1, 4, 4, 1))
    np.testing.assert_allclose(resize_images(wide, 4), wide[:, :, 3:7], atol=1e-6)
    wide[:, :, 3:7] = 0.5
    for size in (2, 3, 9):  # what was cut off must not shine through
        np.testing.assert_allclose(resize_images(wide, size), 0.5, atol=1e-6)
        np.testing.assert_allclose(resize_images(wide.swapaxes(1, 2), size), 0.5, atol=1e-6)
    steps = np.where(np.indices((1, 9, 9, 1)).sum(axis=0) % 4 < 2, 1, -1).astype(np.float32)
    big = resize_images(steps, 31)
    assert (big.min(), big.max()) == (-1, 1)  # the overshoot at each edge is clipped
    with pytest.raises(ValueError, match=r"resize_images expects images \(N, H, W, C\), got \(3, 4\)"):
        resize_images(np.zeros((3, 4)), 8)


# ---- streams


def points(n, labelled=True):
    return Dataset(np.arange(n)[:, None], np.arange(n) if labelled else None, name="points")


@settings(deadline=None, derandomize=True, max_examples=40)
@given(n=st.integers(1, 40), batch=st.integers(1, 40), seed=st.integers(0, 9))
def test_an_epoch_has_no_repeats_and_drops_the_rest(n, batch, seed):
    batch = min(n, batch)
    stream = BatchStream(points(n), batch, rng=np.random.default_rng(seed))
    for epoch in (1, 2, 3):
        seen = []
        for _ in range(n // batch):
            x, labels = stream.next_labelled()
            assert x.shape == (batch, 1)
            assert x.dtype == np.float32
            assert x.flags.c_contiguous
            np.testing.assert_array_equal(x[:, 0], labels)
            seen += labels.tolist()
        assert len(set(seen)) == len(seen) == n // batch * batch
        assert stream.epoch == epoch


def test_batches_are_copies(rng):
    data = points(6, labelled=False)
    stream = BatchStream(data, 6, rng=rng)
    x, labels = stream.next_labelled()
    assert labels is None
    x[:] = -1
    np.testing.assert_array_equal(data.x[:, 0], range(6))
    assert next(iter(stream)).shape == (6, 1)


@pytest.mark.parametrize("data", [points(23), points(23, labelled=False), ring()], ids=["labels", "no labels", "ring"])
@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
@pytest.mark.parametrize("before", [0, 1, 3, 7])
def test_state_brings_the_same_batches_back(data, bits, before, tmp_path):
    stream = BatchStream(data, 5, rng=np.random.Generator(bits(3)))
    for _ in range(before):
        stream.next()
    np.savez(tmp_path / "state.npz", **stream.state())  # as a checkpoint does
    expected = [stream.next_labelled() for _ in range(9)]
    again = BatchStream(data, 5, rng=np.random.Generator(bits(99)))
    again.next()
    with np.load(tmp_path / "state.npz", allow_pickle=False) as saved:
        again.load_state(dict(saved))
    for x, labels in expected:
        y, same = again.next_labelled()
        np.testing.assert_array_equal(x, y)
        np.testing.assert_array_equal(labels, same)
    assert again.epoch == stream.epoch


def test_a_state_that_does_not_fit_changes_nothing():
    stream = BatchStream(points(10), 2, rng=np.random.Generator(np.random.Philox(0)))
    stream.next()
    good = stream.state()
    other = BatchStream(points(10), 2, rng=np.random.Generator(np.random.MT19937(0))).state()

    def changed(**fields):
        text = json.dumps(json.loads(good["rng"].tobytes()) | fields)
        return {"rng": np.frombuffer(text.encode(), np.uint8)}

    seven = {"dtype": "<u8", "values": [7, 7, 7, 7]}
    for change, words in [
        ({"order": np.arange(9)}, "is for 9 samples, points has 10"),
        ({"order": np.zeros(10, int)}, "order is not a permutation of 0..9"),
        ({"position": np.array(11)}, "position 11 is outside 0..10"),
        ({"rng": other["rng"]}, "expected the state of a Philox, got that of a MT19937"),
        ({"rng": np.zeros(4, np.uint8)}, "the generator's state is unusable"),
        # Philox sets its buffer before it misses or refuses these
        (changed(buffer=seven, uinteger=None), "the generator's state is unusable"),
        (changed(buffer=seven, uinteger=-1), "the generator's state is unusable"),
    ]:
        with pytest.raises(ValueError, match=words):
            stream.load_state(good | change)
    with pytest.raises(ValueError, match=r"stream state of points lacks \['order', 'position'\]"):
        stream.load_state(BatchStream(ring(), 2, rng=stream.rng).state())
    np.testing.assert_equal(stream.state(), good)


def test_stream_errors(rng):
    with pytest.raises(TypeError, match="expects a Dataset or a Density, got ndarray"):
        BatchStream(np.zeros((4, 2)), 2, rng=rng)
    with pytest.raises(TypeError, match="rng"):
        BatchStream(ring(), 2, rng=0)
    with pytest.raises(ValueError, match="batch_size must be an integer of at least 1, got 0"):
        BatchStream(ring(), 0, rng=rng)
    with pytest.raises(DataError, match=r"points: 3 samples are fewer than one batch of 4: .*batch_size=3 or less"):
        BatchStream(points(3), 4, rng=rng)
