"""The compiled engines: equal to their twins, the same bits on any number of threads, and good neighbours."""

import hashlib
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

numba = pytest.importorskip("numba")

import scratchgan  # noqa: E402
from scratchgan import kernels  # noqa: E402
from scratchgan.kernels.compiled import pool  # noqa: E402
from scratchgan.kernels.examples import examples  # noqa: E402
from scratchgan.layers import BatchNorm, Conv2D, Dense, LeakyReLU, ReLU, Tanh, fused  # noqa: E402
from scratchgan.models import dcgan, mlp_gan  # noqa: E402

TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}
MOST = min(2, numba.config.NUMBA_NUM_THREADS)


@pytest.fixture(autouse=True)
def _numba_then_as_before():
    backend, n = kernels.get_backend(), pool.get_num_threads()
    scratchgan.set_backend("numba")
    yield
    scratchgan.set_backend(backend)
    pool.set_num_threads(n)


def copies(arguments):
    return [a.copy() if isinstance(a, np.ndarray) else [b.copy() for b in a] for a in arguments]


def results(made, arguments):
    """What a kernel returned, and what it wrote in place."""
    made = list(made) if isinstance(made, tuple) else [made]
    arguments = [a for given in arguments for a in (given if isinstance(given, list) else [given])]
    return [a for a in [*made, *arguments] if isinstance(a, (np.ndarray, np.generic))]


def close(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    if a.dtype in TOLERANCE and a.size:
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE[a.dtype] * np.nanmax(np.abs(b), initial=0) + 1e-30)
    else:
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_engine_is_its_twin_on_one_and_two_threads(dtype):
    seen = set()
    for name, arguments, keywords in examples(dtype):
        k = kernels.KERNELS[name]
        first = copies(arguments)
        expected = results(k.twin(*first, **keywords), first)
        bits = []
        for n in (1, MOST):
            pool.set_num_threads(n)
            given = copies(arguments)
            made = results(k(*given, **keywords), given)
            for a, b in zip(made, expected, strict=True):
                close(a, b)
            bits.append([np.asarray(a).tobytes() for a in made])
        assert bits[0] == bits[1], name
        seen.add(name)
    assert seen == set(kernels.KERNELS), "every kernel has an example, and every example is a kernel"
    assert all("numba" in k.engines for k in kernels.KERNELS.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "g",
    [
        (1, 9, 8, 3, 40, 4, 4, 2, 2, 1, 1),
        (3, 5, 4, 20, 17, 3, 2, 3, 2, 2, 1),
        (2, 7, 7, 16, 16, 1, 1, 1, 1, 0, 0),
        (2, 9, 9, 33, 3, 2, 2, 5, 5, 0, 0),
        (1, 1, 1, 18, 70, 1, 1, 1, 1, 0, 0),
        (5, 6, 5, 1, 1, 3, 3, 1, 1, 1, 1),
        (2, 3, 3, 64, 65, 3, 3, 2, 2, 2, 2),
    ],
    ids=str,
)
def test_convolutions_of_odd_geometry(g, dtype, rng):
    N, H, W, Ci, Co, kh, kw, sh, sw, ph, pw = g
    new = lambda *shape: rng.standard_normal(shape).astype(dtype)
    x, weight, how = new(N, H, W, Ci), new(kh, kw, Ci, Co), {"stride": (sh, sw), "padding": (ph, pw)}
    y = kernels.conv2d.twin(x, weight, **how)
    dy = new(*y.shape)
    close(kernels.conv2d(x, weight, **how), y)
    close(
        kernels.conv2d_input_grad(dy, weight, x_shape=x.shape, **how),
        kernels.conv2d_input_grad.twin(dy, weight, x_shape=x.shape, **how),
    )
    close(
        kernels.conv2d_weight_grad(x, dy, kernel_size=(kh, kw), **how),
        kernels.conv2d_weight_grad.twin(x, dy, kernel_size=(kh, kw), **how),
    )
    # views that are not contiguous, and an empty batch
    close(kernels.conv2d(np.asfortranarray(x), weight, **how), y)
    assert kernels.conv2d(x[:0], weight, **how).shape == (0, *y.shape[1:])


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 3, 5), (65, 513, 129), (6, 1200, 16), (301, 2, 17), (130, 70, 1)])
def test_products_of_odd_sizes(shape, rng):
    M, K, N = shape
    for ta in (False, True):
        for tb in (False, True):
            a, b = rng.standard_normal((K, M) if ta else (M, K)), rng.standard_normal((N, K) if tb else (K, N))
            how = {"transpose_a": ta, "transpose_b": tb, "bias": rng.standard_normal(N), "slope": 0.3}
            close(kernels.matmul(a, b, **how), kernels.matmul.twin(a, b, **how))
            close(kernels.matmul(a.T.copy().T, b, **how), kernels.matmul.twin(a, b, **how))


