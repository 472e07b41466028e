"""How the API responds with a value: as JSON."""

import asyncio
from typing import Any

from fastapi.responses import Response

from flowkernel.core.json_values import dumps
from flowkernel.core.redaction import BUILT_IN

in_thread = asyncio.to_thread  # The store is synchronous: the API calls it in a thread.


def json_response(value: Any, status: int = 200) -> Response:
    """A value as JSON, as it is stored."""
    return json_text_response(dumps(value), status)


def json_text_response(text: str, status: int = 200) -> Response:
    """A response whose body is JSON text already. What is protected is hidden."""
    return _response(BUILT_IN.text(text), status)


def token_response(value: Any, status: int = 200) -> Response:
    """A value as JSON to a worker, which gets tokens by it."""
    return _response(dumps(value), status)


def _response(text: str, status: int) -> Response:
    return Response(text.encode(), status, media_type="application/json")
