"""Timeline, tree, lineage and actions on the page of a run, as an operator uses them."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import look
from tests.browser.panel import (
    line,
    section,
    serious_violations,
)

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

#: Fails once: its retry succeeds, and takes over what had succeeded.
PART = """\
def handler(system, this, *, number: int, path: str):
    from pathlib import Path
    if number == 2 and not Path(path).exists():
        Path(path).touch()
        raise ValueError("the shop is closed")
    this.set_output(number=number)
"""
NIGHT = """\
def handler(system, this, *, path: str):
    children = [this.flow("part", number=n, path=path, wait=False) for n in (1, 2)]
    for child in children:
        child.wait()
"""
#: Waits as long as a test wants.
SLOW = """\
import time
def handler(system, this, *, path: str):
    from pathlib import Path
    while not Path(path).exists():
        time.sleep(0.1)
"""

ASKS = """\
body = {"properties": {"go": {"element": "submit", "label": "Send it"}}}
this.message("Send the report?", body=body)
"""


@pytest.fixture
def night(register, run, tmp_path):
    """A family in which one of two parts failed; it succeeds when it is tried again."""
    register("part", PART)
    register("night", NIGHT)
    return run("night", path=str(tmp_path / "closed"))


def open_page(window: Page, name: str) -> Locator:
    """Open the page of the newest run of this name; the page."""
    line(section(window, "Runs"), name).first.press("Enter")
    return page_of(window, name)


def page_of(window: Page, name: str) -> Locator:
    """The page of a run that is in sight."""
    pages = window.get_by_role("region", name=f"Run {name}", exact=True)
    return pages.locator("visible=true").last


def part_of(page: Locator, name: str) -> Locator:
    """Go to a part of a page; the part."""
    page.get_by_role("tab", name=name, exact=True).click()
    return page.get_by_role("tabpanel")


def test_a_timeline_shows_what_worked_and_what_failed(window, night):
    page = open_page(window, "night")
    timeline = part_of(page, "Timeline")
    chart = timeline.get_by_role("group", name="Timeline")
    failed = chart.get_by_role("button", name="part, failed")
    expect(failed).to_be_visible()
    expect(chart.get_by_role("button", name="night, failed")).to_contain_text("night")
    expect(chart.get_by_role("button", name=re.compile("^Cell 1"))).to_have_count(1)
    look(window, "panel-timeline")
    axis = chart.locator(".jp-flowkernel-timeline-axis text")
    moments = axis.all_text_contents()
    zoom_out = timeline.get_by_role("button", name="Show all of the time")
    expect(zoom_out).to_have_attribute("aria-disabled", "true")
    timeline.get_by_role("button", name="Zoom in").click()
    expect(axis).not_to_have_text(moments)
    zoom_out.click()
    expect(axis).to_have_text(moments)
    expect(zoom_out).to_have_attribute("aria-disabled", "true")

    bars = chart.locator(".jp-flowkernel-timeline-lane[data-cell=false]")
    bars.nth(1).locator("[data-kind=working]").first.click()
    expect(page_of(window, "part")).to_be_visible()
    open_page(window, "night")

    timeline.get_by_label("As a table").check()
    row = timeline.get_by_role("row", name="part failed")
    expect(row).to_contain_text("cell 1 failed")
    timeline.get_by_label("As a table").uncheck()

    chart.get_by_role("button", name="night, failed").focus()
    window.keyboard.press("End")
    last = chart.get_by_role("button").last
    expect(last).to_be_focused()
    window.keyboard.press("Enter")
    expect(page_of(window, "part")).to_be_visible()


def test_a_run_that_failed_is_retried_from_there(window, client, night):
    page = open_page(window, "night")
    under = part_of(page, "Runs under it")
    expect(line(under, "part")).to_have_count(2)
    line(under, "failed").press("Enter")
    part = page_of(window, "part")
    expect(part).to_contain_text("called in cell 1 of night")
    look(window, "panel-part")
    part.get_by_role("button", name="Retry from here").click()
    question = window.get_by_role("dialog", name="Retry night from here?")
    expect(question).to_contain_text("2 runs are carried out again")
    expect(question).to_contain_text("1 run succeeded and is kept")
    question.get_by_role("button", name="Retry", exact=True).click()

    again = page_of(window, "night")
    expect(again).to_contain_text("tries again night")
    expect(again).to_contain_text("succeeded", timeout=60_000)
    lineage = part_of(again, "Lineage").get_by_role("group", name="Lineage")
    current = lineage.get_by_role("button", name="night, succeeded")
    expect(current).to_have_attribute("aria-current", "true")
    kept = lineage.get_by_role("button", name="taken over by night")
    expect(kept).to_contain_text("succeeded")
    look(window, "panel-lineage")
    current.focus()
    window.keyboard.press("ArrowRight")
    window.keyboard.press("Enter")
    expect(page_of(window, "part")).to_be_visible()


def test_a_cancel_says_how_many_runs_it_stops(window, register, start, tmp_path):
    register("slow", SLOW)
    register("outer", f"this.flow('slow', path={str(tmp_path / 'go')!r})")
    start("outer")
    page = open_page(window, "outer")
    chart = part_of(page, "Timeline").get_by_role("group", name="Timeline")
    running = chart.get_by_role("button", name="slow, running")
    expect(running).to_be_visible(timeout=60_000)
    look(window, "panel-live")

    page.get_by_role("button", name="Cancel", exact=True).click()
    question = window.get_by_role("dialog", name="Cancel outer?")
    expect(question).to_contain_text("and 1 run under it")
    question.get_by_role("button", name="Cancel it").click()

    expect(page).to_contain_text("cancelled", timeout=30_000)
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)


def test_a_run_is_copied_as_a_command(window, night):
    page = open_page(window, "night")
    page.get_by_role("button", name="Copy as a command").click()
    dialog = window.get_by_role("dialog", name="Start it elsewhere")
    terminal = dialog.get_by_role("region", name="In a terminal")
    expect(terminal).to_contain_text("flowkernel run night -p path")
    expect(dialog.get_by_role("region", name="In a notebook")).to_contain_text(
        '%flow_run night path="'
    )
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    terminal.get_by_role("button", name="Copy").click()

    expect(terminal.get_by_role("status")).to_have_text("Copied.")
    copied = window.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("flowkernel run night -p path /")


def test_a_timeline_grows_and_shows_for_whom_a_run_waits(
    window, client, register, start
):
    register("asks", ASKS)
    start("asks")
    page = open_page(window, "asks")
    chart = part_of(page, "Timeline").get_by_role("group", name="Timeline")
    waiting = chart.get_by_role("button", name="waiting for people")
    expect(waiting.first).to_have_accessible_name(
        re.compile(r"people [2-9]\.\d s"), timeout=60_000
    )
    waiting.first.focus()
    window.keyboard.press("+")
    zoom = page.get_by_role("button", name="Show all of the time")
    expect(zoom).to_have_attribute("aria-disabled", "false")
    window.keyboard.press("0")
    expect(zoom).to_have_attribute("aria-disabled", "true")

    [message] = client.get("/message", is_open="true")
    client.answer(message["message_id"], {"go": True}, answered_from="test")

    ended = chart.get_by_role("button", name="asks, succeeded, working")
    expect(ended).to_be_visible(timeout=30_000)


@pytest.mark.parametrize("name", ["Timeline", "Runs under it", "Lineage"])
def test_a_screen_reader_can_use_it(window, night, name):
    page = open_page(window, "night")
    part = part_of(page, name)
    expect(part).to_contain_text("part")

    assert serious_violations(window, ".jp-flowkernel-run-page") == []
