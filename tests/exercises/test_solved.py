"""`solved`: the learner's own function if it is right, otherwise the package's, which no check takes for an answer."""

import numpy as np
import pytest

from scratchgan.exercises import check, solved
from scratchgan.exercises.borrowed import Borrowed
from scratchgan.exercises.checking import OPEN

ARGUMENTS = np.ones((2, 3)), np.ones((3, 1)), np.zeros(1)


def test_a_right_function_of_ones_own_is_used(capsys):
    def dense_forward(x, W, b):
        print("noise")
        return np.einsum("ni,io->no", x, W) + b

    assert solved("03.dense_forward", locals()) is dense_forward
    assert capsys.readouterr().out.split() == ["03.dense_forward", "yours"]


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (None, "there is none of yours here"),
        ("dense", "there is none of yours here"),
        (lambda x, W, b: ..., "yours is not solved yet"),
        (lambda x, W, b: x @ W, "yours is not right yet"),
        (lambda x: x, "yours is not right yet"),
        (Borrowed("03.dense_forward"), "there is none of yours here"),
    ],
)
def test_otherwise_the_packages_and_it_says_why(own, why, capsys):
    function = solved("03.dense_forward", {"dense_forward": own})
    assert f"the package's: {why}" in capsys.readouterr().out
    np.testing.assert_array_equal(function(*ARGUMENTS), [[3.0], [3.0]])


def test_it_looks_in_the_notebook_that_calls_it(capsys):
    notebook = {"solved": solved, "np": np}
    exec("def dense_forward(x, W, b):\n    return x @ W + b\nmine = solved('03.dense_forward')", notebook)
    assert notebook["mine"] is notebook["dense_forward"]


def test_a_borrowed_function_is_no_answer():
    borrowed = solved("03.dense_forward", {})
    assert check("03.dense_forward", borrowed).status == OPEN
    with pytest.raises(NotImplementedError, match="in order, not by name"):
        borrowed(x=ARGUMENTS[0], W=ARGUMENTS[1], b=ARGUMENTS[2])
    assert "the package's 03.dense_forward" in repr(borrowed)


def test_an_unknown_exercise():
    with pytest.raises(ValueError, match=r"did you mean '03\.dense_forward'"):
        solved("03.dense_forwards", {})
