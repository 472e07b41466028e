"""The worker processes of one engine: started when there is work, watched by their pid."""

import os
import subprocess
import sys
from collections.abc import Callable

from flowkernel.client.own_token import WORKER_TOKEN, without_tokens
from flowkernel.core.clock import monotonic, new_id
from flowkernel.home import Home

START_SECONDS = 60.0  #: How long a worker may take until its first poll.


class WorkerProcesses:
    """Starts workers, and reaps those that ended. A worker outlives its engine."""

    def __init__(
        self,
        home: Home,
        token_of: Callable[[str], str] = lambda _worker_id: "",
        *,
        umask: int = -1,
    ) -> None:
        """Give each worker its token, by its id, and a mask for the files that it creates.

        -1: the mask of this process.
        """
        self._home = home
        self._token_of = token_of
        self._umask = umask
        self._started: dict[str, tuple[subprocess.Popen[bytes], float]] = {}

    def start(self) -> str:
        """Start a worker; its id."""
        worker_id = f"worker-{new_id()}"
        with open(self._home.log / "worker.log", "ab") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "flowkernel.worker",
                    str(self._home.path),
                    worker_id,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home.path,
                env=self._environ(worker_id),
                start_new_session=True,
                umask=self._umask,
            )
        self._started[worker_id] = (process, monotonic())
        return worker_id

    def _environ(self, worker_id: str) -> dict[str, str]:
        """That of the engine, and the token: on a command line all users would see it."""
        token = self._token_of(worker_id)
        return {
            **without_tokens(os.environ),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            WORKER_TOKEN: token,
        }

    def is_starting(self, polled: set[str]) -> bool:
        """Whether a worker was started that is not among those that have polled."""
        return any(
            worker_id not in polled
            and process.poll() is None
            and monotonic() - started < START_SECONDS
            for worker_id, (process, started) in self._started.items()
        )

    def reap(self) -> None:
        """Forget those that ended."""
        ended = [
            worker_id
            for worker_id, (process, _) in self._started.items()
            if process.poll() is not None
        ]
        for worker_id in ended:
            del self._started[worker_id]
