"""Kernels of both kinds, forked and plain, with the same interface for tests."""

import ast
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from textwrap import dedent
from typing import Any

import psutil
import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

from flowkernel.core.variables import QUIET_DEBUGGER
from flowkernel.kernels import fork_servers as fork_servers
from flowkernel.kernels.fork_server.wire import WireConnection
from flowkernel.kernels.kernel_process import ForkedProcess
from tests.conftest import until

PROVISIONERS = {"fork": "flowkernel-fork", "plain": "local-provisioner"}
KINDS = ["fork", "plain"]
SECONDS = 30  #: How long any reply of a kernel may take.
LAUNCH = ("-m", "ipykernel_launcher", "-f", "{connection_file}")


class OneSpec(KernelSpecManager):
    """Has one kernelspec, for every name."""

    def __init__(self, spec: KernelSpec) -> None:
        super().__init__()
        self.spec = spec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The one kernelspec."""
        return self.spec


class Kernel:
    """A running kernel, and a client of it."""

    def __init__(self, manager: KernelManager, **arguments: Any) -> None:
        self.manager = manager
        arguments.setdefault("env", environ())
        manager.start_kernel(**arguments)
        self.client: Any = None
        try:
            self.connect()
        except BaseException:
            self.close()
            raise

    def connect(self) -> None:
        """Connect a new client."""
        if self.client is not None:
            self.client.stop_channels()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    @property
    def process(self) -> Any:
        """The process object that its owner has."""
        return self.manager.provisioner.process

    @property
    def pid(self) -> int:
        """Its process id."""
        pid: int = self.manager.provisioner.pid
        return pid

    @property
    def is_forked(self) -> bool:
        """Whether it comes from a fork server."""
        return isinstance(self.process, ForkedProcess)

    def run(self, source: str, **arguments: Any) -> tuple[dict[str, Any], str]:
        """Run a cell: the reply, and what it printed."""
        printed: list[str] = []

        def collect(message: dict[str, Any]) -> None:
            printed.append(message["content"].get("text", ""))

        arguments = {"timeout": SECONDS, "allow_stdin": False, **arguments}
        reply = self.client.execute_interactive(
            source, output_hook=collect, **arguments
        )
        return reply["content"], "".join(printed)

    def ask(self, expression: str, *, source: str = "") -> Any:
        """The value of an expression, after `source` has run."""
        expressions = {"it": f"({expression})"}
        reply, _ = self.run(source, user_expressions=expressions)
        while reply["status"] == "aborted":  # It still handles an earlier error.
            reply, _ = self.run(source, user_expressions=expressions)
        assert reply["status"] == "ok", reply
        value = reply["user_expressions"]["it"]
        assert value["status"] == "ok", value
        return ast.literal_eval(value["data"]["text/plain"])

    def begin(self, source: str) -> str:
        """Run a cell that does not end; return its message id when it has started."""
        request: str = self.client.execute(f"print('begun', flush=True)\n{source}")
        until(
            lambda: self._has_printed("begun", request), description="the cell begins"
        )
        return request

    def _has_printed(self, word: str, request: str) -> bool:
        with suppress(Empty):
            message = self.client.get_iopub_msg(timeout=SECONDS)
            is_its = message["parent_header"].get("msg_id") == request
            return is_its and word in message["content"].get("text", "")
        return False

    def reply(self, request: str) -> dict[str, Any]:
        """The reply to the request with this message id."""
        while True:
            message = self.client.get_shell_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") == request:
                content: dict[str, Any] = message["content"]
                return content

    def control(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """The reply to a request on the control channel."""
        message = self.client.session.msg(kind, content)
        self.client.control_channel.send(message)
        while True:
            reply = self.client.get_control_msg(timeout=SECONDS)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return dict(reply["content"])

    def exit_code(self) -> int:
        """The exit code, once the kernel has ended."""
        until(lambda: self.process.poll() is not None, description="it ends")
        code: int = self.process.poll()
        return code

    def shut_down(self) -> int:
        """Request its end; the exit code."""
        process = self.process
        self.client.shutdown()
        until(lambda: process.poll() is not None, description="it ends on request")
        code: int = process.poll()
        return code

    def close(self) -> None:
        """End the kernel and its client."""
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.process.kill()
            self.process.wait(SECONDS)
        self.manager.cleanup_resources()
        self.manager.context.destroy(linger=0)


def make_manager(
    kind: str = "fork",
    *,
    argv: tuple[str, ...] = (sys.executable, *LAUNCH),
    language: str = "python",
    **settings: Any,
) -> KernelManager:
    """A manager of a kernel of this kind, by this command."""
    config = {"ready": 1, "preload": [], "kernel": "fork", **settings}
    provisioner_config = config if kind == "fork" else {}
    provisioner = {"provisioner_name": PROVISIONERS[kind], "config": provisioner_config}
    spec = KernelSpec(
        argv=list(argv),
        display_name=kind,
        language=language,
        metadata={"kernel_provisioner": provisioner, "debugger": True},
    )
    folder = tempfile.mkdtemp(prefix="k-", dir=os.environ["JUPYTER_RUNTIME_DIR"])
    return KernelManager(
        kernel_name=kind,
        kernel_spec_manager=OneSpec(spec),
        transport="ipc",
        ip=f"{folder}/k",
    )


def environ(**changes: str) -> dict[str, str]:
    """Our environment variables, changed. ipykernel must not know that pytest runs."""
    variables = {**os.environ, **changes}
    variables.pop("PYTEST_CURRENT_TEST", None)
    return variables


def servers(folder: Path) -> list[dict[str, Any]]:
    """The status of each fork server with a socket in this folder."""
    statuses = []
    for path in folder.glob("*.sock"):
        with suppress(OSError):
            statuses.append(about(path))
    return statuses


def about(path: Path) -> dict[str, Any]:
    """The status of a fork server."""
    with connected(path) as wire:
        wire.send({"about": True})
        status, _ = wire.receive()
        assert status is not None
        return status


@contextmanager
def connected(path: Path) -> Iterator[WireConnection]:
    """A connection to a fork server."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.settimeout(SECONDS)
        end.connect(str(path))
        yield WireConnection(end)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie counts if only the system must reap it."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.ppid() == 1
    except psutil.NoSuchProcess:
        return True


