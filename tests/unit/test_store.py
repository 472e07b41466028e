"""What recording and reading promise. One process, in memory."""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from flowkernel.core.clock import new_id, short_id
from flowkernel.core.errors import (
    BadArgument,
    EngineFault,
    ExecutionNotFound,
    FlowNotFound,
    MessageNotFound,
    MoveNotAllowed,
    NotOpen,
)
from flowkernel.core.models import (
    CellError,
    CellRun,
    Environment,
    Event,
    EventKind,
    Execution,
    Flow,
    FlowKind,
    FlowVersion,
    Message,
    Wrapped,
)
from flowkernel.core.projection import fold
from flowkernel.core.status import ENDED, CellStatus, ExecutionStatus, MessageStatus
from flowkernel.store import HEAVY, Commit, SqlLimits, Store
from flowkernel.store.caches import RecentIds
from tests.records import an_execution

S = ExecutionStatus
K = EventKind
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
UNKNOWN = "00000000-0000-7000-8000-000000000000"
#: The events that lead from PENDING to each status, as (kind, payload).
STEPS: dict[S, list[tuple[K, dict[str, object]]]] = {
    S.PENDING: [],
    S.QUEUED: [(K.QUEUED, {})],
    S.RUNNING: [(K.QUEUED, {}), (K.STARTED, {"worker": "w1"})],
    S.WAITING: [
        (K.QUEUED, {}),
        (K.STARTED, {"worker": "w1"}),
        (K.WAITING, {"on": "x"}),
    ],
    S.PAUSED: [(K.QUEUED, {}), (K.PAUSED, {})],
} | {
    end: [(K.QUEUED, {}), (K.STARTED, {"worker": "w1"}), (K.ENDED, {"status": end})]
    for end in ENDED
}
AddExecution = Callable[..., Execution]


def make_event(execution: Execution | str, kind: K, /, **payload: object) -> Event:
    id_ = execution if isinstance(execution, str) else execution.execution_id
    return Event(
        event_id=new_id(),
        execution_id=id_,
        kind=kind,
        happened_at=NOON,
        payload=payload,
    )


def ended_event(execution: Execution, status: S) -> Event:
    return make_event(execution, K.ENDED, status=status)


def cell_started_event(execution: Execution, **values: object) -> Event:
    payload = {
        "cell_run_id": new_id(),
        "cell_id": "a",
        "cell_index": 0,
        "source_hash": "h",
    }
    return make_event(execution, K.CELL_STARTED, **(payload | values))


def created_event(**values: object) -> Event:
    execution = an_execution(**{"status": S.PENDING} | values)
    return make_event(execution, K.CREATED, **execution.to_json())


@pytest.fixture
def store() -> Iterator[Store]:
    """A real store, in memory: fast enough to need no fake."""
    with Store(":memory:") as store:
        yield store


@pytest.fixture
def add_execution(store: Store) -> AddExecution:
    """Adds an execution that stands at `status`, and returns it."""

    def add(status: S = S.PENDING, **values: object) -> Execution:
        event = created_event(**values)
        steps = [
            make_event(event.execution_id, kind, **payload)
            for kind, payload in STEPS[status]
        ]
        store.append([event, *steps])
        return store.get_execution(event.execution_id)

    return add


def test_the_tables_have_the_fields_of_the_models(store):
    models = {
        "execution": Execution,
        "cell_run": CellRun,
        "message": Message,
        "flow": Flow,
    }

    for table, model in models.items():
        columns = store.query(f"DESCRIBE {table}", SqlLimits(5, 99)).rows
        assert [row[0] for row in columns] == [item.name for item in fields(model)]


@pytest.mark.parametrize("status", S)
def test_appended_events_are_stored(store, add_execution, status):
    execution = add_execution(status)

    rows = store.query("SELECT status FROM execution", SqlLimits(5, 9)).rows

    assert execution.status is status
    assert rows == [[status]]
    assert (execution.execution_id in store.live) is not status.is_ended


def test_append_returns_the_events_as_they_are_stored(store):
    event = created_event()

    recorded = store.append(
        [event, make_event(event.execution_id, K.LOGGED, text="hi")]
    )

    assert [e.seq for e in recorded] == [1, 2]
    assert {e.root_id for e in recorded} == {event.execution_id}
    assert store.events_after(0).events[0] == recorded[0]
    assert store.last_seq == 2


