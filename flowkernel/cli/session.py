"""The client of the command line."""

from flowkernel.client import Client


def client(*, starts_engine: bool = True) -> Client:
    """A client of the home of this folder."""
    made = Client()
    made.started_by = made.started_by.replace("(Python)", "(command line)")
    made.starts_engine = starts_engine
    return made
