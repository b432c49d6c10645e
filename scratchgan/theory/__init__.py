"""Closed forms to hold the code against: what theory says, as a number, beside what the package computes.

    line          densities on the line, and integrals over it with their errors
    divergences   KL, Jensen-Shannon, total variation and W1, by quadrature and in closed form
    optimal       the best discriminator and what the game is worth under it
    dirac         the smallest GAN of all, two numbers, in which every variant can be solved by hand
    dirac_nets    the same GAN, built of the package's own layers
    eigenvalues   the spectrum of the game's Jacobian, for nets
    vanishing     how G's gradient vanishes when D is trained alone
    ledger        a table of statements, theory's number, the code's number, the error; its rows are in rows_*
    plots_theory  the pictures

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
