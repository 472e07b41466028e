"""How an execution waits: it reports that, gives its slot back, and gets it again."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, with_config

from flowkernel.core.clock import monotonic, now
from flowkernel.core.models import EventKind, Execution, Json, Message
from flowkernel.core.status import ExecutionStatus, MessageStatus, ReturnWhen
from flowkernel.engine.caller_checks import check_caller
from flowkernel.engine.callers import Caller
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.dispatch.wait_registry import (
    Wait,
    until_over,
    waiting_sentence,
)
from flowkernel.engine.event_factory import make_event
from flowkernel.engine.field_types import Moment
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.service import (
    Service,
)

S = ExecutionStatus
SLOT_SECONDS = 20.0  #: How long one request waits for a slot; then it is sent again.


@with_config(ConfigDict(extra="forbid", populate_by_name=True))
@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRequest:
    """What an execution, or a client, waits for."""

    #: Ids of executions. In JSON its name is `for`.
    targets: Annotated[list[str], Field(alias="for", max_length=100_000)] = field(
        default_factory=list
    )
    return_when: ReturnWhen = ReturnWhen.ALL_ENDED
    until: Moment | None = None
    message: str | None = None  #: The id of a message: wait for its answer instead.
    counts_failed: bool = False  #: One that waits for a decision counts as ended.
    #: How long this request is held open.
    seconds: Annotated[float, Field(ge=0, le=60)] = 20.0
    is_last: bool = False  #: There is no further request if it is not over.
    is_flow: bool = False  #: The execution itself waits, and gives its slot back.


async def hold(
    service: Service,
    dispatcher: Dispatcher,
    inbox: Inbox,
    execution_id: str,
    request: WaitRequest,
    *,
    caller: Caller | None = None,
) -> dict[str, Json]:
    """Wait as the request says, for its `seconds` at most; the JSON of the response.

    When a flow waits, it is WAITING on disk before this waits, and RUNNING again, with a slot,
    before this says that the wait is over.
    """
    wait = HeldWait(service, dispatcher, execution_id, request, caller)
    if request.message is not None:
        message, is_over = await wait.wait_for_answer(inbox, request.message)
        has_slot = await wait.slot_if_over(is_over)
        is_sender = request.is_flow and message.execution_id == execution_id
        record = inbox.with_secrets(message) if is_sender else message.to_json()
        return {"is_over": is_over, "has_slot": has_slot, "message": record}
    is_over = await wait.wait_for_executions()
    has_slot = await wait.slot_if_over(is_over)
    targets = await wait.read_targets()
    records = [target.to_json() for target in targets]
    return {"is_over": is_over, "has_slot": has_slot, "executions": records}


@dataclass(frozen=True, slots=True)
class HeldWait:
    """One request to wait, while it is held open."""

    service: Service
    dispatcher: Dispatcher
    execution_id: str  #: What waits.
    request: WaitRequest
    caller: Caller | None = None  #: Who waits; None: the engine itself.

    # -- for executions, or until a moment -----------------------------------------------

    async def wait_for_executions(self) -> bool:
        """Wait for the targets, or until the moment; whether the wait is over."""
        targets = await self.read_targets()
        wait = self._wait_for(targets)
        self.dispatcher.waits.open(wait)
        try:
            await self._note_ended(wait, targets)
            return await self._wait(wait, targets)
        finally:
            self.dispatcher.waits.close(wait)

    async def read_targets(self) -> list[Execution]:
        """The executions to wait for, as they are now."""
        get = self.service.store.get_execution
        return await asyncio.to_thread(
            lambda: [get(id_) for id_ in self.request.targets]
        )

    def _wait_for(self, targets: list[Execution]) -> Wait:
        wait = Wait(
            {target.execution_id: target.status for target in targets},
            self.request.return_when,
            waiter=self._waiter,
            counts_failed=self.request.counts_failed,
        )
        for target in targets:
            if target.is_failed:
                wait.note(target.execution_id, S.PAUSED)
        if self.request.until is None and wait.is_settled:
            wait.over.set()
        return wait

    @property
    def _waiter(self) -> str | None:
        """The execution that gets its slot again; None: the request is not its own."""
        return self.execution_id if self.request.is_flow else None

    async def _note_ended(self, wait: Wait, targets: list[Execution]) -> None:
        """Note what ended after it was read, and before the wait was registered."""
        commit, get = self.dispatcher.commit, self.service.store.get_execution
        for target in targets:
            is_newer = (
                target.last_seq > commit.seq
            )  # Its end comes with a later commit.
            if target.execution_id not in commit.live and not is_newer:
                execution = await asyncio.to_thread(get, target.execution_id)
                wait.note(execution.execution_id, execution.status)

    async def _wait(self, wait: Wait, targets: list[Execution]) -> bool:
        moment = self.request.until
        if wait.over.is_set() or _is_past(moment):
            return True
        if self.request.is_flow:
            by_target = waiting_sentence(targets)
            sentence = _until_sentence(moment) if moment else by_target
            await self._report_waiting(on=sentence)
        if moment is None:
            return await until_over(wait, self.request.seconds)
        await until_over(wait, min(self.request.seconds, _seconds_to(moment)))
        return _is_past(moment)

    # -- for an answer -------------------------------------------------------------------

    async def wait_for_answer(
        self, inbox: Inbox, message_id: str
    ) -> tuple[Message, bool]:
        """Wait until a message is not open; the message, and whether the wait is over."""
        message = await asyncio.to_thread(inbox.find, message_id)
        wait = Wait(
            {message.message_id: S.WAITING}, ReturnWhen.ALL_ENDED, waiter=self._waiter
        )
        self.dispatcher.waits.open(wait)
        try:
            message = await asyncio.to_thread(inbox.current, message)
            if message.status is MessageStatus.OPEN:
                await self._report_prompt(message)
                await until_over(wait, self._answer_seconds(message))
                message = await asyncio.to_thread(inbox.current, message)
        finally:
            self.dispatcher.waits.close(wait)
        return message, message.status is not MessageStatus.OPEN

    def _answer_seconds(self, message: Message) -> float:
        if message.expires_at is None:
            return self.request.seconds
        return min(self.request.seconds, _seconds_to(message.expires_at))

    async def _report_prompt(self, message: Message) -> None:
        if self.request.is_flow:
            short_id = message.message_id[-8:]
            sentence = (
                f"Waiting for an answer to {message.subject!r} (message {short_id})."
            )
            await self._report_waiting(on=sentence, message_id=message.message_id)

    # -- the slot ------------------------------------------------------------------------

    async def _report_waiting(self, **payload: str) -> None:
        """Record that it waits, unless it does already."""
        check_caller(self.service.store, self.caller)
        execution = self.dispatcher.live.get(self.execution_id)
        if execution is not None and execution.status is S.RUNNING:
            event = make_event(self.execution_id, EventKind.WAITING, **payload)
            await asyncio.to_thread(self.service.store.append, [event], strict=False)

    async def slot_if_over(self, is_over: bool) -> bool:
        """Get the slot of a flow whose wait is over; whether it has one, if it needs one."""
        if not self.request.is_flow or not (is_over or self.request.is_last):
            return True
        return await self._get_slot()

    async def _get_slot(self) -> bool:
        """Whether it runs again, or has ended. If not yet, it keeps its place in the line."""
        deadline = monotonic() + SLOT_SECONDS
        while True:
            await asyncio.to_thread(check_caller, self.service.store, self.caller)
            execution = self.dispatcher.live.get(self.execution_id)
            if execution is None or execution.status is not S.WAITING:
                return True
            self.dispatcher.resume(self.execution_id)
            seconds = deadline - monotonic()
            if not await self.dispatcher.wait_for_change(self.execution_id, seconds):
                return False


def _seconds_to(moment: datetime) -> float:
    return (moment - now()).total_seconds()


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment <= now()


def _until_sentence(moment: datetime) -> str:
    return f"Waiting until {moment:%Y-%m-%d %H:%M:%S} UTC."
