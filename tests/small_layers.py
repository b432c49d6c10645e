"""Small layers for tests, and a look at what they say."""

import numpy as np
import pytest

from scratchgan import layers as L


def new():
    """The same generator again."""
    return np.random.default_rng(0)


def dense(Di=4, Do=3, **kw):
    return L.Dense(Di, Do, rng=new(), **kw)


def conv(Ci=2, Co=3, kernel_size=3, **kw):
    return L.Conv2D(Ci, Co, kernel_size=kernel_size, rng=new(), **kw)


def conv_t(Ci=2, Co=3, kernel_size=3, **kw):
    return L.ConvTranspose2D(Ci, Co, kernel_size=kernel_size, rng=new(), **kw)


def spectral(layer=None, *args):
    return L.SpectralNorm(layer or dense(), *args, rng=new())


def attention(C=3):
    return L.SelfAttention(C, rng=new())


def embedding():
    return L.Embedding(3, 2, rng=new())


def ones(*shape):
    return np.ones(shape, np.float32)


def value(layer, x):
    """y in training, in float64."""
    return layer.forward(np.asarray(x, np.float64), train=True)[0]


def said(call, error=ValueError):
    """The whole message of the error, which is of exactly that class and one line long."""
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    message = str(caught.value)
    assert "\n" not in message
    return message


def tells(message, pattern):
    """The parts of the pattern, between its bars, stand in the message in their order.

    The first part begins the message and the last one ends it.  "Dense | (N, 4) | got (2, 5)" leaves the words between
    the parts to the author of the message, but not who speaks, what was expected and what was given.
    """
    parts = [part.strip() for part in pattern.split("|")]
    at = 0
    for part in parts:
        found = message.find(part, at)
        assert found >= 0, f"{message!r} does not hold {part!r} where {pattern!r} wants it"
        at = found + len(part)
    assert message.startswith(parts[0]), f"{message!r} does not begin with {parts[0]!r}"
    assert message.endswith(parts[-1]), f"{message!r} does not end with {parts[-1]!r}"


def ident(name, value):
    """A test id of plain characters: Dense-2x5."""
    return f"{name}-{'x'.join(map(str, value))}".replace(" ", "-")
