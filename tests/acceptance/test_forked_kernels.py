"""A forked kernel does the same as a started one."""

import json
from pathlib import Path

import psutil
import pytest
from jupyter_client import BlockingKernelClient

from tests.acceptance import kernels
from tests.acceptance.kernels import KINDS
from tests.conftest import until

pytestmark = pytest.mark.kernel


@pytest.fixture(params=KINDS)
def kernel(request, start_kernel):
    """One of each kind."""
    kernel = start_kernel(request.param)
    assert kernel.is_forked is (request.param == "fork")
    return kernel


# -- what a kernel does -----------------------------------------------------------------


def test_it_is_interrupted_by_a_signal(kernel):
    request = kernel.begin("while True: pass")

    kernel.manager.interrupt_kernel()

    assert kernel.reply(request)["ename"] == "KeyboardInterrupt"
    assert kernel.ask("1 + 1") == 2


def test_it_is_interrupted_by_a_message(kernel):
    request = kernel.begin("import time; time.sleep(600)")

    assert kernel.control("interrupt_request", {})["status"] == "ok"

    assert kernel.reply(request)["ename"] == "KeyboardInterrupt"
    assert kernel.ask("1 + 1") == 2


def test_an_interrupt_reaches_its_children(kernel):
    request = kernel.begin("import subprocess; subprocess.run(['sleep', '600'])")

    kernel.manager.interrupt_kernel()

    assert kernel.reply(request)["status"] == "error"
    assert kernel.ask("psutil.Process().children()", source="import psutil") == []


def test_a_subshell_works_while_a_cell_runs(kernel):
    if "kernel subshells" not in kernel_info(kernel).get("supported_features", []):
        pytest.skip("ipykernel 6 has none")
    request = kernel.begin("import threading; e = threading.Event(); e.wait(30)")
    subshell = kernel.control("create_subshell_request", {})["subshell_id"]

    message = kernel.client.session.msg("execute_request", {"code": "e.set()"})
    message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)

    assert kernel.reply(request)["status"] == "ok"


def kernel_info(kernel):
    request = kernel.client.kernel_info()
    return kernel.reply(request)


def test_the_debugger_answers_and_stops_nothing(kernel):
    request = {"seq": 1, "type": "request", "command": "initialize"}
    arguments = {"clientID": "test", "adapterID": "", "pathFormat": "path"}

    reply = kernel.control("debug_request", {**request, "arguments": arguments})

    assert reply["success"] is True, reply
    assert reply["body"]["supportsConfigurationDoneRequest"] is True
    assert kernel.ask("1 + 1") == 2


def test_it_reads_what_a_person_types(kernel):
    reply, printed = kernel.run(
        "print('hello', input('name? '))",
        allow_stdin=True,
        stdin_hook=lambda _message: kernel.client.input("world"),
    )

    assert (reply["status"], printed) == ("ok", "hello world\n")


def test_input_without_a_person_is_an_error(kernel):
    reply, _ = kernel.run("input()")

    assert reply["ename"] == "StdinNotImplementedError"


def test_await_at_the_top(kernel):
    source = "import asyncio\nx = await asyncio.sleep(0.001, 'slept')"

    assert kernel.ask("x", source=source) == "slept"


def test_output_of_c_code_arrives(kernel):
    source = "import os; os.write(1, b'from C\\n'); os.write(2, b'and from C\\n')"

    request = kernel.client.execute(source)
    texts = set()
    until(lambda: texts >= {"from C\n", "and from C\n"} or texts.add(next_text(kernel)))

    assert kernel.reply(request)["status"] == "ok"


def next_text(kernel):
    message = kernel.client.get_iopub_msg(timeout=kernels.SECONDS)
    return message["content"].get("text", "")


def test_output_of_child_processes_arrives(kernel):
    _, printed = kernel.run("!echo one && echo two >&2")

    assert sorted(printed.split()) == ["one", "two"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(kernel, method):
    source = f"""
import multiprocessing, os
context = multiprocessing.get_context("{method}")
with context.Pool(2) as pool:
    found = pool.map(abs, [-1, -2, -3])
queue = context.Queue(); queue.put(4)
found.append(queue.get())
"""
    assert kernel.ask("found", source=source) == [1, 2, 3, 4]


def test_threads_and_pools(kernel):
    source = """
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
with ThreadPoolExecutor(4) as threads, ProcessPoolExecutor(2) as processes:
    found = [*threads.map(abs, [-1, -2]), *processes.map(abs, [-3])]
"""
    assert kernel.ask("found", source=source) == [1, 2, 3]


def test_a_picture_is_inline(kernel):
    _, _ = kernel.run("%matplotlib inline\nimport matplotlib.pyplot as p\np.plot([1])")

    assert kernel.ask("p.get_backend()").endswith("inline")


def test_displays_and_completions(kernel):
    kernel.run("import os")

    request = kernel.client.complete("os.getpi")  # In words of IPython 8 or 9.

    assert kernel.reply(request)["matches"][0].endswith("getpid")


def test_startup_files_are_run(start_kernel, tmp_path):
    """They find the folder and the environment of the client that took the kernel."""
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "1.py").write_text("import os\nseen = [os.getcwd(), os.environ['WHO']]")
    environ = kernels.environ(IPYTHONDIR=str(tmp_path / "ipython"))

    for kind in (*KINDS, "fork"):
        folder = tmp_path / kind
        folder.mkdir(exist_ok=True)
        kernel = start_kernel(kind, cwd=str(folder), env={**environ, "WHO": kind})
        assert kernel.ask("seen") == [str(folder), kind]


