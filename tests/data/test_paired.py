"""Pairs of images: x[i] belongs to y[i] after every shuffle, flip, split and resume; the same seed gives the same bits."""

from dataclasses import replace

import numpy as np
import pytest

from scratchgan.data import DataError, Dataset, Degradation, Paired, PairedStream, load, pair_up, ring
from scratchgan.data import paired as module
from scratchgan.data.paired import degraded, split

RNG = np.random.default_rng


def pairs(n=23, size=32, *, scale=1, channels=(1, 3)):
    """Pairs whose images say which they are: noise, x being the mean of y's channels, in every scale-th pixel."""
    rng = RNG(7)
    y = rng.uniform(-1, 1, (n, size, size, channels[1])).astype(np.float32)
    return Paired(Dataset(y, name="y", source="me"), Dataset(made_from(y, scale), name="x", source="me"))


def made_from(y, scale=1):
    """What x must be for y; of mirrored images the mirrored x, for an even number of columns only as a whole."""
    n, height, width, _ = y.shape
    mean = y.mean(axis=-1, keepdims=True)
    return mean.reshape(n, height // scale, scale, width // scale, scale, 1).mean(axis=(2, 4))


def belong(x, y, scale=1):
    return np.allclose(x, made_from(y, scale), atol=1e-5)


def same(a, b):
    return all(np.array_equal(one, two) for one, two in zip(a, b, strict=True))


# ---- what a Paired is


def test_a_paired_says_what_it_holds():
    data = pairs(scale=2)
    assert (data.kind, len(data), data.scale) == ("paired", 23, 2)
    assert (data.input_shape, data.example_shape) == ((16, 16, 1), (32, 32, 3))
    assert (data.name, data.source, data.n_classes, data.classes, data.test_size) == ("x to y", "me", 0, (), 0)
    assert repr(data).startswith("<Paired x to y: 23 of (16, 16, 1) to (32, 32, 3), <Dataset x")
    small = Paired(data.y, degrade=Degradation("bicubic", 4), name="small")
    assert (small.scale, small.input_shape, small.name) == (4, (8, 8, 3), "small")
    assert Paired(data.y, degrade=Degradation("holes")).input_shape == (32, 32, 4)
    noted = Paired(replace(data.y, notes=("dark",)), replace(data.x, notes=("dark", "flat")), notes=("odd",))
    assert noted.notes == ("dark", "flat", "odd")


Y = Dataset(np.zeros((4, 8, 8, 3)), name="y")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Paired(Y), "Paired: expected either x or degrade, got neither"),
        (lambda: Paired(Y, Y, Degradation("blur")), "expected either x or degrade, got both"),
        (lambda: Paired(Y.x, Y), "y must be a Dataset, got ndarray"),
        (lambda: Paired(Y, Y.x), "x must be a Dataset, got ndarray"),
        (lambda: Paired(Y, degrade="blur"), "degrade must be a Degradation, got str"),
        (lambda: Paired(Dataset(np.zeros((4, 2)), name="p"), Y), "y (p) must be images, got points (2,)"),
        (lambda: Paired(Y, Dataset(np.zeros((3, 8, 8, 1)))), "3 inputs in data but 4 targets in y"),
        (
            lambda: Paired(Y, Dataset(np.zeros((4, 3, 3, 1)))),
            "or twice or four times as large, got 3 x 3 in data and 8",
        ),
        (lambda: Paired(Y, Dataset(np.zeros((4, 16, 16, 1)))), "got 16 x 16 in data and 8 x 8 in y"),
        (lambda: Paired(Y, Dataset(np.zeros((4, 8, 4, 1)))), "got 8 x 4 in data and 8 x 8 in y"),
        (
            lambda: Paired(Dataset(np.zeros((2, 30, 30, 3))), degrade=Degradation("bicubic")),
            "multiples of 4, got 30 x 30",
        ),
        (lambda: pairs().split(np.array([], int)), "x to y: rows must be one or more whole numbers"),
        (lambda: pairs().split(np.array([0.5])), "rows must be one or more whole numbers, got float64"),
        (lambda: pairs().split(np.array([0, 23])), "rows must be different numbers of 0..22"),
        (lambda: pairs().split(np.array([1, 1])), "rows must be different numbers of 0..22"),
        (lambda: split(pairs(), 23, RNG(0)), "held_out = 23 of 23 pairs leaves none to train on"),
        (lambda: split(pairs(), 0, RNG(0)), "held_out must be an integer of at least 1, got 0"),
        (lambda: PairedStream(Y, 2, rng=RNG(0)), "PairedStream expects a Paired, got Dataset"),
        (lambda: PairedStream(ring(), 2, rng=RNG(0)), "expects a Paired, got"),
        (lambda: PairedStream(pairs(), 2, rng=0), "rng must be a numpy.random.Generator"),
        (lambda: PairedStream(pairs(), 24, rng=RNG(0)), "x to y: 23 samples are fewer than one batch of 24"),
        (lambda: PairedStream(pairs(), 2, rng=RNG(0), flip=1), "flip must be True or False, got 1"),
    ],
)
def test_errors(call, words):
    with pytest.raises((DataError, TypeError, ValueError)) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- what belongs together stays together


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("size", [28, 32, 48])
@pytest.mark.parametrize("flip", [False, True])
def test_every_batch_has_the_input_of_each_target(scale, size, flip):
    data = pairs(size=size, scale=scale)
    stream = PairedStream(data, 5, rng=RNG(1), flip=flip)
    seen = set()
    for _ in range(12):
        x, y = stream.next()
        assert (x.shape, y.shape) == ((5, *data.input_shape), (5, *data.example_shape))
        assert x.dtype == y.dtype == np.float32
        assert x.flags.c_contiguous
        assert y.flags.c_contiguous
        assert belong(x, y, scale)
        for one in y:  # each is an image of the data, or its mirror image
            rows = [i for i, known in enumerate(data.y.x) if same(one, known) or (flip and same(one, known[:, ::-1]))]
            assert len(rows) == 1
            seen.add(rows[0])
    assert seen == set(range(23))
    assert (stream.epoch, stream.batch_size) == (3, 5)


