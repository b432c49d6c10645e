"""One notebook that tries everything, run once: what it cannot do, what is seen, and what still counts."""

import contextlib
import os
import sys
import time

import numpy as np
import pytest

from scratchgan.exercises.checking import find
from scratchgan.grading import Limits, grade_one, guard, wire
from scratchgan.grading.calls import library_calls
from scratchgan.grading.submission import HANDED

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
code = nbformat.v4.new_code_cell

MARK = "found a solution"
#: a way to the solutions, and what the teacher is told of it
WAYS = [
    (
        "import importlib\nfor e in importlib.import_module('scratchgan.exercises.ch11').EXERCISES: print(e.solution)",
        "imports",
    ),
    ("import sys\nprint(sys.modules['scratchgan.exercises.ch' + '11'])", ""),
    (
        "import sys\nsys.meta_path[:] = sys.meta_path[1:]\nname = 'scratchgan.exercises.' + 'ch11'\n__import__(name)",
        "opens",
    ),
    (
        "import scratchgan.exercises, pathlib\n"
        "text = (pathlib.Path(scratchgan.exercises.__file__).parent / ('ch' + '11.py')).read_text()",
        "accesses scratchgan.exercises",
    ),
    (
        "import os, scratchgan.exercises\n"
        "os.symlink(scratchgan.exercises.__file__.replace('__init__', 'ch' + '11'), 'x.txt')\nopen('x.txt').read()",
        "exercises/ch11.py",
    ),
    ("from scratchgan.exercises import checking\nchecking.find('11.knn_radii').solution", "asks for the exercise"),
    ("open('../solutions/' + '11_x.ipynb')", "opens solutions/11_x.ipynb"),
    ("open('friend.ipynb')", "opens the notebook"),
    ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])", "starts a program"),
    ("import scratchgan.exercises as e, builtins\nbuiltins.print(e.solved('11.mmd2'))", ""),
]
HONEST = """
import numpy as np
from scratchgan.exercises import check, names, solved

def frechet_1d(x, y):
    return (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2

verdict = check("11.frechet_1d", frechet_1d)
assert verdict.ok and "11.mmd2" in names() and verdict._repr_html_()
check("11.frechet_1d", lambda x, y: 0.0)
assert solved("11.frechet_1d") is frechet_1d
"""
CAPSTONE = """
forward = solved("03.dense_forward")
assert forward(np.ones((2, 3)), np.ones((3, 4)), np.ones(4)).shape == (2, 4)
difference = solved("03.central_difference")
assert abs(difference(lambda x: float((x**2).sum()), np.ones(2), 1e-3) - 2).max() < 1e-6
"""
LIBRARY = """
from scipy.spatial.distance import cdist

def helper(x):
    return cdist(x, x)

def knn_radii(x, k):
    return np.sort(helper(x), axis=1)[:, k]

check("11.knn_radii", knn_radii)
"""
PRINTS = "while True:\n    print('x' * 100_000)"
DETACHED = (
    "import subprocess, os\nif os.name != 'nt':\n    subprocess.Popen(['sleep', '27182'], start_new_session=True)"
)
BIG = "big = np.ones(4 * 10**9)"


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    folder = tmp_path_factory.mktemp("anna")
    cells = [HONEST, CAPSTONE, LIBRARY, PRINTS, DETACHED, BIG]
    cells += [f"{way}\nprint({MARK!r})" for way, _ in WAYS]
    notebook = nbformat.v4.new_notebook(cells=[code(cell) for cell in cells])
    nbformat.write(notebook, folder / "11_evaluation.ipynb")
    (folder / "friend.ipynb").write_text("{}")
    return grade_one(folder / "11_evaluation.ipynb", limits=Limits(memory=4e9))


def test_the_honest_part_counts(row):
    assert row.exercises["11.frechet_1d"] == "solved", row
    assert not any("cell 1 " in note or "cell 2 " in note for note in row.notes), row.notes
    assert not any(line.startswith(("cell 1 ", "cell 2 ")) for line in row.look), row.look
    assert row.exercises["11.mmd2"] == "no such function"


@pytest.mark.parametrize(("number", "says"), [(n, says) for n, (_, says) in enumerate(WAYS, 7)])
def test_no_way_leads_to_the_solutions(row, number, says):
    if says:
        assert any(f"cell {number} " in line and says in line for line in row.look), row.look
    if says not in ("starts a program", "opens the notebook"):
        assert any(line.startswith(f"cell {number} raised") for line in row.notes), row.notes


