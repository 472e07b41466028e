"""Routes that are called for each execution: a body, words of the path, and the engine.

FastAPI solves a graph of dependencies for each request, which takes longer than the rest of
these requests. `/openapi.json` describes them like all others.
"""

import inspect
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError


class DirectRoute(APIRoute):
    """For a function with the parameters `body` and `engine`, and those of its path.

    It has to have both, and nothing of the query: that is not read.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Read the body, validate it, call the function."""
        endpoint = self.endpoint
        shape = inspect.get_annotations(endpoint, eval_str=True)["body"]
        validate = TypeAdapter(shape).validator.validate_python

        async def handle(request: Request) -> Response:
            content: Any = await request.body()
            if "json" in request.headers.get("content-type", ""):
                content = _json_in(content)
            try:
                body = validate(content)
            except ValidationError as error:
                raise _invalid(error) from error
            response: Response = await endpoint(
                **request.path_params, body=body, engine=request.app.state.engine
            )
            return response

        return handle


def _json_in(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except json.JSONDecodeError as error:
        fault = {"type": "json_invalid", "loc": ("body", error.pos), "msg": str(error)}
        raise RequestValidationError([fault]) from error
    except Exception as error:  # Not UTF-8, or too deep.
        raise HTTPException(400) from error


def _invalid(error: ValidationError) -> RequestValidationError:
    """The error with the locations that FastAPI gives: they begin with `body`."""
    faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
    return RequestValidationError(faults)
