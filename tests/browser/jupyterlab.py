"""JupyterLab in a folder of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from flowkernel.home import Home
from tests.conftest import a_home, until

TOKEN = "a-token-for-tests"


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    url: str
    root: Path
    settings: Path
    home: Home
    data: Path  #: Its Jupyter's data folder: kernels are found there.
    server: "LabServer"
    log: Path  #: What the server wrote.

    def set(
        self, plugin: str, values: dict[str, object], package: str = "@jupyterlab"
    ) -> None:
        """Change a setting, as the settings editor would; seen by pages opened later."""
        path = self.settings / package / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def address(self, notebook: str) -> str:
        """Where to open a notebook, in a workspace that nobody used before."""
        return f"{self.url}/lab/tree/{notebook}?token={TOKEN}&reset"


class LabServer:
    """The process of a JupyterLab, which can be killed, and started at the same address.

    Args:
        url: Where it is to answer.
        launch: Starts the process.
    """

    def __init__(
        self, url: str, launch: Callable[[], "subprocess.Popen[bytes]"]
    ) -> None:
        self._url = url
        self._launch = launch
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = self._launch()
        until(self._answers, seconds=90, description="JupyterLab")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "JupyterLab ended"
        address = f"{self._url}/api/status?token={TOKEN}"
        try:
            return httpx.get(address, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """`kill -9`."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(20)

    def stop(self) -> None:
        """End it, if it still runs."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)


@contextmanager
def running_lab(folder: Path, *options: str, base: str = "") -> Iterator[Lab]:
    """JupyterLab that shows the folder `root` in `folder`. `base`: its path, as `/x`."""
    root = folder / "root"
    with a_home(root) as home, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = (*options, f"--ServerApp.base_url={base}/")
        url = f"http://127.0.0.1:{port}{base}"
        server = LabServer(url, lambda: _start(folder, root, port, home.path, options))
        try:
            server.start()
            settings, data = folder / "settings", folder / "data"
            lab = Lab(url, root, settings, home, data, server, folder / "lab.log")
            quiet = {"fetchNews": "false", "checkForUpdates": False}
            lab.set("apputils-extension/notification", quiet)
            yield lab
        finally:
            server.stop()


def _start(
    folder: Path, root: Path, port: int, home: Path, options: Sequence[str]
) -> "subprocess.Popen[bytes]":
    own = {
        "HOME": folder,  # As a person's, it is above the folder that Jupyter shows.
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_RUNTIME_DIR": folder / "runtime",
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTERLAB_SETTINGS_DIR": folder / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        "IPYTHONDIR": folder / "ipython",
        "FLOWKERNEL_HOME": home,
    }
    words = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
        *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}"),
        f"--IdentityProvider.token={TOKEN}",
        *options,
    ]
    with open(folder / "lab.log", "ab") as log:
        return subprocess.Popen(
            words,
            cwd=root,
            env={**os.environ, **{name: str(value) for name, value in own.items()}},
            stdout=log,
            stderr=log,
        )
