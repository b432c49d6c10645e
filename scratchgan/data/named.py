"""Which arrays of a .npz file are the images and the labels, and labels in the forms that other programs write.

The names are those that NumPy, Keras, MedMNIST, scikit-learn and others use:

    images  labels          x  y         data  target       arr_0  arr_1
    x_train  y_train        train_images  train_labels      X_train  trainY ...

With a training and a test part, the training part is used; a part that is called validation is a test part if there is
no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from .dataset import check_labels
from .limits import DataError
from .listing import PART_OF

_IMAGES = (
    "images",
    "image",
    "imgs",
    "img",
    "x",
    "data",
    "pictures",
    "pixels",
    "samples",
    "features",
    "inputs",
    "input",
)
_LABELS = ("labels", "label", "y", "targets", "target", "classes", "class", "lbl", "lbls")
_INPUTS = ("x", "input", "inputs", "line", "lines", "given")  # of pairs of images, which are told by these alone
_TARGETS = ("y", "target", "targets", "colour", "colours", "color", "colors", "truth")
_SHORT = {"tr": "train", "trn": "train", "te": "test", "tst": "test"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PREFIXES = re.compile(r"(train|test|valid|val|tr|te)([xy])", re.I)  # trainX, trX

Role = tuple[str, str]  # ("images" or "labels", "train", "test", "val" or "")


def _words(name: str) -> list[str]:
    words = [word.lower() for word in _WORD.findall(name.rpartition("/")[2])]
    if len(words) == 1 and (match := _PREFIXES.fullmatch(words[0])):
        words = [match[1].lower(), match[2].lower()]
    return words


def role(name: str) -> Role | None:
    """What an array is for, by its name; None if it cannot be told."""
    words = _words(name)
    if words[:1] == ["arr"] and words[1:] in (["0"], ["1"]):
        return ("images" if words[1] == "0" else "labels"), ""
    part, kind = "", ""
    for word in words:
        if word in PART_OF or word in _SHORT:
            part = PART_OF.get(word) or _SHORT[word]
        elif word in _IMAGES or word in _LABELS:
            found = "images" if word in _IMAGES else "labels"
            if kind and kind != found:
                return None
            kind = found
        else:
            return None
    if not kind and part:
        kind = "images"
    return (kind, part) if kind else None


def choose(names: Iterable[str], where: object) -> dict[Role, str]:
    """{role: name} of the arrays to read: images of "train", and perhaps of "test", and their labels.

    Without parts, the role of the images is ("images", "train").  DataError if the images cannot be told.
    """
    names = sorted(names)
    by_role: dict[Role, list[str]] = {}
    for name in names:
        if (known := role(name)) is not None:
            by_role.setdefault(known, []).append(name)
    unnamed = [name for name in names if role(name) is None]
    chosen = {known: min(found, key=_rank) for known, found in by_role.items()}
    part = next((p for p in ("train", "", "test", "val") if ("images", p) in chosen), None)
    if part is None:
        if len(unnamed) != 1:
            raise DataError(
                f"{where}: expected an array 'images' or a single array, got {few(names)}; to save some of them under "
                "known names: np.savez(FILE, images=..., labels=...)"
            )
        chosen["images", "train"], part = unnamed[0], "train"
    result = {("images", "train"): chosen["images", part]}
    for label_part in dict.fromkeys((part, "")):
        if ("labels", label_part) in chosen:
            result.setdefault(("labels", "train"), chosen["labels", label_part])
    other = next((p for p in ("test", "val") if p != part and part == "train" and ("images", p) in chosen), None)
    if other:
        result["images", "test"] = chosen["images", other]
        if ("labels", other) in chosen:
            result["labels", "test"] = chosen["labels", other]
    return result


def choose_pair(names: Iterable[str], where: object, split: str) -> tuple[str, str, str]:
    """(the inputs' array, the targets' array, the part that is held out, "" if there is none) of a file of pairs.

    The names are x and y, inputs and targets, line and colour, with or without a part such as train or test.
    DataError if the two cannot be told, or if there is no test part and split is "test".
    """
    names = sorted(names)
    found: dict[tuple[str, str], str] = {}
    for name in names:
        words = _words(name)
        part = next((PART_OF.get(w) or _SHORT[w] for w in words if w in PART_OF or w in _SHORT), "")
        rest = [w for w in words if w not in PART_OF and w not in _SHORT]
        for which, known in (("x", _INPUTS), ("y", _TARGETS)):
            if len(rest) == 1 and rest[0] in known:
                found.setdefault((which, part), name)
    parts = [p for p in ("train", "", "test", "val") if ("x", p) in found and ("y", p) in found]
    if not parts:
        raise DataError(
            f"{where}: expected two arrays called x and y, inputs and targets, or line and colour, got {few(names)}; to "
            "save them: np.savez(FILE, x=..., y=...)"
        )
    held = next((p for p in ("test", "val") if p in parts[1:]), "")
    if split == "test" and not held:
        raise DataError(f"{where} has no test part: no arrays such as x_test and y_test")
    part = held if split == "test" else parts[0]
    return found["x", part], found["y", part], held


def _rank(name: str) -> tuple[int, str]:
    order = (*_IMAGES, *_LABELS)
    return min((order.index(w.lower()) for w in _WORD.findall(name) if w.lower() in order), default=99), name


def few(names: Iterable[str]) -> str:
    """The first names, as a list."""
    names = list(names)
    return f"[{', '.join(map(repr, names[:8]))}{', ...' if len(names) > 8 else ''}]"


def to_labels(labels: np.ndarray, n: int, where: object) -> tuple[np.ndarray, tuple[str, ...]]:
    """(labels (n,) int64, class names or ()) from whole numbers (n,) or (n, 1), one-hot rows (n, K), or texts (n,).

    Whole numbers may be stored as floats or booleans.  DataError for anything else.
    """
    labels = np.asarray(labels)
    while labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.dtype.kind in "US" and labels.shape == (n,):
        if labels.dtype.kind == "S":
            labels = np.char.decode(labels, "utf-8", "replace")
        names, numbers = np.unique(labels, return_inverse=True)
        return numbers.reshape(n).astype(np.int64), tuple(str(name) for name in names)
    if labels.dtype.kind in "fb":
        whole = labels.astype(np.float64)
        if not np.isfinite(whole).all() or (whole != np.rint(whole)).any() or np.abs(whole).max(initial=0) > 2**53:
            raise DataError(f"{where}: expected whole numbers, got {labels.dtype} with values that are none")
        labels = whole.astype(np.int64)
    if labels.ndim == 2 and len(labels) == n and labels.dtype.kind in "iu" and n:
        hot = (labels == 1).sum(axis=1) == 1
        if not (hot.all() and ((labels == 0) | (labels == 1)).all()):
            raise DataError(
                f"{where}: labels {labels.shape} are neither one column nor one-hot (a single 1 in each row); "
                "a GAN needs one class for each image"
            )
        return labels.argmax(axis=1).astype(np.int64), ()
    return check_labels(labels, n, where), ()


def advice(dtype: np.dtype) -> str:
    """How to convert pixels of a type that is not read, as the end of an error message; "" if there is no way."""
    if dtype.kind == "b":
        return "; False and True become black and white by x.astype(np.uint8) * 255"
    if dtype.kind in "iu":
        wide = ", 0..65535 by (x // 257).astype(np.uint8)" if dtype.itemsize > 1 else ""
        return f"; 0..255 can be .astype(np.uint8){wide}"
    return ""


def parts_note(where: object, chosen: Mapping[Role, str], names: Iterable[str]) -> list[str]:
    """What the user should know about the arrays that were chosen, one line each."""
    notes = []
    if ("images", "test") in chosen:
        notes.append(
            f"{where}: {chosen['images', 'train']} is used, {chosen['images', 'test']} is held out of training"
        )
    if left := sorted(set(names) - set(chosen.values())):
        notes.append(f"{where}: the arrays {few(left)} are not read")
    return notes
