"""The HTTP server of an engine: uvicorn, which sleeps while there are no requests."""

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp

from flowkernel.config import Config
from flowkernel.core.errors import EngineFault
from flowkernel.engine.http_connection import (
    ConnectionLimit,
    ServerSettings,
    TimedConnection,
)

try:
    import resource
except ImportError:  # Windows has no such limits.
    resource = None  # type: ignore[assignment]

KEEP_ALIVE = 75  #: Seconds an idle connection is kept.
GOODBYE = 2  #: Seconds that open responses get when the server stops.
#: Between looks at `should_exit`, in case a signal was missed.
STOP_CHECK_SECONDS = 5.0
#: Connections that the system keeps until the event loop takes them; 500 may come at once.
BACKLOG = 1024
#: Open connections, inclusive; if there are more, the oldest idle one is closed.
MAX_CONNECTIONS = 4_000
#: Files that the engine needs besides: database, journal, logs, pipes of its workers.
OWN_FILES = 256


class HttpServer(uvicorn.Server):
    """Waits until it is to stop; uvicorn itself looks ten times a second."""

    _should_exit = False
    _loop: asyncio.AbstractEventLoop | None = None
    _stopping: asyncio.Event | None = None

    def __init__(self, app: ASGIApp, *, goodbye: int = GOODBYE) -> None:
        settings = ServerSettings(
            app,
            http=TimedConnection,
            ws="none",
            backlog=BACKLOG,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=goodbye,
            lifespan="on",
        )
        settings.connection_limit = ConnectionLimit(max_connections())
        super().__init__(settings)

    @property
    def should_exit(self) -> bool:
        """Whether it is to stop. Set from a signal handler, or from any thread."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        if value and self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        """Return when it is to stop."""
        self._stopping, self._loop = asyncio.Event(), asyncio.get_running_loop()
        await self.on_tick(0)
        while not self._should_exit:
            try:
                await asyncio.wait_for(self._stopping.wait(), STOP_CHECK_SECONDS)
            except TimeoutError:
                continue


def max_connections() -> int:
    """How many connections the engine takes: the files that it may open limit them."""
    if resource is None:
        return MAX_CONNECTIONS
    files, _hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MAX_CONNECTIONS, max(files - OWN_FILES, files // 2))


def listen(config: Config) -> socket.socket:
    """A bound, listening socket: clients that connect before the server is ready wait.

    Raises:
        EngineFault: The port is in use, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # The protocol is explicit: only then asyncio sets TCP_NODELAY on accepted connections.
    # Without it each response waits 40 ms for the acknowledgement of its headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        raise EngineFault(_why_not_listening(config, error)) from error
    listener.listen(BACKLOG)
    return listener


def _why_not_listening(config: Config, error: Exception) -> str:
    reason = (getattr(error, "strerror", None) or str(error)).lower().rstrip(".")
    return (
        f"The engine cannot listen on {config.host} port {config.port}: {reason}. "
        "Set `port` (FLOWKERNEL_PORT) to another one, or to 0 for any that is free; "
        "`host` (FLOWKERNEL_HOST) is an address of this machine."
    )
