"""A prompt in JupyterLab, in a real browser: it appears, is answered, and work goes on."""

import re
from contextlib import suppress
from functools import partial

import psutil
import pytest
from playwright.sync_api import expect

from flowkernel.client.client import Client
from tests.browser.conftest import (
    PYTHON,
    bring_into_view,
    contrast,
    look,
    open_notebook,
    run_all,
)
from tests.browser.families import press, prompt_in, save, write_family
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.browser]


#: Of lines: whether they are in the page, and end within the output.
ENDS_IN_SIGHT = (
    "lines => lines.map(line => line.isConnected && line.getBoundingClientRect().right"
    " <= line.closest('.jp-OutputArea').getBoundingClientRect().right)"
)


@pytest.fixture
def family(lab):
    """Write a family of notebooks into the folder of the page."""
    return partial(write_family, lab.root)


@pytest.fixture
def client(lab):
    """A program that looks at the record."""
    found = Client(lab.home)
    yield found
    found.close()


def test_a_cell_is_edited_in_the_prompt_and_retried(page, lab, family, client):
    counter = family("retried")
    notebook = open_notebook(page, lab, "retried.ipynb")
    run_all(page)
    prompt = prompt_in(notebook, "retried_cells")
    expect(prompt).to_contain_text("name 'amount' is not defined")
    expect(prompt).to_contain_text("Waiting for it: child_retried, parent_retried")
    expect(prompt.get_by_role("timer")).to_contain_text("30 min left")
    look(page, "interactive-prompt")

    source = prompt.get_by_label("Cell 2 of 3")
    source.fill("amount = 4\ntotal = price * amount")
    source.press("Shift+Enter")

    expect(notebook).to_contain_text("the parent says {'total': 12}", timeout=30_000)
    assert counter.read_text() == "x"
    [row] = client.sql(
        "SELECT v.actor, v.payload->>'verb', v.payload->>'decided_from', "
        "v.payload->>'difference' FROM event v JOIN execution e USING (execution_id) "
        "WHERE v.kind = 'decided' AND e.name = 'retried_cells'"
    )["rows"]
    assert row[1:3] == ["retry_cell", "notebook"]
    assert "+amount = 4" in row[3]
    expect(notebook.get_by_role("tree")).to_contain_text("succeeded")
    expect(notebook).to_contain_text("Retry cell, by")
    look(page, "interactive-retried")


def test_a_missing_file_is_put_there_and_the_cell_retried(page, lab, family, client):
    """Nothing of the notebook was wrong: its source stays as it is."""
    file = lab.root / "amount.txt"
    counter = family("missing", amount=f"int(open({str(file)!r}).read())")
    notebook = open_notebook(page, lab, "missing.ipynb")
    run_all(page)
    prompt = prompt_in(notebook, "missing_cells")
    expect(prompt).to_contain_text("FileNotFoundError")

    file.write_text("4")
    press(prompt, "Retry cell")

    expect(notebook).to_contain_text("the parent says {'total': 12}", timeout=30_000)
    assert counter.read_text() == "x"
    [row] = client.sql(
        "SELECT payload->>'verb', payload->>'difference' FROM event v "
        "JOIN execution e USING (execution_id) "
        "WHERE v.kind = 'decided' AND e.name = 'missing_cells'"
    )["rows"]
    assert row == ["retry_cell", None]


def test_a_front_end_without_subshells(page, lab, family):
    settings = {"commsOverSubshells": "disabled"}
    lab.set("apputils-extension/kernels-settings", settings)
    family("plainly")
    notebook = open_notebook(page, lab, "plainly.ipynb")
    run_all(page)

    press(prompt_in(notebook, "plainly_cells"), "Fail")

    expect(notebook).to_contain_text("'parent_plainly' failed", timeout=30_000)


def test_it_is_retried_from_its_start(page, lab, family, client):
    counter = family("again", amount="(3 if this.get('retry_of') else amount)")
    notebook = open_notebook(page, lab, "again.ipynb")
    run_all(page)

    press(prompt_in(notebook, "again_cells"), "Retry from start")

    expect(notebook).to_contain_text("the parent says {'total': 9}", timeout=30_000)
    assert counter.read_text() == "xx"
    assert decided(client, "again_cells") == ["retry"]


