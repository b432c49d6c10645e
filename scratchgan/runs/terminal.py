"""Training in a terminal: Ctrl-C ends it after the current step, a progress bar shows how far it is, and notes on the
data, such as files that were not read, are printed.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from ..files import console
from ..files.arrays import one_line
from ..files.console import Output
from ..kernels import prepare

if TYPE_CHECKING:
    from ..data import Data
    from .recipe import Recipe


class Stop:
    """Within the block, the first Ctrl-C or SIGTERM only sets `signal`; a further Ctrl-C raises KeyboardInterrupt."""

    def __enter__(self):
        self.signal, self.before = 0, {}
        if threading.current_thread() is threading.main_thread():  # in Python, only the main thread handles signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self.press)
        return self

    def press(self, number, frame):
        """Handle a signal: remember the first one, and raise KeyboardInterrupt at a later Ctrl-C."""
        if self.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or int(number)

    def __exit__(self, *exception):
        for number, handler in self.before.items():
            signal.signal(number, handler)


def progress_bar(recipe: Recipe, progress: bool, done: int):
    """A progress bar on stderr that counts steps and starts at `done`; disabled if `progress` is False."""
    terminal = Output(sys.stderr).isatty()
    return console.progress_bar(
        total=recipe.steps,
        initial=done,
        desc="compiling kernels" if prepare() else "starting",
        unit="step",
        disable=not progress,
        mininterval=0.2 if terminal else 5,
        ascii=None if terminal else True,  # None: as the terminal's encoding allows
        dynamic_ncols=terminal,
    )


def say_notes(data: Data) -> None:
    """Print what the user should know of the data to stderr: what was not read, what looks wrong."""
    sets: tuple[Any, ...] = (data.a, data.b) if data.kind == "pair" else () if data.kind == "density" else (data,)
    for note in dict.fromkeys(note for one in sets for note in one.notes):
        print(f"scratchgan: note: {one_line(note, 2000)}", file=sys.stderr, flush=True)
