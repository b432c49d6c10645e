"""`scratchgan grade`: what a notebook says of itself counts for nothing."""

import csv
import json
import sys

import numpy as np
import pytest

from scratchgan.cli import main
from scratchgan.exercises import names
from scratchgan.exercises.checking import find
from scratchgan.grading import grade, grade_one, kernel, table, wire
from scratchgan.grading.submission import read

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell

IMPORTS = "import numpy as np\nfrom scratchgan.exercises import check"
RIGHT_D = "def optimal_d(p, q):\n    return p / (p + q)\n\n\ncheck('01.optimal_d', optimal_d)"
WRONG_V = (
    "def value_of_game(d_real, d_fake):\n    return -np.mean(np.log(d_real)) - np.mean(np.log(1 - d_fake))\n\n\n"
    "check('01.value_of_game', value_of_game)"
)
STUB_JS = "def js(p, q):\n    ...  # your code\n\n\ncheck('01.js', js)"


def handed_in(path, *cells, outputs=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.v4.new_notebook(cells=[text("# 01"), *(code(cell) for cell in cells)])
    for number, says in outputs:
        notebook.cells[number].outputs = [nbformat.v4.new_output("stream", text=says)]
    nbformat.write(notebook, path)
    return path


def test_a_folder_is_graded(tmp_path, capsys):
    handed_in(tmp_path / "anna" / "01_the_game.ipynb", IMPORTS, RIGHT_D, WRONG_V, STUB_JS)
    handed_in(tmp_path / "ben" / "01_the_game.ipynb", IMPORTS, RIGHT_D, "while True:\n    pass", "1 / 0")
    handed_in(
        tmp_path / "eve" / "01_the_game.ipynb",
        "def check(name, answer):\n    print(f'{name}: solved')",
        "def js(p, q):\n    return 0.0\n\n\ncheck('01.js', js)",
        outputs=[(2, "01.js: solved\n")],
    )
    (tmp_path / "=SUM(A1).ipynb").write_text('{"cells": [')
    handed_in(tmp_path / ".ipynb_checkpoints" / "01_the_game.ipynb", IMPORTS)
    assert main(["grade", str(tmp_path), "--cell-timeout", "2"]) == 0
    out = capsys.readouterr().out
    assert "anna/01_the_game.ipynb  1 of 3" in out.replace("\\", "/")
    assert "cell 4 was stopped after 2 s" in out
    assert f"wrote {tmp_path / 'grades.csv'}" in out
    with open(tmp_path / "grades.csv", newline="") as file:
        rows = {row["file"].split("/")[0]: row for row in csv.DictReader(file)}
    assert set(rows) == {"'=SUM(A1).ipynb", "anna", "ben", "eve"}
    anna = rows["anna"]
    assert [anna[key] for key in ("chapter", "status", "solved", "of", "percent")] == ["01", "ran", "1", "3", "33"]
    assert (anna["01.optimal_d"], anna["01.value_of_game"], anna["01.js"]) == (
        "solved",
        "not right yet",
        "not solved yet",
    )
    assert "That is D's loss" in anna["hints"]
    ben = rows["ben"]
    assert (ben["status"], ben["solved"], ben["01.js"]) == ("ran with errors", "1", "no such function")
    assert "cell 5 raised ZeroDivisionError: division by zero" in ben["notes"]
    eve = rows["eve"]
    assert (eve["solved"], eve["01.js"]) == ("0", "not right yet")
    assert "defines its own check" in eve["notes"]
    assert "its saved output says that 01.js is solved, but it is not" in eve["notes"]
    assert rows["'=SUM(A1).ipynb"]["status"] == "unreadable"


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe"])
def test_a_byte_order_mark_is_read(tmp_path, mark):
    path = handed_in(tmp_path / "01_the_game.ipynb", IMPORTS, RIGHT_D)
    content = path.read_text(encoding="utf-8")
    path.write_bytes(mark + content.encode("utf-16-le" if mark == b"\xff\xfe" else "utf-8"))
    assert read(path).chapter == "01"
    assert read(path).functions == {"01.optimal_d": "optimal_d"}


def test_a_function_may_have_another_name(tmp_path):
    row = grade_one(
        handed_in(
            tmp_path / "01_a.ipynb",
            IMPORTS,
            "def mine(p, q):\n    return p / (p + q)",
            'check("01.optimal_d",\n      mine)',
            "optimal_d = 3",
        )
    )
    assert row.exercises["01.optimal_d"] == "solved"


def test_a_process_that_ends_itself(tmp_path):
    row = grade_one(
        handed_in(
            tmp_path / "01_a.ipynb", IMPORTS, RIGHT_D, "import os\nos._exit(0)", STUB_JS, outputs=[(4, "01.js: solved")]
        )
    )  # which may have been true
    assert (row.status, row.solved) == ("crashed", 1)
    others = {name: "no such function" for name in names() if name.startswith("01.")}
    assert row.exercises == {**others, "01.optimal_d": "solved"}
    assert row.notes == ["its process ended by itself", "this happened in cell 4: only the cells before it were graded"]


def test_a_process_that_ends_itself_when_asked(tmp_path):
    deadly = "def js(p, q):\n    import os\n    os._exit(0)"
    row = grade_one(handed_in(tmp_path / "01_a.ipynb", IMPORTS, RIGHT_D, deadly))
    assert (row.status, row.solved, row.exercises["01.js"]) == ("crashed", 1, "not asked")


def test_who_catches_the_interrupt_is_killed(tmp_path):
    stubborn = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    row = grade_one(handed_in(tmp_path / "01_a.ipynb", IMPORTS, RIGHT_D, stubborn), seconds=6, cell_seconds=2)
    assert (row.status, row.solved) == ("stopped", 1)
    assert row.notes == ["stopped after 6 s", "this happened in cell 4: only the cells before it were graded"]
    assert row.seconds < 20


def test_an_answer_that_never_comes(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel, "ANSWER_SECONDS", 2.0)
    endless = "def js(p, q):\n    while True:\n        pass"
    row = grade_one(handed_in(tmp_path / "01_a.ipynb", IMPORTS, RIGHT_D, endless))
    assert row.exercises["01.js"] == "no answer in time"
    assert row.exercises["01.optimal_d"] == "solved"


def test_errors_name_what_was_wrong(tmp_path, capsys):
    assert main(["grade", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such folder" in capsys.readouterr().err
    assert main(["grade", str(tmp_path)]) == 2
    assert "there is no notebook (*.ipynb) in it" in capsys.readouterr().err
    handed_in(tmp_path / "mine.ipynb", "1 + 1")
    assert main(["grade", str(tmp_path), "--timeout", "0"]) == 2
    assert "seconds must be at least 1, got 0" in capsys.readouterr().err
    assert grade_one(tmp_path / "mine.ipynb").status == "no chapter of the course"


def test_without_nbclient_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    handed_in(tmp_path / "01_a.ipynb", IMPORTS)
    monkeypatch.setitem(sys.modules, "nbclient", None)
    assert main(["grade", str(tmp_path)]) == 2
    assert 'needs nbclient: pip install "scratchgan[notebooks]"' in capsys.readouterr().err


def test_rows_are_written_one_by_one(tmp_path, monkeypatch):
    for name in "ab":
        handed_in(tmp_path / f"{name}.ipynb", "1")
    monkeypatch.setattr(
        table,
        "grade_one",
        lambda path, file, **kw: (
            (_ for _ in ()).throw(KeyboardInterrupt) if file == "b.ipynb" else table.GradeRow(file)
        ),
    )
    with pytest.raises(KeyboardInterrupt):
        grade(tmp_path, progress=False)
    assert "a.ipynb" in (tmp_path / "grades.csv").read_text()


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (
            "from scratchgan.exercises.checking import find\nf = find('01.js').solution",
            "imports from scratchgan.exercises",
        ),
        ("import scratchgan.exercises.ch01 as c", "imports from scratchgan.exercises"),
        ("import scratchgan\nscratchgan.exercises.checking.check = 0", "accesses scratchgan.exercises"),
        ("check = print", "defines its own check"),
        ("from builtins import print as check", "imports another check"),
    ],
)
def test_what_is_odd_is_noted(tmp_path, cell, says):
    odd = read(handed_in(tmp_path / "01_a.ipynb", IMPORTS, cell)).odd
    assert any(says in line for line in odd), odd


def test_the_course_itself_is_not_odd():
    from pathlib import Path

    found = sorted((Path(__file__).parents[2] / "notebooks").rglob("*.ipynb"))
    for path in found:
        submission = read(path)
        assert submission.odd == []
        assert submission.chapter == path.name[:2]


@pytest.mark.parametrize(
    "value",
    [
        3,
        -2.5,
        float("inf"),
        True,
        "text",
        np.float32(1.5),
        np.arange(6).reshape(2, 3),
        np.ones((2, 0), np.float32),
        (np.zeros(3), 1.0, "x"),
        10**30,
        np.complex128(1 + 2j),
    ],
)
def test_answers_cross_the_wire(value):
    back = wire.unpack(wire.pack(value))
    np.testing.assert_equal(back, value)
    if isinstance(value, np.ndarray):
        assert back.dtype == value.dtype


def test_what_is_no_answer_is_refused():
    for open_ in (None, ..., NotImplemented):
        assert wire.unpack(wire.pack(open_)) is None
    assert isinstance(wire.unpack(wire.pack(object())), wire.Unsendable)
    for bad in (
        "3",
        "[]",
        "{",
        '{"array": "AAAA", "dtype": "O", "shape": [1]}',
        '{"array": "AAAA", "dtype": "f4"}',
        '{"array": "AAAA", "dtype": "<f4", "shape": [7]}',
        '{"number": [1]}',
        "[" * 100_000,
        '{"x": 1}',
    ):
        with pytest.raises(ValueError):
            wire.unpack(bad)
    with pytest.raises(ValueError, match="at most"):
        wire.unpack(" " * (wire.MOST + 1))


@pytest.mark.parametrize("name", names())
def test_every_exercise_can_be_judged_from_outside(name):
    """Another process makes the same input of the seed, and its answer survives the way."""
    exercise = find(name)
    told = json.loads(wire.reply(name, exercise.solution, 7))
    found = wire.unpack(json.dumps(told["value"]))
    expected = exercise.solution(**exercise.given(np.random.default_rng(7)))
    np.testing.assert_equal(found, tuple(expected) if isinstance(expected, list) else expected)
