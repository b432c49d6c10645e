"""What every game inherits: a third, tiny game has a state that can be saved, and refuses a damaged one."""

import copy
import pickle

import numpy as np
import pytest

from scratchgan.core import ShapeError
from scratchgan.game import Counter, Game, evaluate_in_chunks, filled, generator_from, rng_state, seed_streams
from scratchgan.gan import GAN
from scratchgan.layers import BatchNorm, Dense, Embedding, LabelConcat, Sequential
from scratchgan.models import MODELS, base_of, build, cyclegan, mlp_gan, paired
from scratchgan.optim import SGD, Ema


class Melody(Game):
    """A net that learns to continue a series; it remembers the last one, and counts how many it has heard."""

    kind = "samples"

    def __init__(self, seed=0, most=5):
        weights, order, layers = seed_streams(seed)
        super().__init__(data_shape=(3,), streams={"order": order, "layers": layers})
        self.net = Sequential([Dense(3, 4, rng=weights), BatchNorm(4), Dense(4, 3, rng=weights)])
        self.optimizer = SGD(self.net, 0.1, momentum=0.5)
        self.last, self.heard, self.most = np.zeros(3, np.float32), 0, most
        self.ema = Ema(self.net, 0.5)

    def nets(self):
        return [("net", self.net), ("ema", self.ema.net)]

    def optimizers(self):
        return [("optimizer", self.optimizer)]

    def counters(self):
        return super().counters() | {"heard": Counter(self, "heard", self.most)}

    def extra_arrays(self):
        return {"last": self.last}

    def train_step(self, batch, labels=None):
        batch = batch[self.streams["order"].permutation(len(batch))]
        y, cache = self.net.forward(batch, train=True, rng=self.layer_rng())
        self.net.zero_grads()
        self.net.backward(y - batch[::-1], cache, input_grad=False)
        self.optimizer.step()
        self.ema.update()
        self.last[...], self.heard, self.steps = batch[-1], min(self.heard + 1, self.most), self.steps + 1
        return {"loss": float(np.mean((y - batch[::-1]) ** 2))}


def batches(n):
    return np.random.default_rng(7).standard_normal((n, 6, 3)).astype(np.float32)


def copied(state):
    return {key: array.copy() for key, array in state.items()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def test_a_new_kind_of_game_goes_on_bit_for_bit():
    whole, first, second = Melody(), Melody(), Melody(seed=3)
    data = batches(6)
    losses = [whole.train_step(batch) for batch in data]
    for batch in data[:3]:
        first.train_step(batch)
    second.load_state(copied(first.state()))
    assert [second.train_step(batch) for batch in data[3:]] == losses[3:]
    assert same(whole.state(), second.state())
    assert (second.steps, second.heard, second.ema.steps) == (6, 5, 6)


def test_its_state_has_every_part():
    assert set(Melody().state()) == {
        "steps",
        "ema_steps",
        "heard",
        "last",
        "rng/order",
        "rng/layers",
        "optimizer/steps",
        *(f"{net}/{path}" for net in ("net", "ema") for path in ("0.W", "0.b", "2.W", "2.b", "1.gamma", "1.beta")),
        *(f"{net}/1.{name} (running)" for net in ("net", "ema") for name in ("mean", "var")),
        *(f"optimizer/v/{path}" for path in ("0.W", "0.b", "2.W", "2.b", "1.gamma", "1.beta")),
    }


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda s: s.pop("last"), "Melody: the state lacks last"),
        (lambda s: s.update(more=np.zeros(1)), "Melody: the state has unknown entries more"),
        (
            lambda s: s.update(last=np.zeros(4, np.float32)),
            r"Melody: 'last' must be float32 \(3,\), got float32 \(4,\)",
        ),
        (lambda s: s.update({"net/0.W": s["net/0.W"].astype(float)}), "Melody: 'net/0.W' must be float32"),
        (lambda s: s.update(steps=np.array(-1)), "Melody: steps is -1, expected at least 0"),
        (lambda s: s.update(ema_steps=np.array(-2)), "Melody: ema_steps is -2, expected at least 0"),
        (lambda s: s.update(heard=np.array(6)), "Melody: heard is 6, expected 0 to 5"),
        (lambda s: s.update({"ema/1.var (running)": -s["ema/1.var (running)"]}), "Melody: the running variance 'ema/1"),
        (lambda s: s.update({"optimizer/steps": np.array(-1)}), "SGD: steps is -1"),
        (lambda s: s.pop("rng/order"), "Melody: the state lacks rng/order"),
        (lambda s: s.update({"rng/layers": np.zeros(3, np.uint8)}), "not the state of a random generator"),
    ],
)
def test_a_damaged_state_is_refused_and_nothing_changes(damage, words):
    game, other = Melody(), Melody(seed=1)
    for batch in batches(2):
        game.train_step(batch)
        other.train_step(-batch)
    before, bad = copied(game.state()), copied(other.state())
    damage(bad)
    with pytest.raises(ValueError, match=words):
        game.load_state(bad)
    assert same(before, game.state())


