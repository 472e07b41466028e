"""`flowkernel run` without the parser of all commands, which takes longer than the flow.

Only what is said plainly is understood here. Anything else, a mistake or a question for help
too, goes to the parser that can explain it: it understands the same and more.
"""

from argparse import ArgumentParser
from typing import Any, NoReturn


class _Unclear(Exception):
    """These words are for the other parser."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Leave the explaining to the other one."""
        raise _Unclear(message)


def run_arguments(words: list[str]) -> dict[str, Any] | None:
    """What `cli.running.run` takes, from `run` and the words after it; None: unclear."""
    if words[:1] != ["run"]:
        return None
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("target")
    parser.add_argument("-p", "--parameter", action="append", default=[], dest="pairs")
    parser.add_argument("--name")
    parser.add_argument("--using", action="append", default=[])
    parser.add_argument("--interactive", action="store_true")
    parser.add_argument("--no-wait", action="store_false", dest="waits")
    parser.add_argument("--json", action="store_true", dest="as_json")
    try:
        return vars(parser.parse_args(words[1:]))
    except _Unclear:
        return None
