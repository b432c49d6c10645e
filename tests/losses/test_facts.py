"""What a loss says about itself is true of its values and derivatives."""

import inspect
import math
import re

import numpy as np
import pytest

from scratchgan import losses
from scratchgan.losses import LOSSES, Loss, Minimax, NonSaturating, Pointwise

EACH = [make() for make in LOSSES.values()] + [Minimax(0.1), NonSaturating(0.3)]
NAMES = [f"{loss.name}{getattr(loss, 'label_smoothing', 0) or ''}" for loss in EACH]
each = pytest.mark.parametrize("loss", EACH, ids=NAMES)


@each
def test_rest_is_where_the_game_rests(loss):
    """At p = q, the value at the output that is named; where none is named, any constant in [-1, 1] gives it."""
    rest = loss.rest
    outputs = [0.3, -0.7] if rest.output is None else [rest.output]
    for output in outputs:
        logit = math.log(output / (1 - output)) if loss.gives_probability else output
        same = np.full((5, 1), logit)
        value, d_real, d_fake = loss.discriminator(same, same)
        np.testing.assert_allclose(d_real + d_fake, 0, atol=1e-15)
        assert rest.d_loss == pytest.approx(value, abs=1e-14)
        if rest.g_loss is not None:
            assert rest.g_loss == pytest.approx(loss.generator(same, same)[0], abs=1e-14)
        np.testing.assert_allclose(loss.output(same), output, rtol=1e-14)


@each
def test_optimal_logit_is_the_least_loss_at_every_point(loss):
    p, q = np.array([0.7, 0.1, 0.4, 1e-3]), np.array([0.2, 0.6, 0.4, 0.9])
    best = loss.optimal_logit(np.log(p), np.log(q))
    assert (best is None) == (loss.optimal_formula == "")
    if best is None:
        return
    assert isinstance(loss, Pointwise)
    cost = lambda c: p * loss.real_term(c)[0] + q * loss.fake_term(c)[0]
    for step in (1e-3, -1e-3, 0.5, -0.5):
        assert (cost(best + step) >= cost(best) - 1e-15).all()
    if not getattr(loss, "label_smoothing", 0):
        np.testing.assert_allclose(best[2], loss.undecided, atol=1e-15)


@each
def test_optimal_logit_where_a_density_is_zero(loss):
    best = loss.optimal_logit(np.array([0.0, -np.inf, -np.inf]), np.array([-np.inf, 0.0, -np.inf]))
    if best is not None:
        assert best[0] > best[1]
        assert np.isnan(best[2])


@each
def test_undecided_lies_between_what_d_says_of_real_and_fake(loss):
    if loss.undecided is None:
        assert loss.undecided_output is None
        return
    middle = np.array([[loss.undecided]])
    assert loss.discriminator(middle, middle)[1] < 0 < loss.discriminator(middle, middle)[2]
    assert loss.undecided_output == loss.output(middle)[0, 0]


@each
def test_a_loss_without_a_least_value_says_so(loss):
    far = np.full((2, 1), 1e4)
    assert loss.needs_constraint == (loss.discriminator(far, -far)[0] < -1e3)


def test_only_losses_with_labels_are_smoothed():
    assert losses.smoothing() == ("minimax", "non-saturating")
    for name, make in LOSSES.items():
        assert ("label_smoothing" in inspect.signature(make).parameters) == (name in losses.smoothing())


def test_names_are_those_of_the_imports_in_their_order():
    lines = inspect.getsource(losses).splitlines()
    files = [line.split()[1][1:] for line in lines if re.match(r"from \.(?!\.|base )", line)]
    assert list(dict.fromkeys(make.__module__.rsplit(".", 1)[1] for make in LOSSES.values())) == files
    assert list(LOSSES)[:2] == ["minimax", "non-saturating"]  # two losses of one file: in its order
    assert all(getattr(losses, make.__name__) is make for make in LOSSES.values())


def test_a_loss_that_says_nothing_knows_nothing():
    bare = Loss()
    assert bare.rest == (None, None, None)
    assert bare.optimal_logit(np.zeros(2), np.zeros(2)) is None
    assert (bare.symbol, bare.output_name, bare.undecided_output) == ("C(x)", "critic C(x)", None)
    l = np.array([[-2.0]])
    assert bare.output(l) is l
