"""Routes that are called for each execution: a body, words of the path, engine and caller.

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

    It has to have both, and nothing of the query: that is not read. It may have `caller`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Read the body, validate it, call the function."""
        endpoint = self.endpoint
        shapes = inspect.get_annotations(endpoint, eval_str=True)
        validate = TypeAdapter(shapes["body"]).validator.validate_python
        has_caller = "caller" in shapes

        async def handle(request: Request) -> Response:
            content: Any = await request.body()
            if "json" in request.headers.get("content-type", ""):
                content = _json_in(content)
            try:
                body = validate(content)
            except ValidationError as error:
                raise _invalid(error) from error
            arguments = {**request.path_params, "body": body}
            if has_caller:
                arguments["caller"] = request.state.caller
            engine = request.app.state.engine
            response: Response = await endpoint(**arguments, engine=engine)
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
