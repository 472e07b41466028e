"""Our side: a home in a folder of its own, its engine, and what its processes use."""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

import flowkernel
from benchmarks.harness import Bench
from flowkernel.api import register, start
from flowkernel.client.client import Client
from flowkernel.core.models import Environment, Flow, FlowKind
from flowkernel.core.status import ExecutionStatus, ReturnWhen
from flowkernel.flow_api import Execution
from flowkernel.home import Home

COMMAND = Path(sys.executable).with_name("flowkernel")
PARALLEL = 2  #: Executions at a time, of ours and of every peer.
#: How long the processes of a home may take to end.
END_SECONDS = 20.0


def compile_packages() -> None:
    """Compile what we import, as pip has done for the peers.

    An environment made by other means may have no bytecode, and `PYTHONDONTWRITEBYTECODE`
    keeps it so: each kernel then compiles IPython, for half a second and 27 MB.
    """
    packages = [sysconfig.get_path("purelib"), str(Path(flowkernel.__file__).parent)]
    compiling = [sys.executable, "-m", "compileall", "-q", "-j", "0", *packages]
    subprocess.run(compiling, capture_output=True)  # Some packages carry broken tests.


class RunningEngine:
    """A running engine and its home."""

    def __init__(self, home: Home, environ: dict[str, str] | None = None) -> None:
        self.home = home
        self.environ = {**os.environ, **(environ or {})}  #: For other processes of it.
        self.client = Client(home, started_by="benchmarks")

    def register(self, name: str, source: str) -> None:
        """A cell's source as a flow of this Python."""
        environment = Environment(
            interpreter=sys.executable, prefix=sys.prefix, cwd=str(self.home.path)
        )
        self.client.register(
            Flow(name=name, kind=FlowKind.CELL, source=source, environment=environment)
        )

    def register_path(self, path: Path) -> None:
        """A notebook as a flow, under the name of its file."""
        register(path, home=self.home)

    def run(self, target: str | Path, **inputs: Any) -> Execution:
        """Start it and wait: it has ended with success, or this raises."""
        execution = start(self.client, str(target), inputs)
        execution.wait(ReturnWhen.ALL_ENDED)
        if execution.status is not ExecutionStatus.ENDED_SUCCESS:
            raise RuntimeError(f"{target}: {execution.load('status_message')}")
        return execution

    def seconds(self, target: str | Path, **inputs: Any) -> float:
        """Seconds from the request until we know that it ended."""
        started = time.perf_counter()
        self.run(target, **inputs)
        return time.perf_counter() - started

    def processes(self) -> list[psutil.Process]:
        """All processes of this home: those with the home in their environment variables.

        These are inherited, so that this finds processes in other sessions and without a
        parent, too.
        """
        by_pid: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("FLOWKERNEL_HOME") == str(self.home.path):
                    for member in [process, *process.children(recursive=True)]:
                        by_pid[member.pid] = member
        return list(by_pid.values())

    def engine_pid(self) -> int:
        """The process that has the store."""
        return int(self.client.get("/engine")["pid"])


@contextmanager
def running_engine(
    bench: Bench, name: str = "home", *, is_busy: bool = False, **settings: Any
) -> Iterator[RunningEngine]:
    """A home with a running engine. All its processes are stopped at the end.

    Args:
        bench: Where the home is made.
        name: Of the folder of the home.
        is_busy: It has much to do at the end: kill it instead of cancelling that.
        settings: Fields of the configuration, for its engine and workers.
    """
    home = Home(bench.folder / name)
    fields = {"slots": PARALLEL, "idle_exit": 86_400, **settings}
    environ = {f"FLOWKERNEL_{key.upper()}": str(value) for key, value in fields.items()}
    environ["FLOWKERNEL_HOME"] = str(home.path)
    environ["JUPYTER_RUNTIME_DIR"] = str(
        home.path / "runtime"
    )  # A fork server of its own.
    previous = {k: v for k, v in os.environ.items() if _is_replaced(k)}
    _replace_environ(environ)
    try:
        engine = RunningEngine(home, environ)
        engine.client.get("/engine")  # Starts it, with this environment.
    finally:
        _replace_environ(previous)
    try:
        yield engine
    finally:
        stop(engine, patience=0.0 if is_busy else END_SECONDS)


def _is_replaced(name: str) -> bool:
    return name.startswith("FLOWKERNEL_") or name == "JUPYTER_RUNTIME_DIR"


def _replace_environ(new: dict[str, str]) -> None:
    for name in [name for name in os.environ if _is_replaced(name)]:
        del os.environ[name]
    os.environ.update(new)


def stop(engine: RunningEngine, *, patience: float) -> None:
    """`flowkernel engine stop`; processes that remain after `patience` seconds are killed."""
    engine.client.close()
    if patience:
        environ = {**os.environ, "FLOWKERNEL_HOME": str(engine.home.path)}
        stopping = [str(COMMAND), "engine", "stop", "--force"]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(stopping, env=environ, capture_output=True, timeout=120)
    psutil.wait_procs(engine.processes(), timeout=patience)
    while (
        remaining := engine.processes()
    ):  # Killed together: none of them starts another.
        for process in remaining:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(remaining, timeout=1.0)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def pss(processes: list[psutil.Process]) -> float:
    """Memory in MB: the processes' own pages, and their part of shared pages."""
    total = 0
    for process in processes:
        with suppress(OSError):
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            total += int(next(ln for ln in lines if ln.startswith("Pss:")).split()[1])
    return total * 1024 / 1e6


def megabytes_written(processes: list[psutil.Process]) -> float:
    """MB that the processes wrote to disk. An ended child counts for its parent."""
    total = 0
    for process in processes:
        with suppress(OSError, psutil.Error):
            total += process.io_counters().write_bytes
    return total / 1e6


def cpu(processes: list[psutil.Process]) -> dict[psutil.Process, float]:
    """CPU seconds that each has used itself so far, in user and system mode."""
    seconds = {}
    for process in processes:
        with suppress(psutil.Error):
            seconds[process] = sum(process.cpu_times()[:2])
    return seconds
