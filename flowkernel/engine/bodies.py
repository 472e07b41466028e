"""What may be asked over REST: the shapes of the requests. Extra fields are refused."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flowkernel.clock import new_id
from flowkernel.models import FlowKind, OnLost
from flowkernel.status import ReturnWhen


class Body(BaseModel):
    """A request."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Record(BaseModel):
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


class FlowRecord(SourceRecord):
    """`POST flow`."""

    setup: str | None = None
    description: str | None = Field(default=None, max_length=100_000)
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = Field(default=None, allow_inf_nan=False)


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


class VerbBody(Body):
    """A verb under an execution: who says so, and what it needs."""

    execution_id: str = Field(default_factory=new_id, pattern=r"^[0-9a-f-]{36}$")
    started_by: str = Field(default="REST", max_length=200)
    inputs: Any = None


class SaveBody(Body):
    """`PATCH execution/{id}`: the fields to overwrite."""

    name: str | None = None
    status_message: str | None = Field(default=None, max_length=100_000)
    is_archived: bool | None = None


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


class WaitBody(Body):
    """`POST execution/{id}/wait`: for others to end, or until a moment."""

    targets: list[str] = Field(default_factory=list, alias="for", max_length=100_000)
    return_when: ReturnWhen = ReturnWhen.ALL_ENDED
    until: AwareDatetime | None = None
    seconds: float = Field(default=20.0, ge=0, le=60)
    is_last: bool = False  #: Whoever asks will not ask again.
    is_flow: bool = False  #: The execution itself waits, and gives its slot back.


class SqlBody(Body):
    """`POST sql`."""

    sql: str = Field(max_length=100_000)
    format: Literal["json", "arrow"] = "json"


class StopBody(Body):
    """`POST engine/stop`."""

    force: bool = False


class PollBody(Body):
    """`POST worker/{id}/poll`."""

    pid: int
    process_started_at: float
    holding: list[str]
    paused: list[str] = Field(default_factory=list)


class ReportBody(Body):
    """`POST worker/{id}/report`: what happened, in order."""

    pid: int
    process_started_at: float
    events: list[dict[str, Any]] = Field(max_length=5_000)
