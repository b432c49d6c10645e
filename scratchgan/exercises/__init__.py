"""Exercises that check themselves.

    from scratchgan.exercises import check

    def dense_backward(dy, x, W):
        return ...                                      # yours: dx, dW, db

    check("03.dense_backward", dense_backward)

`check` calls the function with fresh random input, and says whether value, shape and dtype are right; if not, what kind
of mistake it looks like, in a learner's terms, never the answer.  What still returns `...` or None, or raises
NotImplementedError, is "not solved yet", so that an unsolved notebook runs to its end.

    checking    how an answer is judged
    exercise    what an exercise is: a reference, its input, the mistakes that are known by name
    ch01 ...    the exercises of each chapter
"""

from .checking import Verdict, check, names
from .exercise import Exercise

__all__ = ["Exercise", "Verdict", "check", "names"]
