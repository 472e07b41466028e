"""The first words with a kernel: whether it answers, and is heard."""

from dataclasses import dataclass
from queue import Empty
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_async

from flowkernel.core.clock import monotonic

LOOK_SECONDS = (
    1.0  #: Until it is looked whether a silent kernel lives, and asked again.
)
HEARD_SECONDS = 0.1  #: The same when it answered, and its output did not come in.
Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the kernel said."""

    info: Reply  #: Of itself.
    begun: Reply | None  #: To the first source, if there was one.


async def greet(
    client: AsyncKernelClient,
    manager: AsyncKernelManager,
    seconds: float,
    source: str | None,
) -> Handshake:
    """Let it carry out `source` in silence, and come back once its output is heard.

    Output that a socket misses before it is connected is lost, so what counts is that the
    kernel's `idle` after a question has come in.

    Raises:
        RuntimeError: It ended, or did not answer in time; in nbclient's words.
    """
    deadline = monotonic() + seconds
    begun = source and client.execute(
        source, silent=True, store_history=False, allow_stdin=False
    )
    replies: dict[str, Reply] = {}
    while monotonic() < deadline:
        question = client.kernel_info()
        try:
            await _await_reply(client, question, replies)
            await _await_idle(client, question)
        except Empty:
            if not await ensure_async(manager.is_alive()):
                raise RuntimeError(
                    "Kernel died before replying to kernel_info"
                ) from None
        else:
            return Handshake(replies[question], replies.get(begun or ""))
    raise RuntimeError(f"Kernel didn't respond in {seconds:.0f} seconds")


async def _await_reply(
    client: AsyncKernelClient, question: str, replies: dict[str, Reply]
) -> None:
    while question not in replies:
        message = await ensure_async(client.get_shell_msg(timeout=LOOK_SECONDS))
        replies[message["parent_header"].get("msg_id", "")] = message["content"]


async def _await_idle(client: AsyncKernelClient, question: str) -> None:
    while True:
        message = await ensure_async(client.get_iopub_msg(timeout=HEARD_SECONDS))
        is_ours = message["parent_header"].get("msg_id") == question
        if is_ours and message["content"].get("execution_state") == "idle":
            return
