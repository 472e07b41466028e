"""What a worker asks a kernel before the first cell, and what it waits for."""

import asyncio
from queue import Empty

import pytest

from flowkernel.worker.notebook.kernel_handshake import shake_hands

PYTHON = {"name": "python", "version": "3.11"}
WELCOME = {"msg_type": "iopub_welcome", "parent_header": {}, "content": {}}


def idle(request: str) -> dict:
    return {
        "msg_type": "status",
        "parent_header": {"msg_id": request},
        "content": {"execution_state": "idle"},
    }


class FakeKernel:
    """A client of a kernel that replies to everything, and its manager."""

    def __init__(self, output: list) -> None:
        #: What comes on its output socket, one after the other; None: nothing in time.
        self.output = output
        self.requests: list[str] = []
        self._replies: list[dict] = []

    def _request(self, kind: str, **content) -> str:
        request = f"{kind} {len(self.requests)}"
        self.requests.append(request)
        self._replies.append({"parent_header": {"msg_id": request}, "content": content})
        return request

    def execute(self, source: str, **_options) -> str:
        return self._request("execute", status="ok", source=source)

    def kernel_info(self) -> str:
        return self._request("info", language_info={"name": "asked"})

    async def get_shell_msg(self, **_options) -> dict:
        return self._replies.pop(0)

    async def get_iopub_msg(self, **_options) -> dict:
        message = self.output.pop(0) if self.output else None
        if message is None:
            raise Empty
        return message

    async def is_alive(self) -> bool:
        return True

    def shake_hands(self, source: str | None, known: dict | None):
        return asyncio.run(shake_hands(self, self, 5.0, source, known))


@pytest.mark.parametrize("output", [[idle("execute 0")], [WELCOME]])
def test_a_kernel_whose_language_is_known_is_asked_nothing_more(output):
    kernel = FakeKernel(output)

    handshake = kernel.shake_hands("begin()", PYTHON)

    assert kernel.requests == ["execute 0"]
    assert handshake.language_info == PYTHON
    assert handshake.source_reply == {"status": "ok", "source": "begin()"}


def test_a_kernel_whose_output_does_not_arrive_is_asked_again_and_runs_nothing_twice():
    kernel = FakeKernel([None, None, idle("info 2")])

    handshake = kernel.shake_hands("begin()", PYTHON)

    assert kernel.requests == ["execute 0", "info 1", "info 2"]
    assert handshake.language_info == PYTHON


def test_a_kernel_whose_language_is_not_known_is_asked_for_it():
    kernel = FakeKernel([idle("execute 0"), idle("info 1")])

    handshake = kernel.shake_hands("begin()", None)

    assert kernel.requests == ["execute 0", "info 1"]
    assert handshake.language_info == {"name": "asked"}
    assert handshake.source_reply is not None


def test_a_kernel_that_gets_no_source_is_asked_for_its_language():
    kernel = FakeKernel([idle("info 0")])

    handshake = kernel.shake_hands(None, PYTHON)

    assert kernel.requests == ["info 0"]
    assert handshake.source_reply is None
