"""A sleep takes its seconds, whatever somebody sets the clock on the wall to meanwhile."""

from datetime import timedelta

import pytest

import flowkernel.core.clock
from flowkernel.core.clock import now
from flowkernel.flow_api import Execution
from tests.stage import Clock, set_flow_context

WALL_CHANGES = [timedelta(days=-3), timedelta(days=6)]


class TwoClocks(Clock):
    """The clock on the wall, which people set, and the one that only goes on."""

    def __init__(self):
        super().__init__()
        self.stop()
        self.seconds = 0.0

    def monotonic(self):
        return self.seconds

    def pass_by(self, seconds):
        self.seconds += seconds
        self.move(seconds=seconds)


class Engine:
    """Holds each request to wait for as long as it says; then somebody sets the clock."""

    def __init__(self, clock, change):
        self.clock, self.change = clock, change
        self.durations = []

    def post(self, path, body):
        assert path == "/execution/e/wait"
        assert "until" not in body
        self.durations.append(body["duration"])
        self.clock.pass_by(min(body["seconds"], body["duration"]))
        self.clock.ahead += self.change.total_seconds()
        return {"is_over": body["duration"] <= body["seconds"], "has_slot": True}


@pytest.mark.parametrize("change", WALL_CHANGES)
def test_a_sleep_takes_its_seconds(monkeypatch, change):
    clock = TwoClocks()
    monkeypatch.setattr(flowkernel.core.clock, "datetime", clock)
    monkeypatch.setattr(flowkernel.core.clock, "time", clock)
    engine = Engine(clock, change)
    set_flow_context(engine, "e")
    started_at = now()

    Execution(engine, "e").sleep(50)

    assert clock.seconds == 50
    assert engine.durations == [50, 30, 10]
    assert now() - started_at != timedelta(seconds=50)
