"""`engine`: which engine this is, and how it is stopped."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentEngine
from flowkernel.engine.api.responses import json_response
from flowkernel.engine.api.strict_route import StrictRoute

router = APIRouter(tags=["engine"], route_class=StrictRoute)


@router.get("/engine")
async def get_engine(engine: CurrentEngine) -> Response:
    """Which engine this is, and how many executions have which status."""
    return json_response(engine.status())


@router.post("/engine/stop")
async def stop_engine(body: schemas.StopBody, engine: CurrentEngine) -> Response:
    """Stop it; with `force`, cancel first what is under way."""
    await engine.shut_down(force=body.force)
    return json_response({})
