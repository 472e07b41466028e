"""What a route gets besides the request: the engine of its application."""

from typing import Annotated

from fastapi import Depends, Request

from flowkernel.engine.running_engine import Engine


async def current_engine(request: Request) -> Engine:
    """The engine that the application was made for."""
    engine: Engine = request.app.state.engine
    return engine


#: The type of the parameter `engine` of a route.
CurrentEngine = Annotated[Engine, Depends(current_engine)]
