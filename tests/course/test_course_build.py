"""notebooks/build.py: one source, the student's notebook, the solved one, nbgrader's."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "notebooks" / "build.py"
if not BUILD.is_file():
    pytest.skip("no notebooks here", allow_module_level=True)
pytest.importorskip("jupytext")

spec = importlib.util.spec_from_file_location("course_build", BUILD)
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

SOURCE = '''# %% [markdown]
# Look at [two](02_the_loss_derived.ipynb) and ![this](../benchmarks/results/mlp-ring.png), or https://[x](https://a.b).

# %%
def twice(x):
    """Twice."""
    # BEGIN SOLUTION
    y = 2 * x
    return y
    # END SOLUTION


print(check("01.optimal_d", twice))
check("01.js", twice)
'''


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "01_x.py"
    path.write_text(SOURCE)
    return path


def test_the_students_and_the_solved_version(source):
    student, solved = build.cells(source, False), build.cells(source, True)
    assert student.cells[1].source == (
        'def twice(x):\n    """Twice."""\n    ...  # your code\n\n\n'
        'print(check("01.optimal_d", twice))\ncheck("01.js", twice)'
    )
    assert "    y = 2 * x\n    return y\n" in solved.cells[1].source
    assert "SOLUTION" not in solved.cells[1].source
    assert student.cells[0].id == solved.cells[0].id


def test_links_of_the_solved_version_lead_a_folder_deeper(source):
    student, solved = (build.cells(source, version).cells[0].source for version in (False, True))
    assert "](../benchmarks/results/mlp-ring.png)" in student
    assert "](../../benchmarks/results/mlp-ring.png)" in solved
    for text in (student, solved):
        assert "[two](02_the_loss_derived.ipynb)" in text
        assert "[x](https://a.b)" in text


def test_nbgraders_version_has_a_graded_cell_for_each_exercise(source):
    cells = build.for_nbgrader(source).cells
    solution, first, second = cells[1:]
    assert "### BEGIN SOLUTION" in solution.source
    assert "check(" not in solution.source
    assert solution.metadata["nbgrader"]["solution"]
    assert first.source == "verdict = check('01.optimal_d', twice)\nprint(verdict)\nassert verdict.ok"
    assert second.metadata["nbgrader"] == {
        "schema_version": 3,
        "grade_id": "01-js",
        "grade": True,
        "solution": False,
        "task": False,
        "locked": True,
        "points": 1,
    }


def test_otters_version_has_a_test_for_each_exercise(source):
    cells = build.for_otter(source).cells
    raw = [cell.source for cell in cells if cell.cell_type == "raw"]
    assert raw[1] == "# BEGIN QUESTION\nname: q01_optimal_d\npoints:\n  each: 1"
    assert raw[2:] == ["# BEGIN SOLUTION", "# END SOLUTION", "# BEGIN TESTS", "# END TESTS", "# END QUESTION"]
    solution, first, second = (cell.source for cell in cells[-8:] if cell.cell_type == "code")
    assert "# BEGIN SOLUTION" in solution
    assert "check(" not in solution
    assert first == "verdict = check('01.optimal_d', twice)\nassert verdict.ok, str(verdict)"
    assert "01.js" in second


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("# BEGIN SOLUTION", "BEGIN SOLUTION without # END SOLUTION"),
        ("# END SOLUTION", "END SOLUTION without # BEGIN SOLUTION"),
        ("# BEGIN SOLUTION\n# BEGIN SOLUTION", "within a solution"),
    ],
)
def test_marks_that_do_not_pair_up(code, says):
    with pytest.raises(ValueError, match=f"01_x.py, cell 3: .*{says}"):
        build.version(code, True, "01_x.py, cell 3")


def test_every_chapter_makes_an_assignment(tmp_path):
    made = subprocess.run([sys.executable, BUILD, "--nbgrader", tmp_path], capture_output=True, text=True, check=True)
    sources = sorted((ROOT / "notebooks" / "source").glob("*.py"))
    assert len(made.stdout.splitlines()) == len(sources)
    from scratchgan.exercises import names

    for path in sources:
        graded = [
            cell.metadata["nbgrader"]["grade_id"]
            for cell in build.for_nbgrader(path).cells
            if cell.metadata.get("nbgrader", {}).get("grade")
        ]
        assert sorted(graded) == sorted(
            name.replace(".", "-") for name in names() if name.split(".")[0] == path.stem.split("_")[0]
        )


def test_the_command_names_a_chapter_that_is_not_there():
    done = subprocess.run([sys.executable, BUILD, "77"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no such chapter: 77" in done.stderr
