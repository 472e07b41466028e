"""The panel's routes in a real Jupyter Server, with a real engine behind it."""

import http.client
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import websocket

from flowkernel.core.models import EventKind
from flowkernel.flow_api import Execution
from flowkernel.home import EngineFile
from flowkernel.server_extension.panel_handler import MAX_BODY
from flowkernel.server_extension.panel_routes import ROUTES
from tests.conftest import a_home, until
from tests.jupyter import BASE_URL, TOKEN, jupyter_server
from tests.stage import PlayedWorker, engine_and_client

pytestmark = pytest.mark.kernel

ID = "01a2205a-56ec-7071-999e-be159fcdf789"
FLOW = {"name": "f", "kind": "CELL", "source": "x = 1"}
METHODS = ("GET", "POST", "PATCH", "DELETE")


def paths():
    """A path of each route."""
    for pattern, _handler in ROUTES:
        yield (
            pattern.replace("([0-9a-f-]{36})", ID)
            .replace("([0-9]{1,6})", "0")
            .replace("(.*)", "execution")
        )


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """The home, the engine in this process, and the server."""
    path = tmp_path_factory.mktemp("shown")
    with (
        a_home(path) as home,
        engine_and_client(home) as (engine, client),
        jupyter_server(path) as server,
    ):
        client.post("/flow", FLOW)
        yield home, engine, client, server
        assert EngineFile.read(home).token not in server.log


@pytest.fixture
def engine(stage):
    return stage[1]


@pytest.fixture
def engine_client(stage):
    return stage[2]


@pytest.fixture
def server(stage):
    return stage[3]


@pytest.fixture
def page(stage):
    """Sends requests as a page does; no response has the engine's token."""
    home, _engine, _client, server = stage
    token = EngineFile.read(home).token

    def check(response):
        response.read()
        assert token not in response.text
        assert token not in str(response.headers)

    with server.client() as page:
        page.event_hooks["response"].append(check)
        yield page


def new_execution(page, **fields):
    reply = page.post("/api/execution", json={"flow": "f", "run": False, **fields})
    assert reply.status_code == 201, reply.text
    return reply.json()


@pytest.mark.parametrize("path", list(paths()))
def test_who_is_not_logged_in_gets_nothing(server, path):
    with server.client(token=None) as stranger, server.client("wrong") as other:
        for client in (stranger, other):
            for method in METHODS:
                status = client.request(method, f"/{path}").status_code
                assert status in (403, 405), (method, path)


def test_a_websocket_of_a_stranger_is_refused(server):
    address = f"{server.url.replace('http', 'ws', 1)}/flowkernel/changes"

    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(address, http_no_proxy=["127.0.0.1"])


def test_a_websocket_from_another_page_is_refused(server):
    address = f"{server.url.replace('http', 'ws', 1)}/flowkernel/changes"
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        browser.get(f"{server.url}/tree?token={TOKEN}")
        cookies = "; ".join(
            f"{name}={value}" for name, value in browser.cookies.items()
        )

    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(
            address,
            cookie=cookies,
            origin="http://evil.example",
            http_no_proxy=["127.0.0.1"],
        )


def test_who_comes_with_a_cookie_needs_the_xsrf_token(server):
    with httpx.Client(
        base_url=f"{server.url}/", trust_env=False, follow_redirects=True
    ) as browser:
        browser.get(f"api/status?token={TOKEN}")
        browser.get(f"login?token={TOKEN}")
        body = {"flow": "f", "run": False}
        assert browser.get("flowkernel/engine").status_code == 200

        refused = browser.post("flowkernel/api/execution", json=body)
        headers = {"X-XSRFToken": browser.cookies.get("_xsrf", "")}
        done = browser.post("flowkernel/api/execution", json=body, headers=headers)

    assert refused.status_code == 403
    assert refused.json()["code"] == "ServerRefused"
    assert done.status_code == 201, done.text


def test_the_state_of_the_engine_has_the_name_of_the_person(page, stage):
    state = page.get("/engine").json()

    assert state["state"] == "ready"
    assert state["home"] == str(stage[0].path)
    assert state["person"]
    assert not state["person"].startswith("Anonymous")


def test_lists_come_through_with_links_under_the_base_url(page):
    ids = {new_execution(page)["execution_id"] for _ in range(3)}

    first = page.get("/api/execution?limit=1&1764300000000")
    [link] = first.links.values()
    second = page.get(link["url"].removeprefix(f"{BASE_URL}flowkernel"))

    assert link["url"].startswith(f"{BASE_URL}flowkernel/api/execution?")
    assert {first.json()[0]["execution_id"], second.json()[0]["execution_id"]} <= ids


def test_the_server_says_who_starts(page):
    execution = new_execution(page, started_by="mallory")

    assert execution["started_by"].endswith(" (panel)")
    assert "mallory" not in execution["started_by"]


