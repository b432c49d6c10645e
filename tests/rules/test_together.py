"""Every two features of a game that may be combined, at once: against a step that is written out here.

The step below uses forward passes, central differences and textbook formulas of the optimisers, and nothing of
gan.py, rules/, optim.py and the backward passes.  A few games switch on many features each, so that every permitted
pair is on in at least one of them.
"""

import copy
import itertools
import math

import numpy as np
import pytest

from scratchgan import GAN, Sequential, losses, optim
from scratchgan.layers import BatchNorm, Dense, Dropout, LabelConcat, MinibatchStd, Pack, Tanh
from scratchgan.models.conditional import ConditionalGAN
from scratchgan.models.training import game

#: {feature: {option of `game`: value}}; "." options belong to the nets, see `build`
FEATURES = {
    "r1": {"penalty": "r1"},
    "r1+r2": {"penalty": "r1+r2"},
    "wgan-gp": {"penalty": "wgan-gp"},
    "dragan": {"penalty": "dragan"},
    "rare penalty": {"penalty_every": 2},
    "clip": {"clip": 0.6},
    "instance noise": {"instance_noise": 0.3, "noise_steps": 5},
    "feature matching": {"g_objective": "feature-matching"},
    "unrolled": {"unroll": 2},
    "packing": {".packing": 2},
    "minibatch std": {".std": True},
    "labels": {".labels": True},
    "dropout": {".dropout": True},
    "batch norm": {".norm": True},
    "linear rate": {"lr_schedule": "linear"},
    "cosine rate": {"lr_schedule": "cosine"},
    "d_steps": {"d_steps": 2},
    "ema": {"ema_decay": 0.3},
    "adam": {"optimizer": "adam"},
    "sgd": {"optimizer": "sgd", "momentum": 0.0},
    "momentum": {"optimizer": "sgd", "momentum": 0.7},
    "rmsprop": {"optimizer": "rmsprop"},
    "smoothing": {"label_smoothing": 0.2},
    "non-saturating": {"loss": "non-saturating"},
    "minimax": {"loss": "minimax"},
    "wasserstein": {"loss": "wasserstein"},
    "relativistic": {"loss": "relativistic-average"},
}
#: features of which a game has at most one
ONE_OF = [
    {"r1", "r1+r2", "wgan-gp", "dragan"},
    {"linear rate", "cosine rate"},
    {"adam", "sgd", "momentum", "rmsprop"},
    {"non-saturating", "minimax", "wasserstein", "relativistic"},
    {"packing", "labels"},
    *({"batch norm", name} for name in ("r1", "r1+r2", "wgan-gp", "dragan", "rare penalty")),
    {"batch norm", "packing"},  # a batch of two packs has no variance to speak of
    {"packing", "wgan-gp"},  # a pack has no gradient of its own sample: the two work, but the norm is another one
    {"unrolled", "momentum"},
    {"unrolled", "rmsprop"},
    {"unrolled", "relativistic"},
    {"smoothing", "wasserstein"},
    {"smoothing", "relativistic"},
]
STEPS, N, LATENT, CLASSES = 3, 4, 2, 3


def permitted(features):
    rare = "rare penalty" in features and not features & ONE_OF[0]
    return not rare and all(len(features & group) < 2 for group in ONE_OF)


def whole(pair):
    """The pair; a rare penalty needs a penalty as well."""
    return {*pair, "r1"} if "rare penalty" in pair and not set(pair) & ONE_OF[0] else {*pair}