def test_an_odd_number_of_columns_is_mirrored_as_well():
    y = RNG(0).uniform(-1, 1, (6, 7, 9, 3)).astype(np.float32)
    data = Paired(Dataset(y), Dataset(made_from(y)))
    for x, y in (PairedStream(data, 6, rng=RNG(0), flip=True).next(),):
        assert belong(x, y)


def test_half_of_the_pairs_are_mirrored():
    data = pairs(n=20, size=8)
    stream = PairedStream(data, 20, rng=RNG(3), flip=True)
    plain = {image.tobytes() for image in data.y.x}
    shares = [np.mean([image.tobytes() in plain for image in stream.next()[1]]) for _ in range(100)]
    assert abs(np.mean(shares) - 0.5) < 0.05


def test_the_stream_leaves_the_data_alone():
    data = pairs()
    before = data.y.x.copy(), data.x.x.copy()
    for flip in (False, True):
        for array in PairedStream(data, 4, rng=RNG(0), flip=flip).next():
            array[:] = 9
    data.inputs(RNG(0), np.arange(3))[:] = 9
    data.inputs(RNG(0), slice(0, 3))[:] = 9
    assert same((data.y.x, data.x.x), before)


@pytest.mark.parametrize("fault", ["shifted by one", "only x is mirrored", "only y is mirrored", "another order"])
def test_planted_faults_are_caught(fault, monkeypatch):
    """The test above would see them."""
    data = pairs()
    if fault == "shifted by one":
        data = Paired(data.y, replace(data.x, x=np.roll(data.x.x, 1, axis=0)))
    elif fault == "another order":
        monkeypatch.setattr(Paired, "inputs", lambda self, rng, rows: self.x.x[np.sort(rows)])
    else:
        depth, mirror = (1 if "x" in fault else 3), module._mirror
        monkeypatch.setattr(module, "_mirror", lambda a, which: mirror(a, which) if a.shape[-1] == depth else a)
    stream = PairedStream(data, 5, rng=RNG(1), flip=True)
    assert not all(belong(*stream.next()) for _ in range(4))


# ---- with a degradation


@pytest.mark.parametrize("kind", ["bicubic", "blur", "noise", "grey", "holes"])
@pytest.mark.parametrize("size", [28, 32, 48])
def test_degraded_flipped_and_shuffled_at_once(kind, size):
    data = Paired(pairs(size=size).y, degrade=Degradation(kind))
    stream = PairedStream(data, 6, rng=RNG(2), flip=True)
    for _ in range(5):
        x, y = stream.next()
        if kind == "noise":
            assert 0.1 < np.abs(x - y).std() < 0.2
        elif kind == "holes":
            hole = x[..., -1:] > 0
            assert same(np.where(hole, 0, x[..., :-1]), np.where(hole, 0, y))
        else:
            np.testing.assert_allclose(x, data.degrade(y, RNG(0)), atol=1e-6)
    assert data.inputs(RNG(0), np.array([3, 1])).shape == (2, *data.input_shape)
    assert same(data.inputs(RNG(5), np.array([3, 1])), data.degrade(data.y.x[[3, 1]], RNG(5)))


def test_a_hole_is_new_in_every_epoch():
    data = Paired(pairs(n=4).y, degrade=Degradation("holes", 0.3))
    stream = PairedStream(data, 4, rng=RNG(0))
    assert len({stream.next()[0][..., -1].tobytes() for _ in range(8)}) == 8


# ---- same seed, same bits


CASES = {
    "given": (pairs(), False),
    "given, flip": (pairs(), True),
    "scale 2, flip": (pairs(scale=2), True),
    "holes, flip": (Paired(pairs().y, degrade=Degradation("holes", hole="strokes")), True),
    "noise": (Paired(pairs().y, degrade=Degradation("noise")), False),
    "small": (Paired(pairs().y, degrade=Degradation("bicubic", 2)), True),
}


