"""The same nets and steps in PyTorch, each in the modes that are commonly used.

This module does not import scratchgan: `load` copies the weights of a scratchgan net into a PyTorch net.

Layouts: a Dense W is (Di, Do), a Linear's weight (Do, Di); Conv2D's W (k, k, Ci, Co) is a Conv2d's (Co, Ci, k, k), and
ConvTranspose2D's W (k, k, Co, Ci) a ConvTranspose2d's (Ci, Co, k, k).  To reshape between vectors and images,
scratchgan uses the order (H, W, C); the PyTorch nets use the usual (C, H, W), and in the channels_last modes (H, W, C),
which needs no copy there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Mode:
    fused: bool = False  # Adam in one kernel
    channels_last: bool = False
    compiled: bool = False


def set_num_threads(threads: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)


def points(x: np.ndarray) -> torch.Tensor:
    return torch.tensor(x)


class ToImage(nn.Module):
    """(N, features) -> (N, C, H, W)."""

    def __init__(self, H: int, W: int, C: int, mode: Mode):
        super().__init__()
        self.shape, self.last = (H, W, C), mode.channels_last

    def forward(self, x):
        H, W, C = self.shape
        return x.view(-1, H, W, C).permute(0, 3, 1, 2) if self.last else x.view(-1, C, H, W)


class ToVector(nn.Module):
    """(N, C, H, W) -> (N, features)."""

    def __init__(self, H: int, W: int, C: int, mode: Mode):
        super().__init__()
        self.shape, self.last = (H, W, C), mode.channels_last

    def forward(self, x):
        return (x.permute(0, 2, 3, 1) if self.last else x).flatten(1)


def dcgan_nets(width: int, latent_dim: int, mode: Mode) -> tuple[nn.Sequential, nn.Sequential]:
    """(G, D) of DCGAN-28."""
    wide = 2 * width
    G = nn.Sequential(
        nn.Linear(latent_dim, 49 * wide, bias=False),
        ToImage(7, 7, wide, mode),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
        nn.ConvTranspose2d(wide, width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, 2, 1),
        nn.Tanh(),
    )
    D = nn.Sequential(
        nn.Conv2d(1, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, wide, 4, 2, 1, bias=False),
        nn.BatchNorm2d(wide),
        nn.LeakyReLU(0.2),
        ToVector(7, 7, wide, mode),
        nn.Linear(49 * wide, 1),
    )
    return G, D


def mlp_nets(hidden: int, mode: Mode) -> tuple[nn.Sequential, nn.Sequential]:
    """(G, D) of the MLP GAN on points."""
    G = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 2))
    D = nn.Sequential(
        nn.Linear(2, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1)
    )
    return G, D


def critic_net(width: int, mode: Mode) -> nn.Sequential:
    """D of DCGAN-28 without BatchNorm."""
    return nn.Sequential(
        nn.Conv2d(1, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        ToVector(7, 7, 2 * width, mode),
        nn.Linear(98 * width, 1),
    )


@torch.no_grad()
def load(peer: nn.Sequential, net) -> None:
    """Copy the weights of a scratchgan net into its peer, which also gets their dtype, float32 or float64."""
    peer.to(torch.float64 if net.dtype == np.float64 else torch.float32)
    modules, sources = list(peer), [layer for layer in net.layers if layer.params]
    places = [i for i, module in enumerate(modules) if list(module.parameters())]
    for i, layer in zip(places, sources, strict=True):
        weight = layer.params["gamma"] if "gamma" in layer.params else layer.params["W"]
        if weight.ndim == 4:
            weight = weight.transpose(3, 2, 0, 1)
        elif weight.ndim == 2:
            weight = weight.T
            after, before = modules[i + 1 : i + 2], modules[i - 1 : i]
            if after and isinstance(after[0], ToImage) and not after[0].last:
                weight = weight.reshape(*after[0].shape, -1).transpose(2, 0, 1, 3).reshape(weight.shape)
            elif before and isinstance(before[0], ToVector) and not before[0].last:
                weight = weight.reshape(-1, *before[0].shape).transpose(0, 3, 1, 2).reshape(weight.shape)
        pairs = [(modules[i].weight, weight)]
        if modules[i].bias is not None:
            pairs.append((modules[i].bias, layer.params["beta" if "beta" in layer.params else "b"]))
        for target, source in pairs:
            if tuple(target.shape) != source.shape:
                raise AssertionError(f"{modules[i]} does not fit {layer}")
            target.copy_(torch.tensor(np.ascontiguousarray(source)))


def images(x: np.ndarray, mode: Mode) -> torch.Tensor:
    """Images (N, H, W, C) as a tensor (N, C, H, W), in the memory layout of the mode; points are not rearranged."""
    t = torch.tensor(x)
    return t if x.ndim == 2 else _format(t.permute(0, 3, 1, 2).contiguous(), mode)


class Gan:
    """The alternating step of `scratchgan.GAN` with the non-saturating loss.

    noise    draws Z; replaced where the noise is given
    """

    def __init__(self, G: nn.Sequential, D: nn.Sequential, latent_dim: int, N: int, mode: Mode):
        self.G, self.D = _prepare(G, mode), _prepare(D, mode)
        self.frozen = list(D.parameters())
        self.g_optimizer, self.d_optimizer = adam(G, mode), adam(D, mode)
        kind = self.frozen[0].dtype
        self.ones, self.zeros = torch.ones(N, 1, dtype=kind), torch.zeros(N, 1, dtype=kind)
        self.noise = lambda: torch.randn(N, latent_dim, dtype=kind)

    def train_step(self, real: torch.Tensor) -> tuple[float, float]:
        loss = F.binary_cross_entropy_with_logits
        with torch.no_grad():
            fake = self.G(self.noise())
        self.d_optimizer.zero_grad()
        d_loss = loss(self.D(real), self.ones) + loss(self.D(fake), self.zeros)
        d_loss.backward()
        self.d_optimizer.step()

        for w in self.frozen:
            w.requires_grad_(False)
        self.g_optimizer.zero_grad()
        g_loss = loss(self.D(self.G(self.noise())), self.ones)
        g_loss.backward()
        self.g_optimizer.step()
        for w in self.frozen:
            w.requires_grad_(True)
        return d_loss.item(), g_loss.item()


class Critic:
    """The step of a WGAN-GP critic (weight 10) on given real samples, fakes and points between them."""

    def __init__(self, D: nn.Sequential, mode: Mode, lr: float, beta1: float, beta2: float):
        self.D, self.optimizer = _prepare(D, mode), adam(D, mode, lr, beta1, beta2)

    def step(self, real: torch.Tensor, fake: torch.Tensor, between: torch.Tensor) -> float:
        self.optimizer.zero_grad()
        x = between.detach().requires_grad_()
        (slope,) = torch.autograd.grad(self.D(x).sum(), x, create_graph=True)
        penalty = 10 * ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
        loss = self.D(fake).mean() - self.D(real).mean() + penalty
        loss.backward()
        self.optimizer.step()
        return loss.item()


def adam(net: nn.Module, mode: Mode, lr: float = 2e-4, beta1: float = 0.5, beta2: float = 0.999):
    return torch.optim.Adam(net.parameters(), lr, betas=(beta1, beta2), fused=mode.fused or None)


def convolutions(x: np.ndarray, W: np.ndarray, dy: np.ndarray) -> list:
    """oneDNN's three products of a k4 s2 p1 convolution in channels_last: (call, conversion to our layout) for each."""
    last = Mode(channels_last=True)
    x, dy = images(x, last), images(dy, last)
    w = torch.tensor(W.transpose(3, 2, 0, 1).copy()).contiguous(memory_format=torch.channels_last)

    def backward(*mask):
        return torch.ops.aten.convolution_backward(dy, x, w, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, mask)

    return [
        (lambda: F.conv2d(x, w, stride=2, padding=1), lambda y: y.permute(0, 2, 3, 1).numpy()),
        (lambda: backward(True, False, False)[0], lambda dx: dx.permute(0, 2, 3, 1).numpy()),
        (lambda: backward(False, True, False)[1], lambda dw: dw.permute(2, 3, 1, 0).numpy()),
    ]


def _format(thing, mode: Mode):
    """A tensor or a net, in the memory layout of the mode."""
    if not mode.channels_last:
        return thing
    if isinstance(thing, nn.Module):
        return thing.to(memory_format=torch.channels_last)
    return thing.contiguous(memory_format=torch.channels_last)


def _prepare(net: nn.Sequential, mode: Mode):
    """The function x -> net(x) in this mode.

    PyTorch caches compiled code per Python code object, up to a limit; beyond that it silently runs eagerly.  So every
    net gets its own code object, and reaching the limit is an error.
    """
    net = _format(net, mode)
    if not mode.compiled:
        return net
    torch._dynamo.config.fail_on_recompile_limit_hit = True

    def forward(x):
        return net(x)

    forward.__code__ = forward.__code__.replace(co_name="forward")
    return torch.compile(forward)
