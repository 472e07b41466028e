"""Parse Python source, in any thread."""

import ast
from threading import Lock

_PARSER_LOCK = Lock()


def parse_source(source: str) -> ast.Module:
    """The syntax tree of a source.

    One thread at a time: Python before 3.11.8 and 3.12.2 counts the recursion depth for
    all threads together, and raises a SystemError when two parse (its issue 106905).

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: It cannot be parsed.
    """
    with _PARSER_LOCK:
        return ast.parse(source)
