"""A kernel has one machine code: its bits do not depend on what was compiled, or loaded from the cache, before it."""

import itertools
import json
import os
import subprocess
import sys

import pytest
from engines import numba  # noqa: F401 - skips without Numba

#: kernels whose roots are quickly compiled; `python -m benchmarks.one_code` does the same with all of them
KERNELS = ["adam_updates", "sgd_update", "leaky_relu_grad_sum", "matmul", "group_mean_dot"]

PROGRAM = """
import copy, hashlib, json, re, sys
import numba, numpy as np
from scratchgan.kernels import compiled
from scratchgan.kernels.compiled import compiling
from scratchgan.kernels.examples import examples
from scratchgan.kernels.registry import KERNELS, set_backend

set_backend("numba")
before, names, alone = json.loads(sys.argv[1])
compiled_alone = 0
if before == "inner functions":  # as functions of their own, with the types with which the tasks call them
    for function in compiling.INNER:
        for signature in alone.get(f"{function.py_func.__module__}.{function.__name__}", []):
            if not re.search("[a-zA-Z]\\(", signature):  # types that are written like numba.types writes them
                function.compile(eval(signature, vars(numba.types)))
                compiled_alone += 1
digests = {}
for name, arguments, keywords in examples(np.float32):
    if name in names:
        copies = copy.deepcopy(arguments)
        result = KERNELS[name](*copies, **keywords)
        sha = hashlib.sha256()
        for part in [*(result if isinstance(result, tuple) else [result]), *copies]:
            for a in part if isinstance(part, list) else [part]:
                if isinstance(a, np.ndarray):
                    sha.update(np.ascontiguousarray(a).tobytes())
        digests.setdefault(name, []).append(sha.hexdigest()[:16])
used = {
    f"{f.py_func.__module__}.{f.__name__}": [re.sub(r"Literal\\[int\\]\\(\\d+\\)", "int64", str(s)) for s in f.signatures] for f in compiling.INNER if f.signatures
}
print(json.dumps([digests, used, compiled_alone]))
"""


def digests(cache, before, names, alone):
    variables = {**os.environ, "SCRATCHGAN_KERNEL_CACHE": str(cache), "SCRATCHGAN_KERNELS_AHEAD": "0"}
    arguments = [sys.executable, "-c", PROGRAM, json.dumps([before, names, alone])]
    result = subprocess.run(arguments, env=variables, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_bits_do_not_depend_on_what_was_compiled_or_loaded_before(tmp_path):
    cold, used, _ = digests(tmp_path / "1", "nothing", KERNELS, {})
    assert set(cold) == set(KERNELS)
    assert used, "no inner function was compiled: the test would compare nothing"
    warm, _, _ = digests(tmp_path / "1", "nothing", KERNELS, {})
    assert warm == cold
    for cache, names in itertools.product(["2", "1"], [KERNELS[::-1]]):  # compiled, then loaded, in another order
        after_inner, _, compiled_alone = digests(tmp_path / cache, "inner functions", names, used)
        assert compiled_alone > 10
        assert after_inner == cold
    for name in KERNELS[:2]:
        alone, _, _ = digests(tmp_path / name, "nothing", [name], {})
        assert alone == {name: cold[name]}


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_run_has_the_same_bits_cold_and_warm(tmp_path, threads):
    variables = {**os.environ, "SCRATCHGAN_KERNEL_CACHE": str(tmp_path / "k"), "NUMBA_NUM_THREADS": threads}
    if int(threads) > (os.cpu_count() or 1):
        pytest.skip("one core")
    program = """
import hashlib, numpy as np
from scratchgan.models import mlp_gan
gan = mlp_gan(data_dim=2, latent_dim=2, hidden=(64, 64), ema_decay=0.9, seed=0)
real = np.random.default_rng(0).standard_normal((256, 2)).astype(np.float32)
for _ in range(3):
    gan.train_step(real)
sha = hashlib.sha256()
for name, a in gan.state().items():
    sha.update(np.asarray(a).tobytes())
print(sha.hexdigest())
"""
    found = [
        subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert found[0] == found[1]
