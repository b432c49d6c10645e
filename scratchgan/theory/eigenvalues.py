r"""The eigenvalues of the game's Jacobian: do two nets circle or come to rest, and how fast?

Both players follow d theta/dt = -v(theta) (`scratchgan.dynamics`).  Near a point where v = 0 the flow is that of the
matrix -J, J = dv/dtheta, and its eigenvalues tell all:

    (Spectrum.1)   Re lambda < 0 comes home like exp(Re lambda t);   Im lambda turns;   Re lambda = 0 circles, or stays
    (Spectrum.2)   a step of size h with both players at once converges if |1 + h lambda| < 1, that is for
                   h < -2 Re lambda / |lambda|^2:  eigenvalues near the imaginary axis ask for tiny steps

(Mescheder et al. 2017, section 3.)  J is found column by column, one Hessian-vector product for each weight; the same
by central differences of v is the check.  A penalty's own field is a gradient of second derivatives, so its Jacobian
would need third ones: it is found by central differences of `penalty_backward`, and only of it.

`teacher_game` is a game whose equilibrium is known exactly.  The data are made by a net G* from the noise itself; G
equals G*, and the last layer of D is 0.  Then C = 0, the real logits are the fake ones, and both gradients vanish.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..checks import one_of, positive_int, real
from ..dynamics import jacobian_vector, vector_field
from ..gan import GAN
from ..layers import Dense, Sequential, Tanh
from ..optim import SGD
from ..penalties import Penalty, penalty_backward


def parameters(gan: GAN) -> list[tuple[str, str, np.ndarray]]:
    """(player, path, array) of every weight, D's first: the order of all vectors and matrices here."""
    return [(player, path, a) for player, net in (("D", gan.D), ("G", gan.G)) for path, a in net.parameters()]


def field(gan: GAN, real: np.ndarray, Z: np.ndarray, penalty: Penalty | None = None, *, at: str = "real") -> np.ndarray:
    """v (P,) as one vector: D's gradient, its penalty's included, then G's.

    at    where the penalty is taken: "real" (R1) or "fake" (R2)
    """
    v = _flat(*vector_field(gan, real, Z))
    return v if penalty is None else v + penalty_field(gan, real, Z, penalty, at=at)


def penalty_field(gan: GAN, real: np.ndarray, Z: np.ndarray, penalty: Penalty, *, at: str = "real") -> np.ndarray:
    """What a penalty adds to v (P,): its gradient in D's weights, and zeros for G, who does not pay for it."""
    one_of("eigenvalues", "at", at, ("real", "fake"))
    x = real if at == "real" else gan.G.forward(Z, train=True)[0]
    gan.D.zero_grads()
    penalty_backward(gan.D, x, penalty, input_grad=False)
    return _flat(dict(gan.D.gradients()), {path: np.zeros_like(a) for path, a in gan.G.parameters()})


def game_jacobian(
    gan: GAN, real: np.ndarray, Z: np.ndarray, penalty: Penalty | None = None, *, at: str = "real", h: float = 1e-5
) -> np.ndarray:
    """J (P, P): column j is the derivative of `field` along weight j.

    Exact for the game by itself; the penalty's part by central differences of width h.  P products: for small nets.
    """
    columns = []
    for player, path, a in parameters(gan):
        for i in range(a.size):
            unit = np.zeros(a.size, a.dtype)
            unit[i] = 1
            direction = {path: unit.reshape(a.shape)}
            tD, tG = (direction, {}) if player == "D" else ({}, direction)
            columns.append(_flat(*jacobian_vector(gan, real, Z, tD, tG)))
    matrix = np.stack(columns, axis=1)
    if penalty is not None:
        matrix += difference_jacobian(gan, lambda: penalty_field(gan, real, Z, penalty, at=at), h=h)
    return matrix


def difference_jacobian(gan: GAN, vector: Callable[[], np.ndarray], *, h: float = 1e-5) -> np.ndarray:
    """The derivative (P, P) of any vector() (P,) in all weights by central differences: for checks, and penalties.

    Raises ValueError for weights that are not float64, and for h outside (0, 1].
    """
    h = real("difference_jacobian", "h", h, 0, 1, open_low=True)
    columns = []
    for player, path, a in parameters(gan):
        if a.dtype != np.float64:
            raise ValueError(
                f"difference_jacobian: differences need float64, {player}'s {path} is {a.dtype}: build "
                "the GAN with dtype=np.float64"
            )
        for i, weight in enumerate(a.ravel().copy()):
            ends = []
            for sign in (1, -1):
                a.flat[i] = weight + sign * h  # the weights themselves are moved, and put back
                ends.append(vector())
            a.flat[i] = weight
            columns.append((ends[0] - ends[1]) / (2 * h))
    return np.stack(columns, axis=1)


def eigenvalues(
    gan: GAN, real: np.ndarray, Z: np.ndarray, penalty: Penalty | None = None, *, at: str = "real"
) -> np.ndarray:
    """All eigenvalues (P,), complex, of the flow -J, the one with the largest real part first."""
    values = np.linalg.eigvals(-game_jacobian(gan, real, Z, penalty, at=at))
    return values[np.argsort(-values.real, kind="stable")]


def largest_step(values: np.ndarray) -> float:
    """The learning rate up to which (Spectrum.2) holds for all eigenvalues (n,) given; 0 if one does not decay."""
    values = np.asarray(values, complex)
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"largest_step: expected finite eigenvalues (n,), n at least 1, got {values}")
    return float(max(0.0, (-2 * values.real / np.maximum(np.abs(values) ** 2, 1e-300)).min()))


def teacher_game(
    *, loss="non-saturating", width: int = 6, batch: int = 64, latent_dim: int = 1, data_dim: int = 2, seed: int = 0
) -> tuple[GAN, np.ndarray, np.ndarray]:
    """(gan, real, Z) in float64 at an exact equilibrium, data on a curve in the plane: see the module's first lines."""
    width, batch = positive_int("teacher_game", "width", width), positive_int("teacher_game", "batch", batch)
    rng = np.random.default_rng(positive_int("teacher_game", "seed", seed, least=0))
    G = Sequential(
        [Dense(latent_dim, width, rng=rng, dtype=np.float64), Tanh(), Dense(width, data_dim, rng=rng, dtype=np.float64)]
    )
    D = Sequential(
        [
            Dense(data_dim, width, rng=rng, dtype=np.float64),
            Tanh(),
            Dense(width, 1, rng=rng, bias=False, dtype=np.float64),
        ]
    )
    for layer in (G[0], D[0]):
        layer.params["b"][...] = rng.standard_normal(width)  # else every unit would bend at 0
    D[2].params["W"][...] = 0
    gan = GAN(
        G,
        D,
        latent_dim=latent_dim,
        data_shape=(data_dim,),
        loss=loss,
        g_optimizer=SGD(G, 0.1, momentum=0.0),
        d_optimizer=SGD(D, 0.1, momentum=0.0),
        seed=seed,
    )
    Z = rng.standard_normal((batch, latent_dim))
    return gan, G.forward(Z, train=True)[0], Z


def _flat(d, g) -> np.ndarray:
    return np.concatenate([a.ravel() for part in (d, g) for a in part.values()])
