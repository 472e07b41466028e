"""Check a flow's source before it runs: its syntax, and the names it does not define."""

import warnings
from dataclasses import dataclass

from flowkernel.core.cell_syntax import syntax_problem
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
    problem = syntax_problem(source, offset=offset)
    if problem:
        raise FlowSyntaxError(problem)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # They are shown when the flow runs.
        return SourceReport(_undefined(source, setup, offset))


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
