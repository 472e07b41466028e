"""`message`: what executions ask people, and what people answer."""

from dataclasses import replace

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentCaller, CurrentEngine
from flowkernel.engine.api.query import Flag, Limit
from flowkernel.engine.api.responses import in_thread, json_response
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.field_types import Id

router = APIRouter(tags=["message"], route_class=StrictRoute)


@router.get("/message")
async def list_messages(
    engine: CurrentEngine,
    limit: Limit = 50,
    is_open: Flag = False,
    root_id: Id | None = None,
) -> Response:
    """The newest first; with `is_open`, only what waits for an answer.

    With `is_open`, `root_id` gives those of one family.
    """
    if is_open:
        messages = await in_thread(engine.inbox.open)
        if root_id is not None:
            messages = [m for m in messages if m.root_id == root_id]
        messages = messages[:limit]
    else:
        messages = await in_thread(engine.store.list_messages, limit)
    return json_response([message.to_json() for message in messages])


@router.get("/message/{message_id}")
async def get_message(message_id: str, engine: CurrentEngine) -> Response:
    """One message, by its id or the unambiguous beginning or end of it."""
    message = await in_thread(engine.inbox.find, message_id)
    return json_response(message.to_json())


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
