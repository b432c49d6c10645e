"""Chapter 11, evaluation: two distances between samples, nearest-neighbour balls, and a test with its own error."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _line(rng):
    return {"x": 1 + 2 * rng.standard_normal(40), "y": 0.7 * rng.standard_normal(25)}


def _gap(x, y, spread=np.std, power=2, ddof=1):
    return float(np.abs(x.mean() - y.mean()) ** power + np.abs(spread(x, ddof=ddof) - spread(y, ddof=ddof)) ** power)


def _tables(rng):
    x, y = rng.standard_normal((6, 3)), 0.5 + rng.standard_normal((9, 3))
    return {name: (a @ b.T / 3 + 1) ** 3 for name, a, b in (("Kxx", x, x), ("Kyy", y, y), ("Kxy", x, y))}


def _mmd2(Kxx, Kyy, Kxy, cross=2.0):
    N, M = Kxy.shape
    within = (Kxx.sum() - np.trace(Kxx)) / (N * (N - 1)) + (Kyy.sum() - np.trace(Kyy)) / (M * (M - 1))
    return float(within - cross * Kxy.mean())


def _too_small(Kxx, Kyy, Kxy):
    within = sum((K.sum() - np.trace(K)) / len(K) ** 2 for K in (Kxx, Kyy))
    return float(within - 2 * Kxy.mean())


def _negative():
    """Kernel tables of a sample and itself: the unbiased estimate is below 0."""
    x = np.array([[0.0, 1.0], [2.0, -1.0], [1.0, 1.0], [-1.0, 0.5]])
    K = (x @ x.T / 2 + 1) ** 3
    return [{"Kxx": K, "Kyy": K[:3, :3], "Kxy": K[:, :3]}, {"Kxx": K, "Kyy": K, "Kxy": K}]


def _nearest_ball(distances, radii):
    nearest = distances.argmin(axis=1)
    return float((distances[np.arange(len(distances)), nearest] <= radii[nearest]).mean())


def _two_balls():
    """A fake outside the ball of its nearest real point and inside another; one that lies on the edge of a ball."""
    return [
        {"distances": np.array([[1.0, 1.2], [3.0, 2.5], [0.1, 5.0], [0.2, 5.0]]), "radii": np.array([0.5, 2.0])},
        {"distances": np.array([[2.0, 4.0, 9.0], [3.0, 9.0, 9.0]]), "radii": np.array([2.0, 0.5, 0.5])},
    ]


def _distances(x):
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))


def _radii_without_zeros(x, k):
    table = _distances(x)
    return np.sort(np.where(table > 0, table, np.inf), axis=1)[:, k - 1]


def _balls(rng):
    real, fake = rng.standard_normal((12, 2)), 1 + rng.standard_normal((17, 2))
    return {
        "distances": np.sqrt(((fake[:, None] - real[None]) ** 2).sum(axis=2)),
        "radii": np.sort(_distances(real), axis=1)[:, 2],
    }


def _logits(rng):
    return {"real": 0.5 + rng.standard_normal(30), "fake": -0.2 + rng.standard_normal(30)}


def _verdicts(real, fake, error=lambda n: 0.5 / np.sqrt(2 * n)):
    return (np.sum(real > 0) + np.sum(fake <= 0)) / (2 * len(real)), error(len(real))


EXERCISES = [
    Exercise(
        "11.frechet_1d",
        "The squared Frechet distance of the Gaussians fitted to x (N,) and y (M,), with divisors N - 1 and M - 1.",
        _gap,
        _line,
        ("d2",),
        {
            "Square the difference of the *standard deviations*, not that of the variances.": lambda x, y: _gap(
                x, y, spread=np.var
            ),
            "That is the squared difference of the means alone; the standard deviations differ, too.": lambda x, y: (
                float((x.mean() - y.mean()) ** 2)
            ),
            "Square both differences before you add them.": lambda x, y: _gap(x, y, power=1),
            "NumPy's std divides by N unless you pass ddof=1.": lambda x, y: _gap(x, y, ddof=0),
            "That is the distance itself; its square is asked for.": lambda x, y: float(np.sqrt(_gap(x, y))),
            "That is the squared difference of the standard deviations alone; the means differ, too.": lambda x, y: (
                float((x.std(ddof=1) - y.std(ddof=1)) ** 2)
            ),
        },
        about="(Frechet.1)",
        edges=lambda: [
            {"x": np.array([0.0, 2.0]), "y": np.array([5.0, 5.0, 5.0])},
            {"x": np.array([1.0, 2.0, 3.0]), "y": np.array([3.0, 2.0, 1.0, 2.0])},
        ],
    ),
    Exercise(
        "11.mmd2",
        "The unbiased MMD^2 of kernel tables Kxx (N, N), Kyy (M, M) and Kxy (N, M).",
        _mmd2,
        _tables,
        ("mmd2",),
        {
            "You included the diagonals: a point paired with itself is not a pair of two draws, which causes the bias.": lambda Kxx, Kyy, Kxy: (
                float(Kxx.mean() + Kyy.mean() - 2 * Kxy.mean())
            ),
            "You left out the diagonals, but still divide by N^2: how many pairs are left?": _too_small,
            "The cross term needs a factor 2, like 2 a.b in |a - b|^2.": lambda Kxx, Kyy, Kxy: _mmd2(
                Kxx, Kyy, Kxy, cross=1.0
            ),
            "The sign of the cross term is wrong: similar samples make the distance *smaller*.": lambda Kxx, Kyy, Kxy: (
                _mmd2(Kxx, Kyy, Kxy, cross=-2.0)
            ),
            "An unbiased estimate may be negative: do not cut it off at 0.": lambda Kxx, Kyy, Kxy: max(
                0.0, _mmd2(Kxx, Kyy, Kxy)
            ),
            "An unbiased estimate may be negative: do not take its absolute value.": lambda Kxx, Kyy, Kxy: abs(
                _mmd2(Kxx, Kyy, Kxy)
            ),
        },
        about="(Mmd.2)",
        edges=_negative,
    ),
    Exercise(
        "11.knn_radii",
        "The distance from each row of x (N, F) to its k-th nearest other row, (N,).",
        lambda x, k: np.sort(_distances(x), axis=1)[:, k],
        lambda rng: {"x": rng.standard_normal((9, 4)), "k": int(rng.integers(2, 5))},
        ("radii",),
        {
            "You counted each point as its own nearest neighbour: the first of the sorted distances is 0.": lambda x, k: (
                np.sort(_distances(x), axis=1)[:, k - 1]
            ),
            "Those are squared distances.": lambda x, k: np.sort(_distances(x), axis=1)[:, k] ** 2,
            "That is the mean distance to the k neighbours; the radius is the distance to the k-th.": lambda x, k: (
                np.sort(_distances(x), axis=1)[:, 1 : k + 1].mean(axis=1)
            ),
            "Points may coincide: leave out the point itself, not all that are at distance 0.": _radii_without_zeros,
        },
        about="(PrecisionRecall.1)",
        edges=lambda: [
            {"x": np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0], [6.0, 8.0], [0.0, 0.0]]), "k": k} for k in (1, 2, 3)
        ],
    ),
    Exercise(
        "11.precision",
        "Precision, from the distances (M, N) of fakes to real points and the radii (N,) of the real points' balls.",
        lambda distances, radii: float((distances <= radii).any(axis=1).mean()),
        _balls,
        ("precision",),
        {
            "That is the share of real balls that contain a fake; precision is a share of the *fakes*.": lambda distances, radii: (
                float((distances <= radii).any(axis=0).mean())
            ),
            "One ball is enough: a fake need not lie in all of them.": lambda distances, radii: float(
                (distances <= radii).all(axis=1).mean()
            ),
            "That is a share of all pairs; a fake counts once, no matter how many balls contain it.": lambda distances, radii: (
                float((distances <= radii).mean())
            ),
            "That is the share of fakes *outside* all balls.": lambda distances, radii: float(
                (distances > radii).all(axis=1).mean()
            ),
            "The ball that a fake lies in need not be that of its nearest real point: balls have different sizes.": _nearest_ball,
        },
        about="(PrecisionRecall.1)",
        edges=_two_balls,
    ),
    Exercise(
        "11.two_sample",
        "The accuracy of a two-sample test on n real and n fake logits, and its standard error if D guesses at random.",
        _verdicts,
        _logits,
        ("accuracy", "error"),
        {
            "There are 2n decisions: n on real samples and n on fakes.": lambda real, fake: _verdicts(
                real, fake, lambda n: 0.5 / np.sqrt(n)
            ),
            "That is the variance; the standard error is its square root.": lambda real, fake: _verdicts(
                real, fake, lambda n: 0.25 / (2 * n)
            ),
            "A fair coin has the variance 1/4, not 1: its standard deviation is 1/2.": lambda real, fake: _verdicts(
                real, fake, lambda n: 1 / np.sqrt(2 * n)
            ),
            "The decisions are swapped: a logit above 0 means real.": lambda real, fake: (
                1 - _verdicts(real, fake)[0],
                _verdicts(real, fake)[1],
            ),
            "On the fakes, 'fake' is the right verdict, a logit that is *not* above 0.": lambda real, fake: (
                float((np.sum(real > 0) + np.sum(fake > 0)) / (2 * len(real))),
                _verdicts(real, fake)[1],
            ),
        },
        about="(TwoSample.1)",
        edges=lambda: [
            {"real": np.array([1.0, 2.0, 3.0, 0.5]), "fake": np.array([-1.0, 2.0, -0.1, 0.0])},
            {"real": np.array([-1.0, -2.0, 3.0]), "fake": np.array([1.0, 2.0, -3.0])},
        ],
    ),
]