def games():
    """Sets of features in which every permitted pair occurs: greedily, features with the most new pairs first.

    Feature matching replaces G's loss, and hides what the other features do to it.  So all pairs without it come first,
    in games without it.
    """
    found = []
    for names in ([name for name in FEATURES if name != "feature matching"], list(FEATURES)):
        pairs = {
            pair for pair in itertools.combinations(FEATURES, 2) if set(pair) <= set(names) and permitted(whole(pair))
        }
        pairs -= {pair for pair in pairs if any(set(pair) <= set(features) for features in found)}
        while pairs:
            chosen = whole(min(pairs, key=lambda pair: (names.index(pair[0]), names.index(pair[1]))))
            for name in sorted(names, key=lambda name: (-sum(name in pair for pair in pairs), names.index(name))):
                if permitted(chosen | {name}):
                    chosen.add(name)
            pairs -= {pair for pair in pairs if set(pair) <= chosen}
            found.append(tuple(name for name in names if name in chosen))
    return found


def options(features):
    return {key: value for name in features for key, value in FEATURES[name].items()}


def build(features, seed=0):
    """Small smooth nets in float64 with these features."""
    rng, chosen = np.random.default_rng(7), options(features)
    more = {"rng": rng, "dtype": np.float64, "init": "glorot"}
    labels, m = ".labels" in chosen, chosen.get(".packing", 1)
    G = Sequential([Dense(LATENT + CLASSES * labels, 3, **more), Tanh(), Dense(3, 2, **more)])
    body = [Pack(m)] if m > 1 else []
    body += [LabelConcat(CLASSES, 2, rng=rng, dtype=np.float64)] if labels else []
    body += [Dense(2 * m + 2 * labels, 3, **more)]
    body += [BatchNorm(3, dtype=np.float64)] if ".norm" in chosen else []
    body += [Tanh()]
    body += [Dropout(0.4)] if ".dropout" in chosen else []
    body += [MinibatchStd()] if ".std" in chosen else []
    D = Sequential([*body, Dense(3 + (".std" in chosen), 1, **more)])
    make = (lambda *a, **k: ConditionalGAN(*a, classes=CLASSES, **k)) if labels else GAN
    rest = {key: value for key, value in chosen.items() if key[0] != "."}
    return game(
        G, D, latent_dim=LATENT, data_shape=(2,), seed=seed, total_steps=6, lr_g=0.02, lr_d=0.03, make=make, **rest
    )