def test_the_state_is_live_and_its_random_streams_are_not_shared():
    game = Melody()
    assert game.state()["last"] is game.last
    kept = copied(game.state())
    other = Melody(seed=1)
    other.load_state(kept)
    drawn = [g.streams["order"].random() for g in (game, other)]
    assert drawn[0] == drawn[1]
    assert rng_state(generator_from(kept["rng/order"])).tobytes() == kept["rng/order"].tobytes()


def test_a_game_says_what_it_makes():
    sizes = {"image_size": 8, "width": 2}
    for name in MODELS:
        game = build(name, **({"hidden": (3,)} if name == "mlp" else sizes))
        assert isinstance(game, Game)
        assert game.kind == {cyclegan: "translations", paired: "paired"}.get(base_of(MODELS[name]), "samples")
        assert isinstance(game, GAN) == (game.kind == "samples")
        assert [which for which, _ in game.nets()][:2] == ["G", "D"]
        assert [which for which, _ in game.optimizers()] == ["g_optimizer", "d_optimizer"]
        assert game.last_batch is None
        assert repr(game).startswith(f"{type(game).__name__}(loss=")


def test_a_game_without_a_step_says_so():
    game = Game(data_shape=(2,), streams={})
    with pytest.raises(NotImplementedError, match="Game must define train_step"):
        game.train_step(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="Game: data_shape must be an integer of at least 1, got 0"):
        Game(data_shape=(0,), streams={})
    assert game.packing == 1
    game.check_shape(np.zeros((1, 2)), "expected points")
    for wrong in (np.zeros((1, 3)), np.zeros((0, 2)), [[0.0, 0.0]]):
        with pytest.raises(ShapeError, match=r"expected points \(N, 2\), got"):
            game.check_shape(wrong, "expected points")


def test_the_last_batch_is_that_of_ds_turn(rng):
    gan, real = mlp_gan(2, 2, (4,)), rng.standard_normal((5, 2)).astype(np.float32)
    gan.train_step(real)
    batch = gan.last_batch
    assert batch.real is real
    assert batch.fake.shape == (5, 2)
    assert batch.real_logits.shape == batch.fake_logits.shape == (5, 1)


def test_evaluation_in_chunks_does_not_depend_on_the_number_of_samples(rng):
    net = Sequential([LabelConcat(3, 2, rng=rng), Dense(4, 2, rng=rng)])
    assert any(isinstance(layer, Embedding) for _, layer in net.walk())
    x, labels = rng.standard_normal((130, 2)).astype(np.float32), rng.integers(0, 3, 130)
    whole = evaluate_in_chunks(net, x, labels=labels)
    assert whole.shape == (130, 2)
    np.testing.assert_array_equal(evaluate_in_chunks(net, x[:7], labels=labels[:7]), whole[:7])
    np.testing.assert_array_equal(filled(np.ones((2, 3)), 4), [[1] * 3] * 2 + [[0] * 3] * 2)


def test_a_gan_is_copied_but_not_pickled():
    gan = mlp_gan(2, 2, (4,), lr_schedule="constant")
    for copied in (copy.deepcopy(gan), copy.copy(gan)):
        assert (copied.sample(3, seed=1) == gan.sample(3, seed=1)).all()
    with pytest.raises(TypeError, match=r"GAN cannot be pickled: copy.deepcopy copies it, and state\(\)"):
        pickle.dumps(gan)
