"""Our side: a home in a folder of its own, its engine, and what its processes need."""

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
END_SECONDS = 20.0  #: How long a stopped home may take until nothing of it is left.


def compile_ours() -> None:
    """Compile what we import, as pip has done for the peers.

    An environment made by other means may have no bytecode, and `PYTHONDONTWRITEBYTECODE`
    keeps it so: each kernel then compiles IPython, for half a second and 27 MB.
    """
    packages = [sysconfig.get_path("purelib"), str(Path(flowkernel.__file__).parent)]
    compiling = [sys.executable, "-m", "compileall", "-q", "-j", "0", *packages]
    subprocess.run(compiling, capture_output=True)  # Some packages carry broken tests.


class Ours:
    """A running engine and its home."""

    def __init__(self, home: Home, environ: dict[str, str] | None = None) -> None:
        self.home = home
        self.environ = {**os.environ, **(environ or {})}  #: For other processes of it.
        self.client = Client(home, started_by="benchmarks")

    def register(self, name: str, source: str) -> None:
        """A cell's source as a flow of this Python."""
        here = Environment(
            interpreter=sys.executable, prefix=sys.prefix, cwd=str(self.home.path)
        )
        self.client.register(
            Flow(name=name, kind=FlowKind.CELL, source=source, environment=here)
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
        """From the request until we know that it ended."""
        begun = time.perf_counter()
        self.run(target, **inputs)
        return time.perf_counter() - begun

    def processes(self) -> list[psutil.Process]:
        """Everything we started: whatever has this home in its environment.

        It is inherited, so that a process which left its session, or lost its parent, is
        found too.
        """
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("FLOWKERNEL_HOME") == str(self.home.path):
                    for one in [process, *process.children(recursive=True)]:
                        found[one.pid] = one
        return list(found.values())

    def engine_pid(self) -> int:
        """The process that has the store."""
        return int(self.client.get("/engine")["pid"])


@contextmanager
def a_home(
    bench: Bench, name: str = "home", *, is_busy: bool = False, **settings: Any
) -> Iterator[Ours]:
    """A home with a running engine; at the end nothing of it runs any more.

    Args:
        is_busy: It has much to do at the end: kill it, instead of cancelling that.
        settings: Fields of the configuration, for its engine and workers.
    """
    home = Home(bench.folder / name)
    given = {"slots": PARALLEL, "idle_exit": 86_400, **settings}
    environ = {f"FLOWKERNEL_{key.upper()}": str(value) for key, value in given.items()}
    environ["FLOWKERNEL_HOME"] = str(home.path)
    environ["JUPYTER_RUNTIME_DIR"] = str(
        home.path / "runtime"
    )  # A fork server of its own.
    before = {k: v for k, v in os.environ.items() if _is_replaced(k)}
    _replace_environ(environ)
    try:
        ours = Ours(home, environ)
        ours.client.get("/engine")  # Starts it, with this environment.
    finally:
        _replace_environ(before)
    try:
        yield ours
    finally:
        stop(ours, patience=0.0 if is_busy else END_SECONDS)


def _is_replaced(name: str) -> bool:
    return name.startswith("FLOWKERNEL_") or name == "JUPYTER_RUNTIME_DIR"


def _replace_environ(new: dict[str, str]) -> None:
    for name in [name for name in os.environ if _is_replaced(name)]:
        del os.environ[name]
    os.environ.update(new)


def stop(ours: Ours, *, patience: float) -> None:
    """`flowkernel engine stop`; what is left after `patience` seconds is killed."""
    ours.client.close()
    if patience:
        here = {**os.environ, "FLOWKERNEL_HOME": str(ours.home.path)}
        stopping = [str(COMMAND), "engine", "stop", "--force"]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(stopping, env=here, capture_output=True, timeout=120)
    psutil.wait_procs(ours.processes(), timeout=patience)
    while left := ours.processes():  # Killed together: none of them starts another.
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=1.0)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def pss(processes: list[psutil.Process]) -> float:
    """MB of memory: their own pages, and their part of the pages they share."""
    total = 0
    for process in processes:
        with suppress(OSError):
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            total += int(next(ln for ln in lines if ln.startswith("Pss:")).split()[1])
    return total * 1024 / 1e6


def written(processes: list[psutil.Process]) -> float:
    """MB they had the file system write. What an ended child wrote counts to its parent."""
    total = 0
    for process in processes:
        with suppress(OSError, psutil.Error):
            total += process.io_counters().write_bytes
    return total / 1e6


def cpu(processes: list[psutil.Process]) -> float:
    """CPU seconds they have used so far."""
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            used = process.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total
