"""How the event loop calls the store, which is synchronous."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class InThread(Protocol):
    """Calls a function in another thread, as `asyncio.to_thread` does."""

    def __call__(
        self, function: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> Awaitable[T]:
        """What the function returns."""
