"""One campaign: start, kill for so many seconds, let everything end, look at the promises."""

import os
import subprocess
import sys
import time

from tests.chaos.answerer import Answerer
from tests.chaos.arena import Arena
from tests.chaos.caller import Caller
from tests.chaos.flow_sources import flows
from tests.chaos.killer import Killer
from tests.chaos.ledger import Ledger
from tests.chaos.processes import end_all
from tests.chaos.promise import Promise
from tests.chaos.prompt_promises import prompt_promises
from tests.chaos.record import Record, read_record
from tests.chaos.record_promises import copy_home, record_promises
from tests.chaos.remains import remains_promises, stop_promise, zombie_promise
from tests.chaos.run_promises import run_promises
from tests.chaos.watcher import Watcher
from tests.chaos.workload import Workload, resume_paused, retry

#: Seconds without any event after which what has not ended counts as hung.
SILENT_SECONDS = 75.0
#: Seconds until everything must have ended after the last kill.
SETTLE_SECONDS = 300.0
LOOK_EVERY = 0.5
#: Seconds that the watchers have to see the last event.
WATCH_SECONDS = 30.0
#: Roots that failed, and are retried when nothing is killed any more.
LATE_RETRIES = 3
STOP_SECONDS = 120
LIVE = "select count(*) from execution where ended_at is null and status <> 'PENDING'"
FAILED_ROOTS = (
    "select execution_id::varchar from execution where parent_id is null"
    " and status = 'ENDED_ERROR' and execution_id not in"
    " (select retry_of from execution where retry_of is not null)"
    f" order by created_at desc limit {LATE_RETRIES}"
)


class Campaign:
    """Everything that happens with one seed."""

    def __init__(self, arena: Arena, seed: int, seconds: float) -> None:
        self.arena, self.seed, self.seconds = arena, seed, seconds
        self.ledger = Ledger()
        self._last_kill_at = 0.0
        self.record: Record | None = None
        self._observer = Caller(arena, self.ledger, "observer")

    def run(self) -> list[Promise]:
        """The promises, kept or broken. No process of the campaign is left."""
        try:
            return self._run()
        finally:
            end_all(self.arena)

    def _run(self) -> list[Promise]:
        self._register()
        watchers = [
            Watcher(self.arena, self.ledger, self.seed, stays=stays)
            for stays in (True, False)
        ]
        answerer = Answerer(self.arena, self.ledger, self.seed)
        for thread in (*watchers, answerer):
            thread.start()
        self._kill(watchers[0])
        self._settle()
        for (execution_id,) in self._observer.sql(FAILED_ROOTS):
            retry(self._observer, execution_id)
        self._settle()
        answerer.finish()
        last_seq = self._observer.get("/engine")["last_seq"]
        for watcher in watchers:
            watcher.finish(last_seq, WATCH_SECONDS)
        return self._look(watchers, last_seq)

    def _register(self) -> None:
        for flow in flows(self.arena):
            self._observer.post("/flow", flow.to_json())
            self.ledger.add("flows", flow.name)

    def _kill(self, watcher: Watcher) -> None:
        workload = Workload(self.arena, self.ledger, self.seed)
        killer = Killer(
            self.arena,
            self.ledger,
            self.seed,
            seconds=self.seconds,
            progress=lambda: watcher.cells_started,
        )
        workload.start()
        killer.start()
        killer.join()
        self._last_kill_at = time.monotonic()
        workload.finish()

    def _settle(self) -> None:
        """Wait until nothing is under way, or nothing happens any more."""
        deadline = time.monotonic() + SETTLE_SECONDS
        seq, silent_since = -1, time.monotonic()
        while self._observer.sql(LIVE)[0][0] and time.monotonic() < deadline:
            resume_paused(self._observer)
            last_seq = self._observer.get("/engine")["last_seq"]
            if last_seq != seq:
                seq, silent_since = last_seq, time.monotonic()
            if time.monotonic() - silent_since > SILENT_SECONDS:
                return
            time.sleep(LOOK_EVERY)

    def _look(self, watchers: list[Watcher], last_seq: int) -> list[Promise]:
        zombies = zombie_promise(self.arena, self.ledger)
        stop = stop_promise(self.arena, self.ledger, stop_engine(self.arena))
        copy_home(self.arena)
        record = read_record(self.arena.copy.database, self.arena.effects)
        self.record = record
        return [
            *run_promises(record, self.ledger),
            *prompt_promises(record, self.ledger),
            *record_promises(self.arena, record, self.ledger, watchers, last_seq),
            zombies,
            stop,
            *remains_promises(self.arena, self.ledger, self._last_kill_at),
        ]


def stop_engine(arena: Arena) -> str | None:
    """Stop it, by force if that is refused; what it said in that case."""
    refusal = None
    for options in ([], ["--force"]):
        command = subprocess.run(
            [sys.executable, "-m", "flowkernel", "engine", "stop", *options],
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=STOP_SECONDS,
        )
        arena.say("engine stop", *options, command.stdout, command.stderr)
        if command.returncode == 0:
            return refusal
        refusal = f"{command.stdout}{command.stderr}"
    return refusal
