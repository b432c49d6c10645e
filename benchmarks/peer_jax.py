"""The training step of the MLP GAN in JAX, in a separate process that executes commands from its standard input.

    python -m benchmarks.peer_jax THREADS FILE.npz    the file holds initial weights, a batch and noise (6, N, Z)

The commands, one per line, and their answers:

check   the losses of the first three steps, with the noise of the file
N       the seconds of each of N steps, with newly drawn noise, after one step that is not timed
"""

from __future__ import annotations

import os
import sys

import numpy as np

from .peer_process import answer_commands

LR, BETA1, BETA2, EPS = 2e-4, 0.5, 0.999, 1e-8


def make_step():
    """(step with given noise, step that draws noise), each compiled as a whole; state = (G, D, their moments, t)."""
    import jax
    from jax import numpy as jnp

    def net(params, x, activation):
        for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
            x = activation(x @ W + b)
        return x @ params[-2] + params[-1]

    G = lambda params, z: net(params, z, jax.nn.relu)
    D = lambda params, x: net(params, x, lambda a: jax.nn.leaky_relu(a, 0.2))

    def d_loss(d, real, fake):
        return jax.nn.softplus(-D(d, real)).mean() + jax.nn.softplus(D(d, fake)).mean()

    def g_loss(g, d, z):
        return jax.nn.softplus(-D(d, G(g, z))).mean()

    def adam(params, grads, m, v, t):
        m = [BETA1 * a + (1 - BETA1) * g for a, g in zip(m, grads, strict=True)]
        v = [BETA2 * a + (1 - BETA2) * g * g for a, g in zip(v, grads, strict=True)]
        scale = lambda a: jnp.sqrt(a / (1 - BETA2**t)) + EPS
        return [w - LR * a / (1 - BETA1**t) / scale(b) for w, a, b in zip(params, m, v, strict=True)], m, v

    def step(state, real, z_d, z_g):
        g, d, (gm, gv), (dm, dv), t = state
        t = t + 1
        d_value, grads = jax.value_and_grad(d_loss)(d, real, G(g, z_d))
        d, dm, dv = adam(d, grads, dm, dv, t)
        g_value, grads = jax.value_and_grad(g_loss)(g, d, z_g)
        g, gm, gv = adam(g, grads, gm, gv, t)
        return (g, d, (gm, gv), (dm, dv), t), (d_value, g_value)

    def free_step(state, key, real):
        key, *keys = jax.random.split(key, 3)
        z_d, z_g = (jax.random.normal(k, (len(real), state[0][0].shape[0])) for k in keys)
        return *step(state, real, z_d, z_g), key

    return jax.jit(step), jax.jit(free_step, donate_argnums=(0, 1))


def serve(path: str) -> None:
    """Answer the commands on standard input until it ends."""
    import jax
    from jax import numpy as jnp

    arrays = np.load(path)
    real, noise = jnp.asarray(arrays["real"]), arrays["noise"]
    read = lambda which: [jnp.asarray(arrays[f"{which}{i}"]) for i in range(6)]
    zeros = lambda params: ([jnp.zeros_like(w) for w in params], [jnp.zeros_like(w) for w in params])
    fresh = lambda: (read("g"), read("d"), zeros(read("g")), zeros(read("d")), jnp.float32(0))
    step, free_step = make_step()
    present = [fresh(), jax.random.key(0)]

    def check() -> list[float]:
        checked, answer = fresh(), []
        for z_d, z_g in zip(noise[::2], noise[1::2], strict=True):
            checked, losses = step(checked, real, jnp.asarray(z_d), jnp.asarray(z_g))
            answer += [float(value) for value in losses]
        return answer

    def next_step() -> None:
        present[0], losses, present[1] = free_step(*present, real)
        jax.block_until_ready((present[0], losses))

    answer_commands(jax.__version__, check, next_step)


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])
    os.environ["JAX_PLATFORMS"] = "cpu"
    serve(sys.argv[2])
