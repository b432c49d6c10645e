"""Grading a folder of submitted notebooks: `scratchgan grade FOLDER` runs them, and writes a CSV table.

A notebook's own claims are ignored: its saved outputs, and what its calls of `check(...)` print.  Each notebook runs in
a separate process with limits.  In that process its functions are called with new random input, and their answers are
checked in the grader's process, in which no code of the notebook has run.  The solutions are only in the grader's.

    folder       what was handed in, by whom and when; `archives` opens ZIP archives
    submission   reading a notebook: its chapter, what it checks, and what a teacher should look at
    beside       copying the files beside it, for it to import and read
    judging      one notebook: running it, and judging the functions that it offers
    needs        cells that cannot run because an exercise is not solved
    table        the grades, one row per notebook, and the CSV file
    kernel       the notebook's process, seen from the grader's; `processes` ends it, and what it started
    inside       the same, seen from inside: what `check` does there
    guard        its limits, and reports on who looks for solutions; `calls`: on library functions for the asked one
    wire         what goes between the processes, as JSON

**It runs code that students wrote**, with your rights and access to your files.  Use an account or a container in which
nothing can be lost.
"""

from .kernel import Limits
from .table import GradeRow, grade, grade_one, summary

__all__ = ["GradeRow", "Limits", "grade", "grade_one", "summary"]
