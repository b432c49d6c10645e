r"""What does a critic learn?  A plain D, weight clipping and the gradient penalty, on known densities in 1-D and 2-D.

    python -m benchmarks.critics [--steps 3000] [--quick]

This follows Gulrajani et al. 2017, section 3 and figures 1 and 2: G is fixed, its fakes are N(0, I), and D is trained
for many steps.  All methods use the same D, with eight hidden layers of 64 units and ReLU; they differ only in how they
limit its slope:

    plain GAN        non-saturating loss, no limit on D's slope
    clip 0.1, 0.01   Wasserstein loss, weights clipped to this bound (the paper's figure shows three bounds)
    penalty          Wasserstein loss, WGAN-GP with weight 10
    one-sided        the same, but only slopes above 1 are penalised

The figures show the critic itself; how the norm of the gradient of D's loss changes from layer to layer; and histograms
of the weights.  In one dimension the critic is compared with the exact Kantorovich potential, whose slope is
sign(F_q - F_p), where F_p and F_q are the distribution functions.  "Estimate" is E_p[C] - E_q[C] divided by the largest
slope of D that was measured: the critic's estimate of the earth mover's distance after it is scaled to slope 1.  In one
dimension the true distance is known.

Adam with lr = 5e-4, beta1 = 0.5 and beta2 = 0.9, batches of 256.  (The paper uses lr = 1e-4 with the same betas, the
data sets 8 Gaussians, 25 Gaussians and Swiss roll, and twelve layers in its figure of gradients.)
Writes benchmarks/results/critics.json, critics_line.png, critics_plane.png and critics_layers.png.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan import GAN, Sequential
from scratchgan.data import load
from scratchgan.data.toy import gaussian_mixture_1d
from scratchgan.files.atomic import write_text
from scratchgan.layers import Dense, ReLU
from scratchgan.metrics import earth_mover_1d
from scratchgan.models.training import game
from scratchgan.penalties import WganGp
from scratchgan.plots import BLACK, BLUE, FAKE, GREEN, ORANGE, REAL, SKY, VERMILLION, figure, save_figure
from scratchgan.plots.density import plane
from scratchgan.rules import GradientPenalty
from scratchgan.theory.line import gaussian, mixture

RESULTS = Path(__file__).parent / "results"
WASSERSTEIN = {"loss": "wasserstein"}
METHODS = {
    "plain GAN": {"loss": "non-saturating"},
    "clip 0.1": {**WASSERSTEIN, "clip": 0.1},
    "clip 0.01": {**WASSERSTEIN, "clip": 0.01},
    "penalty": {**WASSERSTEIN, "penalty": "wgan-gp", "penalty_weight": 10.0},
    "one-sided": {**WASSERSTEIN, "rules": [GradientPenalty(WganGp(10.0, one_sided=True), "between")]},
}
COLOURS = dict(zip(METHODS, (BLACK, VERMILLION, ORANGE, BLUE, SKY), strict=True))
LINES = {"two modes": gaussian_mixture_1d((-2.0, 2.0), 0.5, None), "mixture-1d": load("mixture-1d")}
PLANES = {"ring": load("ring"), "spirals": load("spirals")}
DATA = LINES | PLANES
DEPTH, WIDTH, BATCH = 8, 64, 256
TITLES = {
    "line": "Seed 0: told to have slope 1 everywhere, the critic of the two modes stays nearly straight; told to have at "
    "most 1, it comes near the exact potential",
    "plane": "Seed 0: clipped critics are polygons; of the penalised ones the two-sided one of the ring has its summit in "
    "the empty centre (green: real samples; fakes: N(0, I))",
    "layers": "With clipping, gradients vanish or explode and weights pile up at the bounds; the penalties avoid both",
}
LOOK = 100  # gradients are averaged over this many last steps


def critic(dim: int, method: str, seed: int) -> GAN:
    """A game whose G is the identity and is never trained: the fakes are the noise itself, N(0, I)."""
    rng = np.random.default_rng(seed)
    widths, layers = [dim] + [WIDTH] * DEPTH, []
    for Di, Do in pairwise(widths):
        layers += [Dense(Di, Do, init="he", rng=rng), ReLU()]
    D = Sequential([*layers, Dense(WIDTH, 1, init="glorot", rng=rng)], input_shape=(dim,))
    G = Dense(dim, dim, bias=False, init=lambda shape, *, rng, dtype: np.eye(dim, dtype=dtype), rng=rng)
    return game(G, D, latent_dim=dim, data_shape=(dim,), lr_d=5e-4, beta1=0.5, beta2=0.9, seed=seed, **METHODS[method])


def learn(data: str, method: str, steps: int, seed: int = 0) -> tuple[GAN, dict]:
    """The critic after `steps` steps, and its measurements; gradient norms are means over the last LOOK steps."""
    density, rng = DATA[data], np.random.default_rng(seed)
    gan, norms = critic(density.dim, method, seed), []
    for step in range(steps):
        gan.d_step(density.sample(BATCH, rng=rng))
        gan.steps += 1
        if step >= steps - LOOK:
            norms.append([float(np.linalg.norm(g)) for path, g in gan.D.gradients() if path.endswith("W")])
    weights = np.concatenate([w.ravel() for path, w in gan.D.parameters() if path.endswith("W")])
    slopes, gap = seen(gan, density)
    return gan, {
        "gradient_norms": np.mean(norms, axis=0).tolist(),
        "largest_slope": float(slopes.max()),
        "mean_slope": float(slopes.mean()),
        "gap": gap,
        "estimate": gap / float(slopes.max()),
        "weights": np.quantile(weights, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)).tolist(),
        "at_the_bound": None
        if "clip" not in METHODS[method]
        else float((np.abs(weights) >= 0.999 * METHODS[method]["clip"]).mean()),
        "histogram": np.histogram(weights, 81, (-1.02 * (b := float(np.abs(weights).max())), 1.02 * b))[0].tolist(),
        "histogram_range": 1.02 * b,
    }


def logits(gan: GAN, x: np.ndarray) -> np.ndarray:
    """C(x), (N,), in float64: a clipped critic may be so flat that float32 cannot resolve it."""
    return gan.D.astype(np.float64).forward(np.ascontiguousarray(x, np.float64), train=False)[0][:, 0]


def seen(gan: GAN, density) -> tuple[np.ndarray, float]:
    """|dC/dx| at points between real samples and fakes, and E_p[C] - E_q[C], over 4,096 of each."""
    rng = np.random.default_rng(5)
    real, fake = density.sample(4096, rng=rng), rng.standard_normal((4096, density.dim))
    e, D = rng.random((4096, 1)), gan.D.astype(np.float64)
    y, cache = D.forward(e * real + (1 - e) * fake, train=True)
    g = D.backward(np.ones_like(y), cache, param_grads=False)
    return np.linalg.norm(g, axis=1), float(logits(gan, real).mean() - logits(gan, fake).mean())


def exact(density) -> tuple[np.ndarray, np.ndarray, float]:
    """x, the Kantorovich potential between a one-dimensional mixture and N(0, 1), and W1 = integral of |F_p - F_q|."""
    p, q = mixture(density.modes[:, 0], density.sigmas, density.weights), gaussian()
    x = np.linspace(-4, 4, 8001)
    difference, h = q.cdf(x) - p.cdf(x), x[1] - x[0]
    return x, np.concatenate([[0], np.cumsum(np.sign(difference[:-1]) * h)]), float(np.sum(np.abs(difference)) * h)


def draw_line(path: Path, critics: dict[str, dict[str, GAN]], found: dict) -> None:
    """The two densities and, below them, the critics in one dimension, each scaled to a largest slope of 1."""
    fig = figure(13, 6.4)
    columns = fig.subplots(2, len(critics), sharex=True, gridspec_kw={"height_ratios": (1, 2)}, squeeze=False).T
    for (upper, lower), (data, gans) in zip(columns, critics.items(), strict=True):
        x, potential, w1 = exact(DATA[data])
        upper.fill_between(x, DATA[data].density(x[:, None]), color=REAL, alpha=0.4, label="p, real")
        upper.fill_between(x, gaussian().density(x), color=FAKE, alpha=0.4, label="q, fakes (fixed)")
        upper.set(ylabel="density", title=f"{data}: earth mover's distance {w1:.3f}")
        lower.plot(
            x, potential - potential.mean(), color=GREEN, linewidth=5, alpha=0.4, label="Kantorovich potential, exact"
        )
        for name, gan in gans.items():
            numbers, y = found[data][name], logits(gan, x[:, None])
            y /= numbers["largest_slope"]
            lower.plot(
                x,
                y - y.mean(),
                color=COLOURS[name],
                linewidth=1.3,
                label=f"{name}: estimate {numbers['estimate']:.3f}; largest slope {numbers['largest_slope']:.2g}",
            )
        lower.set(xlabel="x", ylabel="C(x) / its largest slope, mean 0")
        for axes in (upper, lower):
            axes.legend(fontsize=7)
            axes.grid(alpha=0.25)
    fig.suptitle(TITLES["line"], fontsize=11)
    fig.tight_layout()
    save_figure(fig, path)


def draw_plane(path: Path, critics: dict[str, dict[str, GAN]], found: dict) -> None:
    """Contour lines of each critic in the plane."""
    fig = figure(3.1 * len(METHODS), 3.2 * len(critics))
    rows = fig.subplots(len(critics), len(METHODS), squeeze=False)
    for row, (data, gans) in zip(rows, critics.items(), strict=True):
        X, Y = plane((-2, 2, -2, 2), 201)
        points = DATA[data].sample(400, rng=np.random.default_rng(0))
        for axes, (name, gan) in zip(row, gans.items(), strict=True):
            values = logits(gan, np.stack([X.ravel(), Y.ravel()], axis=1)).reshape(X.shape)
            axes.contourf(X, Y, values, levels=24, cmap="PuOr_r")
            axes.contour(X, Y, values, levels=12, colors="black", linewidths=0.4)
            axes.scatter(*points.T, s=3, color=GREEN)
            axes.set(xlabel="x0", ylabel="x1", aspect="equal")
            axes.set_title(
                f"{data}, {name}\nslope: mean {found[data][name]['mean_slope']:.2g}, largest "
                f"{found[data][name]['largest_slope']:.2g}",
                fontsize=8,
            )
            axes.tick_params(labelsize=6)
    fig.suptitle(TITLES["plane"], fontsize=10)
    fig.tight_layout()
    save_figure(fig, path)


def draw_layers(path: Path, results: dict) -> None:
    """Gradient norms by layer and histograms of the weights, for each data set."""
    fig = figure(14, 3.4 * len(results))
    rows = fig.subplots(len(results), 1 + len(METHODS), squeeze=False, width_ratios=[2] + [1] * len(METHODS))
    for row, (data, found) in zip(rows, results.items(), strict=True):
        for name, numbers in found.items():
            norms = numbers["gradient_norms"]
            row[0].semilogy(range(1, len(norms) + 1), norms, "o-", color=COLOURS[name], label=name, markersize=3)
        row[0].set(xlabel="layer of D, from its input", ylabel="|dL_D/dW|", title=f"{data}: gradient by layer")
        row[0].legend(fontsize=7)
        row[0].grid(alpha=0.25)
        for axes, (name, numbers) in zip(row[1:], found.items(), strict=True):
            counts, b = np.array(numbers["histogram"]), numbers["histogram_range"]
            axes.stairs(counts / counts.sum(), np.linspace(-b, b, len(counts) + 1), fill=True, color=COLOURS[name])
            at = numbers["at_the_bound"]
            axes.set_title(name + ("" if at is None else f": {at:.0%} at the bound"), fontsize=8)
            axes.set_xlabel("weight", fontsize=8)
            axes.tick_params(labelsize=6)
        row[1].set_ylabel("share of weights", fontsize=8)
    fig.suptitle(TITLES["layers"], fontsize=11)
    fig.tight_layout()
    save_figure(fig, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--quick", action="store_true", help="only test that it runs: 120 steps each")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    scratchgan.set_num_threads(1)
    steps, critics, results = 120 if options.quick else options.steps, {}, {}
    for data in DATA:
        for method in METHODS:
            gan, numbers = learn(data, method, steps)
            critics.setdefault(data, {})[method] = gan
            results.setdefault(data, {})[method] = numbers
            first, last = numbers["gradient_norms"][0], numbers["gradient_norms"][-1]
            print(
                f"{data:<12}{method:<12}gradient of layer 1 {first:.2e}, of the last {last:.2e}; slope mean "
                f"{numbers['mean_slope']:.2g}, largest {numbers['largest_slope']:.2g}; estimate "
                f"{numbers['estimate']:.4f}"
                + (
                    ""
                    if numbers["at_the_bound"] is None
                    else f"; {numbers['at_the_bound']:.0%} of the weights at the bound"
                ),
                flush=True,
            )
    distances, rng = {data: exact(density)[2] for data, density in LINES.items()}, np.random.default_rng(0)
    for data, distance in distances.items():
        sampled = earth_mover_1d(LINES[data].sample(200_000, rng=rng)[:, 0], rng.standard_normal(200_000))
        print(f"{data}: earth mover's distance {distance:.4f}; of 200,000 samples each {sampled:.4f}")
    options.out.mkdir(parents=True, exist_ok=True)
    write_text(
        options.out / "critics.json",
        json.dumps({"steps": steps, "earth_mover": distances, "results": results}, indent=1) + "\n",
    )
    draw_line(options.out / "critics_line.png", {data: critics[data] for data in LINES}, results)
    draw_plane(options.out / "critics_plane.png", {data: critics[data] for data in PLANES}, results)
    draw_layers(options.out / "critics_layers.png", results)
    print(f"wrote {options.out}/critics.json, critics_line.png, critics_plane.png, critics_layers.png")


if __name__ == "__main__":
    main()
