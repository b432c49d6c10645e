"""Endless batches, with a state from which a restarted stream yields the same batches, bit for bit.

A data set is shuffled, split into batches without replacement, then shuffled again.  The samples left at the end of an
epoch, fewer than a batch, are skipped until the next shuffle (common practice with DCGAN: all batches have the same
size, which suits BatchNorm).  A density has no epochs: every batch is drawn afresh.
"""

import json
from collections.abc import Mapping

import numpy as np

from ..checks import positive_int, require_rng
from .dataset import Dataset, check_batch
from .densities import Density

#: types of the arrays in a generator's state (MT19937, Philox, SFC64), and the largest state as JSON, in bytes
_STATE_TYPES = ("<u4", "<u8", ">u4", ">u8")
_MAX_STATE = 20_000


class BatchStream:
    """Batches of `data`, a Dataset or a Density; each is (batch_size, ...) float32, C-contiguous, a copy.

    The stream takes ownership of `rng`.  `epoch` counts the shuffles so far (always 0 for a density).
    TypeError if data is neither a Dataset nor a Density; DataError if the data set is smaller than a batch.
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
            self._position = len(data)  # no samples left: the first batch starts with a shuffle

    def next(self) -> np.ndarray:
        """The next batch, (batch_size, ...) float32."""
        return self.next_labelled()[0]

    def next_labelled(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The next batch and its labels, (batch_size,) int64, or None if the data set has no labels.

        For a density, the labels are the components that the points were drawn from.
        """
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
        """All that the following batches depend on, as a dict of arrays: `rng` (JSON as uint8) and `epoch`; for a data
        set also `order` (N,) int64 and `position`.
        """
        text = json.dumps(_plain(self.rng.bit_generator.state))
        state = {"rng": np.frombuffer(text.encode(), dtype=np.uint8).copy(), "epoch": np.array(self.epoch)}
        if isinstance(self.data, Dataset):
            state |= {"order": self._order.astype(np.int64), "position": np.array(self._position)}
        return state

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue exactly where `state()` was called.  ValueError, changing nothing, if the state is of other data."""
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
                raise ValueError(f"expected the state of a {mine}, got that of a {saved['bit_generator']}")
            trial = type(self.rng.bit_generator)()
            trial.state = saved  # Philox may fail half-way, so try on a generator that can be discarded
            self.rng.bit_generator.state = trial.state
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            message = f"stream state of {self.data.name}: the generator's state is unusable: {error}"
            raise ValueError(message) from None


def _plain(value):
    """A generator's state with its arrays (in MT19937, Philox and SFC64) in a form that JSON can store."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "values": value.tolist()}
    return value.item() if isinstance(value, np.generic) else value


def _array(value):
    if value.keys() == {"dtype", "values"}:
        if value["dtype"] not in _STATE_TYPES or not isinstance(value["values"], list):  # "S2000000000" is a type too
            raise ValueError(f"it has an array of {str(value['dtype'])[:40]!r}")
        return np.array(value["values"], dtype=value["dtype"])
    return value
