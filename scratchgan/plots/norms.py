"""Does every layer learn?  The gradient norm of each layer during training, on a logarithmic scale."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .base import ORDERED, VERMILLION, figure
from .style import drawing
from .text import heading, words
from .training import running_mean

MOST_LINES = 8  # nets with more layers are drawn as a heat map
PLAYERS = {"D": "D, the discriminator", "G": "G, the generator"}


@drawing
def gradient_norms(
    norms: Mapping[str, np.ndarray], steps: np.ndarray | None = None, *, kind: str = "auto", title: str = ""
):
    """Draw the gradient norm of each layer over time: as lines, or for deep nets as a heat map.

    norms    layer path -> (T,) Euclidean norms of the layer's gradient, 0 or more, in the order of the net's layers.
             Paths that start with "G." and "D." get a panel each.  nan means missing (white in the heat map).  Norms of
             0, which have no logarithm, are counted in the legend ("0 at 3 of 50") and red in the heat map
    steps    (T,) training steps, increasing; by default 1..T
    kind     "lines", "heat", or "auto": lines for up to 8 layers per panel

    Thin lines are the values, bold lines their running geometric means over a tenth of the steps.
    Returns a Figure.  Raises ValueError for no layers, lengths that differ, negative or infinite norms, steps that do
    not increase, and an unknown kind.
    """
    if kind not in ("auto", "lines", "heat"):
        raise ValueError(f"gradient norms: kind must be 'lines', 'heat' or 'auto', got {kind!r}")
    norms = {path: np.asarray(values, dtype=float) for path, values in norms.items()}
    steps = np.arange(1, max(map(np.size, norms.values()), default=0) + 1) if steps is None else np.asarray(steps)
    if not norms or not len(steps):
        raise ValueError("gradient norms need at least one layer and one step")
    for path, values in norms.items():
        if values.shape != steps.shape:
            raise ValueError(
                f"gradient norms need one value per step; {path} has shape {values.shape}, steps {steps.shape}"
            )
        if np.isinf(values).any() or (values < 0).any():
            raise ValueError(
                f"gradient norms must be finite and not negative; {path} has "
                f"{values[np.isinf(values) | (values < 0)][0]}"
            )
    if steps.ndim != 1 or not (np.diff(steps) > 0).all():
        raise ValueError("gradient norms need increasing steps (T,)")

    panels: dict[str, dict[str, np.ndarray]] = {}
    for path, values in norms.items():
        player, _, layer = path.partition(".")
        split = player in PLAYERS and layer
        panels.setdefault(player if split else "", {})[layer if split else path] = values
    if kind == "auto":
        kind = "heat" if max(map(len, panels.values())) > MOST_LINES else "lines"

    most = max(map(len, panels.values()))
    fig = figure(max(5.6 * len(panels) + 0.6, 7.0), 4.4 if kind == "lines" else min(12.0, 2.0 + 0.27 * most + 0.6))
    positive = [v[v > 0] for v in norms.values()]
    smallest, largest = (fn(np.concatenate(positive)) if any(map(len, positive)) else 1.0 for fn in (np.min, np.max))
    draw = _lines if kind == "lines" else _heat
    all_axes = np.ravel(fig.subplots(1, len(panels), sharey=kind == "lines", squeeze=False))
    for axes, (player, layers) in zip(all_axes, panels.items(), strict=True):
        last = draw(axes, steps, layers, smallest, max(largest, smallest * 1.01))
        axes.set_xlabel("training step")
        values = np.stack(list(layers.values()))
        marks = [
            word
            for word, there in (("red: exactly 0", (values == 0).any()), ("white: missing", np.isnan(values).any()))
            if there and kind == "heat"
        ]
        axes.set_title("; ".join(filter(None, [PLAYERS.get(player, player), *marks])), fontsize=10)
    all_axes[0].set_ylabel("norm of the gradient" if kind == "lines" else "layer")
    hint = {
        "lines": "A layer learns while its line stays high; if all lines fall together, the gradient vanishes",
        "heat": "A layer learns while its row stays bright; if rows darken towards one end, the gradient vanishes",
    }
    fig.suptitle(heading(fig, title, hint[kind]), fontsize=10)
    fig.tight_layout()
    if kind == "heat":
        fig.colorbar(last, ax=list(all_axes), label="norm of the gradient", pad=0.02, fraction=0.05)
    return fig


def norms_of_log(log: Sequence[Mapping[str, Any]]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return (norms, steps) for `gradient_norms` from the d_grads and g_grads in the records of log.jsonl.

    Layers are named "D.0", "G.2" and so on; null and layers missing in a record become nan.

    Raises ValueError if no record has d_grads or g_grads.
    """
    layers = {
        f"{player}.{layer}": (key, layer)
        for player, key in (("D", "d_grads"), ("G", "g_grads"))
        for record in log
        for layer in record.get(key) or ()
    }
    if not layers:
        raise ValueError("norms_of_log: the log has no gradient norms of layers (d_grads, g_grads)")

    def value(record, key, layer):
        found = (record.get(key) or {}).get(layer)
        return np.nan if found is None else float(found)

    norms = {path: np.array([value(record, *where) for record in log]) for path, where in layers.items()}
    return norms, np.array([record["step"] for record in log])


def _lines(axes, steps, layers, smallest, largest):
    from matplotlib import colormaps

    colours = colormaps[ORDERED](np.linspace(0, 0.82, len(layers)))  # above 0.82 too pale on white
    styles = ("-", "--", "-.", ":")
    for i, ((path, values), colour) in enumerate(zip(layers.items(), colours, strict=True)):
        zeros = int((values == 0).sum())
        label = words(path, width=1.6, size=8) + (f" (0 at {zeros:,} of {len(values):,})" if zeros else "")
        log = np.log(np.where(values > 0, values, np.nan))
        axes.plot(steps, np.exp(log), color=colour, linewidth=0.8, alpha=0.25)
        axes.plot(
            steps,
            np.exp(running_mean(log, max(1, len(steps) // 20))),
            color=colour,
            linewidth=1.8,
            label=label,
            linestyle=styles[i % 4],
            marker="o" if len(steps) == 1 else None,
        )
    axes.set_yscale("log")
    axes.set_ylim(smallest / 1.5, largest * 1.5)
    axes.grid(alpha=0.25)
    axes.legend(
        fontsize=8,
        title="layer, starting at the input",
        title_fontsize=8,
        alignment="left",
        ncols=2 if len(layers) > 5 else 1,
    )


def _heat(axes, steps, layers, smallest, largest):
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    values = np.stack(list(layers.values()))
    colours = colormaps[ORDERED].with_extremes(under=VERMILLION, bad="white")
    table = np.ma.masked_invalid(np.where(values == 0, smallest / 10, values))
    half = np.diff(steps) / 2 if len(steps) > 1 else np.array([0.5])
    edges = np.concatenate([[steps[0] - half[0]], steps[:-1] + half[: len(steps) - 1], [steps[-1] + half[-1]]])
    drawn = axes.pcolormesh(
        edges, np.arange(len(layers) + 1) - 0.5, table, cmap=colours, norm=LogNorm(smallest, largest)
    )
    axes.set_yticks(range(len(layers)), [words(path, width=1.2, size=8) for path in layers], fontsize=8)
    axes.invert_yaxis()  # first layer on top
    return drawn
