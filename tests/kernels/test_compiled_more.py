"""Resampling, batched products, power iteration and means of samples: compiled engines against their twins."""

import contextlib
import itertools

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from scratchgan import kernels  # noqa: E402
from scratchgan.kernels.compiled import batched, group_means, pool, resampling, spectral  # noqa: E402
from scratchgan.layers import GroupNorm, InstanceNorm, LayerNorm, PixelNorm  # noqa: E402

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
IMAGES = [
    (3, 11, 6, 1, 2),
    (2, 10, 9, 33, 2),
    (1, 7, 10, 3, 3),
    (5, 4, 4, 2, 1),
    (2, 5, 9, 6, 4),
    (1, 2, 2, 1, 2),
    (70, 12, 12, 16, 2),
]
images = pytest.mark.parametrize("shape", IMAGES, ids=str)


@pytest.fixture(autouse=True)
def _no_size_is_too_small(monkeypatch):
    for module in (batched, group_means, resampling, spectral):
        monkeypatch.setattr(module, "SMALL", 1)
        if hasattr(module, "GRAIN"):
            monkeypatch.setattr(module, "GRAIN", 64)  # several tasks, however small the arrays


@contextlib.contextmanager
def threads(n):
    before = pool.get_num_threads()
    pool.set_num_threads(n)
    try:
        yield
    finally:
        pool.set_num_threads(before)


def flat(result):
    return list(result) if isinstance(result, tuple) else [result]


