"""Neighbouring layers that are computed together: the gradients of each by itself."""

import numpy as np
import pytest
from engines import close

import scratchgan
from scratchgan.kernels import fusion
from scratchgan.layers import BatchNorm, Conv2D, Dense, LeakyReLU, ReLU

pytestmark = pytest.mark.usefixtures("on_numba")


def test_fused_neighbours_have_the_gradients_of_single_ones(rng):
    for layers, shape in (
        ([Dense(40, 60, rng=rng), LeakyReLU(0.2)], (50, 40)),
        ([Conv2D(20, 24, kernel_size=3, rng=rng), BatchNorm(24), ReLU()], (4, 9, 9, 20)),
        ([Conv2D(2, 24, kernel_size=3, rng=rng), LeakyReLU(0.1)], (6, 9, 9, 2)),
    ):
        net = scratchgan.Sequential(layers).astype(np.float64)
        x, tx = rng.standard_normal((2, *shape))
        found = []
        for single in (False, True):
            net.zero_grads()
            context = fusion.off() if single else fusion.on()
            with context:
                y, cache = net.forward(x, train=True)
            assert any(part.fused for part in cache.parts) != single
            dx = net.backward(np.cos(y), cache)
            ty = net.tangent(tx, cache)
            tdx = net.tangent_backward(ty, cache)
            found.append([y, dx, ty, tdx, *(g.copy() for _, g in net.gradients())])
        for a, b in zip(*found, strict=True):
            close(a, b)


def test_a_subclass_with_a_derivative_of_its_own_is_not_fused(rng):
    class Mine(LeakyReLU):
        def dphi(self, x, y):
            return np.full_like(x, 3.0)

    net = scratchgan.Sequential([Dense(40, 60, rng=rng), Mine(0.2)])
    y, cache = net.forward(rng.standard_normal((50, 40)).astype(np.float32), train=True)
    assert not any(part.fused for part in cache.parts)
    net.backward(np.ones_like(y), cache)
    assert net.layers[0].grads["b"] == pytest.approx(np.full(60, 150.0), rel=1e-6)
