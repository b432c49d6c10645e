"""The GAN at the end of chapter 04 consists of NumPy and the learner's functions, whatever their form."""

import json

import numpy as np
import pytest
from course.answers import tables

from benchmarks import capstone
from scratchgan.exercises.checking import find

if not capstone.CHAPTER.is_file():
    pytest.skip("no notebooks here", allow_module_level=True)
RIGHT, _ = tables()
FORMS = {
    "layer_forward": ("03.dense_forward", "row by row"),
    "layer_backward": ("03.dense_backward", "sample by sample"),
    "bend_backward": ("03.leaky_relu_backward", "a mask"),
    "adam": ("04.adam_step", "scaled"),
}


def test_it_needs_nothing_but_numpy_the_ring_and_the_learners_functions():
    code = capstone.code()
    assert "import" not in code
    assert "scratchgan" not in code
    assert 45 <= sum(bool(line.strip()) for line in code.splitlines()) <= 65
    made = capstone.names()
    for name in capstone.FUNCTIONS:
        with pytest.raises(TypeError, match="not callable"):
            capstone.names(**{name: None})["ring_gan"](0, steps=2)
    assert {len(pair) for pair in made["ring_gan"](0, steps=4).values()} == {2}


def test_answers_in_other_forms_give_the_same_gan():
    called = dict.fromkeys(FORMS, 0)

    def own(name):
        exercise, form = FORMS[name]
        parameters = find(exercise).given(np.random.default_rng(0))

        def function(*args):
            called[name] += 1
            return RIGHT[exercise][form](**dict(zip(parameters, args, strict=True)))

        return function

    a = capstone.names()["ring_gan"](3, steps=6, N=16)
    b = capstone.names(**{name: own(name) for name in FORMS})["ring_gan"](3, steps=6, N=16)
    for step in a:
        np.testing.assert_allclose(b[step][0], a[step][0], atol=1e-8)
        np.testing.assert_allclose(b[step][1], a[step][1], atol=1e-8)
    assert all(called.values())


def test_the_committed_result_has_at_least_seven_modes_on_five_seeds():
    rows = json.loads(capstone.RESULTS.read_text())["as_it_is"]
    assert [row["seed"] for row in rows] == [0, 1, 2, 3, 4]
    assert min(row["end"]["modes"] for row in rows) >= 7
