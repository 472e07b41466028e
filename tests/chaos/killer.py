"""Kills a process of the campaign every now and then, as the seed says."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random

import psutil

from tests.chaos.arena import Arena
from tests.chaos.ledger import Ledger
from tests.chaos.plan import KILL_PAUSE, KILL_WEIGHTS, SPARED
from tests.chaos.processes import by_kind


class Killer(threading.Thread):
    """`kill -9`, for so many seconds.

    `progress`: a number that grows when a cell starts.
    """

    def __init__(
        self,
        arena: Arena,
        ledger: Ledger,
        seed: int,
        *,
        seconds: float,
        progress: Callable[[], int],
    ) -> None:
        super().__init__(name="killer", daemon=True)
        self._arena, self._ledger = arena, ledger
        self._random = Random(f"{seed}-kills")
        self._seconds = seconds
        self._progress, self._last_progress = progress, -1

    def run(self) -> None:
        deadline = time.monotonic() + self._seconds
        while True:
            pause = self._random.uniform(*KILL_PAUSE)
            kind = self._random.choices(
                list(KILL_WEIGHTS), list(KILL_WEIGHTS.values())
            )[0]
            place = self._random.random()
            spares = self._random.random() < SPARED
            if time.monotonic() + pause > deadline:
                return
            time.sleep(pause)
            if spares and self._progress() == self._last_progress:
                self._ledger.count("spared: nothing has run since the last kill")
            else:
                self._kill(kind, place)

    def _kill(self, kind: str, place: float) -> None:
        victims = by_kind(self._arena)[kind]
        if not victims:
            self._ledger.count(f"nothing to kill: {kind}")
            return
        victim = victims[int(place * len(victims))]
        with suppress(psutil.Error):
            victim.kill()
            self._last_progress = self._progress()
            self._ledger.count(f"killed: {kind}")
            self._ledger.add("killed", (victim.pid, kind))
            self._arena.say("killed", kind, victim.pid)
