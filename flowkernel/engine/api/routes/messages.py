"""`message`: what executions ask people, and what people answer."""

from dataclasses import replace
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Message
from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentCaller, CurrentEngine
from flowkernel.engine.api.pages import Position, page_response
from flowkernel.engine.api.query import Flag, Limit
from flowkernel.engine.api.responses import in_thread, json_response
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.field_types import Id
from flowkernel.engine.prompts.cancel_count import with_current_count
from flowkernel.engine.running_engine import Engine

router = APIRouter(tags=["message"], route_class=StrictRoute)


@router.get("/message")
async def list_messages(
    request: Request,
    engine: CurrentEngine,
    limit: Limit = 50,
    cursor: Id | None = None,
    is_open: Flag = False,
    root_id: Id | None = None,
) -> Response:
    """The newest first; with `is_open`, only what waits for an answer.

    With `is_open`, `root_id` gives those of one family.
    """
    read = engine.store.list_messages
    if is_open:
        read = partial(_read_open, await in_thread(_open_messages, engine, root_id))
    elif root_id is not None:
        raise BadArgument("`root_id` selects open messages: add `is_open=true`.")

    def read_after(message_id: Position | None, count: int) -> list[Message]:
        before = (
            None if message_id is None else engine.store.get_message(str(message_id))
        )
        return read(count, before=before)

    return await page_response(
        request,
        read_after,
        lambda message, _position: message.message_id,
        start=cursor,
        limit=limit,
    )


def _open_messages(engine: Engine, root_id: str | None) -> list[Message]:
    """Those that wait for an answer: all, or those of a family and what it has adopted."""
    messages = engine.inbox.open()
    if root_id is None:
        return messages
    adopted = set(engine.store.adopted_ids(root_id))
    return [m for m in messages if m.root_id == root_id or m.execution_id in adopted]


def _read_open(
    messages: list[Message], limit: int, *, before: Message | None
) -> list[Message]:
    """A page of those that wait for an answer, which are in memory, newest first."""
    if before is not None:
        age = (before.created_at, before.message_id)
        messages = [m for m in messages if (m.created_at, m.message_id) < age]
    return messages[:limit]


@router.get("/message/{message_id}")
async def get_message(
    message_id: str, engine: CurrentEngine, is_shown: bool = True
) -> Response:
    """One message, by its id, that of a run, or the unambiguous beginning or end of it.

    Of an open prompt, the button `cancel_all` says how many runs it would end now. By the id
    of a run, `shown_before` is the id of another message that was shown for it before; with
    `is_shown=false` that one stays the one that was shown.
    """
    message, shown_before = await in_thread(
        engine.inbox.lookup.show, message_id, is_shown=is_shown
    )
    record = await in_thread(with_current_count, engine.store, message)
    if shown_before is not None:
        record["shown_before"] = shown_before
    return json_response(record)


@router.post("/message/{message_id}/answer")
async def answer_message(
    message_id: str,
    body: schemas.AnswerBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Answer it, once and for all; 409 if it was answered before."""
    answer = replace(body, answered_by=caller.actor(body.answered_by))
    engine.presence.note(answer.answered_by, answer.answered_from)
    message = await in_thread(engine.inbox.answer, message_id, answer)
    return json_response(message.to_json())
