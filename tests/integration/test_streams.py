"""The streams over HTTP: what a client gets, whatever becomes of its connection."""

import threading
from contextlib import contextmanager, suppress

import httpx
import pytest

from flowkernel.client.client import Client
from flowkernel.core.clock import new_id
from flowkernel.core.models import Event
from flowkernel.engine.streams.row_changes import ChangeSelection
from flowkernel.home import EngineFile
from tests.conftest import a_home, engines_of, kill_engine, until
from tests.sse import sent_events
from tests.stage import engine_in_process
from tests.unit.test_change_stream import Watcher

FLOW = {"name": "f", "kind": "CELL", "source": "x = 1"}
WATCHERS = 50


def rest_of(home):
    """Talks to the engine of a home, with its token."""
    engine = EngineFile.read(home)
    headers = {"Authorization": f"Bearer {engine.token}"}
    return httpx.Client(
        base_url=f"{engine.url}/api/latest", headers=headers, timeout=30
    )


@pytest.fixture(scope="module")
def rest(tmp_path_factory):
    path = tmp_path_factory.mktemp("home")
    with a_home(path) as home, engine_in_process(home), rest_of(home) as rest:
        assert rest.post("/flow", json=FLOW).status_code == 200
        yield rest


def new_execution(rest, **fields):
    reply = rest.post("/execution", json={"flow": "f", "run": False, **fields})
    assert reply.status_code == 201, reply.text
    return reply.json()["execution_id"]


@contextmanager
def stream(rest, path, **headers):
    """The frames of a stream, one after the other."""

    def frames(response):
        received = b""
        for piece in response.iter_bytes():
            received += piece
            whole, _, received = received.rpartition(b"\n\n")
            if whole:
                yield from sent_events(whole + b"\n\n")

    with rest.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield frames(response)


def last_seq(rest):
    return rest.get("/engine").json()["last_seq"]


def test_a_stream_tells_a_browser_when_and_from_where_to_connect_again(rest):
    new_execution(rest)
    seq = last_seq(rest)

    with rest.stream("GET", "/event") as response:
        lines = response.iter_lines()
        hello = [next(lines) for _ in range(3)]
    assert hello == [": hello", "retry: 1000", f"id: {seq}"]


def test_without_a_cursor_the_events_begin_now(rest):
    new_execution(rest)

    with stream(rest, "/event") as frames:
        assert next(frames).data is None
        execution_id = new_execution(rest)
        assert next(frames).data["execution_id"] == execution_id


@pytest.mark.parametrize(
    "path", ["/event?cursor={0}", "/execution/change/stream?after_seq={0}"]
)
def test_the_last_id_of_a_client_counts_more_than_the_address(rest, path):
    before = last_seq(rest)
    new_execution(rest)
    middle = last_seq(rest)
    execution_id = new_execution(rest)

    headers = {"Last-Event-ID": str(middle)}
    with stream(rest, path.format(before), **headers) as frames:
        first = next(frame for frame in frames if len(frame.data or {}) > 2)

    assert execution_id in str(first.data)
    assert first.id == middle + 1


def test_a_last_id_that_is_no_number_is_refused(rest):
    reply = rest.get("/event", headers={"Last-Event-ID": "x"})

    assert reply.status_code == 400
    assert 'Last-Event-ID is "x"' in reply.json()["message"]


def test_a_page_of_changes_has_rows_and_where_to_go_on(rest):
    before = last_seq(rest)
    execution_id = new_execution(rest, inputs={"secret": "x" * 1_000})
    rest.patch(f"/execution/{execution_id}", json={"name": "renamed"})

    page = rest.get(f"/execution/change?after_seq={before}").json()

    [change] = page["changes"]
    assert change["execution"]["name"] == "renamed"
    assert change["seq"] == page["seq"] == last_seq(rest)
    assert page["is_complete"] is True
    assert "inputs" not in change["execution"]
    assert (
        rest.get(f"/execution/change?after_seq={page['seq']}").json()["changes"] == []
    )
    assert rest.get("/execution/change").json()["seq"] == page["seq"]


