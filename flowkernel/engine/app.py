"""The REST API: read the request, call the service, answer. Knows HTTP and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from flowkernel.clock import monotonic
from flowkernel.engine import bodies
from flowkernel.engine.dispatcher import Dispatcher
from flowkernel.engine.guard import Guard
from flowkernel.engine.service import Service, Start
from flowkernel.engine.stream import PAGE, Stream
from flowkernel.engine.waiting import hold
from flowkernel.engine.working import accept
from flowkernel.errors import (
    BadArgument,
    DiskFull,
    EngineError,
    ExecutionNotFound,
    FileMissing,
    FlowkernelError,
    FlowNotFound,
    MessageNotFound,
    MoveNotAllowed,
    RequestError,
    Unauthorized,
    ValueTooBig,
)
from flowkernel.jsonvalue import dumps
from flowkernel.models import Event, Flow, Json
from flowkernel.status import ExecutionStatus

THREADS = (
    64  #: Requests that may be in the store at a time; together they share commits.
)
MAX_LIMIT = 10_000  #: Records of one answer, inclusive.
HTTP_STATUS: tuple[tuple[type[FlowkernelError], int], ...] = (
    (Unauthorized, 401),
    (FlowNotFound, 404),
    (ExecutionNotFound, 404),
    (MessageNotFound, 404),
    (FileMissing, 404),
    (MoveNotAllowed, 409),
    (ValueTooBig, 413),
    (RequestError, 400),
    (DiskFull, 507),
    (EngineError, 500),
    (FlowkernelError, 500),
)

S = ExecutionStatus
T = TypeVar("T")
ask = asyncio.to_thread  # The store is synchronous: the edge calls it in a thread.


def make_app(
    service: Service,
    dispatcher: Dispatcher,
    stream: Stream,
    *,
    token: str,
    about: dict[str, Json],
    stop: Callable[[], None],
) -> FastAPI:
    """The application of one engine.

    Args:
        about: What `GET engine` says besides the counts.
        stop: Called when somebody asks the engine to go away.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS, "request"))
        service.store.on_commit(
            lambda events: _soon(loop, dispatcher.on_events, events)
        )
        dispatcher.open()
        sweeping = asyncio.create_task(dispatcher.sweep(stop))
        yield
        sweeping.cancel()

    app = FastAPI(
        title="flowkernel", version=about["version"], lifespan=lifespan, docs_url=None,
        redoc_url=None,
    )  # fmt: skip
    app.add_middleware(Guard, token=token, on_request=lambda: _touch(dispatcher))
    app.add_exception_handler(FlowkernelError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_shape)
    app.add_exception_handler(HTTPException, _refuse_http)
    app.add_exception_handler(Exception, _refuse_fault)
    routers = (
        _engine_routes(service, dispatcher, about, stop),
        _flow_routes(service, dispatcher),
        _execution_routes(service, dispatcher),
        _verb_routes(service, dispatcher),
        _reading_routes(service, stream),
        _worker_routes(service, dispatcher),
    )
    for router in routers:
        app.include_router(router, prefix="/api/latest")
    return app


def _soon(
    loop: asyncio.AbstractEventLoop,
    call: Callable[[list[Event]], None],
    events: list[Event],
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, events)


def _touch(dispatcher: Dispatcher) -> None:
    dispatcher.last_asked = monotonic()


def answer(value: Any, status: int = 200) -> Response:
    """A value as JSON, exactly as it is stored."""
    return Response(dumps(value).encode(), status, media_type="application/json")


# -- errors ----------------------------------------------------------------------------------


async def _refuse(_request: Request, error: Exception) -> Response:
    """Answer {code, message}. A code is a class name, and is never renamed."""
    status = next(code for family, code in HTTP_STATUS if isinstance(error, family))
    return _said(type(error).__name__, str(error), status)


