"""Pruning, compacting, backing up and rebuilding a store; also if the process is killed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument, EngineFault, MoveNotAllowed
from flowkernel.core.models import (
    Event,
    EventKind,
    Flow,
    FlowKind,
    FlowVersion,
    RequestedAction,
)
from flowkernel.core.status import ExecutionStatus
from flowkernel.store import Store
from flowkernel.store.journal import journal
from flowkernel.store.journal.segments import (
    find_damage,
    list_segments,
    read_segment,
)
from flowkernel.store.restore import restore
from tests.conftest import until
from tests.integration.test_store_file import (
    CREATE_EVENTS,
    created_event,
    make_event,
    run,
    running_with_a_cell,
)
from tests.unit.test_store import NOON
from tests.unit.test_store_crashes import tables

S = ExecutionStatus
K = EventKind
FLOW = Flow(name="report", kind=FlowKind.CELL, source="1", registered_at=NOON)
VERSION = FlowVersion(
    flow_version="v1", flow_name="report", kind=FlowKind.CELL, source="1"
)

RECORD_AND_COMPACT = """
from pathlib import Path

home = Path(sys.argv[1])
store = Store(home / "s.duckdb", journal=home / "journal", writable_folder=home / "backup")

def record():
    while True:
        created = created_event(10)
        ended = Event(event_id=new_id(), execution_id=created.execution_id,
            kind=EventKind.ENDED, happened_at=now(), payload={"status": "ENDED_CANCELLED"})
        log = Event(event_id=new_id(), execution_id=created.execution_id,
            kind=EventKind.LOGGED, happened_at=now(), payload={"stream": "log", "text": "x"})
        (event,) = store.append([created])
        store.append([log, ended])
        os.write(1, (event.execution_id + "\\n").encode())

for _ in range(4):
    threading.Thread(target=record).start()
while sys.argv[2] == "compacting":
    store.compact()
    os.write(1, b"compacted\\n")
"""


class StoreFolder:
    """A folder with the files of a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "s.duckdb"
        self.journal = folder / "journal"
        self.backup = folder / "backup"
        self.backup.mkdir()

    def open(self) -> Store:
        return Store(self.database, journal=self.journal, writable_folder=self.backup)


@pytest.fixture
def files(tmp_path: Path) -> StoreFolder:
    return StoreFolder(tmp_path)


def family(*, has_ended: bool = True, days: int = 0, size: int = 3) -> list[Event]:
    """The events of a root and its children, created so many days ago."""
    root = created_event()
    payload = root.payload | {
        "created_at": (NOON - timedelta(days=days)).isoformat(),
        "notebook_path": f"notebooks/{root.execution_id}.ipynb",
    }
    events = [replace(root, payload=payload)]
    for number in range(size - 1):
        child = created_event()
        child_fields = {
            "execution_id": child.execution_id,
            "root_id": root.execution_id,
            "parent_id": root.execution_id,
            "depth": 1,
            "call_key": str(number),
        }
        events += [replace(child, payload=payload | child_fields)]
    ids = [event.execution_id for event in events]
    events += [make_event(id_, K.LOGGED, stream="log", text="x") for id_ in ids]
    if has_ended:
        end = {"status": S.ENDED_CANCELLED}
        events += [make_event(id_, K.ENDED, **end) for id_ in reversed(ids)]
    return events


def execution_ids(store: Store) -> set[str]:
    return {e.execution_id for e in store.list_executions(limit=10_000)}


@contextmanager
def under_load(store: Store) -> Iterator[list[str]]:
    """Two threads record meanwhile; the ids of acknowledged executions."""
    is_over = threading.Event()
    ids: list[str] = []

    def record() -> None:
        while not is_over.is_set():
            ids.append(store.append([created_event()])[0].execution_id)

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield ids
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


# -- prune -----------------------------------------------------------------------------------


