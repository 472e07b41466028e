"""Routes that are asked for each execution: a body, words of the path, and nothing else.

FastAPI solves a graph of dependencies for each request, which takes longer than what these
requests ask for. They are described in `/openapi.json` as all others are.
"""

import inspect
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError


class DirectRoute(APIRoute):
    """For a function of one pydantic model, and of the names in its path."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Read the body, check it, call the function."""
        name, shape = _body_of(self.endpoint)

        async def handle(request: Request) -> Response:
            content: Any = await request.body()
            if "json" in request.headers.get("content-type", ""):
                content = _read(content)
            body = _checked(shape, content)
            answer: Response = await self.endpoint(
                **request.path_params, **{name: body}
            )
            return answer

        return handle


def _body_of(endpoint: Callable[..., Any]) -> tuple[str, type[BaseModel]]:
    shapes = inspect.get_annotations(endpoint, eval_str=True)
    return next(
        (name, shape)
        for name, shape in shapes.items()
        if isinstance(shape, type) and issubclass(shape, BaseModel)
    )


def _read(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except json.JSONDecodeError as error:
        where = {"type": "json_invalid", "loc": ("body", error.pos), "msg": str(error)}
        raise RequestValidationError([where]) from error
    except Exception as error:  # Not UTF-8, or too deep.
        raise HTTPException(400) from error


def _checked(shape: type[BaseModel], told: Any) -> BaseModel:
    try:
        return shape.model_validate(told)
    except ValidationError as error:
        wrong = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(wrong) from error