def test_it_is_retried_with_other_inputs(page, lab, family, client):
    counter = family("inputs", amount="12 // inputs['by']", inputs="by=0")
    notebook = open_notebook(page, lab, "inputs.ipynb")
    run_all(page)
    prompt = prompt_in(notebook, "inputs_cells")

    prompt.get_by_text("Retry with other inputs ...").click()
    prompt.get_by_label("by", exact=True).fill("4")
    look(page, "interactive-inputs")
    press(prompt, "Retry with other inputs")

    expect(notebook).to_contain_text("the parent says {'total': 9}", timeout=30_000)
    assert counter.read_text() == "xx"
    assert decided(client, "inputs_cells") == ["retry_with_inputs"]


def test_the_cell_is_skipped_with_a_value(page, lab, family, client):
    counter = family("skipped")
    notebook = open_notebook(page, lab, "skipped.ipynb")
    run_all(page)
    prompt = prompt_in(notebook, "skipped_cells")

    prompt.get_by_text("Skip the cell ...").click()
    total = prompt.get_by_label("total", exact=True)
    look(page, "interactive-skip")
    total.fill("[99")
    press(prompt, "Skip the cell")
    expect(prompt.get_by_role("alert")).to_contain_text("begins like JSON")
    total.fill("99")
    press(prompt, "Skip the cell")

    expect(notebook).to_contain_text("the parent says {'total': 99}", timeout=30_000)
    assert counter.read_text() == "x"
    assert decided(client, "skipped_cells") == ["skip"]


def test_it_fails_and_so_do_its_parents(page, lab, family, client):
    family("failing")
    notebook = open_notebook(page, lab, "failing.ipynb")
    run_all(page)

    press(prompt_in(notebook, "failing_cells"), "Fail")

    expect(notebook).to_contain_text("'parent_failing' failed", timeout=30_000)
    expect(notebook).to_contain_text("name 'amount' is not defined")
    assert decided(client, "failing_cells") == ["fail"]
    until(lambda: statuses(client, "failing") == {"ENDED_ERROR"})


def test_the_whole_family_is_cancelled(page, lab, family, client):
    family("cancelled")
    notebook = open_notebook(page, lab, "cancelled.ipynb")
    run_all(page)

    prompt = prompt_in(notebook, "cancelled_cells")
    press(prompt, "Cancel all 4 runs")
    expect(prompt.get_by_role("alert")).to_have_text("Cancel 4 runs?")
    expect(prompt.get_by_role("button", name="No", exact=True)).to_be_focused()
    look(page, "interactive-cancel")
    press(prompt, "No")
    expect(prompt.get_by_role("alert")).to_have_count(0)
    press(prompt, "Cancel all 4 runs")
    press(prompt, "Yes")

    expect(notebook).to_contain_text("'parent_cancelled' was cancelled", timeout=30_000)
    assert decided(client, "cancelled_cells") == ["cancel_all"]
    until(lambda: statuses(client, "cancelled") == {"ENDED_CANCELLED"})


def decided(client, name):
    """What was decided on the executions of this name."""
    found = client.sql(
        "SELECT v.payload->>'verb' FROM event v JOIN execution e USING (execution_id) "
        f"WHERE v.kind = 'decided' AND e.name = '{name}' ORDER BY v.seq"
    )
    return [verb for (verb,) in found["rows"]]


def statuses(client, name):
    """How the executions of a family ended."""
    [(root_id,)] = client.sql(
        f"SELECT execution_id::TEXT FROM execution WHERE name = 'parent_{name}'"
    )["rows"]
    return {one["status"] for one in client.tree(root_id)["executions"]}


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_example_can_be_read_in_both_themes(page, lab, theme):
    # The tree and the prompt fit on it.
    page.set_viewport_size({"width": 1280, "height": 1150})
    (lab.root / "fetched.txt").unlink(missing_ok=True)
    lab.set("apputils-extension/themes", {"theme": f"JupyterLab {theme}"})
    notebook = open_notebook(page, lab, "interactive.ipynb")
    is_light = str(theme == "Light").lower()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)

    run_all(page)

    prompt = prompt_in(notebook, "month_sales")
    bring_into_view(notebook.get_by_role("tree"))
    look(page, f"interactive-{theme}")
    for text in (prompt.locator("h3"), prompt.locator("pre"), prompt.locator("label")):
        assert contrast(text.first) > 4.5
    prompt.get_by_label("Cell 2 of 3").fill("rate = 1.1\ntotal = sum(sales) * rate")
    press(prompt, "Retry cell")
    expect(notebook).to_contain_text("+rate = 1.1", timeout=60_000)
    assert (lab.root / "fetched.txt").read_text() == "fetched\n"
    notebook.get_by_text("Retry cell, by").scroll_into_view_if_needed()
    look(page, f"interactive-ended-{theme}")