def test_whole_families_are_pruned_completely(files, monkeypatch):
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 4_000)
    old, other, new = family(days=40), family(days=35), family(days=1)
    live = family(days=50, has_ended=False)
    live += [make_event(live[1].execution_id, K.ENDED, status=S.ENDED_CANCELLED)]
    with files.open() as store:
        for events in (old, other, new, live):
            store.append(events)
        prunable = store.prunable(created_before=NOON - timedelta(days=30))
        assert prunable == [(old[0].execution_id, 3), (other[0].execution_id, 3)]

        paths = store.prune([root_id for root_id, _ in prunable])
        freed = store.prune_journal()

        assert len(paths) == 6
        assert freed > 0
        assert execution_ids(store) == {e.execution_id for e in new + live}
        rows = store.query(
            "SELECT root_id FROM event UNION SELECT root_id FROM log"
        ).rows
        assert {row[0] for row in rows} == {new[0].execution_id, live[0].execution_id}
        assert store.find_execution(old[0].execution_id) is None
        assert store.prunable(created_before=NOON - timedelta(days=30)) == []
        with pytest.raises(MoveNotAllowed, match="unknown"):
            store.append([make_event(old[0].execution_id, K.SAVED, name="x")])
        expected = tables(store)
    for path in list_segments(files.journal)[:-1]:
        content = read_segment(path)
        assert old[3].event_id.encode() not in content
    with files.open() as store:
        assert tables(store) == expected
    assert find_damage(files.journal) == []
    restore(files.database, files.journal)
    with files.open() as store:
        assert tables(store) == expected


def test_the_newest_families_are_kept(files):
    families = [family(days=10 - number) for number in range(5)]
    with files.open() as store:
        for events in families:
            store.append(events)

        prunable = store.prunable(keep=2)

    assert prunable == [(events[0].execution_id, 3) for events in families[:3]]


def test_what_came_or_ended_after_a_moment_is_not_pruned_as_of_it(files):
    """A person was asked about the families of that moment."""
    moment = NOON + timedelta(seconds=1)
    older, later = family(days=6), family(days=-1)
    old = [replace(event, happened_at=moment) for event in family(days=5)]
    with files.open() as store:
        for events in (older, old, later):
            store.append(events)

        now = [root_id for root_id, _ in store.prunable(keep=1)]
        then = [root_id for root_id, _ in store.prunable(keep=1, as_of=moment)]
        before = store.prunable(keep=0, as_of=NOON)

    assert now == [older[0].execution_id, old[0].execution_id]
    assert then == [older[0].execution_id]
    assert [root_id for root_id, _ in before] == [older[0].execution_id]


def test_a_live_family_is_not_pruned(files):
    with files.open() as store:
        events = family(has_ended=False)
        store.append(events)

        with pytest.raises(MoveNotAllowed, match="cannot be pruned"):
            store.prune([events[0].execution_id])

        assert len(execution_ids(store)) == 3


def test_one_execution_is_pruned_and_its_family_stays(files, monkeypatch):
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 1_000)
    events = family()
    root, pruned, other = (event.execution_id for event in events[:3])
    with files.open() as store:
        store.append(events)

        paths = store.delete(pruned, [pruned])
        store.prune_journal()

        assert len(paths) == 1
        assert execution_ids(store) == {root, other}
        assert store.find_execution(pruned) is None
        rows = store.query("SELECT DISTINCT execution_id FROM event").rows
        assert {row[0] for row in rows} == {root, other}
        expected = tables(store)
    closed = b"".join(map(read_segment, list_segments(files.journal)[:-1]))
    assert events[1].event_id.encode() not in closed
    restore(files.database, files.journal)
    with files.open() as store:
        assert tables(store) == expected


def test_a_child_of_a_live_parent_can_be_pruned(files):
    """After that its call counts as a new one."""
    events = family(has_ended=False)
    parent, child = events[0].execution_id, events[1].execution_id
    with files.open() as store:
        store.append([*events, make_event(child, K.ENDED, status=S.ENDED_CANCELLED)])
        top = store.get_execution(parent)
        assert len(store.call_children([top], "0")) == 1

        store.delete(child, [child])

        assert store.call_children([top], "0") == []


