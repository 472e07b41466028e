"""The records of flowkernel: frozen, without effects, each with its JSON form."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from flowkernel.core.decision import PROGRAM as PROGRAM
from flowkernel.core.decision import Decision as Decision
from flowkernel.core.decision import DecisionVerb as DecisionVerb
from flowkernel.core.json_record import Json as Json
from flowkernel.core.json_record import JsonRecord
from flowkernel.core.status import CellStatus, ExecutionStatus, MessageStatus


class FlowKind(StrEnum):
    """What a flow's source is."""

    CELL = "CELL"  #: A notebook cell: a `handler`, or plain statements.
    NOTEBOOK = "NOTEBOOK"  #: An .ipynb file, as JSON text.
    SCRIPT = "SCRIPT"  #: A .py file.


class RequestedAction(StrEnum):
    """What an execution was requested to do. Stored in `execution.requested_action`."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


class OnLost(StrEnum):
    """What follows when the worker of an execution is lost."""

    RUN_AGAIN = "run_again"  #: Queue it again, at most `max_losses` times.
    FAIL = "fail"  #: End it with an error.


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment(JsonRecord):
    """Where a flow runs: the interpreter or kernelspec, and the folder, of its author."""

    #: In a request, a field that is not one of these is refused.
    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}
    left_out: ClassVar[Set[str]] = frozenset({"is_chosen"})
    interpreter: str | None = None  #: Path of the Python that registered the flow.
    kernel_name: str | None = None  #: A kernelspec; None: use `interpreter`.
    prefix: str | None = None  #: `sys.prefix` of `interpreter`, which has kernelspecs.
    cwd: str | None = None  #: The working directory of the kernel.
    #: Whether the kernel was chosen for one run: then `interpreter` is that of the kernel.
    is_chosen: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow(JsonRecord):
    """A named piece of work: a source, and where it runs."""

    left_out: ClassVar[Set[str]] = frozenset({"parameters"})
    name: str
    kind: FlowKind
    source: str
    setup: str | None = None  #: Name of a flow whose source runs before it.
    path: str | None = None  #: The file it came from.
    description: str | None = None
    environment: Environment = field(default_factory=Environment)
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = None  #: Seconds for one cell; None: no limit.
    #: `name` and `inputs` of each wrapper, outermost first.
    wrappers: Json = field(default_factory=list)
    is_wrapper: bool = False  #: It runs another flow and decides what follows.
    parameters: Json = None  #: Declared besides those of its source; None: no others.
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
    parameters: Json = None  #: As those of `Flow`.


@dataclass(frozen=True, slots=True, kw_only=True)
class CellError(JsonRecord):
    """What a failed cell raised, as its kernel reported it."""

    left_out: ClassVar[Set[str]] = frozenset({"cell_number"})
    name: str
    message: str
    traceback: str = ""
    cell_id: str | None = None
    cell_index: int | None = None  #: Counted from 0, over all cells of the notebook.
    cell_number: int | None = None  #: As its author counts: see `cell_numbers`.


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapped(JsonRecord):
    """What a wrapper runs, as it was when the wrapper was started."""

    #: The name of a registered flow, so that a retry takes its source as it is then.
    flow: str | None = None
    flow_name: str
    flow_version: str
    environment: Environment = field(default_factory=Environment)
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = None  #: Seconds for one cell; None: no limit.
    type: str = "FLOW"  #: FLOW, SCRIPT or WRAPPER.
    inputs: Json = field(default_factory=dict)
    name: str  #: Of its executions.
    #: Those between this wrapper and the flow: `name` and `inputs`, outermost first.
    wrappers: Json = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(JsonRecord):
    """What a person needs to know of a failed cell, to decide what follows."""

    left_out: ClassVar[Set[str]] = frozenset(
        {
            "cell_id",
            "cell_number",
            "cell_count",
            "source",
            "kernel_lost",
            "failed_at",
            "is_mended",
            "is_retried",
        }
    )
    cell_id: str | None = None
    cell_number: int | None = None  #: As its author counts: see `cell_numbers`.
    cell_count: int | None = None  #: How many cells its author counts.
    source: str | None = None  #: Of the cell to edit.
    kernel_lost: str | None = None  #: Why its kernel is gone, if a sentence is known.
    failed_at: datetime | None = None  #: Set when the failure is recorded.
    is_mended: bool | None = None  #: Its source was edited after an earlier failure.
    is_retried: bool | None = None  #: It was retried before, with the same source.

    def to_json(self) -> dict[str, Json]:
        """As every record; `failed_at` has `+00:00` for UTC, as older versions wrote."""
        record = JsonRecord.to_json(self)
        if self.failed_at is not None:
            record["failed_at"] = self.failed_at.isoformat()
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedVariables(JsonRecord):
    """Which environment variables came with the start of a root. Their values are not here."""

    left_out: ClassVar[Set[str]] = frozenset({"names"})
    file: str  #: The name of the private file of the home that has their values.
    names: Json = None  #: A list, in alphabetical order; None: those of the root.


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution(JsonRecord):
    """One run of a flow, from the request to its end."""

    former_names: ClassVar[Mapping[str, str]] = {"asked": "requested_action"}
    execution_id: str
    root_id: str
    type: str  #: FLOW, SCRIPT or WRAPPER.
    flow_name: str
    flow_version: str
    name: str
    status: ExecutionStatus
    created_at: datetime
    status_message: str | None = None
    parent_id: str | None = None  #: Who started it.
    #: Whose child it is now, if a retry of its parent has adopted it.
    adopted_by: str | None = None
    depth: int = 0  #: 0 for a root.
    call_key: str | None = None  #: Which call in its parent started it.
    retry_of: str | None = None
    inputs: Json = field(default_factory=dict)
    defaults: Json = None  #: Of parameters without an input: see the table `execution`.
    output: Json = None
    error: CellError | None = None
    environment: Environment = field(default_factory=Environment)
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = None  #: Seconds for one cell; None: no limit.
    started_by: str = ""
    started_at: datetime | None = None  #: When its last worker began to run it.
    ended_at: datetime | None = None
    is_archived: bool = False
    notebook_path: str | None = None  #: Relative to the home.
    worker: str | None = None  #: Who runs it, or ran it last.
    losses: int = 0  #: How often its worker was lost.
    cell_count: int | None = None  #: Code cells of its notebook, as its author counts.
    requested_action: RequestedAction | None = None  #: Until it is done.
    wrapped: Wrapped | None = None  #: Of a wrapper: what it runs.
    parks: bool = False  #: If it fails, it is paused until its wrapper decides.
    keeps_kernel: bool = False  #: It keeps its kernel after its end, for people.
    is_interactive: bool = False  #: A person will answer, however long it takes.
    is_attended: bool | None = None  #: Whether a person is there; None: nobody said so.
    failure: Failure | None = None  #: Of its last try, until it runs again.
    parked_at: datetime | None = None  #: Since when its kernel is kept, if it is.
    #: Until when at the latest, if it has ended.
    parked_until: datetime | None = None
    decision: Decision | None = None  #: On its last failure.
    # What people did: see `interventions`. Of a wrapper: to what it runs.
    skipped_cells: int = 0
    mended_cells: int = 0  #: Retried with another source.
    retried_cells: int = 0  #: Retried with the same source.
    decided_by: str | None = None  #: Who decided last on a failure of it.
    decided_under: str | None = None  #: The same, on a failure under it.
    inputs_changed_by: str | None = None  #: Who retried with other inputs.
    replaced_inputs: Json = None  #: By name: what they were before that.
    #: Since when it waits for a person itself: for an answer, a decision, or paused.
    asked_at: datetime | None = None
    #: The message that it waits for, or waited for since it changed its status.
    asked_message_id: str | None = None
    #: Since when it, or something under it, waits for a person.
    waiting_since: datetime | None = None
    waiting_children: int = 0  #: How many of those next under it wait for a person.
    answer_seconds: float = 0.0  #: How long it, or one under it, waited for people.
    answer_waits: Json = None  #: When: `start` and `end` of each of the latest waits.
    #: Of the process that started its root; None: none came with the start.
    variables: PassedVariables | None = None
    last_seq: int = 0  #: The event that changed it last.

    @property
    def current_parent_id(self) -> str | None:
        """Whose child it is now: of who adopted it last, or else of who started it."""
        return self.adopted_by or self.parent_id

    @property
    def attempt(self) -> int:
        """Which run of it this is, or comes next, counted from 1: a loss ends one."""
        return self.losses + 1

    @property
    def is_failed(self) -> bool:
        """Whether it failed and waits for a decision."""
        has_failed = self.failure is not None and self.decision is None
        return has_failed and self.status is ExecutionStatus.PAUSED

    @property
    def is_kept(self) -> bool:
        """Whether it has ended, and its kernel is kept for people."""
        return self.status.is_ended and self.parked_at is not None

    @property
    def failed_for_another(self) -> bool:
        """Whether it is a wrapper that failed because something under it did."""
        error = self.error or CellError(name="", message="")
        is_own = error.traceback and error.name != "DependencyFailedError"
        return self.wrapped is not None and not is_own

    @property
    def is_under_way(self) -> bool:
        """Whether it is queued or has a worker: started, not ended, not merely paused."""
        if self.status is ExecutionStatus.PAUSED:
            return self.worker is not None
        return not (self.status.is_ended or self.status is ExecutionStatus.PENDING)

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; None if it has not ended or never started."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def work_seconds(self) -> float | None:
        """Its duration without the time in which it waited for people."""
        duration = self.duration
        return None if duration is None else max(0.0, duration - self.answer_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRun(JsonRecord):
    """One run of one cell."""

    cell_run_id: str
    execution_id: str
    root_id: str
    cell_id: str
    cell_index: int
    #: As its author counts: see `cell_numbers`. None: the inputs, or an older version.
    cell_number: int | None = None
    first_line: str | None = None  #: Of its source; cut.
    source_hash: str
    status: CellStatus
    started_at: datetime
    ended_at: datetime | None = None
    error_name: str | None = None
    error_message: str | None = None
    traceback: str | None = None
    last_seq: int = 0


class EventKind(StrEnum):
    """What can happen to an execution. Stored in `event.kind`; never renamed.

    The comments list the keys of the payload. What each changes is in `projection.py`; those
    that workers report are also in `engine/api/event_schemas.py`.
    """

    CREATED = "created"  #: those of `Execution`, all of them
    #: parent_id and root_id (of who has it from now on), call_key, former_parent_id
    ADOPTED = "adopted"
    QUEUED = "queued"  #: none; one that was not started starts, a paused one continues
    STARTED = "started"  #: worker, notebook_path, attempt (which older events lack)
    WAITING = "waiting"  #: on (a sentence), message_id (if it waits for an answer)
    RESUMED = "resumed"
    PAUSED = "paused"
    LOST = "lost"  #: worker
    FAILED = "failed"  #: status_message, error, failure, is_parked
    DECIDED = "decided"  #: those of `Decision`
    KERNEL_LOST = "kernel_lost"  #: why; its parked kernel is gone
    #: name, status_message, is_archived: those that change; what people did, as
    #: `interventions` says, and which decision is `carried_out`; since when it is asked, what
    #: waits under it, and answer_wait (start, end), as `person_waits` says; kernel_released,
    #: why the kernel is gone that it kept after its end
    SAVED = "saved"
    OUTPUT_SET = "output_set"  #: patch (names to merge), or output (all of it)
    CELLS_COUNTED = "cells_counted"  #: cell_count
    REQUESTED = "asked"  #: what (a RequestedAction; None withdraws it), why
    #: status, status_message, error, notebook_path, parked_until (if it keeps its kernel)
    ENDED = "ended"
    #: cell_run_id, cell_id, cell_index, cell_number, first_line, source_hash
    CELL_STARTED = "cell_started"
    #: cell_run_id, status, error_name, error_message, traceback
    CELL_ENDED = "cell_ended"
    MESSAGE_SENT = "message_sent"  #: those of `Message` that the sender sets
    MESSAGE_CHANGED = "message_changed"  #: message_id, message, body (fewer choices)
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
    root_id: str = ""  #: Set by the store.
    seq: int = 0  #: Set by the store; grows by at least one with each event.


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(JsonRecord):
    """A stored note from an execution to a person, with or without a form."""

    message_id: str
    execution_id: str
    root_id: str
    subject: str
    message: str | None  #: Markdown.
    message_type: str  #: INFO, WARN, ERROR or POPUP.
    created_at: datetime
    status: MessageStatus = MessageStatus.NOTE
    body: Json = None  #: The form, as a JSON schema; None: it needs no answer.
    call_key: str | None = None  #: Which call in its execution sent it.
    about_id: str | None = None  #: Of a prompt: the failed execution.
    expires_at: datetime | None = None  #: When the wait for an answer ends.
    outlives: bool = False  #: The end of its execution does not close it.
    response: Json = None
    answered_by: str | None = None
    answered_from: str | None = None  #: notebook, command line, REST, ...
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    closed_why: str | None = None
    last_seq: int = 0  #: The event that changed it last.
