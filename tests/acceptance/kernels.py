"""Kernels of both kinds, forked and plain, to ask the same of them."""

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

from flowkernel.kernels import fork_servers as fork_servers
from flowkernel.kernels.fork_server.wire import WireConnection
from flowkernel.kernels.kernel_process import ForkedProcess
from tests.conftest import until

PROVISIONERS = {"fork": "flowkernel-fork", "plain": "local-provisioner"}
KINDS = ["fork", "plain"]
SECONDS = 30  #: What anything a kernel is asked may take.
LAUNCH = ("-m", "ipykernel_launcher", "-f", "{connection_file}")


class OneSpec(KernelSpecManager):
    """Knows one kernelspec, whatever it is asked for."""

    def __init__(self, spec: KernelSpec) -> None:
        super().__init__()
        self.spec = spec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """That one."""
        return self.spec


class Kernel:
    """A kernel that runs, and a client of it."""

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
        """Talk to it anew."""
        if self.client is not None:
            self.client.stop_channels()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    @property
    def process(self) -> Any:
        """What its owner has of it."""
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

        def heard(message: dict[str, Any]) -> None:
            printed.append(message["content"].get("text", ""))

        arguments = {"timeout": SECONDS, "allow_stdin": False, **arguments}
        reply = self.client.execute_interactive(source, output_hook=heard, **arguments)
        return reply["content"], "".join(printed)

    def ask(self, expression: str, *, after: str = "") -> Any:
        """The value of an expression."""
        expressions = {"it": f"({expression})"}
        reply, _ = self.run(after, user_expressions=expressions)
        while reply["status"] == "aborted":  # It is still busy with an error before.
            reply, _ = self.run(after, user_expressions=expressions)
        assert reply["status"] == "ok", reply
        told = reply["user_expressions"]["it"]
        assert told["status"] == "ok", told
        return ast.literal_eval(told["data"]["text/plain"])

    def begin(self, source: str) -> str:
        """Run a cell that does not end; come back when it printed its first word."""
        question: str = self.client.execute(f"print('begun', flush=True)\n{source}")
        until(lambda: self._heard("begun", question), what="the cell begins")
        return question

    def _heard(self, word: str, question: str) -> bool:
        with suppress(Empty):
            message = self.client.get_iopub_msg(timeout=SECONDS)
            is_ours = message["parent_header"].get("msg_id") == question
            return is_ours and word in message["content"].get("text", "")
        return False

    def reply(self, question: str) -> dict[str, Any]:
        """What it answered."""
        while True:
            message = self.client.get_shell_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") == question:
                content: dict[str, Any] = message["content"]
                return content

    def control(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """What it answers on its control channel."""
        message = self.client.session.msg(kind, content)
        self.client.control_channel.send(message)
        while True:
            answer = self.client.get_control_msg(timeout=SECONDS)
            if answer["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return dict(answer["content"])

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        until(lambda: self.process.poll() is not None, what="it ends")
        code: int = self.process.poll()
        return code

    def shut_down(self) -> int:
        """Ask it to end; its exit code."""
        process = self.process
        self.client.shutdown()
        until(lambda: process.poll() is not None, what="it ends when asked")
        code: int = process.poll()
        return code

    def close(self) -> None:
        """Be done with it."""
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
    given = {"ready": 1, "preload": [], "kernel": "fork", **settings}
    config = given if kind == "fork" else {}
    provisioner = {"provisioner_name": PROVISIONERS[kind], "config": config}
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


def environ(**more: str) -> dict[str, str]:
    """Ours; ipykernel captures less under pytest, where it knows of it."""
    given = {**os.environ, **more}
    given.pop("PYTEST_CURRENT_TEST", None)
    return given


def servers(folder: Path) -> list[dict[str, Any]]:
    """What the fork servers with sockets in this folder say of themselves."""
    found = []
    for path in folder.glob("*.sock"):
        with suppress(OSError):
            found.append(about(path))
    return found


def about(path: Path) -> dict[str, Any]:
    """What a fork server says of itself."""
    with connected(path) as line:
        line.tell({"about": True})
        told, _ = line.hear()
        assert told is not None
        return told


@contextmanager
def connected(path: Path) -> Iterator[WireConnection]:
    """A line to a fork server, bare."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.settimeout(SECONDS)
        end.connect(str(path))
        yield WireConnection(end)


def is_gone(pid: int) -> bool:
    """Whether it has ended, and nobody need wait for it but perhaps the system."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.ppid() == 1
    except psutil.NoSuchProcess:
        return True


@contextmanager
def runtime_folder() -> Iterator[Path]:
    """Where connection files and sockets of fork servers go; short, as those must be."""
    folder = Path(tempfile.mkdtemp(prefix="fk-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
        try:
            yield folder
        finally:
            for server in servers(folder):
                kill(server["pid"])
            until(lambda: _is_removed(folder), what=f"{folder} is removed")


def _is_removed(folder: Path) -> bool:
    """Kernels that are just ending remove what is theirs meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@contextmanager
def kept_warm() -> Iterator[None]:
    """A fork server for our own kernels, as a worker has one."""
    fork_servers.keep_warm(sys.executable, (), 1)
    yield
    for _path, line in fork_servers._kept.values():
        if line is not None:
            line.close()
    fork_servers._kept.clear()


def kill(pid: int) -> None:
    """`kill -9`, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: is_gone(pid), what=f"{pid} is gone")


OWNER = """
import json, sys
from tests.acceptance.kernels import Kernel, make_manager
kernel = Kernel(make_manager(**json.loads(sys.argv[1])))
child = kernel.ask("child.pid", after="import subprocess; "
    "child = subprocess.Popen(['sleep', '600'])")
parent = kernel.ask("os.getppid()", after="import os")
print(json.dumps({"kernel": kernel.pid, "child": child, "parent": parent}), flush=True)
for source in sys.argv[2:]:
    kernel.begin(source)
    print("begun", flush=True)
sys.stdin.read()
kernel.close()
"""  #: A process that owns a kernel, which has a child.


@contextmanager
def owner(*sources: str, **settings: Any) -> Iterator[Any]:
    """Such a process, which waits; its Popen, with what it said of its kernel as `.told`."""
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


def told_by(process: Any) -> dict[str, int]:
    """What an owner says of its kernel."""
    told: dict[str, int] = json.loads(process.stdout.readline())
    return told


def server_of(kernel: Kernel) -> int:
    """The process id of its fork server."""
    assert kernel.is_forked
    parent: int = psutil.Process(kernel.pid).ppid()
    return parent


def run_python(script: str) -> Any:
    """What a Python of its own says, in which our tests can be imported."""
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", dedent(script)],
        env=environ(PYTHONPATH=root),
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
