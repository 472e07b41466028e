"""Requests of a worker to a kernel that are in no notebook."""

import asyncio
from queue import Empty

from flowkernel.worker.notebook import silent_request
from flowkernel.worker.notebook.silent_request import discard_output


class Client:
    """A kernel that has published so many messages."""

    def __init__(self, count):
        self.count = count

    async def get_iopub_msg(self, **_options):
        if self.count == 0:
            raise Empty
        self.count -= 1


def test_all_output_is_discarded():
    client = Client(100)

    asyncio.run(discard_output(client))

    assert client.count == 0


def test_a_kernel_that_publishes_without_end_is_left_after_a_while(monkeypatch):
    """Else nobody could release it."""
    moments = iter(range(100))
    monkeypatch.setattr(silent_request, "monotonic", lambda: next(moments) / 100)
    client = Client(1_000)

    asyncio.run(discard_output(client))

    assert 0 < 1_000 - client.count < 100
