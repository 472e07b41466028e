"""How a route reads its request: exactly what it declares, and nothing else.

A route with a parameter `body` gets that, the words of its path, engine and caller. FastAPI
would solve a graph of dependencies for it, which takes longer than the rest of such a request.
`/openapi.json` describes it like all others.
"""

import inspect
from collections.abc import Awaitable, Callable, Container, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.requests import ClientDisconnect

from flowkernel.engine.api.query import check_query
from flowkernel.engine.api.request_body import parse_body, read_body

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """Refuses an unknown query parameter, and a body that does not fit exactly.

    A function with `body` must have `engine`, too. It may have `caller`, and nothing else.
    """

    def get_route_handler(self) -> Handler:
        """Check the query, read the body, call the function."""
        names = [parameter.alias for parameter in self.dependant.query_params]
        shape = inspect.get_annotations(self.endpoint, eval_str=True).get("body")
        handle = super().get_route_handler()
        if shape is not None:
            handle = _body_handler(self.endpoint, TypeAdapter(shape))

        async def handle_strictly(request: Request) -> Response:
            check_query(request, names)
            return await handle(request)

        return handle_strictly


def _body_handler(
    endpoint: Callable[..., Awaitable[Response]], adapter: TypeAdapter[Any]
) -> Handler:
    names = list(adapter.json_schema().get("properties", {}))
    parameters = inspect.signature(endpoint).parameters

    async def handle(request: Request) -> Response:
        try:
            async with read_body(request) as content:
                body = parse_body(content, adapter, names)
                content.clear()  # What was read of it is enough.
                return await endpoint(body=body, **_arguments(request, parameters))
        except ClientDisconnect:
            return Response()  # There is nobody to read it.

    return handle


def _arguments(request: Request, parameters: Container[str]) -> dict[str, Any]:
    """What a function with these parameters gets besides the body."""
    arguments: dict[str, Any] = {**request.path_params}
    arguments["engine"] = request.app.state.engine
    if "caller" in parameters:
        arguments["caller"] = request.state.caller
    return arguments
