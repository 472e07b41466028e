"""The store as a file: what is acknowledged is there after a close, a kill, a migration."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument, EngineFault
from flowkernel.core.models import (
    Event,
    EventKind,
    Flow,
    FlowKind,
    FlowVersion,
    RequestedAction,
)
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.store import Commit, SqlLimits, Store, sql_files
from tests.records import an_execution

S = ExecutionStatus
K = EventKind
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
VERSION_1 = Path(__file__).parents[1] / "files" / "store_v1.duckdb"
NEXT = len(sql_files.migrations()) + 2  #: The version that a next migration leads to.
ADD_COLUMN = {
    **sql_files.migrations(),
    NEXT: "ALTER TABLE execution ADD COLUMN mood VARCHAR; CREATE TABLE extra (a INTEGER)",
}

CREATE_EVENTS = """
import logging, os, resource, sys, threading
from flowkernel.core.clock import new_id, now
from flowkernel.core.errors import EngineError
from flowkernel.core.models import Event, EventKind, Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.store import Store

def created_event(size):
    id_ = new_id()
    execution = Execution(
        execution_id=id_, root_id=id_, type="FLOW", flow_name="f", flow_version="v",
        name="n", status=ExecutionStatus.PENDING, created_at=now(),
        inputs={"a": os.urandom(size).hex()},
    )
    return Event(
        event_id=new_id(), execution_id=id_, kind=EventKind.CREATED, happened_at=now(),
        payload=execution.to_json(),
    )
"""
RECORD_ENDLESSLY = """
store = Store(sys.argv[1])

def record():
    while True:
        (event,) = store.append([created_event(10)])
        os.write(1, event.execution_id.encode() + b"\\n")

for _ in range(4):
    threading.Thread(target=record).start()
"""
RECORD_OVER_THE_LIMIT = """
from flowkernel.store import projector
limit, allowed, expected = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
projector.MAX_BACKLOG = allowed
warned = []
logging.getLogger("flowkernel.store.projector").addFilter(
    lambda r: bool(warned.append(r.getMessage()))
)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
refused = []
with Store(sys.argv[1]) as store:
    for number in range(60):
        try:
            id_ = store.append([created_event(200_000)])[0].execution_id
            print(id_)
        except EngineError as error:
            refused.append(str(error))
        assert store.get_execution(id_).execution_id == id_
        if refused or expected == "checkpoint":
            store.list_executions(limit=1)  # Reads what the tables have.
        if len(refused) == 5 or number == 55:
            resource.setrlimit(resource.RLIMIT_FSIZE, [resource.RLIM_INFINITY] * 2)
gave_up = any("gave the file up" in message for message in warned)
match expected:
    case "journal":
        assert len(refused) == 5 and "journal" in refused[0], refused
    case "checkpoint":
        assert refused == [] and gave_up, (refused, warned)
    case "bounded":
        assert 5 <= len(refused) < 10 and "wait in the journal" in refused[0], refused
