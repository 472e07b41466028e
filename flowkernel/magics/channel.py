"""Whether a person uses this shell; and telling the engine so when they execute a cell."""

import sys
import threading
from contextlib import suppress
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import FlowkernelError
from flowkernel.flow_api import current

TELL_EVERY = 10.0  #: Seconds between two words to the engine, at least.
NOTEBOOK, TERMINAL = "notebook", "command line"


def is_attended(shell: Any) -> bool:
    """Whether somebody is at this shell: not papermill, nbclient or cron, nor a flow."""
    if current() is not None:
        return False
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:  # Who executes for nobody takes no typed input.
        return bool(getattr(kernel, "_allow_stdin", True))
    names = {cls.__name__ for cls in type(shell).__mro__}
    return "TerminalInteractiveShell" not in names or sys.stdin.isatty()


def is_notebook(shell: Any) -> bool:
    """Whether the shell belongs to a kernel, whose outputs are displayed elsewhere."""
    return any(cls.__name__ == "ZMQInteractiveShell" for cls in type(shell).__mro__)


def channel_of(shell: Any) -> str | None:
    """From where a person uses this shell; None: no person does."""
    if not is_attended(shell):
        return None
    names = {cls.__name__ for cls in type(shell).__mro__}
    return TERMINAL if "TerminalInteractiveShell" in names else NOTEBOOK


class PresenceChannel:
    """Says now and then that somebody is at this shell, if an engine is there to hear it."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._told_at: float | None = None

    def on_cell(self, _what: Any = None) -> None:
        """A cell is about to run. Never in its way, and never starts an engine."""
        is_due = self._told_at is None or monotonic() - self._told_at > TELL_EVERY
        channel = channel_of(self._shell) if is_due else None
        if channel is not None:
            self._told_at = monotonic()
            threading.Thread(
                target=tell, args=(channel,), name="flowkernel-attendance", daemon=True
            ).start()


def tell(channel: str) -> None:
    """Tell the engine of this folder, if it runs."""
    with suppress(FlowkernelError, OSError):
        client = Client()
        client.starts_engine = False
        client.channel = channel
        client.get("/engine")
        client.close()
