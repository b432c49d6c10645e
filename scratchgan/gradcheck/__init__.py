r"""Gradient check: are the derivatives right?  Compares each pass of a layer, net, loss, penalty or GAN with central
differences, and the steps of an optimiser with a closed form of its recursion.

    report = check(net, x);   print(report);   report.ok

For a scalar F = <c, y> with a fixed random c, each pass is checked against differences that need only `forward` or the
passes already checked:

    backward            dx and dtheta    against  (F(x + h e_i) - F(x - h e_i)) / 2h,  entry by entry
    tangent             ty               against  (y(x + h tx, theta + h ttheta) - y(x - h tx, ...)) / 2h
    tangent_backward    tdx and tdtheta  against  the same difference of backward's dx and dtheta, dy moving along tdy
    adjoint             <dy, ty> = <dx, tx> + <dtheta, ttheta>, up to rounding

Arrays of up to `differences.FULL` entries are checked entry by entry, larger ones in random directions of length 1.

**The error of a derivative**, a by hand and n by differences:

    (Check.1)   max|a - n| / max( max|a|, max|n|, 1e-3 x the largest gradient in the thing checked )

The last term is for arrays whose true derivative is zero, for which the error would otherwise be rounding noise divided
by rounding noise.

**Why float64, and why h = 1e-5?**  A central difference has a truncation error of h^2 F'''/6 and a rounding error of
about eps |F| / h.  In float64, eps = 1.1e-16, both are near 1e-11 at h = 1e-5; in float32, eps = 6e-8, no h makes
the sum smaller than about 1e-5.  Therefore a copy is made and converted to float64; the original is not changed.
`dtype=np.float32` shows what would happen otherwise.

All parameters and running statistics are first replaced by random numbers (gamma = 1 and beta = 0 would hide mistakes),
and inputs are drawn again until no kink (the corner of a ReLU) is within reach of h, because a difference across a kink
does not approximate the derivative.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

from ..core import Layer
from ..game import Game
from ..gan import GAN
from ..kernels import on_one_blas_thread
from ..losses import Loss
from ..models.completion import Completion
from ..optim import Optimizer
from ..penalties import Penalised, Penalty
from .differences import Frozen, away_from_kinks, kink_distance, random_copy
from .promises import Trouble, complete, promise_rows
from .report import Report, Row, relative_error
from .rows import game_rows, layer_rows, loss_rows, optimizer_rows, penalised_rows, penalty_rows
from .rows_completion import completion_rows

if TYPE_CHECKING:
    from ..models.cycle import CycleGAN
    from ..models.paired_game import PairedGAN

__all__ = ["Report", "Row", "check", "relative_error"]


@on_one_blas_thread
def check(
    thing: Layer | Loss | Penalty | Penalised | Optimizer | GAN | CycleGAN | PairedGAN | Completion,
    x: np.ndarray | None = None,
    *,
    train: bool = True,
    seed: int = 0,
    h: float = 1e-5,
    tolerance: float = 1e-7,
    randomise: bool = True,
    dtype: DTypeLike = np.float64,
    name: str | None = None,
) -> Report:
    """Check every derivative of a layer, net, loss, penalty, net with a penalty or GAN; or the steps of an optimiser.

    thing        what to check; a copy is made, and the original is not changed
    x            a small batch of inputs (for a GAN: real samples; for a CycleGAN: samples of domain A, then as many of
                 B; for a PairedGAN: targets y); not needed for a loss, a penalty or an optimiser
    train        the mode of a layer or net
    h            half the distance between the two points of a difference
    tolerance    largest permitted error (Check.1)
    randomise    whether to replace parameters and running statistics by random numbers
    dtype        of the computation.  float32 warns, because its differences are right to only two or three digits

    Of a layer that is not complete, the passes that exist are checked, and the report lists the others.  Of layers it also
    says whether they keep their promises: see gradcheck/promises.py.

    Raises TypeError for anything else, ValueError if x is missing, not finite or constant, and RuntimeError if no input
    away from kinks is found.
    """
    rng = np.random.default_rng(seed)
    if isinstance(thing, Loss):
        return Report(name or type(thing).__name__, loss_rows(thing, rng, h), tolerance)
    if isinstance(thing, Penalty):
        return Report(name or type(thing).__name__, penalty_rows(thing, rng, h), tolerance)
    if isinstance(thing, Optimizer):
        return Report(name or type(thing).__name__, optimizer_rows(thing, rng, dtype), tolerance)
    if not isinstance(thing, (Layer, Game, Penalised, Completion)):
        near = "; a layer is a subclass of scratchgan.core.Layer" if hasattr(thing, "backward") else ""
        raise TypeError(
            "check expects a layer, a net, a loss, a penalty, Penalised(net, penalty), an optimiser or a "
            f"GAN, got {type(thing).__name__}{near}"
        )
    x = _checked_input(x, dtype)
    if isinstance(thing, Completion):
        return Report(name or "Completion", completion_rows(thing, x, rng, h, randomise), tolerance)
    if isinstance(thing, Game) and thing.kind == "translations":
        from .rows_cyclegan import cyclegan_rows  # here, to avoid a circular import

        a, b = np.split(x, 2)
        return Report(name or "CycleGAN", cyclegan_rows(thing, a, b, rng, h, randomise), tolerance)
    if isinstance(thing, Game) and thing.kind == "paired":
        from .rows_paired import paired_rows  # here, to avoid a circular import

        return Report(name or "PairedGAN", paired_rows(thing, x, rng, h, randomise), tolerance)
    if isinstance(thing, GAN):
        return Report(name or "GAN", game_rows(thing, x, rng, h, randomise), tolerance)
    if isinstance(thing, Penalised):
        return Report(name or repr(thing), penalised_rows(thing, x, rng, h, randomise), tolerance)
    assert isinstance(thing, Layer)
    complete(thing)
    net, x = away_from_kinks(
        lambda: random_copy(thing, rng, randomise, dtype), x, lambda net, x: kink_distance(net, x, train), rng, h
    )
    frozen, trouble = Frozen(net, train), Trouble(net)
    rows = layer_rows(frozen, x, rng, h, trouble)
    rows += promise_rows(frozen, x, rng, trouble)
    return Report(
        name or thing.label, rows, tolerance, trouble.listed(net), tuple(trouble.faults), tuple(trouble.notes)
    )


def _checked_input(x, dtype) -> np.ndarray:
    if np.dtype(dtype) == np.float32:
        warnings.warn(
            "check in float32: a difference loses about five of its seven digits, expect errors near 1e-2; "
            "use float64 to check a derivative",
            RuntimeWarning,
            stacklevel=4,
        )
    if x is None:
        raise ValueError("check needs a batch of inputs, got None: call check(net, x)")
    x = np.array(x, dtype)
    if not np.isfinite(x).all():
        raise ValueError("check: the input must be finite, or the differences would be NaN")
    if x.size < 2 or x.std() == 0:
        raise ValueError(f"check: the input does not vary (shape {x.shape}), so a wrong gradient could go unnoticed")
    return x