def compare(name, *args, **kwargs):
    """The engine equals the twin, and itself on one thread, bit for bit; returns the engine's result."""
    k = kernels.KERNELS[name]
    expected, made = k.twin(*args, **kwargs), k.engines["numba"](*args, **kwargs)
    for a, b in zip(flat(made), flat(expected), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        finite = np.isfinite(b)
        np.testing.assert_array_equal(np.isfinite(a), finite)
        largest = np.abs(b[finite]).max(initial=0)
        np.testing.assert_allclose(a, b, rtol=0, atol=largest * (1e-12 if b.dtype == np.float64 else 1e-5))
    for n in {1, min(2, numba.config.NUMBA_NUM_THREADS)}:
        with threads(n):
            again = k.engines["numba"](*args, **kwargs)
        for a, b in zip(flat(made), flat(again), strict=True):
            assert a.tobytes() == b.tobytes()
    return made


def resample_all(x, size, change=lambda a: a):
    """All nine kernels on one image; `change` is done to each argument that is an array."""
    N, H, W, C = x.shape
    rng = np.random.default_rng(1)
    h, w = H // size, W // size
    dy, X = change(rng.standard_normal((N, h, w, C)).astype(x.dtype)), change(x)
    compare("average_pool", X, size=size)
    compare("average_pool_adjoint", dy, size=size, x_shape=x.shape)
    at = compare("max_pool_argmax", X, size=size)
    compare("max_pool_take", X, change(at), size=size)
    compare("max_pool_adjoint", dy, change(at), size=size, x_shape=x.shape)
    whole = change(x[:, : h * size, : w * size])
    for up in ("upsample_nearest", "upsample_bilinear"):
        compare(up, dy, size=size)
        compare(up + "_adjoint", whole, size=size)


@DTYPES
@images
def test_resampling(shape, dtype, rng):
    *shape, size = shape
    resample_all(rng.standard_normal(shape).astype(dtype), size)


@DTYPES
def test_resampling_of_what_is_not_contiguous(dtype, rng):
    x = rng.standard_normal((2, 9, 8, 5)).astype(dtype)
    resample_all(x, 2, np.asfortranarray)
    resample_all(x[:, ::-1, ::2], 2)
    resample_all(np.broadcast_to(x[:1, :, :, :1], (2, 9, 8, 5)), 2)


@DTYPES
def test_resampling_keeps_nan_and_infinity(dtype, rng):
    """Wherever they stand: the first NaN of a block is its maximum, and a share of zero of a NaN is NaN."""
    for size in (2, 3):
        x = rng.standard_normal((2, 7, 9, 3)).astype(dtype)
        x[rng.random(x.shape) < 0.1] = np.nan
        resample_all(x, size)
        dy = x[:, :3, :3]
        at = kernels.max_pool_argmax(x[:, : 3 * 2, : 3 * 2], size=2)
        compare("max_pool_adjoint", dy, at, size=2, x_shape=x.shape)
        compare("average_pool_adjoint", dy, size=2, x_shape=x.shape)
        compare("upsample_nearest", dy, size=size)
        compare("upsample_bilinear", dy, size=size)
    x = np.array([1, np.nan, np.nan, 2, np.inf, -np.inf, -np.inf, np.inf], dtype).reshape(2, 2, 2, 1)
    assert compare("max_pool_argmax", x, size=2).ravel().tolist() == [1, 0]
    assert compare("max_pool_argmax", np.full((1, 2, 2, 3), -np.inf, dtype), size=2).ravel().tolist() == [0] * 3


def test_resampling_of_ties(rng):
    x = rng.integers(0, 2, (3, 8, 8, 5)).astype(np.float32)
    compare("max_pool_argmax", x, size=2)
    compare("max_pool_argmax", x, size=4)


@DTYPES
def test_nothing_to_resample(dtype):
    for shape in [(0, 4, 4, 3), (2, 4, 4, 0), (2, 1, 1, 3)]:
        if shape[1] > 1:
            resample_all(np.zeros(shape, dtype), 2)
        else:
            compare("average_pool_adjoint", np.zeros((2, 0, 0, 3), dtype), size=2, x_shape=shape)


def test_resampling_leaves_wrong_arguments_to_the_twin():
    engines = {name: k.engines["numba"] for name, k in kernels.KERNELS.items() if "numba" in k.engines}
    dy = np.ones((1, 2, 2, 3))
    for adjoint in (engines["average_pool_adjoint"], lambda *a, **k: engines["max_pool_adjoint"](a[0], *a, **k)):
        with pytest.raises(ValueError):
            adjoint(dy, size=2, x_shape=(1, 3, 4, 3))  # would write beyond the end
    for name in ("upsample_nearest_adjoint", "upsample_bilinear_adjoint"):
        with pytest.raises(ValueError):
            engines[name](np.ones((1, 3, 4, 1)), size=2)
    assert engines["average_pool"](np.ones((1, 2, 2, 1), np.float16), size=2).dtype == np.float16


@DTYPES
@pytest.mark.parametrize(
    "sizes",
    [
        (3, 7, 5, 9),
        (2, 1, 1, 1),
        (5, 1, 40, 3),
        (2, 70, 600, 37),
        (3, 16, 4, 64),
        (1, 9, 8, 7),
        (1, 9, 8, 1),
        (130, 2, 3, 33),
    ],
    ids=str,
)
def test_batch_matmul(sizes, dtype, rng):
    N, I, K, J = sizes
    a, b = rng.standard_normal((N, I, K)).astype(dtype), rng.standard_normal((N, K, J)).astype(dtype)
    for ta, tb in itertools.product((False, True), repeat=2):
        views = (a.swapaxes(1, 2) if ta else a, b.swapaxes(1, 2) if tb else b)
        how = {"transpose_a": ta, "transpose_b": tb}
        compare("batch_matmul", *views, **how)  # not contiguous
        compare("batch_matmul", *map(np.ascontiguousarray, views), **how)
    if K > 1 and N > 1:
        a[1, 0, 1] = np.nan
        compare("batch_matmul", a, b)


def test_batch_matmul_beside_the_rule(rng):
    for N, I, K, J in [(0, 2, 3, 4), (2, 0, 3, 4), (2, 3, 0, 4), (2, 3, 4, 0)]:
        compare("batch_matmul", np.ones((N, I, K)), np.ones((N, K, J)))
    compare("batch_matmul", np.ones((1, 3, 4)), np.ones((5, 4, 3)))  # NumPy's broadcasting
    compare("batch_matmul", np.ones((2, 3, 4)), np.ones((2, 4, 3), np.float32))
    for a, b in [((2, 3, 4), (2, 5, 6)), ((1, 3, 4), (1, 5, 6)), ((2, 3, 4), (3, 4, 6))]:
        with pytest.raises(ValueError):
            kernels.batch_matmul.engines["numba"](np.ones(a), np.ones(b))


@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (300, 1), (1, 33), (97, 130), (2000, 19)], ids=str)
@pytest.mark.parametrize("iterations", [1, 3])
def test_power_iteration(shape, iterations, dtype, rng):
    Wm = rng.standard_normal(shape).astype(dtype)
    u = rng.standard_normal(shape[0]).astype(dtype)
    before = u.copy()
    compare("power_iteration", Wm, u, iterations=iterations)
    compare("power_iteration", np.asfortranarray(Wm)[::-1], u[::-1], iterations=iterations)
    np.testing.assert_array_equal(u, before)
    Wm[0, 0] = np.nan
    compare("power_iteration", Wm, u, iterations=iterations)


