"""What a worker says to a kernel aside: in no notebook, and after what a guest runs there."""

from collections.abc import Callable
from queue import Empty
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_async

from flowkernel.core.clock import monotonic

LOOK_SECONDS = 1.0  #: Until it is looked whether a kernel that does not answer lives.
SLOW_SECONDS = 2.0  #: Until it is said that we wait.


async def tell(
    client: AsyncKernelClient,
    manager: AsyncKernelManager,
    source: str,
    *,
    on_wait: Callable[[], None] = lambda: None,
) -> str | None:
    """Have the kernel carry out `source`, however long it is busy before; `ok` or `error`.

    A guest's cell that raises takes with it what waits behind it: then it is asked anew.
    `on_wait` is called once, if it takes a while. Returns None if the kernel ended.
    """
    began: float | None = monotonic()
    while True:
        question = client.execute(source, silent=True, store_history=False)
        content: dict[str, Any] | None = None
        while content is None:
            try:
                message = await ensure_async(client.get_shell_msg(timeout=LOOK_SECONDS))
            except Empty:
                if not await ensure_async(manager.is_alive()):
                    return None
                if began is not None and monotonic() - began > SLOW_SECONDS:
                    on_wait()
                    began = None
                continue
            if message["parent_header"].get("msg_id") == question:
                content = message["content"]
        if content["status"] != "aborted":
            return str(content["status"])


async def pass_over(client: AsyncKernelClient) -> None:
    """Take in what the kernel has sent to everybody, and forget it: it is not for us."""
    try:
        while True:
            await ensure_async(client.get_iopub_msg(timeout=0))
    except Empty:
        return