def test_shapes_that_do_not_fit_are_refused_and_never_read_past_the_end(rng):
    """Compiled code does not look where an array ends: what does not fit must not get there."""
    new = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    x, W, dy, how = new(4, 12, 12, 20), new(4, 4, 20, 24), new(4, 6, 6, 24), {"stride": (2, 2), "padding": (1, 1)}
    big, small = new(300, 24), new(200, 24)
    wrong = [
        lambda: kernels.matmul(new(70, 40), new(41, 66)),
        lambda: kernels.matmul(new(70, 40), new(40, 66), bias=new(65)),
        lambda: kernels.conv2d(x, new(4, 4, 19, 24), **how),
        lambda: kernels.conv2d(x, W, **how, bias=new(23)),
        lambda: kernels.conv2d_input_grad(new(4, 5, 6, 24), W, x_shape=x.shape, **how),
        lambda: kernels.conv2d_input_grad(dy, W, x_shape=(4, 12, 12, 21), **how),
        lambda: kernels.conv2d_weight_grad(x, new(3, 6, 6, 24), kernel_size=(4, 4), **how),
        lambda: kernels.channel_dot(big, small),
        lambda: kernels.leaky_relu_grad(big, small, slope=0.2),
        lambda: kernels.batchnorm_forward(big, new(23), new(24), eps=1e-5),
        lambda: kernels.batchnorm_backward(big, big, small, new(24), new(24)),
        lambda: kernels.adam_update(big, small, big, big, lr=1e-3, beta1=0.5, beta2=0.9, eps=1e-8, step=1),
        lambda: kernels.sgd_update(big, small, big, lr=1e-3, momentum=0.9, nesterov=False),
        lambda: kernels.ema_update(big, small, decay=0.9),
    ]
    for call in wrong:
        with pytest.raises(ValueError):
            call()
    bias = rng.standard_normal(66)  # of another dtype: NumPy's rules, not its bytes read as floats
    close(kernels.matmul(new(70, 40), new(40, 66) * 0, bias=bias)[0], bias.astype(np.float32))


def test_not_a_number_is_honest(rng):
    """NaN and infinity come out where they must, whatever the compiler may reorder."""
    x, W = rng.standard_normal((70, 40)).astype(np.float32), rng.standard_normal((40, 70)).astype(np.float32)
    x[3, 5], x[9, 0] = np.nan, np.inf
    y = kernels.matmul(x, W)
    assert np.isnan(y[3]).all()
    assert not np.isfinite(y[9]).any()
    assert np.isfinite(np.delete(y, [3, 9], axis=0)).all()
    assert np.isnan(kernels.leaky_relu(np.full((60, 60), np.nan, np.float32), slope=0.2)).all()
    x = rng.standard_normal((300, 24)).astype(np.float32)
    x[7, 4] = np.nan
    y = kernels.batchnorm_forward(x, np.ones(24, np.float32), np.zeros(24, np.float32), eps=1e-5)[0]
    assert np.isnan(y[:, 4]).all()
    assert np.isfinite(np.delete(y, 4, axis=1)).all()


def digest(gan) -> str:
    sha = hashlib.sha256()
    for net in (gan.G, gan.D):
        for _, a in net.parameters() + net.buffers():
            sha.update(a.tobytes())
    return sha.hexdigest()


def trained(make, real, steps=3):
    gan = make()
    for _ in range(steps):
        gan.train_step(real)
    return digest(gan)


GANS = [
    (lambda: dcgan(image_size=16, channels=1, latent_dim=20, width=20, seed=0), (20, 16, 16, 1)),
    (lambda: mlp_gan(data_dim=2, latent_dim=2, hidden=(128, 128), seed=0), (256, 2)),
]


@pytest.mark.parametrize(("make", "shape"), GANS, ids=["dcgan", "mlp"])
def test_training_gives_the_same_bits_on_one_and_two_threads(make, shape, rng):
    real = rng.standard_normal(shape).astype(np.float32)
    bits = []
    for n in (1, MOST):
        scratchgan.set_num_threads(n)
        assert scratchgan.get_num_threads() == n
        bits.append(trained(make, real))
    assert bits[0] == bits[1]


