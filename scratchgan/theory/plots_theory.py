"""Figures of theory: distances between shifted densities, phase portraits of the Dirac-GAN, spectra, and vanishing
gradients.  Each function writes one PNG, whose title says what to look for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..plots import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILLION, figure, save_figure
from ..plots.style import drawing
from ..plots.text import words
from .dirac import VARIANTS, Variant, field, trajectory
from .divergences import js, tv_gaussians, w1_gaussians
from .line import gaussian
from .vanishing import Vanishing


@drawing
def save_divergences(path: str | Path, *, sigma: float = 0.3, furthest: float = 3.0) -> None:
    """JSD, TV and W1 of N(0, sigma^2) and N(d, sigma^2) for d in [-furthest, furthest], and their derivatives by d."""
    shifts = np.linspace(0, furthest, 61)  # all three are even in d
    p = gaussian(0, sigma)
    curves = [
        ("JSD (nats), at most log 2", BLUE, np.array([js(p, gaussian(d, sigma)).value for d in shifts])),
        ("TV, at most 1", ORANGE, np.array([tv_gaussians(d, sigma) for d in shifts])),
        ("W1 (unit of x)", GREEN, np.array([w1_gaussians(0, sigma, d, sigma) for d in shifts])),
    ]
    fig = figure(10.5, 4.2)
    left, right = fig.subplots(1, 2)
    for name, colour, values in curves:
        left.plot([*-shifts[::-1], *shifts], [*values[::-1], *values], color=colour, linewidth=2, label=name)
        right.plot(shifts, np.gradient(values, shifts, edge_order=2), color=colour, linewidth=2, label=name)
    left.axhline(math.log(2), color=BLUE, linestyle=":", linewidth=1)
    left.set(ylabel="distance", title=f"N(0, {sigma:g}²) and N(d, {sigma:g}²):\nonly W1 keeps growing with d")
    right.set(
        ylabel="derivative by d: the gradient for G",
        title="Far apart, JSD and TV give no gradient.\nThe gradient of W1 is the same everywhere",
    )
    _finish(left, "shift d (unit of x)")
    _finish(right, "shift d >= 0 (unit of x)")
    _save(fig, path)


@drawing
def save_phase_portraits(
    path: str | Path, variants: Sequence[Variant] | None = None, *, h: float = 0.2, steps: int = 500
) -> None:
    """The Dirac-GAN's field and its trajectories from (1, 1), one panel per variant (R2 is left out: same as R1)."""
    variants = [v for v in VARIANTS.values() if v.label != "R2"] if variants is None else list(variants)
    if not variants:
        raise ValueError("phase portraits need at least one variant, got none")
    columns = min(4, len(variants))
    rows = math.ceil(len(variants) / columns)
    fig = figure(3.1 * columns, 3.35 * rows + 0.9)
    grid = np.ravel(fig.subplots(rows, columns, squeeze=False))
    line = np.linspace(-1.8, 1.8, 24)
    psi, theta = np.meshgrid(line, line)  # psi across, theta upwards, as in plots/phase.py
    for axes, variant in zip(grid, variants, strict=False):
        v_psi, v_theta = field(variant, psi, theta)
        if math.isfinite(variant.clip):
            v_psi, v_theta = (np.where(np.abs(psi) > variant.clip, np.nan, v) for v in (v_psi, v_theta))
        axes.streamplot(psi, theta, -v_psi, -v_theta, color="#BBBBBB", linewidth=0.7, arrowsize=0.7, density=0.9)
        for mode, colour in (("simultaneous", BLUE), ("alternating", VERMILLION)):
            track = trajectory(variant, h=h, steps=steps, mode=mode)
            axes.plot(*track.T, color=colour, linewidth=0.9, label=mode)
            axes.plot(*track[-1], "o" if mode == "simultaneous" else "s", color=colour, markersize=5)
        axes.plot(0, 0, "+", color=BLACK, markersize=10, label="equilibrium")
        axes.set(
            xlim=(-1.8, 1.8),
            ylim=(-1.8, 1.8),
            aspect="equal",
            xlabel="ψ (slope of D)",
            title=words(variant.label, width=2.3),
        )
        axes.title.set_fontsize(10)
    for axes in grid[::columns]:
        axes.set_ylabel("θ (the point that G generates)")
    for axes in grid[len(variants) :]:
        axes.set_axis_off()
    handles, labels = grid[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="lower center", ncols=3, fontsize=9, frameon=False)
    fig.suptitle(
        f"Dirac-GAN, {steps} steps of h = {h:g} from (1, 1), dots at the end: instance noise, R1 and consensus "
        "converge,\nthe others circle or diverge; non-saturating with alternating steps converges slowly",
        fontsize=11,
    )
    fig.tight_layout(rect=(0, 0.04, 1, 1))
    save_figure(fig, path)