"""


def make_event(execution_id: str, kind: K, /, **payload: object) -> Event:
    return Event(
        event_id=new_id(),
        execution_id=execution_id,
        kind=kind,
        happened_at=NOON,
        payload=payload,
    )


def created_event() -> Event:
    execution = an_execution(status=S.PENDING, inputs={"n": 10**30})
    return make_event(execution.execution_id, K.CREATED, **execution.to_json())


def running_with_a_cell() -> list[Event]:
    created = created_event()
    cell = {
        "cell_run_id": new_id(),
        "cell_id": "a",
        "cell_index": 0,
        "source_hash": "h",
    }
    return [
        created,
        make_event(created.execution_id, K.QUEUED),
        make_event(created.execution_id, K.STARTED, worker="w1"),
        make_event(created.execution_id, K.CELL_STARTED, **cell),
        make_event(created.execution_id, K.LOGGED, stream="stdout", text="hello"),
    ]


def write_version_1(path: Path) -> None:
    """How tests/files/store_v1.duckdb was made. It is never made again.

    Afterwards its blocks were made smaller, to keep the repository small: ATTACH it and a
    new file with (BLOCK_SIZE 16384), then COPY FROM DATABASE.
    """
    message = {
        "message_id": new_id(),
        "subject": "s",
        "message": "m",
        "message_type": "INFO",
    }
    flow = Flow(name="report", kind=FlowKind.CELL, source="1", flow_version="v1")
    version = FlowVersion(
        flow_version="v1", flow_name="report", kind=FlowKind.CELL, source="1"
    )
    with Store(path) as store:
        store.save_flow(replace(flow, registered_at=NOON))
        store.save_version(version)
        first, second = running_with_a_cell(), running_with_a_cell()
        store.append([*first, *second])
        id_ = second[0].execution_id
        store.append(
            [
                make_event(id_, K.MESSAGE_SENT, **message),
                make_event(id_, K.OUTPUT_SET, output={"": [1, None, "ü"]}),
                make_event(id_, K.ENDED, status=S.ENDED_SUCCESS),
            ]
        )


def run(code: str, *args: object) -> str:
    """What a separate Python process prints."""
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "my 'odd' store.duckdb"


def test_everything_is_there_after_reopening(path):
    events = running_with_a_cell()
    with Store(path) as store:
        recorded = store.append(events)
        store.save_flow(Flow(name="report", kind=FlowKind.CELL, source="1"))
        expected = (dict(store.live), store.last_seq, store.list_flows())

    with Store(path) as store:
        assert (dict(store.live), store.last_seq, store.list_flows()) == expected
        assert store.events_after(0).events[:4] == recorded[:4]
        assert store.append(events[:4]) == []
        store.append([make_event(events[0].execution_id, K.LOST)])
        (run,) = store.cell_runs(events[0].execution_id)
        assert run.status is CellStatus.LOST


def test_many_callers_share_commits(path):
    commits: list[Commit] = []
    together = threading.Barrier(64)

    def record(_: int) -> str:
        together.wait()
        return store.append([created_event()])[0].execution_id

    with Store(path) as store, ThreadPoolExecutor(64) as threads:
        store.follow(commits.append)
        ids = list(threads.map(record, range(64)))

    with Store(path) as store:
        assert set(store.live) == set(ids)
    assert len(commits) < 64
    assert [e.seq for commit in commits for e in commit.events] == list(range(1, 65))


def test_a_refusal_does_not_affect_other_requests(path):
    """Refused and accepted calls share commits."""
    with Store(path) as store, ThreadPoolExecutor(16) as threads:
        (created,) = store.append([created_event()])
        end = [
            make_event(created.execution_id, K.QUEUED),
            make_event(created.execution_id, K.ENDED, status=S.ENDED_CANCELLED),
        ]
        creations = [threads.submit(store.append, [created_event()]) for _ in range(30)]
        endings = [
            threads.submit(store.append, [replace(e, event_id=new_id()) for e in end])
            for _ in range(30)
        ]
        assert all(len(creation.result()) == 1 for creation in creations)
        assert sum(ending.exception() is None for ending in endings) == 1


def test_what_was_acknowledged_survives_a_kill(path):
    command = [sys.executable, "-c", CREATE_EVENTS + RECORD_ENDLESSLY, str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    printed = [child.stdout.readline() for _ in range(200)]

    os.kill(child.pid, signal.SIGKILL)
    printed += child.stdout.readlines()
    child.wait()
    child.stdout.close()

    with Store(path) as store:
        assert {line.strip() for line in printed} <= set(store.live)
        expected = dict(store.live)
        store.rebuild()
        assert dict(store.live) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.kernel
@pytest.mark.parametrize(
    ("limit", "allowed", "expected"),
    [
        (5_000_000, 2**26, "journal"),  # The journal cannot grow: callers get an error.
        (18_500_000, 2**26, "checkpoint"),  # It fails after a commit that is durable.
        (18_500_000, 2_000_000, "bounded"),  # Only so much may wait for the tables.
    ],
)
def test_files_that_cannot_grow_lose_nothing_that_was_acknowledged(
    path, limit, allowed, expected
):
    printed = run(
        CREATE_EVENTS + RECORD_OVER_THE_LIMIT, path, limit, allowed, expected
    ).split()

    with Store(path) as store:
        assert set(store.live) == set(printed)
        assert (
            store.last_seq
            == len(printed)
            == len(store.events_after(0, max_bytes=2**40).events)
        )


def test_only_one_process_can_open_the_file(path):
    with Store(path):
        output = run(
            "import sys; from flowkernel.store import Store\n"
            "try: Store(sys.argv[1])\nexcept Exception as e: print(repr(e))",
            path,
        )

    assert "EngineFault" in output
    assert "another process has it open" in output


def test_a_backup_is_a_complete_store(path, tmp_path):
    folder = tmp_path / "backup"
    folder.mkdir()
    copy = folder / "it's a copy.duckdb"
    with Store(path, writable_folder=folder) as store:
        store.append(running_with_a_cell())
        store.backup(copy)
        store.append([created_event()])
        with pytest.raises(BadArgument, match="is there already"):
            store.backup(copy)
        with pytest.raises(BadArgument, match="only be written in"):
            store.backup(tmp_path / "elsewhere.duckdb")

        assert [item.name for item in folder.iterdir()] == [copy.name]
        output = run(
            "import sys; from flowkernel.store import Store\n"
            "with Store(sys.argv[1]) as s: print(len(s.live), s.last_seq)",
            copy,
        )

    assert output.split() == ["1", "5"]


def test_the_size_counts_the_write_ahead_log(path):
    with Store(path) as store:
        initial = store.size_bytes
        store.append([created_event()])
        store.list_executions()  # Writes what was acknowledged to the tables.

        assert 0 < initial < store.size_bytes


def test_a_file_of_version_1_opens_and_is_rebuilt(path):
    shutil.copy(VERSION_1, path)

    with Store(path) as store:
        running, ended = sorted(
            store.list_executions(), key=lambda e: e.status, reverse=True
        )
        tables = [store.list_messages(), store.cell_runs(ended.execution_id)]
        store.rebuild()

        assert (running.status, ended.status) == (S.RUNNING, S.ENDED_SUCCESS)
        assert (running.inputs, ended.output) == ({"n": 10**30}, {"": [1, None, "ü"]})
        assert store.get_execution(ended.execution_id) == ended
        assert [store.list_messages(), store.cell_runs(ended.execution_id)] == tables
        assert [event.payload["text"] for event in store.log(running.execution_id)] == [
            "hello"
        ]
        assert store.get_flow("report").source == store.get_version("v1").source == "1"


def test_a_column_of_an_older_file_gets_its_new_name(path):
    """`asked` is `requested_action`, in the tables and in the events."""
    shutil.copy(VERSION_1, path)
    run(
        "import duckdb, sys; duckdb.connect(sys.argv[1]).execute("
        "\"UPDATE execution SET asked = 'pause' WHERE status = 'RUNNING'\")",
        path,
    )

    with Store(path) as store:
        [running] = store.live.values()
        assert running.requested_action is RequestedAction.PAUSE
        assert store.list_executions(status=S.RUNNING) == [running]
        store.append([make_event(running.execution_id, K.PAUSED)])
        assert store.live[running.execution_id].requested_action is None


def test_decisions_of_an_older_file_are_counted(path):
    """Those after the last loss; a program is no person."""
    shutil.copy(VERSION_1, path)
    insert_events = """
