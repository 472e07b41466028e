"""Hearing a kernel: one that owes a word is asked, one that is at work is left alone."""

import pytest

from flowkernel.worker.notebook import kernel_listener
from flowkernel.worker.notebook.kernel_listener import PATIENCE, ReplyWatch


class FakeClient:
    """Counts what it is asked to do."""

    def __init__(self):
        self.asked = self.looked = 0
        self.shell_channel = self.socket = self

    def kernel_info(self):
        self.asked += 1

    def get(self, _option):
        self.looked += 1


@pytest.fixture
def clock(monkeypatch):
    """Seconds, which the test moves."""
    seconds = [0.0]
    monkeypatch.setattr(kernel_listener, "monotonic", lambda: seconds[0])
    return seconds


def status(state):
    return {"msg_type": "status", "content": {"execution_state": state}}


def asked_within(heard, clock, seconds):
    """How often the kernel is asked something in that time."""
    kernel = FakeClient()
    for _ in range(int(seconds * 10)):
        clock[0] += 0.1
        heard.nudge(kernel)
    assert kernel.looked == int(seconds * 10)
    return kernel.asked


def test_nobody_is_asked_in_time(clock):
    heard = ReplyWatch()
    assert asked_within(heard, clock, 60) == 0

    heard.expect()

    assert asked_within(heard, clock, PATIENCE / 2) == 0


def test_a_kernel_that_does_not_begin_is_asked(clock):
    heard = ReplyWatch()

    heard.expect()

    assert asked_within(heard, clock, PATIENCE * 2) == 1


def test_a_kernel_that_is_at_work_is_left_alone(clock):
    heard = ReplyWatch()
    heard.expect()

    heard.take_in(status("busy"))
    heard.take_in({"msg_type": "stream", "content": {"text": "x"}})

    assert asked_within(heard, clock, 60) == 0


def test_a_kernel_that_is_done_and_does_not_reply_is_asked(clock):
    heard = ReplyWatch()
    heard.expect()
    heard.take_in(status("busy"))

    heard.take_in(status("idle"))

    assert asked_within(heard, clock, PATIENCE * 2) == 1


def test_it_is_asked_less_and_less_often(clock):
    heard = ReplyWatch()

    heard.expect()

    assert 5 <= asked_within(heard, clock, 60) <= 8
