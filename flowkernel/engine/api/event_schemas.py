"""The events that a worker reports, and their payloads by kind."""

from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Event, EventKind
from flowkernel.core.report_limits import (
    CELL_ID_CHARACTERS,
    ERROR_MESSAGE_CHARACTERS,
    ERROR_NAME_CHARACTERS,
    FIRST_LINE_CHARACTERS,
    ID_CHARACTERS,
    LOG_CHARACTERS,
    MAX_CELLS,
    PATH_CHARACTERS,
    SENTENCE_CHARACTERS,
    SOURCE_CHARACTERS,
    STATUS_MESSAGE_CHARACTERS,
    STREAM_CHARACTERS,
    TRACEBACK_CHARACTERS,
)
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.core.worker_report import WorkerReport
from flowkernel.engine.field_types import AttemptNumber, JsonValue, Moment

#: The texts of a report. A worker cuts them to the same limits.
IdText = Annotated[str, Field(max_length=ID_CHARACTERS)]
CellIdText = Annotated[str, Field(max_length=CELL_ID_CHARACTERS)]
FirstLine = Annotated[str, Field(max_length=FIRST_LINE_CHARACTERS)]
ErrorName = Annotated[str, Field(max_length=ERROR_NAME_CHARACTERS)]
ErrorMessage = Annotated[str, Field(max_length=ERROR_MESSAGE_CHARACTERS)]
Traceback = Annotated[str, Field(max_length=TRACEBACK_CHARACTERS)]
StatusMessage = Annotated[str, Field(max_length=STATUS_MESSAGE_CHARACTERS)]
Sentence = Annotated[str, Field(max_length=SENTENCE_CHARACTERS)]
StreamName = Annotated[str, Field(max_length=STREAM_CHARACTERS)]
LogText = Annotated[str, Field(max_length=LOG_CHARACTERS)]
NotebookPath = Annotated[str, Field(max_length=PATH_CHARACTERS)]
CellSource = Annotated[str, Field(max_length=SOURCE_CHARACTERS)]
#: How many cells there are, or the place of one among them.
CellNumber = Annotated[int, Field(ge=0, le=MAX_CELLS)]


class Record(BaseModel):
    """A part of a report. Another version may send more: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class CellsCountedPayload(Record):
    """How many cells will run."""

    cell_count: CellNumber


class CellStartedPayload(Record):
    """Which cell runs."""

    cell_run_id: IdText
    cell_id: CellIdText
    cell_index: CellNumber
    cell_number: CellNumber | None = None
    first_line: FirstLine | None = None
    source_hash: IdText


class CellEndedPayload(Record):
    """How a cell run ended."""

    cell_run_id: IdText
    status: CellStatus
    error_name: ErrorName | None = None
    error_message: ErrorMessage | None = None
    traceback: Traceback | None = None


class LoggedPayload(Record):
    """What it printed."""

    stream: StreamName
    text: LogText


class ErrorRecord(Record):
    """What a cell raised."""

    name: ErrorName
    message: ErrorMessage
    traceback: Traceback = ""
    cell_id: CellIdText | None = None
    cell_index: CellNumber | None = None
    cell_number: CellNumber | None = None


class EndedPayload(Record):
    """How the execution ended."""

    status: ExecutionStatus
    status_message: StatusMessage | None = None
    error: ErrorRecord | None = None
    notebook_path: NotebookPath | None = None
    #: Until when at the latest its kernel is kept; None: it is not.
    parked_until: Moment | None = None


class FailureRecord(Record):
    """What a person needs to know of a failed cell."""

    cell_id: CellIdText | None = None
    cell_number: CellNumber | None = None
    cell_count: CellNumber | None = None
    source: CellSource | None = None
    kernel_lost: Sentence | None = None
    is_mended: bool | None = None
    is_retried: bool | None = None


class FailedPayload(Record):
    """How the execution failed. A person may decide what follows."""

    status_message: StatusMessage
    error: ErrorRecord | None = None
    failure: FailureRecord = Field(default_factory=FailureRecord)
    is_parked: bool
    notebook_path: NotebookPath | None = None


class KernelLostPayload(Record):
    """Why a parked kernel is gone."""

    why: Sentence


#: The payload of each kind that a worker may report: those of `REPORTED_KINDS`.
PAYLOADS: dict[EventKind, type[Record]] = {
    EventKind.CELLS_COUNTED: CellsCountedPayload,
    EventKind.CELL_STARTED: CellStartedPayload,
    EventKind.CELL_ENDED: CellEndedPayload,
    EventKind.LOGGED: LoggedPayload,
    EventKind.PAUSED: Record,
    EventKind.FAILED: FailedPayload,
    EventKind.KERNEL_LOST: KernelLostPayload,
    EventKind.ENDED: EndedPayload,
}


class EventRecord(Record):
    """What happened to an execution, as its worker reports it."""

    event_id: str
    execution_id: str
    kind: EventKind
    happened_at: Moment
    actor: str = ""
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    #: Which attempt it is of; a worker of an older version does not say.
    attempt: AttemptNumber | None = None

    def to_report(self, worker_id: str) -> WorkerReport:
        """The report of this worker.

        Raises:
            BadArgument: The payload does not fit the kind.
        """
        return WorkerReport(replace(self.to_event(), actor=worker_id), self.attempt)

    def to_event(self) -> Event:
        """The event.

        Raises:
            BadArgument: The payload does not fit the kind.
        """
        payload_schema = PAYLOADS.get(self.kind)
        if payload_schema is not None:
            try:
                payload_schema.model_validate(self.payload)
            except ValidationError as error:
                fault = error.errors()[0]
                field = ".".join(map(str, fault["loc"]))
                raise BadArgument(
                    f"The event {self.kind!r} cannot be used: payload.{field}: "
                    f"{fault['msg']}."
                ) from error
        return Event(**{k: v for k, v in self if k != "attempt"})
