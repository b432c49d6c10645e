"""The course as it lies in notebooks/: form, links, labels, exercises, claims, and what the saved outputs show.

Nothing is executed here: CI runs the notebooks.
"""

import ast
import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from scratchgan.exercises import names

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
if not NOTEBOOKS.is_dir():
    pytest.skip("no notebooks here", allow_module_level=True)

sys.path.insert(0, str(NOTEBOOKS))
build = importlib.import_module("build")
compute_claims = importlib.import_module("compute_claims")
sys.path.remove(str(NOTEBOOKS))
SOURCES = sorted((NOTEBOOKS / "source").glob("*.py"))
BUILT = [folder / f"{source.stem}.ipynb" for source in SOURCES for folder in (NOTEBOOKS, NOTEBOOKS / "solutions")]
CLAIMS = [(source, claim) for source in SOURCES for claim in compute_claims.read(source.stem.split("_")[0])]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def stem(path):
    return path.stem


def chapter(path):
    """Such as "05b"."""
    return path.stem.split("_")[0]


def cells(path):
    return json.loads(path.read_text())["cells"]


def text_of(output):
    data = output.get("data", {})
    return "".join(
        "".join(part) for part in (output.get("text", ""), data.get("text/plain", ""), data.get("text/html", ""))
    )


def prose(source):
    """The markdown of a chapter's source, line by line, without the comment signs."""
    lines, inside = [], False
    for line in source.read_text().splitlines():
        if line.startswith("# %%"):
            inside = "[markdown]" in line
        elif inside:
            lines.append(line.removeprefix("#").removeprefix(" "))
    return lines


def code(source):
    lines, inside = [], False
    for line in source.read_text().splitlines():
        if line.startswith("# %%"):
            inside = "[markdown]" not in line
        elif inside:
            lines.append(line)
    return lines


def test_there_are_fourteen_chapters_one_of_them_in_two_notebooks():
    assert {chapter(source)[:2] for source in SOURCES} == {f"{n:02d}" for n in range(14)}
    assert all(path.is_file() for path in BUILT)


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_a_chapter_has_its_form(source):
    lines = prose(source)
    text = "\n".join(lines)
    assert lines[0].startswith(f"# {chapter(source)} · ")
    assert re.search(r"^\*About \d+ minutes", text, re.MULTILINE)
    assert "**Question.**" in text
    for heading in ("## Predict", "## What can go wrong", "## Sources"):
        assert heading in lines, heading
    assert "ask your teacher" in "\n".join(code(source))  # instead of an attempt to install something
    if chapter(source) not in ("00", "12"):
        assert (
            "inspect.getsource(" in source.read_text()
            or "__doc__" in source.read_text()
            or source.stem.startswith("13")
        )
    assert "../shared" not in source.read_text()


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_each_exercise_of_a_chapter_is_in_its_notebook_and_no_other(source):
    here = [name for name in names() if name.startswith(f"{chapter(source)}.")]
    assert 3 <= len(here) <= 6
    asked = set(re.findall(r'check\("([\w.]+)"', source.read_text()))
    assert not set(here) - asked, f"notebooks/source/{source.name} never asks {set(here) - asked}"
    assert not asked - set(here), f"no file of scratchgan/exercises/ has {asked - set(here)}"
    assert source.read_text().count("# BEGIN SOLUTION") >= len(here)


def bound(node):
    """The names that a statement of a cell binds."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    found = {child.id for child in ast.walk(node) if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)}
    return found | {
        alias.asname or alias.name
        for child in ast.walk(node)
        if isinstance(child, (ast.Import, ast.ImportFrom))
        for alias in child.names
    }


@pytest.mark.parametrize("path", BUILT, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_what_a_reader_wrote_is_not_overwritten_later(path):
    """`scratchgan grade` asks the functions when all cells have run."""
    written = set()
    for cell in cells(path):
        source = re.sub(r"^(\s*)[%!].*$", r"\1pass", "".join(cell["source"]), flags=re.MULTILINE)
        if cell["cell_type"] == "code":
            for node in ast.parse(source).body:
                assert not bound(node) & written, bound(node) & written
            written |= set(re.findall(r'check\("[\w.]+", (\w+)\)', source))


@pytest.mark.parametrize("path", BUILT, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_saved_outputs(path):
    """Executed, without errors or progress bars; the student's is unsolved, the other one solved."""
    told = {}
    for cell in cells(path):
        if cell["cell_type"] != "code":
            continue
        assert cell["execution_count"], "".join(cell["source"])[:80]
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr"
            told.update(re.findall(r"(\d\d[a-z]?\.\w+): (solved|not solved yet|not right yet)", text_of(output)))
    expected = "solved" if path.parent.name == "solutions" else "not solved yet"
    assert told == {name: expected for name in names() if name.startswith(f"{chapter(path)}.")}
    assert any("image/png" in output.get("data", {}) for cell in cells(path) for output in cell.get("outputs", []))


PAGES = sorted((NOTEBOOKS / "teaching").glob("*.md"))


