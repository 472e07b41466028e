"""Until when a message waits, in words."""

from datetime import UTC, datetime, timedelta

import pytest

from flowkernel.display.deadline import clock_text, deadline_text, left_text

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "its time is over"),
        (0, "its time is over"),
        (0.2, "1 s left"),
        (120, "120 s left"),
        (121, "3 min left"),
        (1_800, "30 min left"),
        (3_600, "1 h 00 min left"),
        (11_100, "3 h 05 min left"),
        (86_400, "1 d 0 h left"),
        (187_200, "2 d 4 h left"),
    ],
)
def test_it_counts_down_in_words(seconds, text):
    assert left_text(seconds) == text


def test_a_deadline_of_today_is_a_time_of_day():
    deadline = NOON + timedelta(minutes=1)
    local = deadline.astimezone()

    assert clock_text(deadline, NOON) == f"{local:%H:%M}"
    assert deadline_text(deadline, NOON) == f"until {local:%H:%M}, 60 s left"


def test_a_deadline_of_another_day_has_its_day():
    deadline = NOON + timedelta(days=2)

    assert clock_text(deadline, NOON) == f"{deadline.astimezone():%Y-%m-%d %H:%M}"


def test_without_a_deadline_there_is_no_limit():
    assert deadline_text(None, NOON) == "without a time limit"
