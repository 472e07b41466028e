"""JupyterLab and its panel for the tests of a file, and a real Chromium that opens it."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, sync_playwright

from flowkernel.home import Home
from tests.browser.jupyterlab import Lab, running_lab
from tests.browser.panel import open_window, panel_lab
from tests.conftest import until

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
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


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with copies of our notebooks, its settings and its home its own."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, folder / "root")
    with running_lab(folder) as lab:
        yield lab


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


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with the panel."""
    with panel_lab(tmp_path_factory.mktemp("panel")) as lab:
        yield lab


@pytest.fixture(scope="module")
def home(panel: Lab) -> Home:
    """The home of the panel: flows that tests register are there."""
    return panel.home


@pytest.fixture
def window(panel: Lab, page: Page) -> Page:
    """A window with the sidebar open."""
    return open_window(panel, page)


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
    """Scroll to something that may be drawn again meanwhile."""

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