class ByHand:
    """The same game, played by what the papers say."""

    def __init__(self, gan, chosen):
        self.G, self.D = copy.deepcopy(gan.G), copy.deepcopy(gan.D)
        self.rng, self.noise = copy.deepcopy(gan.streams["layers"]), copy.deepcopy(gan.streams["noise"])
        self.o, self.steps = chosen, 0
        self.loss = losses.get(chosen.get("loss", "non-saturating"), label_smoothing=chosen.get("label_smoothing", 0.0))
        self.mean = [w.copy() for _, w in self.G.parameters()]
        self.means = 0
        self.taken = {"G": 0, "D": 0}
        self.moments = {
            player: [[np.zeros_like(w), np.zeros_like(w)] for _, w in net.parameters()]
            for player, net in (("G", self.G), ("D", self.D))
        }
        self.given = {}

    # -- values, by forward passes ---------------------------------------------------------------------------------

    def fakes(self, z):
        return self.G.forward(z, train=True)[0]

    def noisy(self, x, rng):
        sigma = self.o.get("instance_noise", 0) * max(0.0, 1 - self.steps / 5)
        return x + sigma * rng.standard_normal(x.shape) if sigma else x

    def logit(self, x, rng):
        return self.D.forward(x, train=True, rng=rng, **self.given)[0]

    def d_value(self, x, fake, rng):
        """L_D of inputs that have their noise."""
        r = self.logit(x, rng)
        return self.loss.discriminator(r, self.logit(fake, rng))[0]

    def d_loss(self, x, fake, rng):
        """L_D and the penalties."""
        total = self.d_value(x, fake, rng)
        kind, every = self.o.get("penalty", "none"), self.o.get("penalty_every", 1)
        if kind == "none" or self.steps % every:
            return total
        for name in kind.split("+"):
            at = {"r1": x, "r2": fake}.get(name)
            if name == "wgan-gp":
                e = rng.random((N, 1))
                at = e * x + (1 - e) * fake
            elif name == "dragan":
                at = x + 0.5 * x.std() * rng.random(x.shape)
            y, cache = self.D.forward(at, train=True, rng=rng, **self.given)
            norm = np.sqrt((self.D.backward(np.ones_like(y), cache, param_grads=False) ** 2).sum(axis=1))
            total += every * (10 / 2 * (norm**2).mean() if name[0] == "r" else 10 * ((norm - 1) ** 2).mean())
        return total

    def g_loss(self, z, real, rng):
        """G's loss, after D's steps ahead; D is as before afterwards."""
        fake, kept = self.fakes(z), [w.copy() for _, w in self.D.parameters()]
        moments, taken = copy.deepcopy(self.moments["D"]), self.taken["D"]
        if k := self.o.get("unroll", 0):
            x, f = self.noisy(real, rng), self.noisy(fake, rng)
            for _ in range(k):
                self.move("D", self.gradient_of_d(x, f, rng))
        if "g_objective" in self.o:
            a = self.features(self.noisy(real, rng), rng)
            value = float(((self.features(self.noisy(fake, rng), rng) - a) ** 2).sum())
        else:
            r = self.logit(self.noisy(real, rng), rng) if self.loss.relativistic else None
            value = self.loss.generator(self.logit(self.noisy(fake, rng), rng), r)[0]
        for (_, w), old in zip(self.D.parameters(), kept, strict=True):
            w[...] = old
        self.moments["D"], self.taken["D"] = moments, taken
        return value

    def gradient_of_d(self, x, fake, rng):
        """D's own gradient, which the differences of D's turn check."""
        self.D.zero_grads()
        r, on_real = self.D.forward(x, train=True, rng=rng, **self.given)
        f, on_fake = self.D.forward(fake, train=True, rng=rng, **self.given)
        _, d_real, d_fake = self.loss.discriminator(r, f)
        self.D.backward(d_real, on_real)
        self.D.backward(d_fake, on_fake)
        return [g.copy() for _, g in self.D.gradients()]

    def features(self, x, rng):
        for layer in self.D.layers[:-1]:
            x = layer.forward(x, train=True, rng=rng, **(self.given if layer.takes_labels else {}))[0]
        return x.mean(axis=0)

    # -- steps -------------------------------------------------------------------------------------------------------

    def rate(self, player):
        done = self.taken[player] / 6
        factor = {
            "constant": 1.0,
            "linear": 1 - max(0.0, (done - 0.5) / 0.5),
            "cosine": 0.5 * (1 + math.cos(math.pi * done)),
        }[self.o.get("lr_schedule", "constant")]
        return factor * {"G": 0.02, "D": 0.03}[player]

    def move(self, player, gradients):
        """One step of the optimiser."""
        lr, net = self.rate(player), {"G": self.G, "D": self.D}[player]
        self.taken[player] += 1
        t, kind = self.taken[player], self.o.get("optimizer", "adam")
        for (_, w), g, moments in zip(net.parameters(), gradients, self.moments[player], strict=True):
            if kind == "adam":
                moments[0] = 0.5 * moments[0] + 0.5 * g
                moments[1] = 0.999 * moments[1] + 0.001 * g * g
                w -= lr * moments[0] / (1 - 0.5**t) / (np.sqrt(moments[1] / (1 - 0.999**t)) + 1e-8)
            elif kind == "rmsprop":
                moments[1] = 0.999 * moments[1] + 0.001 * g * g
                w -= lr * g / (np.sqrt(moments[1]) + 1e-8)
            else:
                moments[0] = self.o["momentum"] * moments[0] + g
                w -= lr * moments[0]

    def differences(self, net, value):
        """The gradient of value(rng) by the net's weights; each evaluation draws the same numbers."""
        found, h = [], 1e-5
        for _, w in net.parameters():
            g = np.zeros_like(w)
            for entry in np.ndindex(w.shape):
                kept, sides = w[entry], []
                for side in (h, -h):
                    w[entry] = kept + side
                    sides.append(value(copy.deepcopy(self.rng)))
                w[entry] = kept
                g[entry] = (sides[0] - sides[1]) / (2 * h)
            g[np.abs(g) < 1e-8] = 0  # noise of the differences, which Adam would blow up
            found.append(g)
        return found

    def step(self, real, labels):
        report = {}
        if labels is not None:
            self.given = {"labels": labels}
        fake = self.fakes(self.draw(labels))
        x, fake = self.noisy(real, self.rng), self.noisy(fake, self.rng)
        gradients = self.differences(self.D, lambda rng: self.d_loss(x, fake, rng))
        report["d_loss"] = self.d_loss(x, fake, self.rng)  # this one advances the stream
        self.move("D", gradients)
        if c := self.o.get("clip"):
            for _, w in self.D.parameters():
                np.clip(w, -c, c, out=w)
        if (self.steps + 1) % self.o.get("d_steps", 1) == 0:
            z = self.draw(labels)
            gradients = self.differences(self.G, lambda rng: self.g_loss(z, real, rng))
            report["g_loss"] = self.g_loss(z, real, self.rng)
            self.move("G", gradients)
            self.means += 1
            decay = min(self.o.get("ema_decay", 0.0), self.means / (self.means + 9))
            self.mean = [
                decay * mean + (1 - decay) * w for mean, (_, w) in zip(self.mean, self.G.parameters(), strict=True)
            ]
        self.steps += 1
        return report

    def draw(self, labels):
        z = self.noise.standard_normal((N, LATENT))
        if labels is None:
            return z
        self.noise.uniform(-1, 1, (N, 0))
        return np.concatenate([z, np.eye(CLASSES)[labels]], axis=1)


