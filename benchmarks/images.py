r"""Images into images: every recipe of chapter 14 on several seeds, measured on held-out data beside its rivals.

    python -m benchmarks.images [RUN ...] [--seeds 0 1 2] [--jobs 2] [--steps N] [--keep FOLDER]

A run is the name of a recipe, or one of the controls of `CONTROLS`:

    pix2pix-shuffled     pix2pix-emoji on pairs that do not belong together: it can only learn what all emoji share
    srgan-textures-l1    srgan-textures without D: the pixel arm       srgan-digits-l1    likewise
    inpaint-digits-l2    inpaint-digits without D                      inpaint-emoji-l2   likewise

Each run is a process with one thread; `seconds` are its CPU time for the training alone.  What is measured is what
`scratchgan evaluate` prints (runs/evaluate/paired.py), on all held-out pairs; cyclegan-emoji is given the same drawings
as pix2pix-emoji, and its answers are compared with the same pictures, though it never saw which belong together.

Results that are there are kept, so that no run is made twice: benchmarks/results/images.json has one entry per run and
seed, images_logs.json its log, thinned to `POINTS` lines, and images.png the held-out pairs of the first seed.  With
--steps, which is for a quick look, nothing is kept unless --keep names a folder.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from scratchgan.files.atomic import write_text
from scratchgan.plots.rows import save_rows

RESULTS = Path(__file__).parent / "results"
RECIPES = (
    "pix2pix-emoji",
    "pix2pix-l1",
    "cyclegan-emoji",
    "srgan-textures",
    "srgan-digits",
    "enhance-denoise",
    "enhance-deblur",
    "enhance-colour",
    "inpaint-digits",
    "inpaint-emoji",
)
#: control: (its recipe, the keys that differ)
CONTROLS: dict[str, tuple[str, dict[str, Any]]] = {
    "pix2pix-shuffled": ("pix2pix-emoji", {}),
    "srgan-textures-l1": ("srgan-textures", {"adversarial_weight": 0.0}),
    "srgan-digits-l1": ("srgan-digits", {"adversarial_weight": 0.0}),
    "inpaint-digits-l2": ("inpaint-digits", {"adversarial_weight": 0.0, "noise": "none"}),
    "inpaint-emoji-l2": ("inpaint-emoji", {"adversarial_weight": 0.0, "noise": "none"}),
}
POINTS = 80  # lines of a thinned log
KEPT = (
    "step",
    "d_loss",
    "g_loss",
    "d_real",
    "d_fake",
    "content",
    "adversarial",
    "features",
    "cycle",
    "d_grad",
    "g_grad",
)
SHOWN = 12  # pairs in the picture


def recipe_of(run: str, seed: int, steps: int = 0):
    """The recipe of a run or control, with its seed."""
    from scratchgan.runs import recipe as recipes

    name, changes = CONTROLS.get(run, (run, {}))
    found = replace(recipes.load(name), name=run, seed=seed, **changes)
    return replace(found, steps=steps) if steps else found


def shuffled(paired, seed: int):
    """The same pairs with their answers exchanged: y[i] no longer belongs to x[i]."""
    order = np.random.default_rng(seed).permutation(len(paired))
    return replace(paired, y=replace(paired.y, x=paired.y.x[order]))


def run_once(run: str, seed: int, steps: int, folder: str) -> dict[str, Any]:
    """Train and measure one run; its folder is folder/run-seed."""
    import scratchgan
    from scratchgan.runs import run_data, train
    from scratchgan.runs.evaluate.paired import measure

    scratchgan.set_num_threads(1)
    recipe, out = recipe_of(run, seed, steps), Path(folder) / f"{run}-{seed}"
    data = shuffled(run_data.for_training(recipe).data, seed) if run == "pix2pix-shuffled" else None
    started = time.process_time()
    finished = train.train(recipe, out, progress=False, data=data)
    seconds = time.process_time() - started
    x, y, train_x, train_y, task = held_out(recipe)
    outputs = finished.gan.translate(x) if recipe.model == "cyclegan" else finished.gan.apply(x)
    evaluation = measure(
        outputs,
        x[..., :1] if recipe.model == "cyclegan" else x,
        y,
        task=task,
        train_x=train_x[..., :1] if recipe.model == "cyclegan" else train_x,
        train_y=train_y,
        factor=y.shape[1] // x.shape[1],
        digits=y.shape[-1] == 1,
        seed=1,
        title=run,
    )
    np.savez(out / "shown.npz", given=x[:SHOWN], output=outputs[:SHOWN], truth=y[:SHOWN])
    measures = {
        m.name: {key: value for key, value in asdict(m).items() if key in ("value", "real", "noise", "rivals", "best")}
        for m in evaluation.measures
    }
    return {"steps": recipe.steps, "seconds": round(seconds, 1), "n": len(x), "measures": plain(measures)}


def held_out(recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]:
    """(x, y) held out, (x, y) for rivals, and the task: the same for all seeds of a run."""
    from scratchgan.runs import run_data
    from scratchgan.runs.evaluate import of_pairs
    from scratchgan.runs.recipe import load

    if recipe.model == "cyclegan":  # the same drawings and pictures, as the pairs they are
        pairs = run_data.for_training(load("pix2pix-emoji")).data
        test = pairs.test()
        return (*(np.repeat(test.x.x, 3, -1), test.y.x), *(np.repeat(pairs.x.x, 3, -1), pairs.y.x), "translation")
    own = run_data.for_training(replace(recipe, seed=0))
    data, held = own.split()
    test, rng = run_data.held_out_pairs(data, held), np.random.default_rng(1001)
    x, y = of_pairs.some(test, len(test), rng)
    gan = type("Shapes", (), {"data_shape": y.shape[1:], "input_shape": x.shape[1:]})
    return x, y, *of_pairs.some(data, of_pairs.TRAINING, rng), of_pairs.task_of(recipe, gan)


def thinned(log: Path) -> list[dict[str, float]]:
    """At most POINTS lines of a run's log, with the keys that are kept, rounded to 4 digits."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    chosen = np.unique(np.linspace(0, len(lines) - 1, min(POINTS, len(lines))).round().astype(int))
    return [{key: float(f"{lines[i][key]:.4g}") for key in KEPT if key in lines[i]} for i in chosen]


