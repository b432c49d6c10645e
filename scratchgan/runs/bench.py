r"""How fast training is on this machine: `scratchgan bench`, and code that the programs in benchmarks/ share.

The benchmark measures one training step of a DCGAN and of a small MLP GAN, and the matrix products and convolutions
that make up the DCGAN step.  A rate counts only the multiplications and additions of products and convolutions:

    (Flops.1)   2 N |W| P      for each of: a layer's forward pass, its dx, its dW
                               (N samples; |W| numbers in W; W is used at P pixels: P is 1 for Dense, the number of
                               output pixels for Conv2D, and the number of input pixels for ConvTranspose2D)

Next to each rate is its share of the best rate that any matrix product reached in the same run.  The rest of the 100 %
was spent on other operations, or on products that ran slower.  Times are medians over rounds, and each round measures
every item once, so that a machine that is busy for a second disturbs all items alike.
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
    """An item to be measured: one call of `step`, whose products and convolutions are `flops` operations."""

    name: str
    step: Callable[[], object]
    flops: float


@dataclass(frozen=True)
class BenchRow:
    """The result for one item: the median time of a call over the rounds in `seconds`, and the quartiles."""

    name: str
    flops: float
    seconds: float
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Multiplications and additions of products and convolutions per second."""
        return self.flops / self.seconds


def run(
    threads: int | None = None, *, rounds: int = 7, batch: int = 64, width: int = 64, seconds: float = 0.1, print=print
) -> list[BenchRow]:
    """Measure all items and print one line for each.

    threads        number of threads for the kernels; None leaves it unchanged
    rounds         how often each item is measured
    seconds        the approximate length of one measurement
    batch, width   of the DCGAN; the MLP GAN uses four times the batch size

    Raises ValueError if `threads` is more than there are.
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
        f"\n{len(rows)} items, best rate {best.rate / 1e9:.0f} GFLOP/s ({best.name}): at that rate the products of "
        f"a DCGAN-28 step would take {1e3 * step.flops / best.rate:.1f} of its {1e3 * step.seconds:.1f} ms"
    )
    return rows


# -- the works --------------------------------------------------------------------------------------------------------


def training(batch: int = 64, width: int = 64, hidden: int = 128) -> list[Work]:
    """One training step (an update of D and one of G) of a DCGAN on real digits and of an MLP GAN on points."""
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
    """A matrix product op(a) op(b) = c of shape (M, N), summed over K, with its arrays."""

    formula: str
    M: int
    K: int
    N: int
    a: np.ndarray
    b: np.ndarray

    @property
    def options(self) -> dict[str, bool]:
        """Which of the two factors is transposed, as arguments of `kernels.matmul`."""
        return {"transpose_a": self.formula == "A^T B", "transpose_b": self.formula == "A B^T"}

    @property
    def name(self) -> str:
        """`product A^T B (M, K, N)`."""
        return f"product {self.formula} ({self.M}, {self.K}, {self.N})"

    @property
    def flops(self) -> float:
        """2 M K N: a multiplication and an addition for each term of each entry of c."""
        return 2.0 * self.M * self.K * self.N

    def work(self) -> Work:
        """The same product computed by this package's kernel."""
        return Work(self.name, lambda: kernels.matmul(self.a, self.b, **self.options), self.flops)


def products(batch: int = 64, width: int = 64) -> list[Product]:
    """The products of a DCGAN-28 step, with convolutions written as products with patches; and one of the MLP GAN."""
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
    """(x, W, dy) of D's second convolution in DCGAN-28: (batch, 14, 14, width) -> (batch, 7, 7, 2 width)."""
    rng = np.random.default_rng(0)
    shapes = (batch, 14, 14, width), (4, 4, width, 2 * width), (batch, 7, 7, 2 * width)
    x, W, dy = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    return x, W, dy


def convolutions(batch: int = 64, width: int = 64) -> list[Work]:
    """The three kernels of that layer: the convolution, its input gradient and its weight gradient."""
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
    """(Flops.1) for each layer of `net` that has weights W, in order, for N samples of `shape`."""
    counts = []
    for _, layer in net.children():
        out: Any = layer.output_shape(shape)  # every entry is known, because those of `shape` are
        if "W" in layer.params:
            counts.append(2.0 * N * layer.params["W"].size * _uses(layer, shape, out))
        shape = out
    return counts


def step_flops(gan: GAN, N: int) -> float:
    """Operations of one `train_step` on N samples, without the gradients that no update needs."""
    g, d = layer_flops(gan.G, (gan.latent_dim,), N), layer_flops(gan.D, gan.data_shape, N)
    d_turn = sum(g) + 2 * (2 * sum(d) + sum(d[1:]))  # on real and fake samples: forward, dW; no dx of the first layer
    g_turn = 2 * sum(g) + sum(g[1:]) + 2 * sum(d)  # through D: only forward and dx
    return d_turn + g_turn


def critic_flops(critic: Sequential, shape: tuple[int, ...], N: int) -> float:
    """Operations of a critic's step with a gradient penalty: real samples, fakes, and the four passes on a third batch.

    The critic must be piecewise linear: then the fourth pass computes only dW.
    """
    d = layer_flops(critic, shape, N)
    return 2 * (2 * sum(d) + sum(d[1:])) + 4 * sum(d)


def _uses(layer: Layer, shape: tuple[int, ...], out: tuple[int, ...]) -> int:
    return math.prod((shape if isinstance(layer, ConvTranspose2D) else out)[:-1])


# -- timing -----------------------------------------------------------------------------------------------------------


def clock(step: Callable[[], object]) -> Clock:
    """A function of n that calls `step` once without timing it, then n times, and returns the seconds of each call."""

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
    """Time all sides in turn, A B C A B C ...; return {name: median seconds per call in each round, (rounds,)}.

    seconds    approximate length of a turn; it sets the number of calls, between 1 and `most`
    settle     pause in seconds before each turn, in which spinning threads of the previous side can go to sleep
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
    """Median and quartiles of theirs / ours, round by round: above 1 this package is faster."""
    return _quartiles(theirs / ours)


def best_rate(calls: int = 20, batch: int = 64, width: int = 64) -> float:
    """Operations per second of the fastest of `calls` large products, with the current number of threads."""
    product = products(batch, width)[0]
    return product.flops / min(clock(product.work().step)(calls))


def _quartiles(values: np.ndarray) -> tuple[float, float, float]:
    low, median, high = np.percentile(values, [25, 50, 75])
    return float(median), float(low), float(high)


# -- where it was measured --------------------------------------------------------------------------------------------


def machine(*packages: str) -> dict[str, object]:
    """The processor, how many cores this process may use, and versions, also of `packages` (None if not installed)."""
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
    """How many threads the kernels use now.  The NumPy twins use one: BLAS is limited to one thread while they run."""
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
