"""`message`: what executions ask people, and what people answer."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.engine import schemas
from flowkernel.engine.api.responses import answer, ask, check_limit
from flowkernel.engine.prompts.inbox import Inbox, MessageAnswer
from flowkernel.engine.prompts.presence import Presence
from flowkernel.engine.service import Service


def message_routes(service: Service, inbox: Inbox, presence: Presence) -> APIRouter:
    """The routes of `message`."""
    routes = APIRouter(tags=["message"])

    @routes.post("/execution/{execution_id}/message")
    async def send(execution_id: str, body: schemas.MessageBody) -> Response:
        """Send a message to the people of this home."""
        sent = await ask(inbox.send, execution_id, body.model_dump())
        return answer(sent.to_json(), 201)

    @routes.get("/message")
    async def list_messages(
        limit: int = 50, is_open: bool = False, root_id: str | None = None
    ) -> Response:
        """The newest first; with `is_open`, only what waits for an answer.

        With `is_open`, `root_id` gives those of one family.
        """
        check_limit(limit)
        if is_open:
            found = await ask(inbox.open)
            if root_id is not None:
                found = [message for message in found if message.root_id == root_id]
            found = found[:limit]
        else:
            found = await ask(service.store.list_messages, limit)
        return answer([message.to_json() for message in found])

    @routes.get("/message/{message_id}")
    async def get_message(message_id: str) -> Response:
        """One message, by its id or the unambiguous beginning or end of it."""
        return answer((await ask(inbox.find, message_id)).to_json())

    @routes.post("/message/{message_id}/answer")
    async def answer_message(message_id: str, body: schemas.AnswerBody) -> Response:
        """Answer it, once and for all; 409 if somebody was first."""
        presence.note(body.answered_by, body.answered_from)
        told = await ask(inbox.answer, message_id, MessageAnswer(**body.model_dump()))
        return answer(told.to_json())

    return routes
