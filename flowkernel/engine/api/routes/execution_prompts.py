"""What an `execution` asks people: messages; and prompts about a failure."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from flowkernel.core.models import DecisionVerb
from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentCaller, CurrentEngine
from flowkernel.engine.api.responses import in_thread, json_response
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.field_types import Moment
from flowkernel.engine.prompts.answer_time import answer_time
from flowkernel.engine.prompts.attendance import attendance_of
from flowkernel.engine.prompts.wrapper_requests import decide_on, send_prompt

#: Minutes; the last sign of a person is never looked for further back than a year.
Minutes = Annotated[float, Query(ge=0, le=366 * 24 * 60, allow_inf_nan=False)]

router = APIRouter(route_class=StrictRoute)


@router.post("/execution/{execution_id}/message", tags=["message"])
async def send(
    execution_id: str,
    body: schemas.MessageBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Send a message to the people of this home."""
    message = await in_thread(engine.inbox.send, execution_id, body, caller=caller)
    return json_response(message.to_json(), 201)


@router.get("/execution/{execution_id}/presence", tags=["execution"])
async def get_presence(
    execution_id: str, engine: CurrentEngine, minutes: Minutes = 30
) -> Response:
    """Whether a person is there to answer a prompt about it, and why we think so."""
    execution = await in_thread(engine.service.find, execution_id)
    presence = engine.presence
    attendance = await in_thread(
        attendance_of, engine.inbox, presence, execution, minutes
    )
    return json_response(
        {
            "is_attended": attendance.is_attended,
            "why": attendance.why,
            "is_interactive": execution.is_interactive,
            "last": presence.last.to_json() if presence.last else None,
        }
    )


@router.get("/execution/{execution_id}/asked", tags=["execution"])
async def get_answer_time(
    execution_id: str,
    start: Annotated[Moment, Query(alias="since")],
    engine: CurrentEngine,
) -> Response:
    """How long since a moment it, or something under it, has waited for answers of people.

    `seconds`, and `is_now`: whether it waits for one now.
    """
    execution = await in_thread(engine.service.find, execution_id)
    waited = await in_thread(answer_time, engine.service, execution, start)
    return json_response({"seconds": waited.seconds, "is_now": waited.is_now})


@router.post("/execution/{execution_id}/prompt", tags=["execution"])
async def prompt(
    execution_id: str,
    body: schemas.PromptBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Ask a person what follows from the failure of `about_id`; 201."""
    last = engine.presence.last.to_json() if engine.presence.last else None
    message = await in_thread(
        send_prompt, engine.inbox, execution_id, body, last, caller=caller
    )
    return json_response(message.to_json(), 201)


@router.post("/execution/{execution_id}/decide", tags=["execution"])
async def decide(
    execution_id: str,
    body: schemas.DecideBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Carry out what was decided on its failure."""
    execution = await in_thread(
        decide_on,
        engine.inbox,
        execution_id,
        message_id=body.message_id,
        verb=DecisionVerb(body.verb) if body.verb else None,
        actor=caller.actor(body.started_by),
        reason=body.why,
        archive=body.archive,
        caller=caller,
    )
    return json_response(execution.to_json())
