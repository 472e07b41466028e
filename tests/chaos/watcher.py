"""Follows the event stream through every kill, and notes each number that it sees."""

import threading
import time
from contextlib import closing
from random import Random

from flowkernel.core.errors import EngineError
from flowkernel.core.models import EventKind
from tests.chaos.arena import Arena
from tests.chaos.caller import Caller
from tests.chaos.ledger import Ledger

RETRY_EVERY = 0.2


class Watcher(threading.Thread):
    """Follows all events from the first one on.

    `stays`: it reconnects only when its engine is gone; else also every few seconds.
    """

    def __init__(self, arena: Arena, ledger: Ledger, seed: int, *, stays: bool) -> None:
        self.label = "steady" if stays else "restless"
        super().__init__(name=f"{self.label} watcher", daemon=True)
        self._caller = Caller(arena, ledger, f"{self.label} watcher")
        self._arena = arena
        self._random = Random(f"{seed}-watcher")
        self._stays = stays
        self._is_over = threading.Event()
        self.seen: list[int] = []
        self.cells_started = 0

    @property
    def cursor(self) -> int:
        return max(self.seen[-1:], default=0)

    def finish(self, last_seq: int, seconds: float) -> None:
        """Wait until it has seen event `last_seq`, or time is over."""
        deadline = time.monotonic() + seconds
        while self.cursor < last_seq and time.monotonic() < deadline:
            time.sleep(0.1)
        self._is_over.set()
        self.join(20)

    def run(self) -> None:
        while not self._is_over.is_set():
            try:
                self._watch()
            except EngineError as error:
                self._arena.say(self.name, error)
                time.sleep(RETRY_EVERY)

    def _watch(self) -> None:
        seconds = float("inf") if self._stays else self._random.uniform(0.5, 4.0)
        deadline = time.monotonic() + seconds
        with closing(self._caller.client.events(self.cursor)) as events:  # type: ignore[type-var]
            for event in events:
                if event is not None:
                    self.seen.append(event.seq)
                    self.cells_started += event.kind is EventKind.CELL_STARTED
                if self._is_over.is_set() or time.monotonic() > deadline:
                    return
