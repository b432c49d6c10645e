"""Threads: how many, and the same bits on any number of them and side by side."""

import hashlib
import threading

import numpy as np
import pytest
from engines import MOST

import scratchgan
from scratchgan.models import dcgan, mlp_gan

pytestmark = pytest.mark.usefixtures("on_numba")


def digest(gan) -> str:
    sha = hashlib.sha256()
    for net in (gan.G, gan.D):
        for _, a in net.parameters() + net.buffers():
            sha.update(a.tobytes())
    return sha.hexdigest()


def trained(make, real, steps=3):
    gan = make()
    for _ in range(steps):
        gan.train_step(real)
    return digest(gan)


GANS = [
    (lambda: dcgan(image_size=16, channels=1, latent_dim=20, width=20, seed=0), (20, 16, 16, 1)),
    (lambda: mlp_gan(data_dim=2, latent_dim=2, hidden=(128, 128), seed=0), (256, 2)),
]


@pytest.mark.parametrize(("make", "shape"), GANS, ids=["dcgan", "mlp"])
def test_training_gives_the_same_bits_on_one_and_two_threads(make, shape, rng):
    real = rng.standard_normal(shape).astype(np.float32)
    bits = []
    for n in (1, MOST):
        scratchgan.set_num_threads(n)
        assert scratchgan.get_num_threads() == n
        bits.append(trained(make, real))
    assert bits[0] == bits[1]


def test_two_python_threads_train_side_by_side(rng):
    real = rng.standard_normal((256, 2)).astype(np.float32)
    make = GANS[1][0]
    alone, found = trained(make, real, 20), {}
    workers = [threading.Thread(target=lambda i=i: found.update({i: trained(make, real, 20)})) for i in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert found == {0: alone, 1: alone}


def test_number_of_threads_is_checked():
    with pytest.raises(ValueError, match="set_num_threads: n must be an integer of at least 1, got 0"):
        scratchgan.set_num_threads(0)
    with pytest.raises(ValueError, match=r"this process has \d+ threads at most, got 4096"):
        scratchgan.set_num_threads(4096)
    scratchgan.set_backend("numpy")
    assert scratchgan.get_num_threads() == 1
    scratchgan.set_num_threads(1)
    with pytest.raises(RuntimeError, match="pip install numba"):
        scratchgan.set_num_threads(2)
    assert scratchgan.warmup() == 0
