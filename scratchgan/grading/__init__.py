"""Grading a folder of submitted notebooks: `scratchgan grade FOLDER` runs them, and writes a table.

What a notebook says about itself counts for nothing: neither its saved outputs, nor what its own `check(...)` prints.
Each notebook runs in a process of its own, with a time limit.  Then its functions are asked, in there, for their
answers on input that nobody has seen before; and these are judged out here, where no line of the notebook has run.

    submission   reading a notebook: which chapter, what is odd about it
    kernel       running it in another process, and asking its functions
    wire         answers on their way between two processes: numbers, text and arrays, and nothing that is executed
    table        the rows, and the CSV

**It runs what students wrote**, as you, with your files.  Use an account or a container in which nothing can be lost.
"""

from .table import GradeRow, grade, grade_one

__all__ = ["GradeRow", "grade", "grade_one"]
