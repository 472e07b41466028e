"""The bodies of the requests, by route.

A body that the engine works with unchanged, such as `StartRequest`, is defined beside the
code that does it, and has its name for the routes here.
"""

from typing import Annotated, Literal

from pydantic import Field

from flowkernel.core.clock import new_id
from flowkernel.core.models import Environment, FlowKind, OnLost
from flowkernel.core.status import RetrySource
from flowkernel.engine.api.event_schemas import EventRecord
from flowkernel.engine.api.request_body import Body
from flowkernel.engine.dispatch.wait_requests import WaitRequest
from flowkernel.engine.field_types import (
    Actor,
    AttemptNumber,
    Id,
    JsonValue,
    Moment,
    PastMoment,
    ProcessId,
    Variables,
)
from flowkernel.engine.prompts.inbox import MessageAnswer, MessageRequest
from flowkernel.engine.prompts.wrapper_requests import PromptRequest
from flowkernel.engine.start_plan import SourceRecord, StartRequest
from flowkernel.engine.wrapper_registry import MAX_WRAPPERS, WrapperUse

#: `POST execution`: one of `flow`, `source`, `clone_of`, ...; the rest may be left out.
StartBody = StartRequest

#: `POST execution/{id}/wait`: for others to end, or until a moment.
WaitBody = WaitRequest

#: `POST execution/{id}/message`.
MessageBody = MessageRequest

#: `POST execution/{id}/prompt`.
PromptBody = PromptRequest

#: `POST message/{id}/answer`.
AnswerBody = MessageAnswer


#: Executions that a worker can say it has room for, at most.
MAX_CAPACITY = 1_000_000
MAX_REASON = 500  #: Characters with which it says why it has room for no more, at most.

#: Fields of a flow that the engine makes: what is sent in them is not used.
MADE_HERE = {"flow_version", "registered_at", "signature"}
MAX_PARAMETERS = 200  #: Of one flow, at most.
MAX_DECLARATION = 2_000  #: Characters of one of them, at most.


class RegisterBody(Body):
    """`POST flow`: a flow, also one as `GET flow/{name}` has it."""

    name: str
    kind: FlowKind
    source: str
    path: str | None = None
    environment: Environment = Field(default_factory=Environment)
    setup: str | None = None
    description: str | None = Field(default=None, max_length=100_000)
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = Field(default=None, allow_inf_nan=False)
    wrappers: list[WrapperUse] = Field(default_factory=list, max_length=MAX_WRAPPERS)
    is_wrapper: bool = False
    #: Parameters besides those of its source, each as `day: date = today`.
    parameters: (
        Annotated[
            list[Annotated[str, Field(max_length=MAX_DECLARATION)]],
            Field(max_length=MAX_PARAMETERS),
        ]
        | None
    ) = None
    #: `MADE_HERE`, as the next one.
    flow_version: str = ""
    registered_at: Moment | None = None
    signature: JsonValue = None


class SignatureBody(Body):
    """`POST signature`: a source that need not be registered."""

    kind: FlowKind
    source: str


class WrapBody(Body):
    """`PATCH flow/{name}`: the wrappers from now on, outermost first."""

    wrappers: list[WrapperUse] = Field(max_length=MAX_WRAPPERS)


class VerbBody(Body):
    """An action on an execution: who requests it, and what it needs."""

    #: Made by the sender: `run` with the same id again starts nothing twice.
    event_id: Id | None = None
    execution_id: Id = Field(default_factory=new_id)  #: Of a new one, if it starts one.
    started_by: Actor = "REST"
    inputs: JsonValue = None
    #: `retry`: the environment variables of the person who sends it.
    environ: Variables = Field(default=None, repr=False)


class RetryBody(VerbBody):
    """`POST execution/{id}/retry`: also which source runs."""

    #: None: that of the first try; of what a wrapper runs by its name, the current one.
    source: RetrySource | None = None
    #: As those of a start: of `inputs`.
    texts: dict[str, str] = Field(default_factory=dict)
    allow_extra: bool = False
    #: With `source` `current`, of a flow that is not registered: its file as it is now.
    file: SourceRecord | None = None


class SaveBody(Body):
    """`PATCH execution/{id}`: the fields to overwrite."""

    name: str = ""
    status_message: str | None = Field(default=None, max_length=100_000)
    is_archived: bool = False


class OutputBody(Body):
    """`POST execution/{id}/output`."""

    output: JsonValue
    merge: bool = True


class LogBody(Body):
    """`POST execution/{id}/log`."""

    #: Made by the sender: the same id again adds nothing twice.
    event_id: Id = Field(default_factory=new_id)
    stream: Literal["log", "stdout", "stderr"] = "log"
    text: str = Field(max_length=100_000)


class DecideBody(Body):
    """`POST execution/{id}/decide`: by an answered prompt, or by a verb."""

    message_id: Id | None = None
    verb: Literal["retry_cell", "retry", "fail", "cancel_all"] | None = None
    why: str | None = Field(default=None, max_length=1_000)  #: Added to its message.
    archive: bool = True
    started_by: Actor = "REST"


class NoFields(Body):
    """`POST compact`, `POST backup`: nothing, or an empty object."""


class SqlBody(Body):
    """`POST sql`."""

    sql: str = Field(max_length=100_000)
    format: Literal["json", "arrow"] = "json"


class PruneBody(Body):
    """`POST prune`: which families to delete."""

    days: float | None = Field(default=None, ge=0, le=100_000)
    keep: int | None = Field(default=None, ge=0, le=2**62)
    is_dry: bool = False
    as_of: PastMoment | None = None


class StopBody(Body):
    """`POST engine/stop`."""

    force: bool = False


class FailedStartRecord(Body):
    """What a worker was given and could not start."""

    attempt: AttemptNumber
    why: str = Field(max_length=MAX_REASON)


class PollBody(Body):
    """`POST worker/{id}/poll`."""

    pid: ProcessId
    process_started_at: float
    holding: list[str]
    paused: list[str] = Field(default_factory=list)
    #: Which attempt at each of `holding` it carries out; an older version says nothing.
    attempts: dict[str, AttemptNumber] = Field(default_factory=dict)
    #: Executions that it can have at the same time; a worker of an older version says nothing.
    capacity: int | None = Field(default=None, ge=0, le=MAX_CAPACITY)
    capacity_reason: str = Field(default="", max_length=MAX_REASON)
    #: By the ids of executions.
    failed_starts: dict[str, FailedStartRecord] = Field(default_factory=dict)
    #: Of those that have ended and whose kernels it keeps, by id: which attempt that was.
    kept: dict[str, AttemptNumber] = Field(default_factory=dict)


class ReportBody(Body):
    """`POST worker/{id}/report`: what happened, in order."""

    pid: ProcessId
    process_started_at: float
    events: list[EventRecord] = Field(max_length=5_000)
