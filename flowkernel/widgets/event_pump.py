"""Lets buttons work while the cell that shows them is still running.

A click comes as a `comm_msg` on the shell channel, whose messages wait for the cell to end.
ipykernel 7 reads that channel in a thread of its own: there we take out the messages of our
widgets and handle them in a thread of ours. ipykernel 6 reads it in the main thread: there
`poll` handles them, in between. Each of our widgets must be known by the id of its comm.

This uses what ipykernel does not promise, so every version has a test in a browser.
"""

import queue
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from logging import getLogger
from typing import Any

log = getLogger(__name__)
CONTROL = "jupyter.widget.control"  #: Where a page asks for the state of all widgets.
COMM_KINDS = frozenset({"comm_msg", "comm_close"})
INFO_REQUESTS = frozenset({"kernel_info_request", "comm_info_request"})
MESSAGES = 10  #: Handled in one poll, inclusive.


class EventPump:
    """Takes the messages of some comms past the cell that runs. For ipykernel 7 and later.

    A page that is opened again asks for the state of all widgets, and for that the kernel must
    describe itself: these requests are answered too.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._ids: set[str] = set()
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._pass_on = kernel.shell_channel_thread_main
        self._has_sent_idle = False
        self._context = copy_context()
        threading.Thread(
            target=self._handle_clicks, name="flowkernel-clicks", daemon=True
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
        """Report that the cell is busy: a click that was handled has reported idle.

        Call it in the cell that runs.
        """
        if self._has_sent_idle:
            self._has_sent_idle = False
            self._send_status("busy")

    def rest(self) -> None:
        """Do nothing: it rests when there is no click."""

    async def _receive(self, message: Any) -> None:
        """Called in the thread that reads the channel."""
        kind, content = self._kind_and_content(message)
        if kind in INFO_REQUESTS and self._ids:
            await self._answer_info(message)
        elif self._is_ours(kind, content):
            self._queue.put(message)
        else:
            await self._pass_on(message)

    def _kind_and_content(self, message: Any) -> tuple[str, dict[str, Any]]:
        """The type of a message; also its content, if it is about a comm."""
        session = self._kernel.session
        try:
            _, parts = session.feed_identities(message, copy=False)
            envelope = session.deserialize(parts, content=False, copy=False)
            kind = envelope["header"]["msg_type"]
            is_comm = kind.startswith("comm_")
            return kind, session.unpack(envelope["content"]) if is_comm else {}
        except Exception:  # The kernel itself reports what is wrong with the message.
            return "", {}

    def _is_ours(self, kind: str, content: dict[str, Any]) -> bool:
        if kind == "comm_open" and content.get("target_name") == CONTROL and self._ids:
            self._ids.add(content["comm_id"])
            return True
        return kind in COMM_KINDS and content.get("comm_id") in self._ids

    async def _answer_info(self, message: Any) -> None:
        """Answer a request for what the kernel is."""
        kernel = self._kernel
        ident, request = self._read(message)
        self._send_status("busy", request)
        try:
            handler = kernel.shell_handlers[request["header"]["msg_type"]]
            pending = handler(kernel.shell_stream, ident, request)
            if pending is not None:
                await pending
        except Exception:
            log.exception("the kernel could not describe itself")
        finally:
            self._send_idle(request)

    def _handle_clicks(self) -> None:
        kernel = self._kernel
        while True:
            message = self._queue.get()
            try:
                ident, event = self._read(message)
                self._send_status("busy", event)
                try:
                    handle = getattr(kernel.comm_manager, event["header"]["msg_type"])
                    self._context.run(handle, kernel.shell_stream, ident, event)
                finally:
                    self._send_idle(event)
            except Exception:
                log.exception("a click was lost")

    def _read(self, message: Any) -> tuple[Any, Any]:
        """The identity of the sender, and the message with its content."""
        session = self._kernel.session
        ident, parts = session.feed_identities(message, copy=False)
        return ident, session.deserialize(parts, content=True, copy=False)

    def _send_idle(self, message: Any) -> None:
        self._send_status("idle", message)
        self._has_sent_idle = True

    def _send_status(self, status: str, parent: Any = None) -> None:
        self._kernel._publish_status(status, "shell", parent=parent)  # noqa: SLF001 (there is no public way)


class PolledEventPump:
    """The same for ipykernel 6, whose main thread reads the channel only when it is polled."""

    def __init__(self) -> None:
        self._context: Any = None
        self._poll_events: Callable[[int], None] | None = None

    def add(self, ids: Iterable[str]) -> None:
        """Do nothing: they are handled with all others."""

    def remove(self, ids: Iterable[str]) -> None:
        """Do nothing: they go by themselves."""

    def poll(self) -> None:
        """Handle the messages that have come, but run no cells: these wait for their turn."""
        if self._poll_events is None:
            from jupyter_ui_poll import ui_events

            self._context = ui_events()
            self._poll_events = self._context.__enter__()
        self._poll_events(MESSAGES)

    def rest(self) -> None:
        """Stop polling until the next question: the cell is about to end."""
        if self._poll_events is not None:
            self._context.__exit__(None, None, None)
            self._context = self._poll_events = None


_pumps: dict[int, EventPump | PolledEventPump] = {}


def pump_of(kernel: Any) -> EventPump | PolledEventPump | None:
    """The pump of a kernel, always the same one; None if the kernel is of another kind."""
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
