"""What requests change: decided in memory, before anything is written."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from flowkernel.errors import BadArgument, FlowNotFound, MoveNotAllowed
from flowkernel.fold import CELL_KINDS, close_cell, fold, fold_cell
from flowkernel.jsonvalue import dumps
from flowkernel.models import (
    CellRun,
    Event,
    EventKind,
    Execution,
    Flow,
    FlowVersion,
    Json,
    Message,
)

K = EventKind
KNOWN_EVENTS = (
    50_000  #: Ids kept to tell a repeated event, newest; as many again of logs.
)
#: After these no cell of the execution can still be running in the kernel it had.
CLOSES_CELLS = frozenset({K.STARTED, K.LOST, K.ENDED})

Cells = dict[
    str, CellRun | None
]  #: By id; None for one that ended, if only that is known.


class Recent:
    """The newest ids, up to a number."""

    def __init__(self, ids: Iterable[str] = (), *, limit: int = KNOWN_EVENTS) -> None:
        self._ids = dict.fromkeys(ids)
        self._limit = limit

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    def add(self, ids: Iterable[str]) -> None:
        """Remember these; forget the oldest over the limit."""
        self._ids.update(dict.fromkeys(ids))
        while len(self._ids) > self._limit:
            del self._ids[next(iter(self._ids))]


@dataclass(frozen=True, slots=True)
class Step:
    """What one event makes of an execution."""

    execution: Execution
    cells: dict[str, CellRun]  #: The cell runs it changed or began.
    message: Message | None = None


def step(execution: Execution | None, cells: Cells, event: Event) -> Step:
    """The one way from an event to rows, for writing and for `rebuild` alike.

    An event that changes nothing of the execution leaves its `last_seq` too, so that
    cells and log lines cost no update of its row. A cell run that is started twice
    stays as it was first.

    Raises:
        MoveNotAllowed: See `fold`.
    """
    after = fold(execution, event)
    if (
        execution is not None
        and replace(after, last_seq=execution.last_seq) == execution
    ):
        after = execution
    changed: dict[str, CellRun] = {}
    if event.kind in CLOSES_CELLS:
        running = [run for run in cells.values() if run and run.ended_at is None]
        changed = {run.cell_run_id: close_cell(run, event) for run in running}
    if event.kind in CELL_KINDS:
        cell_run_id = event.payload["cell_run_id"]
        before = cells.get(cell_run_id)
        is_repeated = event.kind is K.CELL_STARTED and cell_run_id in cells
        run = before if is_repeated else fold_cell(before, event)
        if run is not None and run is not before:
            changed = {cell_run_id: run}
    return Step(
        after, changed, message_of(event) if event.kind is K.MESSAGE_SENT else None
    )


def message_of(event: Event) -> Message:
    """The message that an event of kind MESSAGE_SENT tells of."""
    said = event.payload
    return Message(
        message_id=said["message_id"],
        execution_id=event.execution_id,
        root_id=event.root_id,
        subject=said["subject"],
        message=said.get("message"),
        message_type=said["message_type"],
        created_at=event.happened_at,
    )


@dataclass
class State:
    """What is known by heart. Changed after a commit; `live` and `flows` are replaced."""

    last_seq: int = 0
    newest_id: str = ""
    live: Mapping[str, Execution] = field(default_factory=dict)
    cells: dict[str, Cells] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    event_ids: Recent = field(default_factory=Recent)
    log_ids: Recent = field(default_factory=Recent)

    def accept(self, changes: "Changes") -> None:
        """Take over what was committed."""
        self.last_seq = changes.events[-1].seq if changes.events else self.last_seq
        self.newest_id = max([self.newest_id, *changes.born])
        for execution_id, cells in changes.cells.items():
            known = self.cells.setdefault(execution_id, {})
            known.update(
                {key: None if run.ended_at else run for key, run in cells.items()}
            )
        if changes.executions:
            live = {**self.live, **changes.executions}
            for execution in changes.executions.values():
                if execution.status.is_ended:
                    del live[execution.execution_id]
                    self.cells.pop(execution.execution_id, None)
            self.live = live
        if changes.flows:
            flows = {**self.flows, **changes.flows}
            self.flows = {name: flow for name, flow in flows.items() if flow}
        self.versions.update(changes.versions)
        for ids, is_log in ((self.event_ids, False), (self.log_ids, True)):
            ids.add(
                e.event_id for e in changes.events if (e.kind is K.LOGGED) is is_log
            )


@dataclass
class Changes:
    """What one request, or a whole batch, adds to the store."""

    events: list[Event] = field(default_factory=list)
    event_ids: set[str] = field(default_factory=set)
    executions: dict[str, Execution] = field(default_factory=dict)
    born: set[str] = field(default_factory=set)  #: Executions that have no row yet.
    cells: dict[str, dict[str, CellRun]] = field(default_factory=dict)
    cells_born: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    flows: dict[str, Flow | None] = field(default_factory=dict)  #: None: deleted.
    versions: dict[str, FlowVersion] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.events or self.flows or self.versions)

    def add(self, other: "Changes") -> None:
        """Put the later changes on top."""
        self.events += other.events
        self.event_ids |= other.event_ids
        self.executions |= other.executions
        self.born |= other.born
        for execution_id, cells in other.cells.items():
            self.cells.setdefault(execution_id, {}).update(cells)
        self.cells_born |= other.cells_born
        self.messages += other.messages


class Batch:
    """Requests that share one commit. One that is refused leaves no trace in it."""

    def __init__(self, state: State, find: Callable[[str], Execution | None]) -> None:
        """`find` looks for an execution in the tables; it is asked about few."""
        self.changes = Changes()
        self._state = state
        self._find = find
        self._found: dict[str, Execution | None] = {}

    def append(self, events: Sequence[Event], *, strict: bool) -> list[Event]:
        """Take these events in; return them as they will be stored."""
        mine = Changes()
        for event in events:
            if self._is_known(event, mine):
                continue
            try:
                self._take(event, mine)
            except MoveNotAllowed:
                if strict:
                    raise
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise BadArgument(
                    f"The payload of event {event.event_id} ({event.kind}) cannot be used: "
                    f"{error!r}. Nothing was recorded."
                ) from error
        self.changes.add(mine)
        return mine.events

    def save_flow(self, flow: Flow) -> None:
        """Put it in the place of the one with its name."""
        self.changes.flows[flow.name] = flow

    def delete_flow(self, name: str) -> None:
        """Its versions stay.

        Raises:
            FlowNotFound: With names that are near.
        """
        flows = {**self._state.flows, **self.changes.flows}
        known = [other for other, flow in flows.items() if flow]
        if name not in known:
            raise FlowNotFound(name, known)
        self.changes.flows[name] = None

    def save_version(self, version: FlowVersion) -> None:
        """A version that is known already is passed over."""
        if version.flow_version not in self._state.versions:
            self.changes.versions.setdefault(version.flow_version, version)

    def _is_known(self, event: Event, mine: Changes) -> bool:
        recent = (self._state.event_ids, self._state.log_ids)
        drafts = (mine.event_ids, self.changes.event_ids)
        return any(event.event_id in ids for ids in (*drafts, *recent))

    def _take(self, event: Event, mine: Changes) -> None:
        before = self._execution(event, mine)
        root_id = before.root_id if before else event.payload.get("root_id", "")
        seq = self._state.last_seq + len(self.changes.events) + len(mine.events) + 1
        event = replace(event, seq=seq, root_id=root_id)
        cells = self._cells(event.execution_id, mine)
        after = step(before, cells, event)
        if before is None:
            check_birth(after.execution, event)
            mine.born.add(event.execution_id)
        if after.execution is not before:
            mine.executions[event.execution_id] = after.execution
        if after.cells:
            mine.cells_born |= after.cells.keys() - cells.keys()
            mine.cells.setdefault(event.execution_id, {}).update(after.cells)
        if after.message:
            mine.messages.append(after.message)
        mine.events.append(event)
        mine.event_ids.add(event.event_id)

    def _execution(self, event: Event, mine: Changes) -> Execution | None:
        execution_id = event.execution_id
        for known in (mine.executions, self.changes.executions, self._state.live):
            if execution_id in known:
                return known[execution_id]
        if event.kind is K.CREATED and execution_id > self._state.newest_id:
            return None  # Ids grow with time: nothing in the tables can have this one.
        if execution_id not in self._found:
            self._found[execution_id] = self._find(execution_id)
        return self._found[execution_id]

    def _cells(self, execution_id: str, mine: Changes) -> Cells:
        parts = (self._state.cells, self.changes.cells, mine.cells)
        return {
            key: run
            for part in parts
            for key, run in part.get(execution_id, {}).items()
        }


def checked(event: Event) -> Event:
    """The event, fit to be written: one bad one must not spoil the batch of the others.

    Text that is not valid Unicode, as a program may print, gets question marks.

    Raises:
        BadArgument: An id is no UUID in its usual writing, or the payload is not JSON.
    """
    for name in ("event_id", "execution_id"):
        check_id(getattr(event, name), name)
    for name in ("cell_run_id", "message_id", "root_id", "parent_id", "retry_of"):
        if event.payload.get(name) is not None:
            check_id(event.payload[name], name)
    if event.happened_at.tzinfo is None:
        raise BadArgument(f"The moment {event.happened_at} has no time zone. Use UTC.")
    try:
        text = dumps(event.payload)
    except (TypeError, ValueError) as error:
        raise BadArgument(
            f"The payload of a {event.kind} event is not JSON: {error}"
        ) from error
    try:
        (text + event.actor).encode()
    except UnicodeEncodeError:
        payload: dict[str, Json] = json.loads(text.encode(errors="replace"))
        actor = event.actor.encode(errors="replace").decode()
        return replace(event, payload=payload, actor=actor)
    return event


def check_birth(execution: Execution, event: Event) -> None:
    """Refuse a CREATED event that tells of another execution, or of none."""
    if execution.execution_id != event.execution_id:
        raise ValueError(f"it is about execution {execution.execution_id!r}")
    check_id(execution.root_id, "root_id")


def check_id(text: object, name: str) -> None:
    """Refuse what is no UUID in lower case with its hyphens."""
    try:
        is_id = isinstance(text, str) and str(UUID(text)) == text
    except ValueError:
        is_id = False
    if not is_id:
        raise BadArgument(
            f"{name} is {text!r}, which is not a UUID in its usual writing."
        )
