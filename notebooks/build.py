"""Notebooks from their sources: one percent-format file a chapter, with exercise and solution together.

    python notebooks/build.py [CHAPTER ...]      make and execute the student's notebooks and the solved ones, and compute
                                                 what the chapters claim (notebooks/compute_claims.py)
    python notebooks/build.py --check            do the notebooks that are there have the cells of their sources?
    python notebooks/build.py --nbgrader COURSE  write COURSE/source/NN_name/NN_name.ipynb, assignments for nbgrader
    python notebooks/build.py --otter COURSE     write COURSE/NN_name/NN_name.ipynb, for `otter assign`

A source is notebooks/source/NN_name.py (jupytext's percent format).  Between the lines

    # BEGIN SOLUTION
    # END SOLUTION

of a cell stands what the student is to write: notebooks/NN_name.ipynb has `...  # your code` there, and
notebooks/solutions/NN_name.ipynb has the solution.  Both are executed, so that their pictures can be read on a code
host.  What differs from run to run without saying anything (times of execution, random identifiers) is taken out.

A cell that begins with `# %% draw` only draws, and its code is collapsed.  Each picture of a cell has a line in it

    # alt: what the picture shows, for somebody who does not see it; it may go on
    #   in lines that are indented like this one

which becomes the alternative text of the picture and is not part of the notebook's code.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SOURCE, SOLUTIONS = HERE / "source", HERE / "solutions"
BEGIN, END, STUB = "# BEGIN SOLUTION", "# END SOLUTION", "...  # your code"
CHECK = re.compile(r"""check\(["']([\w.]+)["'], (\w+)\)""")
CHECK_LINE = re.compile(r"""^(print\()?check\(.*\)\n?""", re.MULTILINE)
LONGEST = 300  # seconds a cell may take
ALT = re.compile(r"^# alt: .*\n?(?:^#   .*\n?)*", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")  # to a file


def cells(source: Path, solved: bool):
    """The notebook of a source, not executed."""
    import jupytext

    notebook = jupytext.read(source, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        drawing = cell.metadata.get("title") == "draw"
        if cell.cell_type == "code":
            cell.source = ALT.sub("", version(cell.source, solved, f"{source.name}, cell {number}")).strip("\n")
        elif solved and cell.cell_type == "markdown":
            cell.source = LINK.sub(lambda link: f"]({_from_solutions(link[1])})", cell.source)
        cell.id = hashlib.sha256(f"{source.stem} {number}".encode()).hexdigest()[:8]
        cell.metadata = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]} if drawing else {}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def _from_solutions(link: str) -> str:
    """A link of a chapter, as it reads a folder deeper; chapters link to each other's solutions there."""
    return link if re.fullmatch(r"\d\d[a-z]?_\w+\.ipynb", link) else f"../{link}"


def version(code: str, solved: bool, where: str) -> str:
    """The student's or the solved version of a cell.  ValueError for marks that do not pair up."""
    lines, inside = [], False
    for line in code.splitlines():
        mark = line.strip()
        if mark == BEGIN:
            if inside:
                raise ValueError(f"{where}: {BEGIN} within a solution")
            inside = True
            if not solved:
                lines.append(line[: len(line) - len(line.lstrip())] + STUB)
        elif mark == END:
            if not inside:
                raise ValueError(f"{where}: {END} without {BEGIN}")
            inside = False
        elif solved or not inside:
            lines.append(line)
    if inside:
        raise ValueError(f"{where}: {BEGIN} without {END}")
    return "\n".join(lines)


def execute(notebook, folder: Path, claims: list, wrong: list[str]) -> float:
    """Run all cells in `folder`; returns the seconds.  Raises if a cell does; claims that do not hold are added to `wrong`."""
    from compute_claims import client

    start = time.perf_counter()
    client(
        notebook,
        claims,
        wrong,
        timeout=LONGEST,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            cell.outputs = [
                output for output in cell.outputs if not (output.output_type == "stream" and output.name == "stderr")
            ]  # progress bars
            for output in cell.outputs:
                data = output.get("data", {})
                if "text/html" in data:  # a film's token is random, and need not be
                    data["text/html"] = re.sub(
                        r'(data-film=\\?")[0-9a-f]{16}', rf"\g<1>{cell.id:0>16}", data["text/html"]
                    )
    return time.perf_counter() - start


def describe(notebook, source: Path) -> None:
    """Give the pictures of an executed notebook their alternative texts.  ValueError if a cell has more or fewer texts."""
    import jupytext

    for number, (cell, written) in enumerate(
        zip(notebook.cells, jupytext.read(source, fmt="py:percent").cells, strict=True)
    ):
        if cell.cell_type != "code":
            continue
        texts = [
            " ".join(re.sub(r"^# (alt: |  )", "", line) for line in found.splitlines())
            for found in ALT.findall(written.source)
        ]
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        if texts and len(texts) != len(pictures):
            raise ValueError(f"{source.name}, cell {number}: {len(pictures)} pictures, {len(texts)} lines '# alt:'")
        for output, text in zip(pictures, texts):
            output.metadata["image/png"] = {"alt": text}


def write(notebook, path: Path) -> None:
    """Write a notebook, whole or not at all."""
    import nbformat

    from scratchgan.files.atomic import write_text

    path.parent.mkdir(exist_ok=True)
    write_text(path, nbformat.writes(notebook, version=4) + "\n")


def for_nbgrader(source: Path):
    """The notebook of a source as nbgrader's `source` version: after a solution, a graded cell for each exercise."""
    import jupytext
    import nbformat

    notebook = jupytext.read(source, fmt="py:percent")
    made = []
    for number, cell in enumerate(notebook.cells):
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.source = ALT.sub("", cell.source).strip("\n")
        exercises = CHECK.findall(cell.source) if cell.cell_type == "code" and BEGIN in cell.source else []
        if exercises:
            marked = re.sub(r"# (BEGIN|END) SOLUTION", r"### \1 SOLUTION", cell.source)
            cell.source = CHECK_LINE.sub("", marked).rstrip()
            cell.metadata["nbgrader"] = _nbgrader(f"write-{number}", solution=True)
        made.append(cell)
        for name, function in exercises:
            test = nbformat.v4.new_code_cell(
                f"verdict = check({name!r}, {function})\nprint(verdict)\nassert verdict.ok"
            )
            test.metadata["nbgrader"] = _nbgrader(name.replace(".", "-"), points=1)
            made.append(test)
    notebook.cells = made
    for number, cell in enumerate(made):
        cell.id = hashlib.sha256(f"nbgrader {source.stem} {number}".encode()).hexdigest()[:8]
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


def for_otter(source: Path):
    """The notebook of a source as `otter assign` takes it: a question for each cell with solutions, a test an exercise."""
    import jupytext
    import nbformat

    def raw(*lines: str):
        return nbformat.v4.new_raw_cell("\n".join(lines))

    notebook = jupytext.read(source, fmt="py:percent")
    made = [raw("# ASSIGNMENT CONFIG", "init_cell: false", "export_cell: false", "generate: true")]
    for cell in notebook.cells:
        cell.metadata = {}
        exercises = CHECK.findall(cell.source) if cell.cell_type == "code" and BEGIN in cell.source else []
        if cell.cell_type == "code":
            cell.source = ALT.sub("", cell.source).strip("\n")
        if not exercises:
            made.append(cell)
            continue
        cell.source = CHECK_LINE.sub("", cell.source).rstrip()
        question = exercises[0][0].replace(".", "_")
        made += [raw("# BEGIN QUESTION", f"name: q{question}", "points:", "  each: 1")]
        made += [raw("# BEGIN SOLUTION"), cell, raw("# END SOLUTION"), raw("# BEGIN TESTS")]
        for name, function in exercises:
            made.append(
                nbformat.v4.new_code_cell(f"verdict = check({name!r}, {function})\nassert verdict.ok, str(verdict)")
            )
        made += [raw("# END TESTS"), raw("# END QUESTION")]
    notebook.cells = made
    for number, cell in enumerate(made):
        cell.id = hashlib.sha256(f"otter {source.stem} {number}".encode()).hexdigest()[:8]
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


def _nbgrader(name: str, *, solution: bool = False, points: int | None = None) -> dict:
    """What nbgrader keeps about a cell, in its schema 3."""
    graded = {} if points is None else {"points": points}
    return {
        "schema_version": 3,
        "grade_id": name,
        "grade": points is not None,
        "solution": solution,
        "task": False,
        "locked": points is not None,
        **graded,
    }


def differs(source: Path) -> list[str]:
    """What is wrong with the notebooks of a source: a line each."""
    import nbformat

    wrong = []
    for solved, path in ((False, HERE / f"{source.stem}.ipynb"), (True, SOLUTIONS / f"{source.stem}.ipynb")):
        if not path.is_file():
            wrong.append(f"{path.name} is missing: python notebooks/build.py {source.stem.split('_')[0]}")
            continue
        made, there = cells(source, solved), nbformat.read(path, as_version=4)
        if [(c.cell_type, c.source) for c in made.cells] != [(c.cell_type, c.source) for c in there.cells]:
            wrong.append(
                f"{path.relative_to(HERE)} is not what its source says: python notebooks/build.py {source.stem.split('_')[0]}"
            )
    return wrong


def sources(chapters: list[str]) -> list[Path]:
    """The sources of chapters such as "03" or "05b"; all for an empty list.  ValueError for a chapter that is not there."""
    known = {path.stem.split("_")[0]: path for path in sorted(SOURCE.glob("[0-9][0-9]*_*.py"))}
    if unknown := [chapter for chapter in chapters if chapter not in known]:
        raise ValueError(f"no such chapter: {' '.join(unknown)}; there are {' '.join(known)}")
    return [path for chapter, path in known.items() if not chapters or chapter in chapters]


def main() -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="their numbers, such as 03; default: all")
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--nbgrader", metavar="COURSE", type=Path, help="only write assignments for nbgrader")
    parser.add_argument("--otter", metavar="COURSE", type=Path, help="only write assignments for otter-grader")
    options = parser.parse_args()
    try:
        chosen = sources(options.chapters)
    except ValueError as error:
        parser.error(str(error))
    if options.check:
        wrong = [line for source in chosen for line in differs(source)]
        print("\n".join(wrong) or f"{len(chosen)} chapters: the notebooks are what their sources say")
        return 1 if wrong else 0
    if options.nbgrader is not None or options.otter is not None:
        for source in chosen:
            for course, made in ((options.nbgrader, for_nbgrader), (options.otter, for_otter)):
                if course is not None:
                    path = (
                        (course / "source" if made is for_nbgrader else course) / source.stem / f"{source.stem}.ipynb"
                    )
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write(made(source), path)
                    print(path)
        return 0
    from compute_claims import read

    wrong = []
    for source in chosen:
        for solved in (False, True):
            notebook = cells(source, solved)
            claims = read(source.stem.split("_")[0]) if solved else []
            seconds = execute(notebook, HERE, claims, wrong)
            describe(notebook, source)
            path = (SOLUTIONS if solved else HERE) / f"{source.stem}.ipynb"
            write(notebook, path)
            print(f"{path.relative_to(HERE)!s:<40}{seconds:>6.1f} s{path.stat().st_size / 1e3:>9.0f} kB", flush=True)
    for line in wrong:
        print(f"this claim does not hold: {line}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    raise SystemExit(main())
