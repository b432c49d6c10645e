r"""What one critic shows may be luck: five seeds of the critics that chapter 08 speaks about, and of its game on a line.

    python -m benchmarks.critics_seeds [--seeds 5] [--quick] [--parts still moving]

still    G stands still, as in benchmarks/critics.py, whose settings these are but for smaller nets (three hidden layers)
         and batches of 128: two modes on a line and the ring of eight, with penalties of weight 10 that differ only in
         what they punish, and where (`STILL` says which are tried):
             two-sided   slopes that are not 1, at points between random pairs of a real sample and a fake (WGAN-GP)
             one-sided   slopes above 1, at the same points
             coupled     slopes that are not 1, at points between the pairs of the optimal plan within the batch: on a
                         line, both batches sorted (only in the moving game)
         Kept are the estimate (divided by the largest slope), on the line C's slopes at -1 and 1 (the best critic's are
         -1 and 1: it folds), and on the ring C(centre) - mean C(modes), which is negative for the best critic.
moving   chapter 08's game on a line with each of the three.  Kept are, every 50 turns, what the loss says (-L_D without
         penalty) and the exact earth mover's distance, and the slopes of C in the end.

"detrended" is the correlation of what is left of both curves after subtracting, at each turn, the mean over the seeds:
that they both fall with time does not help any more.  Writes benchmarks/results/critics_seeds.json; parts that are not
asked for stay in it as they are.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

import scratchgan
from benchmarks import critics
from scratchgan.data.toy import gaussian_mixture_1d
from scratchgan.files.atomic import write_text
from scratchgan.layers import Dense, LeakyReLU, ReLU, Sequential
from scratchgan.metrics import earth_mover_1d
from scratchgan.models.training import game
from scratchgan.penalties import WganGp
from scratchgan.rules import GradientPenalty

RESULTS = Path(__file__).parent / "results"
PARTS = ("moving", "still")
STILL = (("two modes", "two-sided"), ("ring", "two-sided"))
LINE = gaussian_mixture_1d((-2.0, 2.0), 0.5, None)


class Coupled(GradientPenalty):
    """The penalty between the pairs of the optimal plan: the fakes of the batch are put into that order first."""

    def d_gradients(self, gan, real, fake):
        """As the base class, on sorted batches (N, 1)."""
        return super().d_gradients(gan, np.sort(real, axis=0), np.sort(fake, axis=0))


def penalty(kind: str) -> GradientPenalty:
    """The rule of one of the three penalties."""
    rule = Coupled if kind == "coupled" else GradientPenalty
    return rule(WganGp(10.0, one_sided=kind == "one-sided"), "between")


def still(data: str, kind: str, seed: int, steps: int) -> dict:
    """One critic against fakes that stand still."""
    critics.DEPTH, critics.BATCH = 3, 128
    critics.METHODS[kind] = {"loss": "wasserstein", "rules": [penalty(kind)]}
    gan, found = critics.learn(data, kind, steps, seed)
    kept = {"seed": seed} | {key: found[key] for key in ("estimate", "largest_slope", "mean_slope")}
    if data == "two modes":
        x = np.array([[-1.05], [-0.95], [0.95], [1.05]])
        y = critics.logits(gan, x)
        return kept | {"slopes": [float(y[1] - y[0]) / 0.1, float(y[3] - y[2]) / 0.1]}
    side = np.linspace(-2, 2, 81)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    inside = critics.logits(gan, plane)
    centre = critics.logits(gan, np.zeros((1, 2)))[0]
    modes = critics.logits(gan, critics.DATA[data].modes).mean()
    return kept | {"centre_minus_modes": float(centre - modes), "summit": plane[inside.argmax()].tolist()}


def dense(widths: tuple[int, ...], activation, rng) -> Sequential:
    """The nets of chapter 08's game on a line."""
    layers = []
    for i, o in pairwise(widths[:-1]):
        layers += [Dense(i, o, init="he", rng=rng), activation()]
    return Sequential([*layers, Dense(*widths[-2:], init="glorot", rng=rng)])


def moving(kind: str, seed: int, turns: int) -> dict:
    """Chapter 08's game on a line."""
    rng, many = np.random.default_rng(seed), LINE.sample(20_000, rng=np.random.default_rng(9))[:, 0]
    gan = game(
        dense((2, 48, 48, 1), ReLU, rng),
        dense((1, 48, 48, 1), LeakyReLU, rng),
        latent_dim=2,
        data_shape=(1,),
        loss="wasserstein",
        d_steps=5,
        lr_g=6e-4,
        lr_d=5e-3,
        beta1=0.0,
        beta2=0.9,
        seed=seed,
        rules=[penalty(kind)],
    )
    for _ in range(300):
        gan.d_step(LINE.sample(128, rng=rng))
    told, rows = [], []
    for turn in range(1, turns + 1):
        report = gan.train_step(LINE.sample(128, rng=rng))
        told.append(report["penalty_between"] - report["d_loss"])
        if turn % 50 == 0:
            exact = earth_mover_1d(many, gan.sample(20_000, seed=3)[:, 0])
            rows.append((float(np.mean(told[-25:])), float(exact)))
    scores = gan.D.forward(np.linspace(-4, 4, 401, dtype=np.float32)[:, None], train=False)[0][:, 0]
    slopes = np.diff(scores) / 0.02
    says, exact = np.array(rows).T
    return {
        "seed": seed,
        "says": says.tolist(),
        "exact": exact.tolist(),
        "slopes": [float(slopes.min()), float(slopes.max())],
        "correlation": float(np.corrcoef(says, exact)[0, 1]),
    }


def detrended(runs: list[dict]) -> float:
    """The correlation after subtracting, at each turn, the mean over the seeds."""
    says, exact = (np.array([run[key] for run in runs]) for key in ("says", "exact"))
    return float(np.corrcoef((says - says.mean(axis=0)).ravel(), (exact - exact.mean(axis=0)).ravel())[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="only test that it runs: 60 steps each, two seeds")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    scratchgan.set_num_threads(1)
    seeds, steps, turns = (2, 60, 100) if options.quick else (options.seeds, 3000, 1500)
    kinds, start = ("two-sided", "one-sided", "coupled"), time.time()
    path = options.out / "critics_seeds.json"
    result: dict = json.loads(path.read_text()) if path.is_file() else {}
    result |= {"seeds": seeds} | {part: {} for part in options.parts}

    def save(what: str) -> None:
        print(f"{what:<40}{time.time() - start:8.0f} s", flush=True)
        write_text(path, json.dumps(result, indent=1) + "\n")

    for kind in kinds if "moving" in options.parts else ():
        runs = [moving(kind, seed, turns) for seed in range(seeds)]
        result["moving"][kind] = {"runs": runs, "detrended": detrended(runs)}
        save(f"moving, {kind}")
    for data, kind in STILL if "still" in options.parts else ():
        runs = result["still"].setdefault(data, {})[kind] = []
        for seed in range(seeds):
            runs.append(still(data, kind, seed, steps))
            save(f"still, {data}, {kind}, seed {seed}: estimate {runs[-1]['estimate']:.3f}")


if __name__ == "__main__":
    main()
