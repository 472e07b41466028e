"""The page on which a person decides about a cell that failed, and the kernel in a notebook."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from flowkernel.client.flow_source import start_request
from tests.browser.conftest import PYTHON, look
from tests.browser.families import save
from tests.browser.panel import (
    line,
    open_window,
    section,
    serious_violations,
)
from tests.conftest import processes_of

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

CELLS = [
    "day: str = 'monday'",
    "price = 3",
    "if day == 'monday':\n    total = price * amount\nelse:\n    total = 0",
    "this.set_output(total=total, day=day)",
]


@pytest.fixture(scope="module", autouse=True)
def notebook(panel):
    """A notebook whose third cell fails without the input `amount`."""
    save(panel.root / "sales.ipynb", CELLS, tags=["parameters"])


@pytest.fixture
def fail(panel, client):
    """Start the notebook whose third cell fails, and a person is asked."""

    def fail() -> str:
        request = start_request(str(panel.root / "sales.ipynb"), {})
        using = [{"name": "interactive", "inputs": {}}]
        return client.start(
            {**request, "using": using, "is_interactive": True}
        ).execution_id

    return fail


@pytest.fixture
def question(window, fail):
    """The page of the question about a cell that failed."""
    fail()
    return open_question(window)


@pytest.fixture(autouse=True)
def nothing_left(client):
    """End what a test leaves waiting, so that the next one finds its own question."""
    yield
    ids = "SELECT execution_id FROM execution WHERE parent_id IS NULL"
    for [root] in client.sql(f"{ids} AND NOT starts_with(status, 'ENDED')")["rows"]:
        client.post(f"/execution/{root}/cancel", {})


def open_question(page: Page) -> Locator:
    inbox = section(page, "Inbox")
    line(inbox, "sales failed").first.press("Enter")
    return page.get_by_role("region", name="Decide: sales failed")


def choose(question: Locator, choice: str) -> None:
    """Choose what is to be done, and press the button that does it."""
    question.get_by_role("radio", name=choice, exact=True).check()
    question.get_by_role("button", name=choice, exact=True).click()


def decisions(client) -> list[str]:
    """What was decided, the last first."""
    sql = "SELECT payload->>'verb' FROM event WHERE kind = 'decided' ORDER BY seq DESC"
    return [row[0] for row in client.sql(sql)["rows"]]


def last_root(client) -> list[str]:
    sql = (
        "SELECT status, output FROM execution WHERE parent_id IS NULL "
        "ORDER BY created_at DESC LIMIT 1"
    )
    [row] = client.sql(sql)["rows"]
    return row


def expect_decided(question: Locator, text: str) -> None:
    expect(question.get_by_role("status").first).to_contain_text(text)


def expect_end(page: Page, word: str) -> None:
    runs = section(page, "Runs")
    expect(line(runs, "sales").first).to_contain_text(word, timeout=30_000)


def test_a_cell_is_edited_with_its_difference_in_sight_and_retried(
    window, question, client
):
    editor = question.get_by_role("textbox", name="Cell 3 of 4")
    expect(editor).to_contain_text("total = price * amount")
    expect(question).to_contain_text("name 'amount' is not defined")
    expect(question).to_contain_text("it waits without a limit")

    editor.press("Control+Home")
    window.keyboard.insert_text("amount = 2\n")

    difference = question.get_by_role("textbox", name="What you change")
    expect(difference.locator(".cm-changedLine")).to_have_text("amount = 2")
    look(window, "prompt-difference")
    assert serious_violations(window, ".jp-flowkernel-prompt-body") == []
    editor.press("Shift+Enter")
    expect_decided(question, "Retry cell: answered")
    expect_end(window, "succeeded")
    assert decisions(client)[0] == "retry_cell"
    assert last_root(client) == ["ENDED_SUCCESS", '{"total":6,"day":"monday"}']


def test_a_cell_is_skipped_with_values_for_the_names_that_it_sets(
    window, question, client
):
    question.get_by_role("radio", name="Skip the cell").check()
    question.get_by_label("total").fill("[1,")
    question.get_by_role("button", name="Skip the cell").click()
    expect(question.get_by_text("This must be a value")).to_be_visible()
    expect(question.get_by_label("total")).to_be_focused()
    question.get_by_label("total").fill("41")
    look(window, "prompt-skip")
    question.get_by_role("button", name="Skip the cell").click()

    expect_end(window, "succeeded")
    assert decisions(client)[0] == "skip"
    assert last_root(client) == ["ENDED_SUCCESS", '{"total":41,"day":"monday"}']


def test_a_run_is_started_again_with_other_inputs(window, question, client):
    question.get_by_role("radio", name="Retry with other inputs").check()
    expect(question.get_by_label("day")).to_have_value("monday")
    question.get_by_label("day").fill("tuesday")
    look(window, "prompt-inputs")
    question.get_by_role("button", name="Retry with other inputs").click()

    expect_end(window, "succeeded")
    assert decisions(client)[0] == "retry_with_inputs"
    assert last_root(client) == ["ENDED_SUCCESS", '{"total":0,"day":"tuesday"}']


def test_a_run_is_started_again_and_asks_again(window, question, client):
    choose(question, "Retry from start")
    expect_decided(question, "Retry from start: answered")

    line(section(window, "Inbox"), "sales failed 2 times").wait_for()
    assert decisions(client)[0] == "retry"


def test_a_run_fails_if_a_person_says_so(window, question, client):
    choose(question, "Fail")

    expect_decided(question, "Fail: answered")
    expect_end(window, "failed")
    assert decisions(client)[0] == "fail"


def test_cancelling_asks_once_and_says_how_many_runs(window, question, client):
    question.get_by_role("radio", name="Cancel all 2 runs").check()
    question.get_by_role("button", name="Cancel all 2 runs").click()
    alert = question.get_by_role("alert")
    expect(alert).to_contain_text("Cancel 2 runs?")
    alert.get_by_role("button", name="No").click()
    expect(alert).to_have_count(0)
    assert decisions(client)[:1] != ["cancel_all"]

    question.get_by_role("button", name="Cancel all 2 runs").click()
    alert.get_by_role("button", name="Yes").click()

    expect_end(window, "cancelled")
    assert decisions(client)[0] == "cancel_all"


def test_a_kernel_that_is_lost_takes_its_choices_along(window, question, client, home):
    question.get_by_role("radio", name="Skip the cell").check()
    [worker] = processes_of(home, "flowkernel.worker")

    worker.kill()

    expect(question).to_contain_text("Retry cell is no longer possible", timeout=30_000)
    expect(question.get_by_role("radio", name="Skip the cell")).to_have_count(0)
    expect(question.get_by_role("radio", name="Retry from start")).to_be_checked()
    expect(question.get_by_text("total = price * amount").first).to_be_visible()
    choose(question, "Fail")
    expect_end(window, "failed")


def test_of_two_windows_one_answers_and_the_other_says_who_did(
    window, question, panel, browser, fail
):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    other = open_window(panel, context.new_page())
    elsewhere = open_question(other)
    elsewhere.get_by_role("radio", name="Skip the cell").check()
    fail()
    expect(line(section(window, "Inbox"), "sales failed")).to_have_count(2)

    choose(question, "Fail")

    expect_decided(elsewhere, "Fail: answered by")
    expect(elsewhere.get_by_role("button", name="Skip the cell")).to_have_count(0)
    look(other, "prompt-elsewhere")
    elsewhere.get_by_role("button", name="Next").click()
    following = other.get_by_role("region", name="Decide: sales failed")
    expect(following.get_by_role("radio", name="Retry cell")).to_be_checked()
    context.close()


def test_a_variable_is_mended_in_a_notebook_on_the_kernel_that_failed(
    window, question, client
):
    question.get_by_role("button", name="Open in notebook").click()
    notebook = window.locator(".jp-NotebookPanel:visible")
    notebook.get_by_text("sales (failed, with its variables)").wait_for()
    window.get_by_text("sales (failed, with its variables) | Idle").wait_for()
    look(window, "prompt-notebook")
    cell = notebook.locator(".jp-CodeCell").last
    cell.locator(".cm-content").click()
    window.keyboard.press("Control+A")
    window.keyboard.insert_text("amount = price * 2; print('it is', amount)")
    window.keyboard.press("Control+Enter")
    expect(cell).to_contain_text("it is 6")

    notebook.get_by_role("button", name="Decide what to do").click()
    choose(question, "Retry cell")

    expect_end(window, "succeeded")
    assert last_root(client) == ["ENDED_SUCCESS", '{"total":18,"day":"monday"}']


def test_a_kernel_is_kept_after_a_success_opened_in_a_notebook_and_released(
    window, client
):
    window.get_by_role("tab", name="File Browser").click()
    window.get_by_role("listitem", name="Name: sales.ipynb").click(button="right")
    window.get_by_role("menuitem", name="Run as Flow with Parameters").click()
    form = window.get_by_role("dialog", name="Run sales.ipynb")
    form.get_by_label("day").fill("friday")
    form.get_by_label("If a cell fails").uncheck()
    form.get_by_label("Keep its kernel after the end").check()
    form.get_by_role("button", name="Run", exact=True).click()
    page = window.get_by_role("region", name="Run sales").last
    expect(page).to_contain_text("Its kernel is kept until", timeout=30_000)

    page.get_by_role("button", name="Open in notebook").click()
    notebook = window.locator(".jp-NotebookPanel:visible")
    notebook.get_by_text("sales (ended, with its variables)").wait_for()
    window.get_by_text("sales (ended, with its variables) | Idle").wait_for()
    expect(notebook.get_by_role("button", name="Decide what to do")).to_have_count(0)
    cell = notebook.locator(".jp-CodeCell").last
    cell.locator(".cm-content").click()
    window.keyboard.press("Control+A")
    window.keyboard.insert_text("print('it was', day, price)")
    window.keyboard.press("Control+Enter")
    expect(cell).to_contain_text("it was friday 3")

    window.get_by_role("tab", name="Runs, flows and inbox of flowkernel").click()
    line(section(window, "Runs"), "sales").first.press("Enter")
    page.get_by_role("button", name="Release the kernel").click()
    window.get_by_role("button", name="Release it").click()

    expect(page).to_contain_text("Its kernel is no longer kept.")
    sql = "SELECT count(*) FROM execution WHERE parked_until IS NOT NULL"
    assert client.sql(sql)["rows"] == [[0]]


def test_the_home_page_shows_what_waits_runs_and_failed(window, question, client):
    choose(question, "Fail")
    expect_end(window, "failed")
    window.keyboard.press(
        "Control+Shift+L"
    )  # Another test may have used up the first one.
    window.get_by_role("button", name="flowkernel", exact=True).click()

    home = window.get_by_role("region", name="Home of flowkernel")
    failed = home.get_by_role("region", name="Failed since yesterday")
    expect(failed.get_by_role("button", name="sales").first).to_be_visible()
    chart = re.compile(r"^sales: \d+ runs?, \d+ % failed in 30 days")
    expect(home.get_by_role("img", name=chart)).to_be_visible()
    slowest = home.get_by_role("table", name="Slowest cells")
    expect(slowest).to_contain_text("price = 3")
    expect(slowest).not_to_contain_text("interactive")  # It waits for people.
    look(window, "home")
    assert serious_violations(window, ".jp-flowkernel-home") == []


def test_the_home_page_follows_the_day_and_what_ends(panel, page, register, run):
    page.clock.install()
    window = open_window(panel, page)
    window.keyboard.press("Control+Shift+L")
    window.get_by_role("button", name="flowkernel", exact=True).click()
    home = window.get_by_role("region", name="Home of flowkernel")
    failed = home.get_by_role("region", name="Failed since yesterday")
    charts = home.get_by_role("region", name="The last 30 days")
    expect(charts.get_by_text("Reading…")).to_have_count(0)
    register("late", "1 / 0")
    run("late")
    expect(failed.get_by_role("button", name="late")).to_be_visible()

    window.clock.fast_forward(61_000)

    expect(charts.get_by_role("img", name=re.compile("^late: 1 run"))).to_be_visible()
    window.clock.fast_forward(3 * 86_400_000)
    expect(failed).to_contain_text("Nothing failed.")


def test_a_notebook_is_run_from_the_file_browser(window, client):
    window.get_by_role("tab", name="File Browser").click()
    window.get_by_role("listitem", name="Name: sales.ipynb").click(button="right")
    window.get_by_role("menuitem", name="Run as Flow with Parameters").click()
    form = window.get_by_role("dialog", name="Run sales.ipynb")
    form.get_by_label("day").fill("tuesday")
    form.get_by_role("button", name="Run", exact=True).click()

    page = window.get_by_role("region", name="Run sales")
    expect(page).to_contain_text("succeeded", timeout=30_000)
    assert last_root(client) == ["ENDED_SUCCESS", '{"total":0,"day":"tuesday"}']


def test_a_run_of_a_file_that_failed_is_run_with_another_day(
    window, client, fail, register
):
    register("sales", "this.set_output(total='of another flow')")
    fail()
    choose(open_question(window), "Fail")
    expect_end(window, "failed")
    line(section(window, "Runs"), "sales").first.press("Enter")
    page = window.get_by_role("region", name=re.compile("^Run sales")).last
    page.get_by_role("button", name="Run with other inputs").click()

    form = window.get_by_role("dialog", name="Run sales")
    expect(form.get_by_label("day")).to_have_value("monday")
    expect(form.get_by_label("If a cell fails")).to_be_checked()
    form.get_by_label("day").fill("tuesday")
    form.get_by_role("button", name="Run", exact=True).click()

    expect(form).to_have_count(0)
    expect_end(window, "succeeded")
    assert last_root(client) == ["ENDED_SUCCESS", '{"total":0,"day":"tuesday"}']


def test_cells_that_register_flows_say_whether_they_are_as_registered(
    window, panel, register
):
    register("fetch", "rows = 3\nthis.set_output(rows=rows)")
    cells = [
        "%%flow fetch\nrows = 3\nthis.set_output(rows=rows)",
        "%%flow never\nx = 1",
    ]
    save(panel.root / "flows.ipynb", cells)
    window.get_by_role("tab", name="File Browser").click()
    window.get_by_role("listitem", name="Name: flows.ipynb").dblclick()
    notebook = window.locator(".jp-NotebookPanel:visible")
    first, second = (notebook.locator(".jp-CodeCell").nth(n) for n in (0, 1))
    expect(first.get_by_text("registered", exact=True)).to_be_visible()
    expect(second.get_by_text("not registered")).to_be_visible()

    first.locator(".cm-content").press("Control+End")
    window.keyboard.insert_text("\nx = 1")

    expect(first.get_by_text("changed since it was registered")).to_be_visible()
    # A Jupyter Server that stops while it starts a kernel does not end.
    window.get_by_text(f"{PYTHON} | Idle").wait_for()
