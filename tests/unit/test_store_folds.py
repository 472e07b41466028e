"""Any events in any order: the tables are what the events make of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import Event, EventKind, Execution
from flowkernel.core.projection import fold
from flowkernel.core.status import ENDED, ExecutionStatus
from flowkernel.store import SqlLimits, Store

K = EventKind
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TABLES = {
    "execution": "execution_id",
    "cell_run": "cell_run_id",
    "message": "message_id",
}
IDS = [f"0000000{n}-0000-7000-8000-000000000000" for n in range(4)]


def payload(kind: K, number: int, id_: str, end: str) -> dict[str, object]:
    """The payload of an event of this kind. Few ids, so that events meet in one cell run."""
    execution = Execution(
        execution_id=id_,
        root_id=IDS[0],
        type="FLOW",
        flow_name="f",
        flow_version="v",
        name="n",
        status=ExecutionStatus.PENDING,
        created_at=NOON,
        parks=number % 2 == 0,
    )
    cell = {
        "cell_run_id": f"{id_[:-1]}{number % 3}",
        "cell_id": "c",
        "cell_index": number,
    }
    message = {
        "message_id": f"{id_[:-1]}{number % 3}",
        "subject": "s",
        "message_type": "t",
        "body": {"properties": {}} if number % 2 else None,
        "outlives": number % 4 == 1,
        "response": {"n": number},
        "status": "TIMED_OUT",
        "why": str(number),
    }
    payloads: dict[K, dict[str, object]] = {
        K.CREATED: execution.to_json(),
        K.ADOPTED: {
            "parent_id": IDS[number % 4],
            "root_id": IDS[number % 2],
            "call_key": str(number % 3),
        },
        K.STARTED: {"worker": f"w{number}"},
        K.ENDED: {"status": end, "status_message": str(number)},
        K.FAILED: {
            "status_message": str(number),
            "failure": {"source": "1 / 0"},
            "is_parked": number % 3 > 0,
        },
        K.DECIDED: {"verb": ["retry_cell", "skip", "retry", "fail"][number % 4]},
        K.KERNEL_LOST: {"why": str(number)},
        K.SAVED: {"name": str(number % 2)},
        K.OUTPUT_SET: {"output": [number]},
        K.CELLS_COUNTED: {"cell_count": number},
        K.REQUESTED: {"what": "cancel"},
        K.CELL_STARTED: cell | {"source_hash": "h"},
        K.CELL_ENDED: cell | {"status": "SUCCESS"},
        K.FAILED: {"status_message": str(number), "is_parked": bool(number % 2)},
        K.DECIDED: {"verb": ("retry_cell", "fail")[number % 2]},
        K.KERNEL_LOST: {"why": str(number)},
        K.MESSAGE_SENT: message,
        K.MESSAGE_CHANGED: message | {"message": str(number)},
        K.MESSAGE_ANSWERED: message,
        K.MESSAGE_CLOSED: message,
        K.LOGGED: {"stream": "stdout", "text": str(number)},
    }
    return payloads.get(kind, {})


@st.composite
def event_lists(draw: st.DrawFn) -> list[list[Event]]:
    """Lists of events for `append`: any kind, any order, some of them repeated."""
    kinds = st.sampled_from(
        [
            *K,
            *[K.QUEUED, K.STARTED, K.FAILED, K.CELL_STARTED, K.MESSAGE_SENT] * 3,
        ]
    )
    choices = draw(
        st.lists(
            st.tuples(
                st.integers(0, 70),
                st.sampled_from(IDS),
                kinds,
                st.sampled_from([*ENDED]),
            ),
            max_size=40,
        )
    )
    events = [
        Event(
            event_id=f"00000000-0000-7000-9000-{number:012x}",
            execution_id=id_,
            kind=kind,
            happened_at=NOON + timedelta(seconds=number),
            payload=payload(kind, number, id_, end),
        )
        for number, id_, kind, end in choices
    ]
    created = [
        replace(e, kind=K.CREATED, payload=payload(K.CREATED, 0, e.execution_id, ""))
        for e in events[:2]
    ]
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), max_size=6)))
    bounds = zip([0, *cuts], [*cuts, len(events)], strict=True)
    return [created, *[events[start:stop] for start, stop in bounds]]


def tables(store: Store) -> dict[str, list[object]]:
    return {
        name: store.query(f"FROM {name} ORDER BY {key}", SqlLimits(30, 999)).rows
        for name, key in TABLES.items()
    }


def in_memory(store: Store) -> dict[str, dict[str, object]]:
    """The messages that the store has in memory."""
    groups = store.follow(lambda _commit: None).messages
    return {id_: dict(messages) for id_, messages in groups.items() if messages}


def folded(events: Sequence[Event]) -> dict[str, Execution]:
    """By `fold` alone. What changes nothing but `last_seq` changes nothing."""
    executions: dict[str, Execution] = {}
    for event in events:
        previous = executions.get(event.execution_id)
        result = fold(previous, event)
        if previous is None or replace(result, last_seq=previous.last_seq) != previous:
            executions[event.execution_id] = result
    return executions


@pytest.mark.kernel
@settings(max_examples=60)
@given(calls=event_lists(), strictness=st.lists(st.booleans(), min_size=8, max_size=8))
def test_the_tables_are_the_projection_of_the_events(calls, strictness):
    with Store(":memory:") as store:
        recorded: list[Event] = []
        for events, strict in zip(calls, strictness, strict=False):
            try:
                recorded += store.append(events, strict=strict)
            except MoveNotAllowed:
                assert strict
        previous, live, messages = tables(store), dict(store.live), in_memory(store)

        store.rebuild()

        assert tables(store) == previous
        assert in_memory(store) == messages
        assert dict(store.live) == live
        expected = folded(recorded)
        assert {id_: store.get_execution(id_) for id_ in expected} == expected
        assert [event.seq for event in store.events_after(0).events] == [
            e.seq for e in recorded
        ]
        assert len({event.event_id for event in recorded}) == len(recorded)