def test_two_python_threads_train_side_by_side(rng):
    real = rng.standard_normal((256, 2)).astype(np.float32)
    make = GANS[1][0]
    alone, found = trained(make, real, 20), {}
    workers = [threading.Thread(target=lambda i=i: found.update({i: trained(make, real, 20)})) for i in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert found == {0: alone, 1: alone}


def test_fused_neighbours_have_the_gradients_of_single_ones(rng):
    for layers, shape in (
        ([Dense(40, 60, rng=rng), LeakyReLU(0.2)], (50, 40)),
        ([Conv2D(20, 24, kernel_size=3, bias=False, rng=rng), BatchNorm(24), ReLU()], (4, 9, 9, 20)),
        ([Conv2D(2, 24, kernel_size=3, rng=rng), LeakyReLU(0.1)], (6, 9, 9, 2)),
        ([BatchNorm(24), Tanh(), ReLU(), BatchNorm(24), LeakyReLU(0.3)], (40, 24)),
    ):
        net = scratchgan.Sequential(layers).astype(np.float64)
        x, tx = rng.standard_normal((2, *shape))
        found = []
        for single in (False, True):
            net.zero_grads()
            with fused.off(single):
                y, cache = net.forward(x, train=True)
            assert (len(cache.steps) == len(layers)) == single
            dx = net.backward(np.cos(y), cache)
            ty = net.tangent(tx, cache)
            tdx = net.tangent_backward(ty, cache)
            found.append([y, dx, ty, tdx, *(g.copy() for _, g in net.gradients())])
        for a, b in zip(*found, strict=True):
            close(a, b)


def test_a_subclass_with_a_derivative_of_its_own_is_not_fused(rng):
    class Mine(LeakyReLU):
        def dphi(self, x, y):
            return np.full_like(x, 3.0)

    net = scratchgan.Sequential([Dense(40, 60, rng=rng), Mine(0.2)])
    y, cache = net.forward(rng.standard_normal((50, 40)).astype(np.float32), train=True)
    assert [step for _, step in cache.steps] == net.layers
    net.backward(np.ones_like(y), cache)
    assert net.layers[0].grads["b"] == pytest.approx(np.full(60, 150.0), rel=1e-6)


def test_number_of_threads_is_checked():
    with pytest.raises(ValueError, match="set_num_threads: n must be an integer of at least 1, got 0"):
        scratchgan.set_num_threads(0)
    with pytest.raises(ValueError, match=r"this process has \d+ threads at most, got 4096"):
        scratchgan.set_num_threads(4096)
    scratchgan.set_backend("numpy")
    assert scratchgan.get_num_threads() == 1
    scratchgan.set_num_threads(1)
    with pytest.raises(RuntimeError, match="pip install numba"):
        scratchgan.set_num_threads(2)
    assert scratchgan.warmup() == 0


def test_only_one_launcher_at_a_time_where_the_layer_cannot_bear_two(monkeypatch):
    """With workqueue, Numba aborts the process when two threads are in parallel code: then `run` holds a lock."""
    pool._start()
    monkeypatch.setattr(numba, "threading_layer", lambda: "workqueue")
    monkeypatch.setattr(pool, "_lock", pool._lock)
    monkeypatch.setattr(pool, "_started", False)
    assert pool.run(lambda: hasattr(pool._lock, "release"))


def python(code, **environment):
    """Run code in a fresh process; returns (exit code, output)."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


SMALL_STEP = """
import warnings; warnings.simplefilter("always")
import numpy as np, scratchgan
from scratchgan import kernels
y = kernels.leaky_relu(-np.ones((60, 60), np.float32), slope=0.5)
print(scratchgan.get_backend(), y.min())
"""


def test_the_cache_of_machine_code(tmp_path):
    """A folder of one's own fills; switched off, nothing is written; an unwritable one costs a warning, no more."""
    code, output = python(SMALL_STEP, SCRATCHGAN_KERNEL_CACHE=str(tmp_path / "mine"))
    assert (code, output) == (0, "numba -0.5")
    (folder,) = (tmp_path / "mine").iterdir()
    assert folder.name.startswith("kernels-")
    assert list(folder.rglob("*.nbi"))
    code, output = python(SMALL_STEP, SCRATCHGAN_KERNEL_CACHE="off", XDG_CACHE_HOME=str(tmp_path / "none"))
    assert (code, output) == (0, "numba -0.5")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("no folder")
    code, output = python(SMALL_STEP, SCRATCHGAN_KERNEL_CACHE=str(tmp_path / "file"))
    assert code == 0
    assert output.startswith("numba -0.5")
    assert "compiled kernels cannot be kept in" in output
    assert "SCRATCHGAN_KERNEL_CACHE" in output


def test_without_numba_the_twins_run():
    hide = "import sys; sys.modules['numba'] = None\n"
    code, output = python(hide + SMALL_STEP, SCRATCHGAN_BACKEND="")
    assert (code, output) == (0, "numpy -0.5")
    code, output = python(hide + "import scratchgan; scratchgan.set_backend('numba')")
    assert code == 1
    assert "RuntimeError: the backend 'numba' needs Numba: pip install numba" in output


def test_numba_is_imported_when_a_kernel_is_called_and_not_before():
    code, output = python(
        "import sys, scratchgan\n"
        "from scratchgan.models import dcgan\n"
        "gan = dcgan(image_size=8, width=4)\n"
        "print('numba' in sys.modules)\n"
    )
    assert (code, output) == (0, "False")


def test_warmup_compiles_and_counts(capsys):
    assert scratchgan.warmup(progress=False) == len(list(examples()))
    assert capsys.readouterr().err == ""
