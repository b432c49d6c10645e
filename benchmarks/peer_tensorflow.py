"""The training steps of DCGAN-28 and of the MLP GAN in TensorFlow, in a process that executes commands from its input.

    python -m benchmarks.peer_tensorflow THREADS dcgan|mlp FILE.npz [--xla]

Each step is one `tf.function`, images are channels last, and batch normalisation is TensorFlow's fused kernel.  FILE.npz
and the commands are those of peer_jax.py.
"""

from __future__ import annotations

import os
import sys

import numpy as np

from .peer_process import answer_commands

LR, BETA1, BETA2, EPS = 2e-4, 0.5, 0.999, 1e-8


def dcgan_nets(tf):
    """(G, D) of DCGAN-28 as functions (variables, input), in the order in which scratchgan lists its parameters."""

    def norm(x, gamma, beta):
        return tf.raw_ops.FusedBatchNormV3(
            x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=1e-5, is_training=True
        ).y

    def up(x, W):
        n, h, w, _ = x.shape
        return tf.nn.conv2d_transpose(x, W, (n, 2 * h, 2 * w, W.shape[2]), 2, "SAME")

    def G(p, z):
        x = norm(tf.reshape(z @ p[0], (len(z), 7, 7, -1)), p[1], p[2])
        x = norm(up(tf.nn.relu(x), p[3]), p[4], p[5])
        return tf.tanh(up(tf.nn.relu(x), p[6]) + p[7])

    def D(p, x):
        x = tf.nn.leaky_relu(tf.nn.conv2d(x, p[0], 2, "SAME") + p[1], 0.2)
        x = tf.nn.leaky_relu(norm(tf.nn.conv2d(x, p[2], 2, "SAME"), p[3], p[4]), 0.2)
        return tf.reshape(x, (len(x), -1)) @ p[5] + p[6]

    return G, D


def mlp_nets(tf):
    """(G, D) of the MLP GAN."""

    def net(p, x, activation):
        for W, b in zip(p[:-2:2], p[1:-2:2], strict=True):
            x = activation(x @ W + b)
        return x @ p[-2] + p[-1]

    return lambda p, z: net(p, z, tf.nn.relu), lambda p, x: net(p, x, lambda a: tf.nn.leaky_relu(a, 0.2))


class Game:
    """Both players with their moments; `step` and `free_step` are compiled functions."""

    def __init__(self, tf, kind: str, arrays, xla: bool):
        count = {which: sum(name.startswith(which) for name in arrays.files) for which in "gd"}
        read = lambda which: [tf.Variable(arrays[f"{which}{i}"]) for i in range(count[which])]
        self.tf, (self.G, self.D) = tf, {"dcgan": dcgan_nets, "mlp": mlp_nets}[kind](tf)
        self.g, self.d, self.t = read("g"), read("d"), tf.Variable(0.0)
        self.moments = {
            which: [(tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in params]
            for which, params in (("g", self.g), ("d", self.d))
        }
        self.real, shape = tf.constant(arrays["real"]), arrays["noise"].shape[1:]
        self.step = tf.function(self._step, jit_compile=xla)
        self.free_step = tf.function(
            lambda: self._step(tf.random.normal(shape), tf.random.normal(shape)), jit_compile=xla
        )

    def _step(self, z_d, z_g):
        tf, soft = self.tf, self.tf.nn.softplus
        self.t.assign_add(1.0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.d)
            fake = self.G(self.g, z_d)
            d_loss = tf.reduce_mean(soft(-self.D(self.d, self.real))) + tf.reduce_mean(soft(self.D(self.d, fake)))
        self._adam("d", self.d, tape.gradient(d_loss, self.d))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.g)
            g_loss = tf.reduce_mean(soft(-self.D(self.d, self.G(self.g, z_g))))
        self._adam("g", self.g, tape.gradient(g_loss, self.g))
        return d_loss, g_loss

    def _adam(self, which, params, grads):
        rate = LR / (1 - BETA1**self.t)
        scale = self.tf.sqrt(1 - BETA2**self.t)
        for w, g, (m, v) in zip(params, grads, self.moments[which], strict=True):
            m.assign(BETA1 * m + (1 - BETA1) * g)
            v.assign(BETA2 * v + (1 - BETA2) * g * g)
            w.assign_sub(rate * m / (self.tf.sqrt(v) / scale + EPS))


def serve(kind: str, path: str, xla: bool) -> None:
    """Answer the commands on standard input until it ends."""
    import tensorflow as tf

    threads = int(sys.argv[1])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    arrays = np.load(path)
    game = Game(tf, kind, arrays, xla)

    def check() -> list[float]:
        checked, pairs = Game(tf, kind, arrays, xla), zip(arrays["noise"][::2], arrays["noise"][1::2], strict=True)
        return [float(loss) for pair in pairs for loss in checked.step(*map(tf.constant, pair))]

    answer_commands(tf.__version__, check, lambda: [float(loss) for loss in game.free_step()])


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    serve(sys.argv[2], sys.argv[3], "--xla" in sys.argv)
