r"""Mode collapse on toy data: which modes of a known mixture the samples cover, in what proportions and how widely.

The modes must be known: `scratchgan.data.ring`, `grid` and `gaussian_mixture_1d`.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..data import Density

RADIUS = 3.0  # high quality: within this many sigma of the nearest mode
_ROWS = 65536  # samples compared with all modes at a time


@dataclass(frozen=True)
class ModeReport:
    r"""What `mode_report` found.  `str()` is a small table.

    modes_found         number of modes that are nearest to at least one high-quality sample, 0..n_modes
    n_modes             K
    high_quality        share of samples within 3 sigma of their nearest mode, 0..1
    perfect_quality     high_quality of perfect samples: 0.9973 in 1-D, 0.9889 in 2-D
    reverse_kl          KL(model || truth) over modes, in nats: 0 is perfect; log K if all are at one of K equal modes
    within_mode_spread  width of the modes relative to the true width; 1 is right; NaN without high-quality samples
    counts              (K,) number of samples nearest to each mode
    n_samples           N
    """

    modes_found: int
    n_modes: int
    high_quality: float
    perfect_quality: float
    reverse_kl: float
    within_mode_spread: float
    counts: tuple[int, ...]
    n_samples: int

    def __str__(self):
        spread = "none" if math.isnan(self.within_mode_spread) else f"{self.within_mode_spread:.3f}"
        return "\n".join(
            [
                f"modes found    {self.modes_found} of {self.n_modes}",
                f"high quality   {self.high_quality:.2%} of {self.n_samples} samples (perfect: "
                f"{self.perfect_quality:.2%})",
                f"reverse KL     {self.reverse_kl:.4f} nats (perfect: 0)",
                f"mode spread    {spread} (perfect: 1)",
            ]
        )


def mode_report(samples: np.ndarray, density: Density) -> ModeReport:
    r"""Compare samples (N, d) with a density with known modes.

    Each sample is assigned to its nearest mode (Euclidean).  With r_n its distance to this mode and s_n the mode's
    sigma:

    High quality (Modes.1)    r_n <= 3 s_n.  Perfect samples score P(chi^2_d <= 9): 1 - exp(-9/2) = 98.89 % for d = 2,
                              erf(3/sqrt 2) = 99.73 % for d = 1.  A larger share means too little spread.
    Found        (Modes.2)    a mode is found if it is nearest to at least one high-quality sample.
    Reverse KL   (Modes.3)    sum_k q_k log(q_k / w_k), q_k the share of all N samples nearest to mode k, w_k the true
                              weight, and 0 log 0 = 0.  A missing mode costs little, samples where there should be
                              hardly any cost much; perfect samples give about (K - 1) / 2N, not 0.
    Spread       (Modes.4)    sqrt( mean_n (r_n^2 / (d s_n^2)) / kappa_d ) over the high-quality samples only: otherwise
                              a single outlier could dominate.  Cutting off at 3 sigma lowers the mean square even of
                              perfect samples, and kappa_d corrects for this.  For R^2 = r^2/s^2 ~ chi^2_d, and since
                              x times the chi^2_d density is d times the chi^2_{d+2} density,

                                  kappa_d = E[R^2 | R^2 <= c] / d = P(chi^2_{d+2} <= c) / P(chi^2_d <= c),   c = 9,

                              and integrating by parts once, P_{d+2} = P_d - (c/2)^{d/2} e^{-c/2} / Gamma(d/2 + 1).
                              So kappa_1 = 0.97334, kappa_2 = 0.94945, and the squared spread of
                              perfect samples is 1 in expectation.  It saturates: samples spread uniformly over the
                              disc of 3 sigma give sqrt(9 / (4 kappa_2)) = 1.54; a greater width shows in (Modes.1).

    Floor     the scores of perfect samples, above; the report prints them next to each number.
    Ceiling   2,500 points spread uniformly over the extent of the ring: only 1 % high quality and a spread of 1.5, but
              all 8 modes found and a reverse KL of 0.01.  Always look at the four numbers together.
    Blind to  memorisation, and the shape of a mode within 3 sigma, except for its width.  Only for densities with known
              modes.
    Sources   (Modes.1), (Modes.2): VEEGAN (Srivastava et al. 2017).  (Modes.3): PacGAN (Lin et al. 2018), where every
              sample is assigned to its nearest mode (the code released with it counts only high-quality ones).
              Both use 2,500 samples.  (Modes.4) was defined for this package.
    Errors    ValueError if samples are not (N, d), are empty or not finite, or if the density has no point modes.
    """
    if density.modes is None:
        raise ValueError(f"{density.name} has no point modes to count; expected ring, grid or mixture-1d")
    samples = np.asarray(samples)
    if samples.ndim != 2 or samples.shape[1] != density.dim or not len(samples):
        raise ValueError(f"mode_report expects samples (N, {density.dim}) of {density.name}, got {samples.shape}")
    bad = ~np.isfinite(samples).all(axis=1)
    if bad.any():
        raise ValueError(f"mode_report expects finite samples: {bad.sum()} of {len(bad)} are not, first {bad.argmax()}")

    nearest, square = _nearest_mode(samples, density.modes)
    square /= np.asarray(density.sigmas)[nearest] ** 2  # r^2 / s^2
    good = square <= RADIUS**2
    counts = np.bincount(nearest, minlength=len(density.modes))
    quality, kappa = truncation(density.dim)
    spread = math.sqrt(square[good].mean() / (density.dim * kappa)) if good.any() else math.nan
    return ModeReport(
        modes_found=len(np.unique(nearest[good])),
        n_modes=len(density.modes),
        high_quality=float(good.mean()),
        perfect_quality=quality,
        reverse_kl=reverse_kl(counts, density.weights),
        within_mode_spread=spread,
        counts=tuple(counts.tolist()),
        n_samples=len(samples),
    )


def reverse_kl(counts: np.ndarray, weights: np.ndarray) -> float:
    """(Modes.3): KL divergence of the shares counts / sum(counts) (K,) from the true weights (K,), in nats."""
    share = counts / counts.sum()
    there = share > 0
    return max(0.0, float(np.sum(share[there] * np.log(share[there] / weights[there]))))


def truncation(d: int) -> tuple[float, float]:
    """(P(chi^2_d <= 9), kappa_d) for d = 1 or 2: the score of perfect samples in (Modes.1), the factor in (Modes.4)."""
    half = RADIUS**2 / 2
    inside = math.erf(math.sqrt(half)) if d == 1 else -math.expm1(-half)
    return inside, 1 - half ** (d / 2) * math.exp(-half) / (math.gamma(d / 2 + 1) * inside)


def _nearest_mode(samples, modes):
    """(index of the nearest mode (N,), squared distance to it (N,) float64)."""
    nearest, square = np.empty(len(samples), dtype=np.int64), np.empty(len(samples))
    for start in range(0, len(samples), _ROWS):
        block = samples[start : start + _ROWS].astype(np.float64)
        with np.errstate(over="ignore"):  # an infinite distance is handled correctly
            table = sum((block[:, k, None] - modes[:, k]) ** 2 for k in range(modes.shape[1]))
        part = slice(start, start + len(block))
        nearest[part] = table.argmin(axis=1)
        square[part] = table.min(axis=1)
    return nearest, square
