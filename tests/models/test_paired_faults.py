"""Planted faults: an audit that writes the losses of the game with pairs out once more finds each of them."""

import numpy as np
import pytest

from scratchgan.layers import Concat, ConvTranspose2D, LeakyReLU, Sequential
from scratchgan.models import paired, paired_game, paired_nets, paired_views
from scratchgan.models.paired_game import PairedGAN

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIONS = {
    "content_weight": 3.0,
    "adversarial_weight": 0.8,
    "feature_weight": 0.5,
    "perceptual_weight": 0.2,
    "image_size": 8,
    "channels": 1,
    "width": 2,
    "d_width": 2,
    "dtype": np.float64,
}


def features_and_logits(D, s):
    """D's activations and logits, one layer after the other."""
    found = []
    for layer in D.layers:
        s, _ = layer.forward(s, train=True)
        if isinstance(layer, LeakyReLU):
            found.append(s)
    return found, s


def losses(game, x, y, d_sees):
    """(L_G, L_D) from the formulas in the docstring of models/paired_game.py, in plain NumPy."""
    g, _ = game.G.forward(x, train=True)
    mask = (x[..., -1:] > 0).astype(float) if game.composite else np.ones_like(y)
    u = mask * g + (1 - mask) * x[..., : y.shape[-1]]
    see = lambda v: np.concatenate({"pair": [x, v], "hole": [mask * v, x[..., -1:]]}[d_sees], axis=-1)
    (h_real, r), (h_fake, f) = features_and_logits(game.D, see(y)), features_and_logits(game.D, see(u))
    phi = lambda v: game.features.forward(v, train=False)[0]
    softplus = lambda a: np.logaddexp(0, a).mean()
    l_g = (
        3.0 * (np.abs(u - y) * mask).sum() / mask.sum()
        + 0.8 * softplus(-f)
        + 0.5 * sum(np.abs(a - b).mean() for a, b in zip(h_fake, h_real, strict=True))
        + 0.2 * ((phi(u) - phi(y)) ** 2).mean()
    )
    return l_g, softplus(-r) + softplus(f)


def audit(d_sees):
    """What is wrong with the game: values and slopes of both losses, and whether the U-Net's skip is there."""
    rng, wrong = np.random.default_rng(3), []
    game = paired(**OPTIONS, d_sees=d_sees)
    for net in (game.G, game.D):
        for _, w in net.parameters():
            w += 0.3 * rng.standard_normal(w.shape)
    x, y = rng.uniform(-1, 1, (2, 3, *game.data_shape))
    if game.composite:
        holes = np.full_like(x, -1)
        holes[:, 2:6, 3:7] = 1
        y = np.where(holes > 0, y, x)
        x = np.concatenate([x, holes], axis=-1)
    u, _ = game.make(x)
    for k, (player, net, value) in enumerate(
        (
            ("G", game.G, lambda: game.g_gradients(x, y, *game.make(x))["g_loss"]),
            ("D", game.D, lambda: game.d_gradients(x, y, u)["d_loss"]),
        )
    ):
        reported = value()
        gradients = [g.copy() for _, g in net.gradients()]
        if abs(reported - losses(game, x, y, d_sees)[k]) > 1e-9:
            wrong.append(f"the value of {player}'s loss")
        for _ in range(3):
            directions = [rng.standard_normal(w.shape) for _, w in net.parameters()]
            by_hand = sum(float((g * v).sum()) for g, v in zip(gradients, directions, strict=True))
            at, h = [], 1e-7
            for step in (h, -2 * h, h):
                for (_, w), v in zip(net.parameters(), directions, strict=True):
                    w += step * v
                at.append(losses(game, x, y, d_sees)[k])
            if abs(by_hand - (at[0] - at[1]) / (2 * h)) > 1e-5 * max(1, abs(by_hand)):
                wrong.append(f"the gradient of {player}'s loss")
                break
    if not game.composite:
        (up,) = (layer for layer in game.G.layers_below() if isinstance(layer, ConvTranspose2D))
        up.params["W"][...] = 0  # nothing comes from below
        if np.array_equal(game.make(x)[0], game.make(-x)[0]):
            wrong.append("the U-Net's skip")
    return wrong


