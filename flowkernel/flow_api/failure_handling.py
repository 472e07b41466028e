"""What a wrapper asks, and has decided, of what it wraps: a part of `Execution`."""

from typing import Self

from flowkernel.core.clock import new_id
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import Execution as Record
from flowkernel.core.models import Json
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api.context import own
from flowkernel.flow_api.exceptions import MessageClosed
from flowkernel.flow_api.handle import ExecutionHandle
from flowkernel.flow_api.resources import Message
from flowkernel.flow_api.wait_loop import wait

MAX_PATIENCE = 10 * 366 * 86_400.0  #: Seconds a prompt may be open, inclusive.


class FailureHandling(ExecutionHandle):
    """What a wrapper asks people about a failure, and what it has follow from it."""

    def ask_about(
        self, failed: ExecutionHandle, *, timeout: float | None = None
    ) -> Message:
        """Ask what is to follow from a failure, and wait for the answer.

        Raises:
            MessageResponseTimeoutError: Nobody answered within `timeout` seconds.
            MessageClosed: There is nothing to decide on any more.
        """
        own(self.execution_id, "ask_about")
        asked = {
            "message_id": new_id(),
            "about_id": failed.execution_id,
            "timeout": timeout,
        }
        try:
            told = self._post("prompt", asked)
        except MoveNotAllowed as error:  # It was cancelled, or decided on, just now.
            raise MessageClosed(str(error)) from error
        return Message(self._client, told).wait()

    def is_attended(self, minutes: float) -> bool:
        """Whether somebody is there: did something within so many minutes, or said so."""
        told = self._client.get(
            f"/execution/{self.execution_id}/presence", minutes=minutes
        )
        return bool(told["is_attended"])

    def patience(self, minutes: float) -> float | None:
        """Seconds until a prompt is given up; None: never, for somebody said to wait."""
        seconds = min(minutes * 60, MAX_PATIENCE)
        return None if self.get("is_interactive") else seconds

    @property
    def has_failed(self) -> bool:
        """Whether it failed and waits for somebody to decide; as last read."""
        self.get("failure")  # The record of a tree has none: then it is read anew.
        return Record.from_json(self._record or {}).is_failed

    def settle(self, timeout: float | None = None) -> Self:
        """Wait until it has ended, or has failed and waits for somebody to decide.

        Raises:
            DependencyTimeoutError: `timeout` seconds are over.
        """
        ids = [self.execution_id]
        records = wait(
            self._client, ids, ReturnWhen.ALL_ENDED, timeout, counts_failed=True
        )
        self._record = records[self.execution_id]
        return self

    def decide(
        self,
        decision: Message | str,
        *,
        why: str | None = None,
        archive: bool = True,
    ) -> str | None:
        """Have followed what somebody answered; the verb, as `retry_cell`. None: the answer
        came too late, and it has to be looked at again.

        Args:
            decision: An answered prompt; or a verb.
            archive: Whether a try that is followed by another one is archived.
        """
        if isinstance(decision, Message):
            body: dict[str, Json] = {"message_id": decision.message_id}
        else:
            body = {"verb": decision, "why": why}
        body |= {"archive": archive, "started_by": self._client.started_by}
        try:
            self._record = record = self._post("decide", body)
        except MoveNotAllowed:  # It was cancelled, or decided on, just now.
            return None
        decided = Record.from_json(record).decision
        return str(decided.verb) if decided else None
