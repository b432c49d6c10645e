"""Everything that has a derivative, in one table: `scratchgan gradcheck` and the tests run over it.

A new layer adds one line here, and is then checked in all its passes, from the command line and in the test suite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .checks import one_of
from .core import Sequential
from .gradcheck import Report, check
from .layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    Tanh,
    UpsampleNearest2D,
)
from .losses import Minimax, NonSaturating
from .models import dcgan, mlp_gan


@dataclass(frozen=True)
class Case:
    """A thing to check: `build(rng)` makes it, `x_shape` is its input's shape, batch included (None for a loss)."""

    name: str
    build: Callable[[np.random.Generator], object] = field(repr=False)
    x_shape: tuple[int, ...] | None = None
    train: bool = True

    def input(self, rng: np.random.Generator, dtype=np.float64) -> np.ndarray:
        """A random batch for it."""
        return rng.standard_normal(self.x_shape).astype(dtype)

    def check(self, **options) -> Report:
        """Run the gradient check."""
        rng = np.random.default_rng(1)
        x = None if self.x_shape is None else self.input(rng)
        return check(self.build(rng), x, train=self.train, name=self.name, **options)

    def __str__(self) -> str:
        return self.name


def _conv(**geometry):
    return lambda rng: Conv2D(2, 3, rng=rng, **geometry)


def _conv_t(**geometry):
    return lambda rng: ConvTranspose2D(2, 3, rng=rng, **geometry)


def _small_net(rng):
    return Sequential([
        Conv2D(1, 2, kernel_size=3, stride=2, padding=1, rng=rng), LeakyReLU(0.2),
        Conv2D(2, 3, kernel_size=3, padding=1, bias=False, rng=rng), BatchNorm(3), Tanh(),
        Flatten(), Dense(27, 4, rng=rng), Softplus(), Dense(4, 1, rng=rng),
    ], input_shape=(5, 6, 1))


_IMAGES = (2, 5, 4, 2)

LAYERS = [
    Case("Dense", lambda rng: Dense(4, 3, rng=rng), (5, 4)),
    Case("Dense, no bias", lambda rng: Dense(4, 3, bias=False, rng=rng), (5, 4)),
    Case("Conv2D k3", _conv(kernel_size=3), _IMAGES),
    Case("Conv2D k4 s2 p1", _conv(kernel_size=4, stride=2, padding=1), _IMAGES),
    Case("Conv2D k1", _conv(kernel_size=1, bias=False), _IMAGES),
    Case("Conv2D k2 s3", _conv(kernel_size=2, stride=3), _IMAGES),
    Case("Conv2D k(3,2) s(1,2) p(2,0)", _conv(kernel_size=(3, 2), stride=(1, 2), padding=(2, 0)), _IMAGES),
    Case("ConvTranspose2D k4 s2 p1", _conv_t(kernel_size=4, stride=2, padding=1), (2, 3, 2, 2)),
    Case("ConvTranspose2D k3", _conv_t(kernel_size=3, bias=False), (2, 3, 2, 2)),
    Case("ConvTranspose2D k3 s2 p1 o1", _conv_t(kernel_size=3, stride=2, padding=1, output_padding=1), (2, 3, 2, 2)),
    Case("ConvTranspose2D k2 s3 o(2,1)", _conv_t(kernel_size=2, stride=3, output_padding=(2, 1)), (2, 2, 3, 2)),
    Case("BatchNorm, training", lambda rng: BatchNorm(3), (6, 3)),
    Case("BatchNorm, training, images", lambda rng: BatchNorm(2), (3, 2, 4, 2)),
    Case("BatchNorm, evaluation", lambda rng: BatchNorm(2), (3, 2, 2, 2), train=False),
    Case("ReLU", lambda rng: ReLU(), (4, 5)),
    Case("LeakyReLU", lambda rng: LeakyReLU(0.2), (4, 5)),
    Case("Tanh", lambda rng: Tanh(), (4, 5)),
    Case("Sigmoid", lambda rng: Sigmoid(), (4, 5)),
    Case("Softplus", lambda rng: Softplus(), (4, 5)),
    Case("ELU", lambda rng: ELU(1.0), (4, 5)),
    Case("ELU, alpha 0.7", lambda rng: ELU(0.7), (4, 5)),
    Case("Reshape", lambda rng: Reshape((2, 3, 2)), (3, 12)),
    Case("Flatten", lambda rng: Flatten(), _IMAGES),
    Case("Dropout, training", lambda rng: Dropout(0.4), (4, 6)),
    Case("Dropout, evaluation", lambda rng: Dropout(0.4), (4, 6), train=False),
    Case("AveragePool2D", lambda rng: AveragePool2D(2), _IMAGES),
    Case("UpsampleNearest2D", lambda rng: UpsampleNearest2D(3), (2, 2, 3, 2)),
    Case("Sequential, training", _small_net, (3, 5, 6, 1)),
    Case("Sequential, evaluation", _small_net, (3, 5, 6, 1), train=False),
]

