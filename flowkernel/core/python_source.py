"""Python source as a tree, from any thread."""

import ast
from threading import Lock

_ONE_AT_A_TIME = Lock()


def parsed(source: str) -> ast.Module:
    """The tree of a source.

    One at a time: Python before 3.11.8 and 3.12.2 counts how deep it is for all threads
    together, and raises a SystemError when two are at it (its issue 106905).

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: It cannot be read.
    """
    with _ONE_AT_A_TIME:
        return ast.parse(source)
