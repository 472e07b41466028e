"""Whether a person uses this shell, and a report of it to the engine when they run a cell."""

import sys
import threading
from contextlib import suppress
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import FlowkernelError
from flowkernel.flow_api import current

#: Seconds between two reports to the engine, at least.
REPORT_EVERY = 10.0
NOTEBOOK, TERMINAL = "notebook", "command line"


def is_attended(shell: Any) -> bool:
    """Whether a person uses this shell: not papermill, nbclient or cron, and no flow."""
    if current() is not None:
        return False
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:  # Programs that run notebooks take no typed input.
        return bool(getattr(kernel, "_allow_stdin", True))
    return not is_terminal(shell) or sys.stdin.isatty()


def is_notebook(shell: Any) -> bool:
    """Whether the shell belongs to a kernel, whose outputs are displayed elsewhere."""
    return "ZMQInteractiveShell" in _class_names(shell)


def is_terminal(shell: Any) -> bool:
    """Whether the shell is IPython on a terminal."""
    return "TerminalInteractiveShell" in _class_names(shell)


def _class_names(shell: Any) -> set[str]:
    return {cls.__name__ for cls in type(shell).__mro__}


def channel_of(shell: Any) -> str | None:
    """From where a person uses this shell; None if no person does."""
    if not is_attended(shell):
        return None
    return TERMINAL if is_terminal(shell) else NOTEBOOK


class PresenceChannel:
    """Reports now and then that a person uses this shell, if an engine runs."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._reported_at: float | None = None

    def on_cell(self, _execution_info: Any = None) -> None:
        """Report that a cell is about to run. It delays nothing and starts no engine."""
        is_due = (
            self._reported_at is None or monotonic() - self._reported_at > REPORT_EVERY
        )
        channel = channel_of(self._shell) if is_due else None
        if channel is not None:
            self._reported_at = monotonic()
            threading.Thread(
                target=report_presence,
                args=(channel,),
                name="flowkernel-presence",
                daemon=True,
            ).start()


def report_presence(channel: str) -> None:
    """Report a person to the engine of this folder, if it runs."""
    with suppress(FlowkernelError, OSError):
        client = Client()
        client.starts_engine = False
        client.channel = channel
        client.get("/engine")
        client.close()
