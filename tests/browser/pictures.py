"""Makes the pictures of docs/panel.md: each page of the panel, in both themes and two sizes.

    python -m tests.browser.pictures            all of them, in about five minutes
    python -m tests.browser.pictures home log   these two

They go to docs/pictures. Look at each one before you keep it: `tests/browser/sample_home.py`
has what they show.
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, PYTHON
from tests.browser.jupyterlab import Lab
from tests.browser.panel import (
    line,
    open_run,
    open_window,
    panel_lab,
    part,
    section,
    sidebar,
)
from tests.browser.sample_home import SampleHome, month_of_charts
from tests.conftest import kill_engine

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
#: Widths and heights, and what is added to the names of their files.
SIZES = {"": (1280, 800), "-wide": (1920, 1080)}
THEMES = {"": "JupyterLab Light", "-dark": "JupyterLab Dark"}
#: Of a picture: what is not text or a line has few colours.
COLOURS = 256


def run(window: Page) -> None:
    """The runs, one of them open, and the page of one under it, which failed."""
    runs = section(window, "Runs")
    nightly = line(runs, "cell 6").first
    nightly.click()
    window.keyboard.press("ArrowRight")
    failed = runs.locator("[aria-level='2']").filter(has_text="west.csv").first
    failed.press("Enter")
    page = window.get_by_role("region", name="Run load_orders", exact=True)
    part(page, "Overview").get_by_text("Traceback").first.wait_for()


def first_try(window: Page) -> Locator:
    """The page of the run nightly that failed."""
    line(section(window, "Runs"), "cell 6").first.press("Enter")
    return window.get_by_role("region", name="Run nightly", exact=True)


def timeline(window: Page) -> None:
    """When a run and all under it worked and waited."""
    chart = part(first_try(window), "Timeline")
    chart.get_by_role("button", name="waiting for people").first.wait_for()


def under(window: Page) -> None:
    """The tree of what a run started."""
    tree = part(first_try(window), "Runs under it")
    line(tree, "west.csv").wait_for()


def lineage(window: Page) -> None:
    """What a second try took over from the first."""
    page = open_run(window, "nightly")
    part(page, "Lineage").get_by_role("button", name="taken over by").first.wait_for()


def notebook(window: Page) -> None:
    """An output notebook, with what a person decided above the cell."""
    line(section(window, "Runs"), "1 cell skipped").first.click()
    window.keyboard.press("ArrowRight")
    child = sidebar(window).locator("[aria-level='2']").first
    child.press("Enter")
    page = window.get_by_role("region", name="Run month_report", exact=True)
    notebook = part(page, "Notebook")
    notebook.get_by_text("Skipped by ada").first.wait_for()
    notebook.get_by_role("table").first.scroll_into_view_if_needed()


def log(window: Page) -> None:
    """A log, and a search in it."""
    page = part(open_run(window, "sales_report"), "Log")
    page.get_by_role("searchbox", name="Search the log").fill("south")
    page.get_by_role("status").get_by_text("of").first.wait_for()


def compare(window: Page) -> None:
    """Two runs of a flow side by side."""
    both = part(open_run(window, "shops_chart"), "Compare")
    both.get_by_role("img").last.wait_for()


def command(window: Page) -> None:
    """How a run is started elsewhere."""
    page = open_run(window, "sales_report")
    page.get_by_role("button", name="Copy as a command").click()
    dialog = window.get_by_role("dialog", name="Start it elsewhere")
    dialog.get_by_role("region", name="In a terminal").wait_for()


def flows(window: Page) -> None:
    """The flows with their last runs, and the menu of one."""
    open_run(window, "nightly").wait_for()
    line(section(window, "Flows"), "sales_report").click(button="right")


def form(window: Page) -> None:
    """The form that starts a flow."""
    flows = section(window, "Flows")
    flows.get_by_role("button", name="Run sales_report").click()
    form = window.get_by_role("dialog", name="Run sales_report")
    form.get_by_label("day").fill("2026-11-15")


def inbox(window: Page) -> None:
    """What waits for people, and a question with its form."""
    line(section(window, "Inbox"), "The file of the day").first.press("Enter")
    window.get_by_role("dialog", name="The file of the day").wait_for()


def prompt(window: Page) -> Locator:
    """A cell that failed: what can be decided, and what was changed in it."""
    line(section(window, "Inbox"), "month_report failed").first.press("Enter")
    question = window.get_by_role("region", name="Decide: month_report failed")
    editor = question.get_by_role("textbox", name="Cell 3 of 4")
    editor.press("Control+Home")
    window.keyboard.insert_text("rate = 1.1\n")
    question.get_by_role("textbox", name="What you change").wait_for()
    return question


def kernel(window: Page) -> None:
    """The kernel that failed, in a notebook, and a variable that is mended there."""
    line(section(window, "Inbox"), "month_report failed").first.press("Enter")
    question = window.get_by_role("region", name="Decide: month_report failed")
    question.get_by_role("button", name="Open in notebook").click()
    window.get_by_text("month_report (failed, with its variables) | Idle").wait_for()
    cell = window.locator(".jp-NotebookPanel:visible .jp-CodeCell").last
    cell.locator(".cm-content").click()
    window.keyboard.press("Control+A")
    window.keyboard.insert_text("rate = 1.1\nfetched * price * rate")
    window.keyboard.press("Control+Enter")
    cell.get_by_role("table").wait_for()


def home(window: Page) -> None:
    """The home page."""
    window.get_by_role("button", name="flowkernel", exact=True).click()
    home = window.get_by_role("region", name="Home of flowkernel")
    home.get_by_role("table", name="Slowest cells").wait_for()


def cells(window: Page) -> None:
    """A notebook with cells that register flows, and how these are."""
    window.get_by_role("tab", name="File Browser").click()
    window.get_by_role("listitem", name="Name: flows.ipynb").dblclick()
    window.get_by_text(f"{PYTHON} | Idle").wait_for()
    notebook = window.locator(".jp-NotebookPanel:visible")
    notebook.get_by_text("not registered").wait_for()


def away(window: Page) -> None:
    """An engine that was killed."""
    line(section(window, "Runs"), "nightly").first.wait_for()
    open_run(window, "sales_report").wait_for()


PAGES = (
    *(run, timeline, under, lineage, notebook, log, compare, command),
    *(flows, form, inbox, prompt, kernel, home, cells),
)


@contextmanager
def a_window(browser: Browser, lab: Lab) -> Iterator[Page]:
    """A window with the sidebar open and nothing else."""
    context = browser.new_context(timezone_id="Europe/Vienna")
    page = context.new_page()
    page.set_default_timeout(30_000)
    charts = "**/flowkernel/summary/charts*"
    page.route(charts, lambda route: route.fulfill(json=month_of_charts()))
    resize(page, SIZES[""])
    yield open_window(lab, page)
    context.close()


def resize(window: Page, size: tuple[int, int]) -> None:
    width, height = size
    window.set_viewport_size({"width": width, "height": height})


def keep(window: Page, name: str) -> None:
    """Write what is in sight to files: one for each size."""
    for size_end, size in SIZES.items():
        resize(window, size)
        window.mouse.move(size[0] - 300, 20)
        window.wait_for_timeout(
            1_500
        )  # Until what grows, fades and is read has done so.
        image = Image.open(io.BytesIO(window.screenshot())).convert("RGB")
        image = image.quantize(COLOURS, dither=Image.Dither.NONE)
        file = name.replace("*", size_end)
        image.save(PICTURES / f"panel-{file}.png", optimize=True)


def take(
    browser: Browser, sample: SampleHome, pages: Sequence[Callable[[Page], object]]
) -> None:
    """Take these pages in each theme and size."""
    for theme_end, theme in THEMES.items():
        values = {"theme": theme, "adaptive-theme": False}
        sample.lab.set("apputils-extension/themes", values)
        for page in pages:
            if page is away:
                sample.client.get("/engine")
            with a_window(browser, sample.lab) as window:
                page(window)
                if page is away:
                    kill_engine(sample.lab.home)
                keep(window, f"{page.__name__}*{theme_end}")


def main() -> None:
    """Take the pictures that are named, or all."""
    names = set(sys.argv[1:])
    chosen = [page for page in PAGES if not names or page.__name__ in names]
    folder = Path(tempfile.mkdtemp())
    chromium = shutil.which("chromium")
    with panel_lab(folder) as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=list(CHROMIUM)
        )
        sample = SampleHome(lab)
        sample.fill()
        take(browser, sample, chosen)
        if not names or away.__name__ in names:
            sample.end()
            take(browser, sample, [away])
        browser.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