def test_a_library_function_for_the_asked_one_is_seen(row):
    assert row.exercises["11.knn_radii"] == "solved"
    assert any(line.startswith("11.knn_radii uses scipy.spatial.distance.cdist") for line in row.look), row.look


def test_endless_printing_is_stopped_and_said(row):
    assert any("cell 4 was stopped: it printed more than 500 million" in note for note in row.notes), row.notes


@pytest.mark.skipif(os.name == "nt", reason="the limit is set by `resource`")
def test_memory_is_limited(row):
    assert any("cell 6 raised" in note and "MemoryError" in note for note in row.notes), row.notes


def test_no_process_is_left(row):
    psutil = pytest.importorskip("psutil")
    time.sleep(0.2)
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it ends meanwhile
            if process.name() == "sleep" and process.cmdline()[1:] == ["27182"]:
                left.append(process)
    assert left == []
    if os.name != "nt":
        assert any("it had started 1 other processes" in note for note in row.notes), row.notes


# -- parts ------------------------------------------------------------------------------------------------------------


def test_references_of_other_chapters_are_there_and_those_of_this_one_are_not():
    from scratchgan.grading.inside import _references

    loaded = {name: sys.modules.pop(name) for name in list(sys.modules) if guard.MODULE.match(name)}
    try:
        found = _references(["03.dense_forward", "04.labels", "04.adam_step"], "04")
        assert set(found) == {"03.dense_forward"}
        x, W, b = np.ones((2, 3)), np.ones((3, 4)), np.zeros(4)
        np.testing.assert_array_equal(found["03.dense_forward"](x, W, b), x @ W)
        assert not any(guard.MODULE.match(name) for name in sys.modules)
    finally:
        sys.modules.update(loaded)


def test_what_a_chapter_imports_is_handed_to_it_and_not_shown():
    import importlib

    from scratchgan.grading.inside import _secret

    for chapter, wanted in HANDED.items():
        module = importlib.import_module(f"scratchgan.exercises.ch{chapter}")
        for name in wanted:
            there = wire.unpack_input(wire.pack_input(getattr(module, name)))
            assert there == getattr(module, name)
            assert _secret(there) == there
            assert not any(str(value) in f"{_secret(there)}" for value in there.values() if isinstance(value, str))


def test_calls_of_libraries_are_found():
    import scipy.linalg

    from scratchgan.metrics import frechet_distance

    def inner(a):
        return scipy.linalg.sqrtm(a)

    def outer(a):
        return [inner(b) for b in a]

    def imports(a):
        from scipy.stats import norm

        return norm.cdf(a)

    class Object:
        def __call__(self, a):
            return frechet_distance(a, a)

    assert library_calls(frechet_distance) == {f"{frechet_distance.__module__}.frechet_distance"}
    assert {name.split(".")[-1] for name in library_calls(outer)} == {"sqrtm"}
    assert library_calls(imports) == {"a function of scipy.stats"}
    assert len(library_calls(Object())) == 1
    assert library_calls(lambda x: x) == library_calls(max) == library_calls(3) == set()


@pytest.mark.parametrize("name", ["03.central_difference", "13.patient_d", "13.who_moved"])
def test_a_function_or_an_object_is_sent_as_how_it_is_made(name):
    exercise = find(name)
    for seed in (-1, 3):
        if seed < 0 and not exercise.edges():
            continue
        text = wire.pack_input(exercise.arguments(seed))
        assert "made" in text
        assert exercise.solution(**wire.unpack_input(text)) == pytest.approx(
            exercise.solution(**exercise.arguments(seed))
        )
    assert wire.pack_input(print) == '{"other": "builtin_function_or_method"}'


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("/x/scratchgan/exercises/ch03.py", True),
        ("/x/scratchgan/exercises/__pycache__/ch05b.cpython-311.pyc", True),
        ("C:\\x\\scratchgan\\exercises\\ch03.py", True),
        ("/x/notebooks/solutions/03_a.ipynb", True),
        ("/x/notebooks/source/05b_a.py", True),
        ("/x/scratchgan/exercises/bugs.py", False),
        ("/x/scratchgan/layers/dense.py", False),
        ("/x/mine/source/a.py", False),
    ],
)
def test_which_files_are_solutions(path, hidden):
    assert bool(guard.SOLUTION.search(path)) == hidden