@contextmanager
def runtime_folder() -> Iterator[Path]:
    """The folder for connection files and sockets, with the short path that these need."""
    folder = Path(tempfile.mkdtemp(prefix="fk-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
        try:
            yield folder
        finally:
            for server in servers(folder):
                kill(server["pid"])
            until(lambda: _is_removed(folder), description=f"{folder} is removed")


def _is_removed(folder: Path) -> bool:
    """Try to remove it: kernels that are ending remove files of it meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@contextmanager
def warm_fork_server() -> Iterator[None]:
    """A fork server for kernels of flows, as a worker has one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(QUIET_DEBUGGER, "1")  # As in the environment of a worker.
        fork_servers.keep_warm(sys.executable, (), 1)
    yield
    for _path, wire in fork_servers._kept_alive.values():
        if wire is not None:
            wire.close()
    fork_servers._kept_alive.clear()


def kill(pid: int) -> None:
    """`kill -9`, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: is_gone(pid), description=f"{pid} is gone")


OWNER = """
import json, sys
from tests.acceptance.kernels import Kernel, make_manager
kernel = Kernel(make_manager(**json.loads(sys.argv[1])))
child = kernel.ask("child.pid", source="import subprocess; "
    "child = subprocess.Popen(['sleep', '600'])")
parent = kernel.ask("os.getppid()", source="import os")
print(json.dumps({"kernel": kernel.pid, "child": child, "parent": parent}), flush=True)
for source in sys.argv[2:]:
    kernel.begin(source)
    print("begun", flush=True)
sys.stdin.read()
kernel.close()
"""  #: A process that owns a kernel, which has a child.


@contextmanager
def owner(*sources: str, **settings: Any) -> Iterator[Any]:
    """A process that owns a kernel, and waits. `read_report` reads what it reports."""
    root = str(Path(__file__).parents[2])
    process: Any = subprocess.Popen(
        [sys.executable, "-c", OWNER, json.dumps(settings), *sources],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environ(PYTHONPATH=root),
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_report(process: Any) -> dict[str, int]:
    """What an owner reports: the process ids of kernel, child and parent."""
    report: dict[str, int] = json.loads(process.stdout.readline())
    return report


def server_of(kernel: Kernel) -> int:
    """The process id of its fork server."""
    assert kernel.is_forked
    parent: int = psutil.Process(kernel.pid).ppid()
    return parent


def run_python(script: str) -> Any:
    """Run a script in a separate Python, in which the tests can be imported."""
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", dedent(script)],
        env=environ(PYTHONPATH=root),
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
