"""What a worker has to do follows from what is on disk and from what it holds."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core.models import Decision, DecisionVerb, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.assignments import (
    WorkerHoldings,
    attempt_of,
    find_dropped,
    plan_assignments,
)
from flowkernel.engine.dispatch.slots import EXTERNAL
from tests.records import an_execution

S = ExecutionStatus
A = RequestedAction
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DECISION = Decision(verb=DecisionVerb.SKIP, decision_id="d1")


def execution(execution_id="e", status=S.RUNNING, *, worker="w", **fields):
    return an_execution(execution_id, status, worker=worker, **fields)


def assigned(*live, holding=(), paused=(), worker="w", **engine):
    """The assignments of a worker that holds these."""
    attempts = holding if isinstance(holding, dict) else dict.fromkeys(holding, 1)
    holdings = WorkerHoldings(worker_id=worker, holding=attempts, paused=set(paused))
    engine = {"is_stopping": False, "is_homeless": False, **engine}
    return plan_assignments(live, holdings, **engine)


def test_a_worker_starts_what_it_does_not_have_yet():
    running = execution()

    assert assigned(running).start == [running]
    assert assigned(running, holding={"e"}).start == []


@pytest.mark.parametrize("status", [status for status in S if status is not S.RUNNING])
def test_only_what_runs_is_started(status):
    assert assigned(execution(status=status)).start == []


@pytest.mark.parametrize("status", list(S))
def test_what_a_worker_had_and_has_no_longer_is_dropped_and_not_given_again(status):
    own = execution(status=status)
    holdings = WorkerHoldings(
        worker_id="w", holding={}, paused=set(), attempts={attempt_of(own)}
    )

    assignments = plan_assignments(
        [own], holdings, is_stopping=False, is_homeless=False
    )

    assert assignments.start == []
    is_lost = status in (S.RUNNING, S.WAITING)
    assert find_dropped([own], holdings) == ([own] if is_lost else [])
    assert find_dropped([own], replace(holdings, holding={"e": 1})) == []
    assert find_dropped([own], replace(holdings, worker_id="other")) == []


def test_the_next_attempt_of_what_was_dropped_is_started():
    holdings = WorkerHoldings(
        worker_id="w", holding={}, paused=set(), attempts={attempt_of(execution())}
    )
    again = execution(losses=1)

    assignments = plan_assignments(
        [again], holdings, is_stopping=False, is_homeless=False
    )

    assert assignments.start == [again]
    assert find_dropped([again], holdings) == []


def test_what_another_worker_has_is_no_work():
    assignments = assigned(execution(worker="other", requested_action=A.CANCEL))

    assert not assignments.has_work


def test_a_papermill_process_starts_nothing():
    """It brings the one execution that it carries out."""
    external = f"{EXTERNAL}7"

    assert assigned(execution(worker=external), worker=external).start == []


def test_a_cancel_is_repeated_until_it_is_done():
    assignments = assigned(execution(requested_action=A.CANCEL), holding={"e"})

    assert assignments.cancel == ["e"]
    assert assignments.has_work


def test_a_pause_is_repeated_until_it_is_done():
    running = execution(requested_action=A.PAUSE)

    assert assigned(running, holding={"e"}).pause == ["e"]
    assert assigned(running, holding={"e"}, paused={"e"}).pause == []


@pytest.mark.parametrize(
    ("now", "goes_on"),
    [
        (execution(), True),
        (execution(requested_action=A.CANCEL), True),
        (execution(requested_action=A.PAUSE), False),
        (execution(status=S.PAUSED, requested_action=A.RESUME), False),
    ],
)
def test_a_paused_one_goes_on_once_it_has_its_slot(now, goes_on):
    assignments = assigned(now, holding={"e"}, paused={"e"})

    assert assignments.resume == (["e"] if goes_on else [])


def test_a_resume_comes_with_the_decision():
    assignments = assigned(execution(decision=DECISION), holding={"e"}, paused={"e"})

    assert (assignments.resume, assignments.decisions) == (["e"], {"e": DECISION})


def test_a_decision_without_a_slot_is_no_work_yet():
    parked = execution(status=S.PAUSED, decision=DECISION)

    assert not assigned(parked, holding={"e"}, paused={"e"}).has_work


@pytest.mark.parametrize(
    "live",
    [[], [execution(worker="other")], [execution(status=S.QUEUED)]],
    ids=["ended", "of another worker", "queued again"],
)
def test_what_is_no_longer_its_own_is_dropped(live):
    assert assigned(*live, holding={"e"}).drop == ["e"]


def test_an_attempt_that_is_over_is_dropped_before_the_next_one_is_started():
    again = execution(losses=1, requested_action=A.CANCEL)

    before = assigned(again, holding={"e": 1}, paused={"e"})
    after = assigned(again)

    assert (before.drop, before.start) == (["e"], [])
    assert (before.cancel, before.resume, before.decisions) == ([], [], {})
    assert (after.drop, after.start) == ([], [again])


def test_without_a_home_everything_is_dropped():
    assignments = assigned(execution(), holding={"e"}, is_homeless=True)

    assert assignments.drop == ["e"]


def test_an_engine_that_stops_stops_its_workers():
    assert assigned(is_stopping=True).has_work
    assert not assigned().has_work


NAMES = ["a", "b", "c"]
LIVE = st.lists(
    st.builds(
        execution,
        st.sampled_from(NAMES),
        st.sampled_from([status for status in S if not status.is_ended]),
        worker=st.sampled_from(["w", "other", None]),
        requested_action=st.sampled_from([None, *A]),
    ),
    unique_by=lambda execution: execution.execution_id,
)
SOME = st.sets(st.sampled_from(NAMES))


@given(live=LIVE, holding=SOME, paused=SOME)
def test_nothing_is_both_dropped_and_requested(live, holding, paused):
    assignments = assigned(*live, holding=holding, paused=paused & holding)

    requested = {*assignments.cancel, *assignments.pause, *assignments.resume}
    assert requested <= holding
    assert not requested & set(assignments.drop)
    assert not set(assignments.pause) & set(assignments.resume)
    assert not {e.execution_id for e in assignments.start} & holding


@given(live=LIVE, holding=SOME)
def test_a_worker_that_did_its_work_has_no_work(live, holding):
    """Drops and starts are done at once; what gets lost on the way is repeated."""
    assignments = assigned(*live, holding=holding)
    started = {e.execution_id for e in assignments.start}
    without_requests = [replace(e, requested_action=None) for e in live]

    after = assigned(
        *without_requests, holding=(holding - set(assignments.drop)) | started
    )

    assert not after.has_work