LOSSES = [
    Case("Minimax", lambda rng: Minimax()),
    Case("Minimax, smoothed", lambda rng: Minimax(label_smoothing=0.1)),
    Case("NonSaturating", lambda rng: NonSaturating()),
    Case("NonSaturating, smoothed", lambda rng: NonSaturating(label_smoothing=0.1)),
]

GAMES = [
    Case("MLP GAN, non-saturating", lambda rng: mlp_gan(2, 2, (5, 4)), (4, 2)),
    Case("MLP GAN, minimax, images", lambda rng: mlp_gan(data_shape=(3, 2, 1), latent_dim=2, hidden=(5,),
                                                         loss="minimax"), (4, 3, 2, 1)),
    Case("DCGAN, non-saturating", lambda rng: dcgan(image_size=16, width=2, latent_dim=3), (5, 16, 16, 1)),
    Case("DCGAN, dense, minimax, smoothed", lambda rng: dcgan(image_size=8, width=2, latent_dim=3, dense=4,
                                                              loss="minimax", label_smoothing=0.1), (12, 8, 8, 1)),
]

CASES = [*LAYERS, *LOSSES, *GAMES]

_PASSES = ("backward", "tangent", "tangent_backward", "adjoint")


def select(names: Sequence[str] = ()) -> list[Case]:
    """The cases whose name begins with one of `names` ("Conv2D"), all for none.  ValueError for a name without any."""
    chosen = []
    for name in names:
        fits = [case for case in CASES if case.name.lower().startswith(name.lower())]
        if not fits:
            known = dict.fromkeys(case.name.split(",")[0].split(" ")[0] for case in CASES)
            one_of("gradcheck", "name", name, list(known))
        chosen += [case for case in fits if case not in chosen]
    return chosen if names else CASES


def run(names: Sequence[str] = (), *, print=print) -> bool:
    """Check all cases and print a line each; or those called `names`, and print every derivative.  True if all hold."""
    cases, reports = select(names), []
    if not names:
        print(f"{'largest float64 error of':<32}" + "".join(f"{step:>18}" for step in _PASSES))
    for case in cases:
        reports.append(report := case.check())
        if names or not report.ok:
            print(str(report))
        else:
            print(f"{case.name:<32}" + "".join(f"{_worst(report, step):>18}" for step in _PASSES))
    wrong = [report.name for report in reports if not report.ok]
    rows = sum(len(report.rows) for report in reports)
    print(f"\n{len(reports)} things, {rows} derivatives, largest error {max(r.max_error for r in reports):.1e}: "
          + (f"WRONG: {', '.join(wrong)}" if wrong else "all right"))
    return not wrong


def _worst(report: Report, step: str) -> str:
    errors = [row.error for row in report.rows if row.step.split(" ")[0] == step]
    return f"{max(errors):.1e}" if errors else "-"
