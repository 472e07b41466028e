"""How a flow, or another program, waits: the engine is asked "is it over?" until it is."""

import math
from collections.abc import Callable

from flowkernel.client.client import Client
from flowkernel.core.clock import monotonic, now
from flowkernel.core.errors import ExecutionNotFound, MessageNotFound
from flowkernel.core.models import Json
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api.context import flow_context
from flowkernel.flow_api.exceptions import (
    DependencyTimeoutError,
    EngineException,
    MessageClosed,
    MessageResponseTimeoutError,
)
from flowkernel.flow_api.open_waits import open_waits

WAIT_SECONDS = 20.0  #: The engine holds one request "is it over?" open this long.


class Deadline:
    """How long a wait may still take.

    The time that people take to answer does not count while a flow waits.
    """

    def __init__(
        self, client: Client, execution_id: str, seconds: float, is_flow: bool
    ) -> None:
        self._client = client
        self._execution_id = execution_id
        self._seconds = seconds
        self._is_flow = is_flow
        self._started_at, self._started = now(), monotonic()

    def remaining(self) -> float:
        """Seconds; infinite while a person is waited for."""
        seconds = self._seconds - (monotonic() - self._started)
        if not self._is_flow or seconds > WAIT_SECONDS:
            return seconds
        answer_time = self._client.get(
            f"/execution/{self._execution_id}/asked", since=self._started_at.isoformat()
        )
        if answer_time["is_now"]:
            return math.inf
        return seconds + float(answer_time["seconds"])


def wait(
    client: Client,
    ids: list[str],
    return_when: ReturnWhen,
    timeout: float | None,
    *,
    counts_failed: bool = False,
) -> dict[str, dict[str, Json]]:
    """Wait for executions; returns their records by id.

    Args:
        timeout: Seconds, without those in which a flow that waits has a person to wait for.
        counts_failed: Whether one that failed and waits for a decision counts as ended.

    Raises:
        DependencyTimeoutError: `timeout` seconds are over.
    """
    context = flow_context()
    is_flow = context is not None
    waiter = ids[0] if context is None else context.execution_id
    request = {"for": ids, "return_when": return_when, "counts_failed": counts_failed}
    remaining = _remaining(client, waiter, timeout, is_flow)
    reply = long_poll(client, waiter, {**request, "is_flow": is_flow}, remaining)
    if not reply["is_over"]:
        raise DependencyTimeoutError(
            f"{len(ids)} execution(s) did not end within {timeout} s; they continue."
        )
    return {record["execution_id"]: record for record in reply["executions"]}


def wait_for_answer(
    client: Client, record: dict[str, Json], timeout: float | None
) -> dict[str, Json]:
    """Wait until a message is answered; returns its record.

    Args:
        timeout: Seconds.

    Raises:
        MessageResponseTimeoutError: Nobody answered in time.
        MessageClosed: It can no longer be answered.
        MessageNotFound: It was deleted, with the run that sent it.
    """
    if record["status"] not in ("OPEN", "ANSWERED"):
        raise _no_answer(record)
    context = flow_context()
    is_flow = context is not None
    waiter = record["execution_id"] if context is None else context.execution_id
    request = {"message": record["message_id"], "is_flow": is_flow}
    remaining = _remaining(client, waiter, timeout, is_flow=False)
    try:
        reply = long_poll(client, waiter, request, remaining)
    except ExecutionNotFound as error:
        raise MessageNotFound(record["message_id"]) from error
    message: dict[str, Json] = reply["message"]
    if message["status"] != "ANSWERED":
        raise _no_answer(message)
    return message


def _no_answer(message: dict[str, Json]) -> EngineException:
    subject = message["subject"]
    if message["status"] == "CLOSED":
        return MessageClosed(f"{subject!r} was closed. {message['closed_why']}")
    return MessageResponseTimeoutError(f"Nobody answered {subject!r} in time.")


def _remaining(
    client: Client, waiter: str, timeout: float | None, is_flow: bool
) -> Callable[[], float]:
    """Gives the seconds that are left, each time it is called."""
    if timeout is None:
        return lambda: math.inf
    return Deadline(client, waiter, timeout, is_flow).remaining


def long_poll(
    client: Client,
    waiter: str,
    request: dict[str, Json],
    remaining: Callable[[], float],
) -> dict[str, Json]:
    """Ask "is it over?" until it is, or until `remaining()` seconds are none.

    The engine holds each request open for a while. The waiter gives its slot back meanwhile,
    and has one again when this returns.
    """
    waits = open_waits.get()
    with waits.begin() as number:
        while True:
            seconds_left = remaining()
            if "duration" in request:
                request = {**request, "duration": max(0.0, seconds_left)}
            if request.get("is_flow"):
                request = {**request, "mark": waits.mark(number)}
            reply: dict[str, Json] = client.post(
                f"/execution/{waiter}/wait",
                {
                    **request,
                    "seconds": min(WAIT_SECONDS, max(0.0, seconds_left)),
                    "is_last": seconds_left <= WAIT_SECONDS,
                },
            )
            if (reply["is_over"] or remaining() <= 0) and reply["has_slot"]:
                return reply