def test_a_prune_that_the_tables_lack_after_a_kill_is_carried_out(files):
    events, other = family(), family()
    with files.open() as store:
        store.append([*events, *other])
        store.list_messages()
        with store._projector.table_lock:  # As if it was killed before it could flush.
            pruning = threading.Thread(
                target=store.prune, args=([events[0].execution_id],)
            )
            frame = store._projector.added
            notebooks = store._pool.read("notebooks_of", ids=[events[0].execution_id])
            assert len(notebooks) == 3
            pruning.start()
            until(lambda: store._projector.added > frame)
            (files.folder / "copy").mkdir()
            copy = StoreFolder(files.folder / "copy")
            shutil.copytree(files.journal, copy.journal)
            for file in files.folder.glob("s.duckdb*"):
                shutil.copy(file, copy.folder)
        pruning.join()

    with copy.open() as store:
        assert execution_ids(store) == {e.execution_id for e in other}


# -- compact ---------------------------------------------------------------------------------


@pytest.mark.kernel
def test_a_compaction_under_load_loses_nothing_and_frees_room(files):
    with files.open() as store:
        for _ in range(30):
            store.append(family(size=300))
        roots = [root_id for root_id, _ in store.prunable(keep=1)]
        store.prune(roots)
        size = store.size_bytes
        with under_load(store) as ids:
            store.compact()
            store.compact()
        assert store.size_bytes < size
        assert set(ids) < execution_ids(store)
        live, expected = dict(store.live), tables(store)
        assert len(expected[0]) == len({tuple(map(str, row)) for row in expected[0]})

    with files.open() as store:
        assert (dict(store.live), tables(store)) == (live, expected)
        store.rebuild()
        assert tables(store) == expected
    assert list(files.backup.iterdir()) == []


def test_a_compaction_is_refused_in_memory():
    with Store(":memory:") as store, pytest.raises(BadArgument, match="in a file"):
        store.compact()


@pytest.mark.kernel
@pytest.mark.parametrize(
    "activity", ["compacting", *["recording"] * 4, *["compacting"] * 4]
)
def test_what_was_acknowledged_is_there_exactly_once_after_a_kill(files, activity):
    """At different moments: each time another number of lines is read before the kill."""
    code = CREATE_EVENTS + RECORD_AND_COMPACT
    command = [sys.executable, "-c", code, str(files.folder), activity]
    acknowledged: set[str] = set()
    for round in range(3):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout
        printed = [child.stdout.readline() for _ in range(80 + 37 * round)]
        os.kill(child.pid, signal.SIGKILL)
        printed += child.stdout.readlines()
        child.wait()
        child.stdout.close()
        acknowledged |= {line.strip() for line in printed} - {"compacted", ""}

    with files.open() as store:
        counts = store.query(
            "SELECT count(*), count(DISTINCT seq), count(DISTINCT event_id) FROM event"
        ).rows[0]
        assert len(set(counts)) == 1
        ids = store.query("SELECT execution_id, status FROM execution").rows
        status = dict(ids)
        assert len(ids) == len(status)
        assert {status.get(id_) for id_ in acknowledged} == {S.ENDED_CANCELLED}
        logged = store.query("SELECT execution_id FROM log").rows
        assert len(logged) == len({row[0] for row in logged})
        assert acknowledged <= {row[0] for row in logged}
        expected = tables(store)
        store.rebuild()
        assert tables(store) == expected
    assert find_damage(files.journal) == []


# -- backup ----------------------------------------------------------------------------------


