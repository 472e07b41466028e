"""How an execution waits: it says so, gives its slot back, and gets it again."""

import asyncio
from datetime import datetime

from flowkernel.core.clock import monotonic, now
from flowkernel.core.models import EventKind, Execution, Json, Message
from flowkernel.core.status import ExecutionStatus, MessageStatus, ReturnWhen
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.dispatch.wait_registry import Wait, sentence, until_over
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.schemas import WaitBody
from flowkernel.engine.service import Service, make_event

S = ExecutionStatus
SLOT_SECONDS = 20.0  #: How long one answer waits for a slot; then it is asked again.


async def hold(
    service: Service,
    dispatcher: Dispatcher,
    inbox: Inbox,
    execution_id: str,
    asked: WaitBody,
) -> dict[str, Json]:
    """Wait as `asked`, for its `seconds` at most.

    When a flow waits, it is WAITING on disk before this waits, and RUNNING again, with a slot,
    before this says that it is over.
    """
    if asked.message is not None:
        return await _hold_for_answer(service, dispatcher, inbox, execution_id, asked)
    targets = await asyncio.to_thread(_executions, service, asked.targets)
    wait = Wait(
        {e.execution_id: e.status for e in targets},
        asked.return_when,
        waiter=execution_id if asked.is_flow else None,
        counts_failed=asked.counts_failed,
    )
    for target in targets:
        if target.is_failed:
            wait.note(target.execution_id, S.PAUSED)
    if asked.until is None and wait.return_when.is_settled(
        list(wait.statuses.values())
    ):
        wait.over.set()
    dispatcher.waits.open(wait)
    try:
        for target in targets:  # What ended between the reading and the listening.
            if (
                target.execution_id not in service.store.live
                and not target.status.is_ended
            ):
                fresh = await asyncio.to_thread(
                    service.store.get_execution, target.execution_id
                )
                wait.note(fresh.execution_id, fresh.status)
        is_over = await _is_over(service, execution_id, asked, wait, targets)
    finally:
        dispatcher.waits.close(wait)
    has_slot = True
    if asked.is_flow and (is_over or asked.is_last):
        has_slot = await _get_slot(service, dispatcher, execution_id)
    found = await asyncio.to_thread(_executions, service, asked.targets)
    return {
        "is_over": is_over,
        "has_slot": has_slot,
        "executions": [e.to_json() for e in found],
    }


async def _hold_for_answer(
    service: Service,
    dispatcher: Dispatcher,
    inbox: Inbox,
    execution_id: str,
    asked: WaitBody,
) -> dict[str, Json]:
    """Wait until a message is not open any more."""
    message = await asyncio.to_thread(inbox.find, asked.message or "")
    wait = Wait(
        {message.message_id: S.WAITING},
        ReturnWhen.ALL_ENDED,
        waiter=execution_id if asked.is_flow else None,
    )
    dispatcher.waits.open(wait)
    try:
        message = await _as_it_is(inbox, message)
        if message.status is MessageStatus.OPEN:
            if asked.is_flow:
                short = message.message_id[-8:]
                on = f"Waiting for an answer to {message.subject!r} (message {short})."
                await _say_waiting(service, execution_id, on, message.message_id)
            await until_over(wait, _seconds_left(asked, message))
            message = await _as_it_is(inbox, message)
    finally:
        dispatcher.waits.close(wait)
    is_over = message.status is not MessageStatus.OPEN
    has_slot = True
    if asked.is_flow and (is_over or asked.is_last):
        has_slot = await _get_slot(service, dispatcher, execution_id)
    told = inbox.full(message) if asked.is_flow else message.to_json()
    return {"is_over": is_over, "has_slot": has_slot, "message": told}


async def _as_it_is(inbox: Inbox, message: Message) -> Message:
    """The message now; closed, if the time for an answer is over."""
    fresh = await asyncio.to_thread(inbox.service.store.get_message, message.message_id)
    return await asyncio.to_thread(inbox.closed_if_late, fresh)


def _seconds_left(asked: WaitBody, message: Message) -> float:
    if message.expires_at is None:
        return asked.seconds
    return min(asked.seconds, (message.expires_at - now()).total_seconds())


def _executions(service: Service, ids: list[str]) -> list[Execution]:
    return [service.store.get_execution(execution_id) for execution_id in ids]


async def _is_over(
    service: Service,
    execution_id: str,
    asked: WaitBody,
    wait: Wait,
    targets: list[Execution],
) -> bool:
    if wait.over.is_set() or _is_past(asked.until):
        return True
    if asked.is_flow:
        on = _until_words(asked.until) if asked.until else sentence(targets)
        await _say_waiting(service, execution_id, on)
    if asked.until is None:
        return await until_over(wait, asked.seconds)
    left = (asked.until - now()).total_seconds()
    await until_over(wait, min(asked.seconds, left))
    return _is_past(asked.until)


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment <= now()


def _until_words(moment: datetime) -> str:
    return f"Waiting until {moment:%Y-%m-%d %H:%M:%S} UTC."


async def _say_waiting(
    service: Service, execution_id: str, on: str, message_id: str | None = None
) -> None:
    execution = service.store.live.get(execution_id)
    if execution is not None and execution.status is S.RUNNING:
        said = (
            {"on": on} if message_id is None else {"on": on, "message_id": message_id}
        )
        event = make_event(execution_id, EventKind.WAITING, **said)
        await asyncio.to_thread(service.store.append, [event], strict=False)


async def _get_slot(
    service: Service, dispatcher: Dispatcher, execution_id: str
) -> bool:
    """Whether it runs again (or has ended). If not yet, it keeps its place in the line."""
    deadline = monotonic() + SLOT_SECONDS
    while True:
        execution = service.store.live.get(execution_id)
        if execution is None or execution.status is not S.WAITING:
            return True
        dispatcher.resume(execution_id)
        if not await dispatcher.moved(execution_id, deadline - monotonic()):
            return False
