"""Ctrl-C and SIGTERM end a run after the step at hand, not in the middle of it."""

from __future__ import annotations

import signal
import threading


class Stop:
    """Within the block, the first Ctrl-C or SIGTERM only sets `signal`; a second Ctrl-C raises KeyboardInterrupt."""

    def __enter__(self):
        self.signal, self.before = 0, {}
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread handle signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self.press)
        return self

    def press(self, number, frame):
        """What happens at a signal."""
        if self.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or int(number)

    def __exit__(self, *exception):
        for number, handler in self.before.items():
            signal.signal(number, handler)
