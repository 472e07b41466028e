"""The client of the command line."""

import sys

from flowkernel.client.client import Client

COMMAND_LINE = "command line"  #: From where a person asks and answers here.


def client(*, starts_engine: bool = True) -> Client:
    """A client of the home of this folder."""
    made = Client()
    made.started_by = made.started_by.replace("(Python)", "(command line)")
    made.starts_engine = starts_engine
    if is_person_there():
        made.channel = COMMAND_LINE
    return made


def is_person_there() -> bool:
    """Whether somebody types here: a terminal at both ends, and no pipe or cron."""
    streams = (sys.stdin, sys.stdout)  # None: closed, as some starters do.
    return all(stream is not None and stream.isatty() for stream in streams)
