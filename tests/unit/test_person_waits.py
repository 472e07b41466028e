"""Each moment in which a run waits for a person counts once, for it and for those above."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core.clock import new_id
from flowkernel.core.models import EventKind
from flowkernel.core.person_waits import MAX_WAITS, PersonWait, with_wait
from flowkernel.store import Store
from tests.run_family import NOON, Family, an_execution
from tests.run_family import family as family
from tests.run_family import record as record

K = EventKind


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
    other = family.beside()
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


def test_a_wait_ends_with_the_answer_and_not_with_the_next_slot(family):
    family.fail()
    message_id = family.prompt()

    family.answer(message_id, seconds=100, wait_for_slot=1000)

    assert family.waits(*family.line) == (102, 102, 102)


def test_a_message_that_is_answered_ends_the_wait_of_the_flow_that_sent_it(family):
    first, second = new_id(), new_id()
    for message_id in (first, second):
        message = {"message_id": message_id, "subject": "?", "message_type": "INFO"}
        body = {"properties": {}}
        family.record(family.child, K.MESSAGE_SENT, **message, body=body)
    family.record(family.child, K.WAITING, on="...", message_id=first)
    for message_id in (second, first):
        family.moment += timedelta(seconds=49)
        answer = {"message_id": message_id, "response": {}}
        family.record(family.child, K.MESSAGE_ANSWERED, **answer)
    family.moment += timedelta(seconds=1000)
    family.record(family.child, K.RESUMED)

    assert family.waits(*family.line) == (100, 100, 100)


@pytest.mark.parametrize("first", ["root", "wrapper", "child"])
def test_a_cancel_in_any_order_ends_the_wait_of_all(family, first):
    family.fail()
    family.prompt()
    family.moment += timedelta(seconds=98)
    line = {"root": family.root, "wrapper": family.wrapper, "child": family.child}

    for id_ in (line.pop(first), *line.values()):
        family.record(id_, K.ENDED, status="ENDED_CANCELLED")

    for id_ in family.line:
        execution = family.store.get_execution(id_)
        assert 99 <= execution.answer_seconds <= 103
        both = execution.answer_seconds + execution.work_seconds
        assert both == execution.duration
        assert (execution.waiting_since, execution.asked_at) == (None, None)


def test_the_loss_of_a_wrapper_loses_no_moment_of_those_above(family):
    family.fail()
    message_id = family.prompt()
    family.moment += timedelta(seconds=100)
    family.record(family.wrapper, K.LOST, worker="w")
    family.record(family.wrapper, K.STARTED, worker="w")
    started_at = family.moment
    family.record(family.wrapper, K.WAITING, on="...", message_id=message_id)
    family.answer(message_id, seconds=100, wait_for_slot=50)

    assert family.waits(family.root, family.child) == (205, 205)
    own = (family.moment - started_at).total_seconds() - 51
    assert family.waits(family.wrapper) == (own,)


def test_the_loss_of_a_flow_that_waits_for_an_answer_ends_the_wait_above(family):
    family.record(family.child, K.WAITING, on="...", message_id=new_id())
    family.moment += timedelta(seconds=99)
    family.record(family.child, K.LOST, worker="w")

    assert family.waits(*family.line) == (100, 100, 0)


def test_a_pause_while_it_waits_for_an_answer_goes_on_with_the_wait(family):
    family.record(family.child, K.REQUESTED, what="pause")
    family.record(family.child, K.WAITING, on="...", message_id=new_id())
    family.moment += timedelta(seconds=49)
    family.record(family.child, K.PAUSED)
    family.moment += timedelta(seconds=49)
    family.record(family.child, K.RESUMED)

    assert family.waits(*family.line) == (100, 100, 100)


def test_a_lost_kernel_does_not_end_the_wait_for_the_decision(family):
    family.fail()
    message_id = family.prompt()
    family.record(family.child, K.KERNEL_LOST, why="It ended.")
    family.answer(message_id, seconds=96)

    assert family.waits(*family.line) == (99, 99, 99)


def test_those_above_wait_on_with_a_flow_whose_parent_has_ended(family):
    family.record(family.child, K.WAITING, on="...", message_id=new_id())
    family.record(family.wrapper, K.ENDED, status="ENDED_SUCCESS")
    family.moment += timedelta(seconds=98)
    family.record(family.child, K.RESUMED)

    assert family.waits(*family.line) == (100, 1, 100)


def test_who_adopts_a_flow_that_waits_waits_with_it_from_then_on(family):
    family.record(family.child, K.WAITING, on="...", message_id=new_id())
    other = family.beside()
    family.moment += timedelta(seconds=95)
    adopted = {"parent_id": other.wrapper, "root_id": other.root, "call_key": "c"}
    family.record(family.child, K.ADOPTED, **adopted, former_parent_id=family.wrapper)
    family.moment += timedelta(seconds=99)
    family.record(family.child, K.RESUMED)

    assert family.waits(*family.line, other.wrapper) == (196, 96, 196, 100)


def test_a_wait_that_began_with_an_older_version_is_added_when_it_is_over(tmp_path):
    """Its parents were not told that it began."""
    path = tmp_path / "older.duckdb"
    with Store(path) as store:
        family = Family(store)
        family.record(family.wrapper, K.WAITING, on="...", message_id=new_id())
        family.record(family.root, K.SAVED, waiting_children=0)
        store.flush()

    with Store(path) as store:
        family.store = store
        family.moment += timedelta(seconds=98)
        family.record(family.wrapper, K.RESUMED)

        assert family.waits(family.root, family.wrapper) == (100, 100)


# -- in any order ----------------------------------------------------------------------------


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
