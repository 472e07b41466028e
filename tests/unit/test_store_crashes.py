"""Whenever the process is killed, and however often: the tables are as if it never was."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import Event, Flow, FlowKind
from flowkernel.store import SqlLimits, Store
from flowkernel.store.journal.frames import frame_bytes
from flowkernel.store.journal.segments import list_segments
from tests.unit.test_store_folds import TABLES, event_lists, folded

EVENTS = "SELECT * EXCLUDE (event_id) FROM event ORDER BY seq"
LOGS = "FROM log ORDER BY seq"
FLOWS = "SELECT name, source FROM flow ORDER BY name"


class CrashingStore:
    """A store that can be killed: its files are copied as they are, and the copy opened."""

    def __init__(self, folder: Path) -> None:
        self._folders = (folder / str(number) for number in range(1_000))
        self._home = next(self._folders)
        self._home.mkdir()
        self.store = Store(self._home / "s.duckdb")

    def crash(self, cut: int) -> None:
        """Stop while `cut` bytes of a frame are written, which is not acknowledged yet."""
        home = next(self._folders)
        with (
            self.store._projector.table_lock
        ):  # A file that is being written cannot be copied.
            shutil.copytree(self._home, home)
        half = frame_bytes(b'{"frame":1}' * 20)[:cut]
        with open(list_segments(home / "s.duckdb.journal")[-1], "ab") as file:
            file.write(half)
        self.store.close()
        self._home = home
        self.store = Store(home / "s.duckdb")


def tables(store: Store) -> list[list[object]]:
    queries = [EVENTS, LOGS, FLOWS]
    queries += [f"FROM {name} ORDER BY {key}" for name, key in TABLES.items()]
    return [store.query(sql, SqlLimits(30, 9_999)).rows for sql in queries]


def record(store: Store, events: Sequence[Event], number: int) -> list[Event]:
    flow = Flow(name=f"f{number % 3}", kind=FlowKind.CELL, source=str(number))
    store.save_flow(flow)
    try:
        return store.append(events)
    except MoveNotAllowed:
        return store.append(events, strict=False)


@pytest.mark.kernel
@settings(max_examples=20)
@given(
    calls=event_lists(),
    interruptions=st.lists(
        st.one_of(
            st.none(), st.just("flush"), st.sampled_from([0, 1, 11, 12, 13, 40, 231])
        ),
        min_size=8,
        max_size=8,
    ),
)
def test_the_tables_are_as_if_there_had_been_no_crash(calls, interruptions):
    with TemporaryDirectory() as folder, Store(":memory:") as other:
        crashing = CrashingStore(Path(folder))
        recorded: list[Event] = []
        steps = zip(calls, interruptions, strict=False)
        for number, (events, interruption) in enumerate(steps):
            returned = record(crashing.store, events, number)
            assert [e.seq for e in returned] == [
                e.seq for e in record(other, events, number)
            ]
            recorded += returned
            if interruption == "flush":
                crashing.store.list_messages()
            elif isinstance(interruption, int):
                crashing.crash(interruption)
            assert dict(crashing.store.live) == dict(other.live)
        crashing.crash(0)

        assert tables(crashing.store) == tables(other)
        expected = folded(recorded)
        actual = {id_: crashing.store.get_execution(id_) for id_ in expected}
        assert actual == expected
        crashing.store.close()
