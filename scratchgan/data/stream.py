"""Batches without end, and a state that brings the same batches back, bit for bit, after a restart.

A data set is dealt like a pack of cards: shuffled, dealt without replacement, shuffled again.  What is left at the end
of an epoch and is less than a batch is dropped (as in DCGAN practice: every batch has the same size, which BatchNorm
likes); the next shuffle mixes it in again.  A density has no epochs: every batch is fresh.
"""

import json
from collections.abc import Mapping

import numpy as np

from ..checks import positive_int, require_rng
from .dataset import Dataset, check_batch
from .densities import Density

#: of the arrays in a generator's state (MT19937, Philox, SFC64), and bytes of such a state as JSON
_STATE_TYPES = ("<u4", "<u8", ">u4", ">u8")
_MAX_STATE = 20_000


class BatchStream:
    """Batches of `data`, a Dataset or a Density; each (batch_size, ...) float32, C-contiguous, a copy.

    The stream owns `rng` from here on.  `epoch` counts the shuffles begun (a density stays at 0).
    TypeError if data is neither; DataError if the data set is smaller than a batch.
    """

    def __init__(self, data: Dataset | Density, batch_size: int, *, rng: np.random.Generator):
        if not isinstance(data, Dataset | Density):
            raise TypeError(f"BatchStream expects a Dataset or a Density, got {type(data).__name__}")
        require_rng("BatchStream", rng)
        self.data, self.batch_size, self.rng = data, positive_int("BatchStream", "batch_size", batch_size), rng
        self.epoch = 0
        if isinstance(data, Dataset):
            check_batch(data, self.batch_size)
            self._order = np.arange(len(data))
            self._position = len(data)  # nothing left: the first batch shuffles

    def next(self) -> np.ndarray:
        """The next batch, (batch_size, ...) float32."""
        return self.next_labelled()[0]

    def next_labelled(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The next batch and its labels, (batch_size,) int64, or None if the data has none."""
        if isinstance(self.data, Density):
            return self.data.sample_labelled(self.batch_size, rng=self.rng)
        if self._position + self.batch_size > len(self.data):
            self._order = self.rng.permutation(len(self.data))
            self._position = 0
            self.epoch += 1
        chosen = self._order[self._position : self._position + self.batch_size]
        self._position += self.batch_size
        labels = self.data.labels
        return self.data.x[chosen], None if labels is None else labels[chosen]

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def state(self) -> dict[str, np.ndarray]:
        """Everything the coming batches depend on, as a dict of arrays: `rng` (JSON in uint8), `epoch`; and for a
        data set `order` (N,) int64 and `position`.
        """
        text = json.dumps(_plain(self.rng.bit_generator.state))
        state = {"rng": np.frombuffer(text.encode(), dtype=np.uint8).copy(), "epoch": np.array(self.epoch)}
        if isinstance(self.data, Dataset):
            state |= {"order": self._order.astype(np.int64), "position": np.array(self._position)}
        return state

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on exactly where `state()` was taken.  ValueError, and nothing changed, if it belongs to other data."""
        has_order = isinstance(self.data, Dataset)
        missing = {"rng", "epoch", *(("order", "position") if has_order else ())} - set(state)
        if missing:
            raise ValueError(f"stream state of {self.data.name} lacks {sorted(missing)}")
        if has_order:
            order, position = np.array(state["order"]), int(state["position"])
            if order.shape != self._order.shape:
                raise ValueError(f"stream state is for {order.size} samples, {self.data.name} has {len(self._order)}")
            if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order), np.arange(len(order))):
                raise ValueError(f"stream state of {self.data.name}: order is not a permutation of 0..{len(order) - 1}")
            if not 0 <= position <= len(order):
                raise ValueError(f"stream state of {self.data.name}: position {position} is outside 0..{len(order)}")
        epoch = int(state["epoch"])
        self._load_rng(np.asarray(state["rng"], dtype=np.uint8).tobytes())
        self.epoch = epoch
        if has_order:
            self._order, self._position = order, position

    def _load_rng(self, text):
        mine = self.rng.bit_generator.state["bit_generator"]
        try:
            if len(text) > _MAX_STATE:
                raise ValueError(f"{len(text):,} bytes, expected at most {_MAX_STATE:,}")
            saved = json.loads(text, object_hook=_array)
            if not isinstance(saved, dict):
                raise ValueError("expected a table")
            if saved["bit_generator"] != mine:
                raise ValueError(f"it is of a {saved['bit_generator']}, the stream has a {mine}")
            trial = type(self.rng.bit_generator)()
            trial.state = saved  # Philox may refuse half-way: let it do so on one that nobody uses
            self.rng.bit_generator.state = trial.state
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            message = f"stream state of {self.data.name}: the generator's state is unusable: {error}"
            raise ValueError(message) from None


def _plain(value):
    """A generator's state with its arrays (MT19937, Philox and SFC64 have some) in a form that JSON knows."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "values": value.tolist()}
    return value.item() if isinstance(value, np.generic) else value


def _array(value):
    if value.keys() == {"dtype", "values"}:
        if value["dtype"] not in _STATE_TYPES or not isinstance(value["values"], list):  # "S2000000000" is a type too
            raise ValueError(f"an array of {str(value['dtype'])[:40]!r}")
        return np.array(value["values"], dtype=value["dtype"])
    return value
