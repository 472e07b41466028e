"""What runs in a worker that is gone is found, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.lost_workers import find_orphans
from tests.records import an_execution

S = ExecutionStatus
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEASE = 9.0


def assigned(status=S.RUNNING, **fields):
    return an_execution("e", status, worker="w", **fields)


def is_gone(_worker_id):
    return False


def is_there(worker_id):
    return worker_id == "w"


@pytest.mark.parametrize("status", [status for status in S if not status.is_ended])
def test_what_runs_in_a_worker_that_is_gone_is_an_orphan(status):
    execution = assigned(status)

    orphans = find_orphans([execution], is_gone, NOON, LEASE)

    has_worker = status in (S.RUNNING, S.WAITING, S.PAUSED)
    assert orphans == ([execution] if has_worker else [])
    assert find_orphans([execution], is_there, NOON, LEASE) == []


def test_what_started_just_now_is_no_orphan():
    """Its worker need not have polled yet."""
    started = assigned(started_at=NOON)

    assert (
        find_orphans([started], is_gone, NOON + timedelta(seconds=LEASE / 2), LEASE)
        == []
    )
    assert find_orphans([started], is_gone, NOON + timedelta(seconds=LEASE), LEASE) == [
        started
    ]
