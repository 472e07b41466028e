"""Every list comes in pages, bounded by rows and by bytes, and its end can be reached."""

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core.clock import new_id
from flowkernel.core.models import EventKind, Flow, FlowKind
from flowkernel.engine.api import pages
from flowkernel.engine.wrapper_registry import shipped
from flowkernel.home import EngineFile
from tests.conftest import a_home
from tests.stage import PlayedWorker, engine_in_process

RECORDED = {"source": {"name": "job", "kind": "CELL", "source": "1"}, "run": False}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    path = tmp_path_factory.mktemp("home")
    with a_home(path) as home, engine_in_process(home) as client:
        yield client


@pytest.fixture
def rest(client):
    engine = EngineFile.read(client.home)
    headers = {"Authorization": f"Bearer {engine.token}"}
    with httpx.Client(base_url=engine.url, headers=headers, timeout=30) as rest:
        yield rest


def follow(rest, path):
    """The pages of a list, as a client without any knowledge of it reads them."""
    response = rest.get(f"/api/latest{path}")
    read = [response.raise_for_status().json()]
    while link := response.headers.get("link"):
        next_path = re.fullmatch(r'<([^>]+)>; rel="next"', link)[1]
        response = rest.get(next_path)
        read.append(response.raise_for_status().json())
    return read


def items(read):
    return [item for page in read for item in page]


@pytest.fixture
def small_pages(monkeypatch):
    """Pages of 2,000 characters."""
    monkeypatch.setattr(pages, "MAX_PAGE", 2_000)
    monkeypatch.setattr(pages, "FIRST_ROWS", 3)


@pytest.fixture(scope="module")
def family(client):
    """A root with ten children, ten lines of log, ten cell runs and ten messages."""
    worker = PlayedWorker(client)
    client.start({**RECORDED, "run": True})
    root = worker.take()
    path = f"/execution/{root.execution_id}"
    for number in range(10):
        client.start(
            {**RECORDED, "parent_id": root.execution_id, "inputs": {"n": number}}
        )
        client.post(f"{path}/log", {"text": f"{number} " * 200})
        client.post(
            f"{path}/message", {"subject": f"{number}", "wait": number % 2 == 0}
        )
        worker.report(root, EventKind.CELL_STARTED, cell_run_id=new_id(), cell_id=f"c{number}",
            cell_index=number, source_hash="0" * 64,
        )  # fmt: skip
    return root.execution_id


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/execution", "execution_id"),
        ("/execution?parent_id={id}", "inputs"),
        ("/execution/{id}/log", "seq"),
        ("/execution/{id}/cell_run", "cell_index"),
        ("/message", "message_id"),
        ("/message?is_open=true", "message_id"),
    ],
)
def test_the_pages_of_a_list_are_the_list(rest, family, monkeypatch, path, field):
    path = path.format(id=family)
    read = follow(rest, path)
    by_twos = follow(rest, path + ("&" if "?" in path else "?") + "limit=2")
    monkeypatch.setattr(pages, "MAX_PAGE", 10**9)
    [everything] = follow(rest, path + ("&" if "?" in path else "?") + "limit=10000")

    assert len(everything) >= 5
    assert len(read) > 1
    assert items(read) == items(by_twos) == everything
    assert len({str(item[field]) for item in everything}) == len(everything)
    assert all(len(page) <= 2 for page in by_twos)


@pytest.mark.usefixtures("small_pages")
def test_the_pages_of_a_tree_are_the_tree(client, rest, family):
    read = follow(rest, f"/execution/{family}/tree")
    tree = client.tree(family)

    ids = [e["execution_id"] for page in read for e in page["executions"]]
    assert len(read) > 3
    assert ids[0] == family
    assert len(ids) == len(set(ids)) == 11
    assert [e["execution_id"] for e in tree["executions"]] == ids
    assert tree["cursor"] <= read[0]["cursor"]


