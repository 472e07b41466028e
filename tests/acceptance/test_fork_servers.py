"""What becomes of kernels when their owner or their fork server dies, and of many at once."""

import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.acceptance import kernels
from tests.acceptance.kernels import (
    Kernel,
    is_gone,
    kill,
    make_manager,
    owner,
    run_python,
    server_of,
    told_by,
)
from tests.conftest import until

pytestmark = pytest.mark.kernel

GRACE = 1.0  #: Seconds within which a kernel follows its owner.

# -- whoever owns it dies ---------------------------------------------------------------

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
        told = told_by(process)
        for _ in sources:
            process.stdout.readline()
        until_busy(told["kernel"], sources)
        [server] = kernels.servers(own_runtime)
        assert told["parent"] == server["pid"]
        if first == "server":
            kill(server["pid"])
            assert not is_gone(told["kernel"])

        process.kill()

        gone = (is_gone(told["kernel"]), is_gone(told["child"]))
        until(
            lambda: all(is_gone(told[name]) for name in ("kernel", "child")),
            seconds=GRACE,
            what=f"kernel and child are gone, {gone}",
        )


def until_busy(pid, sources):
    """Wait until a loop is well under way."""
    process = psutil.Process(pid)
    if any("while" in source or "sum" in source for source in sources):
        begun = process.cpu_times().user
        until(lambda: process.cpu_times().user > begun + 0.3, what="it is busy")


def test_it_dies_with_an_owner_that_just_leaves(own_runtime):
    with owner() as process:
        told = told_by(process)

        process.communicate("")

        until(lambda: is_gone(told["kernel"]) and is_gone(told["child"]))


def test_an_owner_that_dies_between_order_and_answer_leaves_no_kernel(
    start_kernel, runtime
):
    start_kernel()
    [server] = kernels.servers(runtime)
    with kernels.connected(next(runtime.glob("*.sock"))) as line:
        hear, lifeline = os.pipe()
        asked = {"cwd": "/", "umask": 0o22, "environ": {}}
        line.tell({"take": asked}, (hear, 1, 2))
        os.close(hear)
    os.close(lifeline)

    def owned():
        [now] = kernels.servers(runtime)
        return now["taken"]

    until(lambda: owned() == server["taken"])


# -- the fork server dies ---------------------------------------------------------------


def test_a_kernel_goes_on_without_its_fork_server(own_runtime, start_kernel):
    kernel = start_kernel()
    kernel.run("x = 41")

    kill(server_of(kernel))

    assert kernel.ask("x + 1") == 42
    question = kernel.begin("while True: pass")
    kernel.manager.interrupt_kernel()
    assert kernel.reply(question)["ename"] == "KeyboardInterrupt"
    assert kernel.process.poll() is None
    kernel.manager.shutdown_kernel()
    assert is_gone(kernel.pid)


def test_the_next_kernel_comes_from_the_next_fork_server(own_runtime, start_kernel):
    first = start_kernel()
    before = server_of(first)
    kill(before)

    second = start_kernel()

    assert server_of(second) not in (before, 1)
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


def test_a_fork_server_that_hangs_keeps_nobody_from_a_kernel(own_runtime):
    """It takes as long as the limit for an answer, once; then kernels start plainly."""
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
    done = run_python(script)

    assert done.stdout.split() == ["False", "2", "False", "2"]
    assert "a plain kernel is started: there is no fork server: timed out" in (
        done.stderr
    )


# -- many -------------------------------------------------------------------------------


def test_those_who_ask_at_once_share_one_fork_server(own_runtime):
    with ThreadPoolExecutor(4) as pool:
        owners = [owner() for _ in range(4)]
        processes = list(pool.map(lambda one: one.__enter__(), owners))
        told = list(pool.map(told_by, processes))
        list(pool.map(lambda one: one.__exit__(None, None, None), owners))

    assert len({one["parent"] for one in told}) == 1
    assert len({one["kernel"] for one in told}) == 4


def test_many_at_once_from_one_process(own_runtime):
    done = run_python("""
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

    assert json.loads(done.stdout) == [n * 2 for n in range(8)], done.stderr


def test_nothing_piles_up_in_a_fork_server(own_runtime, start_kernel, monkeypatch):
    """Neither files, nor zombies, nor memory, nor folders: after many kernels as after few."""
    monkeypatch.setenv("TMPDIR", str(own_runtime))
    first = start_kernel()
    server = psutil.Process(server_of(first))

    def settled():
        [now] = kernels.servers(own_runtime)
        return now["ready"] == 1 and now["taken"] == 1

    def one_more():
        kernel = Kernel(make_manager())
        assert server_of(kernel) == server.pid
        kernel.close()
        until(settled)

    one_more()
    files, memory = server.num_fds(), server.memory_info().rss
    for _ in range(20):
        one_more()

    until(lambda: server.num_fds() <= files)
    assert server.memory_info().rss - memory < 4 * 1024 * 1024
    statuses = [child.status() for child in server.children()]
    assert psutil.STATUS_ZOMBIE not in statuses
    assert len(statuses) == 2
    there = {path.name.split("-")[1] for path in own_runtime.glob("flowkernel-*-*")}
    assert there == {str(child.pid) for child in server.children()}


def test_no_zombie_is_ours(start_kernel):
    start_kernel().close()

    ours = psutil.Process().children()

    assert [c for c in ours if c.status() == psutil.STATUS_ZOMBIE] == []


# -- strange clients --------------------------------------------------------------------


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
def test_a_strange_client_disturbs_nobody(start_kernel, runtime, words):
    server = server_of(start_kernel())
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(next(runtime.glob("*.sock"))))
        stranger.sendall(words)

        kernel = start_kernel()

        assert server_of(kernel) == server
    assert server_of(start_kernel()) == server


def test_an_order_that_cannot_be_carried_out_is_refused(start_kernel, runtime):
    server = server_of(start_kernel())
    with kernels.connected(next(runtime.glob("*.sock"))) as line:
        hear, lifeline = os.pipe()
        line.tell({"take": {"cwd": "/", "umask": "x", "environ": {}}}, (hear, 1, 2))
        told, _ = line.hear()
        os.close(hear)
        os.close(lifeline)

    assert "TypeError" in told["refused"]
    assert server_of(start_kernel()) == server
