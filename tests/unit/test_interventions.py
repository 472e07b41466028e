"""What people did to a run is in its columns, and said of what is above it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.config import Config
from flowkernel.core.clock import new_id
from flowkernel.core.event_factory import make_event
from flowkernel.core.interventions import (
    MAX_WAITS,
    PersonWait,
    changed_inputs,
    with_wait,
)
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import (
    Decision,
    DecisionVerb,
    EventKind,
    Execution,
    FlowKind,
    Wrapped,
)
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.callers import ExecutionCaller, PersonCaller
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import SourceRecord, StartRequest
from flowkernel.home import Home
from flowkernel.store import SqlLimits, Store

K = EventKind
S = ExecutionStatus
V = DecisionVerb
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADA = {"message_id": new_id(), "decided_by": "ada", "decided_from": "notebook"}
EDIT = {"verb": "retry_cell", "source": "1 / 1", "difference": "+1 / 1"}
WRAPPED = Wrapped(flow_name="f", flow_version="v", name="f")
NOBODY = {"verb": "fail", "decided_by": "execution 0199", "why": "Nobody was there."}


def an_execution(**fields):
    values = {"status": S.QUEUED, **fields}
    id_ = new_id()
    return Execution(
        execution_id=id_,
        root_id=values.pop("root_id", id_),
        type="FLOW",
        flow_name="f",
        flow_version="v",
        name="f",
        created_at=NOON,
        parks=True,
        **values,
    )


class Family:
    """A plain root, a wrapper under it, and the flow that this runs; each step one second."""

    def __init__(self, store):
        self.store = store
        self.moment = NOON
        self.root = self.add()
        self.wrapper = self.add(self.root, wrapped=WRAPPED)
        self.child = self.add(self.wrapper, call_key=CALL_KEY)

    def add(self, parent=None, **fields):
        if parent is not None:
            fields |= {"parent_id": parent, "root_id": self.root}
        execution = an_execution(**fields)
        id_ = execution.execution_id
        self.record(id_, K.CREATED, **execution.to_json())
        self.record(id_, K.STARTED, worker="w")
        return id_

    def record(self, id_, kind, /, **payload):
        self.moment += timedelta(seconds=1)
        event = make_event(id_, kind, **payload)
        return self.store.append([replace(event, happened_at=self.moment)])

    def fail(self, **failure):
        payload = {"status_message": "no", "is_parked": True, "failure": failure}
        self.record(self.child, K.FAILED, **payload)

    def decide(self, **decision):
        self.record(self.child, K.DECIDED, **{**ADA, **decision})

    def resume(self):
        self.record(self.child, K.RESUMED)

    def prompt(self):
        """Ask about the failure; the wrapper waits. The id of the message."""
        message_id = new_id()
        message = {
            "message_id": message_id,
            "subject": "f failed",
            "message_type": "ERROR",
            "body": {"properties": {}},
            "about_id": self.child,
        }
        self.record(self.wrapper, K.MESSAGE_SENT, **message)
        self.record(self.wrapper, K.WAITING, on="...", message_id=message_id)
        return message_id

    def answer(self, message_id, seconds):
        self.moment += timedelta(seconds=seconds)
        self.record(
            self.wrapper, K.MESSAGE_ANSWERED, message_id=message_id, response={}
        )
        self.record(self.wrapper, K.RESUMED)

    def fields(self, id_, *names):
        return tuple(getattr(self.store.get_execution(id_), name) for name in names)


@pytest.fixture
def family():
    with Store(":memory:") as store:
        yield Family(store)
        limits = SqlLimits(5, 99)
        rows = store.query("FROM execution ORDER BY execution_id", limits).rows
        store.rebuild()
        again = store.query("FROM execution ORDER BY execution_id", limits).rows
        assert again == rows, "the tables are the projection of the events"


COUNTS = ("skipped_cells", "mended_cells", "retried_cells", "decided_by")


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        ({"verb": "skip", "values": {"x": 1}}, (1, 0, 0, "ada")),
        (EDIT, (0, 1, 0, "ada")),
        ({"verb": "retry_cell"}, (0, 0, 1, "ada")),
        ({"verb": "retry"}, (0, 0, 0, "ada")),
        ({"verb": "fail"}, (0, 0, 0, "ada")),
        ({**NOBODY, "message_id": None}, (0, 0, 0, None)),
    ],
)
def test_a_decision_of_a_person_is_in_columns(family, decision, expected):
    family.fail()

    family.decide(**decision)

    assert family.fields(family.child, *COUNTS) == expected


def test_a_cell_counts_once_however_often_it_is_mended(family):
    family.fail()
    family.decide(**EDIT)
    family.resume()
    family.fail(is_mended=True)
    family.decide(**EDIT)
    family.resume()
    family.fail(is_mended=True)
    family.decide(verb="skip")

    assert family.fields(family.child, *COUNTS) == (1, 1, 0, "ada")


def test_a_wrapper_says_what_is_said_of_the_flow_that_it_runs(family):
    family.fail()
    family.decide(verb="skip")

    assert family.fields(family.wrapper, *COUNTS) == (1, 0, 0, "ada")


def test_a_plain_parent_says_who_decided_under_it(family):
    family.fail()
    family.decide(verb="skip")

    assert family.fields(family.root, *COUNTS) == (0, 0, 0, None)
    assert family.fields(family.root, "decided_under") == ("ada",)


def test_nothing_is_said_of_a_family_that_nobody_touched(family):
    family.fail()
    family.record(family.child, K.DECIDED, **NOBODY)

    for id_ in (family.root, family.wrapper, family.child):
        assert family.fields(id_, *COUNTS, "decided_under") == (0, 0, 0, None, None)


def test_the_next_try_of_a_wrapper_begins_untouched(family):
    family.fail()
    family.decide(verb="skip")
    family.resume()
    family.fail()
    family.decide(verb="retry")
    family.record(family.child, K.ENDED, status="ENDED_ERROR")

    family.add(family.wrapper, call_key=CALL_KEY, retry_of=family.child)

    assert family.fields(family.wrapper, *COUNTS) == (0, 0, 0, "ada")
    assert family.fields(family.child, *COUNTS) == (1, 0, 0, "ada")


def test_what_runs_again_after_a_loss_is_untouched(family):
    family.fail()
    family.decide(verb="skip")
    family.resume()

    family.record(family.child, K.LOST, worker="w")

    for id_ in (family.child, family.wrapper):
        assert family.fields(id_, *COUNTS[:3]) == (0, 0, 0)
    assert family.fields(family.child, "decided_by") == (None,)


def test_inputs_that_a_person_changed_are_said_of_the_wrapper_too(family):
    family.add(family.wrapper, call_key=CALL_KEY, inputs_changed_by="ada")

    assert family.fields(family.wrapper, "inputs_changed_by") == ("ada",)
    assert family.fields(family.root, "decided_under") == ("ada",)


def test_the_time_of_an_answer_is_a_wait_of_the_whole_line(family):
    family.fail()
    message_id = family.prompt()
    assert family.fields(family.wrapper, "asked_at")[0] is not None

    family.answer(message_id, seconds=100)

    for id_ in (family.child, family.wrapper, family.root):
        [seconds] = family.fields(id_, "answer_seconds")
        assert 100 <= seconds <= 103
    assert family.fields(family.wrapper, "asked_at") == (None,)


def test_a_prompt_that_nobody_answered_was_a_wait_too(family):
    family.fail()
    message_id = family.prompt()
    family.moment += timedelta(seconds=60)
    closed = {"message_id": message_id, "status": "TIMED_OUT", "why": "Too late."}

    family.record(family.wrapper, K.MESSAGE_CLOSED, **closed)
    family.record(family.wrapper, K.RESUMED)

    for id_ in (family.child, family.wrapper, family.root):
        [seconds] = family.fields(id_, "answer_seconds")
        assert 60 <= seconds <= 63


def test_prompts_that_are_open_at_the_same_time_are_one_wait_of_their_parent(family):
    other = Family.__new__(Family)
    other.store, other.root, other.moment = family.store, family.root, family.moment
    other.wrapper = other.add(family.root, wrapped=WRAPPED)
    other.child = other.add(other.wrapper, call_key=CALL_KEY)
    for each in (family, other):
        each.fail()
    family.moment = other.moment = max(family.moment, other.moment)
    first, second = family.prompt(), other.prompt()

    other.answer(second, seconds=50)
    family.answer(first, seconds=100)

    assert 100 <= family.fields(family.root, "answer_seconds")[0] <= 105
    assert 50 <= family.fields(other.child, "answer_seconds")[0] <= 53
    family.moment = max(family.moment, other.moment)


def test_a_wait_for_another_run_is_no_wait_for_a_person(family):
    family.record(family.root, K.WAITING, on="Waiting for 'f'.")
    family.moment += timedelta(seconds=100)
    family.record(family.root, K.RESUMED)

    assert family.fields(family.root, "answer_seconds", "asked_at") == (0, None)


def test_a_pause_is_a_wait_for_a_person(family):
    family.record(family.child, K.REQUESTED, what="pause")
    family.record(family.child, K.PAUSED)
    family.moment += timedelta(seconds=100)
    family.record(family.child, K.RESUMED)

    for id_ in (family.child, family.wrapper, family.root):
        assert family.fields(id_, "answer_seconds") == (101,)


def test_what_was_paused_before_it_started_waited_for_nobody(family):
    queued = an_execution(parent_id=family.root, root_id=family.root)
    family.record(queued.execution_id, K.CREATED, **queued.to_json())
    family.record(queued.execution_id, K.PAUSED)
    family.moment += timedelta(seconds=100)

    family.record(queued.execution_id, K.QUEUED)

    assert family.fields(queued.execution_id, "answer_seconds", "asked_at") == (0, None)


def test_an_end_while_it_waits_for_a_person_ends_the_wait(family):
    family.fail()
    family.prompt()
    family.moment += timedelta(seconds=30)

    family.record(family.wrapper, K.ENDED, status="ENDED_CANCELLED")

    for id_ in (family.wrapper, family.root):
        assert 30 <= family.fields(id_, "answer_seconds")[0] <= 33


# -- waits -----------------------------------------------------------------------------------

MOMENTS = st.integers(0, 60)


@given(st.lists(st.tuples(MOMENTS, MOMENTS), max_size=12), MOMENTS)
def test_what_overlaps_is_counted_once_in_any_order(spans, started):
    execution = an_execution(started_at=NOON + timedelta(seconds=started))
    for start, end in spans:
        moments = (NOON + timedelta(seconds=second) for second in (start, end))
        execution = with_wait(execution, PersonWait(*moments))

    seconds = {s for start, end in spans for s in range(max(start, started), end)}
    assert execution.answer_seconds == len(seconds)


def test_many_waits_are_bounded_and_their_sum_has_all():
    execution = an_execution(started_at=NOON)
    for number in range(MAX_WAITS + 50):
        start = NOON + timedelta(seconds=2 * number)
        wait = PersonWait(start, start + timedelta(seconds=1))
        execution = with_wait(execution, wait)

    assert execution.answer_seconds == MAX_WAITS + 50
    assert len(execution.answer_waits) == MAX_WAITS


# -- inputs ----------------------------------------------------------------------------------


def decided(**fields):
    return Decision(**{"verb": V.RETRY_WITH_INPUTS, **ADA, **fields})


def test_a_retry_with_other_inputs_says_who_changed_what():
    decision = decided(inputs={"day": 2})
    first = an_execution(inputs={"day": 1, "rate": 3}, decision=decision)
    second = an_execution(inputs={"day": 2, "rate": 3})

    fields = changed_inputs(first, second, None)

    assert fields == {"inputs_changed_by": "ada", "replaced_inputs": {"day": 1}}


def test_a_person_who_retries_with_other_inputs_changed_them():
    first, second = an_execution(inputs={"day": 1}), an_execution(inputs={"day": 2})

    assert changed_inputs(first, second, "bob")["inputs_changed_by"] == "bob"
    assert changed_inputs(first, second, None) == {}


def test_a_retry_of_changed_inputs_has_changed_inputs():
    first = an_execution(
        inputs={"day": 2}, inputs_changed_by="ada", replaced_inputs={"day": 1}
    )

    fields = changed_inputs(first, an_execution(inputs={"day": 2}), "bob")

    assert fields == {"inputs_changed_by": "ada", "replaced_inputs": {"day": 1}}


def test_the_inputs_of_a_wrapper_are_those_of_what_it_runs():
    first = an_execution(wrapped=replace(WRAPPED, inputs={"day": 1}), inputs={"n": 1})
    second = an_execution(wrapped=replace(WRAPPED, inputs={"day": 1}), inputs={"n": 2})

    assert changed_inputs(first, second, "bob")["inputs_changed_by"] is None


@pytest.mark.parametrize(
    ("claim", "caller", "person"),
    [
        ({"started_by": "bob (command line)"}, PersonCaller("account"), "bob"),
        ({}, PersonCaller("account"), "account"),
        ({"started_by": "bob (notebook)"}, ExecutionCaller("e", 1), None),
    ],
)
def test_a_retry_with_other_inputs_names_the_person_who_asked_for_it(
    tmp_path, claim, caller, person
):
    with Store(":memory:") as store:
        service = Service(store, Home(tmp_path), Config())
        source = SourceRecord(name="f", kind=FlowKind.CELL, source="1")
        first = service.start(StartRequest(source=source, inputs={"n": 1}))
        store.append(
            [
                make_event(first.execution_id, K.STARTED, worker="w"),
                make_event(first.execution_id, K.ENDED, status="ENDED_ERROR"),
            ]
        )
        if isinstance(caller, ExecutionCaller):
            flow = service.start(StartRequest(source=source))
            store.append([make_event(flow.execution_id, K.STARTED, worker="w")])
            caller = ExecutionCaller(flow.execution_id, 1)

        request = StartRequest(inputs={"n": 2}, allow_extra=True, **claim)
        second = service.retry(first.execution_id, request, caller=caller)

        assert second.inputs_changed_by == person
        assert second.replaced_inputs == ({"n": 1} if person else None)


def test_what_is_no_retry_has_its_own_inputs():
    assert changed_inputs(None, an_execution(inputs={"day": 1}), "bob") == {}


@pytest.mark.parametrize(
    ("fields", "is_of_person"),
    [
        ({}, True),
        ({"decided_by": ""}, False),
        ({"decided_by": "execution 0199"}, False),
        ({"why": "Nobody answered in time."}, False),
    ],
)
def test_only_people_are_people(fields, is_of_person):
    assert decided(**fields).is_of_person is is_of_person
