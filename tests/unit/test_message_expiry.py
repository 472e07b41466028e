"""A message can be answered for as many seconds as it says, whatever the clock shows."""

from dataclasses import replace
from datetime import timedelta

import pytest

import flowkernel.core.clock
from flowkernel.client.client import Client
from flowkernel.core.clock import new_id, now
from flowkernel.core.models import Message
from flowkernel.core.status import MessageStatus
from flowkernel.engine.prompts.message_expiry import MessageExpiry
from flowkernel.engine.timers import Timers
from tests.stage import Clock, clock, engine_in_process

__all__ = ["clock"]
SOURCE = {"name": "asker", "kind": "SCRIPT", "source": "1"}


@pytest.fixture
def wall_clock(monkeypatch):
    """The clock of the machine, which is set; the monotonic one goes on."""
    clock = Clock()
    monkeypatch.setattr(flowkernel.core.clock, "datetime", clock)
    return clock


@pytest.fixture
def expiry():
    return MessageExpiry(Timers(), lambda _events: None)


def message(seconds):
    return Message(
        message_id=new_id(),
        execution_id=new_id(),
        root_id=new_id(),
        subject="What now?",
        message=None,
        message_type="INFO",
        created_at=now(),
        status=MessageStatus.OPEN,
        expires_at=now() + timedelta(seconds=seconds),
    )


def test_a_clock_that_is_set_ends_no_time(expiry, wall_clock):
    asked = message(60)
    expiry.follow(asked)

    wall_clock.move(hours=1)

    assert not expiry.is_over(asked.message_id)


def test_the_time_of_a_message_ends_once(expiry, clock):
    asked, answered = message(60), message(60)
    expiry.follow(asked)
    expiry.follow(answered)
    clock.move(seconds=61)
    expiry.follow(asked)  # It has changed: that gives no more time.
    expiry.follow(replace(answered, status=MessageStatus.ANSWERED))

    assert expiry.is_over(asked.message_id)
    assert not expiry.is_over(answered.message_id)


def test_a_prompt_can_be_answered_after_the_clock_was_set_forward(own_home, wall_clock):
    with engine_in_process(own_home) as client:
        asker = client.start({"source": SOURCE, "run": False}).execution_id
        request = {"subject": "What now?", "request": "Say", "timeout": 60}
        asked = client.post(f"/execution/{asker}/message", request)
        wall_clock.move(hours=1)
        ada = Client(own_home, started_by="ada")

        record = ada.answer(asked["message_id"], {"string": "on"}, answered_from="test")
        ada.close()

    assert record["status"] == "ANSWERED"