@pytest.mark.parametrize("first", sorted(ENDED))
@pytest.mark.parametrize("second", sorted(ENDED))
def test_append_refuses_a_second_ending(store, add_execution, first, second):
    """The first ending stands."""
    execution = add_execution(first)
    refusal = f"has the status {first.label} and cannot change to {second.label}"

    with pytest.raises(MoveNotAllowed, match=refusal):
        store.append([ended_event(execution, second)])

    assert store.get_execution(execution.execution_id) == execution


def test_strict_records_none_if_one_is_refused(store, add_execution):
    execution = add_execution(S.RUNNING)
    last = store.last_seq

    with pytest.raises(MoveNotAllowed):
        store.append(
            [make_event(execution, K.SAVED, name="x"), make_event(execution, K.STARTED)]
        )

    assert store.get_execution(execution.execution_id) == execution
    assert (store.last_seq, store.events_after(last).events) == (last, [])


def test_not_strict_skips_refused_events(store, add_execution):
    execution = add_execution(S.PENDING)
    saved = make_event(execution, K.SAVED, name="x")

    recorded = store.append(
        [make_event(execution, K.QUEUED), *[saved]] * 2, strict=False
    )

    assert [event.kind for event in recorded] == [K.QUEUED, K.SAVED]


def test_a_known_event_is_skipped(store, add_execution):
    execution = add_execution(S.RUNNING)
    log = make_event(execution, K.LOGGED, stream="stdout", text="once")
    end = ended_event(execution, S.ENDED_SUCCESS)

    assert len(store.append([log, end])) == 2
    assert store.append([log, end]) == []
    assert [event.payload["text"] for event in store.log(execution.execution_id)] == [
        "once"
    ]


def test_recent_ids_are_the_newest():
    recent = RecentIds(["a"], limit=2)

    recent.add(["b", "c"])

    assert [id_ in recent for id_ in "abc"] == [False, True, True]


@pytest.mark.parametrize("kind", [K.LOST, K.ENDED])
def test_running_cells_are_closed_when_their_kernel_is_lost(store, add_execution, kind):
    execution = add_execution(S.RUNNING)
    store.append([cell_started_event(execution)])

    store.append([make_event(execution, kind, worker="w2", status="ENDED_ERROR")])

    (run,) = store.cell_runs(execution.execution_id)
    assert (run.status, run.ended_at) == (CellStatus.LOST, NOON)


def test_a_cell_run_keeps_its_error(store, add_execution):
    execution = add_execution(S.RUNNING)
    start = cell_started_event(execution, cell_index=3)
    failed = {"status": "ERROR", "error_name": "ValueError", "error_message": "no"}

    id_ = start.payload["cell_run_id"]
    store.append([start])
    store.append(
        [make_event(execution, K.CELL_ENDED, cell_run_id=id_, traceback="tb", **failed)]
    )

    (run,) = store.cell_runs(execution.execution_id)
    assert (run.cell_index, run.status, run.error_name) == (
        3,
        CellStatus.ERROR,
        "ValueError",
    )


def test_a_second_start_of_a_cell_run_changes_nothing(store, add_execution):
    execution = add_execution(S.RUNNING)
    start = cell_started_event(execution)
    id_ = start.payload["cell_run_id"]
    end = make_event(execution, K.CELL_ENDED, cell_run_id=id_, status="SUCCESS")

    store.append([start, end])
    store.append([replace(start, event_id=new_id())])

    assert [run.status for run in store.cell_runs(execution.execution_id)] == [
        "SUCCESS"
    ]


def test_cells_and_logs_do_not_change_the_row_of_the_execution(store, add_execution):
    """Otherwise every cell would cost an update of it."""
    execution = add_execution(S.RUNNING)

    store.append(
        [cell_started_event(execution), make_event(execution, K.LOGGED, text="x")]
    )

    assert store.get_execution(execution.execution_id) == execution


EXACT = {
    "big": 10**30,
    "huge": 10**400,
    "small": -1e-320,
    "text": "naïve 😀 \u2028 \x00 \\ \" '",
    "": {"": [None, True, [], {}]},
    "nested": [[[{"a": [1, 2.5]}]]],
}


def test_values_come_back_exactly(store, add_execution):
    execution = add_execution(S.RUNNING, inputs=EXACT)

    store.append([make_event(execution, K.OUTPUT_SET, output=EXACT)])
    store.append(
        [ended_event(execution, S.ENDED_SUCCESS)]
    )  # Now it is read from its row.

    stored = store.get_execution(execution.execution_id)
    assert (stored.inputs, stored.output) == (EXACT, EXACT)
    assert store.events_after(0).events[0].payload["inputs"] == EXACT


