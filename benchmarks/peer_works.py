"""The works of benchmarks/peers.py: our side and the peers', which are checked to compute the same before being timed.

PyTorch's steps are checked twice: in float64, where the losses of the first three steps agree to 1e-9, and in float32,
in which they are timed.  In float32 Adam magnifies rounding errors: its first steps are lr sign(g), so a weight whose
gradient is only rounding error moves by a full lr in either direction.  (After three steps of DCGAN-28, PyTorch's
channels_last mode differs from float64 by 1.2e-4, its plain mode by 2e-5, and scratchgan by 2e-5.)
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from scratchgan import Sequential
from scratchgan.data import load
from scratchgan.kernels import blas_on_one_thread, on_one_blas_thread
from scratchgan.layers import Conv2D, Dense, Flatten, LeakyReLU
from scratchgan.losses import Wasserstein
from scratchgan.models import dcgan, mlp_gan
from scratchgan.optim import Adam
from scratchgan.penalties import WganGp, interpolate, penalty_backward
from scratchgan.runs import bench

from .peer_process import Peer, can_pin

#: the modes of PyTorch that are measured, by name: (torch.compile, channels_last)
TORCH_MODES = {
    "PyTorch eager": (False, False),
    "PyTorch eager, fused Adam": (False, False),
    "PyTorch channels_last, fused Adam": (False, True),
    "torch.compile, fused Adam": (True, False),
    "torch.compile, channels_last, fused Adam": (True, True),
}
STEPS = 3  # steps that are compared before anything is timed
TOLERANCE = 1e-4
CHECKS = {np.float64: 1e-9, np.float32: 1e-3}


@dataclass(frozen=True)
class Sizes:
    batch: int = 64
    width: int = 64
    hidden: int = 128
    compiled: bool = True  # torch.compile takes a minute
    seconds: float = 0.25  # per turn
    settle: float = 0.1  # OpenBLAS's threads spin for up to 30 ms after a product


@dataclass
class Trial:
    """One work: our clock, and the clocks of the peers."""

    name: str
    flops: float
    ours: bench.Clock
    peers: dict[str, bench.Clock] = field(default_factory=dict)


class DifferentWorkError(AssertionError):
    """The two sides do not compute the same, so their times cannot be compared."""


def same_work(who: str, ours, theirs, tolerance: float = TOLERANCE) -> None:
    """Raise DifferentWorkError unless each loss, or an array relative to its largest entry, agrees to `tolerance`."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape:
        raise DifferentWorkError(f"{who}: expected the shape {ours.shape} of ours, got {theirs.shape}")
    scale = np.abs(theirs) if ours.ndim == 1 else np.abs(theirs).max()
    error = np.max(np.abs(ours - theirs) / scale)
    if not error <= tolerance:
        raise DifferentWorkError(
            f"{who}: differs from ours by {error:.1e}, expected at most {tolerance:.0e}"
            + (f"\n  ours   {ours}\n  theirs {theirs}" if ours.ndim == 1 else "")
        )


@dataclass(frozen=True)
class Steps:
    """A training step, ours and PyTorch's, on the same weights, data and noise.

    ours(dtype), theirs(mode, dtype)    -> (losses of the first steps, a function that takes one more step)
    flops                               number of operations in the products of a step
    start, real, noise                  our game, the batch and the noise, for a peer that is not PyTorch
    """

    name: str
    ours: Callable
    theirs: Callable
    flops: Callable[[], float]
    images: bool = True
    start: Callable | None = None
    real: np.ndarray | None = None
    noise: np.ndarray | None = None


