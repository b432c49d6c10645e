"""The works of benchmarks/peers.py: our side and the peers', each checked to compute the same before it is timed.

PyTorch's steps are checked twice: in float64, where the losses of the first three steps agree to 1e-9, and then as they
are timed, in float32.  There Adam magnifies rounding: its first steps are lr sign(g), so a weight whose gradient is
nothing but rounding moves by a whole lr either way.  (After three steps of DCGAN-28 PyTorch's channels_last mode is
1.2e-4 away from float64, its plain mode 2e-5, and we are 2e-5 away.)
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from scratchgan import Sequential, bench
from scratchgan.data import load
from scratchgan.kernels import blas_on_one_thread, on_one_blas_thread
from scratchgan.layers import Conv2D, Dense, Flatten, LeakyReLU
from scratchgan.losses import Wasserstein
from scratchgan.models import dcgan, mlp_gan
from scratchgan.optim import Adam
from scratchgan.penalties import WganGp, interpolate, penalty_backward

from . import peer_jax

try:
    import torch

    from . import peer_torch
except ImportError:
    torch = None

STEPS = 3                                    # that are compared before anything is timed
TOLERANCE = 1e-4
CHECKS = {np.float64: 1e-9, np.float32: 1e-3}


@dataclass(frozen=True)
class Sizes:
    batch: int = 64
    width: int = 64
    hidden: int = 128
    compiled: bool = True                    # torch.compile takes a minute
    seconds: float = 0.25                    # a turn
    settle: float = 0.1                      # OpenBLAS's threads spin for up to 30 ms after a product


@dataclass
class Trial:
    """One work: our clock and the peers'."""

    name: str
    flops: float
    ours: bench.Clock
    peers: dict[str, bench.Clock] = field(default_factory=dict)


class DifferentWorkError(AssertionError):
    """The two sides do not compute the same: there is nothing to compare."""


def same_work(who: str, ours, theirs, tolerance: float = TOLERANCE) -> None:
    """Raise DifferentWorkError unless each loss, or each array in terms of its largest entry, agrees to `tolerance`."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape:
        raise DifferentWorkError(f"{who}: shape {theirs.shape}, ours {ours.shape}")
    scale = np.abs(theirs) if ours.ndim == 1 else np.abs(theirs).max()
    error = np.max(np.abs(ours - theirs) / scale)
    if not error <= tolerance:
        raise DifferentWorkError(f"{who}: differs from ours by {error:.1e} (at most {tolerance:.0e})"
                                 + (f"\n  ours   {ours}\n  theirs {theirs}" if ours.ndim == 1 else ""))


def torch_modes(sizes: Sizes, images: bool = True) -> dict:
    """The modes of PyTorch that are measured; how channels lie in memory is a question for images alone."""
    if torch is None:
        return {}
    return {name: mode for name, mode in peer_torch.MODES.items()
            if (sizes.compiled or not mode.compiled) and (images or not mode.channels_last)}


def add_torch(trial: Trial, sizes: Sizes, build, expected: dict, images: bool = True) -> None:
    """Add each mode of PyTorch: check it in both precisions (compiled ones in float32 alone), time it in float32.

    build(mode, dtype) gives the losses of the first steps and the step; `expected` are ours, for each dtype.
    A compiler's failure costs a line, not the run.
    """
    for who, mode in torch_modes(sizes, images).items():
        try:
            for dtype, tolerance in CHECKS.items():
                if dtype is np.float32 or not mode.compiled:
                    losses, step = build(mode, dtype)
                    same_work(f"{trial.name}, {who}, {dtype.__name__}", expected[dtype], losses, tolerance)
            trial.peers[who] = bench.clock(step)
        except DifferentWorkError:
            raise
        except Exception as error:
            if not mode.compiled:
                raise
            text = str(error).strip() or "no message"
            print(f"{trial.name}: {who} skipped: {type(error).__name__}: {text.splitlines()[0][:100]}")


def dcgan_trials(sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> Iterator[Trial]:
    real = load("mnist-5k").x[:sizes.batch]
    make = lambda dtype: dcgan(28, 1, 100, sizes.width, "non-saturating", 0, dtype=dtype)
    yield gan_trial("DCGAN-28 step", make, real, sizes, lambda mode: peer_torch.dcgan_nets(sizes.width, 100, mode))[0]


def mlp_trials(sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> Iterator[Trial]:
    real = np.random.default_rng(0).standard_normal((4 * sizes.batch, 2)).astype(np.float32)
    make = lambda dtype: mlp_gan(2, 2, (sizes.hidden, sizes.hidden), "non-saturating", 0, dtype=dtype)
    trial, noise, expected = gan_trial("MLP GAN step", make, real, sizes,
                                       lambda mode: peer_torch.mlp_nets(sizes.hidden, mode))
    if peer_jax.can_pin(threads):
        gan, path = make(np.float32), Path(stack.enter_context(tempfile.TemporaryDirectory())) / "start.npz"
        start = {f"{which}{i}": a for which, net in (("g", gan.G), ("d", gan.D))
                 for i, a in enumerate(peer_jax.weights(net))}
        np.savez(path, real=real, noise=noise, **start)
        try:
            peer = peer_jax.Peer(threads, str(path))
        except RuntimeError as error:
            print(f"{trial.name}: JAX left out: {error}")
        else:
            stack.callback(peer.close)
            same_work("JAX jit", expected, peer.ask("check"))
            trial.peers["JAX jit"] = peer.ask
    yield trial


def gan_trial(name: str, make, real: np.ndarray, sizes: Sizes, nets) -> tuple[Trial, np.ndarray, list[float]]:
    """Our GAN, made by make(dtype), against PyTorch's; also the noise of the first steps and our losses on it."""
    expected, N = {}, len(real)
    for dtype in CHECKS:                                             # the one that is timed, in float32, is the last
        gan, x, losses = make(dtype), real.astype(dtype), []
        noise = np.random.default_rng(1).standard_normal((2 * STEPS, N, gan.latent_dim)).astype(np.float32)
        draws = iter(noise.astype(dtype))
        gan.noise = lambda N, draws=draws: next(draws)
        for _ in range(STEPS):
            report = gan.train_step(x)
            losses += [report["d_loss"], report["g_loss"]]
        del gan.noise
        expected[dtype] = losses
    trial = Trial(f"{name}, batch {N}", bench.step_flops(gan, N), bench.clock(lambda: gan.train_step(real)))

    def build(mode, dtype):
        start, (G, D) = make(dtype), nets(mode)
        for net, source in ((G, start.G), (D, start.D)):
            peer_torch.load(net, source)
        peer, x = peer_torch.Gan(G, D, gan.latent_dim, N, mode), peer_torch.images(real.astype(dtype), mode)
        own, draws = peer.noise, iter(noise.astype(dtype))
        peer.noise = lambda: torch.tensor(next(draws))
        losses = [loss for _ in range(STEPS) for loss in peer.train_step(x)]
        peer.noise = own
        return losses, lambda: peer.train_step(x)

    add_torch(trial, sizes, build, expected, images=real.ndim == 4)
    return trial, noise, expected[np.float32]