@pytest.mark.usefixtures("small_pages")
def test_the_ancestors_come_in_pages(client, rest):
    id_ = None
    for _ in range(8):
        id_ = client.start({**RECORDED, "parent_id": id_}).execution_id

    read = follow(rest, f"/execution/{id_}/ancestors")

    assert len(read) > 1
    assert [e["depth"] for e in items(read)] == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.usefixtures("small_pages")
def test_the_client_reads_all_pages(client, rest, family):
    assert len(client.log(family)) == 10
    assert [run.cell_index for run in client.cell_runs(family)] == list(range(10))
    assert len(client.list_executions(parent_id=family)) == 10
    assert len(client.list_executions(parent_id=family, limit=7)) == 7
    assert len(client.get_list("/message", limit=9)) == 9


def test_a_list_of_flows_has_no_sources(client, rest):
    for number in range(5):
        source = f"{number}" * 1_000_000
        client.register(
            Flow(name=f"large {number}", kind=FlowKind.SCRIPT, source=source)
        )

    response = rest.get("/api/latest/flow")
    by_twos = follow(rest, "/flow?limit=2")

    assert len(response.content) < 10_000
    assert [flow["source"] for flow in response.json()] == [None] * 5
    assert items(by_twos) == response.json()
    assert [flow.name for flow in client.list_flows()] == [
        f"large {n}" for n in range(5)
    ]
    assert client.get_flow("large 3").source == "3" * 1_000_000


def test_a_list_of_flows_is_no_flow_that_could_be_registered(client, rest):
    client.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
    [record] = [r for r in rest.get("/api/latest/flow").json() if r["name"] == "f"]

    response = rest.post("/api/latest/flow", json=record)

    assert (response.status_code, response.json()["code"]) == (400, "BadArgument")
    assert "source is null; it should be a valid string" in response.json()["message"]


def test_a_cursor_of_nothing_is_refused(rest, family):
    for path in ("/execution", "/message", f"/execution/{family}/tree"):
        response = rest.get(f"/api/latest{path}?cursor={new_id()}")

        assert response.status_code == 404, path
    assert rest.get(f"/api/latest/execution/{family}/cell_run?cursor=99").json() == []
    assert rest.get("/api/latest/flow?cursor=zzzz").json() == []


class Text(str):
    """A row that is its own JSON."""

    def to_json(self):
        return str(self)


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 70), st.integers(1, 9))
def test_pages_leave_nothing_out_whatever_the_sizes(sizes, limit, first_rows):
    rows = [Text("x" * size) for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "MAX_PAGE", 100)
        patch.setattr(pages, "FIRST_ROWS", first_rows)
        position, texts, count = 0, [], 0
        while position is not None:
            page = pages.read_page(
                lambda start, count: rows[start : start + count],
                pages.next_number,
                start=position,
                limit=limit,
            )
            assert len(page.texts) <= limit
            assert page.size <= 100 or len(page.texts) == 1
            texts += page.texts
            position, count = page.next, count + 1
            assert count < 100

    assert texts == [f'"{row}"' for row in rows]


def test_a_line_of_log_that_is_sent_twice_is_there_once(client):
    execution = client.start(RECORDED)
    path = f"/execution/{execution.execution_id}/log"
    body = {"event_id": new_id(), "text": "a\n"}

    client.post(path, body)
    client.post(path, body)
    client.post(path, {"text": "a\n"})

    assert len(client.log(execution.execution_id)) == 2


def test_a_start_of_a_recorded_run_that_is_sent_twice_is_answered_twice(client):
    execution = client.start(RECORDED)
    path, body = f"/execution/{execution.execution_id}/run", {"event_id": new_id()}

    first, second = client.post(path, body), client.post(path, body)

    assert first["status"] == "QUEUED"
    assert second["execution_id"] == execution.execution_id


def test_wrappers_come_in_pages_with_what_a_form_needs(rest):
    wrappers = items(follow(rest, "/wrapper?limit=2"))

    assert [wrapper["name"] for wrapper in wrappers] == sorted(shipped())
    assert all(wrapper["description"] for wrapper in wrappers)
