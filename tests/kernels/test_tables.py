"""Tables of arguments: names instead of positions, and one body for float32 and float64."""

import ast
import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from scratchgan.kernels import compiled  # noqa: E402
from scratchgan.kernels.compiled import elementwise, pool, tables  # noqa: E402

SOURCES = sorted(Path(compiled.__file__).parent.glob("*.py"))
SCALE = tables.slots("x y n slope")


@pool.float_task
def _scale(i, p, one):
    args, slope = tables.read(p, SCALE), tables.real(p, SCALE.slope, one)
    x, y = pool.array(args.x, args.n, one), pool.array(args.y, args.n, one)
    for k in range(args.n):
        y[k] = slope * x[k]


def call(task, p):
    """Run task 0 without the pool."""
    ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(task.address)(0, pool.address(p))


def test_names_are_positions():
    assert SCALE == (0, 1, 2, 3)
    assert (SCALE.x, SCALE.slope, len(SCALE)) == (0, 3, 4)
    assert SCALE.row(slope=9, n=8, y=7, x=6) == (6, 7, 8, 9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_task_reads_what_was_written(dtype, rng):
    x, y = rng.standard_normal(7).astype(dtype), np.empty(7, dtype)
    p = SCALE.table(x=x, y=y, n=7, slope=dtype(-0.2))
    entries = np.frombuffer(p, np.int64)
    assert entries[:3].tolist() == [x.ctypes.data, y.ctypes.data, 7]
    assert entries[3:].view(dtype)[0] == dtype(-0.2)
    call(_scale[x.itemsize], p)
    np.testing.assert_array_equal(y, dtype(-0.2) * x)


def test_every_name_must_be_given_and_no_other():
    for fill in (SCALE.table, SCALE.row):
        with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'slope'"):
            fill(x=1, y=2, n=3)
        with pytest.raises(TypeError, match="unexpected keyword argument 'm'"):
            fill(x=1, y=2, n=3, slope=4, m=5)
        with pytest.raises(TypeError, match="positional"):
            fill(1, 2, 3, 4)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_entry_is_read_by_its_position(path):
    """`integer(p, 17)` or `p[17]` says nothing to a reader, and goes wrong in silence when the table changes."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("integer", "real"):
            assert not isinstance(node.args[1], ast.Constant), f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in ("p", "q"):
            assert not isinstance(node.slice, ast.Constant), f"{path.name}:{node.lineno}"


def test_tables_that_compiled_code_fills_are_complete():
    """There no call checks the names: each function that makes a table must write every entry of it."""
    checked = []
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            written, made = set(), set()
            for node in ast.walk(function):
                text = ast.unparse(node)
                if isinstance(node, ast.Call) and text.startswith("scratch(8 * len("):
                    made.add(text.removeprefix("scratch(8 * len(").removesuffix("))"))
                if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                    written.add(ast.unparse(node.slice))
                if isinstance(node, ast.Call) and text.startswith("put("):
                    written |= {ast.unparse(a) for a in ast.walk(node.args[0]) if isinstance(a, ast.Attribute)}
            module = getattr(compiled, path.stem, None)
            for name in made & set(vars(module or object)):
                missing = {f"{name}.{field}" for field in getattr(module, name)._fields} - written
                assert not missing, f"{path.name}: {function.name}"
                checked.append(function.name)
    assert checked == ["_samples"]


ONE_DTYPE = """
import ctypes, sys
import numpy as np
from scratchgan.kernels.compiled import elementwise, pool, tile
x = np.array([-2, 3], sys.argv[1])
y = np.empty_like(x)
p = elementwise.LEAKY.table(x=x, y=y, n=2, tasks=1, slope=x.dtype.type(0.5))
ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(elementwise._leaky[x.itemsize].address)(0, pool.address(p))
tile.rows_tile(1, x.itemsize)
print("result", y.tolist())
"""


@pytest.mark.parametrize("order", [("float32", "float64"), ("float64", "float32")], ids=" ".join)
def test_the_machine_code_of_two_dtypes_is_kept_apart(order, tmp_path):
    """Each process uses one dtype: the first compiles, every later one loads, and none gets the other's code."""
    settings = {**os.environ, "SCRATCHGAN_KERNEL_CACHE": str(tmp_path), "NUMBA_DEBUG_CACHE": "1"}
    for again in (False, True):
        for dtype in order:
            done = subprocess.run(
                [sys.executable, "-c", ONE_DTYPE, dtype],
                env=settings,
                capture_output=True,
                text=True,
                timeout=240,
                check=True,
            )
            lines = done.stdout.splitlines()
            assert "result [-1.0, 3.0]" in lines
            saved, loaded = ({line for line in lines if f"data {verb}" in line} for verb in ("saved to", "loaded from"))
            other = "float64" if dtype == "float32" else "float32"
            assert not any(other in line for line in saved | loaded)
            for name in (f"elementwise._leaky_{dtype}-", f"tile.rows_narrow_{dtype}-"):
                assert any(name in line for line in (loaded if again else saved))
            assert not (again and saved)
    assert elementwise._leaky[4].address != elementwise._leaky[8].address


def test_the_table_of_adam_belongs_to_its_arrays():
    """Python gives the ids of arrays that are gone to new ones: the table of the old ones must not be used."""
    from scratchgan.kernels import adam_updates
    from scratchgan.kernels.compiled import updates

    rate = {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-8, "step": 1}
    old, new, expected = ([[np.full((40, 40), v, np.float32)] for v in (1, 2, 0, 0)] for _ in range(3))
    key = tuple(id(a) for (a,) in new)
    updates._tables[key] = updates.Prepared(*old)
    try:
        adam_updates(*new, **rate)
    finally:
        del updates._tables[key]
    adam_updates.twin(*expected, **rate)
    np.testing.assert_allclose(new[0][0], expected[0][0], rtol=1e-6)
    assert (old[0][0] == 1).all()
