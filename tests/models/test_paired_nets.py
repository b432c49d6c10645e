"""The U-Net, the residual net and the discriminator of patches: shapes, skips, first weights, other sizes."""

import numpy as np
import pytest

from scratchgan.core import ShapeError
from scratchgan.layers import Concat, Dropout
from scratchgan.models.paired_nets import (
    copy_channels,
    discriminator,
    generator,
    halvings,
    random_features,
    residual_net,
    unet,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def run(net, x, train=False, rng=None):
    return net.forward(x, train=train, rng=rng)[0]


def images(rng, *shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("side", "depth"), [(4, 1), (6, 1), (8, 1), (28, 2), (32, 3), (36, 2), (48, 3), (64, 4), (128, 5), (256, 6)]
)
def test_a_unet_halves_down_to_a_few_pixels(side, depth):
    assert halvings("unet", side, side) == depth


@pytest.mark.parametrize(("h", "w", "Cx"), [(28, 28, 1), (32, 32, 3), (48, 48, 4), (32, 28, 2)])
def test_a_unet_takes_these_sizes_and_any_channels(h, w, Cx, rng):
    net = unet((h, w, Cx), 3, 2, rng)
    y = run(net, images(rng, 2, h, w, Cx))
    assert y.shape == (2, h, w, 3)
    assert np.abs(y).max() <= 1


@pytest.mark.parametrize(
    ("side", "near"), [(30, "28, 32"), (31, "28, 32"), (50, "48, 56"), (100, "96, 112"), (33, "32, 36")]
)
def test_a_size_that_cannot_be_halved_is_one_clear_error(side, near, rng):
    with pytest.raises(ValueError, match=rf"{side} x {side} cannot be halved so often; the nearest sizes.*: {near}$"):
        unet((side, side, 1), 1, 2, rng)
    for n in map(int, near.split(", ")):
        unet((n, n, 1), 1, 1, rng)
    with pytest.raises(ValueError, match="at least 4"):
        unet((2, 2, 1), 1, 2, rng)


def concats(net):
    return [layer for layer in net.layers_below() if isinstance(layer, Concat)]


def test_every_size_of_a_unet_has_a_skip(rng):
    """With the way through all smaller sizes blocked, the output still depends on x; and on each skip alone."""
    net = unet((32, 32, 1), 1, 2, rng)
    assert len(concats(net)) == 3
    x, other = images(rng, 1, 32, 32, 1), images(rng, 1, 32, 32, 1)
    for concat in concats(net):
        block = concat.branches[1]
        ups = [layer for layer in block.layers if type(layer).__name__ == "ConvTranspose2D"]
        assert len(ups) == 1
        kept = ups[0].params["W"].copy()
        norm = block.layers[block.layers.index(ups[0]) + 1]
        ups[0].params["W"][...] = 0
        assert not run(norm, run(ups[0], np.ones((1, 4, 4, ups[0].Ci), np.float32))).any()
        assert np.abs(run(net, x) - run(net, other)).max() > 1e-3
        ups[0].params["W"][...] = kept


def test_a_line_gets_through_a_unet_at_full_resolution(rng):
    """The largest skip alone: one pixel of x changes the output only near that pixel."""
    net = unet((32, 32, 1), 1, 4, rng)
    outer = concats(net)[0].branches[1]
    up = next(layer for layer in outer.layers if type(layer).__name__ == "ConvTranspose2D")
    up.params["W"][...] = 0
    x = np.zeros((1, 32, 32, 1), np.float32)
    lit = x.copy()
    lit[0, 10, 20, 0] = 1
    changed = np.argwhere(np.abs(run(net, lit) - run(net, x))[0, :, :, 0] > 0)
    assert len(changed) > 0
    assert np.abs(changed - [10, 20]).max() <= 2


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("name", ["unet", "residual"])
def test_each_net_enlarges(name, scale, rng):
    net = generator(name, (8, 8, 2), 3, 2, 1, rng=rng, scale=scale)
    assert run(net, images(rng, 3, 8, 8, 2)).shape == (3, 8 * scale, 8 * scale, 3)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_residual_net_starts_as_the_enlarged_image(scale, rng):
    net = residual_net((8, 8, 1), 1, 16, 3, rng, scale=scale)
    x = images(rng, 2, 8, 8, 1)
    expected = np.stack([bilinear(image, scale) for image in x])
    y = run(net, x)
    assert np.abs(y - expected).std() < 0.3 * expected.std()
    assert np.corrcoef(y.ravel(), expected.ravel())[0, 1] > 0.95


def bilinear(image, k):
    """(h, w, 1) enlarged k times, pixel centres at +1/2, edges repeated."""
    for axis in (0, 1):
        n = image.shape[axis]
        at = (np.arange(k * n) + 0.5) / k - 0.5
        image = np.apply_along_axis(lambda line, at=at, n=n: np.interp(at, np.arange(n), line), axis, image)
    return image


def test_the_first_weights_copy_channels_or_their_mean():
    def copied(Cx, channels):
        W = np.ones((3, 3, Cx + 2, channels))
        copy_channels(W, Cx, channels)
        assert (W[:, :, Cx:] == 1).all()
        assert not W[[0, 2], :, :Cx].any()
        assert not W[:, [0, 2], :Cx].any()
        return W[1, 1, :Cx].T.tolist()

    assert copied(3, 3) == np.eye(3).tolist()
    assert copied(4, 3) == np.eye(3, 4).tolist()  # with a mask
    assert copied(1, 3) == [[1], [1], [1]]  # grey to colour
    assert copied(2, 3) == [[0.5, 0.5]] * 3


@pytest.mark.parametrize("name", ["unet", "residual"])
def test_nets_fit_other_sizes_than_they_were_made_for(name, rng):
    """Far from the border, a residual net gives the same for a part of an image as for the whole."""
    net = generator(name, (16, 16, 1), 1, 2, 1, rng=rng)
    x = images(rng, 1, 32, 24, 1)
    y = run(net, x)
    assert y.shape == x.shape
    if name == "residual":
        np.testing.assert_allclose(run(net, x[:, :16, :16])[:, :10, :10], y[:, :10, :10], atol=1e-6)
    else:
        with pytest.raises(ShapeError):
            run(net, x[:, :31])


@pytest.mark.parametrize("name", ["unet", "residual"])
def test_dropout_drops_only_in_training(name, rng):
    plain, noisy = (generator(name, (8, 8, 1), 1, 4, 2, rng=np.random.default_rng(1), dropout=d) for d in (False, True))
    assert any(isinstance(layer, Dropout) for layer in noisy.layers_below())
    assert not any(isinstance(layer, Dropout) for layer in plain.layers_below())
    x = images(rng, 2, 8, 8, 1)
    np.testing.assert_array_equal(run(noisy, x), run(plain, x))
    a, b = (run(noisy, x, True, np.random.default_rng(seed)) for seed in (0, 1))
    assert np.abs(a - b).max() > 0
    assert sum(isinstance(layer, Dropout) for layer in unet((32, 32, 1), 1, 1, rng, dropout=True).layers_below()) == 2


def test_no_image_sees_another_one(rng):
    for net in (unet((8, 8, 1), 1, 2, rng), residual_net((8, 8, 1), 1, 2, 1, rng), discriminator((8, 8, 1), 2, rng)):
        assert not any(layer.couples_samples for layer in net.layers_below())


@pytest.mark.parametrize(("side", "logits"), [(8, 2), (28, 7), (32, 8), (48, 6), (64, 8)])
def test_logits_are_one_per_patch(side, logits, rng):
    assert discriminator((side, side, 4), 2, rng).output_shape((side, side, 4)) == (logits, logits, 1)


def test_random_features_are_always_the_same():
    a, b = random_features(3), random_features(3)
    for (_, w), (_, v) in zip(a.parameters(), b.parameters(), strict=True):
        np.testing.assert_array_equal(w, v)
    assert a.output_shape((28, 28, 3)) == (7, 7, 32)


@pytest.mark.parametrize("scale", [3, 0, True, "2"])
def test_only_these_scales(scale, rng):
    with pytest.raises(ValueError, match="scale must be 1, 2 or 4"):
        residual_net((8, 8, 1), 1, 2, 1, rng, scale=scale)
    with pytest.raises(ValueError, match="unknown net 'u-net', did you mean 'unet'"):
        generator("u-net", (8, 8, 1), 1, 2, 1, rng=rng)
