"""Grading a folder of submitted notebooks: `scratchgan grade FOLDER` runs them, and writes a CSV table.

A notebook's own claims are ignored: its saved outputs, and what its calls of `check(...)` print.  Each notebook runs in
a separate process with a time limit.  In that process its functions are called with new random input, and their answers
are checked in the grader's process, in which no code of the notebook has run.

    submission   reading a notebook: its chapter, what it checks, and what is suspicious about it
    beside       copying the files beside it, for it to import and read
    checked      which function it means by its answer to an exercise
    kernel       running it in a separate process, and calling its functions
    wire         passing answers between the processes, as JSON: numbers, text and arrays; nothing is executed
    table        the grades, one row per notebook, and the CSV file

**It runs code that students wrote**, with your rights and access to your files.  Use an account or a container in which
nothing can be lost.
"""

from .table import GradeRow, grade, grade_one

__all__ = ["GradeRow", "grade", "grade_one"]