def test_what_the_panel_reads_by_itself_is_no_sign_of_a_person(page):
    id_ = new_execution(page)["execution_id"]
    before = page.get(f"/api/execution/{id_}/presence").json()["last"]

    rows = page.post("/api/sql", json={"sql": "SELECT 1"}).json()["rows"]

    assert rows == [[1]]
    assert page.get(f"/api/execution/{id_}/presence").json()["last"] == before
    assert before["channel"] == "panel"


def test_an_error_of_the_engine_comes_through(page):
    reply = page.get(f"/api/execution/{ID}")

    assert reply.status_code == 404
    assert reply.json()["code"] == "ExecutionNotFound"


@pytest.mark.parametrize("field", ["worker", "environ", "parent_id"])
def test_a_page_gets_no_tokens_of_workers(page, field):
    reply = page.post("/api/execution", json={"flow": "f", field: f"papermill-{ID}"})

    assert reply.status_code == 400
    assert "fkw_" not in reply.text


@pytest.mark.parametrize(
    "path",
    [
        "api/../../api/contents",
        "api/worker/x/poll",
        "api/%2e%2e/engine",
        "api/flow/..%2f..%2fengine%2fstop",
        "api//evil.example/x",
        "api/http://evil.example/",
        "api/flow/%00",
        "api/flow/%0d%0aX-Evil:%201",
        "api/flow/%ff%fe",
        "api/execution/change/stream",
        "api/openapi.json",
        "api/engine/stop",
        "api/" + "a" * 3_000,
    ],
)
def test_a_hostile_path_does_not_reach_the_engine(server, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with closing(connection):
        address = f"{BASE_URL}flowkernel/{path}"
        headers = {"Authorization": f"token {TOKEN}"}
        connection.putrequest("GET", address, skip_host=False)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        assert response.status in (400, 404, 405), response.read()
        assert response.getheader("X-Evil") is None


def test_a_body_that_is_too_large_is_refused_with_a_sentence(page):
    reply = page.post("/api/execution", content=b"x" * (MAX_BODY + 1))

    assert reply.status_code == 413
    assert reply.json()["code"] == "ValueTooBig"


def test_a_fault_in_a_body_is_no_fault_of_the_server(page):
    for content in (b"[]", b"{", b"\xff", b'{"flow": 3}'):
        reply = page.post("/api/execution", content=content)
        assert reply.status_code == 400
        assert reply.json()["message"].endswith(".")


def test_windows_share_one_stream_and_get_the_same(server, engine, page):
    with server.window() as first, server.window() as second:
        first.next("start")
        second.next("start")
        id_ = new_execution(page)["execution_id"]

        assert first.change_of(id_) == second.change_of(id_)
        assert engine.streams.changes.watchers == 1
        assert engine.streams.changes.active_watchers == 0


def test_a_window_that_comes_back_gets_what_it_missed_once(server, page):
    with server.window() as stays:
        with server.window() as leaves:
            new = new_execution(page)["execution_id"]
            leaves.change_of(new)
        stays.change_of(new)
        missed = [new_execution(page)["execution_id"] for _ in range(3)]
        last = stays.next("changes")
        while last["changes"][-1]["execution"]["execution_id"] != missed[-1]:
            last = stays.next("changes")
        with server.window(last["seq"]) as again:
            id_ = new_execution(page)["execution_id"]
            [change] = again.next("changes")["changes"]
            assert change["execution"]["execution_id"] == id_


def test_an_event_reaches_a_window_within_200_ms(server, page):
    seconds = []
    with server.window() as window:
        window.next("start")
        for _ in range(5):
            execution = new_execution(page)
            window.change_of(execution["execution_id"])
            happened_at = datetime.fromisoformat(execution["created_at"])
            seconds.append((datetime.now(UTC) - happened_at).total_seconds())

    assert sorted(seconds)[2] < 0.2  # The engine collects rows for 0.1 s.


def test_a_window_that_reads_nothing_costs_the_others_nothing(server, page):
    """When it reads, it gets the newest row; how many before it, is a test of the feed."""
    id_ = new_execution(page)["execution_id"]
    with server.window() as slow, server.window() as quick:
        slow.next("start")
        quick.next("start")
        for number in range(30):
            page.patch(f"/api/execution/{id_}", json={"name": f"n{number}"})
        while quick.change_of(id_)["name"] != "n29":
            pass
        names = [slow.change_of(id_)["name"]]
        while names[-1] != "n29":
            names.append(slow.change_of(id_)["name"])
    assert len(names) == len(set(names))


def test_what_is_deleted_is_said(server, page, engine_client):
    with server.window() as window:
        window.next("start")
        id_ = new_execution(page)["execution_id"]
        engine_client.act(id_, "cancel")
        window.change_of(id_, "ENDED_CANCELLED")
        assert page.delete(f"/api/execution/{id_}").status_code == 200
        changes = window.next("changes")["changes"]

    assert {"removed": [id_]} in changes


def test_a_file_is_run_and_registered_under_its_name(page, stage):
    (stage[0].path.parent / "report.py").write_text(
        "def handler(system, this, day: str): pass\n"
    )

    signature = page.get("/file/signature", params={"path": "report.py"}).json()
    body = {"path": "report.py", "inputs": {"day": "x"}, "name": "today"}
    started = page.post("/file/run", json=body)
    flow = page.post("/file/register", json={"path": "report.py", "name": "daily"})

    assert signature["problem"] is None
    [day] = signature["parameters"]
    assert (day["name"], day["element"]) == ("day", {"element": "string"})
    assert started.status_code == 201, started.text
    assert started.json()["name"] == "today"
    assert started.json()["started_by"].endswith(" (panel)")
    assert flow.json()["name"] == "daily"


def test_a_file_that_cannot_run_says_why(page):
    signature = page.get("/file/signature", params={"path": "missing.ipynb"}).json()

    assert "missing.ipynb" in signature["problem"]


@pytest.mark.parametrize(
    "path", ["../x.py", "/etc/passwd", "a/../../x.py", ".flowkernel/x.py", ""]
)
def test_a_path_out_of_the_folder_is_refused(page, path):
    for reply in (
        page.get("/file/signature", params={"path": path}),
        page.post("/file/run", json={"path": path}),
        page.post("/file/register", json={"path": path, "name": "x"}),
    ):
        assert reply.status_code in (400, 404), reply.text
        assert "passwd" not in reply.text or path in reply.text


def test_a_run_without_a_notebook_says_so(page):
    id_ = new_execution(page)["execution_id"]

    for reply in (page.get(f"/notebook/{id_}"), page.post(f"/notebook/{id_}/copy")):
        assert reply.status_code == 404
        assert reply.json()["code"] == "FileMissing"
    assert page.post(f"/attach/{id_}").status_code == 409


def test_an_output_notebook_comes_cell_by_cell_and_is_cut(
    page, stage, engine_client, held_id
):
    home, id_ = stage[0], held_id
    text = "line\n" * 200_000
    path = home.path / engine_client.get_execution(id_).notebook_path
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(notebook_with(text)))

    view = page.get(f"/notebook/{id_}").json()
    reply = page.get(f"/notebook/{id_}/cell/0")
    whole = reply.json()
    same = page.get(f"/notebook/{id_}", params={"after": view["etag"]})
    copy = page.post(f"/notebook/{id_}/copy")

    assert view["cells"][0]["is_cut"]
    assert view["cells"][0]["bytes"] > 1_000_000
    assert len(view["cells"][0]["outputs"][0]["text"]) <= 256 * 1024
    assert whole["outputs"][0]["text"] == text
    assert "etag" not in reply.headers  # Which is a hash of all of it.
    assert same.status_code == 304
    assert (home.path.parent / copy.json()["path"]).exists()


