"""Who may do what in a kernel that was parked. The kernel here: as much of it as is used."""

import asyncio
import sys

import pytest

from flowkernel.flow_api.context import (
    IS_GUEST,
    Context,
    flow_context,
    required_context,
)
from flowkernel.kernels.parked.guest_access import CARRIED_OUT, GuestAccess


class Kernel:
    """Its handlers note whom they served; its session, what it sent."""

    execution_count = 3
    iopub_socket = "iopub"

    def __init__(self):
        self.served, self.sent, self.session = [], [], self
        self.shell_handlers = dict.fromkeys(
            ["shutdown_request", *CARRIED_OUT], self.note
        )
        self.control_handlers = {"shutdown_request": self.note}

    async def note(self, _stream, _ident, message):
        self.served.append((message["header"]["session"], IS_GUEST.get()))

    def send(self, stream, kind, content, *, parent, ident):
        self.sent.append((stream, kind, content["ename"]))

    def _topic(self, name):
        return name.encode()

    def get(self, kind, session, *, channel="shell"):
        message = {"header": {"session": session, "msg_type": kind}, "content": {}}
        handlers = getattr(self, f"{channel}_handlers")
        asyncio.run(handlers[kind](channel, b"", message))


@pytest.fixture
def kernel():
    return Kernel()


@pytest.fixture
def door(kernel, monkeypatch):
    module = sys.modules["flowkernel.flow_api.context"]
    monkeypatch.setattr(module, "_context", Context(None, "this-one"))
    return GuestAccess(kernel, "worker")


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("is_open", [True, False])
def test_only_its_worker_shuts_it_down(kernel, door, channel, is_open):
    door.is_open = is_open

    kernel.get("shutdown_request", "guest", channel=channel)
    assert kernel.served == []
    assert kernel.sent == [(channel, "shutdown_reply", "NotParked")]

    kernel.get("shutdown_request", "worker", channel=channel)
    assert kernel.served == [("worker", False)]


@pytest.mark.parametrize("kind", CARRIED_OUT)
def test_a_guest_is_let_in_while_it_is_parked_and_known_as_one(kernel, door, kind):
    door.is_open = True

    kernel.get(kind, "guest")
    kernel.get(kind, "worker")

    assert kernel.served == [("guest", True), ("worker", False)]
    assert kernel.sent == []


@pytest.mark.parametrize("kind", CARRIED_OUT)
def test_nobody_disturbs_it_when_it_goes_on(kernel, door, kind):
    kernel.get(kind, "guest")
    kernel.get(kind, "worker")

    assert kernel.served == [("worker", False)]
    answers = [("iopub", "error", "NotParked"), ("shell", "execute_reply", "NotParked")]
    assert kernel.sent == (answers if kind == "execute_request" else [])


def test_a_guests_calls_and_cells_are_not_counted(door):
    mine = required_context()
    mine.begin_cell()
    assert mine.call_key("child") == "child#1"

    before = IS_GUEST.set(True)
    mine.begin_cell()
    keys = {mine.call_key("child"), mine.message_key("ask"), mine.call_key("child")}
    assert (len(keys), flow_context()) == (3, None)
    IS_GUEST.reset(before)

    mine.rewind(1)
    assert mine.call_key("child") == "child#1"
    assert mine.message_key("ask") == "ask#1"
    assert flow_context() is mine
