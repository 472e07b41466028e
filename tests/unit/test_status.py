"""The moves between statuses, and when a wait is over."""

from itertools import combinations_with_replacement

import pytest

from flowkernel.core.status import ENDED, MOVES, ExecutionStatus, ReturnWhen

S = ExecutionStatus
W = ReturnWhen


def test_the_moves_cover_every_status():
    assert set(MOVES) == set(S)
    assert all(moves <= set(S) for moves in MOVES.values())


@pytest.mark.parametrize("status", S)
def test_only_what_has_ended_cannot_be_left(status):
    assert status.is_ended is (status in ENDED) is status.name.startswith("ENDED_")
    assert not status.can_become(status)


@pytest.mark.parametrize("status", [status for status in S if not status.is_ended])
def test_everything_that_has_not_ended_can_be_cancelled(status):
    assert status.can_become(S.ENDED_CANCELLED)


@pytest.mark.parametrize(
    ("return_when", "statuses", "is_settled"),
    [
        (W.ALL_ENDED, [S.ENDED_ERROR, S.RUNNING], False),
        (W.ALL_ENDED, [S.ENDED_ERROR, S.ENDED_CANCELLED], True),
        (W.ALL_SUCCEEDED, [S.ENDED_SUCCESS, S.RUNNING], False),
        (W.ALL_SUCCEEDED, [S.ENDED_ERROR, S.RUNNING], True),
        (W.ALL_SUCCEEDED, [S.ENDED_SUCCESS, S.ENDED_SUCCESS], True),
        (W.FIRST_ENDED, [S.RUNNING, S.QUEUED], False),
        (W.FIRST_ENDED, [S.ENDED_ERROR, S.QUEUED], True),
        (W.FIRST_SUCCEEDED, [S.ENDED_ERROR, S.RUNNING], False),
        (W.FIRST_SUCCEEDED, [S.ENDED_SUCCESS, S.RUNNING], True),
        (W.FIRST_SUCCEEDED, [S.ENDED_ERROR, S.ENDED_CANCELLED], True),
    ],
)
def test_when_a_wait_is_over(return_when, statuses, is_settled):
    assert return_when.is_settled(statuses) is is_settled
    assert return_when.is_settled(statuses[::-1]) is is_settled


@pytest.mark.parametrize("return_when", W)
def test_every_wait_is_over_once_all_have_ended_and_not_before_one_has(return_when):
    live = [status for status in S if not status.is_ended]

    for pair in combinations_with_replacement(ENDED, 2):
        assert return_when.is_settled(list(pair))
    for pair in combinations_with_replacement(live, 2):
        assert not return_when.is_settled(list(pair))
    assert return_when.is_settled([])
