"""A kernel that owes a message is woken by a request; a busy one is left alone."""

import pytest

from flowkernel.worker.notebook import kernel_listener
from flowkernel.worker.notebook.kernel_listener import PATIENCE, ReplyWatch


class FakeClient:
    """Counts its requests, and how often its socket is checked."""

    def __init__(self):
        self.requests = self.checks = 0
        self.shell_channel = self.socket = self

    def kernel_info(self):
        self.requests += 1

    def get(self, _option):
        self.checks += 1


@pytest.fixture
def clock(monkeypatch):
    """Seconds, which the test moves."""
    seconds = [0.0]
    monkeypatch.setattr(kernel_listener, "monotonic", lambda: seconds[0])
    return seconds


def status(state):
    return {"msg_type": "status", "content": {"execution_state": state}}


def requests_within(watch, clock, seconds):
    """How many requests the kernel gets in that time."""
    kernel = FakeClient()
    for _ in range(int(seconds * 10)):
        clock[0] += 0.1
        watch.wake(kernel)
    assert kernel.checks == int(seconds * 10)
    return kernel.requests


def test_a_kernel_that_is_not_late_gets_no_request(clock):
    watch = ReplyWatch()
    assert requests_within(watch, clock, 60) == 0

    watch.expect()

    assert requests_within(watch, clock, PATIENCE / 2) == 0


def test_a_kernel_that_does_not_begin_gets_a_request(clock):
    watch = ReplyWatch()

    watch.expect()

    assert requests_within(watch, clock, PATIENCE * 2) == 1


def test_a_busy_kernel_gets_no_request(clock):
    watch = ReplyWatch()
    watch.expect()

    watch.observe(status("busy"))
    watch.observe({"msg_type": "stream", "content": {"text": "x"}})

    assert requests_within(watch, clock, 60) == 0


def test_an_idle_kernel_that_does_not_reply_gets_a_request(clock):
    watch = ReplyWatch()
    watch.expect()
    watch.observe(status("busy"))

    watch.observe(status("idle"))

    assert requests_within(watch, clock, PATIENCE * 2) == 1


def test_the_requests_become_less_frequent(clock):
    watch = ReplyWatch()

    watch.expect()

    assert 5 <= requests_within(watch, clock, 60) <= 8