def step_trial(item: str, sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> tuple[Trial, Steps, list[float]]:
    """(the Trial of a step, with PyTorch's modes, each checked first; the step; our losses in float32).

    PyTorch runs in a separate process, because this package's memory settings (compiled/pool.py) would speed it up too.
    If compiling a mode fails, a message is printed and the mode is skipped.
    """
    work, expected = STEP_WORKS[item](sizes), {}
    for dtype in CHECKS:  # float32 comes last: that step is timed
        expected[dtype], step = work.ours(dtype)
    trial = Trial(work.name, work.flops(), bench.clock(step))
    modes = [
        name
        for name, (compiled, last) in TORCH_MODES.items()
        if (sizes.compiled or not compiled) and (work.images or not last)
    ]
    try:
        peer = Peer(
            "benchmarks.peer_torch_process", threads, item, json.dumps(asdict(sizes)), SCRATCHGAN_BACKEND="numpy"
        )
    except RuntimeError as error:
        print(f"{work.name}: PyTorch left out: {error}")
        return trial, work, expected[np.float32]
    stack.callback(peer.close)
    for who in modes:
        answer = peer.ask(json.dumps(["check", who]))
        if "failed" in answer:
            print(f"{work.name}: {who} skipped: {answer['failed']}")
            continue
        for dtype, tolerance in CHECKS.items():
            if dtype.__name__ in answer:
                same_work(f"{work.name}, {who}, {dtype.__name__}", expected[dtype], answer[dtype.__name__], tolerance)
        trial.peers[who] = lambda n, who=who: peer.ask(json.dumps(["time", who, n]))
    return trial, work, expected[np.float32]


def dcgan_trials(sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> Iterator[Trial]:
    trial, work, expected = step_trial("dcgan", sizes, threads, stack)
    add_tensorflow("dcgan", trial, expected, threads, saved_start(work, stack), stack)
    yield trial


def critic_trials(sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> Iterator[Trial]:
    yield step_trial("critic", sizes, threads, stack)[0]


def mlp_trials(sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> Iterator[Trial]:
    trial, work, expected = step_trial("mlp", sizes, threads, stack)
    if can_pin(threads):
        path = saved_start(work, stack)
        try:
            peer = Peer("benchmarks.peer_jax", threads, str(path))
        except RuntimeError as error:
            print(f"{trial.name}: JAX left out: {error}")
        else:
            stack.callback(peer.close)
            same_work("JAX jit", expected, peer.ask("check"))
            trial.peers["JAX jit"] = peer.ask
        add_tensorflow("mlp", trial, expected, threads, path, stack)
    yield trial


def saved_start(work: Steps, stack: contextlib.ExitStack) -> Path:
    """A file with the initial weights, the batch and the noise.  All layouts are those of JAX and TensorFlow, too."""
    gan, path = work.start(np.float32), Path(stack.enter_context(tempfile.TemporaryDirectory())) / "start.npz"
    start = {
        f"{which}{i}": a for which, net in (("g", gan.G), ("d", gan.D)) for i, (_, a) in enumerate(net.parameters())
    }
    np.savez(path, real=work.real, noise=work.noise, **start)
    return path


def add_tensorflow(
    item: str, trial: Trial, expected: list[float], threads: int, path: Path, stack: contextlib.ExitStack
) -> None:
    """Both modes of TensorFlow, if it is installed, each checked first."""
    if not importlib.util.find_spec("tensorflow"):
        print(f"{trial.name}: TensorFlow left out: it is not installed")
        return
    for who, options in {"TensorFlow tf.function": (), "TensorFlow XLA": ("--xla",)}.items():
        try:
            peer = Peer("benchmarks.peer_tensorflow", threads, item, str(path), *options)
        except RuntimeError as error:
            print(f"{trial.name}: {who} left out: {error}")
            continue
        stack.callback(peer.close)
        same_work(f"{trial.name}, {who}", expected, peer.ask("check"), CHECKS[np.float32])
        trial.peers[who] = peer.ask


def dcgan_steps(sizes: Sizes) -> Steps:
    real = load("mnist-5k").x[: sizes.batch]
    make = lambda dtype: dcgan(28, 1, 100, sizes.width, "non-saturating", 0, dtype=dtype)
    return gan_steps("DCGAN-28 step", make, real, lambda mode: peer_torch().dcgan_nets(sizes.width, 100, mode))


def mlp_steps(sizes: Sizes) -> Steps:
    real = np.random.default_rng(0).standard_normal((4 * sizes.batch, 2)).astype(np.float32)
    make = lambda dtype: mlp_gan(2, 2, (sizes.hidden, sizes.hidden), "non-saturating", 0, dtype=dtype)
    return gan_steps("MLP GAN step", make, real, lambda mode: peer_torch().mlp_nets(sizes.hidden, mode))


def gan_steps(name: str, make, real: np.ndarray, nets) -> Steps:
    """The training step of the GAN that make(dtype) returns, and of PyTorch's nets(mode)."""
    N, latent_dim = len(real), make(np.float32).latent_dim
    noise = np.random.default_rng(1).standard_normal((2 * STEPS, N, latent_dim)).astype(np.float32)

    def ours(dtype):
        gan, x, losses, draws = make(dtype), real.astype(dtype), [], iter(noise.astype(dtype))
        gan.noise = lambda N: next(draws)
        for _ in range(STEPS):
            report = gan.train_step(x)
            losses += [report["d_loss"], report["g_loss"]]
        del gan.noise
        return losses, lambda: gan.train_step(x)

    def theirs(mode, dtype):
        torch, source, (G, D) = peer_torch(), make(dtype), nets(mode)
        torch.load(G, source.G)
        torch.load(D, source.D)
        gan, x, draws = torch.Gan(G, D, latent_dim, N, mode), torch.images(real.astype(dtype), mode), iter(noise)
        own, gan.noise = gan.noise, lambda: torch.points(next(draws).astype(dtype))
        losses = [loss for _ in range(STEPS) for loss in gan.train_step(x)]
        gan.noise = own
        return losses, lambda: gan.train_step(x)

    return Steps(
        f"{name}, batch {N}",
        ours,
        theirs,
        lambda: bench.step_flops(make(np.float32), N),
        real.ndim == 4,
        make,
        real,
        noise,
    )


def critic_steps(sizes: Sizes) -> Steps:
    rng, rates = np.random.default_rng(0), {"lr": 1e-4, "beta1": 0.0, "beta2": 0.9}
    real = load("mnist-5k").x[: sizes.batch]
    fake = np.tanh(rng.standard_normal(real.shape)).astype(np.float32)
    batches = real, fake, interpolate(real, fake, rng=rng)

    def ours(dtype):
        net, given = critic(sizes.width, dtype), [x.astype(dtype) for x in batches]
        step = critic_step(net, Adam(net, **rates))
        return [step(*given) for _ in range(STEPS)], lambda: step(*given)

    def theirs(mode, dtype):
        torch = peer_torch()
        D, given = torch.critic_net(sizes.width, mode), [torch.images(x.astype(dtype), mode) for x in batches]
        torch.load(D, critic(sizes.width, dtype))
        peer = torch.Critic(D, mode, **rates)
        return [peer.step(*given) for _ in range(STEPS)], lambda: peer.step(*given)

    return Steps(
        f"WGAN-GP critic step, batch {sizes.batch}",
        ours,
        theirs,
        lambda: bench.critic_flops(critic(sizes.width, np.float32), (28, 28, 1), sizes.batch),
    )


def critic(width: int, dtype) -> Sequential:
    """D of DCGAN-28 without BatchNorm."""
    same = {"rng": np.random.default_rng(0), "dtype": dtype}
    geometry = {"kernel_size": 4, "stride": 2, "padding": 1, **same}
    return Sequential(
        [
            Conv2D(1, width, **geometry),
            LeakyReLU(0.2),
            Conv2D(width, 2 * width, **geometry),
            LeakyReLU(0.2),
            Flatten(),
            Dense(98 * width, 1, **same),
        ],
        input_shape=(28, 28, 1),
    )


def critic_step(net: Sequential, optimizer: Adam):
    """The function that takes one WGAN-GP step on (real, fake, between) and returns the loss."""
    loss, penalty = Wasserstein(), WganGp(10.0)

    @on_one_blas_thread
    def step(real, fake, between) -> float:
        net.zero_grads()
        real_logits, on_real = net.forward(real, train=True)
        fake_logits, on_fake = net.forward(fake, train=True)
        value, d_real, d_fake = loss.discriminator(real_logits, fake_logits)
        net.backward(d_real, on_real, input_grad=False)
        net.backward(d_fake, on_fake, input_grad=False)
        extra, _ = penalty_backward(net, between, penalty, input_grad=False)
        optimizer.step()
        return value + extra

    return step


def product_trials(sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> Iterator[Trial]:
    for product in bench.products(sizes.batch, sizes.width):
        work = product.work()
        a = product.a.T if product.options["transpose_a"] else product.a
        b = product.b.T if product.options["transpose_b"] else product.b
        same_work("NumPy", work.step(), a @ b)

        def ours(n, work=work):
            with blas_on_one_thread():  # as in training
                return bench.clock(work.step)(n)

        def numpy(n, a=a, b=b):
            with threadpool_limits(limits=threads, user_api="blas"):
                return bench.clock(lambda: a @ b)(n)

        yield Trial(work.name, work.flops, ours, {"NumPy's BLAS": numpy})


def convolution_trials(sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> Iterator[Trial]:
    works = bench.convolutions(sizes.batch, sizes.width)
    theirs = []
    if importlib.util.find_spec("torch"):
        peer_torch().set_num_threads(threads)
        theirs = peer_torch().convolutions(*bench.convolution_arrays(sizes.batch, sizes.width))
    for work, (step, read) in zip(works, theirs, strict=bool(theirs)):
        same_work("oneDNN", work.step(), read(step()))
        yield Trial(work.name, work.flops, bench.clock(work.step), {"oneDNN": bench.clock(step)})


def peer_torch():
    """benchmarks/peer_torch.py, imported only when it is needed: this process also works without PyTorch."""
    from . import peer_torch

    return peer_torch


STEP_WORKS = {"dcgan": dcgan_steps, "mlp": mlp_steps, "critic": critic_steps}
ITEMS = {
    "dcgan": dcgan_trials,
    "mlp": mlp_trials,
    "critic": critic_trials,
    "products": product_trials,
    "convolutions": convolution_trials,
}
