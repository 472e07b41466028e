"""Who runs, who waits for a slot, and who comes next. Pure: no time, no I/O.

A slot is held while an execution is RUNNING in a worker of ours. One that waits gives its slot
back, so that any number of waiting parents cannot stop one child; when its wait is over it
comes before those that never started, so that what has started is finished first.
"""

from dataclasses import dataclass, field

from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.projection import target_of
from flowkernel.core.status import ENDED, ExecutionStatus

#: The id of a worker that is a papermill process of its own begins with it.
EXTERNAL = "papermill-"
S = ExecutionStatus


def is_external(worker: str | None) -> bool:
    """Whether this worker is a process that we did not start: it holds no slot."""
    return worker is not None and worker.startswith(EXTERNAL)


@dataclass
class SlotTable:
    """The slots of one engine. Every change comes from an event that is on disk."""

    slots: int
    queued: dict[str, None] = field(
        default_factory=dict
    )  #: In the order of their turn.
    resuming: dict[str, None] = field(default_factory=dict)  #: Their wait is over.
    holding: set[str] = field(default_factory=set)
    granted: set[str] = field(default_factory=set)  #: Promised a slot; not on disk yet.
    external: set[str] = field(default_factory=set)  #: Run by papermill processes.

    @property
    def free(self) -> int:
        """Slots that are neither held nor promised."""
        return self.slots - len(self.holding | self.granted)

    def recall(self, execution: Execution) -> None:
        """Add an execution as it was when the engine started."""
        if is_external(execution.worker):
            self.external.add(execution.execution_id)
        self._place(execution.execution_id, execution.status)
        is_resuming = execution.requested_action is RequestedAction.RESUME
        if execution.status is S.PAUSED and is_resuming:
            self.resume(execution.execution_id)

    def apply(self, event: Event) -> None:
        """Follow an event."""
        execution_id = event.execution_id
        if event.kind is EventKind.STARTED and is_external(event.payload["worker"]):
            self.external.add(execution_id)
        status = (
            S(event.payload["status"])
            if event.kind is EventKind.CREATED
            else target_of(event)
        )
        if status is not None:
            self._place(execution_id, status)
            if event.kind is EventKind.LOST:  # It had its turn already: it comes first.
                self.queued = {execution_id: None, **self.queued}

    def _place(self, execution_id: str, status: ExecutionStatus) -> None:
        self.queued.pop(execution_id, None)
        self.resuming.pop(execution_id, None)
        self.granted.discard(execution_id)
        self.holding.discard(execution_id)
        if status is S.QUEUED:
            self.queued[execution_id] = None
        elif status is S.RUNNING and execution_id not in self.external:
            self.holding.add(execution_id)
        if status in ENDED:
            self.external.discard(execution_id)

    def resume(self, execution_id: str) -> None:
        """Note that its wait is over and that it needs a slot."""
        if execution_id not in self.holding and execution_id not in self.granted:
            self.resuming[execution_id] = None

    def grant_resumes(self) -> list[str]:
        """Those whose wait is over and who get a slot now (or need none)."""
        external = [id_ for id_ in self.resuming if id_ in self.external]
        internal = [id_ for id_ in self.resuming if id_ not in self.external]
        grants = external + internal[: max(0, self.free)]
        for execution_id in grants:
            del self.resuming[execution_id]
            self.granted.add(execution_id)
        return grants

    def grant_starts(self) -> list[str]:
        """Those that get a slot for the first time now, the oldest first."""
        if self.resuming:
            return []
        grants = list(self.queued)[: max(0, self.free)]
        self.granted.update(grants)
        return grants

    def take_back(self, execution_id: str) -> None:
        """Take back a grant that could not be recorded."""
        self.granted.discard(execution_id)
