"""`scratchgan grade`: what a notebook says of itself counts for nothing."""

import base64
import csv
import json
import re
import sys

import numpy as np
import pytest

from scratchgan.cli import main
from scratchgan.exercises import names
from scratchgan.exercises.checking import find
from scratchgan.exercises.inputs import made
from scratchgan.grading import Limits, grade, grade_one, kernel, table, wire
from scratchgan.grading.beside import copy_files
from scratchgan.grading.needs import needing
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
    with open(tmp_path / "grades.csv", newline="", encoding="utf-8-sig") as file:
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
    assert "defines its own check" in eve["look at this one"]
    assert "saved output and function differ, as after a later change: 01.js" in eve["notes"]
    assert [rows[name]["look at this one"] for name in ("anna", "ben")] == ["", ""]
    assert rows["'=SUM(A1).ipynb"]["status"] == "unreadable"


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe"])
def test_a_byte_order_mark_is_read(tmp_path, mark):
    path = handed_in(tmp_path / "01_the_game.ipynb", IMPORTS, RIGHT_D)
    content = path.read_text(encoding="utf-8")
    path.write_bytes(mark + content.encode("utf-16-le" if mark == b"\xff\xfe" else "utf-8"))
    assert read(path).chapter == "01"
    assert read(path).functions == {"01.optimal_d": ["optimal_d"]}


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


KILL = "import os, signal\nos.kill(os.getpid(), signal.SIGTERM if os.name == 'nt' else signal.SIGKILL)"


def test_a_cell_that_kills_the_process_is_left_out(tmp_path):
    right_js = "def js(p, q):\n    m = (p + q) / 2\n    return 0.5 * sum(a * np.log(a / m) for a in (p, q)).sum()"
    row = grade_one(
        handed_in(tmp_path / "01_a.ipynb", IMPORTS, RIGHT_D, KILL, right_js, outputs=[(3, "01.js: solved")])
    )
    assert (row.status, row.solved) == ("crashed", 2), row
    assert row.notes == ["cell 4, which was left out: its process ended by itself"]
    assert row.look == []


def test_a_function_that_kills_the_process(tmp_path):
    deadly = "def optimal_d(p, q):\n    " + KILL.replace("\n", "\n    ")
    right_v = "def value_of_game(a, b):\n    return np.mean(np.log(a)) + np.mean(np.log(1 - b))"
    row = grade_one(
        handed_in(
            tmp_path / "01_a.ipynb",
            IMPORTS,
            deadly,
            right_v.replace("a, b", "d_real, d_fake", 1)
            .replace("log(a)", "log(d_real)")
            .replace("1 - b", "1 - d_fake"),
        )
    )
    assert (row.status, row.solved, row.exercises["01.optimal_d"]) == ("crashed", 1, "ended the process")


@pytest.mark.parametrize("leave", ["exit()", "quit()", "import sys\nsys.exit(1)", "import os\nos._exit(0)"])
def test_answers_count_wherever_a_notebook_ends_itself(tmp_path, leave):
    cells = ["import time", leave, IMPORTS, leave, RIGHT_D, leave]
    row = grade_one(handed_in(tmp_path / "01_a.ipynb", *cells))
    assert (row.exercises["01.optimal_d"], row.look) == ("solved", [])
    assert row.status in ("ran", "ran with errors")


def test_who_catches_the_interrupt_is_killed_and_the_other_cells_count(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel, "GRACE", 1.0)
    stubborn = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    row = grade_one(handed_in(tmp_path / "01_a.ipynb", IMPORTS, stubborn, RIGHT_D), limits=Limits(60, 2))
    assert (row.status, row.solved) == ("stopped", 1)
    assert row.notes == ["cell 3, which was left out: stopped after 2 s: it did not react to an interruption"]


def test_when_the_time_is_over_functions_still_count(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel, "SHORT", 1.0)
    slow = "import time\ntime.sleep(100)"
    row = grade_one(handed_in(tmp_path / "01_a.ipynb", IMPORTS, slow, slow, RIGHT_D), limits=Limits(2, 10))
    assert (row.status, row.exercises["01.optimal_d"]) == ("ran with errors", "solved")
    assert any("each cell had" in note for note in row.notes), row.notes


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
    for options, says in {
        ("--chapter", "99"): "no chapter '99' with exercises; there are 00, 01",
        ("--jobs", "0"): "jobs must be at least 1, got 0",
        ("--memory", "0.1"): "memory must be at least 0.5 GB, got 0.1 GB",
    }.items():
        assert main(["grade", str(tmp_path), *options]) == 2
        assert says in capsys.readouterr().err
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
        ("import importlib\nimportlib.import_module('scratchgan.exercises.ch01')", "has a text with"),
        ("%run ../solutions/01_the_game.ipynb", "has a text with"),
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
        assert submission.chapter == path.name.split("_")[0]


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
    """Its input goes to another process and its answer comes back, without the modules of solutions."""
    exercise = find(name)
    for seed in (7, *(-1 - i for i in range(len(exercise.edges())))):
        text = wire.pack_input(exercise.arguments(seed))
        assert "scratchgan.exercises.ch" not in str(base64_texts(text))
        told = json.loads(wire.reply(exercise.solution, text))
        assert "value" in told, told
        found = wire.unpack(json.dumps(told["value"]))
        np.testing.assert_equal(found, exercise.solution(**exercise.arguments(seed)))


