"""What programs wrote is shown wherever it stands, and nothing of it is carried out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, WebSocket, expect

from flowkernel.home import EngineFile
from tests.browser.conftest import look
from tests.browser.hostile import CELL, FILE, HANDLER, NAME, QUESTION, WORD
from tests.browser.panel import line, open_run, part, section

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

#: Elements that no page of ours has, wherever their text comes from.
FOREIGN = (
    "[action], input[type=password], iframe, object, embed, base, [onerror], [onclick],"
    "[src*=':9/'], [src*='asked-for'], :not(a)[href*=':9/'], [href^='javascript:'],"
    "[style*=':9/']"
)
#: Everything that a page can keep in the browser, as text.
STORED = """\
async () => {
  const names = (await indexedDB.databases()).map(({name}) => name);
  const values = await Promise.all(names.map(name => new Promise(give => {
    indexedDB.open(name).onsuccess = ({target: {result: base}}) => {
      const stores = [...base.objectStoreNames];
      Promise.all(stores.map(store => new Promise(have => {
        base.transaction(store).objectStore(store).getAll().onsuccess =
          ({target}) => have(target.result);
      }))).then(give);
    };
  })));
  return JSON.stringify([localStorage, sessionStorage, document.cookie, names, values]);
}
"""


@dataclass
class Watch:
    """All that a window asks of anybody, and what it is told over websockets."""

    window: Page
    requests: list[Request] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.window.context.on("request", lambda one: self.requests.append(one))
        self.window.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda text: self.frames.append(str(text)))

    def elsewhere(self, url: str) -> list[str]:
        """What was asked of others, or only because it stands in a text."""
        ours = (url, url.replace("http", "ws", 1), "data:", "blob:")
        urls = [request.url for request in self.requests]
        return [u for u in urls if not u.startswith(ours) or is_file(u)]


def is_file(url: str) -> bool:
    """Whether it asks for the image of a name; a query may well have that name."""
    return urlsplit(url).path.endswith(FILE)


@pytest.fixture
def watch(page) -> Watch:
    """Begins before the window is opened."""
    watch = Watch(page)
    watch.begin()
    return watch


@pytest.fixture
def window(watch, window):
    return window


@pytest.fixture
def family(register, run):
    """Flows and runs whose names, inputs, logs and outputs are hostile."""
    register(NAME, CELL, description=NAME)
    run(NAME, day=WORD + NAME)
    register(NAME, f"print('more')  # {NAME}\n{CELL}", description=NAME)
    run(NAME, day=NAME)  # Two that can be compared.
    register(f"outer {NAME}", f"this.flow({NAME!r}, day={NAME!r})")
    run(f"outer {NAME}")


def places(window: Page) -> Iterator[tuple[str, Locator]]:
    """Where hostile text stands, and what is in sight when it does."""
    line(section(window, "Runs"), NAME).last.press("Enter")  # The oldest.
    page = window.get_by_role("region", name=f"Run {NAME}", exact=True)
    for name in ("Overview", "Log", "Notebook"):
        yield name, part(page, name).get_by_text(WORD).first
    notebook = part(page, "Notebook")
    for kind in ("javascript", "vnd.vega"):
        yield kind, notebook.get_by_text(f"Not drawn here: application/{kind}")
    notebook.get_by_role("button", name="Log of Cell 1").click()
    yield (
        "cell log",
        notebook.get_by_role("region", name="Log of cell 1").get_by_text(WORD).first,
    )
    compared = part(page, "Compare").get_by_role("region", name="Outputs of cells")
    yield "compare", compared.get_by_text(WORD).first
    page.get_by_role("button", name="Copy as a command").click()
    command = window.get_by_role("dialog", name="Start it elsewhere")
    yield "command", command.get_by_text("onerror").first
    window.keyboard.press("Escape")
    yield from family_places(window)
    yield from sidebar_places(window)


def family_places(window: Page) -> Iterator[tuple[str, Locator]]:
    outer = open_run(window, f"outer {NAME}")
    yield "timeline", part(outer, "Timeline").get_by_text("onerror").first
    outer.get_by_label("As a table").check()
    yield "table", outer.get_by_role("table").get_by_text("onerror").first
    yield "under it", part(outer, "Runs under it").get_by_text("onerror").first
    nodes = part(outer, "Lineage").get_by_role("button", name="<img")
    yield "lineage", nodes.first
    line(section(window, "Runs"), "outer").first.click(button="right")
    window.get_by_role("menuitem", name="Delete…").click()
    question = window.get_by_role("dialog", name="Delete outer")
    yield "question", question.get_by_text("onerror")
    question.get_by_role("button", name="Keep it").click()


def sidebar_places(window: Page) -> Iterator[tuple[str, Locator]]:
    flows = section(window, "Flows")
    yield "flows", flows.get_by_text("onerror").first
    flows.get_by_role("button", name="Run form").click()
    form = window.get_by_role("dialog", name="Run form")
    yield "form", form.get_by_text("onerror").first
    expect(form.get_by_label("day")).to_have_value(re.compile(WORD))
    window.keyboard.press("Escape")
    notice = window.get_by_role("alert").filter(has_text="A run asks")
    yield "notification", notice.get_by_text("onerror")
    notice.get_by_role("button", name="Answer").click()
    message = window.get_by_role("dialog")
    yield "message", message.get_by_text(WORD).first
    message.get_by_role("button", name="<img").click()
    following = window.get_by_role("dialog", name="Answered")
    yield "next", following.get_by_text("onerror")
    following.get_by_role("button", name="Next").click()
    question = window.get_by_role("region", name="Decide: ")
    yield "prompt", question.get_by_text(WORD).first
    window.keyboard.press("Control+Shift+L")
    window.get_by_role("button", name="flowkernel", exact=True).last.click()
    home = window.get_by_role("region", name="Home of flowkernel")
    yield "home", home.get_by_role("table").get_by_text("from IPython").first


def test_nothing_that_programs_wrote_runs_or_is_requested_or_asks_for_a_password(
    window, watch, panel, client, register, start, family
):
    token = EngineFile.read(panel.home).token
    register("form", HANDLER)
    register("asks", QUESTION)
    start("asks")
    using = [{"name": "interactive", "inputs": {}}]
    asking = {"flow": NAME, "using": using, "is_interactive": True, "run": True}
    client.start({**asking, "inputs": {"day": NAME}})

    for name, sight in places(window):
        expect(sight, name).to_be_visible(timeout=30_000)
        look(window, f"hostile-{name}")
        assert window.locator(FOREIGN).count() == 0, name
        assert window.title() != "1", name
        assert token not in window.content(), name

    assert watch.elsewhere(panel.url) == []
    assert watch.frames
    assert not [text for text in watch.frames if token in text]
    assert not [r.url for r in watch.requests if token in f"{r.url} {r.post_data}"]
    assert token not in window.evaluate(STORED)
    assert token not in panel.log.read_text("utf-8", "replace")
    for file in panel.settings.parent.rglob("*.jupyterlab-*"):
        assert token not in file.read_text()
