"""%inbox: the messages that wait for an answer, and their answers."""

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

#: Seconds between checks whether another list took the place of this one.
CHECK_SECONDS = 1.0


def open_messages(client: Client) -> list[Message]:
    """The messages that wait for an answer, the newest first."""
    records = client.get_list("/message", is_open="true", limit=MAX_OPEN)
    return [Message.from_json(record) for record in records]


def show_inbox(shell: Any, client: Client) -> Table | None:
    """Show them, and let a person answer; a table if there is no person to ask."""
    messages = open_messages(client)
    table = message_table(messages)
    if not messages or channel_of(shell) is None:
        return table
    if is_notebook(shell):
        return None if _show_in_background(shell, client) else table
    write(table.text())
    _ask_in_turn(shell, client, messages)
    return None


def _ask_in_turn(shell: Any, client: Client, messages: list[Message]) -> None:
    from flowkernel.display.terminal_prompts import BlockingInput, TerminalPrompts

    prompter = prompter_of(shell, client, make_room=_do_nothing)
    if isinstance(prompter, TerminalPrompts):
        prompter.wait_with(BlockingInput())
        for message in reversed(messages):
            prompter.ask(message)
        prompter.poll()


def _do_nothing() -> None:
    pass


def _show_in_background(shell: Any, client: Client) -> bool:
    """Show the prompts in this cell, and keep them current while other cells run.

    Messages that are sent later are not added: they appear where they are sent.
    """
    prompter = prompter_of(shell, client, make_room=_do_nothing, is_in_background=True)
    if prompter is None:
        return False
    prompts = OpenPrompts(client, prompter)
    cursor = client.get("/engine")["last_seq"]
    prompts.refresh(is_followed=lambda _execution_id: True)
    _current_list.replace(
        prompter, lambda is_over: _follow(client, cursor, prompts, is_over)
    )
    return True


def _follow(
    client: Client, cursor: int, prompts: OpenPrompts, is_over: threading.Event
) -> None:
    reader = EventReader(client, cursor, None)
    try:
        while prompts.open and not is_over.is_set():
            event = reader.next(CHECK_SECONDS)
            if event is not None:
                prompts.apply(event, accepts_new=False)
    except FlowkernelError:  # The engine has ended: the next %inbox says so.
        pass
    finally:
        reader.stop()
        client.close()


class _CurrentList:
    """The list of a kernel that is kept current: the last one only."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._prompter: Prompter = NoPrompter()

    def replace(
        self, prompter: Prompter, follow: Callable[[threading.Event], None]
    ) -> None:
        """End the previous list, and follow this one in a thread."""
        self._is_over.set()
        self._prompter.finish()
        self._is_over, self._prompter = threading.Event(), prompter
        from flowkernel.widgets.threads import start_thread

        start_thread("flowkernel-inbox", follow, self._is_over)


_current_list = _CurrentList()
