"""How much time does the gradient penalty save if the second derivatives of the activations are known to be 0?

    python -m benchmarks.penalty_shortcut

The same WGAN-GP penalty on the same convolutional critic (1 -> 64 -> 128 channels, LeakyReLU, 28 pixels, batch 64) is
computed in two ways: as usual, where every term with phi'' = 0 is skipped, and with these zeros computed like any other
number.  The two alternate in one run; the result is the ratio of the medians, and the gradients must be equal.
Writes benchmarks/results/penalty_shortcut.json.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from scratchgan import Sequential
from scratchgan.files.atomic import write_text
from scratchgan.kernels import on_one_blas_thread
from scratchgan.layers import Conv2D, Dense, Flatten, LeakyReLU
from scratchgan.penalties import WganGp, penalty_backward

RESULTS = Path(__file__).parent / "results"


class Unaware(LeakyReLU):
    """LeakyReLU whose phi'' = 0 is computed, multiplied and propagated through every layer below."""

    piecewise_linear = False


def critic(activation) -> Sequential:
    rng = np.random.default_rng(0)
    geometry = {"kernel_size": 4, "stride": 2, "padding": 1, "rng": rng}
    return Sequential(
        [
            Conv2D(1, 64, **geometry),
            activation(0.2),
            Conv2D(64, 128, **geometry),
            activation(0.2),
            Flatten(),
            Dense(6272, 1, rng=rng),
        ],
        input_shape=(28, 28, 1),
    )


@on_one_blas_thread
def main(repeats: int = 15) -> None:
    nets = {"skipped": critic(LeakyReLU), "computed": critic(Unaware)}
    x = np.random.default_rng(1).standard_normal((64, 28, 28, 1)).astype(np.float32)
    seconds = {name: [] for name in nets}
    for repeat in range(repeats + 1):
        for name, net in nets.items():
            net.zero_grads()
            start = time.perf_counter()
            penalty_backward(net, x, WganGp(10.0), input_grad=False)
            if repeat:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    for (path, a), (_, b) in zip(nets["skipped"].gradients(), nets["computed"].gradients(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=path)
    median = {name: float(np.median(s)) for name, s in seconds.items()}
    result = {
        "milliseconds": {name: round(1e3 * s, 1) for name, s in median.items()},
        "ratio computed / skipped": round(median["computed"] / median["skipped"], 2),
        "repeats": repeats,
    }
    RESULTS.mkdir(exist_ok=True)
    write_text(RESULTS / "penalty_shortcut.json", json.dumps(result, indent=1) + "\n")
    print(result)


if __name__ == "__main__":
    main()
