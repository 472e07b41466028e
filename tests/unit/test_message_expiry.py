"""A message is closed when its time is over, whether or not anybody looks at it."""

from dataclasses import replace
from datetime import timedelta

import pytest

import flowkernel.core.clock
from flowkernel.core.clock import now
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind, Message
from flowkernel.core.status import MessageStatus
from flowkernel.engine.prompts.message_expiry import NOBODY, MessageExpiry
from flowkernel.engine.timers import Timers
from tests.stage import Clock

K = EventKind


class MonotonicClock(Clock):
    """A clock that only `move` changes."""

    def monotonic(self):
        return self.ahead


class World:
    """The timers of an engine, and what they have recorded."""

    def __init__(self, clock):
        self.clock, self.recorded = clock, []
        self.timers = Timers()
        self.expiry = MessageExpiry(self.timers, self.recorded.extend)

    def sent(self, seconds):
        """A message was sent that can be answered for so many seconds."""
        moment = (now() + timedelta(seconds=seconds)).isoformat()
        self.expiry.apply(
            make_event("e", K.MESSAGE_SENT, message_id="m", expires_at=moment)
        )

    def after(self, seconds):
        """What was recorded when so many seconds have passed."""
        self.clock.move(seconds=seconds)
        self.timers.run_due()
        return [(event.kind, event.payload) for event in self.recorded]


CLOSED = (
    K.MESSAGE_CLOSED,
    {"message_id": "m", "status": MessageStatus.TIMED_OUT, "why": NOBODY},
)


@pytest.fixture
def world(monkeypatch):
    clock = MonotonicClock()
    clock.stop()
    monkeypatch.setattr(flowkernel.core.clock, "datetime", clock)
    monkeypatch.setattr(flowkernel.core.clock, "time", clock)
    return World(clock)


def test_it_is_closed_at_its_moment_and_not_before(world):
    world.sent(60)

    assert world.after(59) == []
    assert world.after(1) == [CLOSED]


@pytest.mark.parametrize("kind", [K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED])
def test_one_that_was_answered_or_closed_is_left_alone(world, kind):
    world.sent(60)
    world.expiry.apply(make_event("e", kind, message_id="m"))

    assert world.after(3600) == []


def test_the_next_engine_closes_what_was_open(world):
    message = Message(
        message_id="m",
        execution_id="e",
        root_id="e",
        subject="?",
        message=None,
        message_type="INFO",
        created_at=now(),
        status=MessageStatus.OPEN,
        expires_at=now() + timedelta(seconds=60),
    )
    world.expiry.recall(message)
    world.expiry.recall(replace(message, message_id="without end", expires_at=None))

    assert world.after(60) == [CLOSED]