@pytest.mark.parametrize("path", [*BUILT, NOTEBOOKS / "TEACHING.md", *PAGES], ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_link_resolves(path):
    if path.suffix == ".md":
        texts = [path.read_text()]
    else:
        texts = ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown"]
    for text in texts:
        for link in LINK.findall(text):
            if link.startswith("#"):
                assert link[1:].lower() in text.lower().replace(" ", "-"), link
            elif not re.match(r"https?://|mailto:", link):
                assert (path.parent / link.split("#")[0]).exists(), link


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_no_line_within_a_formula_looks_like_a_list(source):
    """Markdown takes "+ x" at the beginning of a line for a list, even between dollar signs."""
    display = inline = False
    for line in prose(source):
        assert not ((display or inline) and re.match(r"\s*([-+*] |\d+[.)] |#|>)", line)), line
        assert line.strip() or not inline, "a formula that is not closed"
        for sign in re.findall(r"\$\$|\$", re.sub(r"`[^`]*`|\\\$", "", line)):
            if sign == "$$":
                display = not display
            elif not display:
                inline = not inline
    assert not display


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("TEACHING.md", r"^\| \[(\d\d[a-z]?) [^]]*\]\([^)]*\) \| (\d+) \|"),
        ("source/00_start_here.py", r"^# \| \[?(\d\d[a-z]?) .* \| (\d+) \|$"),
    ],
)
def test_minutes_in_the_tables_are_those_of_the_chapters(file, row):
    told = dict(re.findall(row, (NOTEBOOKS / file).read_text(), re.MULTILINE))
    assert told == {chapter(source): re.search(r"\*About (\d+) minutes", source.read_text())[1] for source in SOURCES}


TEXTS = [NOTEBOOKS / "TEACHING.md", *PAGES, *sorted(ROOT.glob("*.md")), ROOT / "benchmarks" / "README.md"]


@pytest.mark.parametrize("source", [*SOURCES, *TEXTS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_files_and_commands_that_are_named_exist(source):
    text = source.read_text()
    for name in set(re.findall(r"`((?:scratchgan|benchmarks|tests|notebooks)/[\w/.*-]+)`", text)):
        assert list(ROOT.glob(name.rstrip("/"))), name
    for module in set(re.findall(r"python -m (benchmarks\.\w+)", text)):
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file(), module
    recipes = {path.stem for path in (ROOT / "scratchgan" / "runs" / "recipes").glob("*.toml")}
    for recipe in set(re.findall(r"scratchgan train ([a-z][\w-]+)", text)):
        assert recipe in recipes, recipe
    from scratchgan.cli import _parser

    known = next(action for action in _parser()._actions if action.dest == "command").choices
    for command in set(re.findall(r"`scratchgan ([a-z]+)", text)):
        assert command in known, command


@pytest.mark.parametrize(("source", "claim"), CLAIMS, ids=lambda c: c["says"][:40] if isinstance(c, dict) else stem(c))
def test_a_claim_is_computed(source, claim):
    """By a cell (tests/course/chapters.py runs it), a test, or here: from a committed result."""
    texts = [line for _, _, line in compute_claims.lines(source)]
    assert any(claim["says"] in line for line in texts), "the sentence is not there"
    assert ("test" in claim) + ("check" in claim) == 1, "a claim has either a `test` or a `check`"
    if "test" in claim:
        file, _, test = claim["test"].partition("::")
        assert f"def {test.split('[')[0]}(" in (ROOT / file).read_text()
        return
    assert ("after" in claim) + ("result" in claim) == 1, "a `check` goes with `after` or with `result`"
    if compute_claims.said(claim):
        written = set(compute_claims.NUMBER.findall(claim["check"]))
        assert "said" in claim["check"] or written & set(compute_claims.NUMBER.findall(claim["says"])), (
            "its number is not used"
        )
    if "result" in claim:
        module = re.search(r"python -m (benchmarks\.\w+)", claim["command"])[1]
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file(), module
        assert compute_claims.compute_result(claim) is None
    else:
        compute_claims.cell_of(claim, [build.version(cell, True, stem(source)) for cell in code_cells(source)])


def code_cells(source):
    pieces = re.split(r"^# %%(.*)$", source.read_text(), flags=re.MULTILINE)
    return [body for mark, body in zip(pieces[1::2], pieces[2::2], strict=True) if "[markdown]" not in mark]


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_a_chapter_has_claims(source):
    assert len(compute_claims.read(chapter(source))) >= 10


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_the_minutes_of_a_chapter_are_believable(source):
    """A reader reads 150 words a minute, needs 8 minutes for an exercise, and waits 2 for the cells."""
    words = len(re.sub(r"[^\w ]", " ", " ".join(prose(source))).split())
    exercises = sum(name.startswith(f"{chapter(source)}.") for name in names())
    minutes = int(re.search(r"\*About (\d+) minutes", source.read_text())[1])
    assert abs(minutes - (words / 150 + 8 * exercises + 2)) <= 5, words / 150 + 8 * exercises + 2


@pytest.mark.parametrize("source", SOURCES, ids=stem)
def test_every_picture_has_an_alternative_text(source):
    for cell in cells(NOTEBOOKS / f"{source.stem}.ipynb"):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output["metadata"].get("image/png", {}).get("alt", "")
                assert len(alt) >= 40, "".join(cell["source"])[:200]
        if cell["cell_type"] == "markdown":
            for alt in re.findall(r"!\[([^]]*)\]\(", "".join(cell["source"])):
                assert len(alt) >= 40, alt
