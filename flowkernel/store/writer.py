"""The one writing thread: many requests, one frame of the journal."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from logging import getLogger
from typing import Any

from flowkernel.core.errors import EngineFault, FlowkernelError
from flowkernel.core.models import Event
from flowkernel.store.batch import Batch
from flowkernel.store.database import fault
from flowkernel.store.journal.journal import Journal
from flowkernel.store.live_state import LiveState
from flowkernel.store.pending_changes import PendingChanges
from flowkernel.store.projector import Projector

logger = getLogger(__name__)

MAX_REQUESTS = 2_000  #: In one frame, inclusive: bounds how long the first one waits.
Listener = Callable[[list[Event]], None]


@dataclass
class WriteRequest:
    """One call that waits until it is on disk."""

    decide: Callable[[Batch], Any]  #: Says what changes, or raises and changes nothing.
    answer: "Future[Any]" = field(default_factory=Future)


@dataclass
class WriteResult:
    """What a request will be told once the frame is on disk."""

    request: WriteRequest
    value: Any = None
    error: FlowkernelError | None = None

    def tell(self) -> None:
        if self.error is None:
            self.request.answer.set_result(self.value)
        else:
            self.request.answer.set_exception(self.error)


class Writer:
    """Takes requests from any thread, and writes down all that wait at once.

    Requests that come while a frame is on its way to the disk share the next one: that is
    all the waiting there is.
    """

    def __init__(
        self, state: LiveState, journal: Journal | None, folding: Projector
    ) -> None:
        """Without a journal what is told is as lasting as the memory it is in."""
        self.state = state
        self.listeners: list[Listener] = []
        self.busy = threading.Lock()  #: Held while something is decided.
        self._journal = journal
        self._folding = folding
        self._queue: queue.SimpleQueue[WriteRequest | None] = queue.SimpleQueue()
        self._is_closed = False
        self._door = threading.Lock()
        self._thread = threading.Thread(
            target=self._run, name="store-writer", daemon=True
        )
        self._thread.start()

    def submit(self, decide: Callable[[Batch], Any]) -> Any:
        """Ask for a change; come back when it is on disk.

        Raises:
            RequestError: What `decide` raised.
            DiskFull, EngineFault: Nothing was written.
        """
        request = WriteRequest(decide)
        with self._door:
            if self._is_closed:
                raise EngineFault("The store is closed: nothing more can be recorded.")
            self._queue.put(request)
        return request.answer.result()

    def close(self) -> None:
        """Carry out what was asked before, then stop."""
        with self._door:
            self._is_closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, is_last = self._drain(first)
            with self.busy:
                self._carry_out(batch)
            if is_last:
                return

    def _drain(self, first: WriteRequest) -> tuple[list[WriteRequest], bool]:
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
            self._folding.make_room()
            batch = Batch(self.state, self._folding.find_execution)
            outcomes = [_decided(request, batch) for request in requests]
            if batch.changes:
                self._record(batch.changes)
        except Exception as error:  # Whatever it is, nobody may wait for ever.
            for request in requests:
                request.answer.set_exception(_told(error))
            return
        self._tell_listeners(batch.changes.events)
        # Also a refusal waits for the disk: it may rest on what another request changed.
        for outcome in outcomes:
            outcome.tell()

    def _record(self, changes: PendingChanges) -> None:
        if self._journal is None:
            changes.frame = self._folding.added + 1
        else:
            with self._folding.room:
                self._journal.append(changes)
        self._folding.add(changes)
        self.state.accept(changes)

    def _tell_listeners(self, events: list[Event]) -> None:
        for listener in self.listeners if events else ():
            try:
                listener(events)
            except Exception:
                logger.exception("A listener of the store failed")


def _decided(request: WriteRequest, batch: Batch) -> WriteResult:
    try:
        return WriteResult(request, request.decide(batch))
    except FlowkernelError as error:
        return WriteResult(request, error=error)


def _told(error: Exception) -> FlowkernelError:
    """An error for one caller of many: its own, as each adds its traceback."""
    if isinstance(error, FlowkernelError):
        told: FlowkernelError = type(error).__new__(type(error))
        told.args = error.args
    else:
        told = fault(error, "The store could not record this")
    told.__cause__ = error
    return told
