"""Softmax and self-attention: by hand, at extremes, and what the parts of attention are given."""

import numpy as np
import pytest
from small_layers import attention, new, value

from scratchgan import layers as L
from scratchgan.gradcheck import check
from scratchgan.layers import (
    MatMul,
    SelfAttention,
    Softmax,
)


def test_softmax_by_hand_and_at_extremes():
    x = np.log([[1.0, 2.0, 5.0]])
    y, cache = Softmax().forward(x, train=True)
    np.testing.assert_allclose(y, [[1 / 8, 2 / 8, 5 / 8]])
    layer = cache.layer
    np.testing.assert_allclose(layer.backward(np.array([[8.0, 0, 0]]), cache), [[7 / 8, -2 / 8, -5 / 8]])
    np.testing.assert_array_equal(value(Softmax(), [[1000, -1000], [-1e300, -1e300]]), [[1, 0], [0.5, 0.5]])


def test_self_attention_begins_as_the_identity(rng):
    layer = SelfAttention(4, rng=rng)
    x = rng.standard_normal((2, 3, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(layer.forward(x, train=True)[0], x)
    assert {path: w.shape for path, w in layer.parameters()} == {
        "gamma": (1,),
        "f.W": (1, 1, 4, 1),
        "g.W": (1, 1, 4, 1),
        "h.W": (1, 1, 4, 2),
        "v.W": (1, 1, 2, 4),
    }


def test_self_attention_by_hand(rng):
    """Scores 0 everywhere: each position gets the mean of all, through h and v, times gamma."""
    layer = SelfAttention(2, rng=rng, dtype=np.float64)
    layer.params["gamma"][...] = 3
    layer.f.params["W"][...] = 0
    layer.h.params["W"][0, 0] = [[1], [10]]
    layer.v.params["W"][0, 0] = [[1, -1]]
    x = np.array([[1.0, 2], [3, 4]]).reshape(1, 1, 2, 2)
    mean = (1 + 20 + 3 + 40) / 2
    np.testing.assert_allclose(value(layer, x)[0, 0], [[1 + 3 * mean, 2 - 3 * mean], [3 + 3 * mean, 4 - 3 * mean]])


class HalfProduct(MatMul):
    """The second term of the product rule dropped."""

    def tangent(self, tx, cache, tparams=None):
        return super().tangent((tx[0], None), cache, tparams)


def planted_attention(rng):
    layer = SelfAttention(3, rng=rng)
    layer.scores = HalfProduct(transpose_b=True)
    return layer


def test_checks_catch_half_a_product_rule(rng):
    report = check(planted_attention(rng), rng.standard_normal((2, 2, 2, 3)))
    assert not report.ok
    assert report.max_error > 1e-3


def test_inner_widths_of_attention():
    for C, inner, values in ((1, 1, 1), (15, 1, 7), (16, 2, 8), (40, 5, 20)):
        layer = attention(C)
        assert [p.params["W"].shape[2:] for p in (layer.f, layer.g, layer.h, layer.v)] == [
            (C, inner),
            (C, inner),
            (C, values),
            (values, C),
        ]
        assert [part.label for _, part in layer.children()] == [
            'Conv2D "f"',
            'Conv2D "g"',
            'Conv2D "h"',
            'MatMul "scores"',
            'Softmax "softmax"',
            'MatMul "mean"',
            'Conv2D "v"',
            'Multiply "gate"',
        ]
    assert (layer.scores.transpose_b, layer.mean.transpose_b) == (True, False)


@pytest.mark.parametrize("flag", [True, False], ids=["yes", "no"])
def test_parts_of_attention_get_what_the_whole_got(flag, monkeypatch):
    layer, rng, calls = attention(), new(), {}
    x = rng.standard_normal((2, 2, 2, 3)).astype(np.float32)

    def watch(part, path, name):
        original = getattr(part, name)
        monkeypatch.setattr(part, name, lambda *a, **kw: calls.update({(path, name): kw}) or original(*a, **kw))

    for path, part in layer.children():
        for name in ("forward", "backward", "tangent_backward"):
            watch(part, path, name)
    y, cache = layer.forward(x, train=flag, rng=rng)
    for path, _ in layer.children():
        assert calls[path, "forward"]["train"] is flag
        assert calls[path, "forward"]["rng"] is rng
    layer.backward(y, cache, param_grads=not flag, input_grad=flag)
    layer.tangent(x, cache)
    layer.tangent_backward(y, cache, input_grad=flag)
    wants = lambda path, name, gradients: calls[path, name].get(gradients, True)
    for path in "fghv":
        needed = flag or path == "v"  # the others get their gradient through v
        assert wants(path, "backward", "param_grads") is (not flag)
        assert wants(path, "backward", "input_grad") is needed
        assert wants(path, "tangent_backward", "input_grad") is needed


def test_attention_sees_the_kinks_of_its_parts():
    layer = attention()
    layer.softmax = L.ReLU()
    _, cache = layer.forward(new().standard_normal((2, 2, 2, 3)).astype(np.float32), train=True)
    assert layer.kink_distance(cache) == np.abs(cache.of["softmax"].x).min() > 0


def test_f_is_asked_and_g_asks(rng):
    """(SelfAttention.1-4) with einsum: position j weighs position i by exp(g_j . f_i); f and g are no equals."""
    layer = SelfAttention(16, rng=rng, dtype=np.float64)
    layer.params["gamma"][...] = 0.7
    x = rng.standard_normal((2, 3, 2, 16))
    weights = {name: w.reshape(w.shape[-2:]) for name, w in layer.parameters() if name != "gamma"}
    rows = x.reshape(2, 6, 16)
    f, g, h = (rows @ weights[f"{name}.W"] for name in "fgh")
    score = np.exp(np.einsum("njc,nic->nji", g, f))
    o = np.einsum("nji,nic->njc", score / score.sum(axis=2, keepdims=True), h) @ weights["v.W"]
    y, _ = layer.forward(x, train=True)
    np.testing.assert_allclose(y, x + 0.7 * o.reshape(x.shape), rtol=1e-12)
    layer.f, layer.g = layer.g, layer.f
    assert np.abs(layer.forward(x, train=True)[0] - y).max() > 1e-3
