"""Children are cancelled with their parent."""

from datetime import UTC, datetime

import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.models import Event, EventKind, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.cancellation import (
    cancels,
    to_cancel,
)
from tests.records import an_execution

S = ExecutionStatus
K = EventKind
A = RequestedAction
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def execution(execution_id, status=S.RUNNING, **fields):
    return an_execution(execution_id, status, root_id="parent", **fields)


def child(status, **fields):
    return execution("child", status, parent_id="parent", **fields)


def parent_event(kind, **payload):
    return Event(
        event_id=new_id(),
        execution_id="parent",
        kind=kind,
        happened_at=NOON,
        payload=payload,
    )


@pytest.mark.parametrize("what", ["cancel", "pause", "resume", None])
def test_only_a_request_to_cancel_cancels(what):
    assert cancels(parent_event(K.REQUESTED, what=what)) is (what == "cancel")


@pytest.mark.parametrize("status", [status for status in S if status.is_ended])
def test_an_end_cancels_only_if_it_is_that(status):
    assert cancels(parent_event(K.ENDED, status=status)) is (
        status is S.ENDED_CANCELLED
    )


def test_what_is_being_cancelled_is_not_cancelled_again():
    running = child(S.RUNNING, worker="w")
    requested = child(S.RUNNING, worker="w", requested_action=A.CANCEL)

    for event in (
        parent_event(K.REQUESTED, what="cancel"),
        parent_event(K.ENDED, status=S.ENDED_CANCELLED),
    ):
        assert to_cancel(event, [running, requested]) == [running]


@pytest.mark.parametrize("status", [status for status in S if not status.is_ended])
def test_only_what_was_only_recorded_ends_with_its_parent(status):
    ended = parent_event(K.ENDED, status=S.ENDED_ERROR)

    assert bool(to_cancel(ended, [child(status)])) is (status is S.PENDING)
