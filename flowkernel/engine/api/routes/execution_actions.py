"""Actions on an `execution`: wait for it, cancel, pause, resume, run, retry, ..."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentCaller, CurrentEngine
from flowkernel.engine.api.responses import in_thread, json_response
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.caller_checks import check_environ, check_itself
from flowkernel.engine.dispatch.wait_requests import hold
from flowkernel.engine.start_plan import StartRequest

router = APIRouter(tags=["execution"], route_class=StrictRoute)


@router.post("/execution/{execution_id}/wait")
async def wait(
    execution_id: str,
    body: schemas.WaitBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Whether it is over; held open for `seconds`."""
    if body.is_flow:  # It is the flow itself that gives its slot back.
        check_itself(caller, execution_id, "POST /execution/{execution_id}/wait")
    return json_response(
        await hold(
            engine.service,
            engine.dispatcher,
            engine.inbox,
            execution_id,
            body,
            caller=caller,
        )
    )


@router.post("/execution/{execution_id}/cancel")
async def cancel(
    execution_id: str,
    body: schemas.VerbBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Stop it, and everything under it."""
    actor = caller.actor(body.started_by)
    execution = await in_thread(
        engine.service.cancel, execution_id, actor, caller=caller
    )
    return json_response(execution.to_json())


@router.post("/execution/{execution_id}/pause")
async def pause(
    execution_id: str,
    body: schemas.VerbBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Stop it after the cell that runs now."""
    actor = caller.actor(body.started_by)
    execution = await in_thread(
        engine.service.pause, execution_id, actor, caller=caller
    )
    return json_response(execution.to_json())


@router.post("/execution/{execution_id}/resume")
async def resume(
    execution_id: str,
    body: schemas.VerbBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Continue a paused one."""
    actor = caller.actor(body.started_by)
    execution = await in_thread(
        engine.service.resume, execution_id, actor, caller=caller
    )
    return json_response(execution.to_json())


@router.post("/execution/{execution_id}/release_kernel")
async def release_kernel(
    execution_id: str,
    body: schemas.VerbBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """End the kernel that it keeps after its end."""
    actor = caller.actor(body.started_by)
    execution = await in_thread(
        engine.service.release_kernel, execution_id, actor, caller=caller
    )
    return json_response(execution.to_json())


@router.post("/execution/{execution_id}/run")
async def run(
    execution_id: str,
    body: schemas.VerbBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Start one that was only recorded."""
    actor = caller.actor(body.started_by)
    execution = await in_thread(
        engine.service.run,
        execution_id,
        body.inputs,
        actor,
        event_id=body.event_id,
        caller=caller,
    )
    return json_response(execution.to_json())


@router.post("/execution/{execution_id}/retry")
async def retry(
    execution_id: str,
    body: schemas.RetryBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Start it again, as a new execution."""
    check_environ(caller, body.environ)
    request = StartRequest(
        execution_id=body.execution_id,
        started_by=caller.actor(body.started_by),
        inputs=body.inputs,
        environ=body.environ,
        texts=body.texts,
        allow_extra=body.allow_extra,
        retry_source=body.source,
        retry_file=body.file,
    )
    execution = await in_thread(
        engine.service.retry, execution_id, request, caller=caller
    )
    return json_response(execution.to_json(), 201)
