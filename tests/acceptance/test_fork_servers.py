"""Kernels whose owner or fork server dies, many kernels at once, and invalid clients."""

import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest

from tests.acceptance import kernels
from tests.acceptance.kernels import (
    Kernel,
    is_gone,
    kill,
    make_manager,
    owner,
    read_report,
    run_python,
    server_of,
)
from tests.conftest import until

pytestmark = pytest.mark.kernel

GRACE = 1.0  #: Seconds within which a kernel follows its owner.

# -- its owner dies ---------------------------------------------------------------

BUSY = {
    "idle": [],
    "asleep": ["import time; time.sleep(600)"],
    "in a loop": ["while True: pass"],
    "in C, holding the lock": [
        "import itertools, time; time.sleep(0.1)\nsum(itertools.repeat(1))"
    ],
    "deaf to signals": [
        """import signal
for number in signal.valid_signals() - {9, 19, 32, 33}:
    signal.signal(number, signal.SIG_IGN)
while True: pass"""
    ],
}


@pytest.mark.parametrize("sources", BUSY.values(), ids=list(BUSY))
@pytest.mark.parametrize("first", ["owner", "server"])
def test_it_dies_with_its_owner_and_takes_its_children(own_runtime, first, sources):
    with owner(*sources) as process:
        report = read_report(process)
        for _ in sources:
            process.stdout.readline()
        until_busy(report["kernel"], sources)
        [server] = kernels.servers(own_runtime)
        assert report["parent"] == server["pid"]
        if first == "server":
            kill(server["pid"])
            assert not is_gone(report["kernel"])

        process.kill()

        are_gone = (is_gone(report["kernel"]), is_gone(report["child"]))
        until(
            lambda: all(is_gone(report[name]) for name in ("kernel", "child")),
            seconds=GRACE,
            description=f"kernel and child are gone, {are_gone}",
        )


def until_busy(pid, sources):
    """Wait until a loop is well under way."""
    process = psutil.Process(pid)
    if any("while" in source or "sum" in source for source in sources):
        start = process.cpu_times().user
        until(lambda: process.cpu_times().user > start + 0.3, description="it is busy")


def test_it_dies_with_an_owner_that_ends(own_runtime):
    with owner() as process:
        report = read_report(process)

        process.communicate("")

        until(lambda: is_gone(report["kernel"]) and is_gone(report["child"]))


def test_an_owner_that_dies_between_request_and_reply_leaves_no_kernel(
    start_kernel, runtime
):
    start_kernel()
    [server] = kernels.servers(runtime)
    with kernels.connected(next(runtime.glob("*.sock"))) as wire:
        kernel_end, lifeline = os.pipe()
        request = {"cwd": "/", "umask": 0o22, "environ": {}}
        wire.send({"take": request}, (kernel_end, 1, 2))
        os.close(kernel_end)
    os.close(lifeline)

    def taken_count():
        [status] = kernels.servers(runtime)
        return status["taken"]

    until(lambda: taken_count() == server["taken"])


# -- the fork server dies ---------------------------------------------------------------


def test_a_kernel_goes_on_without_its_fork_server(own_runtime, start_kernel):
    kernel = start_kernel()
    kernel.run("x = 41")

    kill(server_of(kernel))

    assert kernel.ask("x + 1") == 42
    request = kernel.begin("while True: pass")
    kernel.manager.interrupt_kernel()
    assert kernel.reply(request)["ename"] == "KeyboardInterrupt"
    assert kernel.process.poll() is None
    kernel.manager.shutdown_kernel()
    assert is_gone(kernel.pid)


def test_the_next_kernel_comes_from_the_next_fork_server(own_runtime, start_kernel):
    first = start_kernel()
    previous = server_of(first)
    kill(previous)

    second = start_kernel()

    assert server_of(second) not in (previous, 1)
    assert second.ask("1 + 1") == 2


def test_kernels_that_were_ready_go_with_their_fork_server(own_runtime, start_kernel):
    server = server_of(start_kernel(settings={"ready": 2}))
    until(lambda: kernels.servers(own_runtime)[0]["ready"] == 2)
    ready = [c.pid for c in psutil.Process(server).children()]
    assert len(ready) == 3

    kill(server)

    until(lambda: sum(is_gone(pid) for pid in ready) == 2)


def test_a_kernel_that_dies_while_it_is_ready_is_replaced(start_kernel, runtime):
    kernel = start_kernel()
    until(lambda: kernels.servers(runtime)[0]["ready"] == 1)
    [ready] = {c.pid for c in psutil.Process(server_of(kernel)).children()} - {
        kernel.pid
    }

    os.kill(ready, signal.SIGKILL)

    assert start_kernel().pid not in (ready, kernel.pid)


