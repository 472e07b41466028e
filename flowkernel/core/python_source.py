"""Parse Python source, in any thread."""

import ast
from threading import Lock

from flowkernel.core.per_process import PerProcess

_parser_lock = PerProcess(Lock)


def parse_source(source: str) -> ast.Module:
    """The syntax tree of a source.

    One thread at a time: Python before 3.11.8 and 3.12.2 counts the recursion depth for
    all threads together, and raises a SystemError when two parse (its issue 106905).

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: It cannot be parsed.
    """
    with _parser_lock.get():
        return ast.parse(source)
