"""What a user sees of a training at work, and how it is stopped: the bar on stderr, Ctrl-C and SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

from .recipe import Recipe

if TYPE_CHECKING:
    from tqdm import tqdm


class Stop:
    """Within the block, the first Ctrl-C or SIGTERM only sets `signal`; a second Ctrl-C raises KeyboardInterrupt.

    signal    the number of the signal that came, 0 for none
    """

    def __enter__(self) -> Stop:
        self.signal = 0
        self.before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread handle signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self.press)
        return self

    def press(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or int(number)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


def progress_bar(recipe: Recipe, show: bool, done: int) -> tqdm:
    """The bar of a training, `done` steps of which are behind it; it writes less often where stderr is no terminal."""
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    return tqdm(
        total=recipe.steps,
        initial=done,
        desc="starting",
        unit="step",
        disable=not show,
        file=sys.stderr,
        mininterval=0.2 if terminal else 5,
        ascii=not terminal,
        dynamic_ncols=terminal,
    )
