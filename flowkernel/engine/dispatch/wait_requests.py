"""How an execution waits: it reports that, gives its slot back, and gets it again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

from pydantic import ConfigDict, Field, with_config

from flowkernel.core.clock import monotonic, now, short_id
from flowkernel.core.errors import ExecutionNotFound, MessageNotFound
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import Event, EventKind, Execution, Json, Message
from flowkernel.core.status import ExecutionStatus, MessageStatus, ReturnWhen
from flowkernel.engine.caller_checks import check_caller, decide_as, is_over
from flowkernel.engine.callers import Caller
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.dispatch.wait_registry import (
    AnswerWait,
    ExecutionWait,
    Wait,
    WaitMark,
    execution_ended,
    until_over,
    waiting_sentence,
)
from flowkernel.engine.field_types import Moment
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.service import Service
from flowkernel.store import Batch, checked_event

S = ExecutionStatus
MAX_DURATION = 100 * 365 * 86_400.0  #: Seconds of a sleep, inclusive: 100 years.
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
    #: Seconds from now: instead of `until`, which depends on a clock that may be set.
    duration: Annotated[float, Field(ge=0, le=MAX_DURATION)] | None = None
    message: str | None = None  #: The id of a message: wait for its answer instead.
    counts_failed: bool = False  #: One that waits for a decision counts as ended.
    #: How long this request is held open.
    seconds: Annotated[float, Field(ge=0, le=60)] = 20.0
    is_last: bool = False  #: There is no further request if it is not over.
    is_flow: bool = False  #: The execution itself waits, and gives its slot back.
    mark: WaitMark | None = None  #: Which of its waits it is.


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

    Raises:
        MessageNotFound, ExecutionNotFound: It waits for what was deleted, or never was.
    """
    wait = HeldWait(service, dispatcher, execution_id, request, caller)
    wait.note_mark()
    if request.message is not None:
        try:
            message, is_over = await wait.wait_for_answer(inbox, request.message)
        except MessageNotFound:  # It was deleted: a flow goes on with that.
            if not await wait.slot_if_over(is_over=True):
                return {"is_over": True, "has_slot": False}
            raise
        has_slot = await wait.slot_if_over(is_over)
        is_sender = request.is_flow and message.execution_id == execution_id
        record = inbox.with_secrets(message) if is_sender else message.to_json()
        return {"is_over": is_over, "has_slot": has_slot, "message": record}
    try:
        targets, is_over = await wait.wait_for_executions()
    except ExecutionNotFound:
        if not await wait.slot_if_over(is_over=True):
            return {"is_over": True, "has_slot": False}
        raise
    has_slot = await wait.slot_if_over(is_over)
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

    def note_mark(self) -> None:
        """Note which wait of a flow it is, and that the earlier ones are over."""
        is_live = self.execution_id in self.dispatcher.live
        if self.request.is_flow and self.request.mark is not None and is_live:
            self.dispatcher.waits.note_mark(self.execution_id, self.request.mark)

    @property
    def _is_current(self) -> bool:
        """Whether the flow still waits for this."""
        return self.dispatcher.waits.is_current(self.execution_id, self.request.mark)

    # -- for executions, or until a moment -----------------------------------------------

    async def wait_for_executions(self) -> tuple[list[Execution], bool]:
        """Wait for the targets, or until the moment; the targets, and whether it is over."""
        deadline = self._deadline()
        targets = await self._read_targets()
        wait = self._wait_for(targets)
        self.dispatcher.waits.open(wait)
        try:
            await self._note_ended(wait, targets)
            is_over = await self._wait(wait, targets, deadline)
        finally:
            self.dispatcher.waits.close(wait)
        return (await self._read_targets() if is_over else targets), is_over

    def _deadline(self) -> float | None:
        """When the moment comes, on the clock that nobody sets; None: there is no moment."""
        if self.request.duration is not None:
            return monotonic() + self.request.duration
        until = self.request.until
        return None if until is None else monotonic() + _seconds_to(until)

    async def _read_targets(self) -> list[Execution]:
        """The executions to wait for, as they are now."""
        get = self.service.store.get_execution
        return await self.dispatcher.in_thread(
            lambda: [get(id_) for id_ in self.request.targets]
        )

    def _wait_for(self, targets: list[Execution]) -> ExecutionWait:
        wait = ExecutionWait(
            statuses={target.execution_id: target.status for target in targets},
            return_when=self.request.return_when,
            waiter=self._waiter,
            mark=self.request.mark,
            counts_failed=self.request.counts_failed,
        )
        for target in targets:
            if target.is_failed:
                wait.note(execution_ended(target.execution_id), S.PAUSED)
        if targets and wait.is_settled:
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
            # What was read may be newer than the commit: its end comes with a later one.
            has_ended = target.execution_id not in commit.live
            if has_ended and target.last_seq <= commit.seq:
                execution = await self.dispatcher.in_thread(get, target.execution_id)
                wait.note(execution_ended(execution.execution_id), execution.status)
            elif not has_ended and commit.live[target.execution_id].is_failed:
                wait.note(execution_ended(target.execution_id), S.PAUSED)

    async def _wait(
        self, wait: Wait, targets: list[Execution], deadline: float | None
    ) -> bool:
        """Whether it is over within the seconds of the request."""
        if wait.over.is_set() or _is_past(deadline):
            return True
        if self.request.is_flow:
            await self._report_waiting(on=self._sentence(targets, deadline))
        seconds = self.request.seconds
        if deadline is None:
            return await until_over(wait, seconds)
        await until_over(wait, min(seconds, deadline - monotonic()))
        return _is_past(deadline)

    def _sentence(self, targets: list[Execution], deadline: float | None) -> str:
        if deadline is None:
            return waiting_sentence(targets)
        moment = now() + timedelta(seconds=deadline - monotonic())
        return f"Waiting until {moment:%Y-%m-%d %H:%M:%S} UTC."

    # -- for an answer -------------------------------------------------------------------

    async def wait_for_answer(
        self, inbox: Inbox, message_id: str
    ) -> tuple[Message, bool]:
        """Wait until a message is not open; the message, and whether the wait is over."""
        message = await self.dispatcher.in_thread(inbox.find, message_id)
        wait = AnswerWait(
            message_id=message.message_id, waiter=self._waiter, mark=self.request.mark
        )
        self.dispatcher.waits.open(wait)
        try:
            message = await self.dispatcher.in_thread(inbox.current, message)
            if message.status is MessageStatus.OPEN:
                await self._report_prompt(message)
                await until_over(wait, self.request.seconds)
                message = await self.dispatcher.in_thread(inbox.current, message)
        finally:
            self.dispatcher.waits.close(wait)
        return message, message.status is not MessageStatus.OPEN

    async def _report_prompt(self, message: Message) -> None:
        if self.request.is_flow:
            short = short_id(message.message_id)
            sentence = (
                f"Waiting for an answer to {message.subject!r} (message {short})."
            )
            await self._report_waiting(message, on=sentence)

    async def _check_attempt(self) -> None:
        """Refuse to go on if the attempt that waits was over meanwhile.

        Raises:
            AttemptIsOver: Another one must not get its slot.
        """
        if self.caller is not None and is_over(self.dispatcher.live, self.caller):
            await self.dispatcher.in_thread(
                check_caller, self.service.store, self.caller
            )

    # -- the slot ------------------------------------------------------------------------

    async def _report_waiting(
        self, message: Message | None = None, **payload: str
    ) -> None:
        """Record that it waits, unless it does already, or the message was answered."""
        execution = self.dispatcher.live.get(self.execution_id)
        is_running = execution is not None and execution.status is S.RUNNING
        if is_running and self._is_current:
            if message is not None:
                payload["message_id"] = message.message_id
            event = make_event(self.execution_id, EventKind.WAITING, **payload)
            await self.dispatcher.in_thread(
                decide_as,
                self.service.store,
                self.caller,
                partial(_begin_wait, event=checked_event(event), message=message),
            )

    async def slot_if_over(self, is_over: bool) -> bool:
        """Get the slot of a flow whose wait is over; whether it has one, if it needs one."""
        if not self.request.is_flow or not (is_over or self.request.is_last):
            return True
        return await self._get_slot()

    async def _get_slot(self) -> bool:
        """Whether it runs again, or has ended. If not yet, it keeps its place in the line.

        A request of an earlier wait gets none: the flow waits for something else by now.
        """
        deadline = monotonic() + SLOT_SECONDS
        while self._is_current:
            await self._check_attempt()
            execution = self.dispatcher.live.get(self.execution_id)
            if execution is None or execution.status is not S.WAITING:
                return True
            self.dispatcher.resume(self.execution_id)
            seconds = deadline - monotonic()
            if not await self.dispatcher.wait_for_change(self.execution_id, seconds):
                break
        return False


def _seconds_to(moment: datetime) -> float:
    return (moment - now()).total_seconds()


def _is_past(deadline: float | None) -> bool:
    return deadline is not None and deadline <= monotonic()


def _begin_wait(batch: Batch, *, event: Event, message: Message | None) -> None:
    """Record that a wait begins, unless what it waits for was answered just before."""
    ids = (message.execution_id, message.message_id) if message is not None else None
    if ids is not None and batch.open_message(*ids) is None:
        return
    batch.append([event], strict=False)