def base64_texts(text):
    """What is in a message besides arrays."""
    return [base64.b64decode(part) for part in re.findall(r'"made": "([^"]*)"', text)]


def test_only_the_notebook_s_process_makes_functions():
    text = wire.pack_input(made("squares and product", np.ones(2)))
    assert wire.unpack_input(text)(np.array([3.0, 2.0])) == 19
    assert isinstance(wire.unpack(wire.pack(lambda x: x)), wire.Unsendable)
    with pytest.raises(ValueError):
        wire.unpack(text)


# -- which expression is the answer, and what lies beside the notebook -------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expression"),
    [
        (["check('01.js', js)", "# check('01.js', first_try)"], "js"),
        (["check('01.js', js)", "'''I first wrote check('01.js', first_try).'''"], "js"),
        (["check('01.js', js)", "print('check(\"01.js\", first_try)')"], "js"),
        (["check('01.js', first_try)", "check(\n    '01.js',  # mine\n    js,\n)"], "js"),
        (["check('01.js', lambda p, q: js(p, q))"], "lambda p, q: js(p, q)"),
        (["check('01.js', m.js)"], "m.js"),
        (["check('01.js', functools.partial(js, eps=0))"], "functools.partial(js, eps=0)"),
        (["check(answer=js, name='01.js')"], "js"),
        (["exercises.check('01.js', table['js'])"], "table['js']"),
        (["from scratchgan.exercises import check as c", "c('01.js', js)"], "js"),
        (["%matplotlib inline\n!ls\ncheck('01.js', js)"], "js"),
        (["%%time\ncheck('01.js', js)"], "js"),
        (["%%bash\ncheck('01.js', js)"], None),
        (["verdict = check('01.js', js); verdict"], "js"),
        (["\ufeffcheck('01.js', js)"], "js"),
        (["if True:\n    check('01.js', js)"], "js"),
        (["for f in (js,):\n    check('01.js', f)"], ""),
        (["def run(f):\n    check('01.js', f)\nrun(js)"], ""),
        (["check('01.js', *rest)"], ""),
        (["check(name, js)"], None),
        (["other('01.js', js)"], None),
        (["check('01.js', js"], None),
    ],
)
def test_the_checked_expression_is_found_by_parsing(tmp_path, cells, expression):
    submission = read(handed_in(tmp_path / "01_a.ipynb", IMPORTS, *cells))
    assert submission.functions.get("01.js", [None])[-1] == (expression or None)
    assert submission.chapter == "01"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_a_notebook_with_a_byte_order_mark_is_read(tmp_path, encoding):
    path = handed_in(tmp_path / "mine.ipynb", IMPORTS, "check('01.js', js)  # ü")
    path.write_bytes(path.read_text("utf-8").encode(encoding))
    assert read(path).functions == {"01.js": ["js"]}


def test_any_expression_is_graded_with_the_files_beside_the_notebook(tmp_path):
    folder = tmp_path / "anna"
    row = grade_one(
        handed_in(
            folder / "01_a.ipynb",
            IMPORTS,
            "from mine import optimal_d as own\nimport functools",
            "def value_of_game(d_real, d_fake):\n    return 7",
            "rate = float(open('data/rate.txt').read())",
            "check('01.optimal_d', functools.partial(lambda p, q, k: own(p, q) * k, k=rate))",
            "def run(name, right):\n    check(name, right)",
            "run('01.value_of_game', lambda d_real, d_fake: np.mean(np.log(d_real)) + np.mean(np.log(1 - d_fake)))",
            "# check('01.optimal_d', value_of_game)",
            *beside(folder),
        )
    )
    assert (row.exercises["01.optimal_d"], row.exercises["01.value_of_game"]) == ("solved", "solved"), row
    assert row.status == "ran", row.notes
    assert row.look == []
    assert row.notes == ["01.value_of_game: a function that was passed to check is right; value_of_game itself is not"]


