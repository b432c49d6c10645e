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
EXERCISE = re.compile(r"\d\d[a-z]?\.\w+")
#: magics whose cells are Python
TIMES = re.compile(r"\s*%%(time|timeit|capture|prun)\b[^\n]*\n")
SAYS_SOLVED = re.compile(r"(\d\d[a-z]?\.\w+): solved\b")
#: what a chapter itself imports from scratchgan.exercises
HANDED = {"13": ("PATIENTS", "RUNS")}
USUAL = {"scratchgan.exercises": {"check", "bugs", "names", "solved", "Verdict"}}
USUAL |= {f"scratchgan.exercises.ch{chapter}": set(names) for chapter, names in HANDED.items()}
SOLUTIONS = re.compile(r"scratchgan[./\\]exercises[./\\]ch\d\d|solutions[/\\]\d\d|\bEXERCISES\b")


@dataclass
class Submission:
    """A notebook that was handed in.

    notebook    as read by nbformat
    chapter     such as "03", or "" if it belongs to no chapter
    functions   exercise -> what the notebook passes to `check`, in its order, as texts of expressions
    solved      the exercises that code other than `check` asks for: the arguments of `solved`
    claimed     exercises that are solved according to the saved outputs
    odd         what a teacher should look at, one sentence each
    """

    notebook: Any
    chapter: str
    functions: dict[str, list[str]]
    solved: set[str]
    claimed: set[str]
    odd: list[str]

    @property
    def code(self) -> list[tuple[int, str]]:
        """(number, source) of all cells with code."""
        cells = enumerate(self.notebook.cells, 1)
        return [(number, cell.source) for number, cell in cells if cell.cell_type == "code" and cell.source.strip()]


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
    trees = [(number, tree) for number, source in sources if (tree := tree_of(source)) is not None]
    calls = [call for tree in _with_names(trees) for call in tree]
    chapters = Counter(name.split(".")[0] for name, _ in calls)
    functions: dict[str, list[str]] = {}
    for name, expression in calls:
        if expression:
            functions[name] = [*(e for e in functions.get(name, []) if e != expression), expression]
    solved = set()
    if any("solved" in source for _, source in sources):
        texts = [node.value for _, tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        solved = {text for text in texts if isinstance(text, str) and EXERCISE.fullmatch(text)}
    named = re.search(r"(?<!\d)(\d\d[a-z]?)_[a-z]", path.name)
    chapter = chapters.most_common(1)[0][0] if chapters else named[1] if named else ""
    odd = [line for number, tree in trees for line in _odd(number, tree)]
    return Submission(notebook, chapter, functions, solved, claimed, odd)


def _text(output: Any) -> str:
    data = output.get("data", {})
    parts = (output.get("text", ""), data.get("text/plain", ""), data.get("text/html", ""))
    return "\n".join("".join(part) for part in parts)


def tree_of(source: str) -> ast.Module | None:
    """A cell as a syntax tree, in which magics and shell commands are calls; None if it is not Python."""
    from IPython.core.inputtransformer2 import TransformerManager

    source = TIMES.sub("", source.removeprefix("\ufeff"), count=1) if TIMES.match(source) else source
    try:
        return ast.parse(TransformerManager().transform_cell(source.removeprefix("\ufeff")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _with_names(trees: list[tuple[int, ast.Module]]) -> list[list[tuple[str, str]]]:
    """For each cell the calls of `check`, in order: (exercise, the checked expression as text).

    The expression is "" if it cannot be evaluated outside of the call: in a function, a comprehension or a loop.
    """
    names = {"check"}
    for _, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scratchgan.exercises"):
                names |= {alias.asname for alias in node.names if alias.name == "check" and alias.asname}
    found = []
    for _, tree in trees:
        inner = {id(node) for scope in ast.walk(tree) if isinstance(scope, SCOPES) for node in ast.walk(scope)}
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) in names]
        calls.sort(key=lambda call: (call.lineno, call.col_offset))
        found.append([(name, "" if id(call) in inner else text) for call in calls for name, text in _asked(call)])
    return found


SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.For, ast.AsyncFor),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def _called(call: ast.Call) -> str:
    function = call.func
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _asked(call: ast.Call) -> list[tuple[str, str]]:
    """[(exercise, expression)] of a call of `check`, [] if its first argument is not the name of an exercise."""
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    name = call.args[0] if call.args else options.get("name")
    if not isinstance(name, ast.Constant) or not EXERCISE.fullmatch(str(name.value)):
        return []
    answer = call.args[1] if len(call.args) > 1 else options.get("answer")
    return [(str(name.value), "" if answer is None or isinstance(answer, ast.Starred) else ast.unparse(answer))]


def _odd(number: int, tree: ast.Module) -> list[str]:
    """Sentences about a cell that replaces `check`, or accesses the solutions."""
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
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and (named := SOLUTIONS.search(node.value)):
            found.append(f"cell {number} has a text with {named[0]!r} in it")
    return list(dict.fromkeys(found))


def _exercises(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "scratchgan" and node.attr == "exercises"
