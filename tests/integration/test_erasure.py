"""Deleting a run: nothing of it is left in the files of the home, also after a kill."""

import gzip
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flowkernel.cli import main
from flowkernel.client.client import Client
from flowkernel.core.clock import new_id
from flowkernel.core.errors import EngineFault
from flowkernel.core.models import Event
from flowkernel.core.models import EventKind as K
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.engine import erasure as erasure_module
from flowkernel.engine.erasure import Erasure
from flowkernel.home import Home
from flowkernel.store import Store
from flowkernel.store.journal.segments import (
    CLOSED,
    find_damage,
    list_segments,
    read_segment,
)
from flowkernel.store.restore import restore
from tests.conftest import kill_engine, until
from tests.integration.test_store_file import created_event, make_event
from tests.unit.test_store_crashes import tables

MARKER = "marker4c1f77a9"


def places_of(folder: Path, marker: str = MARKER) -> list[str]:
    """The files in a folder with this text in them, compressed or not."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [
        str(path.relative_to(folder))
        for path in files
        if marker.encode() in content_of(path)
    ]


def contents(home: Home) -> dict[str, bytes]:
    """The segments of the journal by number, compressed meanwhile or not."""
    paths = list_segments(home.journal)
    return {path.name.partition(".")[0]: read_segment(path) for path in paths}


def content_of(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


class ErasedHome:
    """A store in a home, and the erasure of an engine that may be killed."""

    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self.home.prepare()
        self.drops = 0  #: How often the copy for SQL was deleted.
        self.open()

    def open(self) -> None:
        """As an engine that starts."""
        self.store = Store(
            self.home.database,
            journal=self.home.journal,
            writable_folder=self.home.backup,
        )
        self.erasure = Erasure(self.store, self.home, self._drop)

    def _drop(self) -> None:
        self.drops += 1

    def restart(self) -> None:
        """As after a kill: what is on disk is all that the next engine has."""
        self.store.close()
        self.open()

    def record(self, text: str) -> str:
        """An execution that has ended, with this text wherever it can be; its id."""
        created = created_event()
        payload = created.payload | {"inputs": {"in": text}, "name": text}
        events: list[Event] = [
            Event(**{**fields_of(created), "payload": payload}),
            make_event(created.execution_id, K.OUTPUT_SET, output={"out": text}),
            make_event(created.execution_id, K.LOGGED, stream="log", text=text),
            make_event(
                created.execution_id,
                K.MESSAGE_SENT,
                message_id=new_id(),
                subject=text,
                message=text,
                message_type="INFO",
            ),
            make_event(
                created.execution_id,
                K.ENDED,
                status=S.ENDED_CANCELLED,
                status_message=text,
            ),
        ]
        self.store.append(events)
        return created.execution_id

    def delete(self, *ids: str) -> None:
        with self.erasure.deleting(set(ids)):
            self.store.prune(ids)


def fields_of(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__slots__}


@pytest.fixture
def erased(tmp_path: Path) -> Iterator[ErasedHome]:
    home = ErasedHome(tmp_path / "home")
    yield home
    home.store.close()


def test_nothing_of_a_deleted_run_is_left_and_all_of_the_others(erased):
    deleted, kept = erased.record(MARKER), erased.record("kept5b")
    erased.store.compact()
    found = places_of(erased.home.path)
    assert {Path(place).parts[0] for place in found} == {"flowkernel.duckdb", "journal"}

    erased.delete(deleted)
    rows = tables(erased.store)
    erased.erasure.run()

    assert places_of(erased.home.path) == []
    assert not erased.home.erasure_mark.exists()
    assert erased.drops == 1
    assert tables(erased.store) == rows
    assert erased.store.get_execution(kept).inputs == {"in": "kept5b"}
    erased.store.rebuild()
    assert tables(erased.store) == rows
    assert find_damage(erased.home.journal) == []
    erased.store.close()
    restore(erased.home.database, erased.home.journal)
    erased.open()
    assert tables(erased.store) == rows


@pytest.mark.parametrize("step", ["marked", "deleted", "journal", "file"])
def test_the_next_engine_removes_what_a_killed_one_left(erased, step, monkeypatch):
    deleted = erased.record(MARKER)
    with erased.erasure.deleting({deleted}):
        if step != "marked":
            erased.store.prune([deleted])
    if step in ("journal", "file"):
        fails_at(monkeypatch, "compact" if step == "journal" else "_drop_copy", erased)
        with pytest.raises(InterruptedError):
            erased.erasure.run()
        monkeypatch.undo()

    erased.restart()
    assert erased.erasure.is_due
    erased.erasure.run()

    assert not erased.erasure.is_due
    is_there = step == "marked"  # It was never deleted.
    assert bool(places_of(erased.home.path)) is is_there
    assert (erased.store.find_execution(deleted) is not None) is is_there


def fails_at(monkeypatch: Any, name: str, erased: ErasedHome) -> None:
    """Have a step of the removal end as if the process were killed there."""

    def kill(*_arguments: object) -> None:
        raise InterruptedError

    target = erased.store if name == "compact" else erased.erasure
    monkeypatch.setattr(target, name, kill)


def test_what_is_deleted_meanwhile_stays_noted(erased):
    """An erasure that runs between the mark and the deletion does not take the mark away."""
    first, second = erased.record("first"), erased.record(MARKER)
    erased.delete(first)

    with erased.erasure.deleting({second}):
        erased.erasure.run()
        assert erased.erasure.is_due
        erased.store.prune([second])
    erased.erasure.run()

    assert places_of(erased.home.path) == []
    assert not erased.erasure.is_due


def test_what_is_deleted_again_while_it_is_looked_for_stays_noted(erased, monkeypatch):
    """Its first deletion was refused. A removal has begun when it is deleted after all."""
    first, second = erased.record("first"), erased.record(MARKER)
    erased.delete(first)
    with suppress(InterruptedError), erased.erasure.deleting({second}):
        raise InterruptedError  # As a refusal.
    compact = erased.store.compact

    def delete_meanwhile():
        compact()
        erased.delete(second)

    monkeypatch.setattr(erased.store, "compact", delete_meanwhile)
    erased.erasure.run()
    monkeypatch.undo()

    assert erased.erasure.is_due
    erased.erasure.run()
    assert places_of(erased.home.path) == []


def test_a_segment_that_stands_twice_after_a_kill_is_removed(erased, monkeypatch):
    deleted = erased.record(MARKER)
    erased.delete(deleted)
    unlink = Path.unlink

    def kill(path, *arguments, **options):
        if path.suffix == ".journal":
            raise InterruptedError
        unlink(path, *arguments, **options)

    monkeypatch.setattr(Path, "unlink", kill)
    with pytest.raises(InterruptedError):
        erased.erasure.run()
    monkeypatch.undo()

    erased.restart()
    erased.erasure.run()

    assert places_of(erased.home.path) == []


def test_a_damaged_segment_keeps_nothing_else_from_being_removed(erased):
    erased.record("damaged")
    erased.store.prune_journal()
    erased.delete(erased.record(MARKER))
    [first, *_] = list_segments(erased.home.journal)
    content = bytearray(gzip.compress(read_segment(first)))
    content[14] ^= 0xFF
    first.unlink()
    damaged = first.with_name(first.name.partition(".")[0] + CLOSED)
    damaged.write_bytes(content)

    with pytest.raises(EngineFault, match="cannot be read"):
        erased.erasure.run()

    damaged.unlink()
    assert places_of(erased.home.path) == []
    assert erased.erasure.is_due  # Something of it may be in the damaged one.


def test_a_segment_that_cannot_be_read_does_not_have_the_file_written_each_time(
    erased, monkeypatch
):
    deleted = erased.record(MARKER)
    erased.delete(deleted)

    def fail(_ids):
        raise EngineFault("A segment cannot be read.")

    monkeypatch.setattr(erased.store, "erase", fail)
    for _ in range(3):
        with pytest.raises(EngineFault):
            erased.erasure.run()

    assert erased.erasure.is_due
    assert erased.drops == 1
    assert erased.erasure._seconds > 0  # It is paced as any other one.
    erased.delete(erased.record("another"))
    with pytest.raises(EngineFault):
        erased.erasure.run()
    assert erased.drops == 2


def test_without_room_for_a_copy_the_journal_is_cleaned(erased, monkeypatch):
    erased.delete(erased.record(MARKER))
    monkeypatch.setattr(Store, "size_bytes", 2**60)

    with pytest.raises(EngineFault, match="A copy needs about"):
        erased.erasure.run()

    assert not [p for p in places_of(erased.home.path) if p.startswith("journal")]
    assert erased.erasure.is_due


def test_only_segments_with_something_of_it_are_written_again(erased):
    erased.record("other")
    erased.store.prune_journal()
    deleted = erased.record(MARKER)
    erased.store.prune_journal()
    erased.record("later")
    erased.delete(deleted)
    before = contents(erased.home)

    erased.erasure.run()

    after = contents(erased.home)
    changed = [number for number, content in before.items() if after[number] != content]
    assert len(changed) == 1
    assert len(after) == len(before) == 3


def test_removing_takes_a_twentieth_of_the_time_at_most(erased, monkeypatch):
    moments = iter([100.0, 102.0, 112.0, 112.0])
    monkeypatch.setattr(erasure_module, "monotonic", lambda: next(moments))
    erased.delete(erased.record("x"))
    assert erased.erasure.delay(is_person=True) == erasure_module.SOON

    erased.erasure.run()

    assert erased.erasure.delay(is_person=True) == 2 * 20 - 10
    assert erased.erasure.delay(is_person=False) == 2 * 20 - 10


@pytest.mark.kernel
def test_the_command_deletes_from_every_file(own_home, capsys):
    """Also from the copy for SQL; a kill of the engine changes nothing of that."""
    client = Client(own_home, started_by="ann")
    source = {"name": "f", "kind": "CELL", "source": "x = 1"}
    start = {"source": source, "run": False}
    ids = [
        client.start({**start, "inputs": {"in": MARKER}}).execution_id for _ in range(2)
    ]
    for id_ in ids:
        client.post(f"/execution/{id_}/output", {"output": {"out": MARKER}})
        client.post(f"/execution/{id_}/log", {"text": MARKER})
        client.act(id_, "cancel")
    client.sql("SELECT inputs FROM execution")
    assert places_of(own_home.path)

    client.request("DELETE", f"/execution/{ids[0]}")
    kill_engine(own_home)
    main(["execution", "delete", ids[1]])

    assert "Nothing of it is left in this home" in capsys.readouterr().out
    until(lambda: not client.get("/engine")["is_erasing"], description="it is removed")
    assert places_of(own_home.path) == []
    assert client.list_executions() == []
