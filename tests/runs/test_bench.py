"""`scratchgan bench`: that it counts and reports what it should.  No test looks at how long anything took."""

import time

import numpy as np
import pytest

from scratchgan import Sequential, cli, kernels
from scratchgan.layers import Conv2D, Dense, Flatten, LeakyReLU
from scratchgan.models import dcgan, mlp_gan
from scratchgan.penalties import WganGp, penalty_backward
from scratchgan.runs import bench

TINY = {"rounds": 2, "batch": 4, "width": 2, "seconds": 0.0}


@pytest.fixture(scope="module")
def report():
    lines = []
    return bench.run(**TINY, print=lambda line="", **_: lines.append(line)), lines


def test_a_line_for_each_work(report):
    rows, lines = report
    head, columns, *table, last = lines
    assert head.startswith(f"scratchgan {bench.scratchgan.__version__}, {kernels.get_backend()} kernels, threads: ")
    assert columns.split() == ["median", "of", "ms", "GFLOP/s", "of", "the", "best"]
    assert len(table) == len(rows) == 2 + 6 + 3
    for row, line in zip(rows, table, strict=True):
        assert line.startswith(row.name)
        assert 0 < row.low <= row.seconds <= row.high
        assert row.rate == row.flops / row.seconds
    assert (
        sum(line.endswith(" 100%") for row, line in zip(rows, table, strict=True) if row.name.startswith("product"))
        >= 1
    )
    assert last.startswith("\n11 items, best rate ")


def test_names_tell_the_sizes(report):
    names = [row.name for row in report[0]]
    assert names[:3] == [
        "DCGAN-28, a training step of 4",
        "MLP GAN in 2-D, a training step of 16",
        "product A B (196, 32, 4)",
    ]
    assert names[-1] == "convolution, weight gradient (4, 14, 14, 2)"
    assert len(set(names)) == len(names)


def test_threads_are_set(monkeypatch):
    asked = []
    monkeypatch.setattr(bench.scratchgan, "set_num_threads", asked.append, raising=False)
    bench.run(1, **TINY, print=lambda *_, **__: None)
    assert asked == [1]
    bench.run(None, **TINY, print=lambda *_, **__: None)
    assert asked == [1]


def test_command_line(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(bench, "run", asked.append)
    assert cli.main(["bench"]) == cli.main(["bench", "--threads", "2"]) == 0
    assert asked == [None, 2]
    assert cli.main(["bench", "--threads", "many"]) == 2
    assert "--threads: invalid int value: 'many'" in capsys.readouterr().err


def test_flops_of_the_reference_work():
    """Counted by hand for width 64: G 80.3 + 822.1 + 25.7 and D 25.7 + 822.1 + 0.8 million a forward pass of 64."""
    gan = dcgan(28, 1, 100, 64)
    g, d = bench.layer_flops(gan.G, (100,), 64), bench.layer_flops(gan.D, (28, 28, 1), 64)
    assert g == [2 * 64 * 100 * 6272, 2 * 64 * 49 * 16 * 64 * 128, 2 * 64 * 196 * 16 * 64]
    assert d == [2 * 64 * 196 * 16 * 64, 2 * 64 * 49 * 16 * 64 * 128, 2 * 64 * 6272]
    assert bench.step_flops(gan, 64) == 4 * sum(g) - g[0] + 8 * sum(d) - 2 * d[0]
    assert bench.step_flops(gan, 64) == pytest.approx(10.4e9, rel=0.01)
    assert bench.critic_flops(gan.D, (28, 28, 1), 64) == pytest.approx(8.43e9, rel=0.01)
    assert bench.step_flops(mlp_gan(2, 2, (128, 128)), 256) == pytest.approx(0.103e9, rel=0.01)


@pytest.fixture
def asked(monkeypatch):
    """A list that gets the operations of every product and convolution that the kernels are asked for."""
    operations, call = [], kernels.Kernel.__call__

    def counted(self, a, b, *args, **options):
        result = call(self, a, b, *args, **options)
        if self.name == "matmul":
            operations.append(2 * result.size * a.shape[0 if options.get("transpose_a") else 1])
        elif self.name.startswith("conv2d"):
            dy, W = {"conv2d": (result, b), "conv2d_input_grad": (a, b), "conv2d_weight_grad": (b, result)}[self.name]
            operations.append(2 * dy[..., 0].size * W.size)
        return result

    def counting(self, *args, **options):
        return counted(self, *args, **options) if len(args) > 1 else call(self, *args, **options)

    monkeypatch.setattr(kernels.Kernel, "__call__", counting)
    return operations


@pytest.mark.parametrize(
    ("gan", "N"), [(dcgan(28, 1, 5, 2), 3), (dcgan(16, 3, 5, 4, dense=7), 2), (mlp_gan(2, 3, (4, 5)), 6)]
)
def test_a_step_asks_for_what_is_counted(gan, N, asked, rng):
    gan.train_step(rng.uniform(-1, 1, (N, *gan.data_shape)).astype(np.float32))
    assert sum(asked) == bench.step_flops(gan, N)


def test_a_critic_step_asks_for_what_is_counted(asked, rng):
    critic = Sequential(
        [Conv2D(1, 2, kernel_size=4, stride=2, padding=1, rng=rng), LeakyReLU(0.2), Flatten(), Dense(32, 1, rng=rng)],
        input_shape=(8, 8, 1),
    )
    x = rng.standard_normal((3, 8, 8, 1)).astype(np.float32)
    for _ in range(2):
        y, cache = critic.forward(x, train=True)
        critic.backward(y, cache, input_grad=False)
    penalty_backward(critic, x, WganGp(10.0), input_grad=False)
    assert sum(asked) == bench.critic_flops(critic, (8, 8, 1), 3)


def test_product_arrays_fit_their_names():
    for product in bench.products(3, 2):
        c = kernels.matmul(product.a, product.b, **product.options)
        assert c.shape == (product.M, product.N)
        assert product.a.size == product.M * product.K
        assert product.flops == 2 * product.M * product.K * product.N
    x, W, dy = bench.convolution_arrays(3, 2)
    assert kernels.conv2d(x, W, **bench.GEOMETRY).shape == dy.shape
    assert {work.flops for work in bench.convolutions(3, 2)} == {2 * dy.size * W[..., 0].size}


def test_rounds_take_turns():
    order = []

    def side(name):
        def call(n):
            order.append((name, n))
            return [0.25] * n

        return call

    times = bench.interleaved({"a": side("a"), "b": side("b")}, 3, seconds=1.0, most=3)
    assert order == [("a", 1), ("b", 1)] + 3 * [("a", 3), ("b", 3)]
    np.testing.assert_array_equal(times["a"], [0.25] * 3)


def test_a_clock_does_not_time_its_first_call():
    calls = []
    taken = bench.clock(lambda: calls.append(time.perf_counter()))(3)
    assert len(taken) == 3
    assert len(calls) == 4


def test_a_ratio_is_taken_round_by_round():
    theirs, ours = np.array([2.0, 30.0, 4.0, 5.0, 6.0]), np.array([1.0, 10.0, 2.0, 5.0, 2.0])
    assert bench.ratio(theirs, ours) == (2.0, 2.0, 3.0)


def test_machine_facts():
    facts = bench.machine("no-such-package")
    assert facts["no-such-package"] is None
    assert facts["numpy"] == np.__version__
    assert facts["cores"] >= 1
    assert facts["cpu"]
    assert bench.best_rate(2, batch=2, width=2) > 0
