"""The `flowkernel` command: parse, ask the engine, print.

Exit codes: 0 ended with success, 1 ended with error, 2 bad request, 3 cancelled, 4 the
engine cannot be reached. Nothing heavy is imported before a command needs it.
"""

import os
import sys
from contextlib import suppress

from flowkernel.cli.exit_codes import INTERRUPTED, READER_GONE, SUCCESS
from flowkernel.version import __version__


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # A stand-in without an encoding.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if words == ["--version"]:
        print(f"flowkernel {__version__}")
        return SUCCESS
    try:
        code = _carry_out(words)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # `| head` has enough: click exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except Exception as error:
        from flowkernel.cli.failures import failure_code

        return failure_code(error, as_json="--json" in words)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else SUCCESS


def _carry_out(words: list[str]) -> object:
    from flowkernel.cli.parameters import join_pairs, join_uses
    from flowkernel.cli.quick import run_arguments

    joined = join_uses(join_pairs(words or ["--help"]))
    if (asked := run_arguments(joined)) is not None:
        from flowkernel.cli.run_command import run

        return run(**asked)
    from flowkernel.cli.command_line import app

    return app(args=joined, prog_name="flowkernel", standalone_mode=False)
