"""A real Jupyter Server with our extension, as a process of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import websocket

from tests.conftest import until

TOKEN = "token-of-jupyter"
#: A base URL as JupyterHub gives one, with a character that is percent-encoded.
BASE_URL = "/user/ada%40x/"
OPTIONS = (
    "--ServerApp.jpserver_extensions={'flowkernel.server_extension': True}",
    f"--ServerApp.base_url={BASE_URL}",
    f"--IdentityProvider.token={TOKEN}",
    "--ServerApp.open_browser=False",
    "--ServerApp.allow_root=True",
    "--ServerApp.port_retries=0",
)


@dataclass
class JupyterServer:
    """A running server, and how to talk to it."""

    port: int
    log_path: Path

    @property
    def url(self) -> str:
        """The address of its root, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}{BASE_URL}".rstrip("/")

    @property
    def log(self) -> str:
        """What it has logged."""
        return self.log_path.read_text("utf-8", "replace")

    def client(self, token: str | None = TOKEN) -> httpx.Client:
        """Sends requests to the panel's routes. None: without being logged in."""
        headers = {"Authorization": f"token {token}"} if token else {}
        base = f"{self.url}/flowkernel"
        return httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False)

    @contextmanager
    def window(self, after_seq: int | None = None) -> Iterator["WindowSocket"]:
        """A window's websocket."""
        query = "" if after_seq is None else f"?after_seq={after_seq}"
        address = f"{self.url.replace('http', 'ws', 1)}/flowkernel/changes{query}"
        header = [f"Authorization: token {TOKEN}"]
        connection = websocket.create_connection(
            address,
            header=header,
            timeout=30,
            http_no_proxy=["127.0.0.1"],
            skip_utf8_validation=True,  # It takes a second for a megabyte.
        )
        with closing(connection):
            yield WindowSocket(connection)


@dataclass
class WindowSocket:
    """The messages of one window, one after the other."""

    connection: Any

    def next(self, kind: str) -> dict[str, Any]:
        """The next message of this kind; others are passed over."""
        while True:
            message: dict[str, Any] = json.loads(self.connection.recv())
            if message["kind"] == kind:
                return message

    def change_of(self, execution_id: str, status: str | None = None) -> dict[str, Any]:
        """The next row of an execution, with this status."""
        while True:
            for change in self.next("changes")["changes"]:
                row: dict[str, Any] = change.get("execution") or {}
                is_right = status is None or row.get("status") == status
                if row.get("execution_id") == execution_id and is_right:
                    return row


@contextmanager
def jupyter_server(root: Path, *options: str) -> Iterator[JupyterServer]:
    """A server that shows a folder; it ends with this."""
    port, log_path = free_port(), root.parent / f"jupyter-{root.name}.log"
    own = root.parent / f"jupyter-{root.name}"
    (own / "data").mkdir(
        parents=True, exist_ok=True
    )  # As a person's is: it has a secret.
    environ = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "JUPYTER_NO_CONFIG": "1",  # Not what is installed in this environment.
    }
    command = [sys.executable, "-m", "jupyter_server", f"--port={port}", *OPTIONS]
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            [*command, *options], cwd=root, env=environ, stdout=log, stderr=log
        )
    server = JupyterServer(port, log_path)
    try:
        until(lambda: answers(server, process), seconds=60, description="Jupyter")
        yield server
    finally:
        process.terminate()
        process.wait(30)


def answers(server: JupyterServer, process: "subprocess.Popen[bytes]") -> bool:
    """Whether it responds."""
    assert process.poll() is None, server.log
    try:
        return httpx.get(f"{server.url}/api", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
