"""The search that fills a hole with a GAN's latent space: (Completion.1) to (Completion.4)."""

import math

import numpy as np
import pytest

from scratchgan.core import ShapeError
from scratchgan.gradcheck import check
from scratchgan.models import cgan, dcgan, infogan, mlp_gan
from scratchgan.models.completion import Completion, complete

pytestmark = pytest.mark.usefixtures("one_thread")


def game(**options):
    return mlp_gan(**{"data_shape": (6, 6, 1), "latent_dim": 4, "hidden": (16,), "seed": 3, **options})


def left_half(side=6):
    hole = np.zeros((side, side), bool)
    hole[:, : side // 2] = True
    return hole


def test_an_image_of_the_gan_itself_is_found_again():
    gan = game()
    x = gan.sample(1, seed=5)[0]
    found = complete(gan, np.where(left_half()[..., None], 1.0, x), left_half(), weight=0.0, starts=8, steps=300)
    assert found.errors[-1].min() < 0.02 < 0.3 < found.errors[0].mean()
    assert np.abs(found.image - x).max() < 0.25  # the hole too, which the search has not seen
    best = found.errors[-1].argmin()
    np.testing.assert_allclose(found.errors[-1, best], np.abs(found.made - x)[:, 3:].mean(), rtol=1e-4)
    np.testing.assert_allclose(gan.generate(found.z[None])[0], found.made, atol=1e-5)


def test_known_pixels_are_those_of_the_image_bit_for_bit(rng):
    gan, x, hole = game(), rng.uniform(-1, 1, (6, 6, 1)).astype(np.float32), rng.random((6, 6)) < 0.3
    found = complete(gan, x, hole, steps=3)
    assert (found.image[~hole] == x[~hole]).all()
    assert (found.image[hole] == found.made[hole]).all()
    assert found.image.dtype == np.float32


def test_what_is_in_the_hole_plays_no_part(rng):
    gan, hole = game(), left_half()
    x = rng.uniform(-1, 1, (6, 6, 1)).astype(np.float32)
    other = np.where(hole[..., None], -x, x)
    one, two = complete(gan, x, hole, steps=20), complete(gan, other, hole, steps=20)
    assert (one.image == two.image).all()


def test_the_same_seed_gives_the_same_bits_and_the_gan_does_not_change(rng):
    gan, x = game(), rng.uniform(-1, 1, (6, 6, 1)).astype(np.float32)
    before = {name: array.copy() for name, array in gan.state().items()}
    one, two, three = (complete(gan, x, left_half(), steps=10, seed=seed) for seed in (1, 1, 2))
    assert (one.errors == two.errors).all()
    assert (one.image == two.image).all()
    assert (one.errors != three.errors).any()
    assert all((array == before[name]).all() for name, array in gan.state().items())
    assert (one.errors[-1] < one.errors[0]).all()


def test_starts_do_not_see_each_other(rng):
    gan, x = game(), rng.uniform(-1, 1, (6, 6, 1)).astype(np.float32)
    many = complete(gan, x, left_half(), steps=10, starts=4)
    one = complete(gan, x, left_half(), steps=10, starts=1)
    np.testing.assert_allclose(many.errors[:, 0], one.errors[:, 0], rtol=1e-4)


def test_the_objective_is_the_sum_of_its_two_terms(rng):
    gan, x, Z = game(packing=2), rng.uniform(-1, 1, (6, 6, 1)).astype(np.float32), rng.standard_normal((3, 4))
    Z = Z.astype(np.float32)
    value, error, _ = Completion(gan, x, left_half(), weight=2.5).gradients(Z)
    made = gan.generate(Z)
    p = np.array([gan.probability(y[None])[0] for y in made])  # of packs of copies
    np.testing.assert_allclose(error, np.abs(made - x)[:, :, 3:].mean(axis=(1, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(value, error - 2.5 * np.log(p), rtol=1e-4)


def test_the_averaged_weights_are_searched(rng):
    gan = game(ema_decay=0.9)
    for _, w in gan.G.parameters():
        w += 1
    Z = rng.standard_normal((2, 4)).astype(np.float32)
    objective = Completion(gan, np.zeros((6, 6, 1)), left_half())
    np.testing.assert_allclose(objective.made(Z), gan.generate(Z), atol=1e-6)


@pytest.mark.parametrize("build", [cgan, infogan])
def test_a_label_is_given_to_both_nets(build, rng):
    gan = build(image_size=8, width=2, latent_dim=3, dense=4, classes=3)
    hole, Z = left_half(8), rng.standard_normal((2, 3)).astype(np.float32)
    x = rng.uniform(-1, 1, (8, 8, 1)).astype(np.float32)
    values = []
    for label in (0, 1):
        objective = Completion(gan, x, hole, label=label)
        np.testing.assert_allclose(objective.made(Z), gan.generate(Z, label), atol=1e-6)
        value, error, dZ = objective.gradients(Z)
        assert dZ.shape == (2, 3)
        p = gan.probability(gan.generate(Z, label), label)
        np.testing.assert_allclose(value, error - 0.1 * np.log(p), rtol=1e-4)
        values.append(value)
    assert (values[0] != values[1]).all()
    assert complete(gan, x, hole, label=1, steps=2).z.shape == (3,)


@pytest.mark.parametrize(
    "fault",
    ["no known mask", "no sign", "D's sign", "weight on both", "one copy"],
    ids=lambda fault: fault.replace(" ", "-"),
)
def test_a_planted_fault_is_caught(fault, rng):
    class Wrong(Completion):
        def gradients(self, Z):
            if fault == "no known mask":
                value, error, _ = super().gradients(Z)
                known, self.known = self.known, np.ones_like(self.known)
                dZ = super().gradients(Z)[2]
                self.known = known
                return value, error, dZ
            value, error, dZ = super().gradients(Z)
            if fault == "weight on both":
                dZ = dZ * 0.7
            if fault == "no sign":
                dZ = np.abs(dZ)
            return value, error, dZ

        def _dislike(self, made):
            value, d_made = super()._dislike(made)
            if fault == "D's sign":
                return value, -d_made
            return value, d_made / 2 if fault == "one copy" else d_made

    gan = game(packing=2)
    x, Z = rng.uniform(-1, 1, (6, 6, 1)), rng.standard_normal((2, 4))
    assert check(Completion(gan, x, left_half(), weight=0.7), Z).ok
    assert not check(Wrong(gan, x, left_half(), weight=0.7), Z).ok


def test_what_does_not_fit(rng):
    gan, x = game(), np.zeros((6, 6, 1))
    for options, error, words in (
        ({"x": np.zeros((5, 6, 1))}, ShapeError, "expected an image"),
        ({"hole": np.ones((6, 5), bool)}, ShapeError, "expected an image"),
        ({"hole": np.ones((6, 6), bool)}, ValueError, "known pixels around it"),
        ({"hole": np.zeros((6, 6), bool)}, ValueError, "expected a hole"),
        ({"label": 1}, ValueError, "takes no label"),
        ({"weight": -1.0}, ValueError, "weight"),
        ({"weight": math.nan}, ValueError, "weight"),
        ({"steps": 0}, ValueError, "steps"),
        ({"starts": 0}, ValueError, "starts"),
        ({"seed": -1}, ValueError, "seed"),
    ):
        with pytest.raises(error, match=words):
            complete(gan, **{"x": x, "hole": left_half(), **options})
    with pytest.raises(ValueError, match="images from noise"):
        complete(mlp_gan(2, 2, (4,)), x, left_half())
    with pytest.raises(ValueError, match=r"expected a label in 0\.\.2"):
        complete(cgan(image_size=8, width=2, latent_dim=3, dense=4, classes=3), np.zeros((8, 8, 1)), left_half(8))
    gan = dcgan(image_size=8, width=2, latent_dim=3, dense=4)
    for _, w in gan.G.parameters():
        w[...] = np.nan
    with pytest.raises(ValueError, match="no search stayed finite"), np.errstate(all="ignore"):
        complete(gan, np.zeros((8, 8, 1)), left_half(8), steps=1)
