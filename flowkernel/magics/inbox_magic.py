"""%inbox: what waits for an answer, and its answers."""

import threading
from collections.abc import Callable
from typing import Any

from flowkernel.client.client import Client
from flowkernel.client.open_prompts import MAX_OPEN, NoPrompter, OpenPrompts, Prompter
from flowkernel.client.watch import EventReader
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Message
from flowkernel.display.columns import message_table
from flowkernel.display.live_terminal import write
from flowkernel.display.table import Table
from flowkernel.magics.channel import channel_of, is_notebook
from flowkernel.magics.prompt_display import prompter_of

LOOK_SECONDS = 1.0  #: Between looks whether another list took the place of this one.


def open_messages(client: Client) -> list[Message]:
    """What waits for an answer, the newest first."""
    found = client.get("/message", is_open="true", limit=MAX_OPEN)
    return [Message.from_json(record) for record in found]


def show_inbox(shell: Any, client: Client) -> Table | None:
    """Show it, and have it answered, if somebody is there; else a table."""
    messages = open_messages(client)
    table = message_table(messages)
    if not messages or channel_of(shell) is None:
        return table
    if is_notebook(shell):
        return None if _show_beside(shell, client) else table
    write(table.text())
    _ask_in_turn(shell, client, messages)
    return None


def _ask_in_turn(shell: Any, client: Client, messages: list[Message]) -> None:
    from flowkernel.display.terminal_prompts import BlockingInput, TerminalPrompts

    prompter = prompter_of(shell, client, make_room=_nothing)
    if isinstance(prompter, TerminalPrompts):
        prompter.wait_with(BlockingInput())
        for message in reversed(messages):
            prompter.ask(message)
        prompter.poll()


def _nothing() -> None:
    pass


def _show_beside(shell: Any, client: Client) -> bool:
    """Show the prompts in this cell, and keep them current while other cells run.

    What is asked from now on is shown where it is asked.
    """
    prompter = prompter_of(shell, client, make_room=_nothing, is_beside=True)
    if prompter is None:
        return False
    asked = OpenPrompts(client, prompter)
    cursor = client.get("/engine")["last_seq"]
    asked.refresh(is_followed=_all)
    _latest.take(prompter, lambda is_over: _follow(client, cursor, asked, is_over))
    return True


def _all(_execution_id: str) -> bool:
    return True


def _follow(
    client: Client, cursor: int, asked: OpenPrompts, is_over: threading.Event
) -> None:
    reader = EventReader(client, cursor, None)
    try:
        while asked.open and not is_over.is_set():
            event = reader.next(LOOK_SECONDS)
            if event is not None:
                asked.apply(event, accepts_new=False)
    except FlowkernelError:  # No engine any more: the next %inbox says so.
        pass
    finally:
        reader.stop()
        client.close()


class _Latest:
    """One list of a kernel is kept current: the last one."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._prompter: Prompter = NoPrompter()

    def take(
        self, prompter: Prompter, follow: Callable[[threading.Event], None]
    ) -> None:
        """Let the one before go, and follow this one."""
        self._is_over.set()
        self._prompter.finish()
        self._is_over, self._prompter = threading.Event(), prompter
        from flowkernel.widgets.threads import start_thread

        start_thread("flowkernel-inbox", follow, self._is_over)


_latest = _Latest()
