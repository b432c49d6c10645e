"""Run the solved chapters and compute what they claim.  CI names this file; `pytest` alone does not collect it: minutes.

python -m pytest -n 2 tests/course/chapters.py
"""

import importlib
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))
compute_claims = importlib.import_module("compute_claims")


@pytest.mark.parametrize("source", sorted((NOTEBOOKS / "source").glob("*.py")), ids=lambda path: path.stem)
def test_a_solved_chapter_runs_and_its_claims_hold(source):
    assert compute_claims.run(source) == []
