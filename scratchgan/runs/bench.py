r"""How fast is it on this machine: `scratchgan bench`, and what the programs in benchmarks/ share.

Measured are one training step of a DCGAN and of a small MLP GAN, and the matrix products and convolutions that the
first is made of.  A rate counts the multiplications and additions of products and convolutions alone:

    (Flops.1)   2 N |W| P      for each of: a layer's forward pass, its dx, its dW
                               (N samples; |W| numbers in W; W is used at P pixels: one for Dense, the output's pixels
                               for Conv2D, the input's for ConvTranspose2D)

Beside each rate stands its share of the best rate that any product of the same run reached: what is missing to 100 %
went into everything else, or into products that ran slower.  Times are medians over rounds that take all works in turn,
so that a machine that is busy for a second disturbs all of them alike.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import scratchgan

from .. import kernels
from ..core import Layer
from ..gan import GAN
from ..layers import ConvTranspose2D, Sequential
from ..models import dcgan, mlp_gan

#: kernel, stride and padding of every convolution here
GEOMETRY = {"stride": (2, 2), "padding": (1, 1)}
Clock = Callable[[int], list[float]]


@dataclass(frozen=True)
class Work:
    """Something to be measured: call `step`; its products are `flops` operations."""

    name: str
    step: Callable[[], object]
    flops: float


@dataclass(frozen=True)
class BenchRow:
    """What came out: the median of `seconds` over the rounds, and its quartiles."""

    name: str
    flops: float
    seconds: float
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Operations of products a second."""
        return self.flops / self.seconds


def run(
    threads: int | None = None, *, rounds: int = 7, batch: int = 64, width: int = 64, seconds: float = 0.1, print=print
) -> list[BenchRow]:
    """Measure all works and print a line each.

    threads        threads for the kernels; None leaves their number as it is
    rounds         how often each work has its turn, and `seconds` how long a turn is about
    batch, width   of the DCGAN; the MLP GAN gets four times the batch

    Raises ValueError if there are not so many threads.
    """
    if threads is not None:
        scratchgan.set_num_threads(threads)
    facts, threads = machine(), present_threads()
    print(
        f"scratchgan {scratchgan.__version__}, {kernels.get_backend()} kernels, threads: {threads}; "
        f"{facts['cpu']}, {facts['cores']} cores; Python {facts['python']}, NumPy {facts['numpy']}"
    )
    print(f"{'median of':<48}{'ms':>10}{'GFLOP/s':>10}{'of the best':>13}", flush=True)

    works = [
        *training(batch, width),
        *(product.work() for product in products(batch, width)),
        *convolutions(batch, width),
    ]
    with kernels.blas_on_one_thread():
        times = interleaved({work.name: clock(work.step) for work in works}, rounds, seconds=seconds)
    rows = [BenchRow(work.name, work.flops, *_quartiles(times[work.name])) for work in works]
    best = max((row for row in rows if row.name.startswith("product ")), key=lambda row: row.rate)
    for row in rows:
        print(f"{row.name:<48}{1e3 * row.seconds:>10.3f}{row.rate / 1e9:>10.1f}{row.rate / best.rate:>12.0%}")
    step = rows[0]
    print(
        f"\n{len(rows)} things, best rate {best.rate / 1e9:.0f} GFLOP/s ({best.name}): at that rate the products of "
        f"a DCGAN-28 step would take {1e3 * step.flops / best.rate:.1f} of its {1e3 * step.seconds:.1f} ms"
    )
    return rows


# -- the works --------------------------------------------------------------------------------------------------------


def training(batch: int = 64, width: int = 64, hidden: int = 128) -> list[Work]:
    """One alternating step, D's turn and G's, of a DCGAN on real digits and of an MLP GAN on points."""
    from ..data.embedded import load_embedded

    game, points = dcgan(28, 1, 100, width, seed=0), mlp_gan(2, 2, (hidden, hidden), seed=0)
    digits = load_embedded("mnist-5k").x[:batch]
    cloud = np.random.default_rng(0).standard_normal((4 * batch, 2)).astype(np.float32)
    return [
        Work(f"DCGAN-28, a training step of {batch}", lambda: game.train_step(digits), step_flops(game, batch)),
        Work(
            f"MLP GAN in 2-D, a training step of {4 * batch}",
            lambda: points.train_step(cloud),
            step_flops(points, 4 * batch),
        ),
    ]


@dataclass(frozen=True)
class Product:
    """c = op(a) op(b) with its arrays."""

    formula: str
    M: int
    K: int
    N: int
    a: np.ndarray
    b: np.ndarray

    @property
    def options(self) -> dict[str, bool]:
        """Which of the two is transposed."""
        return {"transpose_a": self.formula == "A^T B", "transpose_b": self.formula == "A B^T"}

    @property
    def name(self) -> str:
        """`product A^T B (M, K, N)`."""
        return f"product {self.formula} ({self.M}, {self.K}, {self.N})"

    @property
    def flops(self) -> float:
        """One multiplication and one addition for each of M K N."""
        return 2.0 * self.M * self.K * self.N

    def work(self) -> Work:
        """The package's own product."""
        return Work(self.name, lambda: kernels.matmul(self.a, self.b, **self.options), self.flops)


def products(batch: int = 64, width: int = 64) -> list[Product]:
    """The products of a DCGAN-28 step, with its convolutions written as products of patches; and the MLP's."""
    M, K, N = 49 * batch, 16 * width, 2 * width
    shapes = [
        ("A B", M, K, N),
        ("A B^T", M, N, K),
        ("A B", K, M, N),
        ("A^T B", K, M, N),
        ("A B", 4 * batch, 128, 128),
        ("A B", batch, 100, 49 * N),
    ]
    rng, made = np.random.default_rng(0), []
    for formula, m, k, n in shapes:
        a = rng.standard_normal((k, m) if formula == "A^T B" else (m, k)).astype(np.float32)
        b = rng.standard_normal((n, k) if formula == "A B^T" else (k, n)).astype(np.float32)
        made.append(Product(formula, m, k, n, a, b))
    return made


