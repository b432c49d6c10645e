"""Pairs for nets that turn one image into another: x is what the net is given, y what it should make of it.

x[i] belongs to y[i], which no shuffle, flip or split may undo.  Either x is given, such as line drawings to be coloured,
or it is made from y by a `Degradation`, such as small images to be enlarged; then every batch has a fresh one.
Own files are read in data/paired_own.py; data without pairs, for CycleGAN, are in data/pairs.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from ..checks import positive_int, require_rng
from .dataset import Dataset
from .degrade import Degradation
from .limits import DataError
from .stream import BatchStream

SCALES = (1, 2, 4)  # of y to x


@dataclass(frozen=True, eq=False)
class Paired:
    """Images y, and for each of them an image x, given or made by `degrade`; exactly one of x and degrade is None.

    y        what the net should make, images (N, H, W, C)
    x        what it is given, images (N, h, w, C'), aligned with y; H = scale * h and W = scale * w, scale 1, 2 or 4
    degrade  makes x from y
    name     the name the user asked for; "" for those of x and y
    source   attribution, one line; "" for those of x and y
    notes    what the user should know of the data, one line each; those of x and y come first
    test_size, test   the number of pairs that are held out for testing, and a function that loads them as a Paired; 0
             and None if there are none
    kind     "paired": see data/kinds.py
    Labels of x and y are ignored.

    TypeError if y, x or degrade is of another type.  DataError unless there is either x or degrade, x and y are images,
    as many of one as of the other, whose sizes fit each other or the degradation.
    """

    y: Dataset
    x: Dataset | None = None
    degrade: Degradation | None = None
    name: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    test_size: int = 0
    test: Callable[[], Paired] | None = None
    kind: ClassVar[Literal["paired"]] = "paired"
    n_classes: ClassVar[int] = 0
    classes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self._check_types()
        parts = [part for part in (self.x, self.y) if part is not None]
        defaults = {
            "name": " to ".join(dict.fromkeys(part.name for part in parts)),
            "source": "; ".join(dict.fromkeys(part.source for part in parts if part.source)),
        }
        for key, value in defaults.items():
            object.__setattr__(self, key, getattr(self, key) or value)
        notes = [note for part in parts for note in part.notes]
        object.__setattr__(self, "notes", tuple(dict.fromkeys([*notes, *self.notes])))
        if self.degrade is not None:
            self.degrade.input_shape(self.example_shape)  # DataError if it does not fit
        elif self.x is not None:
            self._check_sizes(self.x)

    def _check_types(self) -> None:
        who = self.name or "Paired"
        for which, data in (("y", self.y), *([("x", self.x)] if self.x is not None else [])):
            if not isinstance(data, Dataset):
                raise TypeError(f"{who}: {which} must be a Dataset, got {type(data).__name__}")
            if len(data.example_shape) != 3:
                raise DataError(f"{who}: {which} ({data.name}) must be images, got points {data.example_shape}")
        if self.degrade is not None and not isinstance(self.degrade, Degradation):
            raise TypeError(f"{who}: degrade must be a Degradation, got {type(self.degrade).__name__}")
        if (self.x is None) == (self.degrade is None):
            both = "both" if self.x is not None else "neither"
            raise DataError(f"{who}: expected either x or degrade, got {both}")

    def _check_sizes(self, x: Dataset) -> None:
        if len(x) != len(self.y):
            raise DataError(
                f"{self.name}: {len(x):,} inputs in {x.name} but {len(self.y):,} targets in {self.y.name}: each "
                "input needs its target, in the same order"
            )
        (height, width, _), (h, w, _) = self.example_shape, x.example_shape
        if not any((height, width) == (scale * h, scale * w) for scale in SCALES):
            raise DataError(
                f"{self.name}: targets must be as large as the inputs, or twice or four times as large, got {h} x {w} "
                f"in {x.name} and {height} x {width} in {self.y.name}"
            )

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        given = repr(self.x) if self.degrade is None else repr(self.degrade)
        return f"<Paired {self.name}: {len(self)} of {self.input_shape} to {self.example_shape}, {given}>"

    @property
    def example_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of y."""
        height, width, channels = self.y.example_shape
        return height, width, channels

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(h, w, C') of x."""
        if self.degrade is not None:
            return self.degrade.input_shape(self.example_shape)
        assert self.x is not None
        height, width, channels = self.x.example_shape
        return height, width, channels

    @property
    def scale(self) -> int:
        """By what factor y is larger than x: 1, 2 or 4."""
        return self.example_shape[0] // self.input_shape[0]

    def inputs(self, rng: np.random.Generator, index: np.ndarray | slice) -> np.ndarray:
        """x for y[index], (n, h, w, C') float32, a copy.  Only a degradation draws from rng, and not every one does."""
        if self.degrade is not None:
            return self.degrade(self.y.x[index], rng)
        assert self.x is not None
        return np.array(self.x.x[index])

    def split(self, index: np.ndarray) -> Paired:
        """The pairs of these rows, in their order.  The held-out part, if there is one, stays what it is.

        DataError if index is not one or more whole numbers of 0..N-1, or has one of them twice.
        """
        rows = np.asarray(index)
        if rows.ndim != 1 or not rows.size or rows.dtype.kind not in "iu":
            raise DataError(f"{self.name}: rows must be one or more whole numbers, got {rows.dtype} {rows.shape}")
        if rows.min() < 0 or rows.max() >= len(self) or len(np.unique(rows)) != len(rows):
            raise DataError(f"{self.name}: rows must be different numbers of 0..{len(self) - 1}")
        return replace(self, y=_rows(self.y, rows), x=None if self.x is None else _rows(self.x, rows))

    def checksum_arrays(self) -> dict[str, np.ndarray]:
        """Everything that training uses, by name, for a checksum: equal arrays mean equal training.

        y (N, H, W, C) float32, and either x (N, h, w, C') float32 or degrade, the degradation's text as uint8.  Names,
        notes and the held-out part do not count.
        """
        if self.degrade is not None:
            return {"y": self.y.x, "degrade": np.frombuffer(repr(self.degrade).encode(), np.uint8)}
        assert self.x is not None
        return {"y": self.y.x, "x": self.x.x}


def _rows(data: Dataset, rows: np.ndarray) -> Dataset:
    return replace(data, x=data.x[rows], labels=None, classes=(), notes=(), test_size=0, test=None)


def pair_up(x: Dataset, y: Dataset, *, name: str = "") -> Paired:
    """The Paired of two data sets in the same order, with the held-out pairs if both have a test part of one size.

    DataError if they do not fit, or if their test parts have different sizes.
    """
    if x.test is None or y.test is None:
        return Paired(y, x, name=name)
    if x.test_size != y.test_size:
        raise DataError(
            f"{name or x.name}: {x.test_size:,} inputs are held out in {x.name}, but {y.test_size:,} targets in {y.name}"
        )
    return Paired(y, x, name=name, test_size=y.test_size, test=partial(_pair_up_test, x.test, y.test, name))


def _pair_up_test(x: Callable[[], Dataset], y: Callable[[], Dataset], name: str) -> Paired:
    return Paired(y(), x(), name=name)


def degraded(y: Dataset, degrade: Degradation, *, name: str = "") -> Paired:
    """The Paired whose x are made from y; the held-out images of y are its held-out part."""
    if y.test is None:
        return Paired(y, degrade=degrade, name=name)
    return Paired(
        y, degrade=degrade, name=name, test_size=y.test_size, test=partial(_degraded_test, y.test, degrade, name)
    )


def _degraded_test(y: Callable[[], Dataset], degrade: Degradation, name: str) -> Paired:
    return Paired(y(), degrade=degrade, name=name)


def split(paired: Paired, held_out: int, rng: np.random.Generator) -> tuple[Paired, Paired]:
    """(the pairs to train on, in their order; `held_out` pairs drawn from rng).  For data without a test part.

    ValueError unless 1 <= held_out < N; TypeError if rng is no Generator.
    """
    require_rng("split", rng)
    held_out = positive_int("split", "held_out", held_out)
    if held_out >= len(paired):
        raise DataError(f"{paired.name}: held_out = {held_out} of {len(paired)} pairs leaves none to train on")
    order = rng.permutation(len(paired))
    return paired.split(np.sort(order[held_out:])), paired.split(order[:held_out])


class PairedStream:
    """Endless batches (x, y) of pairs, in a new order for each epoch; see `BatchStream`, which draws the order.

    flip   show each pair left-right mirrored with probability 1/2: x and y together; with a degradation, y is mirrored
           first and x made from it

    The stream takes ownership of `rng` and draws from it, for each batch: at the start of an epoch the order, then with
    flip one number for each pair, then what the degradation draws.  The same seed gives the same batches, bit for bit.
    TypeError if paired is no Paired, flip no bool, or rng no Generator; DataError for less than a batch of pairs.
    """

    def __init__(self, paired: Paired, batch_size: int, *, rng: np.random.Generator, flip: bool = False):
        if not isinstance(paired, Paired):
            raise TypeError(f"PairedStream expects a Paired, got {type(paired).__name__}")
        if not isinstance(flip, bool):
            raise TypeError(f"PairedStream: flip must be True or False, got {flip!r}")
        self.data, self.flip = paired, flip
        rows = replace(paired.y, labels=np.arange(len(paired)), classes=(), name=paired.name)
        self._stream = BatchStream(rows, batch_size, rng=rng)  # its labels are the numbers of the rows

    @property
    def batch_size(self) -> int:
        """The number of pairs in a batch."""
        return self._stream.batch_size

    @property
    def epoch(self) -> int:
        """The number of shuffles so far."""
        return self._stream.epoch

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """(x, y), the next batch: (batch_size, h, w, C') and (batch_size, H, W, C), float32, C-contiguous copies."""
        y, rows = self._stream.next_labelled()
        assert rows is not None
        rng, degrade = self._stream.rng, self.data.degrade
        mirrored = rng.random(self.batch_size) < 0.5 if self.flip else None
        y = _mirror(y, mirrored)
        x = degrade(y, rng) if degrade is not None else _mirror(self.data.inputs(rng, rows), mirrored)
        return np.ascontiguousarray(x), y

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def state(self) -> dict[str, np.ndarray]:
        """All that the following batches depend on, as `BatchStream.state`."""
        return self._stream.state()

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue exactly where `state()` was called.  ValueError, changing nothing, if the state is of other data."""
        self._stream.load_state(state)


def _mirror(images, mirrored):
    """Images (n, H, W, C), those for which `mirrored` (n,) is True from right to left; None: all as they are."""
    return images if mirrored is None else np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
