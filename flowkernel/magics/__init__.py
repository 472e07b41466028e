"""What `%load_ext flowkernel` puts into a shell, and takes out again."""

from contextlib import suppress
from typing import Any

from flowkernel.magics.channel import PresenceChannel, is_notebook
from flowkernel.magics.flow_magics import FlowMagics
from flowkernel.magics.prompt_display import known_client

ON_CELL = "pre_run_cell"  #: IPython's name of the moment.


def load(ipython: Any) -> None:
    """Add the magics. Starts nothing: the engine is met when a magic first needs it.

    If an engine is there and something waits for an answer, it is shown again: the notebook
    that asked may have been closed.
    """
    ipython.register_magics(FlowMagics)
    ipython.events.register(ON_CELL, PresenceChannel(ipython).on_cell)
    _show_what_waits(ipython)


def _show_what_waits(ipython: Any) -> None:
    client = known_client(ipython)
    if client is None:
        return
    from flowkernel.core.errors import FlowkernelError
    from flowkernel.display.live_terminal import write
    from flowkernel.magics.inbox_magic import open_messages, show_inbox

    with suppress(FlowkernelError):  # An engine that is going: it is no concern here.
        messages = open_messages(client)
        if messages and is_notebook(ipython):
            show_inbox(ipython, client)
        elif messages:  # A question here would get the next line for an answer.
            write(f"{len(messages)} message(s) wait for an answer: %inbox shows them.")


def unload(ipython: Any) -> None:
    """Take the magics out again."""
    for callback in list(ipython.events.callbacks[ON_CELL]):
        if isinstance(getattr(callback, "__self__", None), PresenceChannel):
            ipython.events.unregister(ON_CELL, callback)
    manager = ipython.magics_manager
    ours = manager.registry.pop(FlowMagics.__name__, None)
    if ours is None:
        return
    for kind, names in ours.magics.items():
        for name in names:
            manager.magics[kind].pop(name, None)
    if ours in ipython.configurables:
        ipython.configurables.remove(ours)
