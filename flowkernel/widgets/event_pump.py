"""Lets buttons work while the cell that shows them is still running.

A click comes as a `comm_msg` on the shell channel, whose messages wait for the cell to end.
ipykernel 7 reads that channel in a thread of its own: there the messages of our widgets are
taken out, and handled in a thread of ours. ipykernel 6 reads it in the main thread: there
`poll` handles them, in between. Each of our widgets must be known by the id of its comm.

What ipykernel does not promise is used here, so every version has a test in a browser.
"""

import queue
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from logging import getLogger
from typing import Any

log = getLogger(__name__)
CONTROL = "jupyter.widget.control"  #: Where a page asks for the state of all widgets.
COMMS = frozenset({"comm_msg", "comm_close"})
ASKED = frozenset({"kernel_info_request", "comm_info_request"})
MESSAGES = 10  #: Handled at one look, inclusive.


class EventPump:
    """Takes the messages of some comms past the cell that runs. For ipykernel 7 and later.

    A page that is opened anew asks for the state of all widgets, and for that the kernel must
    say who it is: these questions are let past, too.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._ids: set[str] = set()
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._pass_on = kernel.shell_channel_thread_main
        self._has_said_idle = False
        self._context = copy_context()
        threading.Thread(
            target=self._work, name="flowkernel-clicks", daemon=True
        ).start()
        kernel.shell_channel_thread.io_loop.add_callback(
            lambda: kernel.shell_stream.on_recv(self._receive, copy=False)
        )

    def add(self, ids: Iterable[str]) -> None:
        """From now on the messages of these comms are ours, and belong to this cell."""
        self._ids.update(ids)
        self._context = copy_context()

    def remove(self, ids: Iterable[str]) -> None:
        """These widgets are gone."""
        self._ids.difference_update(ids)

    def poll(self) -> None:
        """In the cell that runs: say that it does, for a click that was handled ended."""
        if self._has_said_idle:
            self._has_said_idle = False
            self._kernel._publish_status("busy", "shell")

    def rest(self) -> None:
        """Nothing to do: it rests when there is no click."""

    async def _receive(self, message: Any) -> None:
        """In the thread that reads the channel."""
        kind, content = self._look(message)
        if kind in ASKED and self._ids:
            await self._tell(message)
        elif self._is_ours(kind, content):
            self._queue.put(message)
        else:
            await self._pass_on(message)

    def _look(self, message: Any) -> tuple[str, dict[str, Any]]:
        """What kind of message it is; its content, if it is about a comm."""
        session = self._kernel.session
        try:
            _, parts = session.feed_identities(message, copy=False)
            told = session.deserialize(parts, content=False, copy=False)
            kind = told["header"]["msg_type"]
            is_comm = kind.startswith("comm_")
            return kind, session.unpack(told["content"]) if is_comm else {}
        except Exception:  # Not for us to judge: the kernel says what is wrong with it.
            return "", {}

    def _is_ours(self, kind: str, content: dict[str, Any]) -> bool:
        if kind == "comm_open" and content.get("target_name") == CONTROL and self._ids:
            self._ids.add(content["comm_id"])
            return True
        return kind in COMMS and content.get("comm_id") in self._ids

    async def _tell(self, message: Any) -> None:
        """Answer what the kernel is asked about itself."""
        kernel = self._kernel
        ident, parts = kernel.session.feed_identities(message, copy=False)
        told = kernel.session.deserialize(parts, content=True, copy=False)
        kernel._publish_status("busy", "shell", parent=told)
        try:
            handler = kernel.shell_handlers[told["header"]["msg_type"]]
            answered = handler(kernel.shell_stream, ident, told)
            if answered is not None:
                await answered
        except Exception:
            log.exception("the kernel could not say who it is")
        finally:
            self._say_idle(told)

    def _say_idle(self, told: Any) -> None:
        self._kernel._publish_status("idle", "shell", parent=told)
        self._has_said_idle = True

    def _work(self) -> None:
        kernel = self._kernel
        while True:
            message = self._queue.get()
            try:
                ident, parts = kernel.session.feed_identities(message, copy=False)
                told = kernel.session.deserialize(parts, content=True, copy=False)
                kernel._publish_status("busy", "shell", parent=told)
                try:
                    handle = getattr(kernel.comm_manager, told["header"]["msg_type"])
                    self._context.run(handle, kernel.shell_stream, ident, told)
                finally:
                    self._say_idle(told)
            except Exception:
                log.exception("a click was lost")


class PolledEventPump:
    """The same for ipykernel 6, whose main thread must be asked to look."""

    def __init__(self) -> None:
        self._context: Any = None
        self._look: Callable[[int], None] | None = None

    def add(self, ids: Iterable[str]) -> None:
        """They are handled with all others."""

    def remove(self, ids: Iterable[str]) -> None:
        """They are gone by themselves."""

    def poll(self) -> None:
        """Handle what has come, but no cells: these wait for their turn."""
        if self._look is None:
            from jupyter_ui_poll import ui_events

            self._context = ui_events()
            self._look = self._context.__enter__()
        self._look(MESSAGES)

    def rest(self) -> None:
        """The cell is about to end: nothing is polled until the next one asks something."""
        if self._look is not None:
            self._context.__exit__(None, None, None)
            self._context = self._look = None


_pumps: dict[int, EventPump | PolledEventPump] = {}


def pump_of(kernel: Any) -> EventPump | PolledEventPump | None:
    """The pump of a kernel, one for each; None: it is no kernel that we know."""
    if kernel is None:
        return None
    if id(kernel) not in _pumps:
        if getattr(kernel, "shell_channel_thread", None) is not None:
            _pumps[id(kernel)] = EventPump(kernel)
        elif hasattr(kernel, "do_one_iteration"):
            _pumps[id(kernel)] = PolledEventPump()
        else:
            return None
    return _pumps[id(kernel)]
