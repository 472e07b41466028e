"""`execution`, once it has failed: is somebody there, what do they decide, what follows."""

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import AwareDatetime

from flowkernel.engine import schemas
from flowkernel.engine.api.responses import answer, ask
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.prompts.answer_time import answer_time
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.prompts.presence import Presence
from flowkernel.engine.prompts.send import decide_on, is_attended, send_prompt
from flowkernel.engine.service import Service


def asking_routes(
    service: Service, dispatcher: Dispatcher, inbox: Inbox, presence: Presence
) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["execution"])

    @routes.get("/execution/{execution_id}/presence")
    async def attended(execution_id: str, minutes: float = 30) -> Response:
        """Whether somebody is there to be asked about it, and why we think so."""
        execution = await ask(service.find, execution_id)
        return answer(
            {
                "is_attended": await ask(
                    is_attended, inbox, presence, execution, minutes
                ),
                "is_interactive": execution.is_interactive,
                "last": presence.last.to_json() if presence.last else None,
            }
        )

    @routes.get("/execution/{execution_id}/asked")
    async def asked(execution_id: str, since: AwareDatetime) -> Response:
        """How many seconds since a moment it, or something under it, has waited for an
        answer of a person; and whether it does so now."""
        execution = await ask(service.find, execution_id)
        answering = await ask(answer_time, service, execution, since)
        return answer({"seconds": answering.seconds, "is_now": answering.is_now})

    @routes.post("/execution/{execution_id}/prompt")
    async def prompt(execution_id: str, body: schemas.PromptBody) -> Response:
        """Ask what is to follow from the failure of `about_id`; 201."""
        last = presence.last.to_json() if presence.last else None
        asked = body.model_dump()
        sent = await ask(send_prompt, inbox, execution_id, asked, last)
        return answer(sent.to_json(), 201)

    @routes.post("/execution/{execution_id}/decide")
    async def decide(execution_id: str, body: schemas.DecideBody) -> Response:
        """Have followed what was decided on its failure."""
        told = await ask(decide_on, inbox, execution_id, body)
        if told.asked == "resume":
            dispatcher.resume(execution_id)
        return answer(told.to_json())

    return routes