def beside(folder):
    """Files beside a notebook, among them some with the names of modules that grading uses."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "rate.txt").write_text("1.0")
    (folder / "mine.py").write_text("def optimal_d(p, q):\n    return p / (p + q)\n")
    for name in ("scratchgan.py", "numpy.py", "json.py"):
        (folder / name).write_text("raise ImportError('the wrong one')\n")
    return []


def test_what_is_copied_from_beside_a_notebook(tmp_path, monkeypatch):
    source, target = tmp_path / "anna", tmp_path / "copy"
    target.mkdir()
    beside(source)
    handed_in(source / "01_a.ipynb", IMPORTS)
    handed_in(source / "ben" / "01_b.ipynb", IMPORTS)
    (source / "ben" / "answer.py").write_text("")
    (source / ".git").mkdir()
    (source / ".git" / "config").write_text("")
    (tmp_path / "secret.txt").write_text("")
    links = 0
    for name, to in {
        "out.txt": tmp_path / "secret.txt",
        "up": tmp_path,
        "in.txt": source / "data" / "rate.txt",
    }.items():
        try:
            (source / name).symlink_to(to)
            links += 1
        except OSError:  # Windows, without the right to make links
            break
    notes = copy_files(source, target)
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    expected = {"mine.py", "scratchgan.py", "numpy.py", "json.py", "data/rate.txt"}
    assert found == expected | ({"in.txt"} if links == 3 else set())
    assert not any(path.is_symlink() for path in target.rglob("*"))
    assert notes == (
        ["2 links beside the notebook, to folders or out of its folder, were not followed"] if links else []
    )


@pytest.mark.parametrize(("limit", "value"), [("MOST_FILES", 2), ("MOST_BYTES", 40)])
def test_few_and_small_files_are_copied(tmp_path, monkeypatch, limit, value):
    monkeypatch.setattr(f"scratchgan.grading.beside.{limit}", value)
    for folder in ("anna", "copy"):
        (tmp_path / folder).mkdir()
    for i in range(5):
        (tmp_path / "anna" / f"{i}.txt").write_text("x" * 20)
    (note,) = copy_files(tmp_path / "anna", tmp_path / "copy")
    assert note.startswith("3 of the files beside the notebook were not copied: expected at most")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["0.txt", "1.txt"]


def test_a_crashed_notebook_s_share_is_of_all_exercises(tmp_path):
    row = table.GradeRow(
        "a.ipynb", "", "", "01", "crashed", {"01.a": "solved", "01.b": "not asked", "01.c": "not asked"}
    )
    (line,) = csv.DictReader(table.as_csv([row]).removeprefix("\ufeff").splitlines())
    assert (line["solved"], line["of"], line["percent"]) == ("1", "3", "33")


def test_cells_that_wait_for_an_unsolved_exercise_are_one_note(tmp_path):
    """No mistake of their own; one that is somebody's own is still named."""
    path = handed_in(
        tmp_path / "04_training.ipynb",
        "import numpy as np\nfrom scratchgan.exercises import check, solved",  # cell 2
        "def labels(turn, N):\n    ...  # your code\n\n\ncheck('04.labels', labels)",
        "def high_quality(points, modes, sigma):\n    ...\n\n\ndef mine(a):\n    return a\n\n\ncheck('04.high_quality', high_quality)",
        "label = solved('04.labels')('G', 3)\nprint(label * 2)",
        "share = solved('04.high_quality')\n\n\ndef judged(points):\n    return f'{share(points, 1, 2):.1%}'",
        "print(judged(mine(3)))",  # 7
        "made = labels('D', 2) + 1\nlater = 1",
        "later + 1",
        "1 / 0",  # 10
        "undefined",
        "mine('a') + 1",
    )
    row = grade_one(path)
    assert row.status == "ran with errors"  # because of 10 to 12
    first, *rest = [note for note in row.notes if note.startswith("cell")]
    assert first == "cells 5, 7, 8 and 9 stopped because 04.labels and 04.high_quality are not solved"
    assert [note.split(" raised ")[0] for note in rest] == ["cell 10", "cell 11", "cell 12"]
    path = handed_in(
        tmp_path / "04_b.ipynb",
        "from scratchgan.exercises import check, solved",
        "def anything(turn, N):\n    return None\n\n\ncheck('04.labels', anything)",
        "anything('G', 3) * 2",
    )
    row = grade_one(path)
    assert (row.status, row.notes) == ("ran", ["cell 4 stopped because 04.labels is not solved"])


def test_a_cell_needs_what_the_cells_before_it_made():
    cells = [
        (1, "def f(x):\n    return x\n\n\ndef g(x):\n    local = f(x)\n    return local"),
        (2, "local = 3\na = b = g(1)\nc, d = 1, [b for b in (1, 2)]\nimport os"),
        (3, "not Python ("),
        (4, "e = local + c"),
        (5, "e = a"),
        (6, "f = len\ng = f"),  # f is the exercise's name, whatever it is bound to
        (7, "x = 1\ny = g\nz = 2"),
        (8, "z"),
    ]
    assert needing(cells, {"04.f": ["f"]}, {4, 5, 7}) == {5: ["04.f"], 7: ["04.f"]}
    assert needing(cells, {"04.f": ["f"]}, {7, 8}) == {7: ["04.f"], 8: ["04.f"]}
    assert needing(cells, {"04.h": ["h"]}, {1, 2, 4, 5, 7, 8}) == {}
    assert needing([(1, "h = solved('04.h')"), (2, "h(1)"), (3, "solved(1)")], {"04.h": []}, {2, 3}) == {2: ["04.h"]}
