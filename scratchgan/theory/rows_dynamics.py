"""The ledger's rows about the game as a dynamical system: equilibria, eigenvalues and steps."""

from __future__ import annotations

import math

import numpy as np

from ..penalties import R1
from .dirac import VARIANTS, Variant, eigenvalues, update_eigenvalues
from .dirac_nets import DiracNets
from .eigenvalues import field, game_jacobian, teacher_game
from .row import LedgerRow

MESCHEDER, GOODFELLOW = "Mescheder et al. 2018", "Goodfellow et al. 2014, proposition 1"


def rows() -> list[LedgerRow]:
    """All rows about dynamics."""
    return [*_nash(), *_eigenvalues(), *_steps()]


def _nash() -> list[LedgerRow]:
    gan, real, Z = teacher_game(width=4, batch=32)
    matrix = game_jacobian(gan, real, Z)
    n = sum(a.size for _, a in gan.D.parameters())
    critics, real_w, Z_w = teacher_game(loss="wasserstein", width=4, batch=32)
    circling = np.linalg.eigvals(-game_jacobian(critics, real_w, Z_w))
    damped = np.linalg.eigvals(-game_jacobian(critics, real_w, Z_w, R1(1.0)))
    turning = np.abs(damped.imag) > 1e-4
    topic = "an exact equilibrium of two nets"
    return [
        LedgerRow(
            topic,
            "Nash: both players' gradients are 0",
            "(Dynamics.1)",
            0.0,
            float(np.abs(field(gan, real, Z)).max()),
            1e-15,
        ),
        LedgerRow(
            topic,
            "Nash: D is at a minimum, no eigenvalue of its Hessian is below 0",
            GOODFELLOW,
            0.0,
            float(-np.linalg.eigvalsh(matrix[:n, :n]).min()),
            1e-12,
            "<=",
        ),
        LedgerRow(
            topic,
            "Nash: G cannot gain, its Hessian is 0 where C = 0",
            MESCHEDER,
            0.0,
            float(np.abs(matrix[n:, n:]).max()),
            1e-15,
        ),
        LedgerRow(
            topic,
            "the players pull against each other: H_DG = -H_GD^T",
            MESCHEDER,
            0.0,
            float(np.abs(matrix[:n, n:] + matrix[n:, :n].T).max()),
            1e-14,
        ),
        LedgerRow(
            topic,
            "Wasserstein without penalty: all eigenvalues have real part 0",
            MESCHEDER,
            0.0,
            float(np.abs(circling.real).max()),
            1e-6,
        ),
        LedgerRow(
            topic,
            "the same with R1: all that rotate decay",
            MESCHEDER,
            0.0,
            float(damped.real[turning].max()),
            0.0,
            "<=",
        ),
    ]


def _eigenvalues() -> list[LedgerRow]:
    found = []
    for variant in VARIANTS.values():
        if variant.penalty == "wgan-gp" or math.isfinite(
            variant.clip
        ):  # not differentiable; the same as without clipping
            continue
        code = complex(sorted(DiracNets(variant).eigenvalues(), key=lambda value: value.imag)[1])
        theory = complex(max(eigenvalues(variant), key=lambda value: value.imag))
        found.append(LedgerRow("eigenvalues of the Dirac-GAN", _label(variant), "(Dirac.4)", theory, code, 1e-8))
    return found


def _steps() -> list[LedgerRow]:
    plain, h, tiny = VARIANTS["minimax"], 0.2, 1e-6
    grown = np.linalg.norm(DiracNets(plain, psi=tiny, h=h).trajectory(steps=1, mode="simultaneous")[1]) / tiny
    ends = [
        DiracNets(plain, psi=psi, theta=theta, h=h).trajectory(steps=1, mode="alternating")[1] / tiny
        for psi, theta in ((tiny, 0.0), (0.0, tiny))
    ]
    r1 = VARIANTS["R1"]
    step = np.array(
        [
            DiracNets(r1, psi=psi, theta=theta, h=h).trajectory(steps=1, mode="alternating", n_d=3)[1] / tiny
            for psi, theta in ((tiny, 0.0), (0.0, tiny))
        ]
    ).T
    theory = max(abs(mu) for mu in update_eigenvalues(r1, h, "alternating", 3))
    NS = VARIANTS["non-saturating"]
    circle = np.linalg.norm(DiracNets(NS, psi=0.8, h=h).trajectory(steps=600, mode="simultaneous")[-252:], axis=1)
    t = 600 * 0.2
    start = math.sqrt(8 / t)  # the solution (Dirac.7) at time t
    home = np.linalg.norm(DiracNets(NS, psi=start, h=0.2).trajectory(steps=600, mode="alternating")[-1])
    topic = "steps of the Dirac-GAN, by the package's gradients and SGD"
    return [
        LedgerRow(
            topic,
            "simultaneous: a step grows by sqrt(1 + h^2/4), h = 0.2",
            "(Dirac.5)",
            math.sqrt(1 + h**2 / 4),
            float(grown),
            1e-10,
        ),
        LedgerRow(
            topic,
            "alternating: a step preserves areas, det = 1",
            "(Dirac.6)",
            1.0,
            float(np.linalg.det(np.array(ends))),
            1e-10,
        ),
        LedgerRow(
            topic,
            "R1, three steps of D to one of G: largest |mu|",
            "(Dirac.6)",
            float(theory),
            float(np.abs(np.linalg.eigvals(step)).max()),
            1e-8,
        ),
        LedgerRow(
            topic,
            "non-saturating, simultaneous: converges to a circle of radius sqrt(2h), to first order in h",
            "(Dirac.7)",
            math.sqrt(2 * h),
            float(circle.mean()),
            0.02,
        ),
        LedgerRow(
            topic,
            "non-saturating, alternating: R = sqrt(8/t), t from 120 to 240",
            "(Dirac.7)",
            math.sqrt(8 / (2 * t)),
            float(home),
            0.01,
        ),
    ]


def _label(variant: Variant) -> str:
    details = {
        "R1": f", gamma = {variant.gamma:g}",
        "R2": f", gamma = {variant.gamma:g}",
        "instance noise": f", sigma = {variant.noise:g}",
        "consensus": f", gamma = {variant.consensus:g}",
    }
    return variant.label + details.get(variant.label, "")
