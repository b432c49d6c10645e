"""What every test may use."""

import numpy as np
import pytest

import scratchgan


@pytest.fixture
def rng():
    """A fresh generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def one_thread():
    """Small nets on one thread: of two, each would mostly wait for the other on a busy machine."""
    before = scratchgan.get_num_threads()
    scratchgan.set_num_threads(1)
    yield
    scratchgan.set_num_threads(before)
