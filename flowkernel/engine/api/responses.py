"""How the API responds: a value as JSON, or an error as `{code, message}`."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from flowkernel.core.errors import (
    AttemptIsOver,
    BadArgument,
    DiskFull,
    EngineError,
    ExecutionNotFound,
    FileMissing,
    FlowkernelError,
    FlowNotFound,
    MessageNotFound,
    MoveNotAllowed,
    NotAllowed,
    RequestError,
    Unauthorized,
    ValueTooBig,
)
from flowkernel.core.json_values import dumps

#: The first line that fits decides.
HTTP_STATUS: tuple[tuple[type[FlowkernelError], int], ...] = (
    (Unauthorized, 401),
    (FlowNotFound, 404),
    (ExecutionNotFound, 404),
    (MessageNotFound, 404),
    (FileMissing, 404),
    (MoveNotAllowed, 409),
    (AttemptIsOver, 409),
    (NotAllowed, 403),
    (ValueTooBig, 413),
    (RequestError, 400),
    (DiskFull, 507),
    (EngineError, 500),
    (FlowkernelError, 500),
)

MAX_LIMIT = 10_000  #: Rows of a list or a log that one request can get, inclusive.
in_thread = asyncio.to_thread  # The store is synchronous: the API calls it in a thread.


def json_response(value: Any, status: int = 200) -> Response:
    """A value as JSON, exactly as it is stored."""
    return json_text_response(dumps(value), status)


def json_text_response(text: str, status: int = 200) -> Response:
    """A response whose body is JSON text already."""
    return Response(text.encode(), status, media_type="application/json")


def check_limit(limit: int) -> None:
    """Refuse a number of rows that no request can get."""
    if not 1 <= limit <= MAX_LIMIT:
        raise BadArgument(f"limit is {limit}; it goes from 1 to {MAX_LIMIT:,}.")


# -- errors ------------------------------------------------------------------------------


async def refuse(_request: Request, error: Exception) -> Response:
    """An error of ours. Its code is the name of its class, and is never renamed."""
    return _error_response(type(error).__name__, str(error), status_of(error))


def status_of(error: Exception) -> int:
    """The HTTP status of an error of ours."""
    return next(code for family, code in HTTP_STATUS if isinstance(error, family))


#: Pydantic's words for a dataclass name our classes; a model and a dataclass get the same.
_FAULTS = {
    "dataclass_type": "Input should be a valid dictionary or object to extract fields from",
    "unexpected_keyword_argument": "Extra inputs are not permitted",
}


async def refuse_invalid(_request: Request, error: Exception) -> Response:
    """A request whose body or query does not have the required shape."""
    assert isinstance(error, RequestValidationError)
    faults = [
        f"{'.'.join(map(str, fault['loc'][1:])) or 'the body'}: "
        f"{_FAULTS.get(fault['type'], fault['msg'])}"
        for fault in error.errors()[:3]
    ]
    message = f"The request cannot be used: {'; '.join(faults)}."
    return _error_response("BadArgument", message, 400)


async def refuse_http(request: Request, error: Exception) -> Response:
    """A request that reaches no route."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        message = (
            "The body of the request cannot be read: it is not JSON in UTF-8, "
            "or too deep."
        )
    else:
        message = (
            f"There is no {request.method} {request.url.path}. "
            "/openapi.json lists what there is."
        )
    return _error_response("BadArgument", message, error.status_code)


async def refuse_fault(_request: Request, error: Exception) -> Response:
    """An error in the engine itself."""
    message = (
        f"The engine broke while it did this ({type(error).__name__}: {error}). "
        "Nothing that was acknowledged is lost; the engine's log has the details."
    )
    return _error_response("EngineFault", message, 500)


def _error_response(code: str, message: str, status: int) -> Response:
    return JSONResponse({"code": code, "message": message}, status)
