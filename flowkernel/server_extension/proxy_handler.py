"""`flowkernel/api/...`: requests that the engine answers."""

from jupyter_server.utils import ensure_async
from tornado.web import HTTPError, authenticated

from flowkernel.client.sent_variables import start_variables
from flowkernel.server_extension.engine_requests import EngineReply
from flowkernel.server_extension.panel_handler import RESOURCE, PanelHandler
from flowkernel.server_extension.permitted_paths import (
    engine_body,
    engine_query,
    permitted,
)

#: Segments of a path before that of the engine, behind the base URL: `flowkernel/api`.
OWN_SEGMENTS = 2
#: What the page gets of the head of a response, besides `Link`.
HEADERS = ("Retry-After",)


class ProxyHandler(PanelHandler):
    """Passes on what the panel may use of the engine, with the name of the person."""

    @authenticated
    async def get(self, _path: str) -> None:
        """Read something."""
        await self._pass_on()

    @authenticated
    async def post(self, _path: str) -> None:
        """Start, answer, or do something else."""
        await self._pass_on()

    @authenticated
    async def patch(self, _path: str) -> None:
        """Change something."""
        await self._pass_on()

    @authenticated
    async def delete(self, _path: str) -> None:
        """Delete something."""
        await self._pass_on()

    async def _pass_on(self) -> None:
        method = str(self.request.method)
        route, path = permitted(method, self._engine_path())
        await self._authorize(route.action)
        content = engine_body(
            route,
            self.request.body,
            person=self.person,
            environ=start_variables({}, is_person=True),
        )
        query = engine_query(self.request.query)
        reply = await self.panel.requests.send(
            method,
            f"{path}?{query}" if query else path,
            content,
            person=None if route.only_reads else self.person,
            is_repeatable=route.is_repeatable,
            seconds=route.seconds,
        )
        self._answer(reply)

    async def _authorize(self, action: str) -> None:
        """Refuse what Jupyter's authorizer does not allow. Routes differ in what they do."""
        is_authorized = self.authorizer.is_authorized(
            self, self.current_user, action, RESOURCE
        )
        if not await ensure_async(is_authorized):
            raise HTTPError(403, f"You may not {action} on resource {RESOURCE!r}.")

    def _engine_path(self) -> str:
        """The path for the engine as it came: tornado's own is without percent signs."""
        segments = self.request.path.split("/")
        start = self.base_url.count("/") + OWN_SEGMENTS
        return "/".join(segments[start:])

    def _answer(self, reply: EngineReply) -> None:
        for name in HEADERS:
            if name in reply.headers:
                self.set_header(name, reply.headers[name])
        if "Link" in reply.headers:
            own = f"<{self.base_url}flowkernel/api/"
            self.set_header("Link", reply.headers["Link"].replace("</api/latest/", own))
        self.set_status(reply.status)
        self.set_header("Cache-Control", "no-store")
        self.finish(reply.content)
