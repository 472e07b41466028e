"""Open in notebook: a person attaches to the parked kernel of a failed execution."""

import asyncio
import json
import os
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from flowkernel.client.client import Client
from flowkernel.core.errors import MoveNotAllowed, NotParked
from flowkernel.core.process_id import is_alive
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from flowkernel.kernels.parked.attach import PREFIX, ParkedSpecs, manager_of, spec_of
from flowkernel.kernels.parked.registry import find_parked
from tests.acceptance.flows import (
    INTERACTIVE,
    answer,
    open_prompt,
    start_flow,
    write_notebook,
)
from tests.acceptance.kernels import OneSpec
from tests.conftest import a_home, until, workers_of

pytestmark = pytest.mark.kernel

KINDS = ["fork", "plain"]
SECONDS = 30.0

SUM = "total = price * amount\nthis.set_output(total=total)"
CELLS = ["price = 3", SUM]


def prepare(home, kind):
    home.prepare()
    (home.path / "config.toml").write_text(f'kernel = "{kind}"\n')


@pytest.fixture(scope="module", params=KINDS)
def home(request, tmp_path_factory):
    """A home whose kernels are all of one kind."""
    with a_home(tmp_path_factory.mktemp("home")) as home:
        prepare(home, request.param)
        yield home


@pytest.fixture
def client(home):
    client = Client(home, started_by="ada (notebook)")
    yield client
    client.close()


@pytest.fixture
def fail(client, tmp_path):
    """Start a notebook whose cells fail; returns once its prompt is open."""

    def fail(*sources):
        path = write_notebook(tmp_path / "sums.ipynb", *(sources or CELLS))
        failed.append(Failed(client, path))
        return failed[-1]

    failed: list[Failed] = []
    yield fail
    for item in failed:
        with suppress(MoveNotAllowed):
            client.act(item.root.execution_id, "cancel")


class Failed:
    """An execution that failed, under `interactive`, and its prompt."""

    def __init__(self, client, flow):
        self.client = client
        self.home = client.home
        self.root = start_flow(client, flow, using=INTERACTIVE, is_interactive=True)
        self.prompt = self.next_prompt()
        self.child = Execution(client, self.prompt["about_id"])

    def next_prompt(self):
        return open_prompt(self.client, self.root)

    def answer(self, **response):
        return answer(self.client, self.prompt, **response)

    def wait(self):
        return self.root.wait(ReturnWhen.ALL_ENDED, timeout=60)

    @property
    def parked(self):
        return find_parked(self.home.path, self.child.execution_id)

    @contextmanager
    def attached(self):
        manager = manager_of(self.child.execution_id, home=self.home.path)
        manager.start_kernel()
        with connected(manager) as guest:
            yield guest
        if manager.has_kernel:
            manager.shutdown_kernel()


class Guest:
    """A client that is attached."""

    def __init__(self, manager, client):
        self.manager = manager
        self.client = client

    def execute(self, source):
        """Run a cell: the reply. After an error the kernel aborts a cell, which is repeated."""
        while True:
            reply = self.client.execute_interactive(
                source, timeout=SECONDS, output_hook=lambda _message: None
            )["content"]
            if reply["status"] != "aborted":
                return reply

    def value(self, expression):
        expressions = {"value": expression}
        reply = self.client.execute_interactive(
            "", user_expressions=expressions, timeout=SECONDS, store_history=False
        )
        return reply["content"]["user_expressions"]["value"]["data"]["text/plain"]

    def settle(self):
        """Wait until all messages have arrived: also a busy kernel replies to this."""
        request = self.client.session.msg("kernel_info_request")
        self.client.control_channel.send(request)
        self.client.get_control_msg(timeout=SECONDS)

    def outputs(self):
        """The messages that arrive from now on."""
        while True:
            yield self.client.get_iopub_msg(timeout=SECONDS)

    def await_output(self, msg_id, kind):
        for message in self.outputs():
            if message["parent_header"].get("msg_id") == msg_id and (
                message["msg_type"] == kind
            ):
                return message["content"]


