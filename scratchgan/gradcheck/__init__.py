r"""Is this derivative right?  Central differences against each pass of a layer, a net, a loss, a penalty, a GAN;
and an optimiser against its recursion summed out.

    report = check(net, x);   print(report);   report.ok

For a scalar F = <c, y> with a fixed random c, each pass has something that only `forward`, or the pass before it, is
needed for:

    backward            dx and dtheta    against  (F(x + h e_i) - F(x - h e_i)) / 2h,  entry by entry
    tangent             ty               against  (y(x + h tx, theta + h ttheta) - y(x - h tx, ...)) / 2h
    tangent_backward    tdx and tdtheta  against  the same difference of backward's dx and dtheta, dy moving along tdy
    adjoint             <dy, ty> = <dx, tx> + <dtheta, ttheta>, to rounding

Arrays of up to `differences.FULL` entries are checked entry by entry, larger ones in random directions of length 1.

**The error of a derivative**, a by hand and n by differences:

    (Check.1)   max|a - n| / max( max|a|, max|n|, 1e-3 x the largest gradient in the thing checked )

The last term keeps an array that is zero in truth from being judged by its rounding noise.

**Why float64, and why h = 1e-5?**  A central difference is wrong by h^2 F'''/6 (the curve bends) and by about
eps |F| / h (F is rounded).  In float64, eps = 1.1e-16, both are near 1e-11 at h = 1e-5; in float32, eps = 6e-8, no h
makes the sum smaller than about 1e-5.  So everything is converted to float64 first, on a copy: yours is not touched.
`dtype=np.float32` shows what would happen otherwise.

All parameters and running statistics are replaced by random ones first (gamma = 1 and beta = 0 would hide mistakes),
and inputs are drawn again until no kink (the corner of a ReLU) is within reach of h: a difference across it is no
derivative.
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
from ..optim import Optimizer
from ..penalties import Penalised, Penalty
from .differences import Frozen, away_from_kinks, kink_distance, random_copy
from .report import Report, Row, relative_error
from .rows import game_rows, layer_rows, loss_rows, optimizer_rows, penalised_rows, penalty_rows

if TYPE_CHECKING:
    from ..models.cycle import CycleGAN

__all__ = ["Report", "Row", "check", "relative_error"]


@on_one_blas_thread
def check(
    thing: Layer | Loss | Penalty | Penalised | Optimizer | GAN | CycleGAN,
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
    """Check every derivative of a layer, a net, a loss, a penalty, a net under a penalty or a GAN; or an optimiser.

    The thing is copied first, not changed.

    x            a small batch of inputs (a GAN: of real samples; a CycleGAN: of domain A, then as many of B); a loss,
                 penalty or optimiser by itself needs none
    train        the mode of a layer or net
    h            half of the distance between the two points of a difference
    tolerance    on (Check.1)
    randomise    replace parameters and running statistics by random ones
    dtype        what is computed in.  float32 warns: differences in it are right to two or three digits

    Raises TypeError for something that has no derivatives to check, ValueError for an x that is missing, not finite or
    does not vary, and RuntimeError if no input away from kinks is found.
    """
    rng = np.random.default_rng(seed)
    if isinstance(thing, Loss):
        return Report(name or type(thing).__name__, loss_rows(thing, rng, h), tolerance)
    if isinstance(thing, Penalty):
        return Report(name or type(thing).__name__, penalty_rows(thing, rng, h), tolerance)
    if isinstance(thing, Optimizer):
        return Report(name or type(thing).__name__, optimizer_rows(thing, rng, dtype), tolerance)
    if not isinstance(thing, (Layer, Game, Penalised)):
        raise TypeError(
            "check takes a layer, a net, a loss, a penalty, Penalised(net, penalty), an optimiser or a "
            f"GAN, got {type(thing).__name__}"
        )
    x = _checked_input(x, dtype)
    if isinstance(thing, Game) and thing.kind == "translations":
        from .rows_cyclegan import cyclegan_rows  # needs the models, which need what is imported here

        a, b = np.split(x, 2)
        return Report(name or "CycleGAN", cyclegan_rows(thing, a, b, rng, h, randomise), tolerance)
    if isinstance(thing, GAN):
        return Report(name or "GAN", game_rows(thing, x, rng, h, randomise), tolerance)
    if isinstance(thing, Penalised):
        return Report(name or repr(thing), penalised_rows(thing, x, rng, h, randomise), tolerance)
    assert isinstance(thing, Layer)  # all else has returned
    net, x = away_from_kinks(
        lambda: random_copy(thing, rng, randomise, dtype), x, lambda net, x: kink_distance(net, x, train), rng, h
    )
    return Report(name or thing.label, layer_rows(Frozen(net, train), x, rng, h), tolerance)


def _checked_input(x, dtype) -> np.ndarray:
    if np.dtype(dtype) == np.float32:
        warnings.warn(
            "check in float32: a difference loses about five of its seven digits, expect errors near 1e-2; "
            "use float64 to judge a derivative",
            RuntimeWarning,
            stacklevel=4,
        )
    if x is None:
        raise ValueError("check needs a batch of inputs: check(net, x)")
    x = np.array(x, dtype)
    if not np.isfinite(x).all():
        raise ValueError("check: the input is not finite; a difference would be NaN")
    if x.size < 2 or x.std() == 0:
        raise ValueError(f"check: the input does not vary (shape {x.shape}); a gradient could be wrong unnoticed")
    return x
