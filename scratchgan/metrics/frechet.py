r"""Frechet distance between two Gaussians fitted to features; with Inception features it is called FID."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .inputs import two_samples


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> float:
    r"""Squared Wasserstein-2 distance between Gaussians with the means and covariances of real (N, F) and fake (M, F).

    Symbols   m (F,) the mean and S (F, F) the covariance, with divisor N - 1, of each sample

    (Frechet.1)   d^2 = |m_r - m_f|^2 + Tr S_r + Tr S_f - 2 Tr (S_r^{1/2} S_f S_r^{1/2})^{1/2}
    (Frechet.2)   Tr (S_r^{1/2} S_f S_r^{1/2})^{1/2} = sum of the singular values of S_r^{1/2} S_f^{1/2}

    (Frechet.2) holds because A A^T with A = S_r^{1/2} S_f^{1/2} is the matrix under the root, and the eigenvalues of
    A A^T are the squared singular values of A.  With S = V diag(l) V^T, A may be replaced by
    diag(l_r)^{1/2} V_r^T V_f diag(l_f)^{1/2}, since rotations do not change singular values.  Eigenvalues below F eps
    times the largest count as 0, so no square root of a rounding error is taken.  The computation therefore works with
    fewer samples than features, where the matrix square root of S_r S_f becomes complex or fails.

    Range     0 to infinity, in squared units of the features; smaller is better; symmetric; 0 if real equals fake.
    Floor     not 0: two samples of the same distribution differ, and d^2 is biased upwards by about a constant / N.
              Values for different N are therefore not comparable (Chong & Forsyth 2020), and N should be much larger
              than F.  Pixels of 8x8 digits, 898 real against 898 real: 0.29; 200 against 200: 1.3.
    Ceiling   898 uniform noise images against real: 40.
    Blind to  everything beyond mean and covariance: Gaussian noise with the moments of the 898 real images has 0.14,
              below the floor.  Memorisation: copies of the training data are perfect.  Which failure it is: both bad
              images and missing ones raise it.  Differences that the features do not show.
    Errors    ValueError if the samples are not finite (N, F) and (M, F) with at least 2 rows each.
    Sources   Dowson & Landau 1982 for (Frechet.1); Heusel et al. 2017 for its use on GANs.
    """
    real, fake = two_samples("frechet_distance", real, fake, least=2)
    (m_r, r, trace_r), (m_f, f, trace_f) = moments(real), moments(fake)
    root = np.linalg.svd(r.T @ f, compute_uv=False).sum()  # (Frechet.2)
    return max(0.0, float(np.sum((m_r - m_f) ** 2) + trace_r + trace_f - 2 * root))


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """(mean (F,), B (F, rank) with B B^T = S, the covariance of x (N, F), and Tr S)."""
    mean = x.mean(axis=0)
    centred = x - mean
    S = centred.T @ centred / (len(x) - 1)
    values, vectors = np.linalg.eigh(S)
    keep = values > len(S) * np.finfo(np.float64).eps * values[-1]
    return mean, vectors[:, keep] * np.sqrt(values[keep]), float(np.trace(S))
