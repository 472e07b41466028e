"""papermill's client, as it listens to the kernel while one cell is carried out.

It keeps the reply, notices a kernel that is gone or a cell that is over its time limit, and
takes in the output. What overrides nbclient's own methods stands here, and nowhere else.

A socket of ZeroMQ says that there is something to read once, when it comes. Two on our way
use that up by sending over the socket behind the back of who reads it: jupyter_client's
session, on our side, when a message for a widget goes to the kernel while a reply comes (its
pull request 1059), and ipykernel 7.0 to 7.3, on theirs, when a request comes while a reply
goes (its pull request 1529). Who reads then waits for ever for what is there already.
"""

import asyncio
from contextlib import suppress
from typing import Any

import nbformat
import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_core.utils import ensure_async
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient

from flowkernel.core.clock import monotonic
from flowkernel.worker.notebook.cell_outcome import Content, is_signal
from flowkernel.worker.notebook.cell_timeout import CellTimeout
from flowkernel.worker.notebook.notebook_saver import NotebookSaver
from flowkernel.worker.notebook.stream_output import StreamCollector
from flowkernel.worker.reporting.execution_session import DISPLAY, ExecutionSession

ALIVE_EVERY = 0.1  #: Seconds between looks whether the kernel still lives.
#: How long output may come after the reply; nbclient's 4 is too short.
OUTPUT_SECONDS = 30

PATIENCE = 0.5  #: Seconds a kernel may be silent when it has to say something.

Reply = dict[str, Any]


class ReplyWatch:
    """What was heard of the request that a kernel carries out. One per notebook."""

    def __init__(self) -> None:
        self._silent_since: float | None = None  #: None: it is at work.
        self._patience = PATIENCE

    def expect(self) -> None:
        """From now on the kernel has to say something: that it is at work, or its reply."""
        self._silent_since, self._patience = monotonic(), PATIENCE

    def take_in(self, message: dict[str, Any]) -> None:
        """It said something. While it is at work it may take as long as it likes."""
        if message["msg_type"] == "status":
            if message["content"]["execution_state"] == "busy":
                self._silent_since = None
            else:
                self.expect()

    def look(self, client: AsyncKernelClient) -> None:
        """Have what has come be read. Costs about a microsecond."""
        client.shell_channel.socket.get(zmq.EVENTS)

    def nudge(self, client: AsyncKernelClient) -> None:
        """Have a kernel that is silent for too long look, too: any message wakes it."""
        since = self._silent_since
        if since is not None and monotonic() - since > self._patience:
            self._silent_since = monotonic()
            self._patience *= 2  # It may have something else to do for long.
            client.kernel_info()
        self.look(client)