def plain(value):
    """A value for JSON: an infinite number becomes a text, one that is not defined becomes null."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value


def table(found: dict[str, Any]) -> Iterator[str]:
    """Lines: for each run and measure the mean and the spread over its seeds, and the rivals."""
    for run, seeds in found.items():
        entries = list(seeds.values())
        seconds = np.mean([entry["seconds"] for entry in entries])
        yield f"\n{run}: {len(entries)} seeds, {entries[0]['n']} pairs, {seconds:.0f} s of CPU time each"
        for name, first in entries[0]["measures"].items():
            values = [entry["measures"][name]["value"] for entry in entries]
            rivals = "  ".join(f"{rival} {_short(value)}" for rival, value in first["rivals"].items())
            if not all(isinstance(v, (int, float)) for v in values):
                yield f"  {name:<34} {values[0]!s:>8}            truth {_short(first['real'])}  {rivals}"
                continue
            yield (
                f"  {name:<34} {np.mean(values):8.4g} +- {np.std(values):<7.2g}truth {_short(first['real'])}  "
                f"noise {_short(first['noise'])}  {rivals}"
            )


def _short(value) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value)


def picture(path: Path, runs: dict[str, Path]) -> None:
    """Held-out pairs of every run: what was given, what the net made of it, and the truth."""
    rows = []
    for run, file in runs.items():
        with np.load(file) as images:
            given = images["given"] if images["given"].shape[-1] in (1, 3) else images["given"][..., :-1]
            rows += [(f"{run}: given", list(given)), ("made", list(images["output"])), ("truth", list(images["truth"]))]
    save_rows(
        path, rows, title="Held-out images, first seed", hint="The second row of three should look like the third"
    )


def main() -> None:
    """Make the runs that are missing, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", default=[*RECIPES, *CONTROLS], metavar="RUN")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the runs; default: a temporary one")
    given = parser.parse_args()
    if unknown := set(given.runs) - {*RECIPES, *CONTROLS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are: {', '.join([*RECIPES, *CONTROLS])}")
    results = (given.keep or RESULTS) if given.steps else RESULTS
    file, logs = results / "images.json", results / "images_logs.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    kept = json.loads(logs.read_text()) if logs.exists() else {}
    missing = [(run, seed) for seed in given.seeds for run in given.runs if str(seed) not in found.get(run, {})]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(given.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            jobs = {pool.submit(run_once, run, seed, given.steps, str(folder)): (run, seed) for run, seed in missing}
            for job in as_completed(jobs):
                run, seed = jobs[job]
                try:
                    found.setdefault(run, {})[str(seed)] = job.result()
                except Exception as error:  # one run that fails loses nothing
                    print(f"{run}, seed {seed}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                    continue
                kept.setdefault(run, {})[str(seed)] = thinned(folder / f"{run}-{seed}" / "log.jsonl")
                print(f"{run}, seed {seed}: {found[run][str(seed)]['seconds']:.0f} s", flush=True)
                if results == RESULTS or given.keep:
                    write_text(file, json.dumps(found, indent=1, sort_keys=True) + "\n")
                    write_text(logs, json.dumps(kept, sort_keys=True, separators=(",", ":")) + "\n")
        shown = {run: folder / f"{run}-{given.seeds[0]}" / "shown.npz" for run in given.runs}
        if all(path.exists() for path in shown.values()):
            picture(results / "images.png", shown)
    print("\n".join(table({run: found[run] for run in given.runs if run in found})))


if __name__ == "__main__":
    main()
