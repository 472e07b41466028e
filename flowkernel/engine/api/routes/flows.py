"""`flow`, `flow_version` and `wrapper`."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from flowkernel.core.json_values import MAX_NAME, dumps
from flowkernel.core.models import Flow, FlowVersion, Json
from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentEngine
from flowkernel.engine.api.pages import Page, page_response
from flowkernel.engine.api.query import MAX_LIMIT, Limit
from flowkernel.engine.api.responses import in_thread, json_response
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.start_plan import version_of, version_of_flow
from flowkernel.engine.wrapper_list import list_wrappers
from flowkernel.forms.input_check import CHECKS
from flowkernel.store import Store

router = APIRouter(tags=["flow"], route_class=StrictRoute)


@router.post("/flow")
async def register(body: schemas.RegisterBody, engine: CurrentEngine) -> Response:
    """Give a source a name, or a new source to a name."""
    flow = Flow.from_json(body.model_dump(exclude=schemas.MADE_HERE))
    flow = await in_thread(engine.service.register, flow)
    engine.dispatcher.ensure_worker()  # A run will follow: papermill loads meanwhile.
    return json_response(flow.to_json())


@router.get("/flow")
async def list_flows(
    request: Request,
    engine: CurrentEngine,
    limit: Limit = MAX_LIMIT,
    cursor: Annotated[str | None, Query(max_length=MAX_NAME)] = None,
) -> Response:
    """The flows, by name, without their sources: `source` is null."""
    flows = [f for f in engine.store.list_flows() if f.name > (cursor or "")]
    page = Page()
    for flow, previous in zip(flows, [None, *flows], strict=False):
        text = dumps({**replace(flow, source="").to_json(), "source": None})
        if len(page.texts) == limit or not page.add(text):
            page.next = previous.name if previous else ""
            break
    return page.response(request)


@router.get("/flow/{name}")
async def get_flow(name: str, engine: CurrentEngine) -> Response:
    """One flow, with its source, and the signature of it."""
    record = await in_thread(_flow_record, engine.store, name)
    return json_response(record)


@router.patch("/flow/{name}")
async def wrap(name: str, body: schemas.WrapBody, engine: CurrentEngine) -> Response:
    """Have every execution of it go through these wrappers."""
    wrappers = body.model_dump()["wrappers"]
    flow = await in_thread(engine.service.wrap, name, wrappers)
    return json_response(flow.to_json())


@router.delete("/flow/{name}")
async def delete_flow(name: str, engine: CurrentEngine) -> Response:
    """Delete the name; versions that ran are kept."""
    await in_thread(engine.store.delete_flow, name)
    return json_response({})


@router.get("/wrapper")
async def wrappers(
    request: Request,
    engine: CurrentEngine,
    limit: Limit = MAX_LIMIT,
    cursor: Annotated[str | None, Query(max_length=MAX_NAME)] = None,
) -> Response:
    """The wrappers, by name: what each does, and its parameters with their defaults."""
    listed = await in_thread(list, list_wrappers(engine.store))
    return await page_response(
        request,
        lambda name, count: [w for w in listed if w.name > (name or "")][:count],
        lambda wrapper, _position: wrapper.name,
        start=cursor,
        limit=limit,
    )


@router.get("/flow_version/{flow_version}")
async def get_version(flow_version: str, engine: CurrentEngine) -> Response:
    """The source of a version that ran."""
    version = await in_thread(engine.store.get_version, flow_version)
    return json_response(await in_thread(_with_signature, version, version))


@router.post("/signature")
async def signature(body: schemas.SignatureBody, engine: CurrentEngine) -> Response:
    """What a source declares, before it is started. Nothing is recorded."""
    version = version_of("", body.kind, body.source, None, None, None)
    check = await in_thread(CHECKS.of, version)
    return json_response(check.to_json())


def _flow_record(store: Store, name: str) -> Json:
    flow = store.get_flow(name)
    return _with_signature(flow, version_of_flow(store, flow))


def _with_signature(record: Flow | FlowVersion, version: FlowVersion) -> Json:
    """A flow or a version, with the parameters that it declares."""
    signature = CHECKS.of(version).to_json()
    return {**record.to_json(), "signature": signature}
