"""How the API refuses a request: an error as `{code, message}`, one clear sentence."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from http import HTTPStatus
from logging import getLogger
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from flowkernel.core.errors import EngineBusy, EngineFault, FlowkernelError, SqlBusy
from flowkernel.core.http_status import http_status_of
from flowkernel.core.json_values import dumps
from flowkernel.core.redaction import BUILT_IN
from flowkernel.engine.api.body_budget import RETRY_SECONDS
from flowkernel.engine.api.head_requests import STREAMS
from flowkernel.engine.field_types import UUID

log = getLogger(__name__)
MAX_FAULTS = 3  #: Faults of one request that its sentence names, inclusive.
MAX_SHOWN = 60  #: Characters of a value in a sentence, inclusive.
#: What is wrong with a body that is no JSON, by a part of the parser's words.
JSON_FAULTS = {
    "recursion limit": "is nested more than 100 levels deep. Write it to a file, pass its path",
    "hex escape": "has characters that are not valid Unicode text. Remove them",
    "surrogate": "has characters that are not valid Unicode text. Remove them",
    "unicode code point": "is not UTF-8. Encode it again",
    "number out of range": "has a number of over 4,300 digits. Send it as text",
}


async def refuse(request: Request, error: Exception) -> Response:
    """An error of ours. Its code is the name of its class, and is never renamed."""
    assert isinstance(error, FlowkernelError)
    if isinstance(error, EngineFault):
        line = f"{request.method} {request.url.path[:200]}"
        log.error("%s failed: %s", line, error, exc_info=error)
    headers = {}
    if isinstance(error, (EngineBusy, SqlBusy)):
        headers["retry-after"] = str(RETRY_SECONDS)
    status = http_status_of(error)
    return error_response(type(error).__name__, str(error), status, headers)


async def refuse_invalid(_request: Request, error: Exception) -> Response:
    """A request whose body or query does not have the required shape."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if faults[0]["type"] == "json_invalid":
        message = _json_sentence(faults[0]["msg"])
    else:
        clauses = [_fault_clause(fault) for fault in faults[:MAX_FAULTS]]
        message = f"The request cannot be used: {'; '.join(clauses)}."
    return error_response("BadArgument", message, 400)


def _json_sentence(words: str) -> str:
    for part, clause in JSON_FAULTS.items():
        if part in words:
            return f"The body of the request {clause}."
    reason = words.removeprefix("Invalid JSON: ")
    return f"The body of the request is not JSON in UTF-8: {reason}. Send an object: {{...}}."


def _fault_clause(fault: Mapping[str, Any]) -> str:
    """What is wrong with one field: the field, its value, and what it has to be."""
    name = ".".join(map(str, fault["loc"][1:])) or "the body"
    context = fault.get("ctx") or {}
    if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        nearest = get_close_matches(name, context.get("names", ()), n=1)
        advice = f"did you mean {nearest[0]!r}?" if nearest else "leave it out"
        return f"there is no field {name!r}: {advice}"
    if fault["type"] in (
        "missing",
        "missing_argument",
        "missing_keyword_only_argument",
    ):
        return f"{name} is missing"
    words = fault["msg"].removeprefix("Value error, ")
    if UUID in str(context.get("pattern")):
        words = "it should be a UUID in lower case, such as uuid.uuid4() makes"
    words = re.sub(r"^(Input|String) should", "it should", words)
    return f"{name} is {_shown(fault.get('input'))}; {words}"


def _shown(value: Any) -> str:
    """A value as JSON, cut; or what it is, if it has parts."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str | bytes | bytearray) and len(value) > MAX_SHOWN:
        return f"a text of {len(value):,} characters"
    return dumps(value)[:MAX_SHOWN] if _is_plain(value) else repr(value)[:MAX_SHOWN]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | str)


async def refuse_http(request: Request, error: Exception) -> Response:
    """A request that reaches no route."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    methods = allowed_methods(request.app, request.scope["path"])
    headers = {"allow": ", ".join(methods)} if methods else {}
    if methods and request.method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return error_response("BadArgument", error.detail, status)
    line = f"{request.method} {request.url.path[:200]}"
    message = f"There is no {line}. /openapi.json lists what there is."
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"There is no {line}. This path takes {headers['allow']}."
    return error_response("BadArgument", message, status, headers)


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """The methods that a path has, in alphabetical order; empty if there is no such path."""
    for pattern, methods in _methods_by_path(app):
        if pattern.fullmatch(path):
            return methods
    return []


@cache
def _methods_by_path(app: FastAPI) -> list[tuple[re.Pattern[str], list[str]]]:
    """Paths without parameters come first, as they do among the routes."""
    paths = {**app.openapi()["paths"], "/openapi.json": {"get": {}}}
    return [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), _names_of(path, operations))
        for path, operations in sorted(paths.items(), key=lambda item: "{" in item[0])
    ]


def _names_of(path: str, operations: Mapping[str, Any]) -> list[str]:
    methods = {method.upper() for method in operations} | {"OPTIONS"}
    if "GET" in methods and not path.endswith(STREAMS):
        methods.add("HEAD")
    return sorted(methods)


async def refuse_fault(_request: Request, error: Exception) -> Response:
    """An error in the engine itself."""
    message = (
        f"The engine broke while it did this ({type(error).__name__}: {error}). "
        "Nothing that was acknowledged is lost; the engine's log has the details."
    )
    return error_response("EngineFault", message, 500)


def error_response(
    code: str, message: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """The response for an error."""
    content = {"code": code, "message": BUILT_IN.text(message)}
    return JSONResponse(content, status, headers)
