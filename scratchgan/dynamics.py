r"""The game as a dynamical system: its vector field, and products of that field's Jacobian with a vector.

Each player follows its own gradient.  Together, v(theta) = (grad_D L_D, grad_G L_G) is not the gradient of any
function, so the game can circle where a single loss would decrease.  Whether it does depends on the eigenvalues of the
Jacobian J = dv/dtheta, which maps a direction t = (tD, tG) to

    (Dynamics.1)   J t = ( H_DD tD + H_DG tG,   H_GD tD + H_GG tG ),     H_DG = d(grad_D L_D)/d theta_G, ...

(Mescheder et al. 2017, section 3).  The Jacobian is never formed: one tangent pass through G and D, and one tangent of
their backward passes, give J t exactly, for any t:

    G moves along tG, so the fakes move:           tfake = G.tangent(0, tG)
    D moves along tD, its input along tfake:       tr = D.tangent(0, tD),    tf = D.tangent(tfake, tD)
    so the loss's derivatives move:                (tdr, tdf) from the second derivatives of the loss
    and so do the weight gradients:                tangent_backward of D (both batches), then of G
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .gan import GAN

Direction = Mapping[str, np.ndarray]
Field = dict[str, np.ndarray]


def vector_field(gan: GAN, real: np.ndarray, Z: np.ndarray) -> tuple[Field, Field]:
    """(grad_D L_D, grad_G L_G) on one batch of real samples and one of noise, path -> array."""
    gan.d_gradients(real, Z)
    d = {path: g.copy() for path, g in gan.D.gradients()}
    gan.g_gradients(Z, real)
    return d, {path: g.copy() for path, g in gan.G.gradients()}


def jacobian_vector(gan: GAN, real: np.ndarray, Z: np.ndarray, tD: Direction, tG: Direction) -> tuple[Field, Field]:
    """(Dynamics.1): the tangent of `vector_field` when D's weights move along tD and G's along tG (path -> array).

    Weights whose path is missing do not move.  Layers that draw random numbers (Dropout) draw once, for both players.
    Running statistics are updated as in any forward pass; the gradients of G and D are overwritten.
    Raises ValueError for an unknown path or a wrong shape, and for a game with rules or answers, which (Dynamics.1)
    does not cover.
    """
    if gan.rules or gan.answer_size:
        raise ValueError(
            "jacobian_vector: expected a game without rules or answers, "
            f"got {gan.rules or f'{gan.answer_size} answers of D'}"
        )
    G, D, loss, rng = gan.G, gan.D, gan.loss, gan.layer_rng()
    fake, in_g = G.forward(Z, train=True, rng=rng)
    r, on_real = D.forward(real, train=True, rng=rng, **gan.conditions)
    f, on_fake = D.forward(fake, train=True, rng=rng, **gan.conditions)

    tfake = G.tangent(None, in_g, tG)
    tr = _or_zero(D.tangent(None, on_real, tD), r)
    tf = _or_zero(D.tangent(tfake, on_fake, tD), f)

    _, d_real, d_fake = loss.discriminator(r, f)
    D.backward(d_real, on_real, param_grads=False, input_grad=False)
    D.backward(d_fake, on_fake, param_grads=False, input_grad=False)
    td_real, td_fake = loss.discriminator_tangent(r, f, tr, tf)
    D.zero_grads()
    D.tangent_backward(td_real, on_real, input_grad=False)
    D.tangent_backward(td_fake, on_fake, input_grad=False)
    moved_d = {path: g.copy() for path, g in D.gradients()}

    _, d_logits = loss.generator(f, r)
    G.backward(D.backward(d_logits, on_fake, param_grads=False), in_g, param_grads=False, input_grad=False)
    t_logits = loss.generator_tangent(f, tf, r, tr)
    through_d = D.tangent_backward(t_logits, on_fake)  # D's own gradients are not part of G's field
    G.zero_grads()
    G.tangent_backward(through_d, in_g, input_grad=False)
    D.zero_grads()
    return moved_d, {path: g.copy() for path, g in G.gradients()}


def _or_zero(tangent: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    return np.zeros_like(like) if tangent is None else tangent
