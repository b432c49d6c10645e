"""Exercises that check themselves.

    from scratchgan.exercises import check

    def dense_backward(dy, x, W):
        return ...                                      # yours: dx, dW, db

    check("03.dense_backward", dense_backward)

`check` calls the function with fresh random input and says whether the values, shapes and dtypes are right.  If not, it
describes the kind of mistake that it looks like, and never gives the answer.  A function that still returns `...` or
None, or raises NotImplementedError, is reported as "not solved yet", so an unsolved notebook still runs to its end.

`solved("03.dense_backward")` is a right function to build on in a later chapter: the learner's, or else the package's.

    checking    how an answer is checked
    borrowed    whose function a later chapter uses
    inputs      inputs that are functions or objects
    reports     which rows of a gradient check are wrong for each fault of chapter 13
    exercise    what an exercise consists of: a reference solution, its input, and the known mistakes with their hints
    ch01 ...    the exercises of each chapter
"""

from .borrowed import solved
from .checking import Verdict, check, names
from .exercise import Exercise

__all__ = ["Exercise", "Verdict", "check", "names", "solved"]