def critic_trials(sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> Iterator[Trial]:
    rng, rates, expected = np.random.default_rng(0), {"lr": 1e-4, "beta1": 0.0, "beta2": 0.9}, {}
    real = load("mnist-5k").x[:sizes.batch]
    fake = np.tanh(rng.standard_normal(real.shape)).astype(np.float32)
    batches = real, fake, interpolate(real, fake, rng=rng)
    for dtype in CHECKS:                                             # the one that is timed, in float32, is the last
        net, given = critic(sizes.width, dtype), [x.astype(dtype) for x in batches]
        step = critic_step(net, Adam(net, **rates))
        expected[dtype] = [step(*given) for _ in range(STEPS)]
    trial = Trial(f"WGAN-GP critic step, batch {sizes.batch}", bench.critic_flops(net, (28, 28, 1), sizes.batch),
                  bench.clock(lambda: step(*batches)))

    def build(mode, dtype):
        D = peer_torch.critic_net(sizes.width, mode)
        peer_torch.load(D, critic(sizes.width, dtype))
        peer, given = peer_torch.Critic(D, mode, **rates), [peer_torch.images(x.astype(dtype), mode) for x in batches]
        return [peer.step(*given) for _ in range(STEPS)], lambda: peer.step(*given)

    add_torch(trial, sizes, build, expected)
    yield trial


def critic(width: int, dtype) -> Sequential:
    """D of DCGAN-28 without BatchNorm."""
    same = {"rng": np.random.default_rng(0), "dtype": dtype}
    geometry = {"kernel_size": 4, "stride": 2, "padding": 1, **same}
    return Sequential([Conv2D(1, width, **geometry), LeakyReLU(0.2), Conv2D(width, 2 * width, **geometry),
                       LeakyReLU(0.2), Flatten(), Dense(98 * width, 1, **same)], input_shape=(28, 28, 1))


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
            with blas_on_one_thread():                     # as in training
                return bench.clock(work.step)(n)

        def numpy(n, a=a, b=b):
            with threadpool_limits(limits=threads, user_api="blas"):
                return bench.clock(lambda: a @ b)(n)

        yield Trial(work.name, work.flops, ours, {"NumPy's BLAS": numpy})


def convolution_trials(sizes: Sizes, threads: int, stack: contextlib.ExitStack) -> Iterator[Trial]:
    works = bench.convolutions(sizes.batch, sizes.width)
    theirs = peer_torch.convolutions(*bench.convolution_arrays(sizes.batch, sizes.width)) if torch else []
    for work, (step, read) in zip(works, theirs, strict=bool(theirs)):
        same_work("oneDNN", work.step(), read(step()))
        yield Trial(work.name, work.flops, bench.clock(work.step), {"oneDNN": bench.clock(step)})


ITEMS = {"dcgan": dcgan_trials, "mlp": mlp_trials, "critic": critic_trials, "products": product_trials,
         "convolutions": convolution_trials}
