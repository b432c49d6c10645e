"""The faults of chapter 13: planted they spoil what they should, and afterwards the package is as it was."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest

from scratchgan import gan as gan_module
from scratchgan.data import load
from scratchgan.exercises import bugs
from scratchgan.exercises.ch13 import DOUBLES, PATIENTS
from scratchgan.exercises.checking import find
from scratchgan.exercises.reports import REPORTS
from scratchgan.gradcheck import cases
from scratchgan.layers import fused
from scratchgan.losses import Wasserstein
from scratchgan.models import mlp_gan
from scratchgan.penalties import WganGp


def doubled_batch(rng):
    g = rng.standard_normal((5, 3))
    return np.isclose(WganGp()(g)[0], WganGp()(np.concatenate([g, g]))[0])


def high_is_real(rng):
    one, zero = np.ones((4, 1)), np.zeros((4, 1))
    return Wasserstein().discriminator(one, zero)[0] < Wasserstein().discriminator(zero, one)[0]


def d_stands_still(rng):
    gan = mlp_gan(2, 2, (4,))
    gan.d_gradients(rng.standard_normal((6, 2)).astype(np.float32), gan.noise(6))
    before = [w.copy() for _, w in gan.D.parameters()]
    gan.g_step(6)
    return all((w == kept).all() for (_, w), kept in zip(gan.D.parameters(), before, strict=True))


def eight_places(rng):
    return len(np.unique(load("ring").modes.round(6), axis=0)) == 8


QUESTIONS = {
    "two signs that cancel": high_is_real,
    "norm over the batch": doubled_batch,
    "D moves in G's turn": d_stands_still,
    "seven of eight modes": eight_places,
}


@pytest.mark.parametrize("fault", QUESTIONS)
def test_what_no_gradient_check_can_see_a_question_does(fault, rng):
    assert bugs.BUGS[fault].found_by == bugs.QUESTION
    with bugs.planted(fault):
        assert [name for name, asks in QUESTIONS.items() if not asks(rng)] == [fault]
        for case in cases.CASES:
            if case.name in ("Dense", "BatchNorm", "Wasserstein", "WganGp", "MLP GAN"):
                assert case.check().ok, case.name
    assert QUESTIONS[fault](rng)


def test_every_fault_that_gradcheck_cannot_see_has_its_question():
    assert set(QUESTIONS) == {name for name, bug in bugs.BUGS.items() if bug.found_by == bugs.QUESTION}


def contents(owner):
    return dict(owner) if isinstance(owner, dict) else dict(vars(owner))


@pytest.mark.parametrize("fault", bugs.BUGS)
def test_a_fault_leaves_nothing_behind_not_even_after_an_error(fault):
    owners = [owner for owner, _, _ in bugs.BUGS[fault].patches]
    before = [contents(owner) for owner in owners]
    patch = bugs.planted(fault)
    patch.__enter__()
    assert [contents(owner) for owner in owners] != before
    with pytest.raises(KeyError):
        patch.gen.throw(KeyError())
    assert [contents(owner) for owner in owners] == before


def test_layers_that_were_computed_together_are_not_while_a_fault_is_in_one_of_them(rng):
    net = mlp_gan(2, 2, (8,)).D
    kinds = lambda: [type(step) for _, step in fused.steps(net.children())]
    together = kinds()
    with bugs.planted("slope with a minus"):
        assert kinds() == [type(layer) for layer in net.layers]
    assert kinds() == together


def test_names_and_errors():
    assert set(bugs.names()) == set(bugs.BUGS)
    assert set(PATIENTS.values()) <= set(bugs.BUGS)
    with pytest.raises(ValueError, match="no fault 'mumps'; known: activations kept"), bugs.planted("mumps"):
        pass


def test_no_module_of_the_package_knows_of_them():
    root = Path(gan_module.__file__).parent
    knows = re.compile(r"^\s*(from|import) .*\bbugs\b", re.MULTILINE)
    others = [path for path in root.rglob("*.py") if path.parent.name != "exercises"]
    assert [path for path in others if knows.search(path.read_text())] == []


def test_the_reports_that_the_exercises_use_are_those_of_an_examination():
    assert set(REPORTS) == {name for letter in DOUBLES for name in (PATIENTS[letter], *DOUBLES[letter])}
    for fault, rows in REPORTS.items():
        assert bugs.examine(fault) == rows, fault
    assert bugs.examine() == []


def test_a_game_whose_turn_is_faulty_stays_so_when_it_is_copied():
    """`check` copies its arguments; a game's own copy would be a healthy one."""
    found = set()
    for given in find("13.who_moved").edges():
        right = find("13.who_moved").solution(copy.deepcopy(given)["gan"])
        assert right == find("13.who_moved").solution(given["gan"])
        found.add(right)
    assert found == {(True, True), (True, False), (False, True), (False, False)}