def test_with_a_fork_server_that_hangs_kernels_start_plainly(own_runtime):
    """The first start waits for the time limit; the others start plainly at once."""
    script = """
    import os, psutil, signal
    from flowkernel.kernels import fork_servers
    from tests.acceptance.kernels import Kernel, make_manager
    first = Kernel(make_manager())
    server = psutil.Process(first.pid).ppid()
    os.kill(server, signal.SIGSTOP)
    fork_servers.START_SECONDS = 0.5
    for _ in range(2):
        kernel = Kernel(make_manager())
        print(kernel.is_forked, kernel.ask("1 + 1"), flush=True)
        kernel.close()
    os.kill(server, signal.SIGCONT)
    """
    process = run_python(script)

    assert process.stdout.split() == ["False", "2", "False", "2"]
    assert "a plain kernel is started: there is no fork server: timed out" in (
        process.stderr
    )


# -- many -------------------------------------------------------------------------------


def test_clients_at_the_same_time_share_one_fork_server(own_runtime):
    with ThreadPoolExecutor(4) as pool:
        owners = [owner() for _ in range(4)]
        processes = list(pool.map(lambda context: context.__enter__(), owners))
        reports = list(pool.map(read_report, processes))
        list(pool.map(lambda context: context.__exit__(None, None, None), owners))

    assert len({report["parent"] for report in reports}) == 1
    assert len({report["kernel"] for report in reports}) == 4


def test_many_at_once_from_one_process(own_runtime):
    process = run_python("""
        from concurrent.futures import ThreadPoolExecutor
        from tests.acceptance.kernels import Kernel, make_manager
        def one(number):
            kernel = Kernel(make_manager())
            try:
                return kernel.is_forked and kernel.ask(f"{number} * 2")
            finally:
                kernel.close()
        with ThreadPoolExecutor(8) as pool:
            print(list(pool.map(one, range(8))))
    """)

    assert json.loads(process.stdout) == [n * 2 for n in range(8)], process.stderr


def test_nothing_piles_up_in_a_fork_server(own_runtime, start_kernel, monkeypatch):
    """Neither files, nor zombies, nor memory, nor folders: after many kernels as after few."""
    monkeypatch.setenv("TMPDIR", str(own_runtime))
    first = start_kernel()
    server = psutil.Process(server_of(first))

    def is_settled():
        [status] = kernels.servers(own_runtime)
        return status["ready"] == 1 and status["taken"] == 1

    def one_more():
        kernel = Kernel(make_manager())
        assert server_of(kernel) == server.pid
        kernel.close()
        until(is_settled)

    one_more()
    files, memory = server.num_fds(), server.memory_info().rss
    for _ in range(20):
        one_more()

    until(lambda: server.num_fds() <= files)
    assert server.memory_info().rss - memory < 4 * 1024 * 1024
    statuses = statuses_of(server)
    assert psutil.STATUS_ZOMBIE not in statuses
    assert len(statuses) == 2
    folders = {path.name.split("-")[1] for path in own_runtime.glob("flowkernel-*-*")}
    assert folders == {str(child.pid) for child in server.children()}


def test_no_zombie_is_a_child_of_the_owner(start_kernel):
    start_kernel().close()

    assert psutil.STATUS_ZOMBIE not in statuses_of(psutil.Process())


def statuses_of(parent: psutil.Process) -> list[str]:
    """The statuses of the children of a process; one may be gone meanwhile."""
    statuses = []
    for child in parent.children():
        with suppress(psutil.NoSuchProcess):
            statuses.append(child.status())
    return statuses


# -- invalid clients --------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b'{"take": {"cwd": "/", ',
        b"GET / HTTP/1.1\r\n\r\n",
        b"[]\n",
        b"\xff\xfe\n",
        b'{"take": {}}\n',
        b'{"take": 5}\n' * 100,
        b'{"about": true}\n' * 1000,
    ],
)
def test_an_invalid_client_does_not_affect_others(start_kernel, runtime, words):
    server = server_of(start_kernel())
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(next(runtime.glob("*.sock"))))
        client.sendall(words)

        kernel = start_kernel()

        assert server_of(kernel) == server
    assert server_of(start_kernel()) == server


def test_an_invalid_request_is_refused(start_kernel, runtime):
    server = server_of(start_kernel())
    with kernels.connected(next(runtime.glob("*.sock"))) as wire:
        kernel_end, lifeline = os.pipe()
        wire.send(
            {"take": {"cwd": "/", "umask": "x", "environ": {}}}, (kernel_end, 1, 2)
        )
        reply, _ = wire.receive()
        os.close(kernel_end)
        os.close(lifeline)

    assert "TypeError" in reply["refused"]
    assert server_of(start_kernel()) == server
