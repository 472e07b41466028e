"""Whether a person is at this shell, how they are asked, and that they are told to be there.

papermill and nbclient run cells without a way to type: nobody is there.
"""

import sys
import threading
from contextlib import suppress
from typing import Any

from flowkernel.asked import Asker
from flowkernel.client import Client
from flowkernel.clock import monotonic
from flowkernel.errors import FlowkernelError
from flowkernel.home import EngineFile, find_home

SIGN_SECONDS = 60.0  #: Between two signs that somebody executes cells, at least.
NOTEBOOK, TERMINAL = "notebook", "command line"


def is_notebook(shell: Any) -> bool:
    """Whether the shell belongs to a kernel, whose outputs are displayed elsewhere."""
    return any(cls.__name__ == "ZMQInteractiveShell" for cls in type(shell).__mro__)


def channel_of(shell: Any) -> str | None:
    """From where a person uses this shell; None: no person does."""
    if is_notebook(shell):
        kernel = getattr(shell, "kernel", None)
        return NOTEBOOK if getattr(kernel, "_allow_stdin", False) else None
    is_there = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return TERMINAL if is_there else None


def asker_of(
    shell: Any, client: Client, *, make_room: Any, is_beside: bool = False
) -> Asker | None:
    """How a person is asked here; None: nobody can be.

    Args:
        make_room: Called before something is written below the tree.
        is_beside: The cell ends at once, and the next ones run meanwhile.
    """
    channel = channel_of(shell)
    if channel is None:
        return None

    def answer(message_id: str, response: dict[str, Any]) -> dict[str, Any]:
        return client.answer(message_id, response, answered_from=channel)

    if channel == NOTEBOOK and _has_widgets():
        from flowkernel.widgets.prompts import PromptList
        from flowkernel.widgets.pump import Pump, pump_of

        pump = pump_of(shell.kernel)
        # Without one that works by itself, clicks come between the cells.
        return PromptList(
            answer, None if is_beside and not isinstance(pump, Pump) else pump
        )
    if is_beside:  # A question in between would get the next cell for an answer.
        return None
    from flowkernel.typed_prompts import TypedPrompts, lines_of

    lines = lines_of(is_terminal=channel == TERMINAL)
    return TypedPrompts(answer, lines, make_room=make_room)


def _has_widgets() -> bool:
    try:
        import ipywidgets  # noqa: F401
    except ImportError:  # A kernel of an environment without it.
        return False
    return True


class Signs:
    """Tells the engine, if there is one, that somebody executes cells. Waits for nothing."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._told_at: float | None = None

    def pre_run_cell(self, _info: Any) -> None:
        """A cell begins."""
        channel = channel_of(self._shell)
        is_due = self._told_at is None or monotonic() - self._told_at > SIGN_SECONDS
        if channel is None or not is_due:
            return
        self._told_at = monotonic()
        threading.Thread(
            target=_tell, args=(channel,), name="flowkernel-sign", daemon=True
        ).start()


def _tell(channel: str) -> None:
    client = known_client(channel)
    if client is not None:
        with suppress(FlowkernelError):
            client.get("/engine")
        client.close()


def known_client(channel: str) -> Client | None:
    """A client of the home we are in, if an engine is there; it starts none."""
    with suppress(FlowkernelError, OSError):
        home = find_home()
        if EngineFile.read(home) is not None:
            client = Client(home)
            client.started_by = client.started_by.replace("(Python)", f"({channel})")
            client.channel = channel
            client.starts_engine = False
            return client
    return None
