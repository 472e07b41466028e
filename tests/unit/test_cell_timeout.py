"""The time limit of a cell does not count the time in which it waits for a person."""

from datetime import UTC, datetime, timedelta

import pytest

from flowkernel.engine.prompts.answer_time import covered
from flowkernel.worker.notebook import cell_timeout
from flowkernel.worker.notebook.cell_timeout import CHECK_SECONDS, CellTimeout

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0),
        ([(1, 3)], 2),
        ([(-5, 3)], 3),
        ([(7, None)], 3),
        ([(1, 4), (2, 3)], 3),
        ([(2, 5), (1, 3)], 4),
        ([(1, 2), (4, None), (5, 6)], 7),
        ([(-5, -1)], 0),
        ([(12, None)], 0),
    ],
)
def test_time_in_which_several_prompts_wait_counts_once(spans, seconds):
    """From noon until ten seconds later."""
    moments = [(at(a), None if b is None else at(b)) for a, b in spans]

    assert covered(moments, NOON, at(10)) == seconds


class AnswerTime:
    """The engine's reply: seconds, and whether a person is waited for. Counts the calls."""

    def __init__(self):
        self.reply, self.count = (0.0, False), 0

    def __call__(self, _start):
        self.count += 1
        return self.reply


@pytest.fixture
def elapsed(monkeypatch):
    """The seconds that a cell has run; the test sets them."""
    clock = [0.0]
    monkeypatch.setattr(cell_timeout, "monotonic", lambda: clock[0])
    return clock


def test_a_cell_without_a_limit_is_never_over(elapsed):
    limit = CellTimeout(None, AnswerTime())
    elapsed[0] = 1e9

    assert not limit.is_over()


def test_a_limit_that_is_not_reached_asks_nothing(elapsed):
    answer_time = AnswerTime()
    limit = CellTimeout(10, answer_time)
    elapsed[0] = 9.9

    assert not limit.is_over()
    assert answer_time.count == 0


def test_a_limit_is_over_when_it_is_reached(elapsed):
    limit = CellTimeout(10, AnswerTime())
    elapsed[0] = 10

    assert limit.is_over()


def test_the_answer_time_is_added(elapsed):
    answer_time = AnswerTime()
    limit = CellTimeout(10, answer_time)
    elapsed[0], answer_time.reply = 10, (4.0, False)

    assert not limit.is_over()
    elapsed[0] = 13.9
    assert not limit.is_over()
    elapsed[0] = 14
    assert limit.is_over()


def test_while_it_waits_for_a_person_it_checks_now_and_then(elapsed):
    answer_time = AnswerTime()
    limit = CellTimeout(10, answer_time)
    answer_time.reply = (1.0, True)
    for elapsed[0] in (10, 10 + CHECK_SECONDS / 2, 10 + CHECK_SECONDS, 5_000):
        assert not limit.is_over()
    assert answer_time.count == 3

    elapsed[0], answer_time.reply = 5_001, (4_990.0, False)

    assert limit.is_over()
