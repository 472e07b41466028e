"""Lets buttons work while the cell that shows them is still running.

A click comes as a `comm_msg` on the shell channel, whose messages wait for the cell to end.
ipykernel 7 reads that channel in a thread of its own: there we take out the messages of our
widgets and handle them in a thread of ours. ipykernel 6 reads it in the main thread: there
`poll` handles them, in between. Each of our widgets must be known by the id of its comm.

A cell that waits for a person would also hold up the cell that shows what there is to answer.
So ipykernel 7's pump runs a few lines of ours (`%inbox`) while a cell waits, in that thread.

This uses what ipykernel does not promise, so every version has a test in a browser.
"""

import queue
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from logging import getLogger
from typing import Any

from jupyter_client.session import extract_header

from flowkernel.core.clock import monotonic

log = getLogger(__name__)
CONTROL = "jupyter.widget.control"  #: Where a page asks for the state of all widgets.
COMM_KINDS = frozenset({"comm_msg", "comm_close"})
RUN = "execute_request"
INFO_REQUESTS = frozenset({"kernel_info_request", "comm_info_request"})
MESSAGES = 10  #: Handled in one poll, inclusive.
#: Seconds since the last poll in which a cell counts as one that waits, inclusive.
WAITING_SECONDS = 5.0


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
        self._lines: dict[str, Callable[[], None]] = {}
        self._polled_at: float | None = None  #: By the cell that waits.
        self._context = copy_context()
        threading.Thread(
            target=self._handle_messages, name="flowkernel-clicks", daemon=True
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

    def offer(self, line: str, action: Callable[[], None]) -> None:
        """While a cell waits, a cell with this line alone is run at once, by `action`."""
        self._lines[line] = action

    def poll(self) -> None:
        """Report that the cell is busy: a click that was handled has reported idle.

        Call it in the cell that runs.
        """
        if threading.current_thread() is threading.main_thread():
            self._polled_at = monotonic()
        if self._has_sent_idle:
            self._has_sent_idle = False
            self._send_status("busy")

    def rest(self) -> None:
        """The cell that runs waits no longer; clicks are handled all the same."""
        if threading.current_thread() is threading.main_thread():
            self._polled_at = None

    async def _receive(self, message: Any) -> None:
        """Called in the thread that reads the channel."""
        kind, content = self._kind_and_content(message)
        if kind in INFO_REQUESTS and self._ids:
            await self._answer_info(message)
        elif self._is_ours(kind, content) or self._is_offered(kind, content):
            self._queue.put(message)
        else:
            await self._pass_on(message)

    def _kind_and_content(self, message: Any) -> tuple[str, dict[str, Any]]:
        """The type of a message; also its content, if it may be one of ours."""
        session = self._kernel.session
        try:
            _, parts = session.feed_identities(message, copy=False)
            envelope = session.deserialize(parts, content=False, copy=False)
            kind = envelope["header"]["msg_type"]
            is_needed = kind.startswith("comm_") or kind == RUN
            return kind, session.unpack(envelope["content"]) if is_needed else {}
        except Exception:  # The kernel itself reports what is wrong with the message.
            return "", {}

    def _is_ours(self, kind: str, content: dict[str, Any]) -> bool:
        if kind == "comm_open" and content.get("target_name") == CONTROL and self._ids:
            self._ids.add(content["comm_id"])
            return True
        return kind in COMM_KINDS and content.get("comm_id") in self._ids

    def _is_offered(self, kind: str, content: dict[str, Any]) -> bool:
        """Whether it is a cell that we run at once, for another one waits."""
        if kind != RUN or self._polled_at is None:
            return False
        is_waiting = monotonic() - self._polled_at <= WAITING_SECONDS
        return is_waiting and str(content.get("code", "")).strip() in self._lines

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

    def _handle_messages(self) -> None:
        while True:
            message = self._queue.get()
            try:
                ident, request = self._read(message)
                self._send_status("busy", request)
                try:
                    self._handle(ident, request)
                finally:
                    self._send_idle(request)
            except Exception:
                log.exception("a click was lost")

    def _handle(self, ident: Any, request: Any) -> None:
        kernel, kind = self._kernel, request["header"]["msg_type"]
        if kind == RUN:
            copy_context().run(self._run_line, ident, request)
        else:
            handle = getattr(kernel.comm_manager, kind)
            self._context.run(handle, kernel.shell_stream, ident, request)

    def _run_line(self, ident: Any, request: Any) -> None:
        """Run what a line stands for, such that its output belongs to its own cell."""
        kernel, code = self._kernel, request["content"]["code"]
        reply = {"status": "ok", "user_expressions": {}, "payload": []}
        try:
            count = kernel.execution_count
            kernel._publish_execute_input(code, request, count)  # noqa: SLF001
            # Only in the context of this call: the cell that waits keeps its output.
            kernel._shell_parent.set(request)  # noqa: SLF001
            header = extract_header(request)
            kernel.shell.display_pub._parent_header.set(header)  # noqa: SLF001
            self._lines[code.strip()]()
        except Exception as error:
            sentence = f"{type(error).__name__}: {error}"
            reply = {"status": "error", "ename": type(error).__name__}
            reply |= {"evalue": str(error), "traceback": [sentence]}
            kernel.send_response(kernel.iopub_socket, "error", reply)
        self._reply(
            ident, request, {**reply, "execution_count": kernel.execution_count}
        )

    def _reply(self, ident: Any, request: Any, content: dict[str, Any]) -> None:
        """Reply on the channel, in the thread that reads it: none other may write to it."""
        kernel = self._kernel
        send = partial(kernel.session.send, kernel.shell_stream, "execute_reply")
        kernel.shell_channel_thread.io_loop.add_callback(
            send, content, request, ident=ident
        )

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