@pytest.mark.kernel
def test_a_backup_under_load_opens_as_a_home_and_is_complete(files, tmp_path):
    with files.open() as store, under_load(store) as ids:
        while len(ids) < 50:
            store.list_messages()
        acknowledged = set(ids)
        store.backup(files.backup / "copy.duckdb")
        home = tmp_path / "other"
        home.mkdir()
        os.replace(files.backup / "copy.duckdb", home / "s.duckdb")
        ids_in_copy = run(
            "import sys; from pathlib import Path; from flowkernel.store import Store\n"
            "from tests.integration.test_store_file import created_event\n"
            "with Store(Path(sys.argv[1]), journal=Path(sys.argv[2])) as s:\n"
            "    before = len(s.live); s.append([created_event()]); s.rebuild()\n"
            "    assert len(s.live) == before + 1 == s.last_seq\n"
            "    print(*s.live)",
            home / "s.duckdb",
            home / "journal",
        ).split()

    assert acknowledged <= set(ids_in_copy)
    assert len(ids_in_copy) == len(set(ids_in_copy))


def test_a_backup_put_beside_another_journal_is_refused(files):
    with files.open() as store:
        store.append([created_event()])
        store.backup(files.backup / "copy.duckdb")
        execution_id = store.append([created_event()])[0].execution_id
    os.replace(files.backup / "copy.duckdb", files.database)

    with pytest.raises(
        EngineFault, match=r"not that of the database beside it.*rebuild"
    ):
        files.open()

    _, count, damage = restore(files.database, files.journal)
    assert (count, damage) == (2, [])
    with files.open() as store:
        assert execution_id in store.live


# -- rebuild ---------------------------------------------------------------------------------


def fill_store(files: StoreFolder) -> list[object]:
    with files.open() as store:
        store.save_flow(FLOW)
        store.save_flow(replace(FLOW, name="gone"))
        store.delete_flow("gone")
        store.save_version(VERSION)
        store.append(running_with_a_cell())
        message = {"message_id": new_id(), "subject": "s", "message_type": "INFO"}
        (id_,) = store.live
        store.append([make_event(id_, K.MESSAGE_SENT, **message)])
        store.append(family())
        versions = store.query("FROM flow_version").rows
        return [*tables(store), versions]


def test_the_database_can_be_made_from_the_journal_alone(files, monkeypatch):
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 3_000)
    expected = fill_store(files)
    files.database.write_bytes(b"spoilt")

    previous, count, damage = restore(files.database, files.journal)

    assert previous is not None
    assert previous.read_bytes() == b"spoilt"
    assert (count, damage) == (4, [])
    with files.open() as store:
        assert [*tables(store), store.query("FROM flow_version").rows] == expected
        store.append([created_event()])


def test_a_journal_of_an_older_version_is_read(files):
    """It has `asked` where an execution has `requested_action` now."""
    created = created_event()
    payload = {**created.payload, "asked": "cancel"}
    del payload["requested_action"]
    with files.open() as store:
        store.append([replace(created, payload=payload)])
        [event] = store.events_after(0).events
    files.database.unlink()

    restore(files.database, files.journal)

    assert event.payload["asked"] == "cancel"
    with files.open() as store:
        [execution] = store.live.values()
        assert execution.requested_action is RequestedAction.CANCEL


def test_a_home_whose_database_is_gone_says_what_to_do(files):
    fill_store(files)
    files.database.unlink()

    with pytest.raises(EngineFault, match=r"There is no .*`flowkernel rebuild` makes"):
        files.open()
    assert not files.database.exists()

    assert restore(files.database, files.journal)[0] is None
    with files.open() as store:
        assert len(store.live) == 1


def test_a_journal_that_does_not_go_back_to_the_beginning_is_refused(files):
    with pytest.raises(BadArgument, match="There is no journal in"):
        restore(files.database, files.journal)
    fill_store(files)
    for path in files.journal.iterdir():
        path.unlink()
    files.open().close()
    with files.open() as store:
        last = store.last_seq
        store.append([created_event()])
    with pytest.raises(BadArgument, match=f"begins after event {last}: what is older"):
        restore(files.database, files.journal)


def test_damage_to_what_the_tables_have_is_reported_and_loses_nothing(files, caplog):
    expected = fill_store(files)
    (path,) = list_segments(files.journal)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with files.open() as store:
        assert tables(store) == expected[:-1]
        store.append([created_event()])

    assert len(find_damage(files.journal)) == 1
