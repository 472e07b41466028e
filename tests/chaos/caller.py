"""A caller: it repeats each request, with the same id, until the engine has answered it."""

import time
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.errors import EngineError, EngineFault, RequestError
from tests.chaos.arena import Arena
from tests.chaos.ledger import Ledger

#: Seconds that a request is repeated: engines are killed while they start, several in a row.
PATIENCE = 150.0
RETRY_EVERY = 0.2


class Caller:
    """Sends requests as one person or program. Safe in threads."""

    def __init__(self, arena: Arena, ledger: Ledger, name: str) -> None:
        self.name = name
        self.arena = arena
        self.ledger = ledger
        self.client = Client(arena.home, started_by=name)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of the response."""
        return self._patiently(lambda: self.client.get(path, **query), path)

    def post(self, path: str, body: Any) -> Any:
        """The JSON of the response.

        Raises:
            RequestError: The engine refused it.
        """
        return self._patiently(lambda: self.client.post(path, body), path)

    def sql(self, query: str) -> list[list[Any]]:
        """The rows of a query; it is repeated while the engine has no room for it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                rows: list[list[Any]] = self.post("/sql", {"sql": query})["rows"]
                return rows
            except RequestError as error:
                self.ledger.count(f"queries refused: {type(error).__name__}")
                self.arena.say(self.name, "query refused:", error)
                if time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_EVERY)

    def attempt(self, path: str, body: Any, kind: str, value: Any) -> str:
        """Post, and note in the ledger that it was acknowledged; "accepted", or the code."""
        try:
            self.post(path, body)
        except RequestError as error:
            code = type(error).__name__
            self.ledger.count(f"{kind} refused: {code}")
            self.arena.say(self.name, path, "refused:", error)
            return code
        self.ledger.add(kind, value)
        self.arena.say(self.name, path, "accepted")
        return "accepted"

    def _patiently(self, request: Any, path: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return request()
            except EngineError as error:
                self.arena.say(self.name, path, type(error).__name__, error)
                self._note(error, path)
                if time.monotonic() > deadline:
                    self.ledger.add(
                        "faults", f"{path}: no answer in {PATIENCE:g} s: {error}"
                    )
                    raise
            time.sleep(RETRY_EVERY)

    def _note(self, error: EngineError, path: str) -> None:
        if isinstance(error, EngineFault) and error.is_answer:
            self.ledger.add("faults", f"{path}: {error}")
        else:
            self.ledger.count(f"callers heard {type(error).__name__}")
