"""The REST API of one engine. Its routes are in `routes/`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from flowkernel.core.errors import FlowkernelError
from flowkernel.engine.api import refusals
from flowkernel.engine.api.auth import AuthMiddleware
from flowkernel.engine.api.body_budget import BodyBudget
from flowkernel.engine.api.head_requests import HeadMiddleware
from flowkernel.engine.api.openapi import Api
from flowkernel.engine.api.routes import (
    changes,
    execution_actions,
    execution_prompts,
    executions,
    flows,
    messages,
    records,
    workers,
)
from flowkernel.engine.api.routes import (
    engine as engine_routes,
)
from flowkernel.engine.running_engine import Engine

#: Those that are called most come first.
ROUTERS = (
    workers.router,
    changes.router,  # Before `/execution/{execution_id}`.
    executions.router,
    execution_actions.router,
    execution_prompts.router,
    messages.router,
    flows.router,
    records.router,
    engine_routes.router,
)


#: How each kind of error becomes a response.
ERROR_HANDLERS: Mapping[type[Exception], Any] = {
    FlowkernelError: refusals.refuse,
    RequestValidationError: refusals.refuse_invalid,
    HTTPException: refusals.refuse_http,
    Exception: refusals.refuse_fault,
}


def make_app(engine: Engine) -> FastAPI:
    """The application of one engine. It runs the engine's background work, too."""
    app = Api(
        title="flowkernel",
        version=engine.engine_file.version,
        lifespan=_run_engine,
        docs_url=None,
        redoc_url=None,
    )
    app.state.engine = engine
    app.state.body_budget = BodyBudget()
    app.add_middleware(HeadMiddleware)
    app.add_middleware(
        AuthMiddleware,
        tokens=engine.tokens,
        store=engine.store,
        on_request=engine.note_request,
        on_person=engine.presence.note,
    )
    for error_type, handler in ERROR_HANDLERS.items():
        app.add_exception_handler(error_type, handler)
    for router in ROUTERS:
        app.include_router(router, prefix="/api/latest")
    return app


@asynccontextmanager
async def _run_engine(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.engine.running():
        yield
