"""What went wrong, as one sentence and an exit code.

Errors of our own need no parser: typer, whose import takes a while, is loaded for the others.
"""

import re
import sys
from difflib import get_close_matches
from typing import Any

from flowkernel.cli.exit_codes import (
    BAD_REQUEST,
    CANCELLED,
    FAILED,
    INTERRUPTED,
    NO_ENGINE,
)
from flowkernel.core.errors import (
    EngineError,
    ExecutionCancelled,
    FlowkernelError,
    HomeMissing,
    RunError,
)

EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (EngineError, NO_ENGINE),
    (ExecutionCancelled, CANCELLED),
    (RunError, FAILED),
    (FlowkernelError, BAD_REQUEST),
    (UnicodeEncodeError, BAD_REQUEST),
)
#: How like an option a word must be to be one that is misspelled, as `difflib` counts.
NEAR_OPTION = 0.8
#: Characters shown on both sides of one that cannot be encoded.
CONTEXT_LENGTH = 10


def report_error(error: Exception, *, as_json: bool) -> int:
    """Print what went wrong; the exit code for it.

    Raises:
        Exception: The same error, if it is a bug and no sentence for a person.
    """
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), None)
    if code is None:
        import typer

        if isinstance(error, typer.Exit):
            return int(error.exit_code)
        if isinstance(error, typer.Abort):
            return report_interrupt(error.__cause__)
        # The root of what typer raises for a mistake in the words; it has no public name.
        if not isinstance(error, typer.BadParameter.__mro__[1]):
            raise error
        code = BAD_REQUEST
    is_empty_list = as_json and isinstance(error, HomeMissing) and error.is_list
    if as_json:
        from flowkernel.cli.output import print_json

        record = {"code": _code(error), "message": _sentence(error)}
        print_json([] if is_empty_list else record)
    if is_empty_list or not as_json:
        from flowkernel.display.live_terminal import write

        write(_sentence(error), sys.stderr)
    return code


def report_interrupt(interrupt: BaseException | None) -> int:
    """Say that this command was interrupted, and what that means; the exit code for it."""
    from flowkernel.display.live_terminal import write

    echo = "\n" if sys.stderr.isatty() else ""  # The terminal has written ^C.
    write(echo + (str(interrupt or "") or "Interrupted."), sys.stderr)
    return INTERRUPTED


def _code(error: Exception) -> str:
    return type(error).__name__ if isinstance(error, FlowkernelError) else "BadArgument"


def _sentence(error: Exception) -> str:
    if isinstance(error, FlowkernelError):
        return str(error)
    if isinstance(error, UnicodeEncodeError):
        start = max(0, error.start - CONTEXT_LENGTH)
        excerpt = error.object[start : error.end + CONTEXT_LENGTH]
        return f"{excerpt!r} is not valid Unicode text. Use it in a UTF-8 locale."
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    if type(error).__name__ == "NoArgsIsHelpError":  # A group without a command.
        return text
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "flowkernel"
    end = "" if text.endswith((".", "?", "!")) else "."
    hint = _run_hint(error) if path.endswith(" run") else _command_hint(text, context)
    return f"{text}{end} {hint}`{path} --help` shows the commands and options."


def _command_hint(text: str, context: Any) -> str:
    """Which command of a group somebody may have meant who left out the group.

    `context`: typer's, of the group whose command there is not.
    """
    match = re.match(r"No such command '(.+)'\.?$", text)
    # Another mistake, or a near command is named already.
    if match is None or context is None:
        return ""
    by_name: dict[str, list[str]] = {}
    for group_name, group in context.command.commands.items():
        for name in getattr(group, "commands", ()):
            by_name.setdefault(name, []).append(f"`flowkernel {group_name} {name}`")
    nearest = get_close_matches(match[1], by_name, n=1)
    commands = by_name[nearest[0]] if nearest else []
    return f"Did you mean {' or '.join(commands)}? " if commands else ""


def _run_hint(error: Exception) -> str:
    """How an input of a flow is written, if somebody wrote it as an option or a word."""
    option = getattr(error, "option_name", None)
    options = getattr(error, "possibilities", None) or ()  # It names them.
    if option is not None and get_close_matches(option, options, cutoff=NEAR_OPTION):
        return ""
    match = re.search(r"extra argument\S* \((\S+)", str(error))
    if option is not None:
        name = option.lstrip("-").replace("-", "_")
        return (
            f"An input of the flow is passed with -p: -p {name} VALUE. An option of a wrapper "
            f"stands behind it: --using WRAPPER {option} VALUE. "
        )
    if match is not None:
        word = match[1].rstrip(")")
        pair = word if "=" in word else f"NAME {word}"
        return f"An input of the flow is passed with -p: -p {pair}. "
    return ""
