"""How the API responds with a value: as JSON."""

import asyncio
from typing import Any

from fastapi.responses import Response

from flowkernel.core.json_values import dumps

in_thread = asyncio.to_thread  # The store is synchronous: the API calls it in a thread.


def json_response(value: Any, status: int = 200) -> Response:
    """A value as JSON, exactly as it is stored."""
    return json_text_response(dumps(value), status)


def json_text_response(text: str, status: int = 200) -> Response:
    """A response whose body is JSON text already."""
    return Response(text.encode(), status, media_type="application/json")
