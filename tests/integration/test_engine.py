"""The engine as a process: once for each home, there when needed, gone when not."""

import io
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import httpx
import psutil
import pyarrow.ipc
import pytest

from flowkernel.client.client import Client
from flowkernel.client.engine_launcher import EngineState, inspect_engine
from flowkernel.core.errors import BadArgument, SqlRefused
from flowkernel.home import EngineFile
from tests.conftest import engines_of, kill_engine, until

RECORDED = {"source": {"name": "job", "kind": "SCRIPT", "source": "1"}, "run": False}


@pytest.mark.kernel
def test_twenty_clients_at_once_start_one_engine(own_home):
    with ThreadPoolExecutor(20) as pool:
        pids = list(
            pool.map(lambda _: Client(own_home).get("/engine")["pid"], range(20))
        )

    assert len(set(pids)) == 1
    assert len(engines_of(own_home)) == 1


def test_only_the_owner_of_the_home_can_read_the_token(client):
    mode = stat.S_IMODE(os.stat(client.home.engine_file).st_mode)

    assert mode == 0o600


def test_it_listens_on_loopback_alone(client):
    [engine] = engines_of(client.home)

    addresses = {c.laddr.ip for c in engine.net_connections() if c.status == "LISTEN"}

    assert addresses == {"127.0.0.1"}


@pytest.mark.kernel
def test_an_idle_engine_stops_and_nothing_is_lost(monkeypatch, own_home):
    monkeypatch.setenv("FLOWKERNEL_IDLE_EXIT", "0.5")
    client = Client(own_home)
    execution = client.start(RECORDED)

    until(lambda: not engines_of(own_home), description="no engine")

    assert inspect_engine(own_home) == (EngineState.NONE, None)
    assert client.get_execution(execution.execution_id).status == "PENDING"


def test_an_engine_that_has_ended_leaves_no_zombie(own_home):
    client = Client(own_home)
    pid = client.get("/engine")["pid"]

    client.post("/engine/stop", {})

    until(lambda: not psutil.pid_exists(pid), description="no process, also no zombie")


@pytest.mark.kernel
def test_an_engine_with_something_under_way_is_stopped_only_by_force(own_home):
    client = Client(own_home)
    sleeping = {"name": "job", "kind": "SCRIPT", "source": "this.sleep(600)"}
    execution = client.start({"source": sleeping})
    [process] = engines_of(own_home)

    with pytest.raises(BadArgument, match="1 execution"):
        client.post("/engine/stop", {"force": False})
    client.post("/engine/stop", {"force": True})

    psutil.wait_procs([process], timeout=10)
    assert client.get_execution(execution.execution_id).status == "ENDED_CANCELLED"


@pytest.mark.kernel
def test_a_watcher_that_was_away_misses_nothing_even_over_a_kill(own_home):
    client = Client(own_home)
    ids = [client.start(RECORDED).execution_id for _ in range(3)]
    events = [e for e in islice(client.events(0), 3) if e]
    kill_engine(own_home)
    ids.append(client.start(RECORDED).execution_id)

    stream = (e for e in client.events(events[-1].seq) if e)
    events += islice(stream, 4 - len(events))

    assert [e.execution_id for e in events] == ids


def test_the_stream_of_one_family_has_no_other(client):
    client.start(RECORDED)
    execution = client.start(RECORDED)
    client.act(execution.execution_id, "cancel")

    stream = (e for e in client.events(0, root_id=execution.root_id) if e)

    assert [(e.execution_id, e.kind) for e in islice(stream, 2)] == [
        (execution.execution_id, "created"),
        (execution.execution_id, "ended"),
    ]


def test_sql_answers_in_json_and_in_arrow(client):
    query = "select 1 as n, 'ü' as s union all select 2, null order by n"

    answer = client.sql(query)
    content = client.post("/sql", {"sql": query, "format": "arrow"})

    assert answer["rows"] == [[1, "ü"], [2, None]]
    table = pyarrow.ipc.open_stream(io.BytesIO(content)).read_all()
    assert table.to_pydict() == {"n": [1, 2], "s": ["ü", None]}


@pytest.mark.parametrize(
    "query",
    [
        "delete from event",
        "with x as (delete from execution returning *) select * from x",
        "attach '/tmp/other.duckdb'",
        "select * from read_text('/etc/passwd')",
        "copy event to '/tmp/events.csv'",
        "set memory_limit = '1GB'",
        "select 1; select 2",
    ],
)
def test_sql_only_reads(client, query):
    with pytest.raises(SqlRefused):
        client.sql(query)


def test_a_backup_made_while_running_can_be_opened(client):
    execution = client.start(RECORDED)

    path = client.post("/backup", {})["path"]

    code = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).sql(sys.argv[2]).fetchall())"
    query = (
        f"select status from execution where execution_id = '{execution.execution_id}'"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, path, query], capture_output=True, text=True
    )
    assert process.stdout == "[('PENDING',)]\n"


def test_the_same_id_again_starts_nothing_new(client):
    execution = client.start(RECORDED)

    same = client.start({**RECORDED, "execution_id": execution.execution_id})

    assert same == execution


def test_the_api_describes_itself(client):
    engine = EngineFile.read(client.home)

    description = httpx.get(
        f"{engine.url}/openapi.json",
        headers={"Authorization": f"Bearer {engine.token}"},
    ).json()

    assert "/api/latest/execution/{execution_id}/cancel" in description["paths"]


def test_a_list_leaves_out_what_is_archived_if_it_is_asked_to(client):
    """As the command and the magic ask; clients of older versions write `False`."""
    kept = client.start(RECORDED).execution_id
    archived = client.start(RECORDED).execution_id
    client.request("PATCH", f"/execution/{archived}", {"is_archived": True})

    def listed(**query):
        return {record["execution_id"] for record in client.get("/execution", **query)}

    for flag in (False, "False", "false"):
        assert listed(is_archived=flag) & {kept, archived} == {kept}
    for flag in (True, "True", "true"):
        assert listed(is_archived=flag) & {kept, archived} == {archived}
