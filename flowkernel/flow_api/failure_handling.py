"""What a wrapper does about the failure of what it wraps: a part of `Execution`."""

from typing import Self

from flowkernel.core.clock import new_id
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import Execution as Record
from flowkernel.core.models import Json
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api.context import own_context
from flowkernel.flow_api.exceptions import MessageClosed
from flowkernel.flow_api.handle import ExecutionHandle
from flowkernel.flow_api.stored_records import Message
from flowkernel.flow_api.wait_loop import wait

MAX_PATIENCE = 10 * 366 * 86_400.0  #: Seconds that a prompt may be open, inclusive.


class FailureHandling(ExecutionHandle):
    """What a wrapper asks people about a failure, and how it carries out their decision."""

    def ask_about(
        self, failed: ExecutionHandle, *, timeout: float | None = None
    ) -> Message:
        """Send a prompt about a failed child, and wait for the answer.

        Args:
            failed: A child of which `has_failed` is true.
            timeout: Seconds. None: no limit.

        Returns:
            The answered prompt, for `decide()`.

        Raises:
            MessageResponseTimeoutError: Nobody answered within `timeout` seconds.
            MessageClosed: There is no longer anything to decide.
        """
        own_context(self.execution_id, "ask_about")
        request = {
            "message_id": new_id(),
            "about_id": failed.execution_id,
            "timeout": timeout,
        }
        try:
            record = self._post("prompt", request)
        except MoveNotAllowed as error:  # It was cancelled, or decided on, just now.
            raise MessageClosed(str(error)) from error
        return Message(self._client, record).wait()

    def is_attended(self, minutes: float) -> bool:
        """Whether a person is there to answer.

        A person is, who did something in this home within the last `minutes`, or who started
        this with `--attended` or `--interactive`. With `--unattended`, nobody is.
        """
        return bool(self.attendance(minutes)["is_attended"])

    def attendance(self, minutes: float) -> dict[str, Json]:
        """Whether a person is there to answer, and why we think so.

        Returns:
            `is_attended`; `why`, a sentence for people; `last`, the last sign of a person.
        """
        path = f"/execution/{self.execution_id}/presence"
        presence: dict[str, Json] = self._client.get(path, minutes=minutes)
        return presence

    def patience(self, minutes: float) -> float | None:
        """How long to wait for an answer: `minutes` in seconds, or None for no limit.

        There is no limit if it was started with `--interactive`.
        """
        seconds = min(minutes * 60, MAX_PATIENCE)
        return None if self.get("is_interactive") else seconds

    @property
    def has_failed(self) -> bool:
        """Whether it has failed and waits, paused, for a decision; as last read."""
        self.get("failure")  # A record that is part of a tree has none: read it again.
        return Record.from_json(self._record or {}).is_failed

    def settle(self, timeout: float | None = None) -> Self:
        """Wait until it has ended, or has failed and waits for a decision.

        Args:
            timeout: Seconds. None: no limit.

        Raises:
            DependencyTimeoutError: `timeout` seconds are over.
        """
        ids = [self.execution_id]
        records = wait(
            self._client, ids, ReturnWhen.ALL_ENDED, timeout, counts_failed=True
        )
        self._keep(records[self.execution_id])
        return self

    def decide(
        self,
        decision: Message | str,
        *,
        why: str | None = None,
        archive: bool = True,
    ) -> str | None:
        """Carry out what a person answered, or one of the verbs.

        Args:
            decision: An answered prompt; or `fail`, `retry_cell`, `retry`, `cancel_all`.
            why: The reason for a verb, for people.
            archive: Whether a try that is followed by another one is archived.

        Returns:
            The verb; None if the decision came too late: then call `settle()` again.
        """
        if isinstance(decision, Message):
            body: dict[str, Json] = {"message_id": decision.message_id}
        else:
            body = {"verb": decision, "why": why}
        body |= {"archive": archive, "started_by": self._client.started_by}
        try:
            record = self._post("decide", body)
            self._keep(record)
        except MoveNotAllowed:  # It was cancelled, or decided on, just now.
            return None
        self._keep(record)
        outcome = Record.from_json(record).decision
        return str(outcome.verb) if outcome else None
