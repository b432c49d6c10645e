"""What every test may use."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    """A fresh generator with a fixed seed."""
    return np.random.default_rng(0)
