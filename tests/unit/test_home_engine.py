"""The engine as the panel sees it, before and while there is one."""

import asyncio
import os
import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import psutil
import pytest

from flowkernel.core.errors import BadArgument, EngineStopped, NotParked
from flowkernel.core.process_id import started_at
from flowkernel.home import Home
from flowkernel.kernels.parked.attach import PREFIX
from flowkernel.kernels.parked.registry import ParkedKernel, publish
from flowkernel.server_extension.attach_specs import AttachSpecs
from flowkernel.server_extension.attached_kernels import AttachedKernels
from flowkernel.server_extension.home_engine import HomeEngine, PanelState
from flowkernel.server_extension.panel_refusal import PanelRefusal
from flowkernel.server_extension.summaries import Summaries
from tests.jupyter import free_port
from tests.stage import ENGINE_FILE

ID = "01a2205a-56ec-7071-999e-be159fcdf789"


@pytest.fixture(autouse=True)
def _no_home_of_the_person(monkeypatch, tmp_path):
    monkeypatch.delenv("FLOWKERNEL_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def engine(tmp_path):
    folder = tmp_path / "shown"
    (folder / ".flowkernel").mkdir(parents=True)
    return HomeEngine(folder)


def made(home):
    """A home in which an engine ran."""
    home.journal.mkdir(parents=True)
    return home


def test_where_nothing_ran_reading_starts_nothing(engine):
    report = asyncio.run(engine.report())

    assert report.state is PanelState.STOPPED
    assert "Nothing has run here yet" in report.message
    assert not engine.starts_by_itself
    with pytest.raises(PanelRefusal) as refusal:
        asyncio.run(engine.ready(may_start=False))
    assert refusal.value.status_code == 409


def test_where_something_ran_reading_starts_it_unless_a_person_stopped_it(engine):
    made(engine.home)
    assert engine.starts_by_itself

    engine.home.stop_mark.touch()

    assert not engine.starts_by_itself
    with pytest.raises(EngineStopped):
        asyncio.run(engine.ready(may_start=False))


def test_another_home_nearby_is_named(engine, tmp_path):
    """A notebook in a folder below made a home of its own."""
    other = made(Home(tmp_path / "shown" / "reports" / ".flowkernel"))

    report = asyncio.run(engine.report())

    assert str(other.path) in report.message
    assert "FLOWKERNEL_HOME" in report.message


class Stranger(BaseHTTPRequestHandler):
    """A program that knows no token of ours."""

    def do_GET(self):
        self.send_error(401)

    def log_message(self, *_args):
        pass


@pytest.fixture
def stranger():
    """The port of a program that is no engine."""
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def address_of(engine, pid, **fields):
    """Let a process be the engine; nobody listens at its port, if nothing else is said."""
    made(engine.home)
    file = replace(
        ENGINE_FILE,
        url=f"http://127.0.0.1:{fields.pop('port', None) or free_port()}",
        pid=pid,
        home=str(engine.home.path.resolve()),
        **fields,
    )
    file.write(engine.home)
    return engine


def of_a_killed_one(engine, _stranger):
    with subprocess.Popen(["true"]) as process:
        moment = started_at(process.pid)
    return address_of(engine, process.pid, process_started_at=moment)


def of_a_killed_one_whose_pid_another_has(engine, _stranger):
    return address_of(engine, os.getpid(), process_started_at=1.0)


def of_a_silent_one(engine, _stranger):
    return address_of(engine, os.getpid(), process_started_at=started_at())


def of_a_stranger(engine, stranger):
    return address_of(
        engine, os.getpid(), port=stranger, process_started_at=started_at()
    )


def that_is_damaged(engine, _stranger):
    made(engine.home).engine_file.write_text("{")
    return engine


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (of_a_killed_one, "The engine has ended unexpectedly."),
        (of_a_killed_one_whose_pid_another_has, "The engine has ended unexpectedly."),
        (of_a_silent_one, "The engine runs and does not answer."),
        (of_a_stranger, "Something else answers at the address of the engine."),
        (that_is_damaged, "The address of the engine cannot be read."),
    ],
)
def test_an_engine_that_does_not_answer_is_away_and_the_panel_says_why(
    engine, stranger, address, sentence
):
    report = asyncio.run(address(engine, stranger).report())

    assert report.state is PanelState.AWAY
    assert report.message.startswith(sentence)
    assert report.message.endswith(".")


