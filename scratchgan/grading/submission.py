"""Reading a submitted notebook: which chapter it is of, and what is odd about it, before anything runs."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_BYTES = 50_000_000
CHECKED = re.compile(r"""\bcheck\(\s*["'](\d\d)\.(\w+)["']\s*(?:,\s*(\w+))?""")
SAYS_SOLVED = re.compile(r"(\d\d\.\w+): solved\b")
#: what a chapter itself imports from scratchgan.exercises
USUAL = {"scratchgan.exercises": {"check", "bugs"}, "scratchgan.exercises.ch13": {"PATIENTS", "RUNS"}}


@dataclass
class Submission:
    """A notebook that was handed in.

    notebook    nbformat's
    chapter     "03", or "" if it is of no chapter
    functions   exercise -> what the function is called that it gives to `check`
    claimed     exercises that its saved outputs call solved
    odd         what a teacher should look at, a sentence each
    """

    notebook: Any
    chapter: str
    functions: dict[str, str]
    claimed: set[str]
    odd: list[str]


def read(path: Path) -> Submission:
    """Read a notebook's file.  Raises ValueError, in one line, if it is none."""
    import nbformat

    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"the file has {size / 1e6:.0f} MB, expected at most {MOST_BYTES / 1e6:.0f}")
    try:
        notebook = nbformat.reads(path.read_text("utf-8"), as_version=4)
        code = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
        claimed = {name for _, cell in code for output in cell.outputs for name in SAYS_SOLVED.findall(_text(output))}
        sources = [(number, cell.source) for number, cell in code]
    except Exception as error:  # nbformat raises many kinds, and none of them is the teacher's business
        raise ValueError(f"that is no notebook ({type(error).__name__})") from None
    asked = [found for _, source in sources for found in CHECKED.findall(source)]
    chapters = Counter(chapter for chapter, _, _ in asked)
    functions = {f"{chapter}.{exercise}": function for chapter, exercise, function in asked if function}
    named = re.match(r"(\d\d)_", path.name)
    chapter = chapters.most_common(1)[0][0] if chapters else named[1] if named else ""
    odd = [line for number, source in sources for line in _odd(number, source)]
    return Submission(notebook, chapter, functions, claimed, odd)


def _text(output: Any) -> str:
    data = output.get("data", {})
    parts = (output.get("text", ""), data.get("text/plain", ""), data.get("text/html", ""))
    return "\n".join("".join(part) for part in parts)


def _odd(number: int, source: str) -> list[str]:
    """Lines about a cell that puts something in the place of `check`, or looks where the solutions are."""
    try:  # magics are no Python: pass stands for them
        tree = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = []
    for node in ast.walk(tree):
        names = {alias.asname or alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)}
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scratchgan.exercises"):
            if {alias.name for alias in node.names} - USUAL.get(node.module or "", set()):
                found.append(f"cell {number} imports from {node.module}")
        elif isinstance(node, ast.Import) and any(a.name.startswith("scratchgan.exercises.") for a in node.names):
            found.append(f"cell {number} imports from scratchgan.exercises")
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == "check":
            found.append(f"cell {number} makes a check of its own")
        elif isinstance(node, ast.Name) and node.id == "check" and isinstance(node.ctx, ast.Store):
            found.append(f"cell {number} makes a check of its own")
        elif isinstance(node, (ast.Import, ast.ImportFrom)) and "check" in names:
            found.append(f"cell {number} imports another check")
        elif isinstance(node, ast.Attribute) and (node.attr == "solution" or _exercises(node)):
            found.append(f"cell {number} looks into scratchgan.exercises")
    return list(dict.fromkeys(found))


def _exercises(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "scratchgan" and node.attr == "exercises"
