"""The power iteration: how spectral normalisation finds the largest singular value of a weight."""

from __future__ import annotations

import numpy as np

from .registry import kernel


@kernel
def power_iteration(Wm: np.ndarray, u: np.ndarray, *, iterations: int) -> tuple[np.ndarray, np.ndarray, np.floating]:
    """(u, v, sigma) after `iterations` rounds from u; Wm (K, Co), u (K,), v (Co,).

        each round (its sums in parallel: a thread owns rows of Wm)
            v[c] = sum over k of Wm[k, c] u[k],    v <- v / |v|
            u[k] = sum over c of Wm[k, c] v[c],    u <- u / |u|
        sigma = sum over k and c of u[k] Wm[k, c] v[c]

    A vector of zeros has no direction and stays zero; sigma is then zero, too.
    """
    for _ in range(iterations):
        v = _unit(Wm.T @ u)
        u = _unit(Wm @ v)
    return u, v, u @ Wm @ v


def _unit(a: np.ndarray) -> np.ndarray:
    length = np.sqrt(a @ a)
    return a / length if length else np.zeros_like(a)
