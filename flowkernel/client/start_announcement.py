"""Says to a person that the engine is being started, which takes seconds."""

import sys
from typing import TextIO

STARTING = "Starting the engine"


def announce_start() -> None:
    """Say it where a person reads it: in their notebook, or on their terminal; else nothing."""
    stream = _stream_of_person()
    if stream is not None:
        stream.write(f"{STARTING} ...\n")
        stream.flush()


def _stream_of_person() -> TextIO | None:
    """Where a person sees at once what is written; None: no person is here."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:  # Programs that run notebooks take no typed input.
        return sys.stdout if getattr(kernel, "_allow_stdin", True) else None
    # None: closed, as some starters do.
    return sys.stderr if sys.stderr is not None and sys.stderr.isatty() else None