def test_an_execution_comes_back_as_it_was(store, add_execution):
    early = NOON - timedelta(days=1, microseconds=1)
    error = {"name": "ValueError", "message": "no", "cell_index": 2}
    execution = add_execution(
        S.RUNNING, created_at=early, environment=Environment(cwd="/x"), cell_timeout=1.5
    )

    (recorded,) = store.append(
        [
            make_event(
                execution,
                K.ENDED,
                status=S.ENDED_ERROR,
                error=error,
                status_message="no",
            )
        ]
    )

    stored = store.get_execution(execution.execution_id)
    assert stored == fold(execution, recorded)
    assert stored.error == CellError(**error)


def test_text_that_is_not_unicode_gets_question_marks(store, add_execution):
    execution = add_execution(S.RUNNING)

    store.append([make_event(execution, K.LOGGED, stream="stdout", text="a\ud800b")])

    assert store.log(execution.execution_id)[0].payload["text"] == "a?b"


@pytest.mark.parametrize(
    "event",
    [
        replace(created_event(), event_id="x"),
        replace(created_event(), execution_id=UNKNOWN.upper() + "A"),
        replace(created_event(), execution_id=UNKNOWN),
        replace(created_event(), payload={"status": "PENDING"}),
        replace(created_event(), payload={"x": float("nan")}),
        replace(created_event(), payload={"x": object()}),
        replace(created_event(), happened_at=datetime(2026, 1, 1)),
    ],
    ids=["event_id", "no id", "other id", "fields", "nan", "object", "zone"],
)
def test_an_event_that_cannot_be_stored_is_refused(store, event):
    with pytest.raises(BadArgument):
        store.append([event])

    assert store.events_after(0).events == []


def test_followers_get_the_events_and_the_state_after_them(
    store, caplog, add_execution
):
    commits: list[Commit] = []
    before = add_execution()
    store.follow(lambda commit: 1 / 0)
    first = store.follow(commits.append)
    event = created_event()

    recorded = store.append([event, make_event(event.execution_id, K.QUEUED)])

    assert (first.events, set(first.live)) == ((), {before.execution_id})
    [commit] = commits
    assert list(commit.events) == recorded
    assert commit.seq == recorded[-1].seq == first.seq + 2
    assert commit.live == store.live
    assert "listener" in caplog.text


def test_what_was_handed_over_stays_as_it_was(store, add_execution):
    commits: list[Commit] = []
    store.follow(commits.append)
    execution_id = add_execution().execution_id
    statuses = [commit.live[execution_id].status for commit in commits]

    store.append([make_event(execution_id, K.ENDED, status=S.ENDED_CANCELLED)])

    assert [c.live[execution_id].status for c in commits[:-1]] == statuses
    assert execution_id not in commits[-1].live


def test_live_is_replaced_not_changed(store, add_execution):
    previous = store.live

    add_execution()

    assert (len(previous), len(store.live)) == (0, 1)


def test_an_id_out_of_order_is_still_looked_up(store, add_execution):
    """Only for an id above all others the tables need not be read."""
    old = add_execution(S.ENDED_SUCCESS, execution_id=UNKNOWN)
    add_execution()

    with pytest.raises(MoveNotAllowed, match="created again"):
        store.append([created_event(execution_id=old.execution_id)])


@pytest.mark.parametrize("id_", [UNKNOWN, "no id", "", "' OR 1=1"])
def test_an_unknown_execution_is_not_found(store, id_):
    with pytest.raises(ExecutionNotFound):
        store.get_execution(id_)


def test_resolve_id_takes_a_beginning_or_an_end(store, add_execution):
    first = add_execution(
        execution_id="01234567-0000-7000-8000-00000000aaaa"
    ).execution_id
    second = add_execution(
        execution_id="01239999-0000-7000-8000-00000000bbbb"
    ).execution_id

    assert [store.resolve_id(t) for t in ("01234", "BBBB", second)] == [
        first,
        second,
        second,
    ]
    with pytest.raises(BadArgument, match=f"can mean .*{first}"):
        store.resolve_id("0123")
    with pytest.raises(BadArgument, match="too short"):
        store.resolve_id("012")
    for text in ("ffff", UNKNOWN):
        with pytest.raises(ExecutionNotFound):
            store.resolve_id(text)