@pytest.mark.parametrize("d_sees", ["pair", "hole"])
def test_the_audit_finds_nothing_wrong(d_sees):
    assert audit(d_sees) == []


class Nothing(Sequential):
    """A branch that passes zeros on."""

    def forward(self, x, **options):
        return np.zeros_like(x), super().forward(x, **options)[1]


def skip_dropped(patch):
    patch(paired_nets, "Concat", lambda branches: Concat([Nothing([]), *branches[1:]]))


def mask_inverted(patch):
    patch(paired_game, "hole", lambda x: x[..., -1:] < 0)
    patch(paired_views, "hole", lambda x: x[..., -1:] < 0)


def mask_inverted_on_the_way_back(patch):
    show, _, channels = paired_views.VIEWS["hole"]
    patch.setitem(
        paired_views.VIEWS, "hole", (show, lambda ds, x: np.where(x[..., -1:] < 0, ds[..., :-1], 0), channels)
    )


def weight_on_the_wrong_term(patch):
    terms = PairedGAN.terms_of_d

    def swapped(self, x, y, u):
        a, b = self.adversarial_weight, self.feature_weight
        self.adversarial_weight, self.feature_weight = b, a
        try:
            return terms(self, x, y, u)
        finally:
            self.adversarial_weight, self.feature_weight = a, b

    patch(PairedGAN, "terms_of_d", swapped)


def content_s_weight_forgotten(patch):
    content = PairedGAN.content_term

    def unweighted(self, x, y, u):
        value, slope = content(self, x, y, u)
        return value, slope / self.content_weight

    patch(PairedGAN, "content_term", unweighted)


def real_and_made_swapped(patch):
    turn = PairedGAN.d_gradients
    patch(PairedGAN, "d_gradients", lambda self, x, y, u: turn(self, x, u, y))


def x_missing(patch):
    _, back, channels = paired_views.VIEWS["pair"]
    patch.setitem(
        paired_views.VIEWS, "pair", (lambda x, v: np.concatenate([np.zeros_like(x), v], axis=-1), back, channels)
    )


def gradient_of_the_wrong_channels(patch):
    show, _, channels = paired_views.VIEWS["pair"]
    patch.setitem(paired_views.VIEWS, "pair", (show, lambda ds, x: ds[..., : -x.shape[-1]], channels))


def features_only_through_the_last_layer(patch):
    back = paired_views.back_through
    patch(paired_game, "back_through", lambda cache, dy, added: back(cache, dy, {k: added[k] for k in [max(added)]}))


def features_of_other_layers(patch):
    back = paired_views.back_through

    def backwards(cache, dy, added):
        return back(cache, dy, {k: np.zeros_like(v) for k, v in added.items()})

    patch(paired_game, "back_through", backwards)


def perceptual_gradient_of_the_target(patch):
    term = PairedGAN.perceptual_term

    def negated(self, y, u):
        value, slope = term(self, y, u)
        return value, -slope

    patch(PairedGAN, "perceptual_term", negated)


FAULTS = [
    (skip_dropped, "pair", "skip"),
    (mask_inverted, "hole", "value of G"),
    (mask_inverted_on_the_way_back, "hole", "gradient of G"),
    (weight_on_the_wrong_term, "pair", "gradient of G"),
    (content_s_weight_forgotten, "pair", "gradient of G"),
    (real_and_made_swapped, "pair", "value of D"),
    (x_missing, "pair", "value of D"),
    (gradient_of_the_wrong_channels, "pair", "gradient of G"),
    (features_only_through_the_last_layer, "pair", "gradient of G"),
    (features_of_other_layers, "pair", "gradient of G"),
    (perceptual_gradient_of_the_target, "pair", "gradient of G"),
]


@pytest.mark.parametrize(("plant", "d_sees", "words"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_fault_is_found(plant, d_sees, words, monkeypatch):
    class Patch:
        setitem = staticmethod(monkeypatch.setitem)

        def __call__(self, owner, name, value):
            monkeypatch.setattr(owner, name, value)

    plant(Patch())
    found = audit(d_sees)
    assert any(words in line for line in found), found
