"""The panel in Notebook 7: each page has a tab of the browser, and there is no status bar."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from flowkernel.client.flow_source import start_request
from tests.browser.conftest import look
from tests.browser.families import save
from tests.browser.jupyterlab import TOKEN
from tests.browser.panel import line, section, serious_violations

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

CELLS = ["day: str = 'monday'", "total = 3 * amount", "this.set_output(total=total)"]
FLOWS = ["%load_ext flowkernel", "%%flow fetch\nrows = 3\nthis.set_output(rows=rows)"]


@pytest.fixture(scope="module", autouse=True)
def files(panel):
    """A notebook that fails, and one that registers a flow."""
    save(panel.root / "sales.ipynb", CELLS, tags=["parameters"])
    save(panel.root / "flows.ipynb", FLOWS)
    (panel.root / "night.py").write_text("print('done')\n")


@pytest.fixture(autouse=True)
def console(page: Page) -> Iterator[None]:
    """The consoles of all tabs have no error of ours. (Notebook 7 has some of its own.)"""
    errors: list[str] = []

    def note(*texts: object) -> None:
        text = " ".join(map(str, texts))
        if "/extensions/flowkernel/" in text:
            errors.append(text)

    page.context.on("console", lambda line: note(line.type, line.text, line.location))
    page.context.on("weberror", lambda found: note(found.error.stack))
    yield
    assert errors == []


@pytest.fixture
def tree(panel, page: Page) -> Page:
    """The page with the files."""
    page.goto(f"{panel.url}/tree?token={TOKEN}")
    page.get_by_role("listitem", name="Name: sales.ipynb").wait_for()
    return page


def new_tab(page: Page, act: Callable[[], None]) -> Page:
    """The tab that opens."""
    with page.context.expect_page() as tab:
        act()
    tab.value.set_default_timeout(60_000)
    return tab.value


def choose(page: Page, *names: str) -> None:
    """Choose in the menu bar: a menu, and what is in it."""
    page.get_by_role("navigation").get_by_text(names[0], exact=True).click()
    for name in names[1:]:
        page.locator(".lm-Menu-item").filter(has_text=name).click()


def run_page(tab: Page, name: str) -> Locator:
    """The page of a run, once it is there."""
    page = tab.get_by_role("region", name=f"Run {name}", exact=True)
    page.wait_for()
    return page


def test_files_are_run_and_pages_open_in_tabs_of_their_own(tree):
    tree.get_by_role("listitem", name="Name: night.py").click(button="right")
    item = tree.get_by_role("menuitem", name="Run as Flow", exact=True)
    tab = new_tab(tree, item.click)

    asks = "night (interactive)"
    expect(run_page(tab, asks)).to_contain_text("succeeded", timeout=30_000)
    expect(tab).to_have_title(asks)
    look(tab, "notebook7-run")
    tab.reload()
    expect(run_page(tab, asks)).to_contain_text("succeeded")

    home_tab = new_tab(tree, lambda: choose(tree, "View", "flowkernel", "home page"))
    home = home_tab.get_by_role("region", name="Home of flowkernel")
    home.wait_for()
    charts = home.get_by_role("region", name="The last 30 days")
    charts.get_by_role("img").first.wait_for()
    look(home_tab, "notebook7-home")
    choose(home_tab, "View", "flowkernel", "Show the runs")
    runs = section(home_tab, "Runs")
    expect(line(runs, "night")).to_contain_text("succeeded")
    look(home_tab, "notebook7-runs")
    line(runs, "night").press("Enter")  # It is open, and nothing else opens.
    tree.keyboard.press("Control+Shift+C")
    palette = tree.get_by_role("dialog").or_(tree.locator("#modal-command-palette"))
    expect(palette.get_by_text("Show the inbox").first).to_be_visible()
    look(tree, "notebook7-palette")
    assert len(tree.context.pages) == 3
    assert serious_violations(tab, ".jp-flowkernel-run-page") == []


def test_a_notebook_has_marks_on_its_flows_and_runs_as_a_flow(panel, page):
    page.goto(f"{panel.url}/notebooks/flows.ipynb?token={TOKEN}")
    cell = page.locator(".jp-CodeCell").nth(1)
    cell.get_by_text("not registered: run this cell").wait_for()
    page.locator(".jp-CodeCell").first.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")

    cell.get_by_text("registered", exact=True).wait_for()
    look(page, "notebook7-marks")
    page.get_by_role("button", name="Run this notebook as a flow").click()
    form = page.get_by_role("dialog", name="Run flows.ipynb")
    form.get_by_label("If a cell fails").uncheck()
    look(page, "notebook7-form")
    run = form.get_by_role("button", name="Run", exact=True)
    tab = new_tab(page, run.click)
    expect(run_page(tab, "flows")).to_contain_text("succeeded", timeout=30_000)


def test_what_waits_is_said_and_decided_and_its_kernel_is_a_notebook(
    panel, tree, client
):
    request = start_request(str(panel.root / "sales.ipynb"), {})
    using = [{"name": "interactive", "inputs": {}}]
    client.start({**request, "using": using, "is_interactive": True})
    note = tree.get_by_role("alert").filter(has_text="sales failed")
    expect(note).to_be_visible(timeout=30_000)
    look(tree, "notebook7-notification")
    prompt = new_tab(tree, note.get_by_role("button", name="Answer").click)
    question = prompt.get_by_role("region", name="Decide: sales failed")
    question.wait_for()
    expect(question).to_contain_text("name 'amount' is not defined")
    look(prompt, "notebook7-prompt")

    notebook = new_tab(
        prompt, question.get_by_role("button", name="Open in notebook").click
    )
    notebook.get_by_text("sales (failed, with its variables)").wait_for()
    cell = notebook.locator(".jp-CodeCell").last
    cell.locator(".cm-content").click()
    notebook.keyboard.press("Control+A")
    notebook.keyboard.insert_text("amount = 2; print('it is', day)")
    notebook.keyboard.press("Control+Enter")
    expect(cell).to_contain_text("it is monday")
    look(notebook, "notebook7-attached")
    notebook.get_by_role("button", name="Decide what to do").click()
    question.get_by_role("radio", name="Retry cell").check()
    question.get_by_role("button", name="Retry cell", exact=True).click()

    expect(question).to_contain_text("Retry cell: answered")
    expect(note).to_have_count(0)
    run = new_tab(prompt, question.get_by_role("button", name="Look at the run").click)
    expect(run_page(run, "sales")).to_contain_text("succeeded", timeout=30_000)
    with prompt.expect_event("close"):
        question.get_by_role("button", name="Close").click()
    [row] = client.sql(
        "SELECT output FROM execution WHERE name = 'sales' AND output IS NOT NULL"
    )["rows"][:1]
    assert row == ['{"total":6}']
