"""JupyterLab in a folder of its own, and a real Chromium that opens it."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Error, Locator, Page, sync_playwright

from flowkernel.home import Home
from tests.conftest import a_home, until

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TOKEN = "a-token-for-tests"
#: Root (as in a container) needs no sandbox; the rest keeps Chromium from calling home.
CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


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


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with copies of our notebooks, its settings and its home its own."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, folder / "root")
    with running_lab(folder) as lab:
        yield lab


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of the size of a laptop's."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


PYTHON = "Python 3 (ipykernel)"


def open_notebook(
    page: Page, lab: Lab, notebook: str, *, kernel: str = PYTHON
) -> Locator:
    """Open a notebook and wait until its kernel is idle; the notebook."""
    page.goto(lab.address(notebook))
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.get_by_text(f"{kernel} | Idle").wait_for()
    return page.locator(".jp-Notebook")


def run_all(page: Page) -> None:
    """Run → Run All Cells, as a person does."""
    page.get_by_role("menubar").get_by_text("Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def bring_into_view(thing: Locator) -> None:
    """Scroll to something that may be drawn anew meanwhile."""

    def is_there() -> bool:
        with suppress(Error):
            thing.scroll_into_view_if_needed(timeout=1_000)
            return True
        return False

    until(is_there)


def look(page: Page, name: str) -> None:
    """Leave a picture for a person to look at, where one asks for it."""
    folder = os.environ.get("FLOWKERNEL_SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def contrast(element: Locator) -> float:
    """WCAG's ratio between the colour of an element and what is behind it."""
    colours = element.evaluate(
        "e => { let b = e; while (getComputedStyle(b).backgroundColor === 'rgba(0, 0, 0, 0)')"
        " b = b.parentElement; return [getComputedStyle(e).color,"
        " getComputedStyle(b).backgroundColor] }"
    )
    light, dark = sorted(map(_luminance, colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [
        p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
