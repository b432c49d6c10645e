"""Tests are cited in texts, claims and tools by their place and name: what is cited is there."""

import ast
import functools
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: tests/layers/test_norms.py, perhaps with ::test_eps
CITED = re.compile(r"\btests/[\w/]+?(?:\.py(?:::(\w+))?(?!\w)|(?=/|\b))")
TEXTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("*.toml"),
    *ROOT.glob(".ci/*"),
    *ROOT.glob(".github/**/*.*"),
    *ROOT.glob("notebooks/*.toml"),
    *ROOT.glob("notebooks/*.md"),
    *ROOT.glob("notebooks/source/*.py"),
    *ROOT.glob("benchmarks/*.py"),
    *ROOT.glob("benchmarks/*.md"),
    *ROOT.glob("scratchgan/**/*.py"),
]


@functools.cache
def functions_of(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def lost(text):
    """Cited tests that are not there."""
    for match in CITED.finditer(text):
        path, name = ROOT / match.group().split("::")[0], match.group(1)
        if not path.exists() or (name and name not in functions_of(path)):
            yield match.group()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_cited_tests_exist(path):
    assert list(lost(path.read_text(encoding="utf-8"))) == []


def test_the_rule_itself():
    here = "tests/test_cited_tests.py"
    assert list(lost(f"pytest {here} -q, `{here}::test_the_rule_itself`, tests/layers and tests/conftest.py")) == []
    assert list(lost(f"{here}::test_gone, tests/test_gone.py, tests/gone")) == [
        f"{here}::test_gone",
        "tests/test_gone.py",
        "tests/gone",
    ]


@pytest.mark.parametrize("kind", ["full", "sample"])
def test_what_the_mutants_name_is_there(kind):
    """benchmarks/mutants.py takes hours: it must not begin with a file or a test that was renamed."""
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "benchmarks" / "mutants.py")
    mutants = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mutants)
    assert mutants.missing(kind) == []
    assert mutants.main(["--dry-run"] if kind == "full" else ["--dry-run", "--sample", "1"]) == 0


def test_no_two_test_files_have_one_name():
    """pytest imports them by their names alone."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