@contextmanager
def connected(manager):
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SECONDS)
        yield Guest(manager, client)
    finally:
        client.stop_channels()


def folders():
    """The folders with sockets that this process made."""
    return set(Path(tempfile.gettempdir()).glob(f"flowkernel-{os.getpid()}-*"))


def test_variables_are_changed_and_the_cell_is_retried(fail):
    failed = fail()

    with failed.attached() as guest:
        assert guest.value("price") == "3"
        assert guest.execute("amount = 4")["status"] == "ok"
    failed.answer(retry_cell=True)

    assert failed.wait().output == {"total": 12}


def test_its_metadata_has_the_output_notebook(fail):
    failed = fail()

    manager = manager_of(failed.child.execution_id[-12:], home=failed.home.path)

    metadata = manager.kernel_spec.metadata["flowkernel"]
    assert metadata["execution_id"] == failed.child.execution_id
    notebook = json.loads(Path(metadata["notebook"]).read_text("utf-8"))
    [output] = notebook["cells"][-1]["outputs"]
    assert (output["ename"], output["evalue"]) == (
        "NameError",
        "name 'amount' is not defined",
    )
    failed.answer(fail=True)
    failed.wait()


def test_only_its_user_can_read_its_connection(fail):
    failed = fail()
    key = failed.parked.connection["key"]
    home = failed.home.path

    [file] = (home / "parked").iterdir()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert key not in repr(failed.parked)
    failed.answer(fail=True)
    failed.wait()
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if key.encode() in path.read_bytes()] == []
    until(lambda: not list((home / "parked").iterdir()), description="its file is gone")


def test_detaching_does_not_end_it(fail):
    """Neither a polite shutdown, nor a kill, nor a restart, nor a client's own request."""
    failed = fail()
    existing = folders()

    with failed.attached() as guest:
        guest.execute("amount = 5")
        guest.manager.restart_kernel()
        assert guest.value("amount") == "5"
        request = guest.client.shutdown(restart=True)
        reply = guest.client.control_channel.get_msg(timeout=SECONDS)
        assert reply["parent_header"]["msg_id"] == request
        assert reply["content"]["ename"] == "NotParked"
        assert "was not shut down" in reply["content"]["evalue"]
        guest.manager.shutdown_kernel(now=True)
        assert not guest.manager.is_alive()
    assert folders() == existing
    with failed.attached() as guest:
        assert guest.value("amount") == "5"
    failed.answer(retry_cell=True)

    assert failed.wait().output == {"total": 15}


def test_a_cell_of_a_guest_is_interrupted(fail):
    failed = fail()

    with failed.attached() as guest:
        request = guest.client.execute(
            "import time\nprint('begun', flush=True)\ntime.sleep(600)"
        )
        guest.await_output(request, "stream")
        guest.manager.interrupt_kernel()
        assert guest.await_output(request, "error")["ename"] == "KeyboardInterrupt"
        guest.execute("amount = 1")
    failed.answer(retry_cell=True)

    assert failed.wait().output == {"total": 3}


def test_outputs_of_a_guest_are_not_the_flows(fail):
    failed = fail("price = 3", f"print('ours')\n{SUM}")

    with failed.attached() as guest:
        guest.execute("for n in range(500): print('theirs', n, flush=True)")
        guest.execute("1 / 0")
        guest.execute("amount = 2")
    failed.answer(retry_cell=True)
    failed.wait()

    text = failed.child.notebook.read_text("utf-8")
    assert failed.root.output == {"total": 6}
    assert ("ours" in text, "theirs" in text) == (True, False)
    assert "ZeroDivisionError" not in text
    assert is_in_log(failed, "ours")
    assert not is_in_log(failed, "theirs")


