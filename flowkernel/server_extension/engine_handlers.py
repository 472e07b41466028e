"""`flowkernel/engine`: the state of the engine, and starting it."""

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from flowkernel.server_extension.panel_handler import RESOURCE, PanelHandler


class EngineHandler(PanelHandler):
    """The state of the engine. Starts nothing."""

    @authenticated
    @authorized("read", RESOURCE)
    async def get(self) -> None:
        """Its state, and a sentence about it."""
        engine = self.panel.engine
        self.finish_json(engine.to_json(await engine.report(), self.person))


class EngineStartHandler(PanelHandler):
    """Starts the engine."""

    @authenticated
    @authorized("write", RESOURCE)
    async def post(self) -> None:
        """Start it, if none runs; then its state."""
        engine = self.panel.engine
        await engine.start()
        self.finish_json(engine.to_json(await engine.report(), self.person))
