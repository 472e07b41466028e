"""How a flow, or anybody, waits: "is it over?", asked until it is."""

import math
from collections.abc import Callable

from flowkernel.client.client import Client
from flowkernel.core.clock import monotonic, now
from flowkernel.core.models import Json
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api.context import acting
from flowkernel.flow_api.exceptions import (
    DependencyTimeoutError,
    MessageClosed,
    MessageResponseTimeoutError,
)

WAIT_SECONDS = 20.0  #: One question "is it over?" is held open this long.


class Deadline:
    """Seconds that something may take."""

    def __init__(
        self, client: Client, execution_id: str, seconds: float, is_flow: bool
    ) -> None:
        self._client = client
        self._execution_id = execution_id
        self._seconds = seconds
        self._is_flow = is_flow  #: Then what people take does not count.
        self._since, self._begun = now(), monotonic()

    def left(self) -> float:
        """Seconds that are left; without end while a person is waited for."""
        left = self._seconds - (monotonic() - self._begun)
        if not self._is_flow or left > WAIT_SECONDS:
            return left
        told = self._client.get(
            f"/execution/{self._execution_id}/asked", since=self._since.isoformat()
        )
        return math.inf if told["is_now"] else left + float(told["seconds"])


def wait(
    client: Client,
    ids: list[str],
    when: ReturnWhen,
    timeout: float | None,
    *,
    counts_failed: bool = False,
) -> dict[str, dict[str, Json]]:
    """Wait for executions; their records by id.

    Args:
        timeout: Seconds. While a flow waits, those do not count in which something under it
            waits for a person.
        counts_failed: One that failed and waits for a decision counts as ended.

    Raises:
        DependencyTimeoutError: `timeout` seconds are over.
    """
    mine = acting()
    waiter = mine.execution_id if mine is not None else ids[0]
    is_own = mine is not None
    left = None if timeout is None else Deadline(client, waiter, timeout, is_own).left
    question = {
        "for": ids,
        "return_when": when,
        "is_flow": mine is not None,
        "counts_failed": counts_failed,
    }
    told = hold(client, waiter, question, left)
    if not told["is_over"]:
        raise DependencyTimeoutError(
            f"{len(ids)} execution(s) did not end within {timeout} s; they go on."
        )
    return {record["execution_id"]: record for record in told["executions"]}


def wait_for_answer(
    client: Client, record: dict[str, Json], timeout: float | None
) -> dict[str, Json]:
    """Wait until a message is answered; its record then.

    Raises:
        MessageResponseTimeoutError: Nobody answered in time.
        MessageClosed: Nobody can answer any more.
    """
    left = None if timeout is None else Deadline(client, "", timeout, False).left
    mine, sender = acting(), record["execution_id"]
    is_flow = mine is not None and mine.execution_id == sender
    question = {"message": record["message_id"], "is_flow": is_flow}
    told = hold(client, sender, question, left)["message"]
    match told["status"]:
        case "ANSWERED":
            return told  # type: ignore[no-any-return]
        case "CLOSED":
            raise MessageClosed(f"{told['subject']!r} was closed. {told['closed_why']}")
        case _:
            raise MessageResponseTimeoutError(
                f"Nobody answered {told['subject']!r} in time."
            )


def hold(
    client: Client,
    waiter: str,
    question: dict[str, Json],
    left: Callable[[], float] | None,
) -> dict[str, Json]:
    """Ask "is it over?" until it is, or until `left()` seconds are none."""
    while True:
        rest = math.inf if left is None else left()
        seconds = min(WAIT_SECONDS, max(0.0, rest))
        is_last = rest <= WAIT_SECONDS
        told: dict[str, Json] = client.post(
            f"/execution/{waiter}/wait",
            {**question, "seconds": seconds, "is_last": is_last},
        )
        is_enough = told["is_over"] or (left is not None and left() <= 0)
        if is_enough and told["has_slot"]:
            return told
