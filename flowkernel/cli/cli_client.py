"""The client of the command line."""

import sys

from flowkernel.client.client import Client

#: From where a person asks and answers here.
COMMAND_LINE = "command line"


def make_client(*, starts_engine: bool = True) -> Client:
    """A client of the home of this folder."""
    client = Client()
    client.started_by = client.started_by.replace("(Python)", "(command line)")
    client.starts_engine = starts_engine
    if is_interactive():
        client.channel = COMMAND_LINE
    return client


def is_interactive() -> bool:
    """Whether a person types here: a terminal at both ends, no pipe and no cron."""
    streams = (sys.stdin, sys.stdout)  # None: closed, as some starters do.
    return all(stream is not None and stream.isatty() for stream in streams)
