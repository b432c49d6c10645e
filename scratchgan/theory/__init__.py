"""Theory as a check of the code: numbers in closed form, compared with what the package computes.

    line          densities on the real line, and integrals with error estimates
    divergences   KL, Jensen-Shannon, total variation and W1, by quadrature and in closed form
    optimal       the best discriminator and the value of the game for it
    dirac         the Dirac-GAN: two parameters, every variant solved by hand
    dirac_nets    the same GAN, built from the package's own layers
    eigenvalues   the spectrum of the game's Jacobian, for nets
    vanishing     how G's gradient vanishes when D is trained alone
    ledger        a table of statements: the number from theory, the number from the code, the error; rows in rows_*
    plots_theory  the figures

Nothing here is needed for training.
"""

from .divergences import js, kl, total_variation, w1
from .line import Integral, Line, gaussian, integrate, mixture, uniform
from .optimal import gradient_ratio, hinge_optimum, least_squares_optimum, optimal_discriminator, optimal_logits

__all__ = [
    "Integral",
    "Line",
    "gaussian",
    "gradient_ratio",
    "hinge_optimum",
    "integrate",
    "js",
    "kl",
    "least_squares_optimum",
    "mixture",
    "optimal_discriminator",
    "optimal_logits",
    "total_variation",
    "uniform",
    "w1",
]
