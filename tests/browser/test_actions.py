"""What people do with a run, from its page and from the menu of its line: it is so recorded."""

import pytest
from playwright.sync_api import Page, expect

from flowkernel.client.flow_source import read_source, start_request
from flowkernel.core.errors import ExecutionNotFound
from tests.browser.conftest import look
from tests.browser.families import save
from tests.browser.panel import line, open_run, part, section

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

#: A cell that runs until there is a file.
WAITS = """\
import os, time
while not os.path.exists({gate!r}):
    time.sleep(0.05)
"""


@pytest.fixture
def night(panel, tmp_path):
    """A notebook whose first cell waits until the test goes on."""
    gate = tmp_path / "gate"
    save(panel.root / "night.ipynb", [WAITS.format(gate=str(gate)), "after = 1"])
    return gate


def status(client, execution) -> str:
    return client.get_execution(execution.execution_id).status.name


def menu(window: Page, name: str, item: str) -> None:
    """Choose an item of the menu of the newest line of this name."""
    line(section(window, "Runs"), name).first.click(button="right")
    window.get_by_role("menuitem", name=item, exact=True).click()


def test_a_run_is_paused_resumed_and_run_again_on_its_page(
    window, panel, client, start, night
):
    execution = start(str(panel.root / "night.ipynb"))
    page = open_run(window, "night")
    expect(page).to_contain_text("running", timeout=30_000)

    page.get_by_role("button", name="Pause after this cell").click()
    expect(page.get_by_role("button", name="Pause after this cell")).to_have_count(0)
    assert status(client, execution) == "RUNNING"  # The cell ends first.
    night.touch()
    expect(page).to_contain_text("paused", timeout=30_000)
    expect(line(section(window, "Runs"), "night")).to_contain_text("paused")
    look(window, "run-paused")
    assert status(client, execution) == "PAUSED"

    page.get_by_role("button", name="Resume").click()
    expect(page).to_contain_text("succeeded", timeout=30_000)
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    assert status(client, execution) == "ENDED_SUCCESS"
    people = (
        "SELECT payload->>'what' FROM event WHERE actor LIKE '% (panel)' ORDER BY seq"
    )
    assert client.sql(people)["rows"] == [["pause"], ["resume"]]

    page.get_by_role("button", name="Run again").click()
    expect(line(section(window, "Runs"), "night")).to_have_count(2)
    again = window.get_by_role("region", name="Run night", exact=True).last
    expect(again).to_contain_text("succeeded", timeout=30_000)
    newest, first = client.list_executions(limit=2)
    assert first.execution_id == execution.execution_id
    assert newest.status.name == "ENDED_SUCCESS"
    assert newest.retry_of is None  # It is a new run, not another try.


def test_the_page_of_a_wrapped_run_is_about_the_flow(window, panel, client, night):
    path = panel.root / "report.ipynb"
    waits = WAITS.format(gate=str(night))
    cells = ["day = 'monday'", f"print('for', day)\n{waits}", "1 / 0", "done = day"]
    save(path, cells, tags=["parameters"])
    using = {"using": [{"name": "interactive", "inputs": {}}], "is_interactive": True}
    root = client.start({**start_request(str(path), {"day": "friday"}), **using})
    page = open_run(window, "report (interactive)")
    inputs = page.get_by_role("table", name="Inputs")
    expect(inputs.get_by_role("row", name="day friday")).to_be_visible()
    expect(inputs).not_to_contain_text("interactive_limit_minutes")
    wrapper = page.get_by_role("table", name="Wrapper interactive")
    expect(wrapper).to_contain_text("it waits without a limit")
    expect(page).to_contain_text("cell 2 of 4", timeout=30_000)
    log = part(page, "Log")
    expect(log).to_contain_text("for friday", timeout=30_000)

    page.get_by_role("button", name="Pause after this cell").click()
    expect(page.get_by_role("button", name="Pause after this cell")).to_have_count(0)
    night.touch()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Decide what to do").click()
    question = window.get_by_role("region", name="Decide: report failed")
    question.get_by_role("radio", name="Skip the cell", exact=True).check()
    question.get_by_role("button", name="Skip the cell", exact=True).click()
    page = open_run(window, "report (interactive)")
    expect(page).to_contain_text("succeeded", timeout=30_000)

    expect(part(page, "Notebook")).to_contain_text("done = day")
    overview = part(page, "Overview")
    decisions = overview.get_by_role("region", name="Decisions")
    expect(decisions).to_contain_text("panel: skipped cell 3")
    look(window, "run-wrapped")

    page.get_by_role("button", name="Run again").click()
    expect(line(section(window, "Runs"), "report (interactive)")).to_have_count(2)
    again = window.get_by_role("region", name="Run report (interactive)").last
    expect(again.get_by_role("button", name="Decide what to do")).to_be_visible()
    newest = client.list_executions(limit=1)[0]  # It ran, and failed again.
    assert (newest.root_id, newest.inputs["day"]) != (root.execution_id, "monday")
    client.post(f"/execution/{newest.root_id}/cancel", {})


