r"""A step of training that is recorded once, and then run from the recording.

`GAN.train_step` runs Python code around every kernel.  For small nets that takes longer than the kernels themselves,
and it is the same in every step.  So with compiled kernels a GAN records one of its steps (kernels/compiled/recording),
and runs the later ones from the listing of their operations:

    steps 1 and 2       as always
    step 3              as always, and recorded
    steps 4 and 5       twice: from the listing, and, after the state has been set back, as always.  All weights,
                        gradients, moments, running statistics and reported numbers must be the same bits
    from step 6 on      from the listing

Nothing that a reader of gan.py learns changes: the listing computes what `turns` would, to the bit.  New noise is drawn,
the optimisers take their steps, and the average is updated by the same code as ever; the listing only calls it.

**What falls back to the usual step.**  A game with rules, labels, or d_steps > 1; a subclass of GAN; layers, losses or
methods that are not code of this package, which may print or count; a layer that draws random numbers; an operation
that cannot be recorded; a listing that gives other bits.  So does every step in which something is not what it was when
the step was recorded (fingerprint.py): the batch's shape, an array of a net that was replaced, an attribute of a layer
(a slope, a momentum), a method or a function that was replaced, the backend.

    SCRATCHGAN_REPLAY=0     never record
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Layer
from ..game import LastBatch
from ..gan import GAN
from . import fingerprint as fingerprints
from .fingerprint import VARIABLE, layers_of, why_not

__all__ = ["CHECKS", "GAN", "USUAL", "VARIABLE", "Replay", "of", "why_not"]

if TYPE_CHECKING:
    from ..kernels.compiled.recording import Listing, Recording

USUAL = 2  # steps before the one that is recorded
CHECKS = 2  # steps that are run both ways
ATTEMPTS = 3  # recordings of one game, at most
_recording = threading.Lock()


class Replay:
    """The listing of a game's step, and what is known about it.

    listing    the Listing, or None
    ready      whether steps are run from it
    why        why they are not; "" if they are, or are going to be
    """

    def __init__(self) -> None:
        self.forget()
        self.attempts, self.why = 0, ""

    def __deepcopy__(self, memo: dict) -> Replay:
        return Replay()  # a listing holds the addresses of one game's arrays

    def forget(self) -> None:
        """Begin anew: with usual steps, and then a recording."""
        self.listing: Listing | None = None
        self.real: np.ndarray | None = None
        self.batch: LastBatch | None = None
        self.report: dict[str, np.ndarray] = {}
        self.fingerprint: tuple = ()
        self.kept: list = []
        self.passed, self.steps, self.ready = 0, 0, False

    def turns(self, gan: GAN, real: np.ndarray) -> dict[str, float]:
        """What `gan.turns(real)` does, from the listing if there is one."""
        if why_not(gan):
            return gan.turns(real)
        present, kept = fingerprints.fingerprint(gan, real)
        if present != self.fingerprint:
            self.forget()
            self.fingerprint, self.kept, self.why = present, kept, fingerprints.foreign(gan)
        if self.ready:
            return self._run(gan, real)
        if self.why:
            return gan.turns(real)
        self.steps += 1
        if self.steps <= USUAL or (self.listing is None and self.attempts >= ATTEMPTS):
            return gan.turns(real)
        if not _recording.acquire(blocking=False):  # another thread is recording a step of another game
            return gan.turns(real)
        try:
            return self._record(gan, real) if self.listing is None else self._compare(gan, real)
        finally:
            _recording.release()

    def _run(self, gan: GAN, real: np.ndarray) -> dict[str, float]:
        assert self.listing is not None
        assert self.real is not None
        assert self.batch is not None
        np.copyto(self.real, real)
        self.listing.run()
        gan.steps += 1
        gan.last_batch = LastBatch(*(a.copy() for a in self.batch))
        return {name: float(a) for name, a in self.report.items()}

    def _record(self, gan: GAN, real: np.ndarray) -> dict[str, float]:
        """The usual step, which is recorded."""
        from ..kernels.compiled.recording import Recording
        from ..kernels.compiled.traced import plain

        self.attempts += 1
        random = gan.layer_rng().bit_generator.state
        with Recording() as recording, _traced(gan, recording):
            slot = recording.empty(real.shape, real.dtype)
            np.copyto(plain(slot), real)
            report = gan.turns(slot)
        self.report = {name: recording.source(number) for name, number in report.items()}  # type: ignore[misc]
        if unknown := [name for name, source in self.report.items() if source is None]:
            recording.refuse(f"{unknown[0]} is not a number that was read from an array")
        if gan.layer_rng().bit_generator.state != random:
            recording.refuse("a layer draws random numbers")
        assert gan.last_batch is not None
        self.batch = LastBatch(*plain(tuple(gan.last_batch)))
        gan.last_batch = LastBatch(*(a.copy() for a in self.batch))
        self.real = plain(slot)
        if recording.refused:
            self.why = recording.refused
            self._drop()
        else:
            self.listing = recording.finish([self.real, *self.batch])
        return report

    def _compare(self, gan: GAN, real: np.ndarray) -> dict[str, float]:
        """The step from the listing, and then, from the same state, the usual step, which counts."""
        before = {key: np.copy(a) for key, a in gan.state().items()}
        report = self._run(gan, real)
        listed = _digest(gan, report)
        gan.load_state(before)  # gradients are no part of it: each turn begins with zeros
        report, self.why = self._usual(gan, real)
        if not self.why and _digest(gan, report) != listed:
            self.why = "the listing gave other bits than the usual step"
        if self.why:
            self._drop()
        else:
            self.passed += 1
            self.ready = self.passed == CHECKS
        return report

    def _usual(self, gan: GAN, real: np.ndarray) -> tuple[dict[str, float], str]:
        """The report of the usual step, in the memory of the listing; and why the listing cannot be used, or ""."""
        from ..kernels.compiled.arena import ArrayKeptError

        assert self.listing is not None
        gan.last_batch = None
        try:
            with self.listing.arena.lent():
                report = gan.turns(real)
                assert gan.last_batch is not None
                gan.last_batch = LastBatch(*(a.copy() for a in gan.last_batch))
        except ArrayKeptError as error:
            return report, str(error)
        return report, ""

    def _drop(self) -> None:
        self.listing = self.real = self.batch = None
        self.report = {}


def of(gan: GAN) -> Replay:
    """The game's Replay."""
    replay = vars(gan).get("_replay")
    if replay is None:
        replay = gan._replay = Replay()  # type: ignore[attr-defined]
    return replay


