"""JupyterLab in a folder of its own, from our environment or from that of a peer."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import flowkernel
from benchmarks.environments import clean_environ

TOKEN = "benchmarks"
START_SECONDS = 120.0
#: The panel as it is built in this checkout.
BUILT = Path(flowkernel.__file__).parent / "labextension"
OURS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Lab:
    """A running JupyterLab."""

    url: str
    pid: int

    @property
    def address(self) -> str:
        """Where a browser finds it, in a workspace that nobody used before."""
        return f"{self.url}/lab?token={TOKEN}&reset"


@contextmanager
def running_lab(
    folder: Path,
    *,
    programs: Path = OURS,
    environ: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> Iterator[Lab]:
    """A JupyterLab, until the block ends.

    Args:
        folder: Of its settings and its log; it shows `root` in it.
        programs: Where its Python is.
        environ: More environment variables.
        options: More options.
    """
    (folder / "root").mkdir(parents=True, exist_ok=True)
    port = free_port()
    with open(folder / "lab.log", "wb") as log:
        process = subprocess.Popen(
            _command(folder, programs, port, options),
            cwd=folder / "root",
            env={**clean_environ(programs), **_own_folders(folder), **(environ or {})},
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for_answer(f"{url}/api/status?token={TOKEN}", process)
        yield Lab(url, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _command(
    folder: Path, programs: Path, port: int, options: tuple[str, ...]
) -> list[str]:
    return [
        *(str(programs / "python"), "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
        *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder / 'root'}"),
        *(f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"),
        "--LabApp.news_url=",
        *options,
    ]


def _own_folders(folder: Path) -> dict[str, str]:
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    return {variable: str(folder / name) for variable, name in names.items()}


def install_panel(folder: Path) -> tuple[str, ...]:
    """Put the panel as it is built here into a Lab's folder; the options it needs."""
    if not BUILT.exists():
        raise RuntimeError("the panel is not built: python hatch_build.py")
    extensions = folder / "data" / "labextensions"
    extensions.mkdir(parents=True, exist_ok=True)
    (extensions / "flowkernel").symlink_to(BUILT)
    return ("--ServerApp.jpserver_extensions={'flowkernel.server_extension': True}",)


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for_answer(url: str, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait until a server answers. Raises RuntimeError if it ended, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended ({process.returncode})")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer")


def lab_version() -> str:
    """The version of our JupyterLab: a peer in one is in the same."""
    return version("jupyterlab")