async def _refuse_shape(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [
        f"{'.'.join(str(part) for part in one['loc'][1:]) or 'the body'}: {one['msg']}"
        for one in error.errors()[:3]
    ]
    return _said("BadArgument", f"The request cannot be used: {'; '.join(wrong)}.", 400)


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        said = "The body of the request cannot be read: it is not JSON in UTF-8, or too deep."
    else:
        what = f"{request.method} {request.url.path}"
        said = f"There is no {what}. /openapi.json lists what there is."
    return _said("BadArgument", said, error.status_code)


async def _refuse_fault(_request: Request, error: Exception) -> Response:
    return _said(
        "EngineFault",
        f"The engine broke while it did this ({type(error).__name__}: {error}). "
        "Nothing that was acknowledged is lost; the engine's log has the details.",
        500,
    )


def _said(code: str, message: str, status: int) -> Response:
    return JSONResponse({"code": code, "message": message}, status)


# -- the engine itself -----------------------------------------------------------------------


def _engine_routes(
    service: Service,
    dispatcher: Dispatcher,
    about: dict[str, Json],
    stop: Callable[[], None],
) -> APIRouter:
    routes = APIRouter(tags=["engine"])

    @routes.get("/engine")
    async def engine() -> Response:
        """Who answers here, and how much is under way."""
        counts = {f"{s.lower()}": 0 for s in S if not s.is_ended}
        for execution in list(service.store.live.values()):
            counts[execution.status.lower()] += 1
        return answer(
            {
                **about,
                **counts,
                "slots": dispatcher.config.slot_count,
                "workers": len(dispatcher.workers),
                "database_bytes": service.store.size_bytes,
            }
        )

    @routes.post("/engine/stop")
    async def engine_stop(body: bodies.StopBody) -> Response:
        """Go away; with `force`, cancel first what is under way."""
        live = list(service.store.live.values())
        if live and not body.force:
            raise BadArgument(
                f"{len(live)} execution(s) are under way. Wait for them, cancel them, or "
                "stop with `--force`, which cancels them all."
            )
        for execution in live:
            if (
                execution.parent_id is None
                or execution.parent_id not in service.store.live
            ):
                await ask(service.cancel, execution.execution_id, "engine stop")
        await _until_quiet(service, 15.0)
        dispatcher.is_stopping = True
        for worker in dispatcher.workers.values():
            worker.news.set()
        asyncio.get_running_loop().call_later(0.3, stop)
        return answer({})

    return routes


async def _until_quiet(service: Service, seconds: float) -> None:
    deadline = monotonic() + seconds
    while service.store.live and monotonic() < deadline:  # noqa: ASYNC110 (once, at the end)
        await asyncio.sleep(0.05)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise BadArgument(f"limit is {limit}; it goes from 1 to {MAX_LIMIT:,}.")


# -- flows -----------------------------------------------------------------------------------


def _flow_routes(service: Service, dispatcher: Dispatcher) -> APIRouter:
    routes = APIRouter(tags=["flow"])

    @routes.post("/flow")
    async def register(body: bodies.FlowRecord) -> Response:
        """Give a source a name, or a new source to a name."""
        told = await ask(service.register, Flow.from_json(body.model_dump()))
        dispatcher.need_worker()  # Somebody is about to run it: let papermill load meanwhile.
        return answer(told.to_json())

    @routes.get("/flow")
    async def list_flows() -> Response:
        """All flows, by name."""
        return answer([flow.to_json() for flow in service.store.list_flows()])

    @routes.get("/flow/{name}")
    async def get_flow(name: str) -> Response:
        """One flow, with its source."""
        return answer(service.store.get_flow(name).to_json())

    @routes.delete("/flow/{name}")
    async def delete_flow(name: str) -> Response:
        """Forget the name; versions that ran are kept."""
        await ask(service.store.delete_flow, name)
        return answer({})

    @routes.get("/flow_version/{flow_version}")
    async def get_version(flow_version: str) -> Response:
        """The source of a version that ran."""
        return answer((await ask(service.store.get_version, flow_version)).to_json())

    return routes


# -- executions ------------------------------------------------------------------------------


def _execution_routes(service: Service, dispatcher: Dispatcher) -> APIRouter:
    routes = APIRouter(tags=["execution"])

    @routes.post("/execution")
    async def start(body: bodies.StartBody) -> Response:
        """Start an execution; 201 once it is on disk."""
        execution = await ask(service.start, Start(**body.model_dump()))
        return answer(execution.to_json(), 201)

    @routes.get("/execution")
    async def list_executions(
        status: S | None = None,
        flow_name: str | None = None,
        parent_id: str | None = None,
        root_id: str | None = None,
        is_archived: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Response:
        """The newest first."""
        _check_limit(limit)
        found = await ask(
            service.store.list_executions,
            status=status,
            flow_name=flow_name,
            parent_id=parent_id,
            root_id=root_id,
            is_archived=is_archived,
            limit=limit,
            cursor=cursor,
        )
        return answer([execution.to_json() for execution in found])

    @routes.get("/execution/{execution_id}")
    async def get_execution(execution_id: str) -> Response:
        """One, by its id or the unambiguous beginning or end of it."""
        return answer((await ask(service.find, execution_id)).to_json())

    @routes.get("/execution/{execution_id}/tree")
    async def tree(execution_id: str) -> Response:
        """It and everything under it, and the cursor to follow from."""
        cursor = service.store.last_seq
        family = await ask(service.subtree, execution_id)
        progress = {
            execution.execution_id: dispatcher.progress[
                execution.execution_id
            ].to_json()
            for execution in family
            if execution.execution_id in dispatcher.progress
        }
        executions = [execution.to_json() for execution in family]
        return answer(
            {"executions": executions, "progress": progress, "cursor": cursor}
        )

    @routes.get("/execution/{execution_id}/cell_run")
    async def cell_runs(execution_id: str) -> Response:
        """Its cell runs, in the order in which they started."""
        found = await ask(service.store.cell_runs, execution_id)
        return answer([run.to_json() for run in found])

    @routes.get("/execution/{execution_id}/log")
    async def log(
        execution_id: str, after_seq: int = 0, limit: int = 10_000
    ) -> Response:
        """What it logged and printed."""
        _check_limit(limit)
        found = await ask(
            service.store.log, execution_id, after_seq=after_seq, limit=limit
        )
        return answer([event.to_json() for event in found])

    @routes.patch("/execution/{execution_id}")
    async def save(execution_id: str, body: bodies.SaveBody) -> Response:
        """Overwrite its name, message, or whether it is archived."""
        values = body.model_dump(exclude_unset=True)
        return answer((await ask(service.save, execution_id, values, "REST")).to_json())

    @routes.post("/execution/{execution_id}/output")
    async def output(execution_id: str, body: bodies.OutputBody) -> Response:
        """Add to its output, or replace it."""
        told = await ask(
            service.set_output, execution_id, body.output, merge=body.merge
        )
        return answer({"output": told.output})

    @routes.post("/execution/{execution_id}/log")
    async def add_log(execution_id: str, body: bodies.LogBody) -> Response:
        """Add to its log."""
        await ask(service.log, execution_id, body.stream, body.text)
        return answer({})

    @routes.post("/execution/{execution_id}/message")
    async def send_message(execution_id: str, body: bodies.MessageBody) -> Response:
        """Record a note to the people of this home."""
        return answer(
            await ask(service.send_message, execution_id, body.model_dump()), 201
        )

    return routes


def _verb_routes(service: Service, dispatcher: Dispatcher) -> APIRouter:
    routes = APIRouter(tags=["execution"])

    @routes.post("/execution/{execution_id}/wait")
    async def wait(execution_id: str, body: bodies.WaitBody) -> Response:
        """Whether it is over; held open for `seconds`."""
        return answer(await hold(service, dispatcher, execution_id, body))

    @routes.post("/execution/{execution_id}/cancel")
    async def cancel(execution_id: str, body: bodies.VerbBody) -> Response:
        """Stop it, and everything under it."""
        return answer(
            (await ask(service.cancel, execution_id, body.started_by)).to_json()
        )

    @routes.post("/execution/{execution_id}/pause")
    async def pause(execution_id: str, body: bodies.VerbBody) -> Response:
        """Let it stop after the cell that runs now."""
        return answer(
            (await ask(service.pause, execution_id, body.started_by)).to_json()
        )

    @routes.post("/execution/{execution_id}/resume")
    async def resume(execution_id: str, body: bodies.VerbBody) -> Response:
        """Let a paused one go on."""
        execution = await ask(service.resume, execution_id, body.started_by)
        if execution.status is S.PAUSED:
            dispatcher.resume(execution_id)
        return answer(execution.to_json())

    @routes.post("/execution/{execution_id}/run")
    async def run(execution_id: str, body: bodies.VerbBody) -> Response:
        """Start one that was only recorded."""
        told = await ask(service.run, execution_id, body.inputs, body.started_by)
        return answer(told.to_json())

    @routes.post("/execution/{execution_id}/retry")
    async def retry(execution_id: str, body: bodies.VerbBody) -> Response:
        """Start it again, as a new execution."""
        asked = Start(
            execution_id=body.execution_id,
            started_by=body.started_by,
            inputs=body.inputs,
        )
        return answer((await ask(service.retry, execution_id, asked)).to_json(), 201)

    return routes


# -- everything that only reads --------------------------------------------------------------


def _reading_routes(service: Service, stream: Stream) -> APIRouter:
    routes = APIRouter()

    @routes.get("/message", tags=["message"])
    async def list_messages(limit: int = 50) -> Response:
        """The newest first."""
        _check_limit(limit)
        found = await ask(service.store.list_messages, limit)
        return answer([message.to_json() for message in found])

    @routes.get("/message/{message_id}", tags=["message"])
    async def get_message(message_id: str) -> Response:
        """One message."""
        return answer((await ask(service.store.get_message, message_id)).to_json())

    @routes.get("/event", tags=["event"])
    async def events(
        cursor: int = 0, root_id: str | None = None, execution_id: str | None = None
    ) -> StreamingResponse:
        """What happens from `cursor` on, as server-sent events."""

        async def lines() -> AsyncIterator[bytes]:
            yield b": hello\n\n"
            async for event in stream.watch(cursor, root_id, execution_id):
                if event is None:
                    yield b": still here\n\n"
                else:
                    text = dumps(event.to_json())
                    yield f"id: {event.seq}\ndata: {text}\n\n".encode()

        return StreamingResponse(lines(), media_type="text/event-stream")

    @routes.post("/sql", tags=["sql"])
    async def sql(body: bodies.SqlBody) -> Response:
        """Ask the store a question; it only reads."""
        seconds, rows = service.config.sql_seconds, service.config.sql_rows
        if body.format == "arrow":
            content = await ask(
                service.store.query_arrow, body.sql, seconds=seconds, rows=rows
            )
            return Response(content, media_type="application/vnd.apache.arrow.stream")
        told = await ask(service.store.query, body.sql, seconds=seconds, rows=rows)
        return answer(
            {
                "columns": told.columns,
                "types": told.types,
                "rows": told.rows,
                "is_cut": told.is_cut,
            }
        )

    @routes.post("/backup", tags=["engine"])
    async def backup() -> Response:
        """Copy the database into the backup folder while everything goes on."""
        return answer({"path": await ask(service.backup)})

    return routes


# -- workers ---------------------------------------------------------------------------------


def _worker_routes(service: Service, dispatcher: Dispatcher) -> APIRouter:
    routes = APIRouter(tags=["worker"])

    @routes.post("/worker/{worker_id}/poll")
    async def poll(worker_id: str, body: bodies.PollBody) -> Response:
        """What this worker has to do; held open a little."""
        worker = dispatcher.heard(
            worker_id, pid=body.pid, process_started_at=body.process_started_at
        )
        return answer(
            await dispatcher.poll(worker, set(body.holding), set(body.paused))
        )

    @routes.post("/worker/{worker_id}/report")
    async def report(worker_id: str, body: bodies.ReportBody) -> Response:
        """What happened in this worker."""
        dispatcher.heard(
            worker_id, pid=body.pid, process_started_at=body.process_started_at
        )
        refused = await ask(accept, service, worker_id, body.events)
        return answer({"refused": refused})

    return routes


__all__ = ["PAGE", "make_app"]
