"""The listing of a recipe's training step: every operation in order, who asked for it, and how long it takes.

A GAN with compiled kernels records one of its steps and runs the later ones from this listing: see `scratchgan.replay`.
`scratchgan bench --plan RECIPE` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

import scratchgan

from .. import replay
from ..gan import GAN
from . import build
from . import recipe as recipes

if TYPE_CHECKING:
    from ..kernels.compiled.recording import Listing, Operation

TIMES = 15  # how often each operation is measured
MOST_NAMES = 4  # of NumPy operations, on one line


def run(name: str, threads: int | None = None, *, print=print) -> bool:
    """Print the listing of one step of the recipe `name`; return whether there is one.

    If not, the only line says why its steps are run in the usual way.  Times are medians over 15 repetitions.
    Raises ValueError for an unknown recipe, or if `threads` is more than there are.
    """
    if threads is not None:
        scratchgan.set_num_threads(threads)
    recipe = replace(recipes.load(name), steps=1)
    gan, why = recorded(recipe)
    if why:
        print(f"{recipe.name}: every step runs in the usual way, because {why}")
        return False
    listing = replay.of(gan).listing
    assert listing is not None
    seconds = np.median([listing.timed() for _ in range(TIMES)], axis=0)
    lines = list(grouped(listing, seconds))
    width = max(len(where) for _, where, _, _ in lines)
    print(f"{recipe.name}: one training step, batch size {recipe.batch_size}, threads: {scratchgan.get_num_threads()}")
    print(f"{'microseconds':>12}  {'tasks':>5}  {'asked for by':<{width}}  operation")
    for tasks, where, what, took in lines:
        print(f"{1e6 * took:>12.1f}  {tasks:>5}  {where:<{width}}  {what}")
    kernels = [took for operation, took in zip(listing.operations, seconds, strict=True) if operation.row is not None]
    print(
        f"\n{len(listing.operations)} operations in {len(listing.segments)} calls: {len(kernels)} kernels, "
        f"{1e3 * sum(kernels):.2f} ms, and {len(listing.operations) - len(kernels)} in Python and NumPy, "
        f"{1e3 * (sum(seconds) - sum(kernels)):.2f} ms; {listing.arena.bytes / 2**20:.1f} MiB for arrays"
    )
    return True


def recorded(recipe: recipes.Recipe) -> tuple[GAN, str]:
    """The recipe's GAN after its step was recorded and compared; and why it was not, or ""."""
    recipe, data = build.load_data(recipe)
    gan = build.gan_for(recipe, data)
    if not isinstance(gan, GAN):
        return gan, f"{type(gan).__name__} is a game of its own"
    if why := replay.why_not(gan):
        return gan, why
    stream = build.data_stream(recipe, data)
    for _ in range(replay.USUAL + 1 + replay.CHECKS):
        gan.train_step(stream.next())
    found = replay.of(gan)
    return gan, "" if found.ready else found.why or "something in its nets changes in every step"


def grouped(listing: Listing, seconds: np.ndarray) -> Iterator[tuple[str, str, str, float]]:
    """(tasks, asked for by, operation, seconds): one line per kernel, and one for neighbours in NumPy."""
    waiting: list[tuple[Operation, float]] = []
    for operation, took in zip(listing.operations, seconds, strict=True):
        if waiting and (operation.row is not None or operation.layer != waiting[0][0].layer):
            yield _together(waiting)
            waiting = []
        if operation.row is None:
            waiting.append((operation, float(took)))
        else:
            yield str(abs(operation.tasks)), operation.layer, operation.name, float(took)
    if waiting:
        yield _together(waiting)


def _together(operations: list[tuple[Operation, float]]) -> tuple[str, str, str, float]:
    names = [operation.name for operation, _ in operations]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    own = names == [name for name in names if "." in name]
    text = ", ".join(names[:MOST_NAMES]) + more
    return "", operations[0][0].layer, text if own else f"NumPy: {text}", sum(took for _, took in operations)
