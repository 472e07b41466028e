"""Reading by number: pages are bounded, say how far they go, and part nothing."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.core.clock import new_id
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus
from flowkernel.store import EXECUTION, MESSAGE, Store
from flowkernel.store.rows import LIGHT_TEXT
from tests.unit.test_store import created_event, make_event

K = EventKind
S = ExecutionStatus
FORM = {"properties": {"ok": {"element": "submit"}}}


@pytest.fixture
def store():
    with Store(":memory:") as store:
        yield store


def started(store, **fields):
    """A new execution that runs, in the store."""
    created = created_event(**fields)
    id_ = created.execution_id
    store.append([created, make_event(id_, K.QUEUED)])
    store.append([make_event(id_, K.STARTED, worker="w")])
    return store.get_execution(id_)


def sent(execution, subject="s"):
    values = {"subject": subject, "message": "m", "message_type": "INFO", "body": FORM}
    return make_event(execution, K.MESSAGE_SENT, message_id=new_id(), **values)


def all_events(store, **bounds):
    seq, events, sizes = 0, [], []
    while (page := store.events_after(seq, **bounds)).upto > seq:
        events += page.events
        sizes.append(len(page.events))
        seq = page.upto
    return events, sizes


def all_changes(store, limit):
    seq, rows = 0, []
    while not (page := store.changes_after(seq, limit=limit)).is_complete:
        rows += page.rows
        seq = page.upto
    return rows + page.rows


def test_a_page_of_events_has_few_bytes_and_at_least_one_event(store):
    execution = started(store)
    for _ in range(5):
        store.append([make_event(execution, K.OUTPUT_SET, output="x" * 1_000_000)])
        store.append([make_event(execution, K.LOGGED, stream="log", text="y" * 90_000)])

    events, sizes = all_events(store, max_bytes=200_000)

    assert [event.seq for event in events] == list(range(1, store.last_seq + 1))
    assert max(sizes[1:]) == 1
    assert all_events(store)[0] == events


def test_a_short_page_goes_as_far_as_the_store_does(store):
    first, second = started(store), started(store)
    page = store.events_after(0, root_id=first.root_id)

    assert {event.execution_id for event in page.events} == {first.execution_id}
    assert page.upto == store.last_seq
    assert store.events_after(page.upto).events == []
    assert second.last_seq == page.upto


@given(st.integers(1, 3), st.integers(1, 2_000))
@settings(max_examples=20)
def test_pages_of_any_size_have_each_event_once(limit, max_bytes):
    with Store(":memory:") as store:
        execution = started(store)
        store.append(
            make_event(execution, K.LOGGED, stream="log", text="z" * i * 100)
            for i in range(6)
        )
        store.append([sent(execution), sent(execution)])

        events, sizes = all_events(store, limit=limit, max_bytes=max_bytes)

        assert [event.seq for event in events] == list(range(1, store.last_seq + 1))
        assert max(sizes) <= limit


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_rows_that_one_event_changed_are_never_parted(store, limit):
    first, second = started(store), started(store)
    store.append([sent(first), sent(first), sent(first), sent(second)])
    store.append([make_event(first, K.ENDED, status=S.ENDED_SUCCESS)])
    store.append([make_event(second, K.OUTPUT_SET, output=1)])

    rows = all_changes(store, limit)

    changed = [(row.seq, row.execution_id, row.status) for row in rows]
    end, last = store.last_seq - 1, store.last_seq
    assert changed[0] == (end - 1, second.execution_id, None)
    closed = [(end, first.execution_id, None)] * 3
    assert sorted(changed[1:5], key=str) == sorted(
        [*closed, (end, first.execution_id, "ENDED_SUCCESS")], key=str
    )
    assert changed[5:] == [(last, second.execution_id, "RUNNING")]


def test_only_what_was_last_changed_up_to_a_number_is_in_a_page(store):
    first, second = started(store), started(store)

    page = store.changes_after(0, upto=first.last_seq)

    assert [row.execution_id for row in page.rows] == [first.execution_id]
    assert page.upto == first.last_seq
    assert [row.execution_id for row in store.changes_after(page.upto).rows] == [
        second.execution_id
    ]


def test_which_columns_a_light_row_has_is_found_once():
    """It took three quarters of the time of each row that changes."""
    assert EXECUTION.light_columns is EXECUTION.light_columns
    assert EXECUTION.heavy is EXECUTION.heavy


def test_a_light_row_of_the_store_is_that_of_the_model(store):
    execution = started(store, inputs={"x": "large"}, status_message=None)
    store.append([sent(execution, subject="é" * 3 * LIGHT_TEXT)])
    values = {"status_message": "é" * 3 * LIGHT_TEXT, "name": "a 'name'"}
    store.append([make_event(execution, K.SAVED, **values)])
    [message] = store.open_messages()

    message_row, execution_row = store.changes_after(0).rows

    current = store.get_execution(execution.execution_id)
    assert json.loads(execution_row.text) == EXECUTION.light_row(current)
    assert json.loads(message_row.text) == MESSAGE.light_row(message)
    assert not {"inputs", "environment", "output"} & set(EXECUTION.light_row(current))
    assert len(execution_row.text) < 2 * LIGHT_TEXT


def test_a_message_says_which_event_changed_it_last(store):
    execution = started(store)
    [first, second] = store.append([sent(execution), sent(execution)])
    answer = {"message_id": first.payload["message_id"], "response": {"ok": True}}
    [answered] = store.append([make_event(execution, K.MESSAGE_ANSWERED, **answer)])
    [ended] = store.append([make_event(execution, K.ENDED, status=S.ENDED_SUCCESS)])

    seqs = {m.message_id: m.last_seq for m in store.messages_of(execution.execution_id)}

    assert seqs == {
        first.payload["message_id"]: answered.seq,
        second.payload["message_id"]: ended.seq,
    }


def test_a_commit_has_the_rows_as_they_were_after_it(store):
    commits = []
    store.follow(commits.append)
    execution = started(store)
    store.append([sent(execution)])
    store.append([make_event(execution, K.ENDED, status=S.ENDED_SUCCESS)])
    store.prune([execution.root_id])

    statuses = [
        e.status
        for commit in commits
        for id_, e in commit.changed.items()
        if id_ == execution.execution_id
    ]
    messages = [m.status for c in commits for m in c.changed_messages]
    assert statuses == [S.QUEUED, S.RUNNING, S.ENDED_SUCCESS]
    assert messages == ["OPEN", "CLOSED"]
    assert [set(commit.removed) for commit in commits][-1] == {execution.root_id}
    assert commits[-1].seq == store.last_seq
