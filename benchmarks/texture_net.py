r"""Train the net of `scratchgan.metrics.texture_net`, whose features compare colour images, and count its errors.

    python -m benchmarks.texture_net [--seed 0] [--steps 1200] [--crops 4000] [--out FILE] [--quiet]

The net sees crops of 32 x 32 pixels of the five training photographs of "textures", turned by one of four angles, and
says which photograph and which angle it was.  A place is taken if its crop has enough contrast; half of the crops are
mirrored before they are turned (a mirrored cat still stands upright), half are made grey, and light and contrast are
changed at random, so that colour and brightness alone do not give the answer away.  Softmax cross-entropy
(CrossEntropy.1), Adam, a learning rate that falls to 0 along a cosine, and the running mean of the weights (EMA.1) after
the last step; nothing is chosen by what comes out on held-out photographs.

On the two photographs held out only the angle can be right or wrong.  Gravel, seen from above, has hardly any: there a
good net is not far above chance, which is 25 %.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan.data.textures import whole_textures
from scratchgan.files.console import progress_bar
from scratchgan.kernels import on_one_blas_thread
from scratchgan.layers import AveragePool2D, BatchNorm, Dense, Flatten, Sequential
from scratchgan.losses.cross_entropy import cross_entropy
from scratchgan.metrics.compared import LUMA
from scratchgan.metrics.texture_net import FEATURES, TURNS, WEIGHTS, TextureFacts, TextureNet, build, save
from scratchgan.optim import Adam, Ema, cosine

SIDE, BATCH, STEPS, LR, EMA = 32, 48, 1200, 3e-3, 0.995
CONTRAST = 0.1  # standard deviation of a crop's luminance, in units of [-1, 1]
TRIES = 20  # places tried before a crop with little contrast is taken after all
CROPS = 4000  # to count errors


def photographs() -> tuple[list[np.ndarray], list[np.ndarray], list[str]]:
    """(training photographs (H, W, 3) in [-1, 1], those held out, names of these)."""
    held_out = whole_textures("test", channels=3)
    return list(whole_textures("train", channels=3).values()), list(held_out.values()), list(held_out)


def crops(pictures, count: int, *, rng: np.random.Generator, vary: bool) -> tuple[np.ndarray, np.ndarray]:
    """`count` random crops (count, 32, 32, 3) float32, turned, and their classes 4 p + t.

    vary    whether to mirror, to make grey and to change the light, too
    """
    out, classes = np.empty((count, SIDE, SIDE, 3), np.float32), np.empty(count, np.int64)
    for n in range(count):
        p, turn = int(rng.integers(len(pictures))), int(rng.integers(TURNS))
        picture = pictures[p]
        for _ in range(TRIES):
            top, left = (int(rng.integers(side - SIDE + 1)) for side in picture.shape[:2])
            crop = picture[top : top + SIDE, left : left + SIDE]
            if (crop @ np.array(LUMA, np.float32)).std() >= CONTRAST:
                break
        if vary:
            mirrored, grey = rng.random(2) < 0.5
            crop = crop[:, ::-1] if mirrored else crop
            crop = np.repeat(crop @ np.array(LUMA, np.float32)[:, None], 3, axis=2) if grey else crop
            crop = np.clip(crop * rng.uniform(0.8, 1.2) + rng.uniform(-0.15, 0.15), -1, 1)
        out[n], classes[n] = np.rot90(crop, turn), TURNS * p + turn
    return out, classes


@on_one_blas_thread
def train(pictures, *, seed: int = 0, steps: int = STEPS, progress: bool = True) -> TextureNet:
    """The averaged net after the last step."""
    weights, draws = np.random.default_rng(seed).spawn(2)
    net = build(rng=weights)
    # The features of all crops are much alike, so the head would learn slowly: in training they are normalised first.
    chain = Sequential([net.body, AveragePool2D(SIDE // 4), Flatten(), BatchNorm(FEATURES), net.head])
    optimizer, mean = Adam(chain, LR, beta1=0.9, schedule=cosine(steps)), Ema(chain, EMA)
    bar = progress_bar(range(steps), desc="texture net", unit="step", disable=not progress)
    for _ in bar:
        x, classes = crops(pictures, BATCH, rng=draws, vary=True)
        logits, cache = chain.forward(x, train=True)
        value, d_logits = cross_entropy(logits, classes)
        chain.zero_grads()
        chain.backward(d_logits, cache, input_grad=False)
        optimizer.step()
        mean.update()
        bar.set_postfix_str(f"loss {value:.3f} nats", refresh=False)
    body, _, _, norm, head = (layer for _, layer in mean.net.children())
    _fold(norm, head)
    return TextureNet(body, head)


def _fold(norm: BatchNorm, head: Dense) -> None:
    """Make head(f) what head(norm(f)) is in evaluation mode: f -> g (f - m) / sqrt(v + eps) + b -> W, one linear map."""
    g, b, W = norm.params["gamma"], norm.params["beta"], head.params["W"]
    scale = g / np.sqrt(norm.state["var"] + norm.eps)
    head.params["b"] += (b - scale * norm.state["mean"]) @ W
    W *= scale[:, None]


def main(arguments: list[str] | None = None) -> int:
    """The command: train, count errors, write the weights.  Returns 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.texture_net", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=WEIGHTS, metavar="FILE", help="default: the shipped file")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the random numbers; default: 0")
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N", help=f"of {BATCH} crops; default: {STEPS}")
    parser.add_argument("--crops", type=int, default=CROPS, metavar="N", help=f"to count errors; default: {CROPS}")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    args = parser.parse_args(arguments)
    if args.seed < 0 or min(args.steps, args.crops) < 1:
        parser.error(f"expected --seed of at least 0, --steps and --crops of at least 1, got {vars(args)}")
    learn, held_out, names = photographs()
    start = time.perf_counter()
    try:
        net = train(learn, seed=args.seed, steps=args.steps, progress=not args.quiet)
    except KeyboardInterrupt:
        print("stopped by Ctrl-C; nothing was written", file=sys.stderr)
        return 130
    seconds = time.perf_counter() - start
    rng = np.random.default_rng([args.seed, 1])
    for array in net.arrays().values():
        array[...] = array.astype(np.float16)  # what is measured is what is shipped
    x, classes = crops(learn, args.crops, rng=rng, vary=False)
    logits = net.logits(x)
    right = int((logits.argmax(axis=1) == classes).sum())
    photograph = logits.argmax(axis=1) // TURNS == classes // TURNS
    turn = _turns(logits) == classes % TURNS
    x, classes = crops(held_out, args.crops, rng=rng, vary=False)
    turned = _turns(net.logits(x)) == classes % TURNS
    words = ["python", "-m", "benchmarks.texture_net", "--seed", str(args.seed), "--steps", str(args.steps)]
    net.facts = TextureFacts(
        shlex.join(words), args.seed, args.steps, right, int(turned.sum()), args.crops, scratchgan.__version__
    )
    save(args.out, net)
    print(f"{args.steps:,} steps in {seconds:.0f} s")
    print(f"new crops of the training photographs: photograph and turn right {right / args.crops:.1%} (chance 5 %)")
    print(f"  photograph right {photograph.mean():.1%} (chance 20 %), turn right {turn.mean():.1%} (chance 25 %)")
    for p, name in enumerate(names):
        share = turned[classes // TURNS == p].mean()
        print(f"held out, crops of {name}: turn right {share:.1%} (chance 25 %)")
    print(f"wrote {args.out}: {args.out.stat().st_size:,} bytes")
    return 0


def _turns(logits):
    """The most probable turn, summed over the photographs."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p.reshape(len(p), -1, TURNS).sum(axis=1).argmax(axis=1)


if __name__ == "__main__":
    raise SystemExit(main())
