"""The one writing thread: it writes many requests as one frame of the journal."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from logging import getLogger
from typing import Any

from flowkernel.core.errors import EngineFault, FlowkernelError
from flowkernel.store.batch import Batch
from flowkernel.store.commit import Commit
from flowkernel.store.database import engine_error
from flowkernel.store.journal.journal import Journal
from flowkernel.store.live_state import LiveState
from flowkernel.store.pending_changes import PendingChanges
from flowkernel.store.projector import Projector

logger = getLogger(__name__)

#: Requests in one frame, inclusive: bounds how long the first of them waits.
MAX_REQUESTS = 2_000
Listener = Callable[[Commit], None]
#: Adds changes to the batch and returns the reply, or raises and changes nothing.
Decide = Callable[[Batch], Any]


@dataclass
class WriteRequest:
    """A change that a caller asks for. The caller waits for `reply`."""

    decide: Decide
    reply: "Future[Any]" = field(default_factory=Future)


@dataclass
class WriteResult:
    """What the caller of a request gets once the frame is on disk."""

    request: WriteRequest
    value: Any = None
    error: FlowkernelError | None = None

    def send(self) -> None:
        """Give it to the caller."""
        if self.error is None:
            self.request.reply.set_result(self.value)
        else:
            self.request.reply.set_exception(self.error)


class Writer:
    """Takes requests from any thread, and writes all that wait as one frame.

    Requests that come while a frame is being written share the next one. There is no other
    delay.
    """

    def __init__(
        self, state: LiveState, journal: Journal | None, projector: Projector
    ) -> None:
        """Without a journal, what is recorded lasts as long as the database in memory."""
        self.state = state
        #: Held while a batch is decided and written.
        self.write_lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._journal = journal
        self._projector = projector
        self._queue: queue.SimpleQueue[WriteRequest | None] = queue.SimpleQueue()
        self._is_closed = False
        self._queue_lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._run, name="store-writer", daemon=True
        )
        self._thread.start()

    def submit(self, decide: Decide) -> Any:
        """Request a change; return the reply when the change is on disk.

        Raises:
            RequestError: What `decide` raised.
            DiskFull, EngineFault: Nothing was written.
        """
        request = WriteRequest(decide)
        with self._queue_lock:
            if self._is_closed:
                raise EngineFault("The store is closed: nothing more can be recorded.")
            self._queue.put(request)
        return request.reply.result()

    def follow(self, listener: Listener) -> Commit:
        """Call this with each commit from now on; return the moment that they follow on."""
        with self.write_lock:
            self._listeners.append(listener)
            return self.state.commit()

    def close(self) -> None:
        """Carry out the requests that wait, then stop."""
        with self._queue_lock:
            self._is_closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            requests, is_closing = self._drain(first)
            with self.write_lock:
                self._carry_out(requests)
            if is_closing:
                return

    def _drain(self, first: WriteRequest) -> tuple[list[WriteRequest], bool]:
        """The requests that wait now, and whether the writer is to stop after them."""
        requests = [first]
        while len(requests) < MAX_REQUESTS:
            try:
                request = self._queue.get_nowait()
            except queue.Empty:
                break
            if request is None:
                return requests, True
            requests.append(request)
        return requests, False

    def _carry_out(self, requests: Sequence[WriteRequest]) -> None:
        try:
            self._projector.limit_backlog()
            batch = Batch(self.state, self._projector.find_execution)
            results = [_decide(request, batch) for request in requests]
            if batch.changes:
                self._record(batch.changes)
        except Exception as error:  # Every caller must get a reply, whatever happened.
            for request in requests:
                request.reply.set_exception(_error_for_caller(error))
            return
        if batch.changes.events or batch.changes.pruned:
            self._call_listeners(self.state.commit(batch.changes))
        # A refusal is sent after the write too: it may rest on another request's change.
        for result in results:
            result.send()

    def _record(self, changes: PendingChanges) -> None:
        if self._journal is None:
            changes.frame = self._projector.added + 1
        else:
            with self._projector.disk_space_lock:
                self._journal.append(changes)
        self._projector.add(changes)
        self.state.apply(changes)

    def _call_listeners(self, commit: Commit) -> None:
        for listener in self._listeners:
            try:
                listener(commit)
            except Exception:
                logger.exception("A listener of the store failed")


def _decide(request: WriteRequest, batch: Batch) -> WriteResult:
    try:
        return WriteResult(request, request.decide(batch))
    except FlowkernelError as error:
        return WriteResult(request, error=error)
    except (
        Exception
    ) as error:  # The other requests of this frame have nothing to do with it.
        logger.exception("a request of the store failed")
        return WriteResult(request, error=_error_for_caller(error))


def _error_for_caller(error: Exception) -> FlowkernelError:
    """A new error for one caller: each caller's thread adds its traceback to its own."""
    if isinstance(error, FlowkernelError):
        copy: FlowkernelError = type(error).__new__(type(error))
        copy.args = error.args
    else:
        copy = engine_error(error, "The store could not record this")
    copy.__cause__ = error
    return copy