def test_a_retry_waits_for_the_cell_of_the_guest(fail, tmp_path):
    failed, gate = fail(), tmp_path / "gate"
    os.mkfifo(gate)

    with failed.attached() as guest:
        running = guest.client.execute(
            f"print('begun', flush=True)\nopen({str(gate)!r}).read()\namount = 6"
        )
        guest.await_output(running, "stream")
        failed.answer(retry_cell=True)
        until(lambda: is_in_log(failed, "continues when the kernel is free"))
        assert failed.child.load("status") == S.RUNNING
        gate.write_text("")

        assert failed.wait().output == {"total": 18}


def is_in_log(failed, words):
    log = failed.client.log(failed.child.execution_id)
    return any(words in event.payload["text"] for event in log)


def test_a_guests_cell_that_raises_does_not_take_the_retry_with_it(fail, tmp_path):
    """ipykernel aborts the cells that wait behind a cell that raised."""
    failed, gate = fail(), tmp_path / "gate"
    os.mkfifo(gate)

    with failed.attached() as guest:
        guest.execute("amount = 6")
        running = guest.client.execute(
            f"print('begun', flush=True)\nopen({str(gate)!r}).read()\n1 / 0"
        )
        guest.await_output(running, "stream")
        failed.answer(retry_cell=True)
        until(lambda: is_in_log(failed, "continues when the kernel is free"))
        gate.write_text("")

        assert failed.wait().output == {"total": 18}


def test_a_cancel_ends_the_cell_of_the_guest(fail):
    failed = fail()

    with failed.attached() as guest:
        running = guest.client.execute(
            "import time\nprint('begun', flush=True)\ntime.sleep(600)"
        )
        guest.await_output(running, "stream")
        failed.answer(retry_cell=True)
        until(lambda: is_in_log(failed, "continues when the kernel is free"))
        failed.client.act(failed.root.execution_id, "cancel")

        failed.wait()
        assert failed.child.load("status") == S.ENDED_CANCELLED
        until(lambda: not guest.manager.is_alive())


def test_a_flow_that_has_resumed_is_not_disturbed(fail, tmp_path):
    """Not by a cell, not by an interrupt, not by a shutdown."""
    gate, end = tmp_path / "gate", tmp_path / "end"
    os.mkfifo(gate)
    os.mkfifo(end)
    opening = f"open({str(gate)!r}).read()"
    failed = fail(f"price = 3\namount\n{opening}", f"open({str(end)!r}).read()\n{SUM}")

    with failed.attached() as guest:
        guest.execute("amount = 7")
        failed.answer(retry_cell=True)
        writer = until(lambda: open_writer(gate))
        guest.manager.interrupt_kernel()
        request = guest.client.execute("amount = 1000")
        guest.settle()
        os.close(writer)
        assert guest.await_output(request, "error")["ename"] == "NotParked"
        guest.manager.shutdown_kernel()
        end.write_text("")

        assert failed.wait().output == {"total": 21}


def open_writer(gate):
    """Its writing end, once a reader waits; closing it lets the reader go on."""
    with suppress(OSError):
        return os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
    return None


def test_calls_of_a_guest_do_not_count_in_the_order_of_the_flow(
    fail, register, tmp_path
):
    """The flow's own child that succeeded is not run twice; the guest's is another one."""
    counter = tmp_path / "counter"
    register("child", f"open({str(counter)!r}, 'a').write('x')\nthis.set_output(n=1)")
    call = "this.flow('child')"
    failed = fail("price = 3", f"{call}\n{SUM}")
    assert counter.read_text() == "x"

    with failed.attached() as guest:
        assert guest.value(f"{call}.output") == "{'n': 1}"
        assert counter.read_text() == "xx"
        assert failed.child.load("status") == S.PAUSED
        guest.execute("amount = 1\nanswer = this.get('name')")
    failed.answer(retry_cell=True)

    assert failed.wait().output == {"total": 3}
    assert counter.read_text() == "xx"
    assert len(failed.child.children) == 2


