"""The sidebar of the panel in JupyterLab, as an operator uses it who writes no Python."""

import pytest
from playwright.sync_api import Request, expect

from tests.browser.conftest import look
from tests.browser.panel import (
    line,
    open_window,
    section,
    serious_violations,
    sidebar,
)
from tests.conftest import engines_of, kill_engine, until

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

REPORT = """\
import datetime
def handler(system, this, *, day: datetime.date, rows: int = 3, shops: list[str] = ["a"]):
    this.set_output(day=str(day), rows=rows, shops=shops)
"""
ASKS = """\
def handler(system, this):
    body = {"type": "object", "properties": {
        "day": {"element": "date", "label": "Take this day instead"},
        "go": {"element": "submit", "label": "Continue"},
    }, "required": ["day"]}
    this.message("The file of the day is empty", body=body)
"""


def saves_grouping(request: Request) -> bool:
    """Whether Lab saves the workspace with what was chosen: a second after the change."""
    is_saved = "/api/workspaces/" in request.url and request.method == "PUT"
    return is_saved and '"isGrouped":true' in (request.post_data or "")


def test_a_flow_is_started_with_a_form_and_watched(window, client, register):
    register("report", REPORT)
    flows = section(window, "Flows")
    flows.get_by_role("button", name="Read the flows again").click()
    line(flows, "report").get_by_role("button", name="Run report").click()
    form = window.get_by_role("dialog", name="Run report")
    form.get_by_label("rows").fill("many")
    form.get_by_role("button", name="Run", exact=True).click()

    expect(form.get_by_text("This is needed.")).to_be_visible()
    expect(form.get_by_text("This must be a whole number.")).to_be_visible()
    expect(form.get_by_label("day")).to_be_focused()
    look(window, "panel-form")
    form.get_by_label("day").fill("2026-01-31")
    form.get_by_label("rows").fill("7")
    form.get_by_label("shops").fill("north\nsouth")
    form.get_by_label("If a cell fails").uncheck()
    form.get_by_role("button", name="Run", exact=True).click()

    page = window.get_by_role("region", name="Run report", exact=True)
    expect(page).to_contain_text("succeeded", timeout=30_000)
    runs = section(window, "Runs")
    expect(line(runs, "report")).to_contain_text("succeeded")
    look(window, "panel-runs")
    [row] = client.sql("SELECT output, started_by FROM execution")["rows"]
    assert row[0] == '{"day":"2026-01-31","rows":7,"shops":["north","south"]}'
    assert "(panel)" in row[1]


def test_a_flow_is_run_through_a_wrapper_with_parameters(window, client, register):
    register("flaky", "if this.get('retry_of') is None:\n    raise ValueError('once')")
    flows = section(window, "Flows")
    flows.get_by_role("button", name="Read the flows again").click()
    line(flows, "flaky").click(button="right")
    window.get_by_role("menuitem", name="Run through a wrapper").click()
    form = window.get_by_role("dialog", name="Run flaky")
    form.get_by_label("If a cell fails").uncheck()
    form.get_by_label("Run it through a wrapper").select_option("retry")
    retry = form.get_by_role("group", name="retry")
    expect(retry).to_contain_text("If the flow fails, run it again after a while.")
    retry.get_by_label("delay_sec").fill("0")
    retry.get_by_label("max_tries").fill("0")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(retry.get_by_label("max_tries")).to_be_focused()
    look(window, "panel-wrapper")
    assert serious_violations(window, ".jp-flowkernel-form") == []
    retry.get_by_label("max_tries").fill("2")
    form.get_by_role("button", name="Run", exact=True).click()

    page = window.get_by_role("region", name="Run flaky (retry)")
    expect(page).to_contain_text("succeeded", timeout=30_000)
    page.get_by_role("tab", name="Runs under it").click()
    expect(page.get_by_role("treeitem").filter(has_text="flaky")).to_have_count(2)
    [[parameters]] = client.sql(
        "SELECT inputs FROM execution WHERE flow_name = 'retry'"
    )["rows"]
    assert '"max_tries":2,"delay_sec":0' in parameters


def test_a_run_is_looked_at_and_started_again_with_another_day(
    window, client, register, run
):
    register("report", REPORT)
    run("report", day="2026-01-31", rows=5)
    runs = section(window, "Runs")
    line(runs, "report").first.press("Enter")
    page = window.get_by_role("region", name="Run report", exact=True)
    expect(page.get_by_role("row", name="rows 5")).to_have_count(2)  # Input and output.
    look(window, "panel-run")

    page.get_by_role("button", name="Run with other inputs").click()
    form = window.get_by_role("dialog", name="Run report")
    expect(form.get_by_label("rows")).to_have_value("5")
    form.get_by_label("day").fill("2026-02-01")
    form.get_by_role("button", name="Run", exact=True).click()

    again = window.get_by_role("region").filter(has_text="2026-02-01").last
    expect(again).to_contain_text("succeeded", timeout=30_000)
    [row] = client.sql("SELECT count(*) FROM execution WHERE inputs->>'rows' = '5'")[
        "rows"
    ]
    assert row == [2]