import duckdb, json, sys, uuid
connection = duckdb.connect(sys.argv[1])
[ids] = connection.execute(
    "SELECT execution_id, root_id FROM execution WHERE status = 'RUNNING'").fetchall()
skip, mend = {"verb": "skip"}, {"verb": "retry_cell", "source": "x"}
program = {"decided_by": "execution 0199"}
for seq, (kind, payload) in enumerate([
    ("decided", {**skip, "decided_by": "bob"}),
    ("lost", {}),
    ("decided", {**skip, "decided_by": "ada"}),
    ("decided", {**mend, **program}), ("decided", {"verb": "retry_cell", **program}),
], 1000):
    row = [seq, uuid.uuid4(), *ids, kind, "2026-01-01", "", json.dumps(payload)]
    connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
"""
    run(insert_events, path)

    with Store(path) as store:
        [running] = store.live.values()

    counts = running.skipped_cells, running.mended_cells, running.retried_cells
    assert (counts, running.decided_by) == ((1, 1, 1), "ada")


def test_an_older_file_gets_the_columns_of_a_new_one(path, tmp_path):
    shutil.copy(VERSION_1, path)
    columns = """SELECT table_name, column_name, data_type, is_nullable
        FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"""

    with Store(path) as migrated, Store(tmp_path / "new.duckdb") as new:
        limits = SqlLimits(5, 999)
        assert migrated.query(columns, limits) == new.query(columns, limits)


def test_an_older_file_is_copied_and_migrated(path):
    shutil.copy(VERSION_1, path)
    with Store(path) as store:
        executions = store.list_executions()

    with Store(path, migrations=ADD_COLUMN) as store:
        assert store.list_executions() == executions
        assert (
            store.query("SELECT mood FROM execution, extra", SqlLimits(5, 1)).rows == []
        )

    with Store(f"{path}.before_migration") as store:
        assert store.list_executions() == executions
    with Store(path, migrations=ADD_COLUMN) as store:
        store.append([created_event()])


def test_those_above_wait_with_what_waits_at_an_upgrade():
    """Of two children that wait, the first to have waited counts since when."""
    with duckdb.connect() as connection:
        connection.execute(
            """
            CREATE MACRO id(n) AS lpad(n::VARCHAR, 32, '0')::UUID;
            CREATE TABLE event (execution_id UUID, kind VARCHAR, payload JSON, seq BIGINT);
            CREATE TABLE execution AS SELECT
                id(i) AS execution_id, id(above) AS parent_id, id(has) AS adopted_by,
                'RUNNING' AS status, TIMESTAMP '2026-01-01' + to_seconds(asked) AS asked_at
            FROM (VALUES
                (1, NULL, NULL, NULL), (2, 1, NULL, NULL), (3, 2, NULL, 5), (4, 2, NULL, 3),
                (5, 9, 1, 7), (6, 1, NULL, NULL)
            ) AS rows(i, above, has, asked)
            """
        )

        connection.execute(sql_files.migrations()[12])

        rows = connection.execute(
            "SELECT waiting_children, second(waiting_since) FROM execution "
            "ORDER BY execution_id"
        ).fetchall()
    assert rows == [(2, 3), (2, 3), (0, 5), (0, 3), (0, 7), (0, None)]


def test_a_newer_file_is_refused_and_unchanged(path):
    shutil.copy(VERSION_1, path)
    Store(path, migrations=ADD_COLUMN).close()
    content = path.read_bytes()

    with pytest.raises(
        EngineFault, match=rf"has schema version {NEXT}, .* up to {NEXT - 1}"
    ):
        Store(path)

    assert path.read_bytes() == content


def test_a_migration_that_fails_changes_nothing(path):
    shutil.copy(VERSION_1, path)

    fails = "CREATE TABLE extra (a INTEGER); DROP TABLE nowhere"

    with pytest.raises(EngineFault, match=f"could not be taken to version {NEXT}"):
        Store(path, migrations={**sql_files.migrations(), NEXT: fails})

    with Store(path) as store:
        assert ["extra"] not in store.query("SHOW TABLES", SqlLimits(5, 99)).rows


@pytest.mark.parametrize("content", [b"no database", b"\x00" * 20_000])
def test_a_file_that_is_no_database_is_refused(path, content):
    path.write_bytes(content)

    with pytest.raises(EngineFault, match="cannot be opened"):
        Store(path)

    assert path.read_bytes() == content


def test_another_database_is_refused(path):
    run(
        "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('CREATE TABLE a (b INT)')",
        path,
    )

    with pytest.raises(EngineFault, match="not a store of flowkernel"):
        Store(path)
