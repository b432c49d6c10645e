"""The net of features for colour images: the weights that are shipped, what its features see, hostile files."""

import numpy as np
import pytest

from scratchgan.core import Layer
from scratchgan.files import checkpoint
from scratchgan.metrics import digit_net, frechet_distance, load_texture_net, perceptual_distance, texture_net
from scratchgan.metrics.classifier import load_classifier
from scratchgan.metrics.texture_net import WEIGHTS, build, save

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def crops():
    """Crops (200, 32, 32, 3) with the spectrum of photographs: strong at low frequencies, and alike in all channels."""
    rng = np.random.default_rng(4)
    frequency = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.fftfreq(32)[None])
    spectrum = np.fft.fft2(rng.standard_normal((200, 32, 32))) / np.maximum(frequency, 1 / 32)
    grey = np.fft.ifft2(spectrum).real
    grey /= 2.5 * grey.std()
    return np.clip(grey[..., None] * [1.0, 0.8, 0.6], -1, 1).astype(np.float32)


def test_the_shipped_weights_are_small_and_say_where_they_come_from():
    net = load_texture_net()
    facts = net.facts
    assert WEIGHTS.stat().st_size < 150_000
    assert facts.command == f"python -m benchmarks.texture_net --seed {facts.seed} --steps {facts.steps}"
    assert 0.3 < facts.right / facts.crops < 1
    assert 0.2 < facts.turned_right / facts.crops < 1  # chance is 0.25: the turn of what it never saw it cannot tell
    assert load_texture_net() is net
    stored = checkpoint.load(WEIGHTS).arrays
    assert {a.dtype for a in stored.values()} == {np.dtype(np.float16)}
    for name, array in net.arrays().items():
        np.testing.assert_array_equal(array, stored[name].astype(np.float32))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 31), (48, 48)])
