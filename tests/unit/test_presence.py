"""Whether a person is there."""

from datetime import UTC, datetime, timedelta

import pytest

from flowkernel.engine.prompts import presence
from flowkernel.engine.prompts.presence import WRITE_SECONDS, Presence


class Clock:
    """A clock that the test moves."""

    at = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self):
        return self.at

    def move(self, **how_far):
        self.at += timedelta(**how_far)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(presence, "now", clock)
    return clock


@pytest.fixture
def place(tmp_path):
    return tmp_path / "presence.json"


def test_nobody_is_there_before_somebody_did_something(clock, place):
    found = Presence(place)

    assert found.last is None
    assert found.within(10**6) is None


def test_whoever_did_something_is_there_for_so_many_minutes_inclusive(clock, place):
    found = Presence(place)
    found.note("ada", "notebook")

    clock.move(minutes=30)
    sign = found.within(30)
    clock.move(seconds=1)

    assert (sign.person, sign.channel) == ("ada", "notebook")
    assert found.within(30) is None
    assert found.within(31) == sign


def test_a_sign_of_a_moment_to_come_is_as_old_as_the_engine(clock, place):
    clock.move(hours=10)
    Presence(place).note("ada", "notebook")
    clock.move(hours=-10)

    found = Presence(place)

    assert found.within(30) is not None
    clock.move(minutes=31)
    assert found.within(30) is None


def test_a_clock_that_is_set_back_makes_nobody_present(clock, place):
    found = Presence(place)
    found.note("ada", "notebook")

    clock.move(hours=-10)

    assert found.within(30) is None
    found.note("bob", "notebook")
    assert Presence(place).within(30).person == "bob"


def test_the_last_one_counts_whoever_it_was(clock, place):
    found = Presence(place)
    found.note("ada", "notebook")
    clock.move(minutes=5)

    found.note("bob", "command line")

    assert found.last.to_json() == {
        "person": "bob",
        "channel": "command line",
        "at": "2026-01-01T12:05:00+00:00",
    }


def test_the_next_engine_knows_it(clock, place):
    Presence(place).note("ada", "notebook")

    assert Presence(place).within(1).person == "ada"


def test_it_is_written_down_at_most_every_few_seconds(clock, place):
    found = Presence(place)
    found.note("ada", "notebook")
    clock.move(seconds=WRITE_SECONDS)
    found.note("bob", "notebook")
    assert Presence(place).last.person == "ada"

    clock.move(seconds=1)
    found.note("bob", "notebook")

    assert Presence(place).last.person == "bob"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"at": 1}', '{"at": "noon"}'])
def test_a_damaged_file_says_that_nobody_is_there(clock, place, text):
    place.write_text(text)

    assert Presence(place).last is None


def test_a_place_that_cannot_be_written_to_does_no_harm(clock, tmp_path):
    found = Presence(tmp_path / "gone" / "presence.json")

    found.note("ada", "notebook")

    assert found.within(1).person == "ada"
