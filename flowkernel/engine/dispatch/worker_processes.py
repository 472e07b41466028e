"""The worker processes of one engine: started when there is work, watched by their pid."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from flowkernel.client.own_token import WORKER_TOKEN, without_tokens
from flowkernel.config import Config
from flowkernel.core.clock import monotonic, new_id
from flowkernel.core.open_files import child_environment
from flowkernel.core.variables import QUIET_DEBUGGER, base_environment
from flowkernel.engine.dispatch.worker_failures import (
    WorkerFailure,
    failure_after,
    last_line,
)
from flowkernel.home import Home

START_SECONDS = 60.0  #: How long a worker may take until its first poll.


@dataclass(eq=False)
class StartedWorker:
    """A worker that this engine started, until it has ended."""

    process: subprocess.Popen[bytes]
    started_at: float
    #: Bytes that the log of all workers had then.
    log_start: int
    has_polled: bool = False

    @property
    def is_starting(self) -> bool:
        """Whether it has not polled yet, and may still do so."""
        is_alive = self.process.poll() is None
        is_recent = monotonic() - self.started_at < START_SECONDS
        return is_alive and is_recent and not self.has_polled


class WorkerProcesses:
    """Starts workers, and reaps those that ended. A worker outlives its engine.

    After workers that ended before they asked for work it waits, longer each time: what is
    wrong with them is wrong with the next one, too.
    """

    def __init__(
        self,
        home: Home,
        token_of: Callable[[str], str] = lambda _worker_id: "",
        *,
        umask: int = -1,
        config: Config | None = None,
    ) -> None:
        """Give each worker its token, by its id, and a mask for the files that it creates.

        Args:
            umask: -1: the mask of this process.
            config: That of the workers, whatever `config.toml` has now; None: they read it.
        """
        self._home = home
        self._token_of = token_of
        self._umask = umask
        self._config = config
        self._log = home.log / "worker.log"
        self._started: dict[str, StartedWorker] = {}
        self._failure: WorkerFailure | None = None

    def start(self) -> str | None:
        """Start a worker; its id. None: the last ones ended at once, and it is too early."""
        self.reap()
        if self._failure is not None and monotonic() < self._failure.retry_at:
            return None
        worker_id = f"worker-{new_id()}"
        with open(self._log, "ab") as log:
            log_start = log.tell()
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "flowkernel.worker",
                    str(self._home.path),
                    worker_id,
                    *(["-"] if self._config is not None else []),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self._home.path,
                env=self._environ(worker_id),
                start_new_session=True,
                umask=self._umask,
            )
        self._send_config(process)
        self._started[worker_id] = StartedWorker(process, monotonic(), log_start)
        return worker_id

    def _send_config(self, process: subprocess.Popen[bytes]) -> None:
        """Give a worker its configuration, which fits into the buffer of the pipe."""
        assert process.stdin is not None
        record = asdict(self._config) if self._config is not None else None
        with suppress(BrokenPipeError), process.stdin as pipe:  # It may have ended.
            pipe.write(json.dumps(record).encode())

    def _environ(self, worker_id: str) -> dict[str, str]:
        """That of the engine, and the token: on a command line all users would see it."""
        token = self._token_of(worker_id)
        return {
            **base_environment(without_tokens(os.environ)),
            **child_environment(),
            QUIET_DEBUGGER: "1",
            WORKER_TOKEN: token,
        }

    def note_poll(self, worker_id: str) -> None:
        """Note that a worker asks for work: workers can start."""
        if worker_id in self._started:
            self._started[worker_id].has_polled = True
            self._failure = None

    @property
    def is_starting(self) -> bool:
        """Whether a worker was started that has not polled yet."""
        return any(worker.is_starting for worker in self._started.values())

    @property
    def trouble(self) -> str | None:
        """Why no worker starts, in words; None: as far as is known, one can."""
        self.reap()
        if self._failure is None:
            return None
        return self._failure.sentence(monotonic(), self._log)

    def reap(self) -> None:
        """Forget those that ended; remember why, if they never asked for work."""
        for worker_id, worker in list(self._started.items()):
            exit_code = worker.process.poll()
            if exit_code is None:
                continue
            del self._started[worker_id]
            if not worker.has_polled:
                self._failure = failure_after(
                    self._failure,
                    exit_code=exit_code,
                    reason=last_line(self._log, worker.log_start),
                    now=monotonic(),
                )