# -- parked kernels as kernelspecs ---------------------------------------------------------


class OtherSpecs:
    """A kernelspec manager that an administrator chose."""

    parent = None

    def find_kernel_specs(self):
        return {"special": "/specs/special"}

    def get_all_specs(self):
        return {"special": {"resource_dir": "/specs/special", "spec": {}}}

    def get_kernel_spec(self, name):
        return f"the spec {name!r}"


@pytest.fixture
def specs(tmp_path):
    attached = []
    home = Home(tmp_path)
    specs = AttachSpecs(OtherSpecs(), home.path, lambda: attached.append(1))
    specs.attached = attached
    return specs


def park(home):
    me = psutil.Process()
    kernel = ParkedKernel(
        execution_id=ID,
        name="report",
        notebook="/n.ipynb",
        pid=os.getpid(),
        process_started_at=me.create_time(),
        worker_pid=os.getpid(),
        worker_started_at=me.create_time(),
        connection={"key": "k"},
    )
    publish(home, kernel)


def test_parked_kernels_are_listed_beside_whatever_there_is(specs, tmp_path):
    assert list(specs.get_all_specs()) == ["special"]

    park(tmp_path)

    all_specs = specs.get_all_specs()
    assert set(all_specs) == set(specs.find_kernel_specs()) == {"special", PREFIX + ID}
    assert "report" in all_specs[PREFIX + ID]["spec"]["display_name"]


def test_other_kernelspecs_are_those_of_the_manager_that_was_there(specs):
    assert specs.get_kernel_spec("special") == "the spec 'special'"
    assert specs.attached == []


def test_using_a_parked_kernel_is_noticed(specs, tmp_path):
    with pytest.raises(NotParked):
        specs.get_kernel_spec(PREFIX + ID)
    assert specs.attached == []

    park(tmp_path)

    assert specs.get_kernel_spec(PREFIX + ID).metadata["flowkernel"]
    assert specs.attached == [1]


def test_behind_a_gateway_a_run_that_has_ended_is_said_to_have_no_kernel(tmp_path):
    """So its notebook is opened alone, as it is elsewhere."""
    parts = dict.fromkeys(("kernel_manager", "session_manager", "kernel_spec_manager"))
    gateway = SimpleNamespace(gateway_enabled=True)
    kernels = AttachedKernels(
        tmp_path, SimpleNamespace(gateway_config=gateway, **parts)
    )

    with pytest.raises(NotParked):
        kernels.check_parked(ID)

    park(tmp_path)
    with pytest.raises(BadArgument, match="run elsewhere"):
        kernels.check_parked(ID)


# -- summaries -----------------------------------------------------------------------------


class CountingRequests:
    """Answers each query with one row, and counts them."""

    def __init__(self):
        self.queries = []

    async def sql(self, query, *, seconds):
        self.queries.append(query)
        await asyncio.sleep(0)
        if len(self.queries) == 1 and "fails" in query:
            raise EngineStopped("home")
        row = {
            "flow_name": "f",
            "status": "RUNNING",
            "created_at": "2026-01-01T00:00:00",
        }
        return {"columns": list(row), "rows": [list(row.values())]}


def test_who_asks_for_a_summary_at_once_gets_the_same():
    requests = CountingRequests()

    async def ask():
        summaries = Summaries(requests)
        together = await asyncio.gather(*(summaries.flows() for _ in range(10)))
        return [*together, await summaries.flows()]

    answers = asyncio.run(ask())

    assert len(requests.queries) == 1
    assert answers == [answers[0]] * 11
    assert answers[0][0]["runs"][0]["created_at"] == "2026-01-01T00:00:00Z"


def test_a_summary_that_failed_is_made_again():
    requests = CountingRequests()

    async def ask():
        summaries = Summaries(requests)
        with pytest.raises(EngineStopped):
            await summaries._once("x", lambda: summaries._rows("fails"))
        return await summaries._once("x", lambda: summaries._rows("fails"))

    assert len(asyncio.run(ask())) == 1
    assert len(requests.queries) == 2
