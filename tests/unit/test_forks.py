"""What a process has used works in its forks, too: pools, locks, loops, connections."""

import asyncio
import os
import re
import threading
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from socket import socketpair
from threading import Lock
from types import SimpleNamespace

import pytest

import flowkernel
from flowkernel.client.client import Client
from flowkernel.core import python_source
from flowkernel.core.per_process import PerProcess
from flowkernel.flow_api.open_waits import open_waits
from flowkernel.kernels import fork_servers, provisioner
from flowkernel.kernels.fork_server.wire import WireConnection
from flowkernel.kernels.kernel_process import ForkedProcess
from flowkernel.worker import event_loops, kernel_manager
from flowkernel.worker.notebook import kernel_listener

SECONDS = 10  #: In a fork that hangs.
#: What an assignment to a name of a module must not make, as a fork has it broken.
THREADED = r"(ThreadPoolExecutor|Lock|RLock|Condition|Event|Thread|Context)\("


@pytest.fixture
def in_fork():
    """Call a function in a fork of this process; what it returns, as text."""
    pids = []

    def in_fork(function):
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # That this process has threads.
            pid = os.fork()
        if pid == 0:
            try:
                os.write(writer, str(function()).encode())
            except BaseException:
                os.write(writer, traceback.format_exc().encode())
            os._exit(0)
        pids.append(pid)
        os.close(writer)
        timer = threading.Timer(SECONDS, os.kill, (pid, 9))
        timer.start()
        with open(reader, encoding="utf-8") as pipe:
            text = pipe.read()
        timer.cancel()
        return text

    yield in_fork
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


@pytest.mark.parametrize(
    "threads", [provisioner._threads, kernel_listener._threads], ids=["take", "limits"]
)
def test_a_pool_of_threads_works_in_a_fork(threads, in_fork):
    assert threads.get().submit(str, 1).result() == "1"

    assert in_fork(lambda: threads.get().submit(str, 2).result(SECONDS)) == "2"


def test_a_source_is_parsed_in_a_fork_while_another_thread_parses(in_fork):
    with python_source._parser_lock.get():
        text = in_fork(lambda: len(python_source.parse_source("a = 1").body))

    assert text == "1"


def test_a_lock_that_a_thread_held_is_free_in_a_fork(in_fork):
    with fork_servers._kept_alive_lock.get():
        text = in_fork(lambda: fork_servers._kept_alive_lock.get().acquire(timeout=1))

    assert text == "True"


def test_a_value_can_be_made_in_a_fork_while_a_thread_makes_it(in_fork):
    value = PerProcess(Lock)

    with value._lock:
        text = in_fork(lambda: value.get().acquire(timeout=1))

    assert text == "True"


def test_a_fork_numbers_its_waits_as_another_process(in_fork):
    process = open_waits.get().mark(1)["process"]

    assert in_fork(lambda: open_waits.get().mark(1)["process"] == process) == "False"


def test_kernels_are_signalled_in_a_fork(in_fork):
    def signal():
        is_done = threading.Event()

        async def end():
            is_done.set()

        event_loops.in_background(end())
        return is_done.wait(SECONDS)

    assert signal()

    assert in_fork(signal) == "True"


def test_a_fork_makes_its_own_zeromq_context(in_fork):
    context = kernel_manager.shared_context.get()

    assert in_fork(lambda: kernel_manager.shared_context.get() is context) == "False"


def test_a_fork_has_an_event_loop_of_its_own(in_fork):
    async def loop_of_thread():
        return asyncio.get_running_loop()

    def loop():
        with event_loops.thread_loop():
            return event_loops.in_thread_loop(loop_of_thread)()

    previous = loop()

    assert in_fork(lambda: loop() is previous) == "False"


def test_a_connection_to_the_engine_is_not_shared_with_a_fork(in_fork):
    client, url = Client(), "http://localhost:1"
    connection = SimpleNamespace(sock=None, close=lambda: None)
    client._local.connection, client._local.owner = connection, (url, os.getpid())

    def is_other():
        return client._connection(SimpleNamespace(url=url), 1) is not connection

    assert not is_other()

    assert in_fork(is_other) == "True"


def test_a_kernel_ends_with_its_owner_whatever_the_owner_forked(in_fork):
    """The system kills it when no process has the other end of its lifeline."""
    kernel_end, lifeline = os.pipe()
    near, far = socketpair()
    process = ForkedProcess(os.getpid(), WireConnection(near), lifeline)

    text = in_fork(lambda: (process._lifeline, near.fileno(), process.poll()))

    assert text == "(-1, -1, None)"
    assert os.fstat(lifeline)
    assert near.fileno() >= 0
    process.close()
    far.close()
    os.close(kernel_end)


def test_no_module_keeps_threads_or_locks_but_for_each_process():
    package = Path(flowkernel.__file__).parent

    lines = [
        f"{path.relative_to(package)}: {line}"
        for path in package.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.match(rf"\w[^=(]*= (\w+\.)*{THREADED}", line)
    ]

    assert lines == []