GAMES = games()


def test_the_games_cover_every_permitted_pair():
    for pair in itertools.combinations(FEATURES, 2):
        those = [features for features in GAMES if set(pair) <= set(features)]
        assert bool(those) == permitted(whole(pair)), pair
        if those and "feature matching" not in pair:
            assert any("feature matching" not in features for features in those), pair
    assert len(GAMES) < 40


@pytest.mark.parametrize("features", GAMES, ids=lambda features: ",".join(features).replace(" ", "-"))
def test_a_step_with_many_features_is_the_step_by_hand(features):
    """Three steps, the last of them by a new game that loads the state of the first."""
    rng, gan = np.random.default_rng(3), build(features)
    by_hand = ByHand(gan, options(features))
    for step in range(STEPS):
        real = rng.standard_normal((N, 2)) + 1
        labels = rng.integers(0, CLASSES, N) if gan.conditional else None
        if step == 2:
            state = {name: a.copy() for name, a in gan.state().items()}
            gan = build(features, seed=5)
            gan.load_state(state)
        report = gan.train_step(real, *([] if labels is None else [labels]))
        expected = by_hand.step(real, labels)
        for name, value in expected.items():
            assert report[name] == pytest.approx(value, rel=1e-6, abs=1e-8), (step, name)
        for player, net, other in (("G", gan.G, by_hand.G), ("D", gan.D, by_hand.D)):
            for (path, w), (_, v) in zip(net.parameters(), other.parameters(), strict=True):
                np.testing.assert_allclose(w, v, rtol=0, atol=1e-5, err_msg=f"step {step}: {player}.{path}")
        if gan.ema is not None:
            for (path, w), v in zip(gan.ema.net.parameters(), by_hand.mean, strict=True):
                np.testing.assert_allclose(w, v, rtol=0, atol=1e-5, err_msg=f"step {step}: mean of {path}")


def test_schedules_are_those_of_the_steps_above():
    for name, values in (("linear", [1, 1, 1, 1, 2 / 3, 1 / 3, 0]), ("constant", [1] * 7)):
        schedule = optim.schedule(name, 6)
        np.testing.assert_allclose([schedule(t) for t in range(7)], values, atol=1e-15)
