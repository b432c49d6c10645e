"""Spectral normalisation: a weight divided by its largest singular value, which limits how steep D can be."""

from __future__ import annotations

import numpy as np

from ..checks import positive_int, require_rng
from ..families import Bilinear
from ..kernels import power_iteration
from .conv import ConvTranspose2D
from .reparametrised import Reparametrised

#: power iterations at construction, from a random u
SETTLE = 15


class SpectralNorm(Reparametrised):
    r"""Wrap a Dense, Conv2D or ConvTranspose2D: it uses W / sigma.  (Miyato et al. 2018, section 2, algorithm 1.)

        SpectralNorm(Conv2D(64, 128, kernel_size=4, stride=2, padding=1, rng=rng), rng=rng)

    Symbols   Wm (K, Co), the weight as a matrix with the output channels as columns (the paper's transposed)
              u (K,), v (Co,) of length 1;   E = u v^T in the shape of W;   <A, B> = sum of A * B
              S = W / sigma, the weight used;   K = Di for Dense, k k Ci for both convolutions

    The largest singular value sigma = max u^T Wm v is found by power iteration.  A training step changes W little, so
    one iteration per forward pass, started from the result of the last one, is enough to follow it:

    Forward   (Spectral.1)  v <- Wm^T u / |Wm^T u|,    u <- Wm v / |Wm v|      in training only, `iterations` times
              (Spectral.2)  sigma = u^T Wm v = <E, W>,    S = W / sigma
    Backward  (Spectral.3)  R tW = tS = (tW - <E, tW> S) / sigma
              (Spectral.4)  R^T dS = dW = (dS - <dS, S> E) / sigma
    Tangent   (Spectral.5)  t(R^T) dS = -(<E, tW> / sigma) dW - (<dS, tS> / sigma) E
    Why       (3) is the quotient rule: sigma moves by <E, tW>.  (4) collects the factors of tW in <dS, tS>:
              dS / sigma and -<dS, S> E / sigma.  (5) is (4) differentiated along tW with dS held fixed, once through
              1 / sigma and once through S.  The layer around it: (Reparam.1-4).

    **u and v are constants in every derivative**, as in the paper.  What this neglects:

        evaluation                                  nothing: u and v are constants there
        training, first derivatives                 nothing once the iteration has converged, since at singular vectors
                                                    u^T Wm v does not change to first order with u and v; a little
                                                    before that
        training, second derivatives along W        how u and v turn with W, converged or not (Hessian-vector products)
        training, a gradient penalty                as for first derivatives: its tangent moves only x

    For Dense the map x -> x S then has Lipschitz constant 1.  For a convolution sigma(Wm) is not the norm of the whole
    map, which can be up to k times larger (k x k kernel, stride 1); the paper uses it anyway.

    u and v are `state`: saved, not trained.  Evaluation divides them by their lengths, because averages over steps
    (EMA) are shorter than 1.  A call's sigma, u and v are in its cache, which later calls do not change.

    Arguments: layer; iterations >= 1 per forward pass; rng draws the first u, which `SETTLE` iterations then improve.
    Errors    as Reparametrised; ValueError if W is zero and so has no direction.
    """

    def __init__(self, layer: Bilinear, iterations: int = 1, *, rng: np.random.Generator):
        super().__init__(layer)
        self.iterations = positive_int("SpectralNorm", "iterations", iterations)
        require_rng("SpectralNorm", rng)
        Wm = self._matrix(self.params["W"])
        u, v, _ = self._iterate(Wm, rng.standard_normal(len(Wm)).astype(Wm.dtype), SETTLE)
        self.state = {"u": u, "v": v}

    def weight(self, W, cache):
        """(Spectral.1, 2)."""
        Wm = self._matrix(W)
        if cache.train:
            cache.u, cache.v, cache.sigma = self._iterate(Wm, self.state["u"], self.iterations)
            self.state["u"][...], self.state["v"][...] = cache.u, cache.v
        else:
            cache.u, cache.v = self._unit(self.state["u"]), self._unit(self.state["v"])
            cache.sigma = cache.u @ Wm @ cache.v
            if cache.sigma == 0:
                raise self._zero()
        return W / cache.sigma

    def weight_tangent(self, tW, cache):
        """(Spectral.3)."""
        return (tW - self._along(tW, cache) * cache.W) / cache.sigma

    def weight_adjoint(self, dS, cache):
        """(Spectral.4)."""
        return (dS - np.vdot(dS, cache.W) * self._outer(cache)) / cache.sigma

    def weight_adjoint_tangent(self, dS, tW, tS, cache):
        """(Spectral.5)."""
        dW = self.weight_adjoint(dS, cache)
        return -(self._along(tW, cache) * dW + np.vdot(dS, tS) * self._outer(cache)) / cache.sigma

    def describe(self):
        return super().describe() + (f", iterations={self.iterations}" if self.iterations > 1 else "")

    def _matrix(self, W: np.ndarray) -> np.ndarray:
        """Wm (K, Co).  ConvTranspose2D has the weight of the reverse Conv2D: its Co is the second-to-last axis."""
        if isinstance(self.layer, ConvTranspose2D):
            W = W.swapaxes(-1, -2)
        return W.reshape(-1, W.shape[-1])

    def _outer(self, cache) -> np.ndarray:
        """E = u v^T in the shape of W."""
        shape, E = cache.W.shape, np.outer(cache.u, cache.v)
        if isinstance(self.layer, ConvTranspose2D):
            return E.reshape(*shape[:-2], shape[-1], shape[-2]).swapaxes(-1, -2)
        return E.reshape(shape)

    def _along(self, tW: np.ndarray, cache) -> np.ndarray:
        """<E, tW> = u^T tWm v: how sigma moves along tW."""
        return cache.u @ self._matrix(tW) @ cache.v

    def _iterate(self, Wm: np.ndarray, u: np.ndarray, times: int) -> tuple[np.ndarray, np.ndarray, np.floating]:
        """(Spectral.1, 2): u and v as new arrays, and sigma."""
        u, v, sigma = power_iteration(Wm, u, iterations=times)
        if sigma == 0:
            raise self._zero()
        return u, v, sigma

    def _unit(self, a: np.ndarray) -> np.ndarray:
        """a / |a|."""
        length = np.sqrt(a @ a)
        if length == 0:
            raise self._zero()
        return a / length

    def _zero(self) -> ValueError:
        return ValueError(
            f"{self.label}: W is zero, or zero along u and v, and cannot be divided by its largest "
            "singular value: start from other weights"
        )
