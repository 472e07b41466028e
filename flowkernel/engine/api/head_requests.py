"""HEAD: the response of GET without its body."""

from starlette.types import ASGIApp, Receive, Scope, Send

#: Responses without an end have no HEAD.
STREAMS = ("/event", "/stream")


class HeadMiddleware:
    """ASGI middleware. The routes know GET alone; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as a GET if it is a HEAD."""
        if scope.get("method") == "HEAD" and not scope["path"].endswith(STREAMS):
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)
