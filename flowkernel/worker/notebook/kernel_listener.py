"""papermill's client, as it listens to the kernel while one cell runs.

It keeps the reply, notices a kernel that ended or a cell that is over its time limit, and takes
the output. Every method of nbclient that we override is in this module, and in no other.

A socket of ZeroMQ signals only once, when a message comes, that there is something to read.
Sending over the socket from elsewhere can use up that signal. Two do so: jupyter_client's
session, on our side, when a message for a widget goes to the kernel while a reply comes (its
pull request 1059), and ipykernel 7.0 to 7.3, on theirs, when a request comes while a reply goes
(its pull request 1529). The reader then waits without end for a message that has arrived.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import nbformat
import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_core.utils import ensure_async
from nbclient.exceptions import (
    CellExecutionComplete,
    CellTimeoutError,
    DeadKernelError,
)
from papermill.clientwrap import PapermillNotebookClient

from flowkernel.core.clock import monotonic
from flowkernel.core.per_process import PerProcess
from flowkernel.worker.event_loops import in_thread_loop
from flowkernel.worker.notebook.cell_outcome import is_signal
from flowkernel.worker.notebook.cell_timeout import CellTimeout
from flowkernel.worker.notebook.display_budget import DisplayLimits
from flowkernel.worker.notebook.display_output import DisplayCollector
from flowkernel.worker.notebook.error_text import Content, with_published
from flowkernel.worker.notebook.last_output import LastOutput
from flowkernel.worker.notebook.notebook_saver import NotebookSaver
from flowkernel.worker.notebook.stream_output import StreamCollector
from flowkernel.worker.reporting.execution_session import (
    DISPLAY_LIMIT,
    ExecutionSession,
)

ALIVE_SECONDS = 0.1  #: Between two checks whether the kernel lives.
#: How long a kernel may be silent that has replied, and owes output. nbclient counts the whole
#: time: on a busy machine, 20,000 lines that had come before the reply took over 60.
OUTPUT_SECONDS = 600
NO_LIMIT = 10**9  #: Seconds, for nbclient.

TURN_SECONDS = 0.05  #: How long output is taken until others have a turn.
#: How long output is taken after a cancel. What comes later is left out.
CANCEL_SECONDS = 0.5

PATIENCE = 0.5  #: Seconds that a kernel may be silent when a message is expected.

DISK_IS_FULL = (
    "[flowkernel: the disk is full: the output notebook is saved when there is room]\n"
)
NOT_SAVED = "[flowkernel: the output notebook cannot be saved now: {}]\n"
Reply = dict[str, Any]
#: Ask the engine about time limits: few, as hundreds of cells may wait at the same time.
_threads = PerProcess(
    partial(ThreadPoolExecutor, max_workers=4, thread_name_prefix="time-limit")
)


class ReplyWatch:
    """Whether the kernel owes us a message about the request that it handles.

    One per notebook.
    """

    def __init__(self) -> None:
        self._silent_since: float | None = None  #: None: no message is expected.
        self._patience = PATIENCE

    def expect(self) -> None:
        """Expect a message from now on: that the kernel is busy, or its reply."""
        self._silent_since, self._patience = monotonic(), PATIENCE

    def observe(self, message: dict[str, Any]) -> None:
        """Take note of a message. While the kernel is busy, none is expected."""
        if message["msg_type"] == "status":
            if message["content"]["execution_state"] == "busy":
                self._silent_since = None
            else:
                self.expect()

    def check_socket(self, client: AsyncKernelClient) -> None:
        """Have messages that arrived be read. Costs about a microsecond."""
        client.shell_channel.socket.get(zmq.EVENTS)

    def wake(self, client: AsyncKernelClient) -> None:
        """Have both sides check their sockets: a kernel that is silent too long, and us."""
        silent_since = self._silent_since
        if silent_since is not None and monotonic() - silent_since > self._patience:
            self._silent_since = monotonic()
            self._patience *= 2  # It may be busy with something else for long.
            client.kernel_info()  # Any message wakes it.
        self.check_socket(client)


class KernelListener(PapermillNotebookClient):
    """Receives the messages of a cell. One per notebook."""

    def __init__(
        self,
        nb_man: NotebookSaver,
        session: ExecutionSession,
        *,
        stream_limit: int,
        display_limit: int,
        **kwargs: Any,
    ) -> None:
        self._silence_limit: float = kwargs.pop("iopub_timeout", OUTPUT_SECONDS)
        self._output_at = monotonic()  #: When the last output came.
        super().__init__(nb_man, iopub_timeout=NO_LIMIT, **kwargs)
        self.nb_man = nb_man
        self._session = session
        self._reply: Reply | None = None
        self._published_error: Content | None = None
        self._streams = StreamCollector(stream_limit)
        self._displays = DisplayCollector(
            DisplayLimits(display_limit), partial(session.log, "stderr")
        )
        self._reply_watch = ReplyWatch()
        #: Of the cell that runs.
        self._cell_timeout = CellTimeout(None, session.answer_time_since)
        self._interrupted_at: float | None = None  #: When the cell was over its limit.
        self._watch_error: Exception | None = None  #: What ended the watch over it.
        nb_man.before_save = self._streams.flush
        nb_man.redaction = session.redaction
        nb_man.on_full = partial(session.log, "stderr", DISK_IS_FULL)
        nb_man.on_failure = lambda error: session.log("stderr", NOT_SAVED.format(error))
        nb_man.gives_up = lambda: session.is_stopping

    def begin_cell(self, cell: nbformat.NotebookNode, index: int) -> None:
        """Start with a new cell, and its time limit."""
        self._reply = self._published_error = None
        self._forget_outputs(index)
        self._cell_timeout = CellTimeout(
            super()._get_timeout(cell), self._session.answer_time_since
        )
        self._interrupted_at = self._watch_error = None

    @property
    def reply_content(self) -> Content:
        """What the kernel replied to the cell; empty if it did not.

        An error in it is the last one that the kernel published.
        """
        content = self._reply["content"] if self._reply else {}
        return with_published(content, self._published_error)

    @property
    def is_timed_out(self) -> bool:
        """Whether the cell was interrupted because it ran longer than it may."""
        return self._interrupted_at is not None

    # -- the event loop ------------------------------------------------------------------

    start_new_kernel = in_thread_loop(PapermillNotebookClient.async_start_new_kernel)
    execute_cell = in_thread_loop(PapermillNotebookClient.async_execute_cell)

    def _cleanup_kernel(self) -> None:
        in_thread_loop(self._async_cleanup_kernel)()

    # -- the reply -----------------------------------------------------------------------

    async def _check_raise_for_error(
        self, cell: nbformat.NotebookNode, cell_index: int, exec_reply: Reply | None
    ) -> None:
        self._reply = exec_reply
        await super()._check_raise_for_error(cell, cell_index, exec_reply)

    async def _async_poll_output_msg(
        self, parent_msg_id: str, cell: nbformat.NotebookNode, cell_index: int
    ) -> None:
        """Take the output of a cell, until it has all; after a cancel for a moment only.

        A socket that always has a message never gives up its turn: the cancel, the checks
        of the kernel and the saves would have to wait for the end of the output.
        """
        self._reply_watch.expect()
        turn_end = monotonic() + TURN_SECONDS
        while self._session.seconds_since_stop < CANCEL_SECONDS:
            msg = await ensure_async(self.kc.iopub_channel.get_msg(timeout=None))
            self._output_at = monotonic()
            if msg["parent_header"].get("msg_id") == parent_msg_id:
                try:
                    self.process_message(msg, cell, cell_index)
                except CellExecutionComplete:
                    return
            if self._session.is_stopping:
                self.nb_man.save_at_end()
            if monotonic() > turn_end:
                await asyncio.sleep(0)
                turn_end = monotonic() + TURN_SECONDS

    def process_message(
        self, msg: Reply, cell: nbformat.NotebookNode, cell_index: int
    ) -> nbformat.NotebookNode | None:
        """Process one message; what it sends to widgets must not hide a reply."""
        self._reply_watch.observe(msg)
        try:
            return super().process_message(msg, cell, cell_index)
        finally:
            self._reply_watch.check_socket(self.kc)

    async def _async_poll_kernel_alive(self) -> None:
        """Watch the kernel, and wait for its reply no longer when that is over.

        nbclient never looks at how this ends: an error is kept for who waits for the reply.
        """
        try:
            await self._watch_kernel()
        except Exception as error:
            self._watch_error = error
        assert self.task_poll_for_reply is not None
        self.task_poll_for_reply.cancel()

    async def _watch_kernel(self) -> None:
        """Wait until the kernel has ended, or the cell is not worth waiting for."""
        is_over = False
        while not is_over:
            await asyncio.sleep(ALIVE_SECONDS)
            self.nb_man.save_due()
            self._reply_watch.wake(self.kc)
            try:
                await self._async_check_alive()
                is_over = await self._is_stuck()
            except DeadKernelError:
                is_over = True

    async def _async_poll_for_reply(
        self,
        msg_id: str,
        cell: nbformat.NotebookNode,
        seconds: int | None,
        task_poll_output_msg: "asyncio.Future[Any]",
        task_poll_kernel_alive: "asyncio.Future[Any]",
    ) -> Reply:
        output = LastOutput(
            task_poll_output_msg,
            lambda: monotonic() - self._output_at,
            self._silence_limit,
        )
        try:
            reply: Reply = await super()._async_poll_for_reply(
                msg_id, cell, seconds, output, task_poll_kernel_alive
            )
        except asyncio.CancelledError:
            if self._watch_error is not None:
                raise self._watch_error from None
            if self._interrupted_at is None:
                raise
            # As nbclient raises it, which then still receives output.
            raise CellTimeoutError.error_from_timeout_and_cell(
                "Cell execution timed out", self._cell_timeout.seconds, cell
            ) from None
        return reply

    # -- the time limit ------------------------------------------------------------------

    def _get_timeout(self, cell: nbformat.NotebookNode | None) -> None:
        """None: nbclient would count the time in which a cell waits for a person."""

    async def _is_stuck(self) -> bool:
        """Whether the cell is over its time limit, and no longer worth waiting for."""
        if self._interrupted_at is not None:
            return monotonic() - self._interrupted_at > self._session.cancel_grace
        limit = self._cell_timeout
        if not limit.is_due:
            return False
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(_threads.get(), limit.is_over):
            return False
        self._interrupted_at = monotonic()
        if not self._session.parks:
            return True
        with suppress(Exception):  # It may have ended: the next check sees that.
            await ensure_async(self.km.interrupt_kernel())
        return False

    # -- the output ----------------------------------------------------------------------

    def output(
        self, outs: list[Any], msg: Reply, display_id: str | None, cell_index: int
    ) -> nbformat.NotebookNode | None:
        """Take one output, as far as there is room for it.

        Streams are joined with the output before, if that is the same stream.
        """
        kind, content = msg["msg_type"], msg["content"]
        hook = self._hook_of(msg)
        if hook is None and self.clear_before_next_output:
            self.clear_before_next_output: bool = False
            outs[:] = []
            self._forget_outputs(cell_index)
        if kind == "stream" and hook is None:
            return self._add_stream(outs, content)
        if kind == "error" and is_signal(content):
            return self._add_signal(outs, content)
        if kind == "error":
            self._published_error = content
        place = cell_index if hook is None else hook.comm_id
        content = self._displays.add(outs, kind, content, place)
        if content is None:
            return None
        if kind in ("display_data", "execute_result"):
            self._log_display(content)
        return super().output(outs, {**msg, "content": content}, display_id, cell_index)

    def clear_output(self, outs: list[Any], msg: Reply, cell_index: int) -> None:
        """Clear the output of a cell, or of an output widget: there is room again."""
        hook = self._hook_of(msg)
        super().clear_output(outs, msg, cell_index)
        if hook is not None:
            self._displays.clear_widget(hook.comm_id)
        elif not self.clear_before_next_output:
            self._forget_outputs(cell_index)

    def _forget_outputs(self, cell_index: int) -> None:
        """Note that a cell has no outputs now."""
        self._streams.begin_cell()
        self._displays.begin_cell(cell_index)
        self.clear_display_id_mapping(cell_index)

    def _update_display_id(self, display_id: str, msg: Reply) -> None:
        cells = self._display_id_map.get(display_id, {})
        for cell_index, places in cells.items():
            outputs = self.nb.cells[cell_index].outputs
            for place in places:
                output = outputs[place]
                self._displays.update(outputs, output, msg["content"], cell_index)

    def _hook_of(self, msg: Reply) -> Any:
        """The output widget that takes the output of this request; None: the cell does."""
        hooks = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        return hooks[-1] if hooks else None

    def _add_stream(
        self, outs: list[Any], content: Reply
    ) -> nbformat.NotebookNode | None:
        name = content["name"]
        text = self._streams.add(outs, name, content["text"])
        if text is None:
            return None
        self._session.log(name, text)
        return nbformat.v4.new_output("stream", name=name, text=text)

    def _add_signal(
        self, outs: list[Any], content: Reply
    ) -> nbformat.NotebookNode | None:
        """`this.success()` leaves no output; `this.error()` a short one."""
        if content["ename"] != "ExecutionError":
            return None
        line = f"this.error: {content['evalue']}"
        outs.append(
            nbformat.v4.new_output(
                "error",
                ename=content["ename"],
                evalue=content["evalue"],
                traceback=[line],
            )
        )
        return outs[-1]

    def _log_display(self, content: Reply) -> None:
        text = content["data"].get("text/plain")
        if isinstance(text, str):
            metadata = (content.get("metadata") or {}).get("flowkernel")
            label = metadata if isinstance(metadata, dict) else {}
            stream = label.get("stream", "display")
            self._session.log(stream, text[:DISPLAY_LIMIT] + "\n")
