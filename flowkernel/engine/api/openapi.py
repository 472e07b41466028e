"""The OpenAPI document: what each route responds with, errors included."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter

from flowkernel.core.models import (
    CellRun,
    Event,
    Execution,
    Flow,
    FlowVersion,
    Json,
    Message,
)
from flowkernel.engine.retention import PruneResult
from flowkernel.engine.wrapper_list import ListedWrapper

SCHEMAS = "#/components/schemas/"
ARROW = "application/vnd.apache.arrow.stream"
EVENT_STREAM = "text/event-stream"
#: Errors of every request, by status.
ERRORS = {
    400: "Something in the request is wrong; the sentence names it.",
    401: "The token is missing or wrong.",
    403: "The token does not allow this.",
    408: "The request did not arrive in time.",
    500: "An internal error of the engine.",
    503: "The engine is busy: send it again after `Retry-After` seconds.",
}
#: Errors of a request that names something: by an id, a name, or in its body.
NAMING_ERRORS = {
    404: "What it names is not there.",
    409: "The status of what it names does not allow this.",
}
#: Errors of a request with a body.
BODY_ERRORS = {
    413: "It is too large.",
    415: "The body does not say that it is JSON.",
    507: "The disk of the home is full.",
}
TOO_MANY = {429: "Too many queries: send it again after `Retry-After` seconds."}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReply:
    """An error."""

    code: str  #: The name of a class of `flowkernel.core.errors`.
    message: str  #: One sentence: what happened, the value at fault, what to do.


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFlow(Flow):
    """A flow in a list."""

    source: None  # type: ignore[assignment]


class TreeReply(BaseModel):
    """A family."""

    executions: list[Execution]
    progress: dict[str, Json]
    cursor: int


class ChangesReply(BaseModel):
    """A page of rows that changed."""

    changes: list[dict[str, Json]]
    seq: int
    is_complete: bool
    removed: list[Json]
    removed_since: int


class SqlReply(BaseModel):
    """The result of a query."""

    columns: list[str]
    types: list[str]
    rows: list[list[Json]]
    is_cut: bool


class PresenceReply(BaseModel):
    """Whether a person is there."""

    is_attended: bool
    why: str
    is_interactive: bool
    last: dict[str, Json] | None


class AskedReply(BaseModel):
    """How long it has waited for people."""

    seconds: float
    is_now: bool


class OutputReply(BaseModel):
    """The output as it is now."""

    output: Json


class SizesReply(BaseModel):
    """Bytes of the database."""

    before: int
    after: int


class BackupReply(BaseModel):
    """Where the copy is."""

    path: str


Anything = dict[str, Json]


class Nothing(BaseModel):
    """An empty object."""


#: What a request that succeeds responds with, by method and route below `/api/latest`.
REPLIES: Mapping[str, Any] = {
    "GET /engine": Anything,
    "POST /engine/stop": Nothing,
    "GET /flow": list[ListedFlow],
    "POST /flow": Flow,
    "GET /flow/{name}": Flow,
    "PATCH /flow/{name}": Flow,
    "DELETE /flow/{name}": Nothing,
    "GET /flow_version/{flow_version}": FlowVersion,
    "POST /signature": Anything,
    "GET /wrapper": list[ListedWrapper],
    "GET /execution": list[Execution],
    "POST /execution": Execution,
    "GET /execution/{execution_id}": Execution,
    "PATCH /execution/{execution_id}": Execution,
    "DELETE /execution/{execution_id}": Nothing,
    "GET /execution/{execution_id}/tree": TreeReply,
    "GET /execution/{execution_id}/ancestors": list[Execution],
    "GET /execution/{execution_id}/cell_run": list[CellRun],
    "GET /execution/{execution_id}/decision": list[Event],
    "GET /execution/{execution_id}/log": list[Event],
    "POST /execution/{execution_id}/log": Nothing,
    "POST /execution/{execution_id}/output": OutputReply,
    "GET /execution/{execution_id}/presence": PresenceReply,
    "GET /execution/{execution_id}/asked": AskedReply,
    "POST /execution/{execution_id}/message": Message,
    "POST /execution/{execution_id}/prompt": Message,
    "POST /execution/{execution_id}/decide": Execution,
    "POST /execution/{execution_id}/wait": Anything,
    "POST /execution/{execution_id}/cancel": Execution,
    "POST /execution/{execution_id}/pause": Execution,
    "POST /execution/{execution_id}/resume": Execution,
    "POST /execution/{execution_id}/release_kernel": Execution,
    "POST /execution/{execution_id}/run": Execution,
    "POST /execution/{execution_id}/retry": Execution,
    "GET /message": list[Message],
    "GET /message/{message_id}": Message,
    "POST /message/{message_id}/answer": Message,
    "GET /event": str,
    "GET /execution/change": ChangesReply,
    "GET /execution/change/stream": str,
    "POST /sql": SqlReply,
    "POST /prune": PruneResult,
    "POST /compact": SizesReply,
    "POST /backup": BackupReply,
    "POST /worker/{worker_id}/poll": Anything,
    "POST /worker/{worker_id}/report": Anything,
}
#: Those that make something: 201 instead of 200.
CREATED = frozenset(
    {
        "POST /execution",
        "POST /execution/{execution_id}/message",
        "POST /execution/{execution_id}/prompt",
        "POST /execution/{execution_id}/retry",
    }
)


class Api(FastAPI):
    """An application that describes its responses."""

    def openapi(self) -> dict[str, Any]:
        """The document. It is made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            components = document["components"]
            schemas: dict[str, Any] = components["schemas"]
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            components["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer"}
            }
            document["security"] = [{"token": []}]
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    route = f"{method.upper()} {path.removeprefix('/api/latest')}"
                    operation["responses"] = _responses(route, operation, schemas)
        return self.openapi_schema or {}


def _responses(
    route: str, operation: Mapping[str, Any], schemas: dict[str, Any]
) -> dict[str, Any]:
    """The responses of one route; what their schemas need is added to `schemas`."""
    errors = dict(ERRORS)
    names = [parameter["name"] for parameter in operation.get("parameters", ())]
    has_body = "requestBody" in operation
    if has_body or "{" in route or "cursor" in names:
        errors |= NAMING_ERRORS
    if has_body:
        errors |= BODY_ERRORS
    if route == "POST /sql":
        errors |= TOO_MANY
    status = "201" if route in CREATED else "200"
    schema = _schema_of(REPLIES.get(route, Anything), schemas)
    refusal = _schema_of(ErrorReply, schemas)
    return {
        status: {"description": "Done.", "content": _content(route, schema)},
        **{
            str(number): {
                "description": text,
                "content": {"application/json": {"schema": refusal}},
            }
            for number, text in sorted(errors.items())
        },
    }


def _content(route: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The content types of a response."""
    if REPLIES.get(route) is str:
        return {EVENT_STREAM: {"schema": {"type": "string"}}}
    content = {"application/json": {"schema": schema}}
    if route == "POST /sql":
        content[ARROW] = {"schema": {"type": "string", "format": "binary"}}
    return content


def _schema_of(shape: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of a type; those that it refers to are added to `schemas`."""
    schema = TypeAdapter(shape).json_schema(ref_template=SCHEMAS + "{model}")
    for name, part in schema.pop("$defs", {}).items():
        schemas.setdefault(name, part)
    name = schema.get("title", "")
    if schema.get("type") != "object" or not name:
        return schema
    schemas.setdefault(name, schema)
    return {"$ref": SCHEMAS + name}
