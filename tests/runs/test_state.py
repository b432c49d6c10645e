"""Every array that training carries from step to step is watched, and a good checkpoint survives a bad one."""

import numpy as np
import pytest

from scratchgan.files import checkpoint
from scratchgan.gan import GAN
from scratchgan.models import build
from scratchgan.runs.finite import bad_array
from scratchgan.runs.train import Diverged, train
from tests.tiny import tiny

IMAGES = {"image_size": 8, "channels": 1, "width": 2, "latent_dim": 2}
GAMES = {
    "adam and an average": lambda: build("mlp", data_shape=(2,), latent_dim=2, hidden=(3,), ema_decay=0.9),
    "rmsprop": lambda: build("mlp", data_shape=(2,), latent_dim=2, hidden=(3,), optimizer="rmsprop"),
    "momentum": lambda: build("mlp", data_shape=(2,), latent_dim=2, hidden=(3,), optimizer="sgd", momentum=0.9),
    "running statistics": lambda: build("dcgan", **IMAGES, dense=0),
    "the u of spectral norm": lambda: build("sngan", **IMAGES, dense=0),
    "histories": lambda: build("cyclegan", image_size=8, channels=1, width=2, d_width=2, blocks=1, pool_size=3),
}


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_every_float_in_the_state_is_watched(game, value):
    gan = GAMES[game]()
    assert bad_array(gan) is None
    arrays = {name: a for name, a in gan.state().items() if a.dtype.kind == "f" and a.size}
    assert len(arrays) > 8
    for name, array in arrays.items():
        before = array.flat[-1]
        array.flat[-1] = value
        found = bad_array(gan)
        array.flat[-1] = before
        assert found is not None, name
        which, path = name.removesuffix(" (running)").split("/", 1)
        assert found in (name, f"{which}.{path}")
    assert bad_array(gan) is None


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_an_infinite_moment_ends_training_and_the_good_checkpoint_stays(optimizer, tmp_path, monkeypatch):
    step = GAN.train_step

    def spoiled(gan, *arguments):
        losses = step(gan, *arguments)
        if gan.steps == 5:
            gan.d_optimizer.slot["v"][2][...] = np.inf  # all losses and weights stay finite
        return losses

    monkeypatch.setattr(GAN, "train_step", spoiled)
    with pytest.raises(
        Diverged, match=r"diverged at step 5: d_optimizer/v/2\.W is not finite; .* lower learning rates"
    ):
        train(tiny(optimizer=optimizer, steps=20, checkpoint_every=2), tmp_path / "r", progress=False)
    assert checkpoint.load(tmp_path / "r" / "checkpoint.npz").meta["step"] == 4