class KernelListener(PapermillNotebookClient):
    """What is heard of a cell. One per notebook."""

    def __init__(
        self,
        nb_man: NotebookSaver,
        run: ExecutionSession,
        *,
        stream_limit: int,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("iopub_timeout", OUTPUT_SECONDS)
        super().__init__(nb_man, **kwargs)
        self.nb_man = nb_man
        self._run = run
        self._reply: Reply | None = None
        self._streams = StreamCollector(stream_limit)
        self._hearing = ReplyWatch()
        self._limit = CellTimeout(None, run.asked_since)  #: Of the cell that runs.
        self._interrupted_at: float | None = None  #: When that was over its limit.
        nb_man._settle = self._streams.settle

    def begin_listening(self, cell: nbformat.NotebookNode) -> None:
        """Forget the cell before; the time limit of this one begins."""
        self._reply = None
        self._streams.begin_cell()
        self._limit = CellTimeout(super()._get_timeout(cell), self._run.asked_since)
        self._interrupted_at = None

    @property
    def heard(self) -> Content:
        """What the kernel replied to the cell; empty if it did not."""
        return self._reply["content"] if self._reply else {}

    @property
    def was_too_long(self) -> bool:
        """Whether the cell was interrupted, for it took longer than it may."""
        return self._interrupted_at is not None

    # -- the reply -----------------------------------------------------------------------

    async def _check_raise_for_error(
        self, cell: nbformat.NotebookNode, cell_index: int, exec_reply: Reply | None
    ) -> None:
        self._reply = exec_reply
        await super()._check_raise_for_error(cell, cell_index, exec_reply)

    async def _async_poll_output_msg(
        self, parent_msg_id: str, cell: nbformat.NotebookNode, cell_index: int
    ) -> None:
        self._hearing.expect()
        await super()._async_poll_output_msg(parent_msg_id, cell, cell_index)

    def process_message(
        self, msg: Reply, cell: nbformat.NotebookNode, cell_index: int
    ) -> nbformat.NotebookNode | None:
        """Take in one message; what is said to widgets meanwhile hides no reply."""
        self._hearing.take_in(msg)
        try:
            return super().process_message(msg, cell, cell_index)
        finally:
            self._hearing.look(self.kc)

    async def _async_poll_kernel_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY)
            self.nb_man.save_due()
            self._hearing.nudge(self.kc)
            try:
                await self._async_check_alive()
                is_stuck = await self._is_stuck()
            except DeadKernelError:
                is_stuck = True
            if is_stuck:
                assert self.task_poll_for_reply is not None
                self.task_poll_for_reply.cancel()
                return

    async def _async_poll_for_reply(
        self, msg_id: str, cell: nbformat.NotebookNode, *more: Any
    ) -> Reply:
        try:
            reply: Reply = await super()._async_poll_for_reply(msg_id, cell, *more)
        except asyncio.CancelledError:
            if self._interrupted_at is None:
                raise
            # As nbclient itself would, which takes in what is still said after this one.
            raise CellTimeoutError.error_from_timeout_and_cell(
                "Cell execution timed out", self._limit.seconds, cell
            ) from None
        return reply

    # -- the time limit ------------------------------------------------------------------

    def _get_timeout(self, cell: nbformat.NotebookNode | None) -> None:
        """None: nbclient would count the time in which a person is waited for."""

    async def _is_stuck(self) -> bool:
        """Whether the cell is over its time limit, and its reply need not be waited for."""
        if self._interrupted_at is not None:
            return monotonic() - self._interrupted_at > self._run.cancel_grace
        if not self._limit.is_due or not await asyncio.to_thread(self._limit.is_over):
            return False
        self._interrupted_at = monotonic()
        if not self._run.parks:
            return True
        with suppress(Exception):  # It may be gone: that is seen the next time.
            await ensure_async(self.km.interrupt_kernel())
        return False

    # -- the output ----------------------------------------------------------------------

    def output(
        self, outs: list[Any], msg: Reply, display_id: str | None, cell_index: int
    ) -> nbformat.NotebookNode | None:
        """Take in one output: joined with the one before if it is the same stream."""
        content = msg["content"]
        hooked = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        match msg["msg_type"]:
            case "stream" if not hooked:
                return self._stream(outs, content, cell_index)
            case "error" if is_signal(content):
                return self._signal(outs, content)
            case "display_data" | "execute_result":
                self._displayed(content)
        return super().output(outs, msg, display_id, cell_index)

    def _stream(
        self, outs: list[Any], content: Reply, cell_index: int
    ) -> nbformat.NotebookNode | None:
        name = content["name"]
        if self.clear_before_next_output:
            outs[:] = []
            self.clear_display_id_mapping(cell_index)
            self.clear_before_next_output: bool = False
        kept = self._streams.add(outs, name, content["text"])
        if kept is None:
            return None
        self._run.logged(name, kept)
        return nbformat.v4.new_output("stream", name=name, text=kept)

    def _signal(self, outs: list[Any], content: Reply) -> nbformat.NotebookNode | None:
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

    def _displayed(self, content: Reply) -> None:
        text = content["data"].get("text/plain")
        if isinstance(text, str):
            ours = (content.get("metadata") or {}).get("flowkernel", {})
            self._run.logged(ours.get("stream", "display"), text[:DISPLAY] + "\n")
