"""The `flowkernel` command: parse the words, ask the engine, print.

Exit codes: 0 success, 1 the run failed, 2 bad request, 3 cancelled, 4 the engine cannot be
reached. Nothing heavy is imported before a command needs it.
"""

import os
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO

from flowkernel.cli.exit_codes import READER_GONE, SUCCESS
from flowkernel.version import __version__

#: The variable by which a shell asks how a word can go on; typer's name for it.
COMPLETION = "_FLOWKERNEL_COMPLETE"


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: The words behind `flowkernel`. Default: those of this process.
    """
    words = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # A stand-in without an encoding.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if words == ["--version"]:
        print(f"flowkernel {__version__}")
        return SUCCESS
    try:
        code = _call_command(words)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # `| head` has enough: typer exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except Exception as error:
        from flowkernel.cli.error_report import report_error

        return report_error(error, as_json="--json" in words)
    except KeyboardInterrupt as interrupt:
        from flowkernel.cli.error_report import report_interrupt

        code = report_interrupt(interrupt)
        if arguments is None:  # At once: a thread may be waiting for the engine.
            with suppress(OSError):  # Nobody reads it any more.
                sys.stdout.flush()
            os._exit(code)
        return code
    return code if isinstance(code, int) else SUCCESS


def _call_command(words: list[str]) -> object:
    if COMPLETION in os.environ:
        return _complete()
    from flowkernel.cli.parameters import join_pairs

    if words[:1] == ["run"]:
        from flowkernel.cli.options import flags_of
        from flowkernel.cli.quick_parser import quick_parse
        from flowkernel.cli.run_command import run

        words = join_pairs(words, flags_of(run))
        arguments = quick_parse(run, words[1:])
        if arguments is not None:
            return run(**arguments)
    else:
        words = join_pairs(words or ["--help"])
    from flowkernel.cli.command_line import app

    return app(args=words, prog_name="flowkernel", standalone_mode=False)


def _complete() -> int:
    """Print what the shell can complete."""
    from flowkernel.cli.command_line import app
    from flowkernel.cli.shell_words import bash_words

    with redirect_stdout(StringIO()) as output, suppress(SystemExit):
        app(args=[], prog_name="flowkernel", standalone_mode=False)
    text = output.getvalue()
    if os.environ[COMPLETION] == "complete_bash":
        text = bash_words(text, os.environ.get("COMP_WORDS", ""))
    print(text, end="")
    return SUCCESS
