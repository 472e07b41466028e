"""Requests of a worker to a kernel that are in no notebook."""

from collections.abc import Callable
from contextlib import suppress
from queue import Empty

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_async

from flowkernel.core.clock import monotonic

CHECK_SECONDS = 1.0  #: Until a check whether a kernel that does not reply lives.
DISCARD_SECONDS = 0.2  #: How long output is discarded at a time, about.
SLOW_SECONDS = 2.0  #: Until `on_wait` is called.


async def run_silently(
    client: AsyncKernelClient,
    manager: AsyncKernelManager,
    source: str,
    *,
    on_wait: Callable[[], None] = lambda: None,
) -> str | None:
    """Run `source` in the kernel, however long it is busy before; `ok` or `error`.

    If a guest's cell raises, ipykernel aborts what waits behind it; then this sends the request
    again. `on_wait` is called once, if it takes a while. Returns None if the kernel ended.
    """
    start: float | None = monotonic()
    request_id = client.execute(source, silent=True, store_history=False)
    while True:
        try:
            message = await ensure_async(client.get_shell_msg(timeout=CHECK_SECONDS))
        except Empty:
            if not await ensure_async(manager.is_alive()):
                return None
            if start is not None and monotonic() - start > SLOW_SECONDS:
                on_wait()
                start = None
            continue
        if message["parent_header"].get("msg_id") == request_id:
            status = str(message["content"]["status"])
            if status != "aborted":
                return status
            request_id = client.execute(source, silent=True, store_history=False)


async def discard_output(client: AsyncKernelClient) -> None:
    """Receive and forget what the kernel has published: it belongs to no cell of ours.

    Of what it publishes without end, this forgets a part: the next call goes on.
    """
    deadline = monotonic() + DISCARD_SECONDS
    with suppress(Empty):
        while monotonic() < deadline:
            await ensure_async(client.get_iopub_msg(timeout=0))
