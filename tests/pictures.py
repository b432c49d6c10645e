"""What the tests of pictures share."""

import numpy as np
from PIL import Image


def pixels(path):
    """The picture in a file, uint8 (height, width, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