def test_the_source_is_an_editor(page, lab, family):
    """Its keys are those of an editor, and who has only a keyboard can leave it."""
    family("keyed")
    notebook = open_notebook(page, lab, "keyed.ipynb")
    run_all(page)
    prompt = prompt_in(notebook, "keyed_cells")
    source = prompt.get_by_label("Cell 2 of 3")

    source.fill("if price:")
    source.press("Enter")
    page.keyboard.type("total = 'a'  # b")
    page.keyboard.press("Tab")
    assert source.input_value() == "if price:\n    total = 'a'  # b    "
    for kind, text in (("keyword", "if"), ("string", "'a'"), ("comment", "# b    ")):
        painted = prompt.locator(f".jp-flowkernel-{kind}")
        expect(painted).to_have_text(text)
        assert contrast(painted) > 4.5
    page.keyboard.press("Control+z")
    assert source.input_value().endswith("# b")

    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(source).not_to_be_focused()
    press(prompt, "Fail")


def test_the_inbox_shows_what_another_notebook_asked(page, lab, family):
    """The first notebook is closed, with its kernel, while it waits."""
    family("left")
    notebook = open_notebook(page, lab, "left.ipynb")
    run_all(page)
    prompt_in(notebook, "left_cells")
    page.get_by_role("menubar").get_by_text("Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
    save(lab.root / "other.ipynb", ["%load_ext flowkernel", "%inbox"])

    other = open_notebook(page, lab, "other.ipynb")
    run_all(page)

    before = "left_cells failed: it waits for an answer. %inbox shows it."
    expect(other).to_contain_text(before, timeout=60_000)  # Loading had shown it.
    prompt = prompt_in(other, "left_cells")
    look(page, "interactive-inbox")
    press(prompt, "Retry from start")
    expect(other).to_contain_text("Retry from start, by")
    press(prompt_in(other, "left_cells"), "Fail")  # It has failed again.
    expect(other).to_contain_text("Fail, by")
    expect(other).to_contain_text("Nothing waits for an answer")


def test_a_page_that_died_shows_the_prompt_again_and_how_it_ended(page, lab, family):
    """The notebook was saved; its cell still runs."""
    family("crashed")
    notebook = open_notebook(page, lab, "crashed.ipynb")
    run_all(page)
    prompt_in(notebook, "crashed_cells")
    page.keyboard.press("Control+s")
    until(lambda: "widget-view" in (lab.root / "crashed.ipynb").read_text())
    kill_pages(page)
    new = page.context.new_page()

    new.goto(lab.address("crashed.ipynb"))
    again = new.locator(".jp-Notebook")
    prompt = prompt_in(again, "crashed_cells")
    look(new, "interactive-again")
    press(prompt, "Fail")

    expect(prompt).to_have_count(0)
    expect(again).to_contain_text("Fail, by")
    tree = again.get_by_role("tree", name="Run parent_crashed: failed")
    expect(tree).to_be_visible(timeout=30_000)
    lines = tree.locator("li > div")  # They are drawn again when it is complete.
    until(lambda: {*lines.evaluate_all(ENDS_IN_SIGHT)} == {True})
    look(new, "interactive-again-ended")


def test_a_kernel_that_was_started_again_names_what_its_notebook_started(
    page, lab, family
):
    family("restarted")
    notebook = open_notebook(page, lab, "restarted.ipynb")
    run_all(page)
    prompt_in(notebook, "restarted_cells")
    page.get_by_role("menubar").get_by_text("Kernel", exact=True).click()
    restart = re.compile(r"^Restart Kernel(…|\.)")
    page.get_by_role("menuitem", name=restart).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.get_by_text(f"{PYTHON} | Idle").wait_for()
    expect(notebook.get_by_role("tree")).to_contain_text("parent_restarted")
    expect(notebook).to_contain_text("As of 20")

    notebook.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")

    words = "This notebook started 'parent_restarted', which waits for a person"
    line = notebook.get_by_text(words)
    expect(line).to_be_visible(timeout=30_000)
    expect(line).to_contain_text("%inbox what it asks")
    bring_into_view(line)
    look(page, "interactive-restarted")
    press(prompt_in(notebook.locator(".jp-CodeCell").first, "restarted_cells"), "Fail")


def kill_pages(page):
    """`kill -9` of the processes that show pages."""
    with page.expect_event("crash"):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "--type=renderer" in process.cmdline():
                    process.kill()
