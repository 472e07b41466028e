"""What stays and what goes: prune, compact, back up, rebuild; and kills in the middle of it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument, EngineFault, MoveNotAllowed
from flowkernel.core.models import Event, EventKind, Flow, FlowKind, FlowVersion
from flowkernel.core.status import ExecutionStatus
from flowkernel.store import (
    Store,
)
from flowkernel.store.journal import journal
from flowkernel.store.journal.segments import damages, segments
from flowkernel.store.restore import restore
from tests.conftest import until
from tests.integration.test_store_file import (
    BIRTH,
    birth,
    happened,
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
        born = birth(10)
        ended = Event(event_id=new_id(), execution_id=born.execution_id,
            kind=EventKind.ENDED, happened_at=now(), payload={"status": "ENDED_CANCELLED"})
        log = Event(event_id=new_id(), execution_id=born.execution_id,
            kind=EventKind.LOGGED, happened_at=now(), payload={"stream": "log", "text": "x"})
        (event,) = store.append([born])
        store.append([log, ended])
        os.write(1, (event.execution_id + "\\n").encode())

for _ in range(4):
    threading.Thread(target=record).start()
while sys.argv[2] == "compacting":
    store.compact()
    os.write(1, b"compacted\\n")
"""


class Place:
    """A folder with all that a store has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "s.duckdb"
        self.journal = folder / "journal"
        self.backup = folder / "backup"
        self.backup.mkdir()

    def open(self) -> Store:
        return Store(self.database, journal=self.journal, writable_folder=self.backup)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def family(*, is_over: bool = True, days: int = 0, size: int = 3) -> list[Event]:
    """A root with children, all that happened to them; the root is older by so many days."""
    root = birth()
    made = root.payload | {
        "created_at": (NOON - timedelta(days=days)).isoformat(),
        "notebook_path": f"notebooks/{root.execution_id}.ipynb",
    }
    events = [replace(root, payload=made)]
    for number in range(size - 1):
        child = birth()
        below = {
            "execution_id": child.execution_id,
            "root_id": root.execution_id,
            "parent_id": root.execution_id,
            "depth": 1,
            "call_key": str(number),
        }
        events += [replace(child, payload=made | below)]
    ids = [event.execution_id for event in events]
    events += [happened(id_, K.LOGGED, stream="log", text="x") for id_ in ids]
    if is_over:
        end = {"status": S.ENDED_CANCELLED}
        events += [happened(id_, K.ENDED, **end) for id_ in reversed(ids)]
    return events


def names(store: Store) -> set[str]:
    return {e.execution_id for e in store.list_executions(limit=10_000)}


@contextmanager
def under_load(store: Store) -> Iterator[list[str]]:
    """Two threads record meanwhile; the ids of what was acknowledged."""
    done = threading.Event()
    ids: list[str] = []

    def record() -> None:
        while not done.is_set():
            ids.append(store.append([birth()])[0].execution_id)

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield ids
    finally:
        done.set()
        for thread in threads:
            thread.join()


# -- prune -----------------------------------------------------------------------------------


def test_whole_families_go_and_nothing_of_them_is_left(place, monkeypatch):
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 4_000)
    old, other, new = family(days=40), family(days=35), family(days=1)
    live = family(days=50, is_over=False)
    live += [happened(live[1].execution_id, K.ENDED, status=S.ENDED_CANCELLED)]
    with place.open() as store:
        for events in (old, other, new, live):
            store.append(events)
        gone = store.prunable(before=NOON - timedelta(days=30))
        assert gone == [(old[0].execution_id, 3), (other[0].execution_id, 3)]

        paths = store.prune([root_id for root_id, _ in gone])
        freed = store.prune_journal()

        assert len(paths) == 6
        assert freed > 0
        assert names(store) == {e.execution_id for e in new + live}
        found = store.query(
            "SELECT root_id FROM event UNION SELECT root_id FROM log"
        ).rows
        assert {row[0] for row in found} == {new[0].execution_id, live[0].execution_id}
        assert store.find_execution(old[0].execution_id) is None
        assert store.prunable(before=NOON - timedelta(days=30)) == []
        with pytest.raises(MoveNotAllowed, match="unknown"):
            store.append([happened(old[0].execution_id, K.SAVED, name="x")])
        before = tables(store)
    for path in segments(place.journal)[:-1]:
        content = path.read_bytes()
        assert old[3].event_id.encode() not in content
    with place.open() as store:
        assert tables(store) == before
    assert damages(place.journal) == []
    restore(place.database, place.journal)
    with place.open() as store:
        assert tables(store) == before


def test_the_newest_so_many_families_stay(place):
    families = [family(days=10 - number) for number in range(5)]
    with place.open() as store:
        for events in families:
            store.append(events)

        gone = store.prunable(keep=2)

    assert gone == [(events[0].execution_id, 3) for events in families[:3]]


def test_a_family_that_lives_again_is_not_pruned(place):
    with place.open() as store:
        events = family(is_over=False)
        store.append(events)

        with pytest.raises(MoveNotAllowed, match="cannot be pruned"):
            store.prune([events[0].execution_id])

        assert len(names(store)) == 3


def test_one_execution_goes_and_the_rest_of_its_family_stays(place, monkeypatch):
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 1_000)
    events = family()
    top, one, other = (event.execution_id for event in events[:3])
    with place.open() as store:
        store.append(events)

        paths = store.prune([one])
        store.prune_journal()

        assert len(paths) == 1
        assert names(store) == {top, other}
        assert store.find_execution(one) is None
        found = store.query("SELECT DISTINCT execution_id FROM event").rows
        assert {row[0] for row in found} == {top, other}
        before = tables(store)
    closed = b"".join(path.read_bytes() for path in segments(place.journal)[:-1])
    assert one.encode() not in closed
    restore(place.database, place.journal)
    with place.open() as store:
        assert tables(store) == before


def test_what_a_live_parent_called_can_go(place):
    """And is then no call that was made before."""
    events = family(is_over=False)
    parent, child = events[0].execution_id, events[1].execution_id
    with place.open() as store:
        store.append([*events, happened(child, K.ENDED, status=S.ENDED_CANCELLED)])
        top = store.get_execution(parent)
        assert len(store.called([top], "0")) == 1

        store.prune([child])

        assert store.called([top], "0") == []


def test_a_prune_that_was_killed_before_the_tables_had_it_is_carried_out(place):
    events, other = family(), family()
    with place.open() as store:
        store.append([*events, *other])
        store.list_messages()
        with store._folding.busy:  # As if it had died before it could fold.
            pruning = threading.Thread(
                target=store.prune, args=([events[0].execution_id],)
            )
            held = store._folding.added
            reading = store._pool.read("notebooks_of", ids=[events[0].execution_id])
            assert len(reading) == 3
            pruning.start()
            until(lambda: store._folding.added > held)
            (place.folder / "copy").mkdir()
            copy = Place(place.folder / "copy")
            shutil.copytree(place.journal, copy.journal)
            for file in place.folder.glob("s.duckdb*"):
                shutil.copy(file, copy.folder)
        pruning.join()

    with copy.open() as store:
        assert names(store) == {e.execution_id for e in other}


# -- compact ---------------------------------------------------------------------------------


def test_a_compaction_under_load_loses_nothing_and_frees_room(place):
    with place.open() as store:
        for _ in range(30):
            store.append(family(size=300))
        roots = [root_id for root_id, _ in store.prunable(keep=1)]
        store.prune(roots)
        before = store.size_bytes
        with under_load(store) as ids:
            store.compact()
            store.compact()
        assert store.size_bytes < before
        assert set(ids) < names(store)
        live, found = dict(store.live), tables(store)
        assert len(found[0]) == len({tuple(map(str, row)) for row in found[0]})

    with place.open() as store:
        assert (dict(store.live), tables(store)) == (live, found)
        store.rebuild()
        assert tables(store) == found
    assert list(place.backup.iterdir()) == []


def test_a_compaction_is_refused_in_memory():
    with Store(":memory:") as store, pytest.raises(BadArgument, match="in a file"):
        store.compact()


@pytest.mark.parametrize(
    "doing", ["compacting", *["recording"] * 4, *["compacting"] * 4]
)
def test_what_was_acknowledged_is_there_exactly_once_after_a_kill(place, doing):
    """At whatever moment: the number of lines that are read before the kill differs."""
    code = BIRTH + RECORD_AND_COMPACT
    command = [sys.executable, "-c", code, str(place.folder), doing]
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

    with place.open() as store:
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
        before = tables(store)
        store.rebuild()
        assert tables(store) == before
    assert damages(place.journal) == []


# -- backup ----------------------------------------------------------------------------------


def test_a_backup_under_load_opens_as_a_home_and_has_all_from_before(place, tmp_path):
    with place.open() as store, under_load(store) as ids:
        while len(ids) < 50:
            store.list_messages()
        before = set(ids)
        store.backup(place.backup / "copy.duckdb")
        copied = tmp_path / "other"
        copied.mkdir()
        os.replace(place.backup / "copy.duckdb", copied / "s.duckdb")
        said = run(
            "import sys; from pathlib import Path; from flowkernel.store import Store\n"
            "from tests.integration.test_store_file import birth\n"
            "with Store(Path(sys.argv[1]), journal=Path(sys.argv[2])) as s:\n"
            "    before = len(s.live); s.append([birth()]); s.rebuild()\n"
            "    assert len(s.live) == before + 1 == s.last_seq\n"
            "    print(*s.live)",
            copied / "s.duckdb",
            copied / "journal",
        ).split()

    assert before <= set(said)
    assert len(said) == len(set(said))


def test_a_backup_put_beside_another_journal_is_refused(place):
    with place.open() as store:
        store.append([birth()])
        store.backup(place.backup / "copy.duckdb")
        kept = store.append([birth()])[0].execution_id
    os.replace(place.backup / "copy.duckdb", place.database)

    with pytest.raises(
        EngineFault, match=r"not that of the database beside it.*rebuild"
    ):
        place.open()

    _, count, wrong = restore(place.database, place.journal)
    assert (count, wrong) == (2, [])
    with place.open() as store:
        assert kept in store.live


# -- rebuild ---------------------------------------------------------------------------------


def filled(
    place: Place, fill: Callable[[Store], object] = lambda _: None
) -> list[object]:
    with place.open() as store:
        store.save_flow(FLOW)
        store.save_flow(replace(FLOW, name="gone"))
        store.delete_flow("gone")
        store.save_version(VERSION)
        store.append(running_with_a_cell())
        message = {"message_id": new_id(), "subject": "s", "message_type": "INFO"}
        (id_,) = store.live
        store.append([happened(id_, K.MESSAGE_SENT, **message)])
        store.append(family())
        fill(store)
        versions = store.query("FROM flow_version").rows
        return [*tables(store), versions]


def test_the_database_can_be_made_from_the_journal_alone(place, monkeypatch):
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 3_000)
    before = filled(place)
    place.database.write_bytes(b"spoilt")

    kept, count, wrong = restore(place.database, place.journal)

    assert kept is not None and kept.read_bytes() == b"spoilt"
    assert (count, wrong) == (4, [])
    with place.open() as store:
        assert [*tables(store), store.query("FROM flow_version").rows] == before
        store.append([birth()])


def test_a_home_whose_database_is_gone_says_what_to_do(place):
    filled(place)
    place.database.unlink()

    with pytest.raises(EngineFault, match=r"There is no .*`flowkernel rebuild` makes"):
        place.open()
    assert not place.database.exists()

    assert restore(place.database, place.journal)[0] is None
    with place.open() as store:
        assert len(store.live) == 1


def test_a_journal_that_does_not_go_back_to_the_beginning_is_no_use(place):
    with pytest.raises(BadArgument, match="There is no journal in"):
        restore(place.database, place.journal)
    filled(place)
    for path in place.journal.iterdir():
        path.unlink()
    place.open().close()
    with place.open() as store:
        last = store.last_seq
        store.append([birth()])
    with pytest.raises(BadArgument, match=f"begins after event {last}: what is older"):
        restore(place.database, place.journal)


def test_damage_that_the_tables_have_costs_nothing_and_is_told(place, caplog):
    before = filled(place)
    (path,) = segments(place.journal)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with place.open() as store:
        assert tables(store) == before[:-1]
        store.append([birth()])

    assert len(damages(place.journal)) == 1