def test_pages_are_newest_first_and_miss_none(store, add_execution):
    moments = [NOON + timedelta(hours=hour) for hour in (0, 0, 1, 2, 2)]
    ids = [add_execution(created_at=moment).execution_id for moment in moments]

    first = [e.execution_id for e in store.list_executions(limit=2)]
    second = [e.execution_id for e in store.list_executions(limit=9, cursor=first[-1])]

    assert first + second == ids[::-1]


def test_a_list_can_begin_at_a_moment(store, add_execution):
    early, late = (
        add_execution(created_at=NOON + timedelta(hours=hour)) for hour in (0, 1)
    )

    for moment, expected in (
        (NOON, [late, early]),
        (NOON + timedelta(microseconds=1), [late]),
        (late.created_at.astimezone(timezone(timedelta(hours=5))), [late]),
        (NOON + timedelta(hours=2), []),
    ):
        listed = store.list_executions(oldest=moment)
        assert [e.execution_id for e in listed] == [e.execution_id for e in expected]


def test_a_root_that_runs_a_flow_through_a_wrapper_is_a_run_of_the_flow(
    store, add_execution
):
    wrapped = Wrapped(flow_name="report", flow_version="v", name="report")
    root = add_execution(flow_name="retry", wrapped=wrapped)

    for name in ("report", "retry"):
        [listed] = store.list_executions(is_root=True, flow_name=name)
        assert listed.execution_id == root.execution_id
    assert store.list_executions(flow_name="report") == []


def test_a_short_id_as_lists_show_it_means_an_execution_of_any_age(
    store, add_execution, monkeypatch
):
    monkeypatch.setattr("flowkernel.store.queries.MATCHED_EXECUTIONS", 1)
    moments = [NOON + timedelta(hours=hour) for hour in range(3)]
    ids = [add_execution(created_at=moment).execution_id for moment in moments]

    assert [store.resolve_id(short_id(id_)) for id_ in ids] == ids
    for id_ in ids[:-1]:  # An end means one of the newest alone.
        with pytest.raises(ExecutionNotFound):
            store.resolve_id(id_[-8:])


def test_an_ambiguous_id_names_what_it_can_mean(store, add_execution):
    for number in range(7):
        execution_id = f"0123456{number}-0000-7000-8000-000000000000"
        add_execution(
            S.ENDED_ERROR, execution_id=execution_id, name=f"report {number} " * 9
        )

    with pytest.raises(BadArgument) as caught:
        store.resolve_id("012345")

    text = str(caught.value)
    assert text.count("failed)") == 5
    assert "('report " in text
    assert text.endswith(" and others. Give more characters of the id.")
    assert len(text) < 600


def test_lists_have_filters(store, add_execution):
    root = add_execution(S.RUNNING, flow_name="a")
    child = add_execution(
        S.ENDED_ERROR,
        flow_name="b",
        parent_id=root.execution_id,
        root_id=root.root_id,
        depth=1,
    )
    store.append([make_event(child, K.SAVED, is_archived=True)])

    def ids(**filters: object) -> list[str]:
        return [
            execution.execution_id for execution in store.list_executions(**filters)
        ]

    assert ids(status=S.RUNNING) == ids(flow_name="a") == ids(is_archived=False)
    assert ids(status=S.RUNNING) == [root.execution_id]
    assert ids(status=S.ENDED_ERROR) == ids(flow_name="b") == ids(is_archived=True)
    assert ids(parent_id=root.execution_id) == [child.execution_id]
    assert ids(is_root=True) == ids(is_ended=False) == [root.execution_id]
    assert ids(is_ended=True) == ids(flow_name="b") == [child.execution_id]
    assert ids(is_root=True, flow_name="b") == []
    assert len(ids(root_id=root.root_id)) == len(ids()) == 2


def test_lineage(store, add_execution):
    root = add_execution()
    below = {"root_id": root.root_id}
    child = add_execution(parent_id=root.execution_id, depth=1, **below)
    grandchild = add_execution(parent_id=child.execution_id, depth=2, **below)
    add_execution()

    members = [json.loads(member.text) for member in store.family(root.root_id)]
    assert [Execution.from_json(member) for member in members] == [
        root,
        child,
        grandchild,
    ]
    assert members[0].keys() == root.to_json().keys() - HEAVY
    assert store.ancestors(grandchild.execution_id) == [child, root]
    assert store.ancestors(root.execution_id) == []


