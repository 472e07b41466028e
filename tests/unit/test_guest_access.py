"""What guests may do in a kernel that was parked. The kernel here is a small double."""

import asyncio
import sys

import pytest

from flowkernel.flow_api.context import (
    IS_GUEST,
    Context,
    flow_context,
    required_context,
)
from flowkernel.kernels.parked.guest_access import CODE_MESSAGES, GuestAccess


class Kernel:
    """Its handlers record the sessions they served; its session records what it sent."""

    execution_count = 3
    iopub_socket = "iopub"

    def __init__(self):
        self.served, self.sent, self.session = [], [], self
        self.shell_handlers = dict.fromkeys(
            ["shutdown_request", *CODE_MESSAGES], self.note
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
def access(kernel, monkeypatch):
    module = sys.modules["flowkernel.flow_api.context"]
    monkeypatch.setattr(module, "_context", Context(None, "this-one"))
    return GuestAccess(kernel, "worker")


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("is_open", [True, False])
def test_only_the_worker_shuts_the_kernel_down(kernel, access, channel, is_open):
    access.is_open = is_open

    kernel.get("shutdown_request", "guest", channel=channel)
    assert kernel.served == []
    assert kernel.sent == [(channel, "shutdown_reply", "NotParked")]

    kernel.get("shutdown_request", "worker", channel=channel)
    assert kernel.served == [("worker", False)]


@pytest.mark.parametrize("kind", CODE_MESSAGES)
def test_a_guest_may_run_code_while_the_kernel_is_parked_and_is_marked(
    kernel, access, kind
):
    access.is_open = True

    kernel.get(kind, "guest")
    kernel.get(kind, "worker")

    assert kernel.served == [("guest", True), ("worker", False)]
    assert kernel.sent == []


@pytest.mark.parametrize("kind", CODE_MESSAGES)
def test_guests_are_refused_when_the_flow_has_resumed(kernel, access, kind):
    kernel.get(kind, "guest")
    kernel.get(kind, "worker")

    assert kernel.served == [("worker", False)]
    replies = [("iopub", "error", "NotParked"), ("shell", "execute_reply", "NotParked")]
    assert kernel.sent == (replies if kind == "execute_request" else [])


def test_a_guests_calls_and_cells_are_not_counted(access):
    context = required_context()
    context.begin_cell()
    assert context.call_key("child") == "child#1"

    token = IS_GUEST.set(True)
    context.begin_cell()
    keys = {
        context.call_key("child"),
        context.message_key("ask"),
        context.call_key("child"),
    }
    assert (len(keys), flow_context()) == (3, None)
    IS_GUEST.reset(token)

    context.rewind(1)
    assert context.call_key("child") == "child#1"
    assert context.message_key("ask") == "ask#1"
    assert flow_context() is context
