"""A command without the parser of all commands, whose import takes longer than a short flow.

It understands plain, correct words only. With anything else, such as a mistake or `--help`,
the caller goes to `command_line`, which explains it and understands the same and more.
"""

from argparse import ArgumentParser
from typing import Any, NoReturn

from flowkernel.cli.options import Argument, Command, Declaration, Option, declarations
from flowkernel.cli.parameters import join_wrappers


class _NotPlain(Exception):
    """These words are for the other parser."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Leave it to the other parser to explain."""
        raise _NotPlain(message)


def quick_parse(command: Command, words: list[str]) -> dict[str, Any] | None:
    """The arguments to call `command` with; None if the words are not plain.

    Args:
        words: The words after the command's name, with each `-p NAME=VALUE` as two words.

    Raises:
        BadArgument: `--using`, or a parameter behind it, has no value.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    flags = {"--help"}
    for declaration in declarations(command):
        if isinstance(declaration.kind, Argument):
            nargs = None if declaration.is_required else "?"
            parser.add_argument(declaration.name, nargs=nargs)
        else:
            _add_option(parser, declaration, declaration.kind)
            flags.update(declaration.kind.flags)
    try:
        return vars(parser.parse_args(join_wrappers(words, frozenset(flags))))
    except _NotPlain:
        return None


def _add_option(
    parser: ArgumentParser, declaration: Declaration, option: Option
) -> None:
    settings: dict[str, Any] = {"action": "store"}
    if declaration.is_flag:
        settings = {"action": "store_true"}
    elif declaration.is_repeatable:
        settings = {"action": "append"}
    elif declaration.is_number:
        settings = {"type": lambda text: _number(text, option.minimum)}
    parser.add_argument(
        *option.flags, dest=declaration.name, default=declaration.default, **settings
    )


def _number(text: str, minimum: int | None) -> int:
    number = int(text)
    if minimum is not None and number < minimum:
        raise ValueError(f"{number} is less than {minimum}")
    return number
