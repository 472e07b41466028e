"""The first exchange with a kernel: whether it replies, and its output arrives."""

from dataclasses import dataclass
from queue import Empty
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_async

from flowkernel.core.clock import monotonic

#: Until a check whether a kernel that does not reply is alive; then the request is repeated.
REPLY_SECONDS = 1.0
OUTPUT_SECONDS = 0.1  #: The same when it replied, and its output did not arrive.
Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the kernel replied."""

    language_info: Reply
    source_reply: Reply | None  #: To the first source, if there was one.


async def shake_hands(
    client: AsyncKernelClient,
    manager: AsyncKernelManager,
    seconds: float,
    source: str | None,
    language_info: Reply | None = None,
) -> Handshake:
    """Run `source` silently, and return once the kernel's output arrives.

    Output that comes before a socket is connected is lost. So this waits for the kernel's
    `idle` after a request, or for its word that the socket is connected. If the
    `language_info` of the kernel is known, `source` is the only request, unless something
    does not arrive.

    Raises:
        RuntimeError: The kernel ended, or did not reply in time; in nbclient's words.
    """
    deadline = monotonic() + seconds
    replies: dict[str, Reply] = {}
    source_id = "" if source is None else _run_silently(client, source)
    request_id = source_id if language_info is not None else ""
    while monotonic() < deadline:
        request_id = request_id or client.kernel_info()
        try:
            await _await_reply(client, request_id, replies)
            await _await_output(client, request_id)
        except Empty:
            await _check_alive(manager)
            request_id = ""
        else:
            info = language_info or replies[request_id]["language_info"]
            return Handshake(info, replies.get(source_id))
    raise RuntimeError(f"Kernel didn't respond in {seconds:.0f} seconds")


def _run_silently(client: AsyncKernelClient, source: str) -> str:
    """Request that `source` runs; the id of the request."""
    request_id: str = client.execute(
        source, silent=True, store_history=False, allow_stdin=False
    )
    return request_id


async def _check_alive(manager: AsyncKernelManager) -> None:
    if not await ensure_async(manager.is_alive()):
        raise RuntimeError("Kernel died before replying to kernel_info") from None


async def _await_reply(
    client: AsyncKernelClient, request_id: str, replies: dict[str, Reply]
) -> None:
    while request_id not in replies:
        message = await ensure_async(client.get_shell_msg(timeout=REPLY_SECONDS))
        replies[message["parent_header"].get("msg_id", "")] = message["content"]


async def _await_output(client: AsyncKernelClient, request_id: str) -> None:
    while True:
        message = await ensure_async(client.get_iopub_msg(timeout=OUTPUT_SECONDS))
        if message["msg_type"] == "iopub_welcome":
            return
        is_ours = message["parent_header"].get("msg_id") == request_id
        if is_ours and message["content"].get("execution_state") == "idle":
            return
