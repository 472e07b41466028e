"""Moments as people type them."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core.errors import BadArgument
from flowkernel.core.moments import UNITS, past_moment

NOW = datetime(2026, 11, 27, 13, 30, 15, tzinfo=UTC)


def moment_of(text: str) -> datetime:
    return past_moment(text, "--since", now=NOW)


def local(*parts: int) -> datetime:
    return datetime(*parts).astimezone()


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("2 hours", timedelta(hours=2)),
        ("1 hour", timedelta(hours=1)),
        ("90min", timedelta(minutes=90)),
        ("90 minutes ago", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("1.5 D", timedelta(hours=36)),
        ("  2   weeks ", timedelta(days=14)),
        ("30s", timedelta(seconds=30)),
        ("0h", timedelta()),
    ],
)
def test_how_long_ago_counts_from_now(text, age):
    assert moment_of(text) == NOW - age


@given(st.integers(0, 10_000), st.sampled_from(sorted(UNITS)), st.booleans())
def test_every_unit_can_have_a_plural(count, unit, is_plural):
    text = f"{count} {unit}{'s' * is_plural}"

    seconds = (NOW - moment_of(text)).total_seconds()

    assert seconds == count * UNITS[unit]


def test_a_day_begins_at_midnight_of_this_place():
    today = NOW.astimezone()
    yesterday = today - timedelta(days=1)

    for text, day in (("today", today), ("Yesterday", yesterday)):
        assert moment_of(text) == local(day.year, day.month, day.day)
    assert moment_of("2026-11-26") == local(2026, 11, 26)


def test_a_moment_without_a_zone_is_of_this_place():
    today = NOW.astimezone()

    assert moment_of("2026-11-26 14:00") == local(2026, 11, 26, 14)
    assert moment_of("2026-11-26t14:00:30") == local(2026, 11, 26, 14, 0, 30)
    for text in ("9:05", "09:05", "9:05:00"):
        assert moment_of(text) == local(today.year, today.month, today.day, 9, 5)


def test_a_moment_with_a_zone_is_that_moment():
    assert moment_of("2026-11-26T14:00:00Z") == datetime(2026, 11, 26, 14, tzinfo=UTC)
    assert moment_of("2026-11-26T14:00+02:00").astimezone(UTC).hour == 12


@pytest.mark.parametrize(
    "text",
    [
        *("", "7", "d", "seven days", "7 fortnights", "-1d", "2027-13-01", "25:00"),
        *("999999999 weeks", "2026", "now()", "7d 2h", "\u0667d", "0001-01-01x"),
    ],
)
def test_anything_else_is_one_sentence_with_examples(text):
    with pytest.raises(
        BadArgument, match=r"^--since is .*2 hours, 90 min, 7d"
    ) as caught:
        moment_of(text)

    assert repr(text) in str(caught.value)


def test_the_first_day_of_all_is_a_moment_or_a_sentence():
    """Where a zone is before UTC, it is no moment that Python has."""
    for text in ("0001-01-01", "9999-12-31"):
        with suppress(BadArgument):
            assert moment_of(text).tzinfo is not None
