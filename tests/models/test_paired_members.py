"""pix2pix, SRGAN, context encoder and enhancer: what each fixes, and where its constants come from."""

import numpy as np
import pytest

from scratchgan.models import (
    MODELS,
    Constant,
    base_of,
    build,
    constants,
    context_encoder,
    enhancer,
    method_of,
    options_of,
    paired,
    pix2pix,
    srgan,
)

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = [name for name, builder in MODELS.items() if base_of(builder) is paired and builder is not paired]


def test_these_are_the_members():
    assert NAMES == ["pix2pix", "srgan", "context-encoder", "enhancer"]
    assert [MODELS[name] for name in NAMES] == [pix2pix, srgan, context_encoder, enhancer]


@pytest.mark.parametrize("name", NAMES)
def test_every_constant_in_the_table_is_what_the_builder_uses(name):
    options, method = options_of(MODELS[name]), method_of(MODELS[name])
    rows = constants(name)
    assert rows
    assert all(isinstance(row, Constant) for row in rows)
    assert len({row.key for row in rows}) == len(rows)
    for row in rows:
        assert all(isinstance(text, str) and text for text in (row.key, row.paper, row.code)), row
        if row.key in options:
            assert row.ours == {**options, **method}[row.key], row
            assert type(row.ours) is type({**options, **method}[row.key]), row
        else:
            assert isinstance(row.ours, str), row


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_that_differs_from_the_paper_has_a_reason(name):
    for row in constants(name):
        try:
            same = float(row.paper) == row.ours
        except ValueError:
            continue
        assert same or row.why, row


@pytest.mark.parametrize("name", NAMES)
def test_every_number_that_a_member_fixes_is_in_the_table_or_plain(name):
    """What a method changes of the builder's defaults is explained; "off" needs no explanation."""
    listed, options = {row.key for row in constants(name)}, options_of(MODELS[name])
    for key, value in method_of(MODELS[name]).items():
        assert key in listed or value in (0, "none", "unet", "residual") or value == options[key], key


def test_models_without_a_table_have_an_empty_one_and_unknown_ones_are_named():
    assert constants("dcgan") == constants("paired") == ()
    with pytest.raises(ValueError, match="did you mean 'pix2pix'"):
        constants("pixpix")


def weights_of(game):
    return game.content_weight, game.adversarial_weight


def test_pix2pix_is_a_conditional_gan_and_100_l1():
    game = pix2pix(32, 3, input_channels=1, width=2, d_width=2)
    assert weights_of(game) == (100, 1)
    assert (game.content.__name__, game.loss.name, game.d_sees, game.noise) == (
        "l1",
        "non-saturating",
        "pair",
        "dropout",
    )
    assert (game.input_shape, game.data_shape) == ((32, 32, 1), (32, 32, 3))


def test_srgan_enlarges_four_times_after_a_phase_of_content():
    game = srgan(48, 3, width=2, d_width=2)
    assert (game.input_shape, game.data_shape) == ((12, 12, 3), (48, 48, 3))
    assert weights_of(game) == (1, 1e-3)
    assert game.pretrain > 0
    assert game.feature_weight > 0
    assert srgan(28, 1, width=2, d_width=2).input_shape == (7, 7, 1)


def test_a_context_encoder_fills_holes_and_nothing_else():
    game = context_encoder(28, 1, width=2, d_width=2)
    assert weights_of(game) == (0.999, 0.001)
    assert (game.composite, game.d_sees, game.content.__name__) == (True, "hole", "l2")
    assert (game.input_shape, game.data_shape) == ((28, 28, 2), (28, 28, 1))
    assert game.g_optimizer.lr == 10 * game.d_optimizer.lr
    with_context = context_encoder(32, 3, width=2, d_width=2, d_sees="pair", composite=True)
    assert (with_context.composite, with_context.D.layers[0].Ci) == (True, 7)


def test_an_enhancer_has_no_opponent_unless_it_is_given_one():
    game = enhancer(16, 3, input_channels=1, width=2, d_width=2)
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(-1, 1, (2, *shape)).astype(np.float32) for shape in (game.input_shape, game.data_shape))
    before = [w.copy() for _, w in game.D.parameters()]
    assert game.train_step((x, y))["adversarial"] == 0
    assert all(np.array_equal(w, old) for (_, w), old in zip(game.D.parameters(), before, strict=True))
    assert enhancer(16, 3, width=2, d_width=2, adversarial_weight=0.1).train_step((y, y))["adversarial"] > 0


@pytest.mark.parametrize("name", [*NAMES, "paired"])
def test_each_is_built_by_its_name_with_any_size_and_takes_a_step(name):
    game = build(name, image_size=16, channels=1, width=2, d_width=2, seed=3)
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(-1, 1, (2, *shape)).astype(np.float32) for shape in (game.input_shape, game.data_shape))
    report = game.train_step((x, y))
    assert np.isfinite(list(report.values())).all()
    assert game.apply(x).shape == y.shape
    with pytest.raises(ValueError, match="unknown option 'hidden'"):
        build(name, hidden=(3,))
