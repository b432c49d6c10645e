"""Which cells of a notebook need an exercise that is not solved: they cannot run, and that is not another mistake."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence

from .submission import tree_of


def needing(
    cells: Sequence[tuple[int, str]], unsolved: Mapping[str, Collection[str]], stopped: Collection[int]
) -> dict[int, list[str]]:
    """{number of a stopped cell: the unsolved exercises that it needs}, of itself or through what other cells made.

    cells      (number, source), in the order in which they ran
    unsolved   exercise -> the names that its function has in the notebook
    stopped    numbers of the cells that raised an error

    A cell that needs none of them is not in it: its error is its own.
    """
    own: dict[str, set[str]] = {}
    for exercise, names in unsolved.items():
        for name in names:
            own.setdefault(name, set()).add(exercise)
    made = {name: set(exercises) for name, exercises in own.items()}  # name -> the exercises that its value needs
    found = {}
    for number, source in cells:
        tree = tree_of(source)
        if tree is None:
            continue
        of_cell: set[str] = set()
        for statement in tree.body:
            needs = _asked(statement) & set(unsolved)
            needs = needs.union(*(made.get(name, ()) for name in _names(statement, ast.Load)))
            of_cell |= needs
            # what stands behind the statement at which a cell stops is never made
            for name in _names(statement, ast.Store):
                made[name] = (of_cell if number in stopped else needs) | own.get(name, set())
        if number in stopped and of_cell:
            found[number] = sorted(of_cell)
    return found


def _names(statement: ast.stmt, context: type[ast.expr_context]) -> set[str]:
    """The names that a statement reads or binds, except those that are only its own: of a function or a comprehension."""
    if context is ast.Store and isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return {statement.name}
    nodes = list(ast.walk(statement))
    loops = [node.target for node in nodes if isinstance(node, ast.comprehension)]
    inner = {node.id for target in loops for node in ast.walk(target) if isinstance(node, ast.Name)}
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)} - inner


def _asked(statement: ast.stmt) -> set[str]:
    """The exercises that a statement asks `solved` for."""
    calls = (node for node in ast.walk(statement) if isinstance(node, ast.Call) and node.args)
    return {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "solved" and isinstance(call.args[0], ast.Constant)
    }
