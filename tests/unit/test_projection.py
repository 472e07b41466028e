"""What events make of executions and cell runs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.interventions import LIVE_VERBS
from flowkernel.core.models import (
    CellRun,
    Event,
    EventKind,
    Execution,
    Failure,
    RequestedAction,
)
from flowkernel.core.projection import (
    DETAILS,
    MOVED_TO,
    close_cell,
    fold,
    fold_cell,
)
from flowkernel.core.status import ENDED, MOVES, CellStatus, ExecutionStatus
from tests.records import an_execution

S = ExecutionStatus
K = EventKind
A = RequestedAction
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def standing_at(status: S) -> Execution:
    return an_execution(status=status, last_seq=1)


def happened(execution: Execution, kind: K, /, **payload: object) -> Event:
    return Event(
        event_id=new_id(),
        execution_id=execution.execution_id,
        kind=kind,
        happened_at=NOON,
        payload=payload,
        root_id=execution.root_id,
        seq=7,
    )


def cell_started(execution: Execution) -> Event:
    said = {
        "cell_run_id": new_id(),
        "cell_id": "a",
        "cell_index": 0,
        "source_hash": "h",
    }
    return happened(execution, K.CELL_STARTED, **said)


def test_the_moves_cover_every_status():
    assert set(MOVES) == set(S)
    assert {status for status in S if status.is_ended} == ENDED


def test_the_details_cover_every_kind_that_is_about_the_execution_itself():
    """A new kind is thought of here the day it is born."""
    others = {K.CREATED, K.LOGGED, K.CELL_ENDED, K.MESSAGE_SENT, K.MESSAGE_CHANGED}

    assert set(DETAILS) == set(K) - others


@pytest.mark.parametrize("kind", MOVED_TO)
@pytest.mark.parametrize("now", S)
def test_an_event_moves_exactly_where_the_table_allows(now, kind):
    execution = replace(standing_at(now), requested_action=A.PAUSE, parks=True)
    event = happened(execution, kind, worker="w1", status_message="", is_parked=True)

    fits = {
        K.STARTED: {S.QUEUED},
        K.RESUMED: {S.WAITING, S.PAUSED},
        K.FAILED: {S.RUNNING, S.WAITING},
        K.QUEUED: {S.PENDING, S.PAUSED},
    }.get(kind, set(S))
    if MOVED_TO[kind] in MOVES[now] and now in fits:
        assert fold(execution, event).status is MOVED_TO[kind]
    else:
        with pytest.raises(
            MoveNotAllowed, match=f"has the status {now.label} and cannot"
        ):
            fold(execution, event)


def failed(*, is_parked=True, **fields):
    """One that failed, and that somebody may decide on."""
    running = replace(standing_at(S.RUNNING), parks=True, worker="w1", **fields)
    return after(running, K.FAILED, status_message="no", is_parked=is_parked)


def after(execution, kind, **payload):
    return fold(execution, happened(execution, kind, **payload))


def test_a_failure_is_put_aside_with_its_kernel_until_it_is_decided():
    parked = failed()
    assert (parked.status, parked.is_failed, parked.worker) == (S.PAUSED, True, "w1")

    decided = after(parked, K.DECIDED, verb="retry_cell")

    assert (decided.is_failed, decided.requested_action) == (False, A.RESUME)
    resumed = after(decided, K.RESUMED)
    assert (resumed.status, resumed.parked_at) == (S.RUNNING, None)


def test_a_failure_goes_on_only_as_somebody_decides():
    for kind, said in (
        (K.RESUMED, {}),
        (K.QUEUED, {}),
        (K.REQUESTED, {"what": "resume"}),
    ):
        for execution in (failed(), failed(is_parked=False)):
            with pytest.raises(MoveNotAllowed):
                after(execution, kind, **said)


def test_what_needs_the_kernel_is_not_decided_once_that_is_gone():
    for gone in (failed(is_parked=False), after(failed(), K.KERNEL_LOST, why="Gone.")):
        for verb in ("retry_cell", "skip"):
            with pytest.raises(MoveNotAllowed):
                after(gone, K.DECIDED, verb=verb)
        assert after(gone, K.DECIDED, verb="retry").decision.verb == "retry"


def test_a_decision_for_a_kernel_that_is_lost_is_open_again():
    decided = after(failed(), K.DECIDED, verb="retry_cell")

    lost = after(decided, K.KERNEL_LOST, why="Its worker was lost.")

    assert (lost.is_failed, lost.requested_action, lost.worker) == (True, None, None)


def test_a_cancel_is_not_forgotten_over_a_failure():
    cancelled = failed(requested_action=A.CANCEL)
    assert cancelled.requested_action is A.CANCEL
    assert after(cancelled, K.KERNEL_LOST, why="Gone.").requested_action is A.CANCEL
    with pytest.raises(MoveNotAllowed):
        after(cancelled, K.DECIDED, verb="retry_cell")


def test_a_kernel_does_not_pause_once_that_was_taken_back():
    execution = standing_at(S.RUNNING)

    with pytest.raises(MoveNotAllowed):
        fold(execution, happened(execution, K.PAUSED))


@pytest.mark.parametrize("end", sorted(ENDED))
@pytest.mark.parametrize("now", S)
def test_an_execution_ends_exactly_where_the_table_allows(now, end):
    execution = standing_at(now)
    event = happened(execution, K.ENDED, status=end)

    if end in MOVES[now]:
        after = fold(execution, event)
        assert (after.status, after.ended_at, after.last_seq) == (end, NOON, 7)
    else:
        with pytest.raises(MoveNotAllowed):
            fold(execution, event)


@pytest.mark.parametrize("ended", sorted(ENDED))
@pytest.mark.parametrize("kind", K)
def test_after_the_end_it_is_only_saved_logged_and_adopted_and_hears_of_answers(
    ended, kind
):
    execution = standing_at(ended)
    late = {"name": "new", "text": "late", "parent_id": "retry", "message_id": "m"}
    event = happened(execution, kind, status=ended, **late)

    if kind in (K.SAVED, K.LOGGED, K.ADOPTED):
        assert fold(execution, event).status is ended
    elif kind in (K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED):
        assert replace(fold(execution, event), last_seq=execution.last_seq) == execution
    else:
        with pytest.raises(MoveNotAllowed):
            fold(execution, event)


@pytest.mark.parametrize("kind", [kind for kind in K if kind is not K.CREATED])
def test_nothing_happens_to_an_execution_nobody_created(kind):
    with pytest.raises(MoveNotAllowed, match="is unknown and cannot"):
        fold(None, happened(standing_at(S.PENDING), kind))


def test_an_execution_is_created_once():
    execution = standing_at(S.PENDING)
    event = happened(execution, K.CREATED, **execution.to_json())

    assert fold(None, event) == replace(execution, last_seq=7)
    with pytest.raises(MoveNotAllowed, match="created again"):
        fold(execution, event)


def test_saving_overwrites_only_what_a_person_may_change():
    execution = standing_at(S.ENDED_ERROR)

    after = fold(
        execution, happened(execution, K.SAVED, name="new", output=1, status="x")
    )

    assert after == replace(execution, name="new", last_seq=7)


def test_a_lost_execution_counts_it_and_has_no_worker():
    running = replace(standing_at(S.RUNNING), worker="w1", started_at=NOON)

    after = fold(running, happened(running, K.LOST, worker="w1"))

    assert (after.losses, after.worker, after.started_at) == (1, None, None)


@pytest.mark.parametrize(
    "status", [s for s in CellStatus if s is not CellStatus.RUNNING]
)
def test_a_cell_run_ends_once(status):
    started = cell_started(standing_at(S.RUNNING))
    running = fold_cell(None, started)
    ended = replace(
        started,
        kind=K.CELL_ENDED,
        payload={"cell_run_id": running.cell_run_id, "status": status},
    )

    first = fold_cell(running, ended)

    assert isinstance(first, CellRun)
    assert (first.status, first.ended_at) == (status, NOON)
    assert fold_cell(first, replace(ended, seq=8)) == first


def test_the_end_of_a_cell_nobody_started_makes_no_cell_run():
    execution = standing_at(S.RUNNING)
    said = {"cell_run_id": new_id(), "status": "SUCCESS"}

    assert fold_cell(None, happened(execution, K.CELL_ENDED, **said)) is None


def test_a_closed_cell_is_lost():
    execution = standing_at(S.RUNNING)
    running = fold_cell(None, cell_started(execution))

    closed = close_cell(running, happened(execution, K.LOST))

    assert (closed.status, closed.ended_at) == (CellStatus.LOST, NOON)


def test_what_succeeds_after_a_failure_does_not_keep_its_message():
    """Also if it ends before it is recorded that it goes on."""
    failed = replace(
        standing_at(S.PAUSED), status_message="NameError: x", failure=Failure()
    )
    end = happened(failed, K.ENDED, status=S.ENDED_SUCCESS)
    end_with_message = happened(
        failed, K.ENDED, status=S.ENDED_SUCCESS, status_message="8 rows"
    )
    error = happened(failed, K.ENDED, status=S.ENDED_ERROR)

    assert fold(failed, end).status_message is None
    assert fold(failed, end_with_message).status_message == "8 rows"
    assert fold(failed, error).status_message == "NameError: x"


def test_what_parks_fails_without_an_end_and_keeps_its_worker_with_its_kernel():
    parked, gone = failed(), failed(is_parked=False)

    assert (parked.status, parked.worker, parked.parked_at) == (S.PAUSED, "w1", NOON)
    assert (gone.status, gone.worker, gone.parked_at) == (S.PAUSED, None, None)
    assert parked.is_failed
    assert gone.is_failed


def test_what_does_not_park_cannot_be_put_aside():
    execution = standing_at(S.RUNNING)

    with pytest.raises(MoveNotAllowed):
        fold(
            execution,
            happened(execution, K.FAILED, status_message="x", is_parked=False),
        )


def test_a_failure_does_not_forget_that_it_is_being_cancelled():
    assert failed(requested_action=A.CANCEL).requested_action is A.CANCEL
    assert failed(requested_action=A.PAUSE).requested_action is None


@pytest.mark.parametrize("verb", sorted(LIVE_VERBS))
def test_a_failure_goes_on_in_its_kernel_once(verb):
    execution = failed()
    decided = happened(execution, K.DECIDED, verb=verb)

    after = fold(execution, decided)

    assert (after.requested_action, after.is_failed) == (A.RESUME, False)
    with pytest.raises(MoveNotAllowed):
        fold(after, decided)
    running = fold(after, happened(after, K.RESUMED))
    assert (running.status, running.failure, running.parked_at) == (
        S.RUNNING,
        None,
        None,
    )


@pytest.mark.parametrize("verb", sorted(LIVE_VERBS))
def test_nothing_goes_on_in_a_kernel_that_is_gone(verb):
    execution = failed()

    lost = fold(execution, happened(execution, K.KERNEL_LOST, why="It ended."))

    assert lost.is_failed
    assert lost.failure.kernel_lost == "It ended."
    with pytest.raises(MoveNotAllowed):
        fold(lost, happened(lost, K.DECIDED, verb=verb))


def test_a_failure_does_not_simply_go_on():
    execution = failed()

    with pytest.raises(MoveNotAllowed):
        fold(execution, happened(execution, K.RESUMED))
