"""What the tests of the user's own data share."""

import numpy as np
import pytest

from scratchgan.data import DataError, load_path


def refuses(path, *words, **options):
    """load_path(path) fails with one line that holds all the words."""
    with pytest.raises(DataError) as caught:
        load_path(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message, message


def unit(pixels):
    """uint8 in [-1, 1], computed on its own."""
    return pixels.astype(np.float32) / np.float32(127.5) - 1
