"""Faults that programs with hand-written derivatives have, as patches: the patients of chapter 13.

    with planted("gradients assigned"):
        print(gradcheck(net, x))                # inside the block, every Dense and convolution is wrong
                                                # after it, all of them are correct again

A patch replaces one method of a class (or one function, or one entry of a table), and restores it at the end of the
block, even after an error.  No other code of the package is changed.  The faults also test the checks of the package.

Some faults are wrong derivatives: `scratchgan.gradcheck` finds them in seconds.  The others compute the correct
derivative of the wrong function.  No gradient check can find those; a test on a case whose answer is known can.
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
from ..gradcheck import check as gradcheck
from ..layers import BatchNorm, Conv2D, Dense, Dropout, LeakyReLU, Sequential, Tanh
from ..losses import Minimax, NonSaturating, Wasserstein
from ..models import mlp_gan

GRADCHECK, QUESTION = "gradcheck", "a question whose answer is known"


@dataclass(frozen=True)
class Bug:
    """One fault.

    tells      what is wrong, in one sentence
    comes      how the fault comes about, and why it is not noticed
    found_by   GRADCHECK or QUESTION
    patches    (owner, name, wrap): owner.name, or owner[name] if the owner is a dict, becomes wrap(the old value)
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


# -- correct derivatives of the wrong function ------------------------------------------------------------------------


def _negated(term):
    def wrong(self, logits):
        return tuple(-part for part in term(self, logits))

    return wrong


def _over_the_batch(_):
    def wrong(g):
        return np.sqrt(np.sum(g * g, axis=0, keepdims=True))

    return wrong


def d_steps_too(g_step):
    """G's turn, followed by one more step of D's optimiser."""

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
        "Dense and Conv2D keep only their latest input; backward uses it, whichever batch it is called for.",
        "D runs forward on a real batch, then on a fake one, then backward for both: the real batch is forgotten.",
        GRADCHECK,
        ((Bilinear, "forward", _keep_on_the_layer), (Bilinear, "backward", _take_from_the_layer)),
    ),
    "gradients assigned": Bug(
        "Dense and Conv2D assign to grads with = instead of adding with +=.",
        "Of the gradients of D(real) and D(fake), the first is overwritten: D learns from one of the two batches only.",
        GRADCHECK,
        ((Bilinear, "backward", _assign),),
    ),
    "bias of one sample": Bug(
        "db is the gradient of the batch's first sample: the sum over the batch is missing.",
        "The shape is right, so nothing fails, and the value is not checked.",
        GRADCHECK,
        ((Bilinear, "backward", _first_sample_only),),
    ),
    "BatchNorm in two modes": Bug(
        "BatchNorm in evaluation mode runs forward with the running statistics, but backward with the batch formula.",
        "One formula was derived, the one for training, and nobody asked for the gradient of a frozen net.",
        GRADCHECK,
        ((BatchNorm, "backward", _batch_formula),),
    ),
    "batch statistics held constant": Bug(
        "BatchNorm's backward ignores that the mean and variance of the batch depend on x.",
        "The short formula, gamma dy / sqrt(var + eps), is correct in evaluation mode, and is copied from there.",
        GRADCHECK,
        ((BatchNorm, "backward", _constant_statistics),),
    ),
    "no second derivative": Bug(
        "tangent_backward of every activation drops phi''.",
        "A gradient penalty by double backpropagation: correct for ReLU, and for every net without another activation.",
        GRADCHECK,
        ((Elementwise, "tangent_backward", _without_second_derivative),),
    ),
    "kernel turned round": Bug(
        "Conv2D's weight gradient is flipped along both axes.",
        "One of the three passes computes a convolution where the others compute a cross-correlation.",
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
        "Each pass draws the mask that it needs, instead of backward reusing the mask of forward.",
        GRADCHECK,
        ((Dropout, "adjoint", _another_mask),),
    ),
    "fakes with a minus": Bug(
        "The cross-entropy's gradient for fakes has the wrong sign: D learns to call them real.",
        "The loss is the one for label 0, but the derivative is that of the negated loss.",
        GRADCHECK,
        ((Minimax, "discriminator", _minus_fakes),),
    ),
    "1/N forgotten": Bug(
        "D's loss is a mean over the batch, its gradient a sum.",
        "Adam divides by the size of the gradient, which hides the fault; with SGD the step is N times too long.",
        GRADCHECK,
        ((Minimax, "discriminator", _without_mean),),
    ),
    "the other loss's gradient": Bug(
        "G's loss is the non-saturating one, its gradient that of minimax.",
        "The docstring describes one loss, and the code below it computes the other.",
        GRADCHECK,
        ((NonSaturating, "generator", _saturating),),
    ),
    "two signs that cancel": Bug(
        "The Wasserstein loss has the wrong sign in D's turn and in G's: the critic gives real samples *low* scores.",
        "A swapped tuple cancels the wrong sign; both players agree with each other, so the game still works.",
        QUESTION,
        (
            (Wasserstein, "real_term", _negated),
            (Wasserstein, "fake_term", _negated),
            (Wasserstein, "generator_term", _negated),
        ),
    ),
    "norm over the batch": Bug(
        "The gradient penalty takes the norm over the samples of the batch, not over the entries of each sample.",
        "axis=0 instead of axis=1.  The gradient is correct, but it is that of a penalty on the wrong norm.",
        QUESTION,
        ((penalties, "_norms", _over_the_batch),),
    ),
    "D moves in G's turn": Bug(
        "D's optimiser also takes a step after G's turn.",
        "One optimiser for both players, or a line copied from D's turn: D is not frozen.",
        QUESTION,
        ((GAN, "g_step", d_steps_too),),
    ),
    "seven of eight modes": Bug(
        "The ring's angles are linspace(0, 2 pi, 8): the last angle is the same as the first.",
        "linspace includes both of its ends.  A picture of the points shows seven places, one with twice the weight.",
        QUESTION,
        ((toy.TOY, "ring", _both_ends),),
    ),
}