def test_images_of_any_size_from_16_pixels_have_maps_and_features(height, width, rng):
    x = rng.uniform(-1, 1, (3, height, width, 3)).astype(np.float32)
    net = load_texture_net()
    maps, features = net.maps(x), net.features(x)
    assert (maps.shape, maps.dtype) == ((3, height // 4, width // 4, 64), np.float32)
    assert (features.shape, net.logits(x).shape) == ((3, 64), (3, 20))
    np.testing.assert_allclose(features, maps.mean(axis=(1, 2)))
    np.testing.assert_array_equal(net.features(x[1:2]), features[1:2])  # N never changes an image's bits


def test_grey_images_count_as_colour_without_colour(rng):
    x = rng.uniform(-1, 1, (2, 20, 20, 1))
    np.testing.assert_array_equal(load_texture_net().features(x), load_texture_net().features(np.repeat(x, 3, axis=3)))


def test_features_see_blur_and_noise_much_better_than_those_of_a_random_net(crops, rng):
    """In units of the features' own variance, which makes nets comparable."""
    a, b = crops[:100], crops[100:]
    blurred = sum(np.roll(b, (i, j), axis=(1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)) / 9
    noisy = np.clip(b + 0.2 * rng.standard_normal(b.shape), -1, 1)

    def distances(net):
        real = net.features(a).astype(np.float64)[:, :32]
        return [frechet_distance(real, net.features(v)[:, :32]) / real.var(axis=0).sum() for v in (b, blurred, noisy)]

    floor, blur, noise = distances(load_texture_net())
    assert min(blur, noise) > 10 * floor
    floor, other_blur, other_noise = distances(build(rng=np.random.default_rng(0)))
    assert blur > 3 * other_blur
    assert noise > 3 * other_noise


@pytest.mark.parametrize("values", [(16, 3), (28, 1)])
def test_the_maps_are_a_layer_that_a_perceptual_term_can_go_back_through(values, rng):
    side, channels = values
    net = texture_net() if channels == 3 else digit_net()
    assert isinstance(net, Layer)
    x = rng.uniform(-1, 1, (2, side, side, channels)).astype(np.float32)
    y, cache = net.forward(x, train=False)
    assert y.shape == (2, side // 4, side // 4, 64 if channels == 3 else 32)
    before = {path: g.copy() for path, g in net.gradients()}
    d_x = net.backward(np.ones_like(y), cache, param_grads=False)
    assert d_x.shape == x.shape
    assert np.abs(d_x).max() > 0
    for path, g in net.gradients():
        np.testing.assert_array_equal(g, before[path])


def test_a_copy_of_the_net_is_a_copy():
    mine = texture_net()
    mine.parameters()[0][1][...] = 0
    assert np.abs(texture_net().parameters()[0][1]).max() > 0
    assert np.abs(load_texture_net().body.parameters()[0][1]).max() > 0
    digits = digit_net()
    digits.parameters()[0][1][...] = 0
    assert np.abs(load_classifier().body.parameters()[0][1]).max() > 0


def test_the_perceptual_distance_grows_with_blur(crops):
    x = crops[:20]
    blurs = [x]
    for _ in range(2):
        last = blurs[-1]
        blurs.append(
            (last + np.roll(last, 1, axis=1) + np.roll(last, 1, axis=2) + np.roll(last, (1, 1), axis=(1, 2))) / 4
        )
    none, little, much = (perceptual_distance(x, b, load_texture_net().maps).mean() for b in blurs)
    assert none == 0
    assert 0 < little < much
    np.testing.assert_allclose(  # a net and its function are the same features
        perceptual_distance(x, blurs[1], texture_net()),
        perceptual_distance(x, blurs[1], load_texture_net().maps),
        rtol=1e-4,
    )


def test_images_that_do_not_fit_are_named():
    net = load_texture_net()
    for x, words in (
        (np.zeros((1, 15, 20, 3)), "at least 16 pixels"),
        (np.zeros((1, 20, 20, 2)), r"\(N, H, W, 1 or 3\)"),
        (np.zeros((20, 20, 3)), r"\(N, H, W, C\)"),
        (np.full((1, 20, 20, 3), 255.0), r"\[-1, 1\]"),
        (np.full((1, 20, 20, 3), np.nan), "finite"),
    ):
        with pytest.raises(ValueError, match=words):
            net.features(x)


def test_hostile_files_are_named(tmp_path):
    good = checkpoint.load(WEIGHTS)
    cases = {
        "expected weights of the texture net, got 'cat'": (good.arrays, {**good.meta, "kind": "cat"}),
        "unexpected keyword": (good.arrays, {**good.meta, "more": 1}),
        r"'head/b' must be float32 \(20,\)": ({**good.arrays, "head/b": np.zeros(9, np.float16)}, good.meta),
        "unknown entries more": ({**good.arrays, "more": np.zeros(1, np.float16)}, good.meta),
    }
    for i, (words, (arrays, meta)) in enumerate(cases.items()):
        checkpoint.save(tmp_path / f"{i}.npz", arrays, meta)
        with pytest.raises(ValueError, match=f"{i}.npz: .*{words}"):
            load_texture_net(tmp_path / f"{i}.npz")
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_texture_net(tmp_path / "nosuch.npz")
    with pytest.raises(ValueError, match="needs the facts"):
        save(tmp_path / "w.npz", build(rng=np.random.default_rng(0)))


def test_what_is_saved_is_what_is_loaded(tmp_path):
    save(tmp_path / "w.npz", load_texture_net())
    again = load_texture_net(tmp_path / "w.npz")
    assert again.facts == load_texture_net().facts
    for name, array in load_texture_net().arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)


def test_the_command_repeats_itself(tmp_path, capsys):
    pytest.importorskip("benchmarks.texture_net")
    from benchmarks import texture_net as program

    for name in ("one", "two"):
        assert program.main(["--out", str(tmp_path / name), "--steps", "2", "--quiet", "--crops", "40"]) == 0
    assert "turn right" in capsys.readouterr().out
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    net = load_texture_net(tmp_path / "one")
    assert (net.facts.steps, net.facts.crops) == (2, 40)


def test_the_norm_of_training_is_folded_into_the_head(rng):
    program = pytest.importorskip("benchmarks.texture_net")
    from scratchgan.layers import BatchNorm, Dense

    norm, head = BatchNorm(5), Dense(5, 3, rng=rng)
    for array in (*norm.params.values(), *norm.state.values()):
        array[...] = rng.uniform(0.5, 2, array.shape)
    x = rng.standard_normal((4, 5)).astype(np.float32)
    expected = head.forward(norm.forward(x, train=False)[0], train=False)[0]
    program._fold(norm, head)
    np.testing.assert_allclose(head.forward(x, train=False)[0], expected, rtol=1e-4, atol=1e-5)
