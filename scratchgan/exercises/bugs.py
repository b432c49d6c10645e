"""Faults of real projects, as patches: the patients of chapter 13, and what the tests' own checks must catch.

    with planted("gradients assigned"):
        print(gradcheck(net, x))                # every Dense and convolution of the package is wrong now
                                                # and here all is well again

A patch replaces one method of one class (or one function, or one entry of a table) and puts it back, whatever happens
within.  The package itself knows nothing of it.  Most of these faults were seen in projects that people learn from, and
the figures in `Bug.comes` are from there; the others are their near relatives.

Some are wrong derivatives: `scratchgan.gradcheck` finds them in seconds.  The others compute the right derivative of
the wrong thing.  No gradient check can see those; what finds them is a question whose answer is known.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import penalties
from ..data import toy
from ..data.densities import GaussianMixture
from ..families import Bilinear, Elementwise
from ..gan import GAN
from ..layers import BatchNorm, Conv2D, Dropout, LeakyReLU
from ..losses import Minimax, NonSaturating, Wasserstein

GRADCHECK, QUESTION = "gradcheck", "a question whose answer is known"


@dataclass(frozen=True)
class Bug:
    """One fault.

    tells      what is wrong, in a sentence
    comes      how it comes about, and what it did where it was seen
    found_by   GRADCHECK or QUESTION
    patches    (owner, name, wrap): owner.name, or owner[name] of a dict, becomes wrap(what was there)
    """

    tells: str
    comes: str
    found_by: str
    patches: tuple[tuple[Any, str, Callable[[Any], Any]], ...]


# -- wrong derivatives ------------------------------------------------------------------------------------------------


def _keep_on_the_layer(forward):
    def wrong(self, x, **options):
        self.latest = x
        return forward(self, x, **options)

    return wrong


def _take_from_the_layer(backward):
    def wrong(self, dy, cache, **options):
        cache.x = self.latest
        return backward(self, dy, cache, **options)

    return wrong


def _assign(backward):
    def wrong(self, dy, cache, *, param_grads=True, **options):
        if param_grads:
            for grad in self.grads.values():
                grad.fill(0)
        return backward(self, dy, cache, param_grads=param_grads, **options)

    return wrong


def _first_sample_only(backward):
    def wrong(self, dy, cache, *, param_grads=True, **options):
        dx = backward(self, dy, cache, param_grads=param_grads, **options)
        if param_grads and "b" in self.params:
            self.grads["b"] -= cache.dy[1:].reshape(-1, cache.dy.shape[-1]).sum(axis=0)
        return dx

    return wrong


def _batch_formula(backward):
    def wrong(self, dy, cache, **options):
        train, cache.train = cache.train, True
        try:
            return backward(self, dy, cache, **options)
        finally:
            cache.train = train

    return wrong


def _constant_statistics(backward):
    def wrong(self, dy, cache, *, param_grads=True, input_grad=True):
        backward(self, dy, cache, param_grads=param_grads, input_grad=False)
        cache.dx = cache.gamma * cache.r * dy if input_grad else None
        return cache.dx

    return wrong


def _without_second_derivative(tangent_backward):
    def wrong(self, tdy, cache, *, input_grad=True):
        tangent_backward(self, tdy, cache, input_grad=False)
        return None if tdy is None or not input_grad else self.dphi(cache.x, cache.y) * tdy

    return wrong


def _minus_fakes(discriminator):
    def wrong(self, real_logits, fake_logits):
        value, d_real, d_fake = discriminator(self, real_logits, fake_logits)
        return value, d_real, -d_fake

    return wrong


def _without_mean(discriminator):
    def wrong(self, real_logits, fake_logits):
        value, d_real, d_fake = discriminator(self, real_logits, fake_logits)
        return value, d_real * len(real_logits), d_fake * len(fake_logits)

    return wrong


def _saturating(generator):
    def wrong(self, fake_logits, real_logits=None):
        return generator(self, fake_logits, real_logits)[0], Minimax().generator(fake_logits)[1]

    return wrong


def _another_mask(adjoint):
    def wrong(self, dy, cache):
        self.prepare(cache, np.random.default_rng(99))
        return adjoint(self, dy, cache)

    return wrong


# -- right derivatives of the wrong thing -----------------------------------------------------------------------------


def _negated(term):
    def wrong(self, logits):
        return tuple(-part for part in term(self, logits))

    return wrong


def _over_the_batch(_):
    def wrong(g):
        return np.sqrt(np.sum(g * g, axis=0, keepdims=True))

    return wrong


def d_steps_too(g_step):
    """G's turn, after which D's optimiser steps once more."""

    def wrong(self, N, real=None):
        report = g_step(self, N, real)
        self.d_optimizer.step()
        return report

    return wrong


def _both_ends(_):
    def wrong():
        angle = np.linspace(0, 2 * math.pi, 8)
        means = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return GaussianMixture("ring", "8 Gaussians on a circle", means, 0.02)

    return wrong


BUGS: dict[str, Bug] = {
    "activations kept on the layer": Bug(
        "Dense and Conv2D remember their latest input; backward uses it, whatever batch it was asked about.",
        "D was shown a real batch, then a fake one, and both were sent back: its weight gradient was 90 to 130 % off.",
        GRADCHECK,
        ((Bilinear, "forward", _keep_on_the_layer), (Bilinear, "backward", _take_from_the_layer)),
    ),
    "gradients assigned": Bug(
        "Dense and Conv2D write grads = ... where += is meant.",
        "D(real) + D(fake) lost the half that came first: D learned about fakes only.",
        GRADCHECK,
        ((Bilinear, "backward", _assign),),
    ),
    "bias of one sample": Bug(
        "db is the gradient of the batch's first sample: the sum over the batch is missing.",
        "A broadcast makes the shape come out right, and nobody looks at the value.",
        GRADCHECK,
        ((Bilinear, "backward", _first_sample_only),),
    ),
    "BatchNorm in two modes": Bug(
        "BatchNorm in evaluation runs forward with the running statistics and backward with the batch's formula.",
        "D was frozen that way in G's turn: dx was 26 % off.",
        GRADCHECK,
        ((BatchNorm, "backward", _batch_formula),),
    ),
    "batch statistics held constant": Bug(
        "BatchNorm's backward forgets that the batch's mean and variance move with x.",
        "The short formula, gamma dy / sqrt(var + eps), is right in evaluation, and was copied from there.",
        GRADCHECK,
        ((BatchNorm, "backward", _constant_statistics),),
    ),
    "no second derivative": Bug(
        "tangent_backward of every activation drops phi''.",
        "A gradient penalty by double backpropagation: right for ReLU, 69 % off for tanh; its only test used ReLU.",
        GRADCHECK,
        ((Elementwise, "tangent_backward", _without_second_derivative),),
    ),
    "kernel turned round": Bug(
        "Conv2D's weight gradient is mirrored in both directions.",
        "Convolution and cross-correlation are mixed up in one of three places.",
        GRADCHECK,
        ((Conv2D, "weight_grad", lambda old: lambda self, x, dy: old(self, x, dy)[::-1, ::-1].copy()),),
    ),
    "slope with a minus": Bug(
        "LeakyReLU's derivative is -slope where x is negative.",
        "That is the derivative of slope |x|, not of slope x.",
        GRADCHECK,
        (
            (
                LeakyReLU,
                "dphi",
                lambda old: lambda self, x, y: np.where(x > 0, x.dtype.type(1), x.dtype.type(-self.slope)),
            ),
        ),
    ),
    "another mask on the way back": Bug(
        "Dropout draws a new mask in backward.",
        "The mask is drawn where it is needed, which is twice.",
        GRADCHECK,
        ((Dropout, "adjoint", _another_mask),),
    ),
    "fakes with a minus": Bug(
        "The cross-entropy's gradient for fakes has the wrong sign: D learns to call them real.",
        "The loss is that of label 0, the derivative that of a loss with its sign turned.",
        GRADCHECK,
        ((Minimax, "discriminator", _minus_fakes),),
    ),
    "1/N forgotten": Bug(
        "D's loss is a mean over the batch, its gradient a sum.",
        "Adam divides by the gradient's size, and hardly anybody notices; with SGD the step is N times too long.",
        GRADCHECK,
        ((Minimax, "discriminator", _without_mean),),
    ),
    "the other loss's gradient": Bug(
        "G's loss is the non-saturating one, its gradient that of minimax.",
        "A docstring for the one stood above code for the other.",
        GRADCHECK,
        ((NonSaturating, "generator", _saturating),),
    ),
    "two signs that cancel": Bug(
        "The Wasserstein loss has the wrong sign in D's turn and in G's: the critic is *low* on real samples.",
        "A swapped tuple cancelled the sign, and a test negated both to make them agree.",
        QUESTION,
        (
            (Wasserstein, "real_term", _negated),
            (Wasserstein, "fake_term", _negated),
            (Wasserstein, "generator_term", _negated),
        ),
    ),
    "norm over the batch": Bug(
        "The gradient penalty takes the norm over the samples of the batch, and not over the entries of a sample.",
        "axis=0 for axis=1.  It has a gradient, the gradient is right, and it punishes the wrong number.",
        QUESTION,
        ((penalties, "_norms", _over_the_batch),),
    ),
    "D moves in G's turn": Bug(
        "D's optimiser takes a step after G's turn, too.",
        "One optimiser for both players, or a line copied from D's turn: D is not frozen.",
        QUESTION,
        ((GAN, "g_step", d_steps_too),),
    ),
    "seven of eight modes": Bug(
        "The ring's angles are linspace(0, 2 pi, 8): the last one is the first again.",
        '"Eight Gaussians", of which one has twice the weight, in figure after figure.',
        QUESTION,
        ((toy.TOY, "ring", _both_ends),),
    ),
}


def names() -> dict[str, str]:
    """{name: what is wrong} of all faults."""
    return {name: bug.tells for name, bug in BUGS.items()}


@contextlib.contextmanager
def planted(name: str) -> Iterator[Bug]:
    """Within it, the fault is in the package; afterwards it is out again, also after an error.

    Raises ValueError for a name that is not in `names()`.
    """
    if name not in BUGS:
        raise ValueError(f"no fault {name!r}; known: {', '.join(BUGS)}")
    undo = []
    try:
        for owner, attribute, wrap in BUGS[name].patches:
            undo.append((owner, attribute, _own(owner, attribute)))
            _put(owner, attribute, wrap(_get(owner, attribute)))
        yield BUGS[name]
    finally:
        for owner, attribute, before in reversed(undo):
            _take_away(owner, attribute) if before is _INHERITED else _put(owner, attribute, before)


_INHERITED = object()


def _get(owner, name):
    return owner[name] if isinstance(owner, dict) else getattr(owner, name)


def _own(owner, name):
    """What stands at the owner itself; _INHERITED if that is its base class's."""
    return owner[name] if isinstance(owner, dict) else vars(owner).get(name, _INHERITED)


def _put(owner, name, value) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        setattr(owner, name, value)


def _take_away(owner, name) -> None:
    delattr(owner, name)