def test_a_run_is_paused_resumed_and_cancelled_from_the_menu(
    window, panel, client, start, night
):
    execution = start(str(panel.root / "night.ipynb"))
    row = line(section(window, "Runs"), "night").first
    expect(row).to_contain_text("running", timeout=30_000)
    menu(window, "night", "Pause after this cell")
    night.touch()
    expect(row).to_contain_text("paused", timeout=30_000)
    night.unlink()

    menu(window, "night", "Cancel")
    question = window.get_by_role("dialog", name="Cancel night?")
    question.get_by_role("button", name="Let it run").click()
    assert status(client, execution) == "PAUSED"
    menu(window, "night", "Resume")
    expect(row).to_contain_text("succeeded", timeout=30_000)

    execution = start(str(panel.root / "night.ipynb"))
    row = line(section(window, "Runs"), "night").first
    expect(row).to_contain_text("running", timeout=30_000)
    menu(window, "night", "Cancel")
    question.get_by_role("button", name="Cancel it").click()
    expect(row).to_contain_text("cancelled", timeout=30_000)
    assert status(client, execution) == "ENDED_CANCELLED"


def test_a_run_is_archived_and_found_where_archived_runs_are(
    window, client, register, run
):
    register("old", "x = 1")
    old = run("old")
    runs = section(window, "Runs")
    expect(line(runs, "old")).to_contain_text("succeeded")

    menu(window, "old", "Archive")

    expect(line(runs, "old")).to_have_count(0)
    assert client.get_execution(old.execution_id).is_archived
    runs.get_by_role("button", name="Filter").click()
    runs.get_by_label("State").select_option("archived")
    expect(line(runs, "old")).to_have_count(1)


def test_a_run_is_deleted_and_its_page_says_so(window, client, register, run):
    register("wrong", "this.flow('part')")
    register("part", "x = 1")
    wrong = run("wrong")
    page = open_run(window, "wrong")
    expect(page).to_contain_text("succeeded")

    menu(window, "wrong", "Delete…")
    question = window.get_by_role("dialog", name="Delete wrong?")
    expect(question).to_contain_text("and 1 run under it are deleted")
    question.get_by_role("button", name="Keep it").click()
    assert status(client, wrong) == "ENDED_SUCCESS"
    menu(window, "wrong", "Delete…")
    question.get_by_role("button", name="Delete it").click()

    expect(line(section(window, "Runs"), "wrong")).to_have_count(0)
    expect(page.get_by_role("alert")).to_contain_text("The run is no longer there")
    with pytest.raises(ExecutionNotFound):
        client.get_execution(wrong.execution_id)
    assert client.sql("SELECT 1 FROM execution WHERE name = 'part'")["rows"] == []


def test_a_flow_is_found_its_file_opened_and_its_runs_shown(
    window, panel, client, register, run
):
    (panel.root / "prices.py").write_text("# What things cost.\n")
    client.post("/flow", read_source(str(panel.root / "prices.py")))
    register("orders", "x = 1  # by hand")
    for name in ("prices", "orders"):
        run(name)
    flows = section(window, "Flows")
    expect(flows.get_by_role("treeitem")).not_to_have_count(1)

    flows.get_by_role("searchbox", name="Search the flows").fill("PRICE")

    expect(flows.get_by_role("treeitem")).to_have_count(1)
    prices = line(flows, "prices")
    expect(prices.get_by_role("img", name="Last run: 0 failed")).to_be_visible()
    prices.click(button="right")
    window.get_by_role("menuitem", name="Open its source").click()
    expect(window.get_by_role("tab", name="prices.py")).to_be_visible()
    expect(window.locator(".jp-FileEditor")).to_contain_text("What things cost.")
    flows.get_by_role("button", name="Clear the search").click()
    line(flows, "orders").click(button="right")
    window.get_by_role("menuitem", name="Open its source").click()
    source = window.get_by_role("dialog", name="Source of orders")
    expect(source).to_contain_text("x = 1  # by hand")
    source.get_by_role("button", name="Close").click()
    line(flows, "orders").click(button="right")
    window.get_by_role("menuitem", name="Show its runs").click()
    runs = section(window, "Runs")
    expect(line(runs, "orders")).to_have_count(1)
    expect(line(runs, "prices")).to_have_count(0)


def test_a_run_is_found_by_what_it_says_and_by_its_state(window, register, run):
    register("shops", "raise ValueError(this.get('name'))")
    register("calm", "x = 1")
    run("calm")
    run("shops")
    runs = section(window, "Runs")
    search = runs.get_by_role("searchbox", name="Search the runs")
    expect(line(runs, "shops")).to_have_count(1)

    search.fill("valueerror")
    expect(line(runs, "calm")).to_have_count(0)
    expect(line(runs, "shops")).to_have_count(1)
    search.fill("nothing says this")
    expect(runs.get_by_role("treeitem")).to_have_count(0)
    search.fill("")
    expect(line(runs, "calm")).to_have_count(1)

    runs.get_by_role("button", name="Filter").click()
    runs.get_by_label("State").select_option("failed")
    expect(line(runs, "calm")).to_have_count(0)
    expect(line(runs, "shops")).to_have_count(1)