@pytest.mark.parametrize("case", CASES)
def test_the_seed_decides_every_bit(case):
    data, flip = CASES[case]
    one, two, other = (PairedStream(data, 5, rng=RNG(seed), flip=flip) for seed in (1, 1, 2))
    batches = [one.next() for _ in range(9)]
    assert all(same(batch, two.next()) for batch in batches)
    assert not any(same(batch, other.next()) for batch in batches)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("before", [0, 1, 4, 5])
def test_a_resumed_stream_goes_on_bit_for_bit(case, before, tmp_path):
    data, flip = CASES[case]
    stream = PairedStream(data, 5, rng=RNG(3), flip=flip)
    for _ in range(before):
        stream.next()
    np.savez(tmp_path / "state.npz", **stream.state())
    expected = [next(stream) for _ in range(9)]
    again = PairedStream(data, 5, rng=RNG(99), flip=flip)
    again.next()
    with np.load(tmp_path / "state.npz", allow_pickle=False) as saved:
        again.load_state(dict(saved))
    assert all(same(batch, next(iter(again))) for batch in expected)
    assert again.epoch == stream.epoch


def test_the_state_of_other_data_is_refused():
    stream = PairedStream(pairs(), 5, rng=RNG(0))
    before = stream.state()
    with pytest.raises(ValueError, match="is for 9 samples, x to y has 23"):
        stream.load_state(PairedStream(pairs(9), 5, rng=RNG(0)).state())
    np.testing.assert_equal(stream.state(), before)


# ---- parts


def test_chosen_rows_keep_their_inputs():
    data = pairs(scale=2)
    part = data.split(np.array([5, 2, 9]))
    assert same(part.y.x, data.y.x[[5, 2, 9]])
    assert belong(part.x.x, part.y.x, 2)
    assert (part.name, part.source) == (data.name, data.source)
    holes = Paired(data.y, degrade=Degradation("holes")).split(np.array([1]))
    assert (len(holes), holes.x, holes.degrade.kind) == (1, None, "holes")


def test_held_out_pairs_are_in_neither_part_twice():
    data = pairs()
    kept, held = split(data, 6, RNG(4))
    assert (len(kept), len(held)) == (17, 6)
    for part in (kept, held):
        assert belong(part.x.x, part.y.x)
    rows = [next(i for i, known in enumerate(data.y.x) if same(one, known)) for one in (*kept.y.x, *held.y.x)]
    assert sorted(rows) == list(range(23))
    assert rows[:17] == sorted(rows[:17])
    assert same(held.y.x, split(data, 6, RNG(4))[1].y.x)
    assert not same(held.y.x, split(data, 6, RNG(5))[1].y.x)


def test_the_emoji_and_their_held_out_pairs():
    data = pair_up(load("emoji-line"), load("emoji-colour"))
    assert (data.input_shape, data.example_shape, len(data)) == ((32, 32, 1), (32, 32, 3), 1103)
    held = data.test()
    assert (len(held), data.test_size, held.test) == (122, 122, None)
    assert same(held.x.x, load("emoji-line", split="test").x)
    assert same(held.y.x, load("emoji-colour", split="test").x)
    assert "Microsoft" in data.source
    assert data.source.count("Microsoft") == 1
    with pytest.raises(DataError, match="122 inputs are held out in emoji-line, but 7 targets in emoji-colour"):
        pair_up(load("emoji-line"), replace(load("emoji-colour"), test_size=7))
    assert pair_up(load("emoji-line"), replace(load("emoji-colour"), test_size=0, test=None)).test is None


def test_the_textures_degraded_and_their_held_out_crops():
    for kind in ("bicubic", "noise", "blur", "grey"):
        data = degraded(load("textures"), Degradation(kind))
        held = data.test()
        assert (data.test_size, len(held), held.input_shape) == (400, 400, data.input_shape)
        assert held.degrade == data.degrade
        assert same(held.y.x, load("textures", split="test").x)
    digits = degraded(load("mnist-5k"), Degradation("holes", hole="half"), name="digits")
    assert (digits.test, digits.test_size, digits.input_shape, digits.name) == (None, 0, (28, 28, 2), "digits")


def test_what_a_run_knows_its_pairs_by():
    """Names and sources do not count; a pixel, an order, a degradation does."""

    def key(data):
        return {name: (array.shape, array.dtype.str, array.tobytes()) for name, array in data.checksum_arrays().items()}

    data = pairs()
    assert list(key(data)) == ["y", "x"]
    assert key(data) == key(replace(data, name="another")) == key(pairs())
    shifted = Paired(data.y, replace(data.x, x=np.roll(data.x.x, 1, axis=0)))
    blurred = [Paired(data.y, degrade=Degradation("blur", by)) for by in (1, 2)]
    holes = [Paired(data.y, degrade=Degradation("holes", 0.5, hole)) for hole in ("square", "strokes")]
    known = [data, shifted, *blurred, *holes, data.split(np.arange(5))]
    assert all(key(a) != key(b) for i, a in enumerate(known) for b in known[:i])
