"""Metrics: how good are the samples?  One idea per file; every metric states its floor and its ceiling.

Start with `floor` (what would be a good value?), then read `frechet`, `precision_recall` and `memorisation`.
This file only lists the public names.
"""

from importlib import import_module

from .birthday import BirthdayReport, birthday_test
from .consistency import consistency
from .density_coverage import density_coverage
from .earth_mover import earth_mover_1d
from .floor import floor_ceiling, gaussian_noise, uniform_noise
from .frechet import frechet_distance
from .histogram_overlap import histogram_overlap
from .inception_score import inception_score
from .kernel_distance import kernel_distance
from .membership import MembershipReport, membership_advantage
from .memorisation import MemorisationReport, memorisation_ratio
from .mmd import median_distance, mmd
from .modes import ModeReport, mode_report
from .ms_ssim import diversity, ms_ssim
from .parzen import choose_sigma, parzen_log_likelihood
from .perceptual import digit_net, perceptual_distance
from .precision_recall import precision_recall
from .psnr import psnr
from .seam import seam_ratio
from .sliced_wasserstein import sliced_wasserstein
from .ssim import ssim
from .texture_net import TextureNet, load_texture_net, texture_net
from .two_sample import two_sample_accuracy

__all__ = [
    "BirthdayReport",
    "Classifier",
    "MembershipReport",
    "MemorisationReport",
    "ModeReport",
    "TextureNet",
    "birthday_test",
    "choose_sigma",
    "consistency",
    "density_coverage",
    "digit_net",
    "diversity",
    "earth_mover_1d",
    "floor_ceiling",
    "frechet_distance",
    "gaussian_noise",
    "histogram_overlap",
    "inception_score",
    "kernel_distance",
    "load_classifier",
    "load_texture_net",
    "median_distance",
    "membership_advantage",
    "memorisation_ratio",
    "mmd",
    "mode_report",
    "ms_ssim",
    "parzen_log_likelihood",
    "perceptual_distance",
    "precision_recall",
    "psnr",
    "seam_ratio",
    "sliced_wasserstein",
    "ssim",
    "texture_net",
    "two_sample_accuracy",
    "uniform_noise",
]


def __getattr__(name: str):
    """Import the classifier only when it is used, because its module is also run as a program (python -m)."""
    if name in ("Classifier", "load_classifier"):
        return getattr(import_module(".classifier", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
