"""Each kind of data answers the same questions, and each has the checksum that old checkpoints hold."""

import numpy as np
import pytest

from scratchgan.data import Data, Dataset, Density, checkerboard, gaussian_mixture_1d, ring, two_moons
from scratchgan.data.pairs import Pair
from scratchgan.runs import build
from scratchgan.runs.facts import facts_of, same_data
from scratchgan.runs.recipe import Recipe

IMAGES = np.linspace(-1, 1, 12).reshape(3, 2, 2, 1)
PLAIN = Dataset(IMAGES, name="tiny")
LABELLED = Dataset(IMAGES, np.array([0, 1, 1]), name="tiny", classes=("a", "b"))
PAIR = Pair(PLAIN, LABELLED, name="two")


@pytest.mark.parametrize(
    ("data", "kind", "shape", "n_classes", "classes"),
    [
        (PLAIN, "examples", (2, 2, 1), 0, ()),
        (LABELLED, "examples", (2, 2, 1), 2, ("a", "b")),
        (Dataset(np.zeros((4, 3))), "examples", (3,), 0, ()),
        (ring(), "density", (2,), 0, ()),
        (gaussian_mixture_1d(), "density", (1,), 0, ()),
        (two_moons(), "density", (2,), 0, ()),
        (PAIR, "pair", (2, 2, 1), 0, ()),
    ],
    ids=["images", "labels", "points", "ring", "mixture-1d", "two-moons", "pair"],
)
def test_each_kind_answers_the_same_questions(data, kind, shape, n_classes, classes):
    assert isinstance(data, Data)
    assert (data.kind, data.example_shape) == (kind, shape)
    assert (data.n_classes, data.classes) == (n_classes, classes)
    assert isinstance(data.name, str)


def test_what_is_no_data_is_none():
    assert not isinstance(IMAGES, Data)
    recipe, data = build.given_data(Recipe(), IMAGES)
    assert (data.kind, data.name, recipe.data) == ("examples", "array", "array (given to train by its caller)")
    for known in (PLAIN, ring(), PAIR):
        assert build.given_data(Recipe(), known)[1] is known


def test_the_kind_decides_the_stream(rng):
    recipe = Recipe(batch_size=2)
    for data in (PLAIN, ring()):
        assert build.data_stream(recipe, data).next().shape == (2, *data.example_shape)
    assert [x.shape for x in build.data_stream(recipe, PAIR).next()] == [(2, 2, 2, 1)] * 2


def test_a_density_of_ones_own_is_a_density():
    class Line(Density):
        def _draw(self, labels, rng):
            return np.stack([rng.random(len(labels)), np.zeros(len(labels))], axis=1)

    own = Line("line", "a line", (0, 1, -1, 1), [1.0])
    assert isinstance(own, Data)
    assert (own.kind, own.example_shape) == ("density", (2,))


#: computed before data had kinds: a checkpoint of that time holds them, and `resume` compares
CHECKSUMS = [
    (PLAIN, "285c7efe36cbd24b0db83045978b8b077db39d4c76a5d4f4c8af12b4f3881308"),
    (LABELLED, "c836db1249fd659a05a05c87b7e21a1be5024edbf5d9f9ebce140740857255cb"),
    (Dataset(np.arange(6.0).reshape(3, 2)), "5addc43a2c2f15c0771e0f1a7879ecec687ba86887c3a3d90dce4a58a695949a"),
    (checkerboard(), "dad9a4cced73a4fe308cebcd54fe49c017173e6bc8a51c68be9bae7c3155c645"),
    (gaussian_mixture_1d(), "48e979863b97663a99cc7c7e4b7f559d35575223c4a635ea2f236811a657ea48"),
    (PAIR, "ea21b2be645d5b8d473f3c74f689dd4274731548bf24f414165fdf22da72990f"),
]


@pytest.mark.parametrize(("data", "expected"), CHECKSUMS, ids=lambda v: getattr(v, "name", ""))
def test_checksums_are_those_of_old_checkpoints(data, expected):
    assert same_data({"data": expected}, facts_of(data), data)
    assert not same_data({"data": expected[::-1]}, facts_of(data), data)


def test_a_checksum_knows_what_counts():
    def checksum(data):
        return facts_of(data).sha256

    other = Dataset(IMAGES, np.array([0, 1, 0]), name="tiny", classes=("a", "b"))
    renamed = Dataset(IMAGES, np.array([0, 1, 1]), name="another name")
    assert checksum(other) != checksum(LABELLED) == checksum(renamed)
    assert checksum(Pair(PLAIN, other, name="two")) != checksum(PAIR)
    assert checksum(Pair(PAIR.a, PAIR.b, name="another name")) == checksum(PAIR)
    assert checksum(ring(7)) != checksum(ring())
