"""What a route gets besides the request: the engine of its application, and the caller."""

from typing import Annotated

from fastapi import Depends, Request

from flowkernel.engine.callers import Caller
from flowkernel.engine.running_engine import Engine


async def current_engine(request: Request) -> Engine:
    """The engine that the application was made for."""
    engine: Engine = request.app.state.engine
    return engine


async def current_caller(request: Request) -> Caller:
    """Who sends the request, as its token says."""
    caller: Caller = request.state.caller
    return caller


#: The type of the parameter `caller` of a route.
CurrentCaller = Annotated[Caller, Depends(current_caller)]
#: The type of the parameter `engine` of a route.
CurrentEngine = Annotated[Engine, Depends(current_engine)]
