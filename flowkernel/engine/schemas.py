"""What may be asked over REST: the shapes of the requests. Extra fields are refused."""

import sys
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import dumps, plain_json
from flowkernel.core.models import EventKind, FlowKind, OnLost
from flowkernel.core.status import CellStatus, ExecutionStatus, ReturnWhen

MAX_WRAPPERS = 10  #: Around one flow, inclusive.
MAX_WAIT = 10 * 366 * 86_400.0  #: Seconds that an answer may be waited for, inclusive.
MAX_CELLS = 1_000_000  #: Cells of a notebook, inclusive.


class Shape(BaseModel):
    """JSON without what only looks like it: NaN, half characters."""

    @model_validator(mode="before")
    @classmethod
    def _is_json(cls, value: Any) -> Any:
        try:
            dumps(value).encode()
        except (ValueError, RecursionError):
            plain_json(
                value, "the request", limit=sys.maxsize
            )  # Raises, and says where.
        except TypeError as error:
            raise BadArgument(
                "The body of the request is not said to be JSON. Send it with the header "
                "`Content-Type: application/json`."
            ) from error
        return value


class Body(Shape):
    """A request."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Record(Shape):
    """A record of ours as another version may send it: fields unknown here are passed over."""

    model_config = ConfigDict(extra="ignore")


class EnvironmentRecord(Record):
    """Where a flow runs."""

    interpreter: str | None = None
    kernel_name: str | None = None
    prefix: str | None = None
    cwd: str | None = None


class SourceRecord(Record):
    """A flow without a registration: what runs, and where."""

    name: str
    kind: FlowKind
    source: str
    path: str | None = None
    environment: EnvironmentRecord = Field(default_factory=EnvironmentRecord)


class WrapperUse(Record):
    """A wrapper, and its parameters."""

    name: str = Field(max_length=128)
    inputs: dict[str, Any] = Field(default_factory=dict)


class RegisterBody(SourceRecord):
    """`POST flow`."""

    setup: str | None = None
    description: str | None = Field(default=None, max_length=100_000)
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = Field(default=None, allow_inf_nan=False)
    wrappers: list[WrapperUse] = Field(default_factory=list, max_length=MAX_WRAPPERS)
    is_wrapper: bool = False


class WrapBody(Body):
    """`PATCH flow/{name}`: the wrappers from now on, outermost first."""

    wrappers: list[WrapperUse] = Field(max_length=MAX_WRAPPERS)


class StartBody(Body):
    """`POST execution`: one of `flow`, `source`, `clone_of`; the rest may be left out."""

    execution_id: str = Field(default_factory=new_id, pattern=r"^[0-9a-f-]{36}$")
    flow: str | None = None
    source: SourceRecord | None = None
    clone_of: str | None = None
    inputs: Any = Field(default_factory=dict)
    name: str | None = None
    run: bool = True
    parent_id: str | None = None
    call_key: str | None = Field(default=None, max_length=400)
    started_by: str = Field(default="REST", max_length=200)
    worker: str | None = Field(default=None, pattern=r"^papermill-[0-9a-f-]{36}$")
    using: list[WrapperUse] = Field(default_factory=list, max_length=MAX_WRAPPERS)
    wrapped_of: str | None = Field(default=None, pattern=r"^[0-9a-f-]{36}$")
    retry_of: str | None = Field(default=None, pattern=r"^[0-9a-f-]{36}$")
    parks: bool = False
    is_interactive: bool = False


class VerbBody(Body):
    """A verb under an execution: who says so, and what it needs."""

    execution_id: str = Field(default_factory=new_id, pattern=r"^[0-9a-f-]{36}$")
    started_by: str = Field(default="REST", max_length=200)
    inputs: Any = None


class SaveBody(Body):
    """`PATCH execution/{id}`: the fields to overwrite."""

    name: str = ""
    status_message: str | None = Field(default=None, max_length=100_000)
    is_archived: bool = False


class OutputBody(Body):
    """`POST execution/{id}/output`."""

    output: Any
    merge: bool = True


class LogBody(Body):
    """`POST execution/{id}/log`."""

    stream: Literal["log", "stdout", "stderr"] = "log"
    text: str = Field(max_length=100_000)


class MessageBody(Body):
    """`POST execution/{id}/message`."""

    message_id: str = Field(default_factory=new_id, pattern=r"^[0-9a-f-]{36}$")
    subject: str = Field(max_length=1_000)
    message: str | None = Field(default=None, max_length=100_000)
    message_type: Literal["INFO", "WARN", "ERROR", "POPUP"] = "INFO"
    request: str | None = Field(default=None, max_length=1_000)
    body: Any = None
    wait: bool = (
        True  #: False: a message without `request` and `body` asks for nothing.
    )
    timeout: float | None = Field(default=None, ge=0, le=MAX_WAIT)
    call_key: str | None = Field(default=None, max_length=400)
    about_id: str | None = Field(default=None, pattern=r"^[0-9a-f-]{36}$")


class PromptBody(Body):
    """`POST execution/{id}/prompt`."""

    message_id: str = Field(default_factory=new_id, pattern=r"^[0-9a-f-]{36}$")
    about_id: str = Field(pattern=r"^[0-9a-f-]{36}$")
    timeout: float | None = Field(default=None, ge=0, le=MAX_WAIT)


class DecideBody(Body):
    """`POST execution/{id}/decide`: by an answered prompt, or by a verb."""

    message_id: str | None = Field(default=None, pattern=r"^[0-9a-f-]{36}$")
    verb: Literal["retry_cell", "retry", "fail", "cancel_all"] | None = None
    why: str | None = Field(default=None, max_length=1_000)  #: Added to its message.
    archive: bool = True
    started_by: str = Field(default="REST", max_length=200)


class AnswerBody(Body):
    """`POST message/{id}/answer`."""

    answer_id: str = Field(default_factory=new_id, pattern=r"^[0-9a-f-]{36}$")
    response: dict[str, Any] = Field(default_factory=dict)
    answered_by: str = Field(default="somebody", max_length=200)
    answered_from: str = Field(default="REST", max_length=100)


class WaitBody(Body):
    """`POST execution/{id}/wait`: for others to end, or until a moment."""

    targets: list[str] = Field(default_factory=list, alias="for", max_length=100_000)
    return_when: ReturnWhen = ReturnWhen.ALL_ENDED
    until: AwareDatetime | None = None
    message: str | None = None  #: For an answer to it.
    counts_failed: bool = False  #: What waits for a decision counts as ended.
    seconds: float = Field(default=20.0, ge=0, le=60)
    is_last: bool = False  #: Whoever asks will not ask again.
    is_flow: bool = False  #: The execution itself waits, and gives its slot back.


class SqlBody(Body):
    """`POST sql`."""

    sql: str = Field(max_length=100_000)
    format: Literal["json", "arrow"] = "json"


class PruneBody(Body):
    """`POST prune`: what may go."""

    days: float | None = Field(default=None, ge=0, le=100_000)
    keep: int | None = Field(default=None, ge=0, le=2**62)
    is_dry: bool = False


class StopBody(Body):
    """`POST engine/stop`."""

    force: bool = False


class PollBody(Body):
    """`POST worker/{id}/poll`."""

    pid: int
    process_started_at: float
    holding: list[str]
    paused: list[str] = Field(default_factory=list)


class EventRecord(Record):
    """What happened to an execution, as its worker says."""

    event_id: str
    execution_id: str
    kind: EventKind
    happened_at: AwareDatetime
    actor: str = ""
    payload: dict[str, Any] = Field(default_factory=dict)


class ReportBody(Body):
    """`POST worker/{id}/report`: what happened, in order."""

    pid: int
    process_started_at: float
    events: list[EventRecord] = Field(max_length=5_000)


class CellsCounted(Record):
    """How many cells there are to run."""

    cell_count: int = Field(ge=0, le=MAX_CELLS)


class CellStarted(Record):
    """A cell runs."""

    cell_run_id: str
    cell_id: str
    cell_index: int = Field(ge=0, le=MAX_CELLS)
    source_hash: str


class CellEnded(Record):
    """How it went."""

    cell_run_id: str
    status: CellStatus
    error_name: str | None = None
    error_message: str | None = None
    traceback: str | None = None


class Logged(Record):
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


class Ended(Record):
    """How the execution ended."""

    status: ExecutionStatus
    status_message: str | None = None
    error: ErrorRecord | None = None
    notebook_path: str | None = None


class Failed(Record):
    """That it failed, and that somebody may decide what follows."""

    status_message: str
    error: ErrorRecord | None = None
    failure: dict[str, Any] = Field(default_factory=dict)
    is_parked: bool
    notebook_path: str | None = None


class KernelLost(Record):
    """That a parked kernel is gone."""

    why: str


#: What a worker may say of an execution. The rest is the engine's to decide.
WORKERS_SAY: dict[EventKind, type[Record]] = {
    EventKind.CELLS_COUNTED: CellsCounted,
    EventKind.CELL_STARTED: CellStarted,
    EventKind.CELL_ENDED: CellEnded,
    EventKind.LOGGED: Logged,
    EventKind.PAUSED: Record,
    EventKind.FAILED: Failed,
    EventKind.KERNEL_LOST: KernelLost,
    EventKind.ENDED: Ended,
}
