"""The body of a request: JSON in UTF-8, read within a budget, and validated strictly."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from flowkernel.core.errors import BadValue
from flowkernel.core.suggestions import quoted_name
from flowkernel.engine.api.body_budget import SMALL

NUL = b"\\u0000"  #: The character NUL in JSON text.
#: Fields of bodies in which NUL may be: a flow fills them, or they have a check of their own.
FREE_TEXT = frozenset(
    {
        *("inputs", "output", "response", "source", "text", "events", "name"),
        "environ",
    }
)
UNSUPPORTED = 415  #: The HTTP status for a body of another kind.


class Body(BaseModel):
    """A body that becomes a model. A field that the model does not have is refused."""

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, allow_inf_nan=False
    )


@asynccontextmanager
async def read_body(request: Request) -> AsyncIterator[bytearray]:
    """The whole body; its room is kept as long as the context is open.

    Raises:
        EngineBusy: There is no room for it just now.
        HTTPException: It is no JSON, as its headers say.
        ClientDisconnect: The client went away before the end.
    """
    _check_headers(request)
    content = bytearray()
    length = int(request.headers.get("content-length", "0"))
    is_chunked = "transfer-encoding" in request.headers
    pieces = _pieces(request)
    if is_chunked:  # It may become as large as any, as soon as it is not small.
        async for piece in pieces:
            content += piece
            if len(content) > SMALL:
                length = request.app.state.body_budget.max_bytes
                break
    async with request.app.state.body_budget.room(length):
        async for piece in pieces:
            content += piece
        yield content


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _check_headers(request: Request) -> None:
    headers = request.headers
    if headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(
            UNSUPPORTED, "A compressed body is not read. Send it plain."
        )
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_empty = headers.get("content-length", "0") == "0"
    if content_type == "application/json" or content_type.endswith("+json"):
        return
    if not (is_empty and "transfer-encoding" not in headers):
        raise HTTPException(
            UNSUPPORTED,
            "The request does not say that its body is JSON. Send it with the header "
            "`Content-Type: application/json`.",
        )


def parse_body(content: bytearray, adapter: TypeAdapter[Any], names: list[str]) -> Any:
    """The body as the type of the adapter; an empty one is `null`.

    Args:
        names: The fields that it may have; the nearest one is offered for a wrong one.

    Raises:
        RequestValidationError: It does not fit, or is no JSON.
        BadValue: It has NUL where that cannot be, or the same name twice in an object.
    """
    text = content or b"null"
    try:
        body = adapter.validator.validate_json(text, strict=True)
    except ValidationError as error:
        faults = [_at_body(fault, names) for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from error
    json.loads(text, object_pairs_hook=_refuse_twice)
    if NUL in text:
        _refuse_nul(from_json(text))
    return body


def _refuse_twice(pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object with the same name twice: which of them counts is a guess."""
    if len(dict(pairs)) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        name = next(name for name, count in counts.items() if count > 1)
        raise BadValue(f"The request has {quoted_name(name)} twice. Send it once.")


def _at_body(fault: ErrorDetails, names: list[str]) -> dict[str, Any]:
    """The fault as FastAPI has it: its location begins with `body`."""
    context = dict(fault.get("ctx", {}))
    if len(fault["loc"]) == 1:
        context["names"] = names
    return {**fault, "loc": ("body", *fault["loc"]), "ctx": context}


def _refuse_nul(value: Any, path: str = "the request") -> None:
    """Refuse NUL in a text that is not free."""
    if isinstance(value, str) and "\0" in value:
        raise BadValue(f"{path} has the character NUL. Remove it.")
    if isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_nul(item, f"{path}[{index}]")
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_nul(name, f"a key of {path}")
            if name not in FREE_TEXT:
                _refuse_nul(item, f"{path}[{name[:60]!r}]")
