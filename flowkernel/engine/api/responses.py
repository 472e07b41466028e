"""How the API answers: a value as JSON, or `{code, message}`."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from flowkernel.core.errors import (
    BadArgument,
    DiskFull,
    EngineError,
    ExecutionNotFound,
    FileMissing,
    FlowkernelError,
    FlowNotFound,
    MessageNotFound,
    MoveNotAllowed,
    RequestError,
    Unauthorized,
    ValueTooBig,
)
from flowkernel.core.json_values import dumps

HTTP_STATUS: tuple[tuple[type[FlowkernelError], int], ...] = (
    (Unauthorized, 401),
    (FlowNotFound, 404),
    (ExecutionNotFound, 404),
    (MessageNotFound, 404),
    (FileMissing, 404),
    (MoveNotAllowed, 409),
    (ValueTooBig, 413),
    (RequestError, 400),
    (DiskFull, 507),
    (EngineError, 500),
    (FlowkernelError, 500),
)

MAX_LIMIT = 10_000  #: Rows of a list or a log that one request may ask for, inclusive.
ask = asyncio.to_thread  # The store is synchronous: the edge calls it in a thread.


def answer(value: Any, status: int = 200) -> Response:
    """A value as JSON, exactly as it is stored."""
    return answer_text(dumps(value), status)


def answer_text(text: str, status: int = 200) -> Response:
    """What is JSON already."""
    return Response(text.encode(), status, media_type="application/json")


def check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise BadArgument(f"limit is {limit}; it goes from 1 to {MAX_LIMIT:,}.")


async def refuse(_request: Request, error: Exception) -> Response:
    """Answer {code, message}. A code is a class name, and is never renamed."""
    status = next(code for family, code in HTTP_STATUS if isinstance(error, family))
    return _said(type(error).__name__, str(error), status)


async def refuse_shape(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [
        f"{'.'.join(str(part) for part in one['loc'][1:]) or 'the body'}: {one['msg']}"
        for one in error.errors()[:3]
    ]
    return _said("BadArgument", f"The request cannot be used: {'; '.join(wrong)}.", 400)


async def refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        said = "The body of the request cannot be read: it is not JSON in UTF-8, or too deep."
    else:
        what = f"{request.method} {request.url.path}"
        said = f"There is no {what}. /openapi.json lists what there is."
    return _said("BadArgument", said, error.status_code)


async def refuse_fault(_request: Request, error: Exception) -> Response:
    return _said(
        "EngineFault",
        f"The engine broke while it did this ({type(error).__name__}: {error}). "
        "Nothing that was acknowledged is lost; the engine's log has the details.",
        500,
    )


def _said(code: str, message: str, status: int) -> Response:
    return JSONResponse({"code": code, "message": message}, status)
