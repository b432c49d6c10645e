"""What a run knows about its data, so that it recognises them wherever they are: checksum, sizes, classes, counts.

The facts are part of the checkpoint (meta/facts, a JSON text); older checkpoints have only the checksum (meta/data).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..data import Data
from ..files import checkpoint

MOST_CLASSES = 1000  # whose names and counts are kept: as many as a recipe allows
MOST_SHOWN = 3  # classes that a message lists


@dataclass(frozen=True)
class Facts:
    """A data set as it was when the run began, held-out examples included.

    kind       "examples", "density", "pair" or "paired"
    name       of the data set; of a file or folder, the last part of its path
    shape      of one example
    sha256     of all that training uses: examples and labels, of both domains if it is a pair
    n          number of examples, or of pairs of images; 0 for a density and for a pair of domains
    examples   SHA-256 of the examples alone, or ""
    classes    names of the classes, () if they are only numbers
    counts     number of examples of each class, () without labels
    held_out   how many examples were kept out of training
    given      whether it was given in Python, so that no path leads to it
    domains    the facts about both domains of a pair; of pairs of images, about what is given (if it is in the data)
               and what should be made of it
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    sha256: str
    n: int = 0
    examples: str = ""
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    held_out: int = 0
    given: bool = False
    domains: tuple[Facts, ...] = ()

    @property
    def size(self) -> str:
        """Number and shape of the examples in words, such as "40 of 16 x 16 x 1"."""
        if self.kind == "pair":
            return " and ".join(domain.size for domain in self.domains)
        if self.kind == "paired":
            shapes = " and ".join(" x ".join(map(str, domain.shape)) for domain in self.domains)
            return f"{self.n:,} pairs of {shapes}" if len(self.domains) > 1 else f"{self.n:,} of {shapes}"
        shape = " x ".join(map(str, self.shape))
        return f"{self.n:,} of {shape}" if self.kind == "examples" else f"a density of points of {shape}"

    def to_json(self) -> str:
        """The text for a checkpoint; names and counts of the classes are left out where it would be too long."""
        text = json.dumps(asdict(self))
        return text if len(text) <= checkpoint.MAX_FACT else json.dumps(asdict(replace(self, classes=(), counts=())))


def facts_of(data: Data, *, held_out: int = 0, given: bool = False) -> Facts:
    """The facts about a data set, a density or a pair.  Every value of the data is read once."""
    name, shape = str(data.name), tuple(map(int, data.example_shape))
    if data.kind == "pair":
        domains = facts_of(data.a), facts_of(data.b)
        return Facts("pair", name, shape, _of_domains(domains).hexdigest(), given=given, domains=domains)
    if data.kind == "paired":
        parts = tuple(facts_of(replace(part, labels=None)) for part in (data.x, data.y) if part is not None)
        sha256 = _of_domains(parts).hexdigest()
        return Facts("paired", name, shape, sha256, len(data.y), held_out=held_out, given=given, domains=parts)
    digest = hashlib.sha256()
    if data.kind == "density":
        for key in ("modes", "sigmas", "weights", "extent"):
            _add(digest, key, getattr(data, key))
        digest.update(repr(data).encode())
        return Facts("density", name, shape, digest.hexdigest(), given=given)
    _add(digest, "x", data.x)
    examples = digest.hexdigest()
    _add(digest, "labels", data.labels)
    classes, counts = _classes(data)
    return Facts("examples", name, shape, digest.hexdigest(), len(data), examples, classes, counts, held_out, given)


def with_classes_of(facts: Facts, data: Data) -> Facts:
    """The facts, with the classes of `data`: the same examples, with the labels that the GAN is given."""
    classes, counts = _classes(data)
    return replace(facts, classes=classes, counts=counts)


