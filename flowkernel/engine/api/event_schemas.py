"""The events that a worker reports, and their payloads by kind."""

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Event, EventKind
from flowkernel.core.status import CellStatus, ExecutionStatus

MAX_CELLS = 1_000_000  #: Cells of a notebook, inclusive.


class Record(BaseModel):
    """A part of a report. Another version may send more: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class CellsCountedPayload(Record):
    """How many cells will run."""

    cell_count: int = Field(ge=0, le=MAX_CELLS)


class CellStartedPayload(Record):
    """Which cell runs."""

    cell_run_id: str
    cell_id: str
    cell_index: int = Field(ge=0, le=MAX_CELLS)
    source_hash: str


class CellEndedPayload(Record):
    """How a cell run ended."""

    cell_run_id: str
    status: CellStatus
    error_name: str | None = None
    error_message: str | None = None
    traceback: str | None = None


class LoggedPayload(Record):
    """What it printed."""

    stream: str
    text: str


class ErrorRecord(Record):
    """What a cell raised."""

    name: str
    message: str
    traceback: str = ""
    cell_id: str | None = None
    cell_index: int | None = Field(default=None, ge=0, le=MAX_CELLS)


class EndedPayload(Record):
    """How the execution ended."""

    status: ExecutionStatus
    status_message: str | None = None
    error: ErrorRecord | None = None
    notebook_path: str | None = None


class FailedPayload(Record):
    """How the execution failed. A person may decide what follows."""

    status_message: str
    error: ErrorRecord | None = None
    failure: dict[str, Any] = Field(default_factory=dict)
    is_parked: bool
    notebook_path: str | None = None


class KernelLostPayload(Record):
    """Why a parked kernel is gone."""

    why: str


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
    happened_at: AwareDatetime
    actor: str = ""
    payload: dict[str, Any] = Field(default_factory=dict)

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
        return Event(**dict(self))