def test_it_is_parked_again_when_it_fails_again(fail):
    failed = fail()

    with failed.attached() as guest:
        failed.answer(retry_cell=True)
        failed.prompt = failed.next_prompt()
        assert guest.execute("amount = 9")["status"] == "ok"
    failed.answer(retry_cell=True)

    assert failed.wait().output == {"total": 27}


@pytest.mark.parametrize("choice", ["fail", "cancel_all"])
def test_an_attached_client_sees_the_end_of_the_kernel(fail, choice):
    failed = fail()
    kernel = failed.parked

    with failed.attached() as guest:
        assert guest.manager.is_alive()
        failed.answer(**{choice: True})
        until(lambda: not guest.manager.is_alive())

    assert not is_alive(kernel.pid, kernel.process_started_at)
    assert list((failed.home.path / "parked").iterdir()) == []
    with pytest.raises(NotParked, match="has continued or ended"):
        manager_of(failed.child.execution_id, home=failed.home.path)


def test_a_kernelspec_of_its_own_does_it(fail):
    """Any of jupyter_client's managers that is given it, as JupyterLab would."""
    failed = fail()
    spec = spec_of(failed.home.path, failed.parked)

    manager = KernelManager(kernel_spec_manager=OneSpec(spec), kernel_name="any")
    manager.start_kernel()
    with connected(manager) as guest:
        assert guest.value("price") == "3"
    manager.shutdown_kernel()

    assert failed.parked.is_kept
    failed.answer(fail=True)
    failed.wait()


def test_a_jupyter_server_attaches_detaches_and_reports_the_end(fail):
    failed = fail()
    name = PREFIX + failed.child.execution_id

    async def serve():
        specs = ParkedSpecs(home=str(failed.home.path))
        kernels = AsyncMappingKernelManager(kernel_spec_manager=specs)
        kernel_id = await kernels.start_kernel(kernel_name=name)
        await kernels.restart_kernel(kernel_id)
        await kernels.shutdown_kernel(kernel_id)
        assert failed.parked.is_kept

        kernel_id = await kernels.start_kernel(kernel_name=name)
        dead = asyncio.Event()
        kernel = kernels.get_kernel(kernel_id)
        kernel.add_restart_callback(dead.set, "dead")
        await asyncio.to_thread(failed.answer, fail=True)
        await asyncio.wait_for(dead.wait(), SECONDS)
        await kernels.shutdown_all(now=True)
        # Else its garbage collection may wait for ever.
        kernels.context.destroy(linger=0)

    asyncio.run(serve())


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_gone_with_its_worker(own_home, tmp_path, kind):
    prepare(own_home, kind)
    client = Client(own_home, started_by="ada (notebook)")
    path = tmp_path / "sums.py"
    path.write_text(f"price = 3\n{SUM}\n")
    failed = Failed(client, path)
    kernel = failed.parked

    with failed.attached() as guest:
        for worker in workers_of(own_home):
            worker.kill()
        until(lambda: not guest.manager.is_alive())

    assert not is_alive(kernel.pid, kernel.process_started_at)
    with pytest.raises(NotParked, match=r"its kernel is gone|it has ended"):
        manager_of(failed.child.execution_id, home=own_home.path)
    until(lambda: failed.child.load("parked_at") is None, seconds=60)
    assert list((own_home.path / "parked").iterdir()) == []
    failed.answer(fail=True)
    client.close()


def test_it_is_gone_when_its_time_is_over(own_home, tmp_path):
    prepare(own_home, "fork")
    with open(own_home.path / "config.toml", "a") as file:
        file.write("parked_hours = 0.0003\n")
    client = Client(own_home, started_by="ada (notebook)")
    path = tmp_path / "sums.py"
    path.write_text(f"price = 3\n{SUM}\n")
    failed = Failed(client, path)

    until(lambda: failed.child.load("parked_at") is None, seconds=60)

    until(lambda: list((own_home.path / "parked").iterdir()) == [])
    with pytest.raises(NotParked):
        manager_of(failed.child.execution_id, home=own_home.path)
    failed.answer(fail=True)
    client.close()