@DTYPES
def test_power_iteration_without_a_direction(dtype):
    u, v, sigma = compare("power_iteration", np.zeros((70, 80), dtype), np.ones(70, dtype), iterations=2)
    assert sigma == 0
    assert not u.any()
    assert not v.any()


def test_power_iteration_finds_the_largest_singular_value(rng, monkeypatch):
    monkeypatch.setattr(spectral, "GRAIN", 1 << 14)  # one task: 1000 barriers would take long
    Wm = rng.standard_normal((90, 60))
    _, _, sigma = kernels.power_iteration.engines["numba"](Wm, np.ones(90), iterations=500)
    assert sigma == pytest.approx(np.linalg.norm(Wm, 2), rel=1e-9)


@DTYPES
@pytest.mark.parametrize(
    "shape",
    [(3, 7, 6, 3), (1, 1, 5, 5), (1, 300, 12, 4), (20, 33, 1, 1), (2, 1, 1, 1), (1, 1000, 1, 1), (150, 9, 8, 2)],
    ids=str,
)
def test_group_means(shape, dtype, rng):
    *shape, groups = shape
    a, b = rng.standard_normal((2, *shape)).astype(dtype) + 1
    compare("group_mean", a, groups=groups)
    compare("group_mean_dot", a, b, groups=groups)
    compare("group_mean", a[:, ::-1], groups=groups)
    compare("group_mean_dot", np.asfortranarray(a), b[:, ::-1], groups=groups)
    a[0, -1, 0] = np.nan
    compare("group_mean", a, groups=groups)
    compare("group_mean_dot", b, a, groups=groups)


@DTYPES
def test_group_means_of_nothing(dtype):
    compare("group_mean", np.ones((0, 4, 6), dtype), groups=2)
    compare("group_mean_dot", np.ones((0, 4, 6), dtype), np.ones((0, 4, 6), dtype), groups=2)


def test_group_means_are_what_the_layers_say(rng):
    """Written with NumPy's mean over the axes that each layer names."""
    x = rng.standard_normal((3, 4, 5, 6))
    over = lambda *axes: x.mean(axis=axes, keepdims=True)
    np.testing.assert_allclose(LayerNorm((4, 5, 6)).mean(x), over(1, 2, 3), rtol=1e-12)
    np.testing.assert_allclose(LayerNorm(6).mean(x), over(3), rtol=1e-12)
    np.testing.assert_allclose(PixelNorm().mean(x), over(3), rtol=1e-12)
    np.testing.assert_allclose(InstanceNorm(6).mean(x), over(1, 2), rtol=1e-12)
    halves = x.reshape(3, 4, 5, 2, 3).mean(axis=(1, 2, 4)).repeat(3, axis=1)[:, None, None]
    np.testing.assert_allclose(GroupNorm(2, 6).mean(x), halves, rtol=1e-12)
    for layer in (LayerNorm((5, 6)), PixelNorm(), InstanceNorm(6), GroupNorm(3, 6)):
        np.testing.assert_allclose(layer.mean_dot(x, x), layer.mean(x * x), rtol=1e-12)


def test_kernels_that_somebody_may_be_running_are_never_removed(tmp_path):
    """Of old versions the latest two stay; one of the last day stays in any case."""
    import os
    import time

    from scratchgan.kernels.compiled.compiling import _forget_old

    for age, name in enumerate(("now", "hours", "days2", "days3", "days4", "days5")):
        (tmp_path / f"kernels-{name}").mkdir()
        when = time.time() - (0, 0.5, 2, 3, 4, 5)[age] * 86400
        os.utime(tmp_path / f"kernels-{name}", (when, when))
    for name in ("other1", "other2"):
        (tmp_path / f"kernels-{name}").mkdir()
    _forget_old(tmp_path, tmp_path / "kernels-now")
    assert {p.name for p in tmp_path.iterdir()} == {"kernels-now", "kernels-hours", "kernels-other1", "kernels-other2"}
