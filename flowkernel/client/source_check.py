"""Look at a flow's source before it runs: is it Python, and what does it not define?"""

import ast
import textwrap
import warnings
from dataclasses import dataclass

from flowkernel.core.errors import FlowSyntaxError
from flowkernel.core.python_source import parse_source

#: What a flow finds ready: of its kernel, and of us.
READY = frozenset(
    "system this inputs get_ipython display In Out _ __ ___ _i _ii _iii _ih _oh _dh"
    " exit quit open __file__ __session__".split()
)


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What was found in a source that is valid Python."""

    undefined: tuple[
        tuple[str, int], ...
    ] = ()  #: Name, and the line where it is first used.


def check_source(source: str, *, setup: str = "", offset: int = 0) -> SourceReport:
    """Look at plain Python: a cell's magics are to be translated before.

    Args:
        setup: Plain Python that runs in front of it: what it defines is defined.
        offset: Lines of the cell above `source`, as its author counts: 1 for `%%flow`.

    Raises:
        FlowSyntaxError: It is not Python; shows the line and marks the place.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # They are said when the flow runs.
        _compile(source, offset)
        return SourceReport(_undefined(source, setup, offset))


def _compile(source: str, offset: int) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # As IPython does.
    try:
        compile(source, "<flow>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        raise FlowSyntaxError(_sentence(error, offset)) from error
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise FlowSyntaxError(f"The cell is not valid Python: {error}.") from error


def _sentence(error: SyntaxError, offset: int) -> str:
    line = (error.lineno or 1) + offset
    said = f"The cell is not valid Python in line {line}: {error.msg}."
    if not error.text or not error.text.strip():
        return said
    text = error.text.rstrip("\n")
    start = max(0, min((error.offset or 1) - 1, len(text)))
    has_end = error.end_lineno == error.lineno and error.end_offset is not None
    end = (
        min(error.end_offset - 1, len(text)) if has_end and error.end_offset else start
    )
    bare = text.lstrip()
    start -= len(text) - len(bare)
    marks = "^" * max(1, end - start - (len(text) - len(bare)))
    place = " " * max(0, start) + marks
    return said + "\n" + textwrap.indent(f"{bare}\n{place}", "    ")


def _undefined(source: str, setup: str, offset: int) -> tuple[tuple[str, int], ...]:
    from pyflakes.checker import Checker
    from pyflakes.messages import UndefinedName

    front = setup.rstrip("\n") + "\n" if setup.strip() else ""
    try:
        tree = parse_source(front + source)
    except (
        SyntaxError,
        ValueError,
    ):  # The setup changed for the worse since it was checked.
        front, tree = "", parse_source(source)
    above = front.count("\n")
    checker = Checker(tree, filename="<flow>", builtins=READY, withDoctest=False)
    found: dict[str, int] = {}
    for message in sorted(checker.messages, key=lambda item: (item.lineno, item.col)):
        if isinstance(message, UndefinedName) and message.lineno > above:
            found.setdefault(message.message_args[0], message.lineno - above + offset)
    return tuple(found.items())