@contextlib.contextmanager
def _traced(gan: GAN, recording: Recording) -> Iterator[None]:
    """While the step is recorded: the nets' arrays report what is computed from them, and what stays Python is called
    as it is: noise, the optimisers, the average."""
    from ..kernels.compiled.traced import Traced

    own = [(group, name, a) for layer in layers_of(gan) for group in _groups(layer) for name, a in group.items()]
    outside: list[tuple[Any, str]] = [(gan, "noise"), (gan.g_optimizer, "step"), (gan.d_optimizer, "step")]
    if gan.ema is not None:
        outside.append((gan.ema, "update"))
    try:
        for group, name, array in own:
            group[name] = array.view(Traced)
        before = [vars(owner).get(name) for owner, name in outside]
        for owner, name in outside:
            setattr(owner, name, _outside(recording, owner, name))
        yield
    finally:
        for (owner, name), own_method in zip(outside, before, strict=True):
            vars(owner).pop(name, None)
            if own_method is not None:
                setattr(owner, name, own_method)
        for group, name, array in own:
            if group.get(name) is None or group[name].__array_interface__ != array.__array_interface__:
                recording.refuse(f"the array {name!r} of a layer was replaced, not changed in place")
            else:
                group[name] = array


def _outside(recording: Recording, owner: object, name: str) -> Callable:
    """`owner.name`, which the listing calls by its name: the method that it finds then."""
    function, title = getattr(owner, name), f"{type(owner).__name__}.{name}"
    return lambda *arguments: recording.outside(
        title, partial(function, *arguments), lambda: getattr(owner, name)(*arguments)
    )


def _groups(layer: Layer) -> tuple[dict[str, np.ndarray], ...]:
    return layer.params, layer.grads, layer.state


def _gradients(gan: GAN) -> list[np.ndarray]:
    return [g for layer in layers_of(gan) for g in layer.grads.values()]


def _digest(gan: GAN, report: dict[str, float]) -> bytes:
    """A digest of everything that a step changes or returns."""
    digest = hashlib.blake2b()
    for key, array in [*gan.state().items(), *enumerate(_gradients(gan)), *enumerate(gan.last_batch or ())]:
        digest.update(f"{key} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    for name, number in report.items():
        digest.update(f"{name} {float(number).hex()}".encode())
    return digest.digest()


def _take_turns(self: GAN, real: np.ndarray) -> dict[str, float]:
    """`turns`, or what was recorded of it."""
    return of(self).turns(self, real)


GAN.take_turns = _take_turns  # type: ignore[method-assign]
