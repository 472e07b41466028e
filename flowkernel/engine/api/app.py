"""The REST API of one engine, put together. Its routes are in `routes/`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from flowkernel.core.clock import monotonic
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Event, Json
from flowkernel.engine.api import responses
from flowkernel.engine.api.auth import AuthMiddleware
from flowkernel.engine.api.routes.engine import engine_routes
from flowkernel.engine.api.routes.execution_actions import verb_routes
from flowkernel.engine.api.routes.execution_prompts import asking_routes
from flowkernel.engine.api.routes.executions import execution_routes
from flowkernel.engine.api.routes.flows import flow_routes
from flowkernel.engine.api.routes.messages import message_routes
from flowkernel.engine.api.routes.records import reading_routes
from flowkernel.engine.api.routes.workers import worker_routes
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.event_stream import EventStream
from flowkernel.engine.prompts.decisions import check_answer, still_possible
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.prompts.presence import Presence
from flowkernel.engine.retention import prune_daily
from flowkernel.engine.service import Service

TEND_EVERY = 3.0  #: Seconds between looks whether the home is still there.
LEAVE_SECONDS = 1.0  #: For workers to hear that a home is gone.
THREADS = (
    64  #: Requests that may be in the store at a time; together they share commits.
)


def make_app(
    service: Service,
    dispatcher: Dispatcher,
    stream: EventStream,
    *,
    token: str,
    about: dict[str, Json],
    stop: Callable[[], None],
    tend: Callable[[], bool] = lambda: True,
) -> FastAPI:
    """The application of one engine.

    Args:
        about: What `GET engine` says besides the counts.
        stop: Called when somebody asks the engine to go away.
        tend: Called every `TEND_EVERY` seconds; False: the home is gone, or another one.
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
        pruning = asyncio.create_task(prune_daily(service))
        tending = asyncio.create_task(_stay_while(tend, dispatcher, stop))
        yield
        sweeping.cancel()
        tending.cancel()
        pruning.cancel()

    app = FastAPI(
        title="flowkernel", version=about["version"], lifespan=lifespan, docs_url=None,
        redoc_url=None,
    )  # fmt: skip
    presence = Presence(service.home.presence_file)
    inbox = Inbox(service, check=check_answer, prepare=partial(still_possible, service))
    app.add_middleware(
        AuthMiddleware,
        token=token,
        on_request=lambda: _touch(dispatcher),
        on_person=presence.note,
    )
    app.add_exception_handler(FlowkernelError, responses.refuse)
    app.add_exception_handler(RequestValidationError, responses.refuse_shape)
    app.add_exception_handler(HTTPException, responses.refuse_http)
    app.add_exception_handler(Exception, responses.refuse_fault)
    routers = (
        worker_routes(service, dispatcher),  # Those that are asked most come first.
        execution_routes(service, dispatcher),
        verb_routes(service, dispatcher, inbox),
        asking_routes(service, dispatcher, inbox, presence),
        message_routes(service, inbox, presence),
        flow_routes(service, dispatcher),
        reading_routes(service, stream),
        engine_routes(service, dispatcher, about, stop),
    )
    for router in routers:
        app.include_router(router, prefix="/api/latest")
    return app


async def _stay_while(
    tend: Callable[[], bool], dispatcher: Dispatcher, stop: Callable[[], None]
) -> None:
    """Go away when the home was deleted or moved: what is recorded now would be lost."""
    while await asyncio.to_thread(tend):  # noqa: ASYNC110 (files do not call us)
        await asyncio.sleep(TEND_EVERY)
    dispatcher.leave()
    await asyncio.sleep(LEAVE_SECONDS)
    stop()


def _soon(
    loop: asyncio.AbstractEventLoop,
    call: Callable[[list[Event]], None],
    events: list[Event],
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, events)


def _touch(dispatcher: Dispatcher) -> None:
    dispatcher.last_asked = monotonic()
