"""How people hear of what waits for them, and get to the panel without looking for it."""

import re
from datetime import datetime

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PYTHON, look
from tests.browser.families import save
from tests.browser.jupyterlab import TOKEN
from tests.browser.panel import line, section, sidebar
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

#: Asks what the name of the run is.
ASKS = "this.message(this.get('name'))"
#: Notes when the text of an element first has so many answers: milliseconds since 1970.
NOTE_ANSWERS = """\
element => {
  window.answeredAt = [];
  new MutationObserver(() => {
    const count = element.textContent.split('answered by').length - 1;
    while (window.answeredAt.length < count) window.answeredAt.push(Date.now());
  }).observe(element, {subtree: true, childList: true, characterData: true});
}
"""


@pytest.fixture
def ask(register, client):
    """Start a run that asks something."""
    register("asks", ASKS)

    def ask(subject: str):
        request = {"flow": "asks", "name": subject, "run": True}
        return client.start(request)

    return ask


@pytest.fixture(autouse=True)
def nothing_left(client):
    """End what a test leaves waiting, so that the next one counts its own."""
    yield
    for execution in client.list_executions():
        if not execution.status.is_ended:
            client.act(execution.execution_id, "cancel")


def open_lab(panel, page: Page) -> Page:
    """Open Lab as a person finds it: the panel is closed."""
    page.goto(f"{panel.url}/lab?token={TOKEN}&reset")
    page.locator("#jp-main-dock-panel").wait_for()
    status_item(page).wait_for()
    return page


def status_item(page: Page):
    return page.get_by_role("button", name=re.compile("^flowkernel: "))


def notice(page: Page, text: str):
    return page.get_by_role("alert").filter(has_text=text)


def test_a_notification_says_that_a_run_asks_while_the_panel_is_closed(
    panel, page, client, ask
):
    window = open_lab(panel, page)
    ask("Is the day closed?")
    expect(notice(window, "A run asks: Is the day closed?")).to_be_visible()
    expect(status_item(window)).to_have_text("flowkernel: 1 active, 1 waits for you")
    look(window, "panel-notice")

    notice(window, "Is the day closed?").get_by_role("button", name="Answer").click()
    message = window.get_by_role("dialog", name="Is the day closed?")
    message.get_by_role("button", name="OK").click()

    expect(notice(window, "Is the day closed?")).to_have_count(0)
    expect(status_item(window)).to_have_text("flowkernel: 0 active")
    ask("Send it?")
    expect(notice(window, "A run asks: Send it?")).to_be_visible()
    [message] = client.get_list("/message", is_open=True)
    client.answer(message["message_id"], {"ok": True}, answered_from="test")
    expect(notice(window, "Send it?")).to_have_count(0)  # Somebody else was faster.


def test_the_status_bar_opens_the_inbox_and_notifications_are_over(panel, page, ask):
    window = open_lab(panel, page)
    ask("Is the day closed?")
    expect(notice(window, "Is the day closed?")).to_be_visible()

    status_item(window).click()

    inbox = sidebar(window).get_by_role("tab", name="Inbox")
    expect(inbox).to_have_attribute("aria-selected", "true")
    expect(line(sidebar(window), "Is the day closed?")).to_be_visible()
    expect(notice(window, "Is the day closed?")).to_have_count(0)
    ask("Send it?")
    expect(line(sidebar(window), "Send it?")).to_be_visible()
    expect(notice(window, "Send it?")).to_have_count(0)  # The inbox is in sight.


def test_of_many_questions_at_once_one_notification_says_how_many(panel, page, ask):
    window = open_lab(panel, page)
    subjects = [f"Question {number}" for number in range(5)]

    for subject in subjects:
        ask(subject)

    expect(status_item(window)).to_contain_text("5 wait for you", timeout=30_000)
    assert window.get_by_role("alert").count() <= 4
    expect(
        notice(window, "waits for you").or_(notice(window, "wait for you"))
    ).to_have_count(1)


