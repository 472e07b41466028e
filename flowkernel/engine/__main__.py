"""`python -m flowkernel.engine HOME`: the engine of one home, until it is idle or stopped."""

import json
import logging
import os
import secrets
import socket
import sys
import threading
from functools import partial
from pathlib import Path

import psutil
from filelock import BaseFileLock, FileLock, Timeout

from flowkernel.client.engine_launcher import FAILURE, HOME_IS_TAKEN
from flowkernel.config import Config, load_config
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.open_files import raise_limit
from flowkernel.engine.api.app import make_app
from flowkernel.engine.callers import PERSON
from flowkernel.engine.http_server import GOODBYE, HttpServer, listen
from flowkernel.engine.running_engine import Engine
from flowkernel.home import EngineFile, Home, home_error, private_files
from flowkernel.version import __version__

#: Seconds after `GOODBYE` until the process ends, whatever it is doing.
HARD_STOP = 8
#: Seconds until the lock counts as that of another engine: who looks whether there is one
#: takes it for an instant.
LOCK_SECONDS = 1.0


def main(path: str) -> int:
    """Run until stopped, or idle.

    Returns:
        0: It ended well. 1: It could not start; stderr has the error, as JSON. 3: Another
        engine has the home.
    """
    raise_limit()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    home = Home(Path(path))
    try:
        home.prepare()
        with private_files() as umask:
            lock = FileLock(home.engine_lock, mode=0o600)
            if not acquire(lock, home):
                return HOME_IS_TAKEN
            with lock:
                run(home, load_config(home.path), umask)
    except FlowkernelError as error:
        failure = {"code": type(error).__name__, "message": str(error)}
        sys.stderr.write(f"{FAILURE}{json.dumps(failure)}\n")
        return 1
    return 0


def acquire(lock: BaseFileLock, home: Home) -> bool:
    """Take the lock of the home; whether no other engine has it."""
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        return False
    except OSError as error:
        raise home_error(home.path, error) from error
    return True


def run(home: Home, config: Config, umask: int) -> None:
    """Serve the home until the server stops. `umask`: of the workers that it starts."""
    listener = listen(config)
    engine_file = make_engine_file(listener, config, home)
    with Engine(home, config, engine_file, worker_umask=umask) as engine:
        server = HttpServer(make_app(engine))
        engine.on_stop(partial(_stop, server))
        with engine.claim.published():
            server.run(sockets=[listener])


def _stop(server: HttpServer) -> None:
    server.should_exit = True
    # A request that cannot be stopped must not keep the process: nothing is lost.
    last_resort = threading.Timer(GOODBYE + HARD_STOP, os._exit, [0])
    last_resort.daemon = True
    last_resort.start()


def make_engine_file(listener: socket.socket, config: Config, home: Home) -> EngineFile:
    """The content of `engine.json`, with a new token."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    return EngineFile(
        url=f"http://{host}:{listener.getsockname()[1]}",
        token=PERSON + secrets.token_urlsafe(32),
        pid=os.getpid(),
        process_started_at=psutil.Process().create_time(),
        version=__version__,
        interpreter=sys.executable,
        home=str(home.path.resolve()),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
