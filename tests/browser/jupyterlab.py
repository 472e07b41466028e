"""JupyterLab in a folder of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
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

    def set(self, plugin: str, values: dict[str, object]) -> None:
        """Change a setting, as the settings editor would; seen by pages opened later."""
        path = self.settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def address(self, notebook: str) -> str:
        """Where to open a notebook, in a workspace that nobody used before."""
        return f"{self.url}/lab/tree/{notebook}?token={TOKEN}&reset"


@contextmanager
def running_lab(folder: Path, *options: str, base: str = "") -> Iterator[Lab]:
    """JupyterLab that shows the folder `root` in `folder`. `base`: its path, as `/x`."""
    root = folder / "root"
    with a_home(root) as home, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = (*options, f"--ServerApp.base_url={base}/")
        process = _start(folder, root, port, home.path, options)
        try:
            url = f"http://127.0.0.1:{port}{base}"
            until(lambda: _answers(url, process), seconds=90, description="JupyterLab")
            lab = Lab(url, root, folder / "settings", home, folder / "data")
            quiet = {"fetchNews": "false", "checkForUpdates": False}
            lab.set("apputils-extension/notification", quiet)
            yield lab
        finally:
            process.terminate()
            process.wait(20)


def _start(
    folder: Path, root: Path, port: int, home: Path, options: Sequence[str]
) -> "subprocess.Popen[bytes]":
    own = {
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
    with open(folder / "lab.log", "wb") as log:
        return subprocess.Popen(
            words,
            cwd=root,
            env={**os.environ, **{name: str(value) for name, value in own.items()}},
            stdout=log,
            stderr=log,
        )


def _answers(url: str, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "JupyterLab ended at once"
    try:
        return (
            httpx.get(f"{url}/api/status?token={TOKEN}", timeout=2).status_code == 200
        )
    except httpx.HTTPError:
        return False
