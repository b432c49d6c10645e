"""Chapter 05b, BatchNorm and the DCGAN: BatchNorm forward, backward in both modes, and what it cannot see."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _images(rng, N=4, H=3, W=2, C=3, eps=0.1):
    """The eps is large, so that its place under the root matters."""
    return {
        "x": rng.uniform(0.5, 2, C) * rng.standard_normal((N, H, W, C)) + rng.uniform(-2, 2, C),
        "gamma": rng.uniform(0.5, 2, C),
        "beta": rng.uniform(-2, 2, C),
        "eps": eps,
    }


def _some_images():
    constant = _images(np.random.default_rng(2))
    constant["x"][..., 1] = 3.0
    return [_images(np.random.default_rng(1), N=1), constant, _images(np.random.default_rng(3), eps=1e-5)]


def _batchnorm_forward(x, gamma, beta, eps, axes=(0, 1, 2), ddof=0, root=True, centred=True):
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, ddof=ddof, keepdims=True) if centred else (x**2).mean(axis=axes, keepdims=True)
    return gamma * (x - mean) / (np.sqrt(var + eps) if root else np.sqrt(var) + eps) + beta


def _normalised(rng, N=6, C=4):
    x = 2 * rng.standard_normal((N, C)) + 1
    xc = x - x.mean(axis=0)
    r = 1 / np.sqrt((xc**2).mean(axis=0) + 1e-5)
    gamma = rng.uniform(0.5, 2, C) * rng.choice([-1, 1], C)
    return {"dy": rng.standard_normal((N, C)), "xhat": xc * r, "gamma": gamma, "r": r}


def _batchnorm(dy, xhat, gamma, r, mean=1, spread=1, total=np.sum):
    g = gamma * dy
    dx = r * (g - mean * g.mean(axis=0) - spread * xhat * (g * xhat).mean(axis=0))
    return dx, total(dy * xhat, axis=0), total(dy, axis=0)


def _evaluated(rng, N=5, C=3):
    return {
        "dy": rng.standard_normal((N, C)),
        "x": 2 * rng.standard_normal((N, C)) + 1,
        "gamma": rng.uniform(0.5, 2, C),
        "mean": rng.uniform(-1, 3, C),
        "var": rng.uniform(0.5, 6, C),
        "eps": 0.1,
    }


def _evaluation(dy, x, gamma, mean, var, eps):
    r = 1 / np.sqrt(var + eps)
    return gamma * r * dy, (dy * (x - mean) * r).sum(axis=0), dy.sum(axis=0)


def _of_this_batch(dy, x, gamma, mean, var, eps):
    return _evaluation(dy, x, gamma, x.mean(axis=0), x.var(axis=0), eps)


def _training(dy, x, gamma, mean, var, eps):
    r = 1 / np.sqrt(x.var(axis=0) + eps)
    return _batchnorm(dy, (x - x.mean(axis=0)) * r, gamma, r)


def _running_but_projected(dy, x, gamma, mean, var, eps):
    r = 1 / np.sqrt(var + eps)
    return _batchnorm(dy, (x - mean) * r, gamma, r)


def _stretched(rng, N=5, C=3):
    given = _normalised(rng, N, C)
    return {"dx": _batchnorm(**given)[0], "a": rng.uniform(1.5, 4, C), "b": rng.uniform(1, 3, C)}


EXERCISES = [
    Exercise(
        "05b.batchnorm_forward",
        "The output y of BatchNorm in training, for images x (N, H, W, J), with gamma and beta (J,).",
        _batchnorm_forward,
        _images,
        ("y",),
        {
            "Each image was normalised by itself: mean and variance run over the batch as well.": lambda **k: (
                _batchnorm_forward(**k, axes=(1, 2))
            ),
            "Each position was normalised by itself: mean and variance run over all positions as well.": lambda **k: (
                _batchnorm_forward(**k, axes=(0,))
            ),
            "One mean for all channels: each channel has its own.": lambda **k: _batchnorm_forward(
                **k, axes=(0, 1, 2, 3)
            ),
            "Each image was normalised over its channels too: that is LayerNorm.": lambda **k: _batchnorm_forward(
                **k, axes=(1, 2, 3)
            ),
            "The variance is a mean over M entries; yours divides by M - 1.": lambda **k: _batchnorm_forward(
                **k, ddof=1
            ),
            "eps belongs under the root, to the variance.": lambda **k: _batchnorm_forward(**k, root=False),
            "That is the mean of x^2; the variance is the mean of xc^2, after the mean was taken off.": lambda **k: (
                _batchnorm_forward(**k, centred=False)
            ),
            "gamma is the spread, and beta the mean.": lambda x, gamma, beta, eps: _batchnorm_forward(
                x, beta, gamma, eps
            ),
        },
        about="(Norm.1) and (Norm.2)",
        edges=_some_images,
    ),
    Exercise(
        "05b.batchnorm_backward",
        "dx, dgamma, dbeta of BatchNorm in training, from dy and xhat (N, J), gamma and r (J,).",
        _batchnorm,
        _normalised,
        ("dx", "dgamma", "dbeta"),
        {
            "You treated mean and variance as constants.  Both depend on x: two terms are missing in dx.": lambda **k: (
                _batchnorm(**k, mean=0, spread=0)
            ),
            "The mean depends on x, too: a term is missing in dx.": lambda **k: _batchnorm(**k, mean=0),
            "The variance depends on x, too: a term is missing in dx.": lambda **k: _batchnorm(**k, spread=0),
            "gamma is missing in dx: the gradient of xhat is gamma dy.": lambda dy, xhat, gamma, r: (
                _batchnorm(dy, xhat, 1.0, r)[0],
                *_batchnorm(dy, xhat, gamma, r)[1:],
            ),
            "dgamma and dbeta are means over the batch, but a layer sums.": lambda **k: _batchnorm(**k, total=np.mean),
            "r is missing in dx: xhat is r times the centred x.": lambda dy, xhat, gamma, r: (
                _batchnorm(dy, xhat, gamma, 1.0)[0],
                *_batchnorm(dy, xhat, gamma, r)[1:],
            ),
            "Both subtracted terms of dx are means over the batch; yours are sums.": lambda **k: _batchnorm(
                **k, mean=len(k["dy"]), spread=len(k["dy"])
            ),
            "The term with xhat has the wrong sign in dx: it is subtracted.": lambda **k: _batchnorm(**k, spread=-1),
            "dgamma and dbeta are in the wrong order.": lambda **k: tuple(_batchnorm(**k)[i] for i in (0, 2, 1)),
            "dgamma is the sum of dy xhat, without gamma: gamma stands behind xhat.": lambda dy, xhat, gamma, r: (
                _batchnorm(dy, xhat, gamma, r)[0],
                (gamma * dy * xhat).sum(axis=0),
                dy.sum(axis=0),
            ),
        },
        about="(Norm.5)",
        edges=lambda: [_normalised(np.random.default_rng(1), N=2), _normalised(np.random.default_rng(2), C=6)],
    ),
    Exercise(
        "05b.evaluation_backward",
        "dx, dgamma, dbeta of BatchNorm in evaluation mode, from dy and x (N, J), gamma and the running mean and var (J,).",
        _evaluation,
        _evaluated,
        ("dx", "dgamma", "dbeta"),
        {
            "That is training: in evaluation mode mean and variance are constants, and not those of this batch.": (
                _training
            ),
            "Mean and variance of this batch: in evaluation mode the running ones are used.": _of_this_batch,
            "The running mean and variance do not depend on x: which terms of (Norm.5) came from there?": (
                _running_but_projected
            ),
            "gamma is missing in dx.": lambda dy, x, gamma, mean, var, eps: (
                _evaluation(dy, x, 1.0, mean, var, eps)[0],
                *_evaluation(dy, x, gamma, mean, var, eps)[1:],
            ),
            "dgamma takes xhat, and not x.": lambda dy, x, gamma, mean, var, eps: (
                _evaluation(dy, x, gamma, mean, var, eps)[0],
                (dy * x).sum(axis=0),
                dy.sum(axis=0),
            ),
            "The square root is missing: r is one over the standard deviation.": lambda dy, x, gamma, mean, var, eps: (
                _evaluation(dy, x, gamma, mean, (var + eps) ** 2 - eps, eps)
            ),
            "eps is missing under the root.": lambda dy, x, gamma, mean, var, eps: _evaluation(
                dy, x, gamma, mean, var, 0.0
            ),
        },
        about='"Two modes, two derivatives"',
        edges=lambda: [_evaluated(np.random.default_rng(1), N=1), _evaluated(np.random.default_rng(2), C=5)],
    ),
    Exercise(
        "05b.after_stretching",
        "A loss behind a BatchNorm (eps = 0) has the gradient dx at x (N, J).  Its gradient at a x + b, for a > 0 and b (J,).",
        lambda dx, a, b: dx / a,
        _stretched,
        ("gradient",),
        {
            "The loss is the same number at a x + b.  But is its slope?  A step of x there is seen a times smaller.": (
                lambda dx, a, b: dx + 0 * a
            ),
            "The other way round: L(a x + b) = L(x) for all x; differentiate both sides by x.": lambda dx, a, b: a * dx,
            "b is not seen behind the layer, neither in the loss nor in its slope.": lambda dx, a, b: dx / a + b,
            "b is not seen behind the layer, neither in the loss nor in its slope: only a matters.": lambda dx, a, b: (
                (dx - b) / a
            ),
            "a appears once too often: differentiate L(a x + b) = L(x) by x.": lambda dx, a, b: dx / a**2,
        },
        about="(Norm.5)",
        edges=lambda: [
            {"dx": np.array([[1.0, -2.0], [-1.0, 2.0]]), "a": np.array([1.0, 4.0]), "b": np.array([3.0, 0.0])}
        ],
    ),
]
