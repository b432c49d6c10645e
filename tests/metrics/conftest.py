"""Images that several tests of metrics look at."""

import numpy as np
import pytest

from scratchgan.data import load
from scratchgan.data.embedded import load_embedded


@pytest.fixture(scope="session")
def digits():
    """The 8x8 digits in random order, and their labels."""
    data = load_embedded("uci-digits-8x8")
    order = np.random.default_rng(0).permutation(len(data.x))
    return data.x[order], data.labels[order]


@pytest.fixture(scope="session")
def mnist():
    return load("mnist-5k")
