"""Who runs, who waits for a slot, and who comes next. Pure: no time, no I/O.

A slot is held while an execution is RUNNING in a worker of ours. One that waits gives its slot
back, so that any number of waiting parents cannot stop one child; when its wait is over it
comes before those that never started, so that what has started is finished first.

A grant is a slot that is promised and not on disk yet. It stays until an event of its execution
is heard, or it is taken back: meanwhile nobody else gets the slot, and it is not granted twice.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import NamedTuple

from flowkernel.core.interventions import LIVE_VERBS
from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.projection import target_of
from flowkernel.core.status import ENDED, ExecutionStatus
from flowkernel.engine.dispatch.places import UNLIMITED, Places

#: The id of a worker that is a papermill process of its own begins with it.
EXTERNAL = "papermill-"
S = ExecutionStatus
K = EventKind


def is_external(worker: str | None) -> bool:
    """Whether this worker is a process that we did not start: it holds no slot."""
    return worker is not None and worker.startswith(EXTERNAL)


class Grant(NamedTuple):
    """A slot that is promised to an execution."""

    execution_id: str
    number: int


@dataclass
class SlotTable:
    """The slots of one engine. Every change comes from an event that is on disk."""

    slots: int
    #: In the order of their turn.
    queued: dict[str, None] = field(default_factory=dict)
    #: They wait or are paused, and may get a slot again.
    suspended: set[str] = field(default_factory=set)
    #: Those of them whose wait is over.
    resuming: dict[str, None] = field(default_factory=dict)
    holding: set[str] = field(default_factory=set)
    #: The grants under way, by execution.
    grants: dict[str, Grant] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)  #: Run by papermill processes.
    #: Levels below the root, for those that have a parent.
    depths: dict[str, int] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    @property
    def free(self) -> int:
        """Slots that are neither held nor promised."""
        promised = self.grants.keys() - self.external
        return self.slots - len(self.holding | promised)

    def recall(self, execution: Execution) -> None:
        """Add an execution as it was when the engine started."""
        if is_external(execution.worker):
            self.external.add(execution.execution_id)
        if execution.depth:
            self.depths[execution.execution_id] = execution.depth
        self._place(execution.execution_id, execution.status)
        is_resuming = execution.requested_action is RequestedAction.RESUME
        if execution.status is S.PAUSED and is_resuming:
            self.resume(execution.execution_id)

    def apply(self, event: Event) -> None:
        """Follow an event."""
        execution_id = event.execution_id
        if event.kind is K.STARTED and is_external(event.payload["worker"]):
            self.external.add(execution_id)
        is_created = event.kind is K.CREATED
        if is_created and event.payload.get("depth"):
            self.depths[execution_id] = event.payload["depth"]
        status = S(event.payload["status"]) if is_created else target_of(event)
        if status is not None:
            self._place(execution_id, status)
        if event.kind is K.LOST:  # It had its turn already: it comes first.
            self.queued = {execution_id: None, **self.queued}
        if event.kind is K.KERNEL_LOST:  # It waits for another decision.
            self.resuming.pop(execution_id, None)
            self.grants.pop(execution_id, None)
        if _continues(event):
            self.resume(execution_id)

    def _place(self, execution_id: str, status: ExecutionStatus) -> None:
        self.queued.pop(execution_id, None)
        self.resuming.pop(execution_id, None)
        self.grants.pop(execution_id, None)
        self.suspended.discard(execution_id)
        self.holding.discard(execution_id)
        if status is S.QUEUED:
            self.queued[execution_id] = None
        elif status in (S.WAITING, S.PAUSED):
            self.suspended.add(execution_id)
        elif status is S.RUNNING and execution_id not in self.external:
            self.holding.add(execution_id)
        if status in ENDED:
            self.external.discard(execution_id)
            self.depths.pop(execution_id, None)

    def resume(self, execution_id: str) -> None:
        """Note that its wait is over and that it needs a slot, if it waits for one."""
        if execution_id in self.suspended:
            self.resuming.setdefault(execution_id)

    def grant_resumes(self) -> list[Grant]:
        """Those whose wait is over and who get a slot now (or need none)."""
        waiting = [id_ for id_ in self.resuming if id_ not in self.grants]
        internal = [id_ for id_ in waiting if id_ not in self.external]
        external = [id_ for id_ in waiting if id_ in self.external]
        return self._grant(external + internal[: max(0, self.free)])

    def grant_starts(
        self, places: Places = UNLIMITED, withheld: Container[str] = ()
    ) -> list[Grant]:
        """Those that get a slot for the first time now, the oldest that has a place first.

        Args:
            withheld: Their worker cannot take them yet.
        """
        if not self.resuming.keys() <= self.grants.keys():
            return []
        startable = (id_ for id_ in self.queued if id_ not in withheld)
        starts = list(islice(self._placed(places, startable), max(0, self.free)))
        return self._grant(starts or self._last_resort(places, withheld))

    def _last_resort(self, places: Places, withheld: Container[str]) -> list[str]:
        """The deepest one, where families would wait for each other's places."""
        if places.is_running or self.free <= 0:
            return []
        startable = (id_ for id_ in self.queued if id_ not in withheld)
        nested = [id_ for id_ in startable if id_ in self.depths]
        deepest = max(nested, key=self.depths.__getitem__, default=None)
        if deepest is None or not places.may_exceed(self.depths[deepest]):
            return []
        return [deepest]

    def _placed(self, places: Places, startable: Iterable[str]) -> Iterator[str]:
        """Those that have a place in their worker, each with those before it."""
        has_root_place = True
        waiting = (id_ for id_ in startable if id_ not in self.grants)
        for execution_id in waiting:
            depth = self.depths.get(execution_id, 0)
            if not depth and not has_root_place:  # There may be thousands.
                continue
            if places.has_place(depth):
                places = places.with_one_more()
                yield execution_id
            elif not depth:
                has_root_place = False

    def _grant(self, execution_ids: list[str]) -> list[Grant]:
        grants = [Grant(id_, next(self._numbers)) for id_ in execution_ids]
        self.grants.update((grant.execution_id, grant) for grant in grants)
        return grants

    def take_back(self, grant: Grant) -> None:
        """Take back a grant that could not be recorded: its execution keeps its place."""
        if self.grants.get(grant.execution_id) == grant:
            del self.grants[grant.execution_id]


def _continues(event: Event) -> bool:
    """Whether the event requests that a paused execution continues in its live kernel."""
    if event.kind is K.DECIDED:
        return event.payload["verb"] in LIVE_VERBS
    is_request = event.kind is K.REQUESTED
    return is_request and event.payload["what"] == RequestedAction.RESUME
