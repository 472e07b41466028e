"""The values flowkernel speaks of: frozen, without effects, each with its JSON form."""

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from types import UnionType
from typing import Any, Self, get_args, get_type_hints

from flowkernel.core.status import CellStatus, ExecutionStatus, MessageStatus

Json = Any  #: None, bool, int, float, str, a list of Json, or a dict from str to Json.


class JsonRecord:
    """A frozen dataclass that goes over the wire as a JSON object, field by field."""

    def to_json(self) -> dict[str, Json]:
        """Moments as ISO 8601 in UTC, nested values as objects."""
        return {item.name: _out(getattr(self, item.name)) for item in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_json(cls, record: dict[str, Json]) -> Self:
        """The reverse of `to_json`; fields unknown to this version are passed over."""
        hints = _hints(cls)
        known = {
            name: _in(hints[name], record[name]) for name in hints if name in record
        }
        return cls(**known)


_HINTS: dict[type, dict[str, Any]] = {}


def _hints(cls: type) -> dict[str, Any]:
    if cls not in _HINTS:
        _HINTS[cls] = get_type_hints(cls)
    return _HINTS[cls]


def _out(value: Any) -> Json:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.to_json() if isinstance(value, JsonRecord) else value


def _in(hint: Any, value: Json) -> Any:
    if value is None:
        return None
    if isinstance(hint, UnionType):
        hint = get_args(hint)[0]
    if hint is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if isinstance(hint, type) and issubclass(hint, JsonRecord):
        return hint.from_json(value)
    return value


class FlowKind(StrEnum):
    """What a flow's source is."""

    CELL = "CELL"  #: A notebook cell: a `handler`, or plain statements.
    NOTEBOOK = "NOTEBOOK"  #: An .ipynb file, as JSON text.
    SCRIPT = "SCRIPT"  #: A .py file.


class OnLost(StrEnum):
    """What follows when the worker of an execution is lost."""

    RUN_AGAIN = "run_again"  #: Queue it again, at most `MAX_LOSSES` times.
    FAIL = "fail"  #: End it with an error.


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment(JsonRecord):
    """Where a flow runs: the interpreter or kernelspec, and the folder, of its author."""

    interpreter: str | None = None  #: Path of the Python of the registering process.
    kernel_name: str | None = None  #: A kernelspec; None means: that interpreter.
    prefix: str | None = None  #: `sys.prefix` there, whose kernelspecs also count.
    cwd: str | None = None  #: The working directory of the kernel.


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow(JsonRecord):
    """A named piece of work. It does not run; it is run."""

    name: str
    kind: FlowKind
    source: str
    setup: str | None = None  #: Name of the flow whose source is put in front.
    path: str | None = None  #: The file it came from.
    description: str | None = None
    environment: Environment = field(default_factory=Environment)
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = None  #: Seconds for one cell; None: no limit.
    wrappers: Json = field(
        default_factory=list
    )  #: `name` and `inputs`, outermost first.
    is_wrapper: bool = False  #: It runs another flow, and decides what follows.
    flow_version: str = ""
    registered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVersion(JsonRecord):
    """One source of a flow, named by the hash of what runs."""

    flow_version: str
    flow_name: str
    kind: FlowKind
    source: str
    setup_source: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellError(JsonRecord):
    """What a failed cell raised, as the kernel told it."""

    name: str
    message: str
    traceback: str = ""
    cell_id: str | None = None
    cell_index: int | None = None  #: Counted from 0, over all cells of the notebook.


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution(JsonRecord):
    """One flow carried out once, from request to ended."""

    execution_id: str
    root_id: str
    type: str  #: FLOW, SCRIPT or WRAPPER.
    flow_name: str
    flow_version: str
    name: str
    status: ExecutionStatus
    created_at: datetime
    status_message: str | None = None
    parent_id: str | None = None
    depth: int = 0  #: 0 for a root.
    call_key: str | None = None  #: Which call of its parent started it.
    retry_of: str | None = None
    inputs: Json = field(default_factory=dict)
    output: Json = None
    error: CellError | None = None
    environment: Environment = field(default_factory=Environment)
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = None  #: Seconds for one cell; None: no limit.
    started_by: str = ""
    started_at: datetime | None = None  #: When its (last) worker took it.
    ended_at: datetime | None = None
    is_archived: bool = False
    notebook_path: str | None = None  #: Relative to the home.
    worker: str | None = None  #: Who carries it out, or did last.
    losses: int = 0  #: How often its worker was lost.
    cell_count: int | None = None  #: Code cells of its notebook.
    asked: str | None = None  #: "cancel", "pause" or "resume": said, not done yet.
    wrapped: Json = None  #: Of a wrapper: what it runs, with its inputs.
    parks: bool = False  #: If it fails, it is put aside for its wrapper to decide.
    is_interactive: bool = False  #: Somebody will answer, however long it takes.
    failure: Json = None  #: What a person needs to know of the cell that failed.
    parked_at: datetime | None = (
        None  #: Since when its kernel is kept; None: it is not.
    )
    decision: Json = None  #: What was decided on its failure.
    last_seq: int = 0  #: The event that last changed it.

    @property
    def is_failed(self) -> bool:
        """Whether it failed, and waits for somebody to decide what follows."""
        is_aside = self.status is ExecutionStatus.PAUSED and self.failure is not None
        return is_aside and self.decision is None

    @property
    def failed_for_another(self) -> bool:
        """Whether it is a wrapper that failed because something under it did."""
        if self.wrapped is None:
            return False
        error = self.error
        return (
            error is None
            or not error.traceback
            or error.name == "DependencyFailedError"
        )

    @property
    def is_under_way(self) -> bool:
        """Whether something is done for it: it is not over, nor only recorded or put aside."""
        is_aside = self.status is ExecutionStatus.PAUSED and self.worker is None
        return not (
            self.status.is_ended or self.status is ExecutionStatus.PENDING or is_aside
        )

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; None if it has not ended or never started."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRun(JsonRecord):
    """One carrying out of one cell."""

    cell_run_id: str
    execution_id: str
    root_id: str
    cell_id: str
    cell_index: int
    source_hash: str
    status: CellStatus
    started_at: datetime
    ended_at: datetime | None = None
    error_name: str | None = None
    error_message: str | None = None
    traceback: str | None = None
    last_seq: int = 0


class EventKind(StrEnum):
    """What can happen to an execution. Stored in `event.kind`; never renamed."""

    CREATED = "created"  #: payload: the whole Execution as it was born
    QUEUED = "queued"  #: (a pending one is asked to start, a paused one goes on)
    STARTED = "started"  #: worker, notebook_path
    WAITING = "waiting"  #: on (a sentence), message_id (if for an answer)
    RESUMED = "resumed"
    PAUSED = "paused"
    LOST = "lost"  #: worker
    FAILED = "failed"  #: status_message, error, failure, is_parked: somebody may decide
    DECIDED = "decided"  #: verb, message_id, decided_from, and what belongs to the verb
    KERNEL_LOST = "kernel_lost"  #: why: what was parked cannot go on any more
    SAVED = "saved"  #: the fields to overwrite: name, status_message, is_archived
    OUTPUT_SET = "output_set"  #: output: the whole merged output
    CELLS_COUNTED = "cells_counted"  #: cell_count
    ASKED = "asked"  #: what: "cancel", "pause", "resume", or None to take it back; why
    ENDED = "ended"  #: status, status_message, error, output_notebook
    CELL_STARTED = "cell_started"  #: cell_run_id, cell_id, cell_index, source_hash
    CELL_ENDED = (
        "cell_ended"  #: cell_run_id, status, error_name, error_message, traceback
    )
    MESSAGE_SENT = "message_sent"  #: message_id and what it says and asks
    MESSAGE_CHANGED = "message_changed"  #: message_id, message, body: less is possible
    MESSAGE_ANSWERED = "message_answered"  #: message_id, response, answered_from
    MESSAGE_CLOSED = "message_closed"  #: message_id, status, why
    LOGGED = "logged"  #: stream, text. Kept in the `log` table, not in `event`.


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(JsonRecord):
    """One thing that happened to one execution. Never changed once it is stored."""

    event_id: str
    execution_id: str
    kind: EventKind
    happened_at: datetime
    actor: str = ""
    payload: dict[str, Json] = field(default_factory=dict)
    root_id: str = ""  #: Filled in by the store.
    seq: int = 0  #: Filled in by the store; grows by at least one with each event.


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(JsonRecord):
    """A stored note from an execution to a person, maybe with a form to be answered."""

    message_id: str
    execution_id: str
    root_id: str
    subject: str
    message: str | None  #: Markdown.
    message_type: str  #: INFO, WARN, ERROR or POPUP.
    created_at: datetime
    status: MessageStatus = MessageStatus.NOTE
    body: Json = None  #: The form, as a JSON schema; None: it asks for nothing.
    call_key: str | None = None  #: Which call of its execution sent it.
    about_id: str | None = None  #: The failed execution that it asks about.
    expires_at: datetime | None = None  #: Until when an answer is waited for.
    response: Json = None
    answered_by: str | None = None
    answered_from: str | None = None  #: notebook, command line, REST, ...
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    closed_why: str | None = None