def test_settings_of_ipython_that_change_count_from_the_next_kernel(
    start_kernel, tmp_path
):
    profile = tmp_path / "profile_default"
    profile.mkdir()
    environ = kernels.environ(IPYTHONDIR=str(tmp_path))
    assert start_kernel(env=environ).ask("get_ipython().autocall") == 0

    (profile / "ipython_config.py").write_text("c.InteractiveShell.autocall = 2")

    assert start_kernel(env=environ).ask("get_ipython().autocall") == 2


# -- what is drawn at random ------------------------------------------------------------


def test_nothing_drawn_at_random_is_the_same_in_two_kernels(start_kernel):
    source = """
import multiprocessing, numpy, os, random, secrets, ssl, tempfile, uuid
drawn = {
    "random": random.random(), "numpy": float(numpy.random.rand()),
    "generator": float(numpy.random.default_rng().random()),
    "uuid1": str(uuid.uuid1()), "uuid4": str(uuid.uuid4()),
    "ssl": ssl.RAND_bytes(8), "secrets": secrets.token_hex(8), "urandom": os.urandom(8),
    "tempfile": tempfile.mktemp(), "Random": random.Random().random(),
    "authkey": bytes(multiprocessing.current_process().authkey),
    "session": get_ipython().kernel.session.key,
    "session name": get_ipython().kernel.session.session,
}
"""
    preload = ["numpy", "random", "ssl", "uuid", "multiprocessing", "secrets"]
    settings = {"preload": preload, "ready": 3}
    results = [
        start_kernel(settings=settings).ask("drawn", source=source) for _ in range(6)
    ]

    for name in results[0]:
        assert len({str(values[name]) for values in results}) == len(results), name


def test_each_kernel_has_a_history_of_its_own(start_kernel):
    arguments = {"extra_arguments": ["--HistoryManager.hist_file=:memory:"]}
    first, second = (start_kernel(**arguments) for _ in range(2))
    first.run("a = 1", store_history=True)
    entries = "[*get_ipython().history_manager.get_range()]"
    sessions = (
        "[*get_ipython().history_manager.db.execute('SELECT session FROM sessions')]"
    )

    assert first.ask(entries) == [(0, 1, "a = 1")]
    assert second.ask(entries) == []
    assert [kernel.ask(sessions) for kernel in (first, second)] == [[(1,)], [(1,)]]
    assert first.is_forked
    assert second.is_forked


# -- how it ends ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import os; os._exit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15),
        ("import ctypes; ctypes.string_at(0)", -11),
        ("import os; os.abort()", -6),
    ],
)
def test_its_exit_code_is_reported(kernel, source, code):
    kernel.client.execute(source)

    assert kernel.exit_code() == code
    assert not kernel.manager.is_alive()


def test_a_shutdown_request_ends_it_with_0(kernel):
    assert kernel.shut_down() == 0


def test_exit_handlers_run(kernel, tmp_path):
    source = f"""
import atexit, os, threading, time, weakref
os.chdir({str(tmp_path)!r})
at_end = atexit.register(open, "atexit", "w")
main = threading.current_thread()
def outlive():
    main.join(10)
    open("thread", "w").close()
threading.Thread(target=outlive).start()
held = open("held", "w")
count = held.write("not flushed")
class Held:
    def __del__(self): open("finalized", "w").close()
object = Held()
class Loop:
    def __del__(self): open("collected", "w").close()
loop = Loop(); loop.itself = loop
"""
    kernel.run(source)

    assert kernel.shut_down() == 0

    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"atexit", "thread", "held", "finalized", "collected"}
    assert (tmp_path / "held").read_text() == "not flushed"


def test_a_failing_exit_handler_is_no_crash(kernel):
    kernel.run("import atexit; atexit.register(lambda: 1 / 0)")

    assert kernel.shut_down() == 0


def test_it_can_restart_many_times(kernel):
    file = Path(kernel.manager.connection_file)
    pids = [kernel.pid]
    for now in (False, True, False):
        kernel.run("x = 1")
        kernel.manager.restart_kernel(now=now)
        kernel.connect()
        pids.append(kernel.pid)
        assert kernel.ask("'x' in globals()") is False
        assert file.exists()

    assert len(set(pids)) == len(pids)
    assert not any(psutil.pid_exists(pid) for pid in pids[:-1])


def test_it_can_restart_after_a_crash(kernel):
    kernel.client.execute("import os; os._exit(7)")
    kernel.exit_code()

    kernel.manager.restart_kernel(now=True)
    kernel.connect()

    assert kernel.ask("1 + 1") == 2


def test_nothing_is_left_of_it(kernel, runtime):
    connection = json.loads(Path(kernel.manager.connection_file).read_text())
    folder = Path(connection["ip"]).parent
    assert folder.exists()

    kernel.close()

    until(lambda: not psutil.pid_exists(kernel.pid))
    assert not list(folder.glob("k-*"))
    assert not Path(kernel.manager.connection_file).exists()


def test_its_owner_knows_its_language_without_a_question(start_kernel):
    kernel = start_kernel("fork")

    reply = kernel.control("kernel_info_request", {})

    assert kernel.manager.provisioner.language_info == reply["language_info"]


def test_other_clients_find_it_by_its_connection_file(kernel):
    other = BlockingKernelClient(connection_file=kernel.manager.connection_file)
    other.load_connection_file()
    other.start_channels()
    try:
        other.wait_for_ready(timeout=kernels.SECONDS)
        kernel.run("x = 41")
        reply = other.execute_interactive(
            "", user_expressions={"it": "x + 1"}, timeout=kernels.SECONDS
        )
    finally:
        other.stop_channels()

    assert reply["content"]["user_expressions"]["it"]["data"]["text/plain"] == "42"