def names() -> dict[str, str]:
    """{name: one sentence that says what is wrong} for all faults."""
    return {name: bug.tells for name, bug in BUGS.items()}


@contextlib.contextmanager
def planted(name: str) -> Iterator[Bug]:
    """Context manager: inside the block the package has the fault; afterwards it is removed, even after an error.

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
    """The owner's own attribute or entry; _INHERITED if the attribute comes from a base class."""
    return owner[name] if isinstance(owner, dict) else vars(owner).get(name, _INHERITED)


def _put(owner, name, value) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        setattr(owner, name, value)


def _take_away(owner, name) -> None:
    delattr(owner, name)


# -- the examination --------------------------------------------------------------------------------------------------


def small_net(activation: Any, rng: np.random.Generator) -> Sequential:
    """A net of two Dense layers with an activation between them."""
    return Sequential([Dense(4, 5, rng=rng), activation, Dense(5, 1, rng=rng)])


def examine(fault: str | None = None) -> list[str]:
    """Check several things with a fault planted.  Returns the wrong rows: ["a whole game: backward: D's loss: D.0.W"].

    A row says in which thing, in which pass and in which array the derivative is wrong.  No fault: an empty list.

    Raises ValueError as `planted` does.
    """
    make = np.random.default_rng(0)
    x, wrong = make.standard_normal((6, 4)), []
    things: dict[str, tuple[Callable[[], Any], Any, bool]] = {
        "Dense alone": (lambda: Dense(4, 3, rng=make), x, True),
        "BatchNorm, training": (lambda: BatchNorm(4), x, True),
        "BatchNorm, evaluation": (lambda: BatchNorm(4), x, False),
        "a net with LeakyReLU": (lambda: small_net(LeakyReLU(), make), x, True),
        "a net with Tanh": (lambda: small_net(Tanh(), make), x, True),
        "the loss alone": (NonSaturating, None, True),
        "a penalty alone": (penalties.WganGp, None, True),
        "a whole game": (lambda: mlp_gan(4, 2, (5,)), x, True),
    }
    with planted(fault) if fault else contextlib.nullcontext():
        for thing, (build, batch, train) in things.items():
            report = gradcheck(build(), batch, train=train)
            wrong += [f"{thing}: {row.step}: {row.array}" for row in report.rows if row.error > report.tolerance]
    return wrong
