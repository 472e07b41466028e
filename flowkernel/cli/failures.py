"""What went wrong, as one sentence and an exit code."""

import sys

import typer

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
    RunError,
)

#: The root of what typer raises: it comes from click, or from its own copy of it.
UsageFault = typer.BadParameter.__mro__[1]
EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (EngineError, NO_ENGINE),
    (ExecutionCancelled, CANCELLED),
    (RunError, FAILED),
    (FlowkernelError, BAD_REQUEST),
    (UsageFault, BAD_REQUEST),
    (UnicodeEncodeError, BAD_REQUEST),
)
AROUND = 10  #: Characters shown on both sides of one that cannot be encoded.


def failure_code(error: Exception, *, as_json: bool) -> int:
    """Say what went wrong; the exit code for it. What nobody foresaw is raised again."""
    if isinstance(error, typer.Exit):
        return int(error.exit_code)
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), None)
    if code is None:
        raise error
    if as_json:
        from flowkernel.cli.output import say_json

        say_json({"code": _name(error), "message": _sentence(error)})
    else:
        from flowkernel.display.live_terminal import write

        write(_sentence(error), sys.stderr)
    return code


def _name(error: Exception) -> str:
    return type(error).__name__ if isinstance(error, FlowkernelError) else "BadArgument"


def _sentence(error: Exception) -> str:
    if isinstance(error, FlowkernelError):
        return str(error)
    if isinstance(error, UnicodeEncodeError):
        near = error.object[max(0, error.start - AROUND) : error.end + AROUND]
        return f"{near!r} is not valid Unicode text. Use it in a UTF-8 locale."
    said = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":  # A group without a command.
        return said
    path = context.command_path if context is not None else "flowkernel"
    return f"{said} `{path} --help` says what there is."
