"""Two domains that belong together though no image of one belongs to an image of the other: unpaired data.

`Pair` holds the two data sets, `PairStream` deals a batch of each, in two orders that know nothing of each other, and
`digits_pair` is the pair inside the package: UCI's digits, enlarged, and MNIST's.
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
    """Two data sets, a of domain A and b of domain B, with samples of one shape and different numbers of them.

    TypeError if one is no Dataset, DataError if their shapes differ.
    """

    a: Dataset
    b: Dataset
    name: str = "pair"
    kind: ClassVar[Literal["pair"]] = "pair"
    #: no image's label is looked at
    n_classes: ClassVar[int] = 0
    classes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for which, data in (("a", self.a), ("b", self.b)):
            if not isinstance(data, Dataset):
                raise TypeError(f"{self.name}: {which} must be a Dataset, got {type(data).__name__}")
        if self.a.example_shape != self.b.example_shape:
            raise DataError(
                f"{self.name}: both domains need samples of one shape, {self.a.name} has "
                f"{self.a.example_shape} and {self.b.name} {self.b.example_shape}"
            )

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one example of either, (H, W, C)."""
        return self.a.example_shape

    @property
    def source(self) -> str:
        """Attribution of both, one line."""
        return f"{self.a.source}; {self.b.source}"

    def __repr__(self) -> str:
        return f"<Pair {self.name}: {self.a!r}, {self.b!r}>"


class PairStream:
    """A batch of domain A and one of domain B at a time, each domain shuffled by itself.

    The stream owns `rng` from here on: each domain gets a generator that is spawned from it, so that the order of one
    does not depend on the size of the other.
    TypeError if one is no Dataset or rng no Generator; DataError if the shapes differ, or if one is smaller than a
    batch.
    """

    def __init__(self, data_a: Dataset, data_b: Dataset, batch_size: int, *, rng: np.random.Generator):
        require_rng("PairStream", rng)
        self.data = Pair(data_a, data_b, name="PairStream")
        rng_a, rng_b = rng.spawn(2)
        self.a, self.b = BatchStream(data_a, batch_size, rng=rng_a), BatchStream(data_b, batch_size, rng=rng_b)

    @property
    def batch_size(self) -> int:
        """Samples of each domain in a batch."""
        return self.a.batch_size

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """(a, b), the next batch of each domain, (batch_size, H, W, C) float32."""
        return self.a.next(), self.b.next()

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def state(self) -> dict[str, np.ndarray]:
        """`BatchStream.state` of both, under the names "a/rng", "b/rng" and so on."""
        return {f"{which}/{name}": array for which, stream in self._streams() for name, array in stream.state().items()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on exactly where `state()` was taken.  ValueError, and nothing changed, if it belongs to other data."""
        before = self.state()
        try:
            for which, stream in self._streams():
                start = which + "/"
                stream.load_state(
                    {name.removeprefix(start): array for name, array in state.items() if name.startswith(start)}
                )
        except ValueError:
            for which, stream in self._streams():  # a may have been taken over before b was refused
                start = which + "/"
                stream.load_state(
                    {name.removeprefix(start): array for name, array in before.items() if name.startswith(start)}
                )
            raise

    def _streams(self):
        return [("a", self.a), ("b", self.b)]


@cache
def uci_digits_28() -> Dataset:
    """The embedded UCI digits in MNIST's frame: 8x8 enlarged to 20x20 (bicubic), with 4 pixels of background around.

    (1797, 28, 28, 1), labels 0..9, in the file's order.
    """
    return load_embedded("uci-digits-28x28")


def digits_pair() -> Pair:
    """A: UCI's digits at 28x28 (`uci_digits_28`), 1,797 smooth ones; B: the embedded MNIST, 5,000 crisp ones."""
    return Pair(uci_digits_28(), load_embedded("mnist-5k"), name="uci-mnist")
