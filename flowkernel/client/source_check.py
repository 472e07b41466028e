"""Check a flow's source before it runs: its syntax, and the names it does not define."""

import ast
import textwrap
import warnings
from dataclasses import dataclass

from flowkernel.core.errors import FlowSyntaxError
from flowkernel.core.python_source import parse_source

#: Names that a flow's kernel defines: ours, and those of IPython.
READY = frozenset(
    {
        *("system", "this", "inputs", "get_ipython", "display", "In", "Out"),
        *("_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh"),
        *("exit", "quit", "open", "__file__", "__session__"),
    }
)


@dataclass(frozen=True, slots=True)
class SourceReport:
    """The result of a check of a source that is valid Python."""

    #: Each name that is not defined, and the line where it is first used.
    undefined: tuple[tuple[str, int], ...] = ()


def check_source(source: str, *, setup: str = "", offset: int = 0) -> SourceReport:
    """Check plain Python. A cell's magics must be translated before.

    Args:
        setup: Plain Python that runs before it: the names it defines are defined.
        offset: Lines of the cell above `source`: 1 for `%%flow`.

    Raises:
        FlowSyntaxError: It is not valid Python; shows the line and marks the place.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # They are shown when the flow runs.
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
    sentence = f"The cell is not valid Python in line {line}: {error.msg}."
    if not error.text or not error.text.strip():
        return sentence
    text = error.text.rstrip("\n")
    start = max(0, min((error.offset or 1) - 1, len(text)))
    has_end = error.end_lineno == error.lineno and error.end_offset is not None
    end = (
        min(error.end_offset - 1, len(text)) if has_end and error.end_offset else start
    )
    bare_text = text.lstrip()
    indent = len(text) - len(bare_text)
    marks = " " * max(0, start - indent) + "^" * max(1, end - start)
    return sentence + "\n" + textwrap.indent(f"{bare_text}\n{marks}", "    ")


def _undefined(source: str, setup: str, offset: int) -> tuple[tuple[str, int], ...]:
    from pyflakes.checker import Checker
    from pyflakes.messages import UndefinedName

    front = setup.rstrip("\n") + "\n" if setup.strip() else ""
    try:
        tree = parse_source(front + source)
    except (SyntaxError, ValueError):  # The setup was changed and is broken now.
        front, tree = "", parse_source(source)
    above = front.count("\n")
    checker = Checker(tree, filename="<flow>", builtins=READY, withDoctest=False)
    first_lines: dict[str, int] = {}
    for message in sorted(checker.messages, key=lambda item: (item.lineno, item.col)):
        if isinstance(message, UndefinedName) and message.lineno > above:
            line = message.lineno - above + offset
            first_lines.setdefault(message.message_args[0], line)
    return tuple(first_lines.items())
