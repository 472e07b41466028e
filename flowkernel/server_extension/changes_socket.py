"""`flowkernel/changes`: one websocket for each window, with what changes.

A window that reads slowly makes its own sender wait: it then gets the newest rows, and no
queue grows.
"""

import asyncio
from contextlib import suppress
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import ensure_async
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from flowkernel.core.json_values import dumps
from flowkernel.server_extension.home_engine import EngineReport
from flowkernel.server_extension.panel import SETTING, Panel
from flowkernel.server_extension.panel_handler import RESOURCE
from flowkernel.server_extension.person_name import person_name
from flowkernel.server_extension.window_feed import WindowFeed

#: Seconds after which a window hears something, though nothing changed: so it knows that it
#: is connected.
BEAT_SECONDS = 10.0
BEAT = '{"kind":"beat"}'
MAX_SEQ = 2**63  #: Exclusive.


class ChangesSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Sends a window what changes, from a number on."""

    auth_resource = RESOURCE
    _after_seq: int | None = None
    _sender: asyncio.Task[None] | None = None

    @property
    def _panel(self) -> Panel:
        panel: Panel = self.settings[SETTING]
        return panel

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the websocket: 403 for who is not logged in, or not authorized."""
        user = self.current_user
        if user is None:
            raise HTTPError(403)
        is_authorized = self.authorizer.is_authorized(self, user, "read", RESOURCE)
        if not await ensure_async(is_authorized):
            raise HTTPError(403)
        self._after_seq = _number(self.get_argument("after_seq", ""))
        await ensure_async(super().get(*args, **kwargs))

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to send."""
        super().open(*args, **kwargs)
        self._panel.upstream.add_window(self, self._after_seq)
        feed = WindowFeed(self._panel.upstream, self._after_seq, self._state_text)
        self._sender = asyncio.create_task(self._send_all(feed))

    def on_message(self, message: str | bytes) -> None:
        """A window says nothing that we need."""

    def on_close(self) -> None:
        """End what belongs to this window."""
        self._panel.upstream.remove_window(self)
        if self._sender is not None:
            self._sender.cancel()

    def _state_text(self, report: EngineReport) -> str:
        state = self._panel.engine.to_json(report, person_name(self.current_user))
        return dumps({"kind": "engine", **state})

    async def _send_all(self, feed: WindowFeed) -> None:
        """Send what is new, again and again, until the window is closed."""
        with suppress(WebSocketClosedError):
            while True:
                news = self._panel.upstream.news
                text = feed.next_text()
                if text is not None:
                    await self.write_message(text)
                elif not await _happens(news, BEAT_SECONDS):
                    await self.write_message(BEAT)


def _number(text: str) -> int | None:
    """The number in a query; None: there is none, or it cannot be one."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    return number if number is None or number < MAX_SEQ else None


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