def same_data(meta: Mapping[str, Any], now: Facts, data: Data) -> bool:
    """Whether `data`, with the facts `now`, are those that a checkpoint was trained on; True if it does not say."""
    saved = meta.get("data")
    if saved is None or saved == now.sha256:
        return True
    if data.kind != "pair":
        return False
    digest = _of_domains(now.domains)  # older checkpoints have the names of the domains in it
    digest.update(repr(data).encode())
    return saved == digest.hexdigest()


def read_facts(meta: Mapping[str, Any]) -> Facts | None:
    """The facts in a checkpoint; None if it is an older one.  Raises ValueError if they are damaged."""
    if "facts" not in meta:
        return None
    try:
        return _facts(json.loads(checkpoint.fact(meta, "facts", str)))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"the checkpoint's facts about the data are damaged ({type(error).__name__})") from None


def difference(saved: Facts | None, now: Facts) -> str:
    """In one line, how data differ from those that a run was trained on."""
    if saved is None:
        return f"{now.size}, with another checksum"
    if (saved.kind, saved.size) != (now.kind, now.size):
        return f"expected {saved.size}, got {now.size}{_counts(saved, now)}"
    which = ("domain a: ", "domain b: ") if saved.kind == "pair" else ("data: ", "data_b: ")[: len(saved.domains)]
    for part, one, two in zip(which if len(which) > 1 else ("",), saved.domains, now.domains, strict=False):
        if one.sha256 != two.sha256:
            return f"{part}{difference(one, two)}"
    if saved.examples == now.examples:
        return "the same examples, but other labels" + _counts(saved, now)
    return f"{now.size} as before, but other values{_counts(saved, now)}"


def _counts(saved: Facts, now: Facts) -> str:
    """The classes whose number of examples differs, for a message."""
    if not (saved.counts and now.counts):
        return ""
    before, after = (
        dict(zip(facts.classes or map(str, range(len(facts.counts))), facts.counts, strict=False))
        for facts in (saved, now)
    )
    found = [
        f"{before.get(name, 0):,} of class {name}, now {after.get(name, 0):,}"
        for name in {**before, **after}
        if before.get(name, 0) != after.get(name, 0)
    ]
    if not found:
        return ""
    return f" ({'; '.join(found[:MOST_SHOWN])}{'; ...' if len(found) > MOST_SHOWN else ''})"


def _classes(data: Data) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """(names, counts) of the classes; both empty without labels, or if there are too many."""
    if data.kind != "examples" or data.labels is None or data.n_classes > MOST_CLASSES:
        return (), ()
    counts = np.bincount(data.labels, minlength=data.n_classes)
    return tuple(map(str, data.classes)), tuple(map(int, counts))


def _facts(table: Mapping[str, Any]) -> Facts:
    """Facts from their table, with every type checked: a checkpoint is not trusted."""
    kinds = {"kind": str, "name": str, "sha256": str, "examples": str, "n": int, "held_out": int, "given": bool}
    lists = {"shape": int, "classes": str, "counts": int}
    if not all(isinstance(table[key], kind) for key, kind in kinds.items()):
        raise ValueError("a fact has another type")
    if not all(isinstance(value, kind) for key, kind in lists.items() for value in table[key]):
        raise ValueError("an entry has another type")
    domains = tuple(_facts(domain) for domain in table["domains"])
    values: dict[str, Any] = {key: table[key] for key in kinds} | {key: tuple(table[key]) for key in lists}
    return Facts(**values, domains=domains)


def _of_domains(domains: tuple[Facts, ...]) -> hashlib._Hash:
    digest = hashlib.sha256()
    for name, domain in zip("ab", domains, strict=False):  # of pairs of images there may be only one
        digest.update(name.encode())
        digest.update(domain.sha256.encode())
    return digest


def _add(digest: hashlib._Hash, name: str, values: ArrayLike | None) -> None:
    """Add an array's name, type, shape and bytes to a digest; do nothing for None."""
    if values is not None:
        array = np.ascontiguousarray(values)
        digest.update(f"{name}{array.dtype.str} {array.shape}".encode())
        digest.update(array.data if array.size else b"")
