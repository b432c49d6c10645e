"""Reading a submitted notebook, before anything runs: which chapter it belongs to, and what is suspicious about it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files.arrays import decoded

MOST_BYTES = 50_000_000
CHECKED = re.compile(r"""\bcheck\(\s*["'](\d\d)\.(\w+)["']\s*(?:,\s*(\w+))?""")
SAYS_SOLVED = re.compile(r"(\d\d\.\w+): solved\b")
#: what a chapter itself imports from scratchgan.exercises
USUAL = {"scratchgan.exercises": {"check", "bugs"}, "scratchgan.exercises.ch13": {"PATIENTS", "RUNS"}}


@dataclass
class Submission:
    """A notebook that was handed in.

    notebook    as read by nbformat
    chapter     such as "03", or "" if it belongs to no chapter
    functions   exercise -> name of the function that the notebook passes to `check`
    claimed     exercises that are solved according to the saved outputs
    odd         what a teacher should look at, one sentence each
    """

    notebook: Any
    chapter: str
    functions: dict[str, str]
    claimed: set[str]
    odd: list[str]


def read(path: Path) -> Submission:
    """Read a notebook's file.  Raises ValueError (one line) if it is too large or not a notebook."""
    import nbformat

    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"the file has {size / 1e6:.0f} MB, expected at most {MOST_BYTES / 1e6:.0f}")
    try:
        notebook = nbformat.reads(decoded(path.read_bytes()), as_version=4)
        code = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
        claimed = {name for _, cell in code for output in cell.outputs for name in SAYS_SOLVED.findall(_text(output))}
        sources = [(number, cell.source) for number, cell in code]
    except Exception as error:  # nbformat raises many kinds of errors, whose details do not help a teacher
        raise ValueError(f"not a notebook ({type(error).__name__})") from None
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
    """Sentences about a cell that replaces `check`, or accesses the solutions."""
    try:  # magics are not Python: replace them by pass
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
            found.append(f"cell {number} defines its own check")
        elif isinstance(node, ast.Name) and node.id == "check" and isinstance(node.ctx, ast.Store):
            found.append(f"cell {number} defines its own check")
        elif isinstance(node, (ast.Import, ast.ImportFrom)) and "check" in names:
            found.append(f"cell {number} imports another check")
        elif isinstance(node, ast.Attribute) and (node.attr == "solution" or _exercises(node)):
            found.append(f"cell {number} accesses scratchgan.exercises")
    return list(dict.fromkeys(found))


def _exercises(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "scratchgan" and node.attr == "exercises"
