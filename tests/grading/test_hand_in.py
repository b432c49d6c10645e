"""What learning platforms send: every student has a row, with a name and a date."""

import csv
import os
import stat
import zipfile

import pytest

from scratchgan.exercises import names
from scratchgan.grading import grade, table
from scratchgan.grading.beside import copy_files
from scratchgan.grading.folder import handed_in, latest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")


def put(path, chapter="01", when=1.7e9):
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = nbformat.v4.new_code_cell(f"check('{chapter}.optimal_d', f)")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    os.utime(path, (when, when))
    return path


def rows(folder):
    with handed_in(folder, folder / "out.csv") as found:
        return {row.file: row for row in found}


@pytest.mark.parametrize(
    ("file", "student"),
    [
        ("Anna M\u00fcller_123_assignsubmission_file_/03_x.ipynb", "Anna M\u00fcller (123)"),
        ("Anna O'Neill_123_assignsubmission_file_03_x.ipynb", "Anna O'Neill (123)"),
        ("class/Anna_123_assignsubmission_file_/work/03_x.ipynb", "Anna (123)"),
        ("muelleranna_12345_67890_03_x.ipynb", "muelleranna (12345)"),
        ("muelleranna_LATE_12345_67890_03_x-2.ipynb", "muelleranna (12345)"),
        ("anna/03_x.IPYNB", "anna"),
        ("anna/work/03_x.ipynb.txt", "anna"),
        ("anna (1).ipynb", "anna"),
        ("03_x.ipynb", ""),
        ("submitted/anna/03_x/03_x.ipynb", "anna"),
    ],
)
def test_the_student_is_known_by_the_platform_s_names(tmp_path, file, student):
    put(tmp_path / file)
    (row,) = rows(tmp_path).values()
    assert (row.file, row.student) == (file, student)


def test_folders_around_the_students_are_seen_through(tmp_path):
    for name in ("anna", "ben"):
        put(tmp_path / "class 1" / name / "03_x.ipynb")
    assert sorted(row.student for row in rows(tmp_path).values()) == ["anna", "ben"]


def test_every_folder_has_a_row(tmp_path):
    put(tmp_path / "anna" / "03_x.ipynb")
    (tmp_path / "anna" / "data").mkdir()
    (tmp_path / "ben").mkdir()
    (tmp_path / "cem").mkdir()
    (tmp_path / "cem" / "answers.pdf").write_text("")
    (tmp_path / "dora").mkdir()
    (tmp_path / "dora" / "work.rar").write_text("")
    (tmp_path / "ed.zip").write_text("no archive")
    (tmp_path / "fay_123_456_report.pdf").write_text("")
    (tmp_path / ".git").mkdir()
    found = rows(tmp_path)
    assert {file: row.why for file, row in found.items()} == {
        "anna/03_x.ipynb": "",
        "ben": "the folder is empty",
        "cem": "no notebook (.ipynb), only answers.pdf",
        "dora": "no notebook (.ipynb), only work.rar; such an archive is not opened here: unpack it",
        "ed.zip": "the archive cannot be opened: File is not a zip file",
        "fay_123_456_report.pdf": "no notebook (.ipynb), only fay_123_456_report.pdf",
    }
    assert found["fay_123_456_report.pdf"].student == "fay (123)"


def test_archives_are_opened_with_care(tmp_path, monkeypatch):
    place = tmp_path / "all"
    (place / "anna").mkdir(parents=True)
    notebook = put(tmp_path / "03_x.ipynb").read_text()
    with zipfile.ZipFile(place / "anna" / "work.zip", "w") as archive:
        archive.writestr("work/03_x.ipynb", notebook)
        archive.writestr("__MACOSX/._03_x.ipynb", "x")
        archive.writestr("../../evil.ipynb", notebook)
        archive.writestr("/evil.ipynb", notebook)
        link = zipfile.ZipInfo("link.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert list(rows(place)) == ["anna/work.zip/work/03_x.ipynb"]
    assert not list(tmp_path.rglob("evil*"))
    monkeypatch.setattr("scratchgan.grading.archives.MOST_BYTES", 100)
    (row,) = rows(place).values()
    assert (row.student, row.path) == ("anna", None)
    assert row.why == "the archive cannot be opened: it has more than 0 MB"


def test_the_latest_is_kept(tmp_path):
    put(tmp_path / "anna" / "a.ipynb", when=1.70e9)
    put(tmp_path / "anna" / "b.ipynb", when=1.71e9)
    put(tmp_path / "anna" / "c.ipynb", chapter="03", when=1.72e9)
    put(tmp_path / "ben_11_20_x.ipynb", when=1.75e9)
    put(tmp_path / "ben_11_30_x.ipynb", when=1.70e9)  # a later attempt
    found = rows(tmp_path)
    chapters = {file: "03" if "c.ipynb" in file else "01" for file in found}
    kept = latest(list(found.values()), chapters)
    assert [(row.file, n) for row, n in kept] == [("anna/b.ipynb", 2), ("anna/c.ipynb", 1), ("ben_11_30_x.ipynb", 2)]
    kept = latest(list(found.values()), chapters, "01")
    assert [row.file for row, _ in kept] == ["anna/b.ipynb", "ben_11_30_x.ipynb"]


def test_files_with_a_student_s_prefix_are_his(tmp_path):
    for name in ("anna_1_2_mine-1.py", "ben_2_3_mine.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "copy").mkdir()
    copy_files(tmp_path, tmp_path / "copy", "anna_1_2_")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["mine.py"]


def test_a_wrong_chapter_has_no_points_and_jobs_run_at_the_same_time(tmp_path):
    for name in ("anna", "ben"):
        right = "def optimal_d(p, q):\n    return p / (p + q)\n"
        cells = ["from scratchgan.exercises import check", right + "check('01.optimal_d', optimal_d)"]
        put(tmp_path / name / "01_x.ipynb")
        cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / name / "01_x.ipynb")
    (tmp_path / "cem").mkdir()
    found, path = grade(tmp_path, chapter="03", jobs=2, progress=False)
    assert [(row.student, row.solved, len(row.exercises)) for row in found] == [
        (student, 0, sum(name.startswith("03.") for name in names())) for student in ("anna", "ben", "cem")
    ]
    assert found[0].notes == ["this is a notebook of chapter 01"]
    assert path.read_bytes()[:3] == b"\xef\xbb\xbf"
    with open(path, encoding="utf-8-sig", newline="") as file:
        told = list(csv.DictReader(file))
    assert [row["percent"] for row in told] == ["0", "0", "0"]
    assert told[0]["handed in"]
    assert table.summary(found).count("\n") == 5