def notebook_with(text):
    output = {"output_type": "stream", "name": "stdout", "text": text}
    cell = {"cell_type": "code", "id": "a", "source": "1", "outputs": [output]}
    cell |= {"metadata": {}, "execution_count": 1}
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture(scope="module")
def worker(stage):
    """The one worker of the engine: whatever is started is given to it."""
    return PlayedWorker(stage[2])


@pytest.fixture
def held_id(page, worker):
    """The id of an execution that the worker has."""
    id_ = new_execution(page, run=True)["execution_id"]
    until(lambda: worker.poll() and id_ in worker.holding)
    return id_


def test_what_failed_is_listed_from_a_moment_on(page, engine_client, worker, held_id):
    failed = Execution(engine_client, held_id)
    worker.report(failed, EventKind.ENDED, status="ENDED_ERROR")
    ended_at = engine_client.get_execution(held_id).ended_at

    since = (ended_at - timedelta(minutes=1)).isoformat()
    home = page.get("/summary/home", params={"since": since}).json()
    since = (ended_at + timedelta(minutes=1)).isoformat()
    later = page.get("/summary/home", params={"since": since}).json()

    [ended] = [
        row["ended_at"] for row in home["failed"] if row["execution_id"] == held_id
    ]
    assert ended.endswith("Z")
    assert later == {"failed": []}


def test_summaries_count_what_there_is(page):
    new_execution(page, name="for the summary")

    flows = page.get("/summary/flows").json()
    charts = page.get("/summary/charts", params={"days": 7}).json()

    [flow] = [flow for flow in flows if flow["flow_name"] == "f"]
    assert len(flow["runs"]) <= 20
    assert flow["last_status"] == flow["runs"][-1]["status"]
    assert any(day["flow_name"] == "f" for day in charts["days"])


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("summary/charts", {"days": "0"}),
        ("summary/charts", {"days": "1; DROP"}),
        ("summary/home", {"since": "' OR 1=1"}),
        ("summary/home", {"since": "2026-01-01T00:00:00"}),
    ],
)
def test_a_wrong_period_is_refused_with_a_sentence(page, path, parameters):
    reply = page.get(f"/{path}", params=parameters)

    assert reply.status_code == 400
    assert reply.json()["code"] == "BadArgument"
