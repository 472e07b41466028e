"""The page of a run: its notebook, its log, its tries; and what programs wrote in them."""

import re

import pytest
from playwright.sync_api import Locator, expect

from flowkernel.client.flow_source import start_request
from tests.browser.conftest import contrast, look
from tests.browser.families import save
from tests.browser.panel import (
    line,
    open_run,
    part,
    section,
    serious_violations,
)
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

#: More lines than are in sight.
LINES = "for number in range(300): print({word!r}, number)\n"
#: A cell that runs until there is a file.
WAITS = """\
import os, time
print('waits', flush=True)
while not os.path.exists({gate!r}):
    time.sleep(0.05)
"""
LOGS = """\
import sys
for number in range(400):
    print('line', number)
print('the file is empty', file=sys.stderr)
this.log('read by hand')
"""
PICTURE = """\
import base64
from IPython.display import Image, display
pixel = base64.b64decode({pixel!r})
display(Image(data=pixel, width=40, height=40))
rows = {rows}
this.set_output(rows=rows)
"""
RED = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLv"
    "AAAAAElFTkSuQmCC"
)
#: Whether a text is cut, if at all, where its line ends, and says so.
ENDS_IN_ROW = """\
element => element.getBoundingClientRect().right
  <= element.parentElement.getBoundingClientRect().right
  && getComputedStyle(element).textOverflow === 'ellipsis'
"""


def cell(notebook: Locator, name: str) -> Locator:
    return notebook.get_by_role("listitem", name=name, exact=True)


def test_the_output_notebook_is_watched_cell_by_cell(window, start, tmp_path):
    gate = tmp_path / "gate"
    waits = WAITS.format(gate=str(gate))
    save(tmp_path / "night.ipynb", ["print('first')", waits, "1 / 0"])
    start("night.ipynb")
    page = open_run(window, "night")
    notebook = part(page, "Notebook")
    first = cell(notebook, "Cell 1, succeeded")
    expect(first).to_contain_text("first", timeout=30_000)
    expect(cell(notebook, "Cell 2, running")).to_contain_text("waits", timeout=30_000)
    look(window, "run-notebook-live")
    tab = window.get_by_role("tab", name="night", exact=True)
    expect(tab.locator("svg").first).to_be_visible()
    first.evaluate("element => element.isTheSame = true")

    gate.touch()

    failed = cell(notebook, "Cell 3, failed")
    expect(failed).to_contain_text("ZeroDivisionError", timeout=30_000)
    assert first.evaluate("element => element.isTheSame")
    first.get_by_role("button", name="Log of Cell 1").click()
    expect(first.get_by_role("region", name="Log of cell 1")).to_contain_text("first")
    notebook.get_by_role("button", name="Show the cell that failed").click()
    expect(failed).to_be_focused()
    look(window, "run-notebook")


def test_what_a_person_decided_stands_above_the_cell(window, client, tmp_path):
    save(tmp_path / "mended.ipynb", ["x = 1", "total = 1 / 0", "print('after')"])
    asks = {"using": [{"name": "interactive", "inputs": {}}], "is_attended": True}
    client.start({**start_request("mended.ipynb", {}), **asks})
    [message] = until(lambda: client.get_list("/message", is_open=True))
    answer = {"skip": True, "values": {"total": 41}}
    client.answer(message["message_id"], answer, answered_from="test")
    runs = section(window, "Runs")
    line(runs, "mended").first.press("ArrowRight")
    child = runs.locator("[aria-level='2']").first
    decided = child.get_by_text("1 cell skipped by")
    expect(decided).to_be_visible(timeout=30_000)
    assert decided.evaluate(ENDS_IN_ROW), "it is cut without an ellipsis"
    child.press("Enter")
    page = window.get_by_role("region", name="Run mended", exact=True)

    notebook = part(page, "Notebook")

    banner = cell(notebook, "What a person decided")
    moment = r"on \d{4}-\d\d-\d\d at \d\d:\d\d:\d\d UTC, from: test"
    expect(banner).to_contain_text(re.compile(moment), timeout=30_000)
    expect(banner).to_contain_text('"total": 41')
    expect(banner.locator("xpath=following-sibling::li").first).to_contain_text("1 / 0")
    look(window, "run-notebook-decided")


def test_an_output_of_20_megabytes_is_cut_and_then_read_line_by_line(
    window, run, tmp_path
):
    source = "for number in range(200_000): print(str(number).rjust(99, '.'))"
    save(tmp_path / "large.ipynb", [source])
    run("large.ipynb")
    notebook = part(open_run(window, "large"), "Notebook")
    output = notebook.get_by_role("region", name="Output of Cell 1")
    expect(output).to_contain_text("....0")
    expect(notebook).to_contain_text("Cut: this cell has 20.")

    notebook.get_by_role("button", name="Show all of it").click()

    expect(notebook.get_by_role("button", name="Show all of it")).to_be_hidden()
    output.evaluate("element => element.scrollTop = element.scrollHeight")
    expect(output).to_contain_text("...199999")


