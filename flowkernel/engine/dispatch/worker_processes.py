"""The worker processes of one engine: started when there is work, watched by their pid."""

import os
import subprocess
import sys

from flowkernel.core.clock import monotonic, new_id
from flowkernel.home import Home

START_SECONDS = 60.0  #: How long a worker may take until its first poll.


class WorkerProcesses:
    """Starts workers, and reaps those that ended. A worker outlives its engine."""

    def __init__(self, home: Home) -> None:
        self._home = home
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
                env={**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
                start_new_session=True,
            )
        self._started[worker_id] = (process, monotonic())
        return worker_id

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
