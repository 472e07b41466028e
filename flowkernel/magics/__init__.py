"""What `%load_ext flowkernel` adds to a shell, and `%unload_ext` takes away again."""

from contextlib import suppress
from functools import partial
from typing import Any

from flowkernel.client.client import Client
from flowkernel.magics.channel import PresenceChannel, is_notebook
from flowkernel.magics.execution_repr import add_display, remove_display
from flowkernel.magics.flow_magics import FlowMagics
from flowkernel.magics.prompt_display import client_if_running
from flowkernel.magics.target_completion import (
    TargetCompleter,
    add_completion,
    remove_completion,
)

#: IPython's name of the moment before a cell runs.
CELL_EVENT = "pre_run_cell"


def load(ipython: Any) -> None:
    """Add the magics. It starts nothing: a magic that needs the engine starts it.

    If an engine runs and messages wait for an answer, they are shown again: the notebook
    that asked may have been closed. Runs under way that this notebook started are named.
    """
    ipython.register_magics(FlowMagics)
    ipython.events.register(CELL_EVENT, PresenceChannel(ipython).on_cell)
    add_completion(ipython, TargetCompleter(partial(client_if_running, ipython)))
    add_display(ipython)
    client = client_if_running(ipython)
    if client is not None:
        from flowkernel.magics.runs_under_way import name_runs

        name_runs(client)
        _show_open_messages(ipython, client)


def _show_open_messages(ipython: Any, client: Client) -> None:
    from flowkernel.core.errors import FlowkernelError
    from flowkernel.display.live_terminal import write
    from flowkernel.magics.inbox_magic import open_messages, show_open

    with suppress(FlowkernelError):  # An engine that is ending is no problem here.
        messages = open_messages(client)
        if messages and is_notebook(ipython):
            show_open(ipython, client)
        elif messages:  # A question here would take the next line as its answer.
            write(f"{len(messages)} message(s) wait for an answer: %inbox shows them.")


def _end_inbox() -> None:
    from flowkernel.magics.inbox_magic import end_inbox

    end_inbox()


def unload(ipython: Any) -> None:
    """Take the magics out again."""
    for callback in list(ipython.events.callbacks[CELL_EVENT]):
        if isinstance(getattr(callback, "__self__", None), PresenceChannel):
            ipython.events.unregister(CELL_EVENT, callback)
    remove_completion(ipython)
    _end_inbox()
    remove_display(ipython)
    manager = ipython.magics_manager
    magics = manager.registry.pop(FlowMagics.__name__, None)
    if magics is None:
        return
    for kind, names in magics.magics.items():
        for name in names:
            manager.magics[kind].pop(name, None)
    if magics in ipython.configurables:
        ipython.configurables.remove(magics)