def test_a_log_is_searched_and_its_streams_are_told_apart(window, register, run):
    register("logs", LOGS)
    run("logs")
    log = part(open_run(window, "logs"), "Log")
    lines = log.get_by_role("region", name="Log", exact=True)
    expect(lines).to_contain_text("read by hand")
    look(window, "run-log")

    log.get_by_role("searchbox", name="Search the log").fill("LINE 17")

    expect(log.get_by_role("status")).to_have_text("1 of 11")
    expect(lines.get_by_text("line 17").first).to_be_in_viewport()
    log.get_by_role("searchbox").press("Enter")
    expect(log.get_by_role("status")).to_have_text("2 of 11")
    expect(lines.locator("mark").first).to_be_in_viewport()
    for mark in lines.locator("mark").all()[:4]:  # That of now, and others.
        assert contrast(mark) > 4.5
    log.get_by_role("button", name="Clear the search").click()
    log.get_by_label("stdout").uncheck()
    expect(lines).not_to_contain_text("line 17")
    expect(lines).to_contain_text("the file is empty")
    log.get_by_label("stdout").check()


def test_a_log_is_followed_while_it_grows(window, start, register, tmp_path):
    gate = tmp_path / "gate"
    waits = WAITS.format(gate=str(gate))
    before, after = (LINES.format(word=word) for word in ("before", "after"))
    register("slow", f"{before}{waits}{after}print('goes on')")
    start("slow")
    log = part(open_run(window, "slow"), "Log")
    lines = log.get_by_role("region", name="Log", exact=True)
    expect(lines.get_by_text("waits")).to_be_in_viewport(timeout=30_000)
    lines.evaluate("element => element.scrollTop = 0")
    expect(log.get_by_label("Follow")).not_to_be_checked()
    expect(lines.get_by_text("before 0")).to_be_in_viewport()
    log.get_by_label("Follow").check()
    expect(lines.get_by_text("waits")).to_be_in_viewport()

    gate.touch()

    expect(lines.get_by_text("goes on")).to_be_in_viewport(timeout=30_000)
    expect(lines.get_by_text("waits")).to_have_count(0)


def test_two_runs_of_a_flow_stand_side_by_side(window, register, run):
    register("chart", PICTURE.format(pixel=RED, rows="1 / 0"))
    run("chart")
    register("chart", PICTURE.format(pixel=RED, rows="3"))
    run("chart")
    page = open_run(window, "chart")

    both = part(page, "Compare")

    facts = both.get_by_role("region", name="How they went")
    expect(facts.get_by_role("row", name="status failed succeeded")).to_be_visible()
    source = both.get_by_role("region", name="Source", exact=True)
    expect(source.get_by_role("textbox").first).to_contain_text("1 / 0")
    expect(source.get_by_role("textbox").last).to_contain_text("rows = 3")
    expect(both.get_by_role("row", name="rows 3")).to_be_visible()
    expect(both.get_by_role("img")).to_have_count(2)
    look(window, "run-compare")


def test_a_try_is_compared_with_the_one_before_it(
    window, client, register, run, tmp_path
):
    gate = tmp_path / "gate"
    register("once", f"import os\nassert os.path.exists({str(gate)!r}), 'no file yet'")
    first = run("once")
    gate.touch()
    client.act(first.execution_id, "retry")
    expect(line(section(window, "Runs"), "once")).to_have_count(2)
    page = open_run(window, "once")
    expect(page).to_contain_text("succeeded", timeout=30_000)

    both = part(page, "Compare")

    expect(both.get_by_label("Compare with")).to_contain_text("Try 1, failed")
    expect(both.get_by_role("columnheader", name="Try 2, succeeded")).to_be_visible()
    expect(both.get_by_role("heading", name="Source: the same in both")).to_be_visible()
    outputs = both.get_by_role("region", name="Outputs of cells")
    expect(outputs).to_contain_text("no file yet")
    expect(outputs).to_contain_text("No output")


@pytest.mark.parametrize("name", ["Overview", "Notebook", "Log", "Compare"])
def test_a_screen_reader_can_use_it(window, register, run, name):
    register("plain", "print('a')\nx = 1")
    run("plain")
    page = open_run(window, "plain")
    part(page, name)
    expect(page.get_by_text("Reading…")).to_have_count(0)

    assert serious_violations(window, ".jp-flowkernel-run-page") == []