def convolution_arrays(batch: int = 64, width: int = 64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x, W, dy) of D's second convolution in DCGAN-28: 14 x 14 pixels, `width` channels -> 7 x 7, 2 `width`."""
    rng = np.random.default_rng(0)
    shapes = (batch, 14, 14, width), (4, 4, width, 2 * width), (batch, 7, 7, 2 * width)
    x, W, dy = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    return x, W, dy


def convolutions(batch: int = 64, width: int = 64) -> list[Work]:
    """The three convolution products of that layer."""
    x, W, dy = convolution_arrays(batch, width)
    flops, shape = 2.0 * batch * 49 * W.size, f"({batch}, 14, 14, {width})"
    return [
        Work(f"convolution {shape}", lambda: kernels.conv2d(x, W, **GEOMETRY), flops),
        Work(
            f"convolution, input gradient {shape}",
            lambda: kernels.conv2d_input_grad(dy, W, x_shape=x.shape, **GEOMETRY),
            flops,
        ),
        Work(
            f"convolution, weight gradient {shape}",
            lambda: kernels.conv2d_weight_grad(x, dy, kernel_size=W.shape[:2], **GEOMETRY),
            flops,
        ),
    ]


# -- counting ---------------------------------------------------------------------------------------------------------


def layer_flops(net: Layer, shape: tuple[int, ...], N: int) -> list[float]:
    """(Flops.1) of each layer of `net` that has a W, in order, for N samples of `shape`."""
    counts = []
    for _, layer in net.children():
        out: Any = layer.output_shape(shape)  # every entry is known, as those of `shape` are
        if "W" in layer.params:
            counts.append(2.0 * N * layer.params["W"].size * _uses(layer, shape, out))
        shape = out
    return counts


def step_flops(gan: GAN, N: int) -> float:
    """Of one `train_step` on N samples, of which nothing is computed that nobody reads."""
    g, d = layer_flops(gan.G, (gan.latent_dim,), N), layer_flops(gan.D, gan.data_shape, N)
    d_turn = sum(g) + 2 * (2 * sum(d) + sum(d[1:]))  # on real and on fake: forward, dW; no dx of the first
    g_turn = 2 * sum(g) + sum(g[1:]) + 2 * sum(d)  # through D: forward and dx alone
    return d_turn + g_turn


def critic_flops(critic: Sequential, shape: tuple[int, ...], N: int) -> float:
    """Of a critic's step with a gradient penalty: real, fake, and the four passes at a third batch.

    For a piecewise linear critic: the last pass is dW alone.
    """
    d = layer_flops(critic, shape, N)
    return 2 * (2 * sum(d) + sum(d[1:])) + 4 * sum(d)


def _uses(layer: Layer, shape: tuple[int, ...], out: tuple[int, ...]) -> int:
    return math.prod((shape if isinstance(layer, ConvTranspose2D) else out)[:-1])


# -- timing -----------------------------------------------------------------------------------------------------------


def clock(step: Callable[[], object]) -> Clock:
    """A function that calls `step` once, not timed, and then n times: the seconds of each."""

    def call(n: int) -> list[float]:
        step()
        taken = []
        for _ in range(n):
            start = time.perf_counter()
            step()
            taken.append(time.perf_counter() - start)
        return taken

    return call


def interleaved(
    sides: Mapping[str, Clock], rounds: int, *, seconds: float = 0.1, settle: float = 0.0, most: int = 200
) -> dict[str, np.ndarray]:
    """Let all sides have their turns, A B C A B C ...; return for each the median seconds of a call in each round.

    seconds    how long a turn is about: so many calls, at least one and at most `most`
    settle     pause before each turn: threads of the side before that wait by spinning have gone to sleep by then
    """
    calls: dict[str, int] = {}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for name, call in sides.items():
        time.sleep(settle)
        calls[name] = max(1, min(most, int(seconds / max(call(1)[0], 1e-9))))
    for _ in range(rounds):
        for name, call in sides.items():
            time.sleep(settle)
            taken[name].append(float(np.median(call(calls[name]))))
    return {name: np.array(values) for name, values in taken.items()}


def ratio(theirs: np.ndarray, ours: np.ndarray) -> tuple[float, float, float]:
    """Median and quartiles of theirs / ours, taken round by round: above 1 we are the faster one."""
    return _quartiles(theirs / ours)


def best_rate(calls: int = 20, batch: int = 64, width: int = 64) -> float:
    """Operations a second of the fastest of so many large products, with the present number of threads."""
    product = products(batch, width)[0]
    return product.flops / min(clock(product.work().step)(calls))


def _quartiles(values: np.ndarray) -> tuple[float, float, float]:
    low, median, high = np.percentile(values, [25, 50, 75])
    return float(median), float(low), float(high)


# -- where it was measured --------------------------------------------------------------------------------------------


def machine(*packages: str) -> dict[str, object]:
    """The processor, how many of its cores this process may use, and versions (of `packages` too, where installed)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts: dict[str, object] = {
        "cpu": _cpu(),
        "cores": cores,
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    for package in ("numpy", "numba", *packages):
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            facts[package] = None
    return facts


def present_threads() -> int:
    """How many threads the kernels use now.  The NumPy twins use one: BLAS is held to that while a net is at work."""
    if kernels.get_backend() != "numba":
        return 1
    from ..kernels.compiled.pool import get_num_threads

    return get_num_threads()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
