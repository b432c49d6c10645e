"""Right answers in unusual forms are accepted, wrong ones never are, and the hints on numbers are not nonsense."""

import ast
import doctest
import re
from pathlib import Path

import numpy as np
import pytest
from course.answers import tables

from scratchgan.exercises import check, names
from scratchgan.exercises.checking import WRONG, find

SOURCES = Path(__file__).parents[2] / "notebooks" / "source"
if not SOURCES.is_dir():
    pytest.skip("no notebooks here", allow_module_level=True)
RIGHT, BAD = tables()
PAIRS = [(name, form) for name in RIGHT for form in RIGHT[name]]
WRONGS = [(name, what) for name in BAD for what in BAD[name]]


def ident(value):
    return value.replace(" ", "-")[:40]


@pytest.mark.parametrize(("name", "form"), PAIRS, ids=ident)
def test_a_right_answer_in_an_unusual_form_is_accepted(name, form):
    for _ in range(3):
        verdict = check(name, RIGHT[name][form])
        assert verdict.ok, verdict


@pytest.mark.parametrize(("name", "what"), WRONGS, ids=ident)
def test_a_wrong_answer_is_not_accepted(name, what):
    with np.errstate(all="ignore"):
        verdicts = [check(name, BAD[name][what]) for _ in range(10)]
    assert {verdict.status for verdict in verdicts} == {WRONG}


@pytest.mark.parametrize("name", names())
def test_an_exercise_has_answers_to_try(name):
    assert len(RIGHT.get(name, {})) >= 5
    assert len(find(name).mistakes) + len(BAD.get(name, {})) >= 5


def skeletons():
    """{exercise: (source file, the student's function as a syntax tree)}."""
    found = {}
    for source in sorted(SOURCES.glob("*.py")):
        for cell in re.split(r"^# %%.*$", source.read_text(), flags=re.MULTILINE):
            asked = dict(re.findall(r'check\("([\w.]+)", (\w+)\)', cell))
            if asked and "# BEGIN SOLUTION" in cell:
                code = re.sub(r"^(\s*)[%!].*$", r"\1pass", cell, flags=re.MULTILINE)
                functions = {node.name: node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
                found |= {
                    name: (source, functions[function]) for name, function in asked.items() if function in functions
                }
    return found


SKELETONS = skeletons()


@pytest.mark.parametrize("name", names())
def test_the_docstring_of_an_exercise_has_an_example_that_is_right(name):
    if name not in SKELETONS:
        assert name.startswith("13.")  # its answers are verdicts, not functions of numbers
        return
    source, function = SKELETONS[name]
    text = ast.get_docstring(function) or ""
    examples = doctest.DocTestParser().get_examples(text)
    assert examples, f"{source.name}, {function.name}: no example (>>>) in its docstring"
    parameters = [argument.arg for argument in function.args.args]

    def answer(*given, **named):
        return find(name).solution(**dict(zip(parameters, given)), **named)

    test = doctest.DocTest(examples, {"np": np, function.name: answer}, name, source.name, 0, text)
    told = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=told.append)
    assert not told, "".join(told)


def places(about):
    """(labels of equations, quoted headings) that a hint points to."""
    return re.findall(r"\(\w+\.\d+\)", about), re.findall(r'"([^"]+)"', about)


@pytest.mark.parametrize("name", names())
def test_a_hint_points_to_what_stands_in_the_chapter(name):
    labels, headings = places(find(name).about)
    assert labels or headings, find(name).about
    texts = [path.read_text() for path in SOURCES.glob(f"{name.split('.')[0]}_*.py")]
    for label in labels:
        assert any(re.search(rf"^# .*{re.escape(label)}", text, re.MULTILINE) for text in texts), label
    for heading in headings:
        assert any(re.search(rf"^# #+ .*{re.escape(heading)}", text, re.MULTILINE) for text in texts), heading