@drawing
def save_spectra(
    path: str | Path, games: Mapping[str, Mapping[str, np.ndarray]], *, title: str, still: float = 1e-4
) -> None:
    """Eigenvalues in the complex plane, with one panel per game and one kind of marker per variant.

    games    {name of the game: {name of the variant: complex eigenvalues (P,)}}
    still    eigenvalues of smaller modulus have hardly any effect and are left out
    """
    if not games:
        raise ValueError("a picture of spectra needs at least one game, got none")
    fig = figure(5.6 * len(games), 5)
    for axes, (game, spectra) in zip(np.ravel(fig.subplots(1, len(games))), games.items(), strict=True):
        for (name, values), colour, marker in zip(
            spectra.items(), (VERMILLION, BLUE, GREEN, PURPLE), "xo^s", strict=False
        ):
            moving = np.asarray(values)[np.abs(values) >= still]
            axes.plot(
                moving.real,
                moving.imag,
                marker,
                color=colour,
                markersize=7,
                fillstyle="none",
                markeredgewidth=1.6,
                label=words(name, width=3.5, size=8),
                linestyle="none",
            )
        axes.axvline(0, color=BLACK, linewidth=1)
        axes.set_xscale("symlog", linthresh=1e-3)
        axes.set(xlim=(-4, 1e-3), ylabel="Im λ: rotation (radians per unit of time)", title=words(game, width=4.4))
        _finish(axes, "Re λ: rate of decay (linear above -0.001, else logarithmic)")
    fig.suptitle(words(title, width=fig.get_figwidth() - 0.2, size=11), fontsize=11)
    _save(fig, path)


@drawing
def save_vanishing(path: str | Path, curves: Mapping[str, Vanishing]) -> None:
    """Norm of G's gradient against D's steps for both losses; one pair of lines per entry of `curves`."""
    if not curves:
        raise ValueError("a picture of vanishing gradients needs at least one curve, got none")
    fig = figure(8.5, 5)
    axes = fig.subplots()
    for (name, curve), style in zip(curves.items(), ("-", "--", ":", "-."), strict=False):
        label = words(name, width=3, size=8)
        axes.plot(
            curve.steps, curve.minimax, style, marker="o", markersize=4, color=VERMILLION, label=f"minimax, {label}"
        )
        axes.plot(
            curve.steps,
            curve.non_saturating,
            style,
            marker="s",
            markersize=4,
            color=BLUE,
            label=f"non-saturating, {label}",
        )
    axes.set_xscale("symlog", linthresh=1)
    axes.set_yscale("log")
    orders = [curve.orders[0] for curve in curves.values()]
    axes.set(
        ylabel="norm of the gradient of G's loss by all of G's weights",
        xlim=(0, None),
        title=f"As D improves, the minimax gradient falls by factors of 10^{min(orders):.1f} to "
        f"10^{max(orders):.1f}.\nThe non-saturating gradient grows"
        if len(orders) > 1
        else f"As D improves, the minimax gradient falls by a factor of 10^{orders[0]:.1f}.\n"
        "The non-saturating gradient grows",
    )
    _finish(axes, "training steps of a new D, with G frozen")
    _save(fig, path)


def _finish(axes, xlabel: str) -> None:
    axes.set_xlabel(xlabel)
    axes.title.set_fontsize(10)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="best")


def _save(fig, path) -> None:
    fig.tight_layout()
    save_figure(fig, path)
