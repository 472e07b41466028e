"""The panel in JupyterHub: each user has a server behind a proxy, and an own engine."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from flowkernel.client.client import Client
from tests.browser.conftest import look
from tests.browser.families import save
from tests.browser.jupyterhub import (
    OTHER_HOME,
    PASSWORD,
    SECONDS,
    SLOTS,
    Hub,
    running_hub,
)
from tests.browser.panel import line, section
from tests.conftest import engines_of

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

CELLS = ["day: str", "this.set_output(day=day)"]
#: Starts the engine, as the button of the panel does; `headers`: what the request has besides.
START = """headers => fetch('/user/ada/flowkernel/engine/start', {method: 'POST', headers})
    .then(response => response.status)"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def frames() -> list[str]:
    """What the socket of the panel in ada's window received."""
    return []


@pytest.fixture(scope="module")
def ada(hub: Hub, browser: Browser, frames: list[str]) -> Iterator[Page]:
    """The window of a user who has logged in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)

    def listen(socket: WebSocket) -> None:
        if socket.url.startswith(f"ws{hub.url[4:]}/user/ada/flowkernel/changes"):
            socket.on("framereceived", lambda frame: frames.append(str(frame)))

    page.on("websocket", listen)
    log_in(hub, page, "ada")
    yield page
    context.close()


def log_in(hub: Hub, page: Page, user: str) -> None:
    """Log in, and wait until the server of the user shows JupyterLab."""
    page.goto(f"{hub.url}/hub/login")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{hub.url}/user/{user}/lab*", timeout=SECONDS * 1_000)
    page.locator("#jp-main-dock-panel").wait_for()


def xsrf_token(hub: Hub, page: Page, user: str) -> str:
    """That of the server of a user, in a cookie."""
    cookies = page.context.cookies(f"{hub.url}/user/{user}/")
    [token] = [
        cookie["value"]
        for cookie in cookies
        if (cookie["name"], cookie["path"]) == ("_xsrf", f"/user/{user}/")
    ]
    return token


def read_engine(page: Page, user: str, headers: dict[str, str]) -> dict[str, str] | int:
    """What the server of a user says of its engine to whom the page shows; or its refusal."""
    return page.evaluate(
        "([path, headers]) => fetch(path, {headers})"
        ".then(response => response.ok ? response.json() : response.status)",
        [f"/user/{user}/flowkernel/engine", headers],
    )


def test_a_user_starts_a_flow_with_its_form_and_watches_it_through_the_proxy(
    hub: Hub, ada: Page, frames: list[str]
):
    save(hub.folder("ada") / "report.ipynb", CELLS, tags=["parameters"])
    ada.get_by_role("button", name="Refresh").click()
    ada.get_by_role("listitem", name="Name: report.ipynb").click(button="right")
    ada.get_by_role("menuitem", name="Run as Flow with Parameters").click()
    form = ada.get_by_role("dialog", name="Run report.ipynb")
    form.get_by_label("day").fill("2026-01-31")
    form.get_by_label("If a cell fails").uncheck()
    look(ada, "jupyterhub-form")
    form.get_by_role("button", name="Run", exact=True).click()

    run = ada.get_by_role("region", name="Run report", exact=True)
    run.wait_for()  # The engine starts, too.
    expect(run).to_contain_text("succeeded", timeout=60_000)
    ada.get_by_role("tab", name="Runs, flows and inbox of flowkernel").click()
    expect(line(section(ada, "Runs"), "report").first).to_contain_text("succeeded")
    look(ada, "jupyterhub-run")
    assert any('"changes"' in frame for frame in frames)
    client = Client(hub.home("ada"), started_by="test")
    [row] = client.sql("SELECT output, started_by FROM execution")["rows"]
    client.close()
    assert row == ['{"day":"2026-01-31"}', "ada (panel)"]


def test_a_request_without_its_token_is_refused_and_that_of_the_engine_is_nowhere(
    hub: Hub, ada: Page
):
    assert ada.evaluate(START, {}) == 403
    assert ada.evaluate(START, {"X-XSRFToken": xsrf_token(hub, ada, "ada")}) == 200
    stored = ada.evaluate("JSON.stringify(localStorage) + document.cookie")
    assert "fkp_" not in stored + ada.content() + hub.log.read_text()


def test_each_user_has_a_home_and_an_engine_that_no_other_user_reaches(
    hub: Hub, ada: Page, browser: Browser
):
    ada.evaluate(START, {"X-XSRFToken": xsrf_token(hub, ada, "ada")})
    [engine] = engines_of(hub.home("ada"))
    assert engine.environ()["FLOWKERNEL_SLOTS"] == SLOTS
    context = browser.new_context()
    ben = context.new_page()
    log_in(hub, ben, "ben")

    headers = {"X-XSRFToken": xsrf_token(hub, ben, "ben")}
    about = read_engine(ben, "ben", headers)

    assert (about["state"], about["person"]) == ("stopped", "ben")
    assert about["home"] == str(hub.folder("ben") / OTHER_HOME)
    assert ben.goto(f"{hub.url}/user/ada/lab").status == 403
    assert read_engine(ben, "ada", headers) == 403
    context.close()