def test_who_wants_no_notifications_gets_none(panel, page, ask):
    panel.set("notifications", {"isOn": False}, package="flowkernel")
    try:
        window = open_lab(panel, page)
        ask("Is the day closed?")
        expect(status_item(window)).to_contain_text("1 waits for you", timeout=30_000)
        assert notice(window, "Is the day closed?").count() == 0
    finally:
        panel.set("notifications", {}, package="flowkernel")


def test_an_answer_given_elsewhere_is_seen_within_200_ms(window, client, ask):
    inbox = section(window, "Inbox")
    for number in range(5):
        ask(f"Question {number}")
    expect(line(inbox, "Question")).to_have_count(5, timeout=30_000)
    inbox.evaluate(NOTE_ANSWERS)
    delays = []

    for number in range(5):
        message = client.get_list("/message", is_open=True)[0]
        answered = client.answer(
            message["message_id"], {"ok": True}, answered_from="test"
        )
        window.wait_for_function(
            "count => window.answeredAt.length >= count", arg=number + 1
        )
        seen_at = window.evaluate("window.answeredAt")[number] / 1000
        delays.append(seen_at - moment(answered["answered_at"]))

    expect(line(inbox, "answered by test")).not_to_have_count(0)
    assert sorted(delays)[2] < 0.2, delays  # The engine collects rows for 0.1 s.


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_palette_leads_to_each_part(window):
    def choose(name: str) -> None:
        window.keyboard.press("Control+Shift+C")
        window.get_by_role("searchbox").or_(
            window.get_by_placeholder("SEARCH")
        ).last.fill(f"flowkernel {name}")
        window.get_by_role("menuitem", name=name, exact=True).click()

    for name, tab in (
        ("Show the flows", "Flows"),
        ("Show the inbox", "Inbox"),
        ("Show the runs", "Runs"),
    ):
        choose(name)
        chosen = sidebar(window).get_by_role("tab", name=tab)
        expect(chosen).to_have_attribute("aria-selected", "true")
    choose("Open the home page")
    expect(window.get_by_role("region", name="Home of flowkernel")).to_be_visible()


def file_of(window: Page, name: str) -> Locator:
    """A file in the file browser, once that is in sight: Lab may still arrange its sidebar."""
    tab = window.get_by_role("tab", name="File Browser")
    file = window.get_by_role("listitem", name=f"Name: {name}")

    def is_shown() -> bool:
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        return file.is_visible()

    until(is_shown)
    return file


@pytest.fixture
def day(panel):
    """A notebook that is there before the window is opened."""
    save(panel.root / "day.ipynb", ["day: str = 'monday'"], tags=["parameters"])


def test_a_notebook_is_run_with_keys_from_its_toolbar_and_from_the_menu(
    day, window, client
):
    file_of(window, "day.ipynb").dblclick()
    window.get_by_text(f"{PYTHON} | Idle").wait_for()
    notebook = window.locator(".jp-NotebookPanel:visible")
    form = window.get_by_role("dialog", name="Run day.ipynb")
    notebook.locator(".jp-CodeCell .cm-content").click()
    window.keyboard.press("Control+End")
    window.keyboard.insert_text("  # of the week")

    window.keyboard.press("Control+Alt+Enter")

    expect(form).to_contain_text("of the week")  # The notebook was saved before.
    form.get_by_role("button", name="Cancel").click()
    button = "Run this notebook as a flow, in a kernel of its own"
    notebook.get_by_role("button", name=button).click()
    form.get_by_role("button", name="Cancel").click()
    window.get_by_role("menubar").get_by_text("Run", exact=True).click()
    window.get_by_role("menuitem", name="Run as Flow…").click()
    form.get_by_label("day").fill("friday")
    form.get_by_role("button", name="Run", exact=True).click()
    page = window.get_by_role("region", name="Run day")
    expect(page).to_contain_text("succeeded", timeout=30_000)
    assert client.list_executions()[0].inputs["day"] == "friday"
    file_of(window, "day.ipynb").click(button="right")
    window.get_by_role("menuitem", name="Run as Flow", exact=True).click()
    until(lambda: len(roots(client, "day")) == 2)  # It has a default: nothing is asked.


def roots(client, name):
    """The roots of all runs of this name."""
    return {e.root_id for e in client.list_executions() if e.name == name}
