"""Unpaired data for CycleGAN: two domains, where no image of one corresponds to a particular image of the other.

`Pair` holds the two data sets, `PairStream` yields a batch of each, shuffled independently, and `digits_pair` returns
the pair that comes with the package: the UCI digits, enlarged, and the MNIST digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

import numpy as np

from ..checks import require_rng
from .dataset import Dataset
from .embedded import load_embedded
from .limits import DataError
from .stream import BatchStream


@dataclass(frozen=True, eq=False)
class Pair:
    """Two data sets, a of domain A and b of domain B, whose samples have the same shape; their sizes may differ.

    TypeError if a or b is not a Dataset, DataError if the shapes of their samples differ.
    """

    a: Dataset
    b: Dataset
    name: str = "pair"
    kind: ClassVar[Literal["pair"]] = "pair"
    #: labels are ignored
    n_classes: ClassVar[int] = 0
    classes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for which, data in (("a", self.a), ("b", self.b)):
            if not isinstance(data, Dataset):
                raise TypeError(f"{self.name}: {which} must be a Dataset, got {type(data).__name__}")
        if self.a.example_shape != self.b.example_shape:
            raise DataError(
                f"{self.name}: both domains need samples of the same shape, got {self.a.example_shape} for "
                f"{self.a.name} and {self.b.example_shape} for {self.b.name}"
            )

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one example of either domain, (H, W, C)."""
        return self.a.example_shape

    @property
    def source(self) -> str:
        """Attribution of both data sets, one line."""
        return f"{self.a.source}; {self.b.source}"

    def __repr__(self) -> str:
        return f"<Pair {self.name}: {self.a!r}, {self.b!r}>"


class PairStream:
    """Yields a batch of domain A together with a batch of domain B; the two domains are shuffled independently.

    The stream takes ownership of `rng` and spawns one generator per domain from it, so the order of one domain does not
    depend on the size of the other.
    TypeError if a data set is not a Dataset or rng is not a Generator; DataError if the shapes of the samples differ or
    a data set is smaller than a batch.
    """

    def __init__(self, data_a: Dataset, data_b: Dataset, batch_size: int, *, rng: np.random.Generator):
        require_rng("PairStream", rng)
        self.data = Pair(data_a, data_b, name="PairStream")
        rng_a, rng_b = rng.spawn(2)
        self.a, self.b = BatchStream(data_a, batch_size, rng=rng_a), BatchStream(data_b, batch_size, rng=rng_b)

    @property
    def batch_size(self) -> int:
        """The number of samples of each domain in a batch."""
        return self.a.batch_size

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """(a, b), the next batch of each domain, (batch_size, H, W, C) float32."""
        return self.a.next(), self.b.next()

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def state(self) -> dict[str, np.ndarray]:
        """`BatchStream.state` of both domains, under the names "a/rng", "b/rng" and so on."""
        return {f"{which}/{name}": array for which, stream in self._streams() for name, array in stream.state().items()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue exactly where `state()` was called.  ValueError, changing nothing, if the state is of other data."""
        before = self.state()
        try:
            for which, stream in self._streams():
                start = which + "/"
                stream.load_state(
                    {name.removeprefix(start): array for name, array in state.items() if name.startswith(start)}
                )
        except ValueError:
            for which, stream in self._streams():  # undo: a may have been loaded before b failed
                start = which + "/"
                stream.load_state(
                    {name.removeprefix(start): array for name, array in before.items() if name.startswith(start)}
                )
            raise

    def _streams(self):
        return [("a", self.a), ("b", self.b)]


@cache
def uci_digits_28() -> Dataset:
    """The embedded UCI digits in the format of MNIST: 8x8 enlarged to 20x20 (bicubic), with a margin of 4 pixels.

    (1797, 28, 28, 1), labels 0..9, in the order of the file.
    """
    return load_embedded("uci-digits-28x28")


def digits_pair() -> Pair:
    """A: the 1,797 UCI digits at 28x28 (`uci_digits_28`), smooth; B: the 5,000 embedded MNIST digits, sharp."""
    return Pair(uci_digits_28(), load_embedded("mnist-5k"), name="uci-mnist")
