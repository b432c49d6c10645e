r"""The Dirac-GAN built from the package's own layers, to check the formulas of `dirac`.

    D   Dense(1, 1, bias=False)     C(x) = psi x
    G   Dense(1, 1)                 G(z) = z + theta: its weight W = 1 is fixed, theta is its bias b

Z is 0, so G's output is theta.  With instance noise, Z and the real batch are both sigma times `dirac.NOISE`, which
adds the same noise to fakes and data.
"""

from __future__ import annotations

import numpy as np

from .. import losses
from ..dynamics import jacobian_vector, vector_field
from ..gan import GAN
from ..layers import Dense, Sequential
from ..optim import SGD
from ..penalties import R1, R2, WganGp, penalty_backward
from .dirac import NOISE, Variant, check_updates

PSI, THETA = "0.W", "0.b"


class DiracNets:
    """A variant of the Dirac-GAN with Dense layers, in float64."""

    def __init__(self, variant: Variant, *, psi: float = 0.0, theta: float = 0.0, h: float = 0.2):
        rng = np.random.default_rng(0)  # every weight is overwritten below
        G = Sequential([Dense(1, 1, rng=rng, dtype=np.float64)])
        D = Sequential([Dense(1, 1, bias=False, rng=rng, dtype=np.float64)])
        self.G, self.D = G, D
        self.gan = GAN(
            G,
            D,
            latent_dim=1,
            data_shape=(1,),
            loss=losses.get(variant.loss),
            g_optimizer=SGD(G, h),
            d_optimizer=SGD(D, h),
        )
        self.variant = variant
        self.real = variant.noise * NOISE[:, None] if variant.noise else np.zeros((1, 1))
        self.Z = self.real.copy()
        self.penalty = {
            "none": None,
            "r1": R1(variant.gamma),
            "r2": R2(variant.gamma),
            "wgan-gp": WganGp(variant.gamma / 2),
        }[variant.penalty]
        self.move_to(psi, theta)

    @property
    def point(self) -> tuple[float, float]:
        """(psi, theta)."""
        return float(self.D[0].params["W"][0, 0]), float(self.G[0].params["b"][0])

    def move_to(self, psi: float, theta: float) -> None:
        """Set psi and theta."""
        self.D[0].params["W"][...] = psi
        self.G[0].params["b"][...] = theta
        self.G[0].params["W"][...] = 1.0

    def d_gradient(self) -> float:
        """Compute the gradient of D's loss and penalty by psi, store it in D, and return v_psi."""
        self.gan.d_gradients(self.real, self.Z)
        self._penalise()
        return self._regularised()[0] if self.variant.consensus else float(self.D[0].grads["W"][0, 0])

    def g_gradient(self) -> float:
        """Compute the gradient of G's loss by theta, store it in G, and return v_theta."""
        self.gan.g_gradients(self.Z)
        return self._regularised()[1] if self.variant.consensus else float(self.G[0].grads["b"][0])

    def field(self) -> np.ndarray:
        """(v_psi, v_theta) at the present weights, (2,)."""
        return np.array([self.d_gradient(), self.g_gradient()])

    def jacobian(self, *, h: float = 1e-5) -> np.ndarray:
        """J at the present weights, (2, 2).

        The part of the losses is exact, by Hessian-vector products (`dynamics.jacobian_vector`).  The parts of a
        gradient penalty and of the consensus term would need third derivatives and use central differences of width h.
        """
        matrix = self._plain_jacobian()
        if self.variant.consensus or self.penalty is not None:
            psi, theta = self.point
            for column, step in enumerate(((h, 0.0), (0.0, h))):
                ends = []
                for sign in (1, -1):
                    self.move_to(psi + sign * step[0], theta + sign * step[1])
                    ends.append(self._extra())
                matrix[:, column] += (ends[0] - ends[1]) / (2 * h)
            self.move_to(psi, theta)
        return matrix

    def eigenvalues(self) -> np.ndarray:
        """Both eigenvalues (2,) of the flow, -J."""
        return np.linalg.eigvals(-self.jacobian())

    def trajectory(self, *, steps: int, mode: str, n_d: int = 1) -> np.ndarray:
        """The points (steps + 1, 2) as in `dirac.trajectory`, computed with the package's own gradients and SGD."""
        check_updates(self.gan.d_optimizer.lr, mode, n_d)
        path = [self.point]
        for _ in range(steps):
            if mode == "simultaneous":
                d, g = self.field()
                self._step_d(d)
                self._step_g(g)
            else:
                for _ in range(n_d):
                    self._step_d(self.d_gradient())
                self._step_g(self.g_gradient())
            path.append(self.point)
        return np.array(path)

    def _step_d(self, gradient: float) -> None:
        self.D[0].grads["W"][...] = gradient
        self.gan.d_optimizer.step()
        W = self.D[0].params["W"]
        np.clip(W, -self.variant.clip, self.variant.clip, out=W)

    def _step_g(self, gradient: float) -> None:
        grads = self.G[0].grads
        grads["W"][...], grads["b"][...] = 0.0, gradient  # W = 1 is fixed
        self.gan.g_optimizer.step()

    def _penalise(self) -> None:
        """Add the penalty's gradient to D's, at the data for R1, else at the fakes (C has the slope psi everywhere)."""
        if self.penalty is not None:
            at = self.real if self.variant.penalty == "r1" else self.gan.G.forward(self.Z, train=True)[0]
            penalty_backward(self.gan.D, at, self.penalty, input_grad=False)

    def _plain_jacobian(self) -> np.ndarray:
        one = np.ones((1, 1))
        columns = []
        for tD, tG in (({PSI: one}, {}), ({}, {THETA: one[0]})):
            moved_d, moved_g = jacobian_vector(self.gan, self.real, self.Z, tD, tG)
            columns.append([moved_d[PSI][0, 0], moved_g[THETA][0]])
        return np.array(columns).T

    def _plain_field(self) -> np.ndarray:
        d, g = vector_field(self.gan, self.real, self.Z)
        return np.array([d[PSI][0, 0], g[THETA][0]])

    def _regularised(self) -> np.ndarray:
        """v + gamma J^T v."""
        v = self._plain_field()
        return v + self.variant.consensus * self._plain_jacobian().T @ v

    def _extra(self) -> np.ndarray:
        """What consensus or the penalty adds to the field, (2,)."""
        if self.variant.consensus:
            return self._regularised() - self._plain_field()
        self.gan.D.zero_grads()
        self._penalise()
        return np.array([self.D[0].grads["W"][0, 0], 0.0])
