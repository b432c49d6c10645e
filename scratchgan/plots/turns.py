r"""One training step in six sub-steps, in the order of `scratchgan.gan`.

    turn = play_turn(gan, ring, rng=rng)  # trains for one step and records it
    turn.sheet()                          # the six sub-steps in one Figure
    animation_html(*turn.frames())        # the same as a film with play, pause and step

    1  noise       z ~ N(0, I)
    2  fakes       G(z), together with real samples
    3  D's output  for both batches
    4  D's update  where D(x) rose and where it fell
    5  new fakes   from new noise, with the push -N dL_G/dx obtained through the frozen D (Surface.1)
    6  G's update  how these fakes moved

Most steps change both nets very little, so 4 and 6 are drawn enlarged and state the actual size of the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import positive_int
from ..data.densities import Density
from .base import BLACK, FAKE, GREY, REAL, figure
from .density import output, plane, surface_colours
from .style import drawing
from .surfaces import LONGEST, _scaled, _spread_out, fake_gradient

TITLES = (
    "1. noise",
    "2. fakes: G(z)",
    "3. D's output for both",
    "4. D's update: where it rose and where it fell",
    "5. new fakes, pushed through the frozen D",
    "6. G's update: the fakes move",
)
GRID = 61  # points per side of D's surface


@dataclass
class Turn:
    """What `play_turn` recorded.  Arrays of points are (N, 2), noise (N, latent_dim), D's surfaces (GRID, GRID).

    step                    number of training steps before this one
    extent                  of the data: (left, right, bottom, top)
    noise, fake, real       sub-steps 1 and 2
    before, after           D's output on the plane before and after D's update, sub-steps 3 and 4
    noise_2, fake_2, push   sub-step 5: new noise, new fakes, -N dL_G/dx
    moved                   sub-step 6: the fakes that G makes from noise_2 after its update
    report                  the losses, as in train_step
    """

    step: int
    extent: tuple[float, ...]
    noise: np.ndarray
    fake: np.ndarray
    real: np.ndarray
    before: np.ndarray
    after: np.ndarray
    noise_2: np.ndarray
    fake_2: np.ndarray
    push: np.ndarray
    moved: np.ndarray
    report: dict[str, float]

    @drawing
    def sheet(self) -> Any:
        """All six sub-steps in one Figure."""
        fig = figure(9.6, 6.8)
        for number, axes in enumerate(fig.subplots(2, 3).ravel()):
            self._draw(axes, number)
        fig.suptitle(f"Step {self.step + 1:,}, step by step: D learns from both kinds of points, G only from D's slope")
        fig.tight_layout()
        return fig

    @drawing
    def frames(self) -> tuple[list[Any], list[str]]:
        """(six Figures, their titles), for `animation_html`."""
        made = []
        for number in range(len(TITLES)):
            fig = figure(4.2, 4.3)
            self._draw(fig.subplots(), number)
            fig.tight_layout()
            made.append(fig)
        return made, [f"step {self.step + 1:,}, {title}" for title in TITLES]

    def _draw(self, axes: Any, number: int) -> None:
        axes.set_title(TITLES[number], fontsize=9)
        if number == 0:
            axes.scatter(*self.noise[:, :2].T, s=8, color=GREY, linewidths=0)
            axes.set(xlabel="$z_1$", ylabel="$z_2$", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")
            return
        if number in (2, 4, 5):
            self._surface(axes, self.before if number == 2 else self.after)
        elif number == 3:
            self._change(axes)
        if number < 4:
            axes.scatter(*self.real.T, s=8, color=REAL, linewidths=0, label="real")
            axes.scatter(*self.fake.T, s=8, color=FAKE, linewidths=0, label="fakes")
        else:
            axes.scatter(*self.fake_2.T, s=8, color=FAKE, linewidths=0, label="new fakes")
            way, said = (self.push, "push") if number == 4 else (self.moved - self.fake_2, "move")
            some = _spread_out(self.fake_2, self.extent, 80)
            length, longest = _scaled(way[some], LONGEST * (self.extent[1] - self.extent[0]))
            axes.quiver(
                *self.fake_2[some].T,
                *length.T,
                angles="xy",
                scale_units="xy",
                scale=1,
                width=0.005,
                color=BLACK,
                zorder=3,
            )
            axes.plot(
                [],
                [],
                color=BLACK,
                marker=r"$\rightarrow$",
                markersize=9,
                linestyle="none",
                label=f"{said}, longest {longest:.2g}",
            )
        axes.legend(fontsize=7, loc="upper right", framealpha=0.85)
        left, right, bottom, top = self.extent
        axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(left, right), ylim=(bottom, top), aspect="equal")

    def _surface(self, axes: Any, value: np.ndarray) -> None:
        low, high = (0, 1) if 0 <= value.min() and value.max() <= 1 else (value.min(), value.max() + 1e-9)
        axes.imshow(
            value,
            extent=self.extent,
            origin="lower",
            cmap=surface_colours(),
            vmin=low,
            vmax=high,
            interpolation="bilinear",
            alpha=0.8,
        )

    def _change(self, axes: Any) -> None:
        change = self.after - self.before
        most = max(float(np.abs(change).max()), 1e-12)
        axes.imshow(
            change,
            extent=self.extent,
            origin="lower",
            cmap=surface_colours(),
            vmin=-most,
            vmax=most,
            interpolation="bilinear",
            alpha=0.8,
        )
        axes.text(
            0.02,
            0.02,
            f"D changed by up to {most:.2g}",
            transform=axes.transAxes,
            fontsize=7,
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0},
        )


def play_turn(gan: Any, data: Any, *, n: int = 200, rng: np.random.Generator) -> Turn:
    """Train the GAN for one step on batches of n, with its own methods, and record the step.

    gan    a GAN on points in the plane; it is changed like in any training step
    data   a density in the plane (scratchgan.data)
    rng    used to draw the real samples

    Raises ValueError for points in other dimensions, n below 1, or a GAN with several updates of D per step.
    """
    n = positive_int("play_turn", "n", n)
    if gan.d_steps != 1:
        raise ValueError(f"play_turn: expected one update of D per step, got {gan.d_steps}")
    if not isinstance(data, Density):
        raise ValueError(f"play_turn needs a density in the plane, got {type(data).__name__}")
    if tuple(gan.data_shape) != (2,) or data.dim != 2:
        raise ValueError(
            f"play_turn needs a GAN and data in the plane; the GAN generates samples {gan.data_shape}, the data have "
            f"{data.dim} dimensions"
        )
    real = data.sample(n, rng=rng)
    noise = gan.noise(n)
    fake = gan.generate(noise)
    before = _output(gan, data.extent)
    report = gan.d_gradients(real, noise)
    gan.d_optimizer.step()
    for rule in gan.rules:
        rule.after_d(gan)
    after = _output(gan, data.extent)
    noise_2 = gan.noise(n)
    fake_2 = gan.generate(noise_2)
    push = -n * fake_gradient(gan, fake_2, real)
    report |= gan.g_gradients(noise_2, real)
    gan.g_optimizer.step()
    if gan.ema is not None:
        gan.ema.update()
    step, gan.steps = gan.steps, gan.steps + 1
    return Turn(
        step, data.extent, noise, fake, real, before, after, noise_2, fake_2, push, gan.generate(noise_2), report
    )


def _output(gan: Any, extent: Any) -> np.ndarray:
    """D's output on a grid over the extent, (GRID, GRID)."""
    x, y = plane(extent, GRID)
    return output(gan, np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
