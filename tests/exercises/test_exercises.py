"""Every exercise: the stub is not solved yet, the solution passes, and each known mistake gets its own hint."""

import sys

import numpy as np
import pytest

from scratchgan.exercises import check, names
from scratchgan.exercises.checking import OPEN, SOLVED, WRONG, find

ALL = [find(name) for name in names()]
MISTAKES = [(exercise, hint) for exercise in ALL for hint in exercise.mistakes]


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.name)
def test_the_stub_is_not_solved_yet_and_the_solution_passes(exercise):
    def later(**given):
        raise NotImplementedError

    for stub in (lambda **given: ..., lambda **given: None, later):
        assert check(exercise.name, stub).status == OPEN
    for seed in range(5):
        assert check(exercise.name, exercise.solution, seed=seed).status == SOLVED


@pytest.mark.parametrize(("exercise", "hint"), MISTAKES, ids=lambda v: getattr(v, "name", v)[:60])
def test_a_known_mistake_gets_its_own_hint(exercise, hint):
    for seed in range(5):
        verdict = check(exercise.name, exercise.mistakes[hint], seed=seed)
        assert verdict.status == WRONG
        assert verdict.hint.startswith(hint)


def test_there_are_many_known_mistakes_and_no_two_say_the_same():
    assert len(MISTAKES) >= 12
    for exercise in ALL:
        assert exercise.ask
        assert exercise.name[:2].isdecimal()
        assert exercise.about


def test_unknown_mistakes_are_described():
    solution = find("03.dense_backward").solution

    def told(change):
        return check("03.dense_backward", lambda dy, x, W: change(*solution(dy, x, W), dy, x), seed=1).hint

    assert "dx has the wrong sign" in told(lambda dx, dW, db, dy, x: (-dx, dW, db))
    assert "Every entry of dx is 5 times (the length of dy) what it should be" in told(
        lambda dx, dW, db, dy, x: (5 * dx, dW, db)
    )
    assert "1/5 of (the length of dy is 5) what it" in told(lambda dx, dW, db, dy, x: (dx / 5, dW, db))
    assert "3.7 times what it should be" in told(lambda dx, dW, db, dy, x: (3.7 * dx, dW, db))
    assert "dx has the shape (4, 5), expected (5, 4): is something transposed?" in told(
        lambda dx, dW, db, dy, x: (dx.T, dW, db)
    )
    assert "do not sum it over the batch" in told(lambda dx, dW, db, dy, x: (dx.sum(axis=0), dW, db))
    assert "95% of the entries of dx are right; the first wrong one is at [2, 1]; your function returned" in told(
        lambda dx, dW, db, dy, x: (dx + (np.arange(dx.size) == min(9, dx.size - 1)).reshape(dx.shape), dW, db)
    )
    assert "the right shape, but no entry is right: the first wrong one is at [0, 0]; your function returned " in told(
        lambda dx, dW, db, dy, x: (dx**2, dW, db)
    )
    assert "not finite" in told(lambda dx, dW, db, dy, x: (dx * np.inf, dW, db))
    assert "It should return 3 values, dx, dW, db; it returns 2" in told(lambda dx, dW, db, dy, x: (dx, dW))
    assert "dx is complex" in told(lambda dx, dW, db, dy, x: (dx + 1j, dW, db))
    assert "the dtype int64, which cuts off" in told(lambda dx, dW, db, dy, x: (dx.astype(np.int64), dW, db))
    assert "the shape (), expected (4,)" in told(lambda dx, dW, db, dy, x: (dx, dW, 0.0))


def test_a_missing_axis_of_length_1_is_not_called_a_sum_over_the_batch():
    right = find("02.g_loss_gradient").solution
    hint = check("02.g_loss_gradient", lambda fake_logits: right(fake_logits)[:, 0]).hint
    assert "the shape (5,), expected (5, 1): an axis of length 1 is missing" in hint