def test_filters_give_the_rows_of_a_family_a_parent_or_a_status(rest):
    before = last_seq(rest)
    parent = new_execution(rest)
    child = new_execution(rest, parent_id=parent)
    other = new_execution(rest)

    def ids(**query):
        page = rest.get(
            "/execution/change", params={"after_seq": before, **query}
        ).json()
        return [
            change["execution"]["execution_id"] if "execution" in change else change
            for change in page["changes"]
        ]

    assert ids() == [parent, child, other]
    assert ids(root_id=parent) == [parent, child]
    assert ids(parent_id=parent) == [child]
    assert ids(status="PENDING") == [parent, child, other]
    rest.post(f"/execution/{other}/cancel", json={})
    left = [change["left"] for change in ids(status="PENDING") if "left" in change]
    assert left == [other]


def test_what_was_deleted_is_told(rest):
    execution_id = new_execution(rest)
    rest.post(f"/execution/{execution_id}/cancel", json={})
    before = last_seq(rest)

    with stream(rest, f"/execution/change/stream?after_seq={before}") as frames:
        assert next(frames).data["seq"] == before
        assert rest.delete(f"/execution/{execution_id}").status_code == 200
        assert next(frames).data == {"removed": [execution_id]}
    page = rest.get(f"/execution/change?after_seq={before}").json()
    assert (page["removed"], page["changes"]) == ([execution_id], [])


def test_a_stream_has_no_head(rest):
    assert rest.head("/execution/change/stream").status_code == 405
    assert rest.put("/execution/change/stream").headers["allow"] == "GET, OPTIONS"


@pytest.mark.kernel
@pytest.mark.parametrize("path", ["/execution/change/stream", "/event?is_passive=true"])
def test_a_passive_watcher_keeps_no_engine_up_and_its_stream_ends_well(
    own_home, monkeypatch, path
):
    monkeypatch.setenv("FLOWKERNEL_IDLE_EXIT", "1")
    Client(own_home, started_by="test").get("/engine")

    with rest_of(own_home) as rest, stream(rest, path) as frames:
        everything = [*frames]  # Ends without an error.

    assert everything[0].id == 0
    until(lambda: not engines_of(own_home))


class Follower(threading.Thread):
    """A client that follows, and connects again, to whatever engine there is."""

    def __init__(self, home, path):
        super().__init__(daemon=True)
        self.home, self.path = home, path
        self.watcher = Watcher(ChangeSelection())
        self.seqs = []
        self.is_over = threading.Event()
        self.connections = 0

    def run(self):
        while not self.is_over.is_set():
            with suppress(httpx.HTTPError, AttributeError), rest_of(self.home) as rest:
                headers = {"Last-Event-ID": str(self.watcher.last_id)}
                with stream(rest, self.path, **headers) as frames:
                    self.connections += 1
                    self._read(frames)
            self.is_over.wait(0.05)

    def _read(self, frames):
        for frame in frames:
            if frame.data and "event_id" in frame.data:
                self.seqs.append(Event.from_json(frame.data).seq)
            self.watcher.apply(frame)
            if self.is_over.is_set():
                return


@pytest.mark.kernel
def test_watchers_go_on_behind_their_last_id_when_the_engine_is_killed(own_home):
    client = Client(own_home, started_by="test")
    client.post("/flow", FLOW)
    paths = ["/execution/change/stream", "/event"]
    followers = [Follower(own_home, paths[n % 2]) for n in range(WATCHERS)]
    for follower in followers:
        follower.start()
    ids = []

    def add(count):
        for _ in range(count):
            body = {"flow": "f", "run": False, "execution_id": new_id()}
            ids.append(client.post("/execution", body)["execution_id"])

    until(lambda: all(follower.connections for follower in followers))
    for _kill in range(2):
        add(15)
        kill_engine(own_home)
        add(15)
    client.post(f"/execution/{ids[0]}/cancel", {})
    last = client.get("/engine")["last_seq"]

    until(lambda: all(f.watcher.last_id == last for f in followers), seconds=60)
    for follower in followers:
        follower.is_over.set()
        if follower.path == "/event":
            assert follower.seqs == list(range(1, last + 1))
        else:
            assert set(follower.watcher.rows) == set(ids)
            assert follower.watcher.rows[ids[0]]["status"] == "ENDED_CANCELLED"
    assert min(follower.connections for follower in followers) > 1
    add(1)  # Wakes those who wait for a frame.
    for follower in followers:
        follower.join(10)
