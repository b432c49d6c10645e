"""What is recorded is computed again from new values; what cannot be followed is refused; memory is used again."""

import itertools
import threading
import warnings

import numpy as np
import pytest

import scratchgan
from scratchgan.kernels import KERNELS, channel_sum, conv2d, leaky_relu, matmul
from scratchgan.kernels.convolution import pad_images

pytestmark = pytest.mark.skipif(scratchgan.get_backend() != "numba", reason="the twins are not recorded")


def values(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def recorded(function, *arrays):
    """(recording, its inputs, its result as an array that keeps its address) of function(*arrays)."""
    from scratchgan.kernels.compiled.recording import Recording
    from scratchgan.kernels.compiled.traced import plain

    with Recording() as recording:
        slots = [recording.empty(a.shape, a.dtype) for a in arrays]
        for slot, a in zip(slots, arrays, strict=True):
            plain(slot)[...] = a
        result = function(*slots)
    return recording, [plain(slot) for slot in slots], plain(result)


def in_place(x, y):
    total = x * 2
    total += y
    total -= 1
    return total


def filled(x, y):
    z = x + y
    z[...] = 0
    z[1:] = x[:-1]
    z[0] = 3
    return z


def reused(x, y):
    for _ in range(5):
        x = x + y  # each sum is released as soon as the next one is there
    return x


def sums(x, y):
    return np.concatenate([x.sum(axis=0), y.mean(axis=0), (x * y).max(axis=0), x.std(axis=0, dtype=np.float64)])


def shapes(x, y):
    return (x.reshape(-1, 2).T @ y.reshape(-1, 2)).swapaxes(0, 1)[None] + np.broadcast_to(x[:1, :2], (1, 2, 2))


def converted(x, y):
    return x.astype(np.float64).astype(np.float32, copy=False).copy() + (y > 0).astype(np.float32)


FOLLOWED = {
    "operators": lambda x, y: (x + y) * x - 3 / (1 + y**2) - (-x),
    "in place": in_place,
    "filled": filled,
    "reused": reused,
    "where": lambda x, y: np.where(x > y, np.exp(x), np.float32(2)),
    "sums": sums,
    "shapes": shapes,
    "converted": converted,
    "zeros like": lambda x, y: np.zeros_like(x, shape=(3,)) + x.sum(),
    "padded": lambda x, y: pad_images(x.reshape(2, 8, 8, 1), (1, 2)),
    "kernels": lambda x, y: channel_sum(leaky_relu(matmul(x, y, transpose_b=True), slope=0.2)),
    "strided": lambda x, y: matmul(x.T, y.T, transpose_b=True),
    "convolution": lambda x, y: conv2d(x.reshape(2, 8, 8, 1), y[:4].reshape(4, 4, 1, 4), stride=(2, 2), padding=(1, 1)),
    "clip": lambda x, y: np.clip(x, -1, 1) + y.clip(0, 2),
    "quiet": lambda x, y: quiet(x),
}


def quiet(x):
    with np.errstate(all="ignore"):
        return np.log(x) / (x - x)


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_recording_computes_the_same_from_new_values(name):
    function, shape = FOLLOWED[name], (8, 16)
    recording, inputs, result = recorded(function, values(0, *shape), values(1, *shape))
    assert not recording.refused
    listing = recording.finish([result])
    for seed in (2, 4):
        new = values(seed, *shape), values(seed + 1, *shape)
        for slot, a in zip(inputs, new, strict=True):
            slot[...] = a
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a listing is as quiet as the step
            listing.run()
        with np.errstate(all="ignore"):
            expected = function(*new)
        assert result.dtype == expected.dtype
        assert result.tobytes() == np.ascontiguousarray(expected).tobytes()


def index_by_an_array(x, y):
    return x[np.array([0, 1])]


def one_entry(x, y):
    return x * x[0, 0]


def branch(x, y):
    return x if x.sum() > 0 else y


def whole_number(x, y):
    return x * int(x.sum())


def put_in(x, y):
    x[np.array([0])] = 1
    return x


REFUSED = {
    "index by an array": index_by_an_array,
    "one entry": one_entry,
    "branch": branch,
    "whole number": whole_number,
    "put in": put_in,
    "item": lambda x, y: x * x.sum().item(),
    "argmax": lambda x, y: x.argmax(axis=0) * 1.0,
    "cumulative": lambda x, y: np.add.accumulate(x) + 0,
    "sort": lambda x, y: np.sort(x),
    "contains": lambda x, y: x * (3.0 in x),
    "copying reshape": lambda x, y: x.T.reshape(-1),
    "two results": lambda x, y: np.divmod(x, y)[0],
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_refused_and_computed_all_the_same(name):
    x, y = values(0, 4, 6), values(1, 4, 6)
    recording, _, result = recorded(REFUSED[name], x, y)
    assert recording.refused
    np.testing.assert_array_equal(result, REFUSED[name](x.copy(), y))


def test_numbers_are_known_by_the_array_that_they_were_read_from():
    found = []
    recording, inputs, _ = recorded(lambda x: found.append(float((x * x).mean())) or x, values(0, 8, 8))
    source = recording.source(found[0])
    assert source is not None
    assert recording.source(found[0] + 0.0) is None  # another object: it was not read from an array
    listing = recording.finish()
    inputs[0][...] = 3
    listing.run()
    assert float(source) == 9


def test_results_that_nobody_reads_are_left_out():
    def function(x, y):
        unused = np.exp(x) * y  # noqa: F841
        return x + y

    recording, _, result = recorded(function, values(0, 4, 4), values(1, 4, 4))
    names = [operation.name for operation in recording.finish([result]).operations]
    assert names == ["add"]


def test_memory_that_was_released_is_used_again():
    recording, _, _ = recorded(chain, np.zeros((256, 1024), np.float32))
    assert recording.arena.bytes < 6 * 2**20  # the input and two sums of 1 MiB, and what slabs leave over


def chain(x):
    for _ in range(100):
        x = x + 1
    return x


def test_an_arena_joins_its_free_pieces():
    from scratchgan.kernels.compiled.arena import SLAB, Arena

    arena = Arena()
    blocks = [arena.take(SLAB // 4) for _ in range(4)]
    assert len(arena.slabs) == 1
    places = sorted(block.place for block in blocks)
    assert all(b - a >= SLAB // 4 for a, b in itertools.pairwise(places))
    assert all(place % 64 == 0 for place in places)
    del blocks[1], blocks[1]
    assert arena.take(SLAB // 2).place == places[1]
    assert len(arena.slabs) == 1


def test_another_thread_is_not_recorded():
    from scratchgan.kernels.compiled.recording import Recording

    with Recording() as recording:
        made = []
        other = threading.Thread(target=lambda: made.append(matmul(values(0, 32, 32), values(1, 32, 32))))
        other.start()
        other.join()
        assert recording.operations == []
    np.testing.assert_allclose(made[0], values(0, 32, 32) @ values(1, 32, 32), rtol=1e-4, atol=1e-4)


def test_there_is_one_recording_at_a_time():
    from scratchgan.kernels.compiled import pool
    from scratchgan.kernels.compiled.recording import Recording

    with Recording():
        with pytest.raises(RuntimeError, match="already"), Recording():
            pass
        assert pool.recorder is not None
    assert pool.recorder is None


def test_after_a_recording_its_arrays_are_ordinary():
    recording, _, _ = recorded(lambda x: x, values(0, 4, 4))
    x = recording.empty((3,), np.float32)
    x[...] = 2
    assert bool((x == 2).all())
    assert float(x[0]) == 2
    assert type(x.astype(np.float64)) is np.ndarray
    assert recording.operations == []


@pytest.mark.parametrize("name", ["matmul", "batchnorm_forward", "conv2d_weight_grad", "leaky_relu_grad_sum"])
def test_a_kernel_reports_itself(name):
    """Every call of a kernel that runs compiled code leaves an operation with a row."""
    from scratchgan.kernels.compiled.recording import Recording
    from scratchgan.kernels.examples import examples

    for kernel, arguments, keywords in examples(np.float32):
        if kernel == name:
            with Recording() as recording:
                KERNELS[name](*arguments, **keywords)
            large = max(np.size(a) for a in arguments) >= 2048  # smaller ones are left to NumPy
            assert not large or any(operation.row is not None for operation in recording.operations)