def test_a_wrong_number_is_called_a_multiple_only_if_the_factor_is_simple_and_the_same_twice():
    right = find("01.value_of_game").solution
    hint = lambda wrong: check("01.value_of_game", wrong).hint
    assert "V is 2 times what it should be" in hint(lambda d_real, d_fake: 2 * right(d_real, d_fake))
    assert "V is 1/8 of (the length of d_real is 8)" in hint(lambda d_real, d_fake: right(d_real, d_fake) / 8)
    for wrong in (
        lambda d_real, d_fake: 1.3 * right(d_real, d_fake),
        lambda d_real, d_fake: right(d_real, d_fake) + 1,
        lambda d_real, d_fake: np.mean(d_real) + np.mean(d_fake),
    ):
        for _ in range(20):
            assert "V is wrong: for one input of the check, your function returned" in hint(wrong)


def test_values_count_not_their_dtype():
    right = find("03.leaky_relu_backward").solution
    assert check("03.leaky_relu_backward", lambda dy, x, slope: right(dy, x, slope).astype(np.float32)).ok
    assert check("04.labels", lambda turn, N: np.full((N, 1), int(turn == "G"))).ok
    for share in (1.001, 1.02):  # three digits, as float16 has them, are not enough
        wrong = lambda dy, x, slope, share=share: (share * right(dy, x, slope)).astype(np.float16)
        assert not check("03.leaky_relu_backward", wrong).ok


def test_a_forgotten_return_is_told():
    def js(p, q):
        print("JS", (p * q).sum())

    assert "returns nothing: is there a `return`" in check("01.js", js).hint

    def skeleton(p, q):
        """Your task."""
        ...  # your code

    assert check("01.js", skeleton).status == OPEN


def test_what_a_students_code_raises_does_not_stop_the_notebook():
    assert check("01.js", lambda p, q: p[99]).hint.startswith("It raised IndexError")
    assert "arguments (p, q)" in check("01.js", _js).hint
    assert check("01.js", lambda p, q: sys.exit(3)).hint.startswith("It raised SystemExit")
    with pytest.raises(TypeError, match="without brackets"):
        check("01.js", 0.5)
    with pytest.raises(ValueError, match=r"did you mean '01\.js'"):
        check("01.jss", lambda p, q: 0)


def _js(p):
    return 0.0


_js.__qualname__ = _js.__name__ = "js"


def test_a_students_function_cannot_change_the_input_that_it_is_judged_by():
    def spoil(p, q):
        result = p / (p + q)
        p[...] = 0
        return result

    assert check("01.optimal_d", spoil).status == SOLVED


def test_an_answer_for_one_input_only_does_not_pass():
    kept = []

    def lazy(p, q):
        kept.append(p / (p + q))
        return kept[0]

    assert check("01.optimal_d", lazy).status == WRONG


def test_a_verdict_shows_itself():
    verdict = check("01.optimal_d", lambda p, q: q / (p + q))
    assert str(verdict).startswith("01.optimal_d: not right yet.  That is the probability of *fake*")
    assert "border-left" in verdict._repr_html_()
    assert not verdict.ok


@pytest.mark.parametrize("name", names())
def test_an_answer_a_few_tolerances_off_is_not_right(name):
    """Half a tolerance off is still right, and three tolerances off are not."""
    exercise = find(name)
    rng = np.random.default_rng(0)
    expected = exercise.solution(**exercise.given(np.random.default_rng(5)))
    first = np.asarray(expected[0] if len(exercise.returns) > 1 else expected)
    if first.dtype.kind != "f" or not np.isfinite(first).all():
        return

    def off(tolerances):
        def answer(**given):
            result = exercise.solution(**given)
            first = np.array(result[0] if len(exercise.returns) > 1 else result)
            at = np.unravel_index(int(np.abs(first).argmax()), first.shape)
            first[at] *= 1 + tolerances * exercise.tolerance
            moved = first if first.ndim else first[()]
            return (moved, *result[1:]) if len(exercise.returns) > 1 else moved

        return check(name, answer, seed=int(rng.integers(99)))

    assert off(0.5).ok
    assert not off(3).ok
