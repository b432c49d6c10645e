r"""Classifier two-sample test: if a classifier cannot tell fake from real on test data, the two samples are alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_int, require_rng
from ..checks import real as number
from ..layers.activations import sigmoid, softplus
from .inputs import column, rows, two_samples

RIDGE = 0.01
_STEPS = 100  # Newton needs about ten


def two_sample_accuracy(
    real: ArrayLike, fake: ArrayLike, *, rng: np.random.Generator, folds: int = 5, ridge: float = RIDGE
) -> float:
    r"""Cross-validated accuracy of a logistic regression that classifies real (N, F) against fake (M, F).

    n rows of each kind are drawn, where n is the size of the smaller sample, and split at random into `folds` parts.
    Each part is classified by a model fitted to the others, with the features centred and scaled by the mean and
    standard deviation of the others.

    (TwoSample.1)   accuracy = share of the 2n rows classified correctly;  a logit of exactly 0 counts one half

    Range     0 to 1; 1/2 is best.
    Floor     1/2, for every n, with a standard error of at least 1/sqrt(8n) (Lopez-Paz & Oquab 2017: for equal
              distributions the predictions are coin flips): 0.012 for n = 898.  The folds are not independent, because
              each row is also used for fitting, so the real error is larger: 0.020 where the formula gives 0.016
              (n = 500 Gaussians, 100 repetitions).
    Ceiling   1 for noise: 898 uniform noise images against the pixels of 8x8 digits give 1.
    Blind to  what no hyperplane in feature space separates: Gaussian noise with the mean and standard deviation of each
              pixel has 0.49 on the digits.  It is also very strict: a constant but invisible fault, such as one wrong
              pixel, gives 1.  Memorised samples score like fresh ones; if the fakes *are* the real rows, the score is
              below 1/2 (0.36), because the copy of a row with the other label is then mostly in the training part.
    Errors    ValueError if the samples are not finite (N, F) and (M, F) with at least `folds` rows each, for folds
              below 2, or for a ridge that is not positive.  TypeError if rng is not a Generator.
    Source    Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests".
    """
    folds = positive_int("two_sample_accuracy", "folds", folds, least=2)
    require_rng("two_sample_accuracy", rng)
    real, fake = two_samples("two_sample_accuracy", real, fake, least=folds)
    n = min(len(real), len(fake))
    x = np.concatenate([real[rng.permutation(len(real))[:n]], fake[rng.permutation(len(fake))[:n]]])
    y = np.repeat([1.0, 0.0], n)
    part = np.tile(np.arange(n) % folds, 2)  # the rows are in random order; each part has as many real as fake rows
    right = 0.0
    for fold in range(folds):
        test = part == fold
        mean, std = x[~test].mean(axis=0), x[~test].std(axis=0)
        std[std <= 1e-12 * np.abs(mean)] = 1  # constant features carry no information
        w, b = fit_logistic((x[~test] - mean) / std, y[~test], ridge=ridge)
        logit = (x[test] - mean) / std @ w + b
        right += np.sum((logit > 0) == (y[test] > 0), where=logit != 0) + 0.5 * np.sum(logit == 0)
    return float(right / (2 * n))


def fit_logistic(x: ArrayLike, y: ArrayLike, *, ridge: float = RIDGE) -> tuple[np.ndarray, float]:
    r"""Logistic regression of labels y (N,), 0 or 1, on x (N, F) by Newton's method: (weights w (F,), bias b).

    (TwoSample.2)   L(w, b) = mean_n[ softplus(l_n) - y_n l_n ] + ridge/2 |w|^2,       l_n = x_n.w + b
    (TwoSample.3)   dL/dw   = x^T (p - y) / N + ridge w,    dL/db = mean(p - y),       p_n = sigmoid(l_n)
    (TwoSample.4)   d2L     = X^T diag(p (1 - p)) X / N + ridge (not on b),            X = [x, 1]
    (TwoSample.5)   step    = -(d2L)^{-1} dL,     halved until L falls by at least a quarter of what its slope predicts

    L is strictly convex, so it has a single minimum, whatever the start.  The ridge also keeps w finite if a hyperplane
    separates the classes.  Newton steps are weighted least squares problems (IRLS) and converge quickly.

    Raises ValueError unless x is finite (N, F), y is (N,) with values 0 and 1 that both occur, and ridge is positive.
    """
    ridge = number("fit_logistic", "ridge", ridge, 0, np.inf, open_low=True, open_high=True)
    x, y = rows("fit_logistic", "x", x, least=2), column("fit_logistic", "y", y, least=2)
    if len(x) != len(y) or set(np.unique(y)) != {0.0, 1.0}:
        raise ValueError(
            f"fit_logistic expects y ({len(x)},) of 0 and 1, both occurring; got {len(y)} numbers with the "
            f"values {np.unique(y)[:5]}"
        )
    X = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    decay = np.full(X.shape[1], ridge)
    decay[-1] = 0
    theta, N = np.zeros(X.shape[1]), len(X)

    def loss(theta):  # (TwoSample.2)
        l = X @ theta
        return np.mean(softplus(l) - y * l) + 0.5 * decay @ theta**2

    value = loss(theta)
    for _ in range(_STEPS):
        p = sigmoid(X @ theta)
        gradient = X.T @ (p - y) / N + decay * theta  # (TwoSample.3)
        hessian = X.T @ (X * (p * (1 - p))[:, None]) / N + np.diag(decay)  # (TwoSample.4)
        step = -np.linalg.solve(hessian, gradient)  # (TwoSample.5)
        slope, length = float(gradient @ step), 1.0
        if -slope < 1e-20 * (1 + value):
            break
        enough = value + 1e-15 * (1 + value)  # up to rounding
        while (new := loss(theta + length * step)) > enough + 0.25 * length * slope and length > 1e-6:
            length /= 2
        theta, value = theta + length * step, new
    return theta[:-1], float(theta[-1])