def test_events_and_logs_come_in_one_order(store, add_execution):
    first, other = add_execution(), add_execution()
    store.append([make_event(first, K.LOGGED, stream="stdout", text="a")])
    store.append([make_event(first, K.QUEUED), make_event(other, K.QUEUED)])

    def kinds(**filters: object) -> list[str]:
        return [str(event.kind) for event in store.events_after(1, **filters).events]

    assert kinds() == ["created", "logged", "queued", "queued"]
    assert kinds(execution_id=first.execution_id) == ["logged", "queued"]
    assert kinds(root_id=other.root_id, limit=1) == ["created"]
    assert store.log(first.execution_id, after_seq=3) == []


def test_a_message_is_kept(store, add_execution):
    execution = add_execution(S.RUNNING)
    payload = {
        "message_id": new_id(),
        "subject": "s",
        "message": "m",
        "message_type": "INFO",
    }

    store.append([make_event(execution, K.MESSAGE_SENT, **payload)])

    message = store.get_message(payload["message_id"])
    assert store.list_messages() == [message]
    assert (message.subject, message.created_at) == ("s", NOON)
    for id_ in ("x", UNKNOWN):
        with pytest.raises(MessageNotFound):
            store.get_message(id_)


def message_payload(**fields):
    defaults = {"subject": "s", "message_type": "INFO", "body": {"properties": {}}}
    return {"message_id": new_id(), **defaults, **fields}


def test_an_answered_message_is_stored_and_no_longer_open(store, add_execution):
    execution, payload = add_execution(S.RUNNING), message_payload()
    store.append([make_event(execution, K.MESSAGE_SENT, **payload)])
    [message] = store.open_messages()
    answer = {"message_id": payload["message_id"], "response": {"ok": True}}

    store.append([make_event(execution, K.MESSAGE_ANSWERED, **answer)])

    stored = store.get_message(payload["message_id"])
    assert message.status is MessageStatus.OPEN
    assert (stored.status, stored.response) == (MessageStatus.ANSWERED, {"ok": True})
    assert store.open_messages() == []
    assert store.messages_of(execution.execution_id) == [stored]
    with pytest.raises(NotOpen):
        store.append([make_event(execution, K.MESSAGE_ANSWERED, **answer)])
    store.rebuild()
    assert store.get_message(payload["message_id"]) == stored


def test_of_two_answers_in_one_batch_the_first_counts(store, add_execution):
    execution, payload = add_execution(S.RUNNING), message_payload()
    first, second = (
        make_event(
            execution,
            K.MESSAGE_ANSWERED,
            message_id=payload["message_id"],
            response={"n": n},
        )
        for n in range(2)
    )

    recorded = store.append(
        [make_event(execution, K.MESSAGE_SENT, **payload), first, second], strict=False
    )

    assert [event.event_id for event in recorded[1:]] == [first.event_id]
    assert store.get_message(payload["message_id"]).response == {"n": 0}


def test_the_end_of_an_execution_closes_its_messages(store, add_execution):
    execution, payload = add_execution(S.RUNNING), message_payload()
    store.append([make_event(execution, K.MESSAGE_SENT, **payload)])

    store.append([make_event(execution, K.ENDED, status=S.ENDED_ERROR)])

    assert store.open_messages() == []
    assert store.get_message(payload["message_id"]).status is MessageStatus.CLOSED


def test_flows_are_replaced_listed_and_deleted(store):
    flow = Flow(name="report", kind=FlowKind.CELL, source="1", registered_at=NOON)

    store.save_flow(replace(flow, name="other"))
    store.save_flow(flow)
    store.save_flow(replace(flow, source="2"))

    assert store.get_flow("report").source == "2"
    assert [flow.name for flow in store.list_flows()] == ["other", "report"]
    store.delete_flow("report")
    for ask in (store.get_flow, store.delete_flow):
        with pytest.raises(FlowNotFound, match="'repord'"):
            ask("repord")
    with pytest.raises(FlowNotFound):
        store.get_flow("report")


def test_a_version_is_kept_once(store):
    version = FlowVersion(
        flow_version="h1",
        flow_name="report",
        kind=FlowKind.CELL,
        source="1",
        path="a.py",
    )

    for _ in range(2):
        store.save_version(version)

    assert store.get_version("h1") == version
    assert store.query("SELECT hash FROM flow_version", SqlLimits(5, 9)).rows == [
        ["h1"]
    ]
    with pytest.raises(BadArgument, match="'h2'"):
        store.get_version("h2")


def test_a_closed_store_raises():
    store = Store(":memory:")
    store.close()
    store.close()

    with pytest.raises(EngineFault, match="closed"):
        store.append([created_event()])
    with pytest.raises(EngineFault, match="closed"):
        store.list_executions()
