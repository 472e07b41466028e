"""%inbox: the messages that wait for an answer, and their answers."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.display import display

from flowkernel.client.client import Client
from flowkernel.client.open_prompts import MAX_OPEN, NoPrompter, OpenPrompts, Prompter
from flowkernel.client.watch import EventReader
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Message
from flowkernel.display.columns import message_table
from flowkernel.display.live_terminal import write
from flowkernel.display.table import Table
from flowkernel.magics.channel import channel_of, is_notebook, is_terminal
from flowkernel.magics.prompt_display import (
    has_widgets,
    inbox_list,
    line_prompter,
    prompter_of,
)

if TYPE_CHECKING:
    from flowkernel.widgets.event_pump import EventPump
    from flowkernel.widgets.prompt_view import InboxList

_log = logging.getLogger(__name__)
#: Seconds between checks whether another list took the place of this one.
CHECK_SECONDS = 1.0
#: Seconds between looks whether there is an engine again.
AWAY_SECONDS = 2.0
INBOX = "%inbox"
NOTHING_WAITS = "Nothing waits for an answer."


def open_messages(client: Client) -> list[Message]:
    """The messages that wait for an answer, the newest first."""
    records = client.get_list("/message", is_open="true", limit=MAX_OPEN)
    return [Message.from_json(record) for record in records]


def show_inbox(shell: Any, client: Client) -> Table | None:
    """Show them, and let a person answer; a table if there is no person to ask.

    With widgets, what comes later is shown, too.
    """
    if channel_of(shell) is not None and has_widgets(shell):
        _show_list(client, inbox_list(shell, client))
        return None
    messages = open_messages(client)
    table = message_table(messages)
    if channel_of(shell) is None or is_notebook(shell):
        return table
    if not messages:
        return _say_nothing_waits(shell, table)
    write(table.text())
    _ask_in_turn(shell, client, messages)
    return None


def _show_list(client: Client, inbox: "InboxList") -> None:
    """Show what waits, and what comes later; the list says if it cannot."""
    inbox.open()
    try:
        _keep_current(client, inbox, accepts_new=True, on_error=inbox.fail)
    except BaseException as error:  # An interrupt, too.
        inbox.fail(error)
        raise
    inbox.show_count()


def _say_nothing_waits(shell: Any, table: Table) -> Table | None:
    if not is_terminal(shell):
        return table
    write(NOTHING_WAITS)
    return None


def show_open(shell: Any, client: Client) -> None:
    """Show what waits for an answer now, in the cell that loads the extension."""
    prompter = prompter_of(shell, client, make_room=_do_nothing, is_in_background=True)
    if prompter is not None:
        _keep_current(client, prompter, accepts_new=False)


def offer_inbox(shell: Any, client: Client) -> "EventPump | None":
    """Let `%inbox` in another cell be shown while the cell that runs waits.

    Returns:
        What the cell must poll while it waits; None if this kernel has none.
    """
    if channel_of(shell) is None or not has_widgets(shell):
        return None
    from flowkernel.widgets.event_pump import EventPump, pump_of

    pump = pump_of(shell.kernel)
    if not isinstance(pump, EventPump):
        return None
    pump.offer(INBOX, partial(_display_inbox, shell, client))
    return pump


def _display_inbox(shell: Any, client: Client) -> None:
    table = show_inbox(shell, client)
    if table is not None:
        display(table)


def _ask_in_turn(shell: Any, client: Client, messages: list[Message]) -> None:
    from flowkernel.display.line_input import WaitingInput, lines_of

    prompter = line_prompter(shell, client, make_room=_do_nothing)
    lines = lines_of(is_terminal=is_terminal(shell))
    prompter.wait_with(WaitingInput(lines))
    for message in reversed(messages):
        prompter.ask(message)
    prompter.poll()


def _do_nothing() -> None:
    pass


def _ignore(_error: Exception) -> None:
    """The default of `on_error`."""


def _keep_current(
    client: Client,
    prompter: Prompter,
    *,
    accepts_new: bool,
    on_error: Callable[[Exception], None] = _ignore,
) -> None:
    """Show the open messages, and follow them while other cells run.

    Args:
        on_error: Called, in the thread that follows, with what ends it before its time.
    """
    client.get("/engine")  # It starts one, if a person asks.
    watcher = _watcher_of(client)
    prompts = OpenPrompts(watcher, prompter)
    cursor = _refresh(watcher, prompts)
    follow = partial(_follow, watcher, cursor, prompts, accepts_new=accepts_new)
    _current_list.replace(prompter, partial(_until_error, follow, on_error))


def _until_error(
    follow: Callable[[threading.Event], None],
    on_error: Callable[[Exception], None],
    is_over: threading.Event,
) -> None:
    try:
        follow(is_over)
    except Exception as error:  # The thread ends: the person must not wait for it.
        _log.info("The list of messages is no longer followed.", exc_info=True)
        on_error(error)


def _watcher_of(client: Client) -> Client:
    """A client that starts no engine, and whose requests are no sign of a person."""
    watcher = Client(client.home, started_by=client.started_by)
    watcher.starts_engine = False
    return watcher


def _refresh(client: Client, prompts: OpenPrompts) -> int:
    """Read what is open; the number of an event that is not newer than that."""
    cursor: int = client.get("/engine")["last_seq"]
    prompts.refresh(is_followed=lambda _execution_id: True)
    return cursor


def _follow(
    client: Client,
    cursor: int,
    prompts: OpenPrompts,
    is_over: threading.Event,
    *,
    accepts_new: bool,
) -> None:
    """Follow the events, also those of the next engine, until it is over."""
    while not is_over.is_set() and (accepts_new or prompts.open):
        try:
            _follow_engine(client, cursor, prompts, is_over, accepts_new=accepts_new)
        except FlowkernelError:  # The engine has ended.
            is_over.wait(AWAY_SECONDS)
            with suppress(FlowkernelError):
                cursor = _refresh(client, prompts)
    client.close()


def _follow_engine(
    client: Client,
    cursor: int,
    prompts: OpenPrompts,
    is_over: threading.Event,
    *,
    accepts_new: bool,
) -> None:
    reader = EventReader(client, cursor, None, is_passive=True)
    try:
        while not is_over.is_set() and (accepts_new or prompts.open):
            event = reader.next(CHECK_SECONDS)
            if event is not None:
                prompts.apply(event, accepts_new=accepts_new)
    finally:
        reader.stop()


class _CurrentList:
    """The list of a kernel that is kept current: the last one only."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._prompter: Prompter = NoPrompter()

    def replace(
        self, prompter: Prompter, follow: Callable[[threading.Event], None]
    ) -> None:
        """End the previous list, and follow this one in a thread."""
        self.end()
        self._is_over, self._prompter = threading.Event(), prompter
        from flowkernel.widgets.threads import start_thread

        start_thread("flowkernel-inbox", follow, self._is_over)

    def end(self) -> None:
        """No list is kept current any longer."""
        self._is_over.set()
        self._prompter.finish()
        self._prompter = NoPrompter()


_current_list = _CurrentList()


def end_inbox() -> None:
    """Keep no list current any longer: the extension is taken away."""
    _current_list.end()