def test_a_menu_offers_the_notebook_of_a_run_that_has_one(
    window, register, run, tmp_path
):
    (tmp_path / "tool.py").write_text("print('a')\n")
    run("tool.py")
    register("noted", "x = 1")
    run("noted")
    runs = section(window, "Runs")
    item = window.get_by_role("menuitem", name="Open in notebook")

    line(runs, "tool").click(button="right")

    expect(window.get_by_role("menuitem", name="Copy the id")).to_be_visible()
    expect(item).to_have_count(0)
    window.keyboard.press("Escape")
    line(runs, "noted").click(button="right")
    expect(item).to_be_visible()


def test_an_answer_given_elsewhere_is_gone_and_says_by_whom(
    window, panel, browser, register, start
):
    register("asks", ASKS)
    start("asks")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    other = open_window(panel, context.new_page())
    elsewhere = section(other, "Inbox")
    expect(line(elsewhere, "The file of the day is empty")).to_be_visible()
    inbox = section(window, "Inbox")
    badge = sidebar(other).get_by_role("tab", name="Inbox")
    expect(badge).to_contain_text("1")

    line(inbox, "The file of the day is empty").press("Enter")
    message = window.get_by_role("dialog", name="The file of the day is empty")
    message.get_by_label("Take this day instead").fill("2026-02-01")
    look(window, "panel-message")
    message.get_by_role("button", name="Continue").click()

    expect(line(elsewhere, "answered by")).to_be_visible()
    expect(badge).not_to_contain_text("1")
    expect(elsewhere).to_contain_text("Nothing waits for you.", timeout=15_000)
    context.close()


def test_the_tree_is_used_with_the_keyboard_and_what_is_chosen_survives_a_reload(
    window, panel, register, run
):
    register("part", "x = 1")
    register("night", 'this.flow("part").wait()')
    run("night")
    runs = section(window, "Runs")
    expect(line(runs, "night")).to_contain_text("succeeded")
    line(runs, "night").press("ArrowRight")
    expect(line(runs, "part")).to_be_visible()
    line(runs, "night").press("ArrowDown")
    expect(line(runs, "part")).to_be_focused()
    line(runs, "part").press("Home")
    with window.expect_request(saves_grouping):
        runs.get_by_role("button", name="Group by flow").click()
    expect(line(runs, "1 run").first).to_be_visible()

    open_window(panel, window, "")

    expect(
        sidebar(window).get_by_role("button", name="Group by flow")
    ).to_have_attribute("aria-pressed", "true")


def test_a_row_that_goes_away_hands_its_focus_to_the_next_one(
    window, client, register, run
):
    for name in ("older", "newer"):
        register(name, "x = 1")
    run("older")
    newer = run("newer")
    runs = section(window, "Runs")
    expect(line(runs, "newer")).to_contain_text("succeeded")
    line(runs, "newer").focus()

    path = f"/execution/{newer.execution_id}"
    client.request("PATCH", path, {"is_archived": True})

    expect(line(runs, "newer")).to_have_count(0)
    expect(line(runs, "older")).to_be_focused()
    window.keyboard.press("Enter")
    page = window.get_by_role("region", name="Run older", exact=True)
    expect(page).to_be_visible()


def test_an_engine_that_is_away_is_a_state_with_a_button(
    window, home, register, client, run
):
    register("part", "x = 1")
    run("part")
    runs = section(window, "Runs")
    expect(line(runs, "part").first).to_be_visible()

    kill_engine(home)

    expect(sidebar(window).get_by_role("alert")).to_contain_text("The engine is away")
    expect(line(runs, "part").first).to_be_visible()
    look(window, "panel-away")
    sidebar(window).get_by_role("button", name="Start the engine").click()
    expect(sidebar(window).get_by_role("alert")).to_have_count(0)
    count = line(runs, "part").count()
    run("part")
    expect(line(runs, "part")).to_have_count(count + 1)


def test_a_page_that_was_opened_without_an_engine_is_read_as_soon_as_there_is_one(
    window, home, client, register, run
):
    register("early", "x = 1")
    run("early")
    runs = section(window, "Runs")
    row = line(runs, "early")
    expect(row).to_contain_text("succeeded")
    client.post("/engine/stop", {"force": True})
    until(lambda: not engines_of(home))
    row.press("Enter")
    page = window.locator(".jp-flowkernel-run-page")
    start = page.get_by_role("button", name="Start the engine")
    expect(page).to_contain_text("The engine is not running.")

    start.click()

    read = window.get_by_role("region", name="Run early", exact=True)
    expect(read).to_contain_text("succeeded")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Runs", "asks"),
        ("Flows", "asks"),
        ("Inbox", "The file of the day is empty"),
    ],
)
def test_a_screen_reader_can_use_it(window, register, start, name, text):
    register("asks", ASKS)
    start("asks")
    expect(line(section(window, name), text).first).to_be_visible(timeout=30_000)

    assert serious_violations(window, ".jp-flowkernel-sidebar") == []
