"""No time limit of a flow counts the time in which a person is waited for."""

from datetime import UTC, datetime, timedelta

import pytest

from flowkernel.engine.prompts.answer_time import covered
from flowkernel.worker.notebook import cell_timeout
from flowkernel.worker.notebook.cell_timeout import LOOK_SECONDS, CellTimeout

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
def test_time_in_which_several_are_waited_for_counts_once(spans, seconds):
    """From noon until ten seconds later."""
    moments = [(at(a), None if b is None else at(b)) for a, b in spans]

    assert covered(moments, NOON, at(10)) == seconds


class Told:
    """What the engine says of people, and how often it was asked."""

    def __init__(self):
        self.answer, self.count = (0.0, False), 0

    def __call__(self, _since):
        self.count += 1
        return self.answer


@pytest.fixture
def spent(monkeypatch):
    """The seconds a cell has taken; the test sets them."""
    clock = [0.0]
    monkeypatch.setattr(cell_timeout, "monotonic", lambda: clock[0])
    return clock


def test_a_cell_without_a_limit_is_never_over(spent):
    limit = CellTimeout(None, Told())
    spent[0] = 1e9

    assert not limit.is_over()


def test_a_limit_that_is_not_reached_asks_nobody(spent):
    told = Told()
    limit = CellTimeout(10, told)
    spent[0] = 9.9

    assert not limit.is_over()
    assert told.count == 0


def test_a_limit_is_over_when_it_is_reached(spent):
    limit = CellTimeout(10, Told())
    spent[0] = 10

    assert limit.is_over()


def test_what_a_person_took_is_added(spent):
    told = Told()
    limit = CellTimeout(10, told)
    spent[0], told.answer = 10, (4.0, False)

    assert not limit.is_over()
    spent[0] = 13.9
    assert not limit.is_over()
    spent[0] = 14
    assert limit.is_over()


def test_while_a_person_is_waited_for_it_looks_now_and_then(spent):
    told = Told()
    limit = CellTimeout(10, told)
    told.answer = (1.0, True)
    for spent[0] in (10, 10 + LOOK_SECONDS / 2, 10 + LOOK_SECONDS, 5_000):
        assert not limit.is_over()
    assert told.count == 3

    spent[0], told.answer = 5_001, (4_990.0, False)

    assert limit.is_over()
