"""`python -m flowkernel.engine HOME`: the engine of one home, until nobody needs it."""

import json
import logging
import os
import secrets
import socket
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import uvicorn
from filelock import FileLock, Timeout

from flowkernel.client.engine_launcher import FAILURE
from flowkernel.config import Config, load_config
from flowkernel.core.clock import now
from flowkernel.core.errors import (
    BadArgument,
    EngineFault,
    FlowkernelError,
    HomeNotWritable,
)
from flowkernel.engine.api.app import make_app
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.dispatch.worker_processes import WorkerProcesses
from flowkernel.engine.event_stream import EventStream
from flowkernel.engine.http_server import HttpServer
from flowkernel.engine.service import Service
from flowkernel.home import EngineFile, Home, home_error
from flowkernel.store import Store
from flowkernel.version import __version__

KEEP_ALIVE = 75  #: Seconds an idle connection is kept.
GOODBYE = 2  #: Seconds that open answers get when the engine stops.
HARD_STOP = 8  #: Seconds after that until the process ends whatever it is doing.


def main(path: str) -> int:
    """Run until asked to stop, or idle. 0: ended well; 3: another engine has the home."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    home = Home(Path(path))
    try:
        home.prepare()
        lock = FileLock(home.engine_lock)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return 3
        except OSError as error:
            raise home_error(home.path, error) from error
        with lock:
            run(home, load_config(home.path))
    except FlowkernelError as error:
        told = {"code": type(error).__name__, "message": str(error)}
        sys.stderr.write(f"{FAILURE}{json.dumps(told)}\n")
        return 1
    return 0


def run(home: Home, config: Config) -> None:
    """Serve the home until the server stops."""
    listener = listen(config)
    with Store(
        home.database,
        journal=home.journal,
        memory=config.memory,
        writable_folder=home.backup,
    ) as store:
        service = Service(store, home, config)
        stream = EventStream(store.last_seq, lambda seq, root, one: store.events_after(
            seq, root_id=root, execution_id=one))  # fmt: skip
        dispatcher = Dispatcher(service, WorkerProcesses(home), stream)
        told = engine_file(listener, config, home)
        server: list[HttpServer] = []

        def stop() -> None:
            stream.close()
            server[0].should_exit = True
            last_resort = threading.Timer(GOODBYE + HARD_STOP, os._exit, [0])
            last_resort.daemon = (
                True  # A request that cannot be stopped: nothing is lost.
            )
            last_resort.start()

        app = make_app(
            service,
            dispatcher,
            stream,
            token=told.token,
            about=about(home, told),
            stop=stop,
            tend=partial(tend, home, told, identity(home)),
        )
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GOODBYE,
            lifespan="on",
        )
        server.append(HttpServer(settings))
        try:
            told.write(home)
        except OSError as error:
            raise home_error(home.path, error) from error
        try:
            server[0].run(sockets=[listener])
        finally:
            with suppress(OSError, BadArgument):
                if (
                    EngineFile.read(home) == told
                ):  # Not that of a home put in its place.
                    home.engine_file.unlink()


def identity(home: Home) -> tuple[int, int] | None:
    """Which home lies at the path: the file that its engine has locked."""
    try:
        found = home.engine_lock.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def tend(home: Home, told: EngineFile, ours: tuple[int, int] | None) -> bool:
    """See that `engine.json` says what it should: without it, nobody finds this engine.

    False if the home at the path is not the one whose lock this engine holds (any more).
    """
    if identity(home) != ours:
        return False
    with suppress(OSError, HomeNotWritable):  # A full disk, say: try again in a second.
        try:
            is_right = EngineFile.read(home) == told
        except BadArgument:
            is_right = False
        if not is_right:
            told.write(home)
    return True


def listen(config: Config) -> socket.socket:
    """The socket, bound and listening: who connects before we are ready waits.

    Raises:
        EngineFault: The port is taken, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # The protocol is said aloud: only then does asyncio set TCP_NODELAY on what it accepts,
    # without which every answer waits 40 ms for the acknowledgement of its headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        reason = (getattr(error, "strerror", None) or str(error)).lower().rstrip(".")
        raise EngineFault(
            f"The engine cannot listen on {config.host} port {config.port}: {reason}. "
            "Set `port` (FLOWKERNEL_PORT) to another one, or to 0 for any that is free; "
            "`host` (FLOWKERNEL_HOST) is an address of this machine."
        ) from error
    listener.listen(1024)
    return listener


def engine_file(listener: socket.socket, config: Config, home: Home) -> EngineFile:
    """What `engine.json` is to say."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    return EngineFile(
        url=f"http://{host}:{listener.getsockname()[1]}",
        token=secrets.token_urlsafe(32),
        pid=os.getpid(),
        process_started_at=psutil.Process().create_time(),
        version=__version__,
        interpreter=sys.executable,
        home=str(home.path.resolve()),
    )


def about(home: Home, told: EngineFile) -> dict[str, object]:
    """What `GET engine` says that does not change."""
    return {
        "version": told.version,
        "pid": told.pid,
        "home": str(home.path),
        "started_at": now().isoformat(),
        "interpreter": told.interpreter,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
