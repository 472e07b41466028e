"""The error for a home that cannot be used; an engine is found in every state."""

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from flowkernel.client.client import Client, engine_launcher
from flowkernel.client.engine_launcher import EngineState, inspect_engine
from flowkernel.core.errors import BadArgument, DiskFull, EngineFault, HomeNotWritable
from flowkernel.core.models import Environment, Flow, FlowKind
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.home import EngineFile, Home
from tests.conftest import a_home, engines_of, kill_engine, stop_everything, until

CAN_MOUNT = (
    subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
)
WORKER = "papermill-01234567-89ab-7cde-8f01-23456789abcd"


def engine_pid(home):
    """The pid of the engine of a home; started if there is none."""
    with closing(Client(home)) as client:
        return client.get("/engine")["pid"]


@pytest.fixture
def mount(tmp_path):
    """Mount a small disk, with options; its folder."""
    folders = []

    def mount(options):
        folder = tmp_path / f"disk{len(folders)}"
        folder.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True
        )
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", folder], check=True)


def changes_in(folder):
    """When files were made or removed in a folder, and in those in it."""
    return [f.stat().st_mtime_ns for f in (folder, *folder.glob("*")) if f.is_dir()]


def fill(folder):
    """Write a file until the disk is full; its path."""
    path = folder / "fill"
    with open(path, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4_096))
    return path


# -- a home that cannot be written to --------------------------------------------------------


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(HomeNotWritable, match=r"file' is a file\. Set FLOWKERNEL_HOME"):
        engine_pid(Home(tmp_path / "file"))
    with pytest.raises(HomeNotWritable, match=r"a file is in the way\. Set FLOWK"):
        engine_pid(Home(tmp_path / "file" / "home"))


def test_a_place_where_nothing_can_be_made():
    with pytest.raises(
        HomeNotWritable, match=r"'/proc/nowhere/home' cannot be used: No such"
    ):
        engine_pid(Home(Path("/proc/nowhere/home")))


if CAN_MOUNT:

    def test_a_read_only_disk(mount):
        with pytest.raises(
            HomeNotWritable, match=r"is on a read-only file system\. Set FLOWK"
        ):
            engine_pid(Home(mount("ro") / "home"))

    def test_a_full_disk(mount):
        disk = mount("size=64k")
        fill(disk)

        with pytest.raises(
            DiskFull, match=r"no room left on the disk of the home .*Free some"
        ):
            engine_pid(Home(disk / "home"))

    @pytest.mark.kernel
    def test_nothing_acknowledged_is_lost_when_the_disk_fills_up(mount):
        disk = mount("size=12m")
        with a_home(disk) as home, closing(Client(home)) as client:
            client.register(Flow(name="f", kind=FlowKind.CELL, source="x = 1"))
            request = {"flow": "f", "run": False, "inputs": {"a": "x" * 3_000}}
            ids = [client.start(request).execution_id for _ in range(5)]
            filler = fill(disk)

            for _ in range(20):
                with pytest.raises(
                    DiskFull, match=r"no room left on the disk\. Free some"
                ):
                    client.start(request)

            assert {e.execution_id for e in client.list_executions()} == set(ids)
            filler.unlink()
            ids.append(client.start(request).execution_id)
            kill_engine(home)
            assert {e.execution_id for e in client.list_executions()} == set(ids)

    @pytest.mark.kernel
    def test_a_run_that_ends_while_the_disk_is_full_waits_for_room(mount, tmp_path):
        disk, gate = mount("size=12m"), tmp_path / "gate"
        source = (
            "import pathlib, time\n"
            f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.05)\n"
            "print('x' * 500_000)\n"
            f"pathlib.Path({str(tmp_path / 'printed')!r}).touch()"
        )
        with a_home(disk) as home, closing(Client(home)) as client:
            environment = Environment(interpreter=sys.executable, prefix=sys.prefix)
            flow = Flow(
                name="f", kind=FlowKind.CELL, source=source, environment=environment
            )
            client.register(flow)
            execution_id = client.start({"flow": "f"}).execution_id
            until(lambda: client.cell_runs(execution_id))
            filler = fill(disk)

            gate.touch()
            until(gate.with_name("printed").exists)
            for _ in range(2):  # It tries to save, more than once.
                stamp = changes_in(home.path / "notebooks")
                until(lambda: changes_in(home.path / "notebooks") != stamp)  # noqa: B023
            assert client.get_execution(execution_id).status is S.RUNNING
            filler.unlink()

            until(
                lambda: client.get_execution(execution_id).status.is_ended, seconds=60
            )
            execution = client.get_execution(execution_id)
            assert execution.status is S.ENDED_SUCCESS
            notebook = (home.path / execution.notebook_path).read_text()
            assert "x" * 500_000 in notebook

else:  # Not root: then the rights of a folder mean something.

    def test_a_folder_without_write_permission(tmp_path):
        (tmp_path / "home").mkdir(mode=0o500)

        with pytest.raises(
            HomeNotWritable, match=r"cannot be written to by this user\. Set"
        ):
            engine_pid(Home(tmp_path / "home"))


def test_a_home_named_relative_to_a_folder(tmp_path, monkeypatch):
    from flowkernel.home import find_home

    monkeypatch.setenv("FLOWKERNEL_HOME", "some/home")

    assert find_home().path == tmp_path / "some" / "home"


# -- whose it is, and what it is called --------------------------------------------------------


def flowkernel(home, *words, **variables):
    """Run a command in this home, as a person with the usual mask for new files."""
    environ = {**os.environ, "FLOWKERNEL_HOME": str(home.path), **variables}
    return subprocess.run(
        [sys.executable, "-m", "flowkernel", *words],
        env=environ, umask=0o022, capture_output=True, text=True,
    )  # fmt: skip


def open_to_others(folder):
    """Files in a folder, and folders in it, that others can use."""
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    return [str(path) for path in paths if path.stat().st_mode & 0o077]


@pytest.fixture
def shared_home(own_home):
    """A home in a folder that was there before, with a folder of a name that we use."""
    own_home.path.mkdir()
    for folder in (own_home.path, own_home.log, own_home.backup):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    return own_home


@pytest.mark.kernel
def test_others_can_read_nothing_in_a_folder_that_was_there(shared_home, tmp_path):
    ours = {str(shared_home.log), str(shared_home.backup)}
    for words in (
        ("flow", "register", "one.py"),
        ("backup", str(tmp_path / "copy.duckdb")),
        ("compact",),
    ):
        (tmp_path / "one.py").write_text("x = 1")
        process = flowkernel(shared_home, *words)
        assert process.returncode == 0, process.stderr

    assert set(open_to_others(shared_home.path)) == ours
    assert (tmp_path / "copy.duckdb").stat().st_mode & 0o777 == 0o600
    assert shared_home.path.stat().st_mode & 0o777 == 0o755
    assert not (shared_home.path / ".gitignore").exists()

    assert flowkernel(shared_home, "engine", "stop").returncode == 0
    process = flowkernel(shared_home, "rebuild")
    assert process.returncode == 0, process.stderr
    assert set(open_to_others(shared_home.path)) == ours


ODD = ["#", "%", "%20", "'", '"', "\n", "a\rb", "*", "[a]", "[", "{a}", "{}", ";", "$HOME", "`",
       "~", "-", " ", "&", "<>", "|", "md:", "file:", "\x1b[31m", "é", "日本"]  # fmt: skip


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["".join(ODD), "file:a#b%20'c\"d\n", "~", "-x"])
def test_a_home_may_have_any_name_that_the_database_takes(tmp_path, name):
    (tmp_path / name).mkdir()
    with a_home(tmp_path / name) as home, closing(Client(home)) as client:
        client.register(Flow(name="f", kind=FlowKind.CELL, source="x = 1"))
        process = flowkernel(home, "backup", str(tmp_path / name / "copy.duckdb"))
        assert process.returncode == 0, process.stderr
        kill_engine(home)

        assert client.get("/flow/f")["name"] == "f"
        assert client.sql("SELECT count(*) FROM flow")["rows"] == [[1]]


def test_the_doctor_says_what_is_wrong_with_a_home(tmp_path):
    (tmp_path / "what?").mkdir()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)

    refused = flowkernel(Home(tmp_path / "what?"), "doctor")
    warned = flowkernel(Home(tmp_path / "open"), "doctor")

    assert refused.returncode == 1
    assert "has a ? in its path, and DuckDB cannot open a file there" in refused.stdout
    assert warned.returncode == 0, warned.stdout
    assert (
        f"replace the engine's files in {tmp_path / 'open'} (mode 777)."
        in warned.stdout
    )
    assert f"chmod go-w {tmp_path / 'open'}" in warned.stdout


# -- engine.json -----------------------------------------------------------------------------

WHOLE = {
    "url": "http://127.0.0.1:1",
    "token": "t",
    "pid": 1,
    "process_started_at": 0.0,
    "version": "1",
    "interpreter": "python",
    "home": "/elsewhere",
}
BROKEN = [
    b"",
    b"garbage",
    b"[]",
    b"{}",
    b"null",
    b"\xff\xfe",
    *(
        json.dumps({**WHOLE, **wrong}).encode()
        for wrong in (
            {"url": 1},
            {"url": "http://[::1"},
            {"token": None},
            {"token": "a\nb"},
            {"pid": "1"},
            {"pid": 10**15},
            {"process_started_at": "noon"},
            {},  # Correct, but copied from another home.
        )
    ),
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_engine_file_is_not_a_missing_one(own_home, content):
    own_home.prepare()
    own_home.engine_file.write_bytes(content)

    with pytest.raises(
        BadArgument, match=r"engine\.json' is broken .* the next one that starts does\."
    ):
        EngineFile.read(own_home)
    assert inspect_engine(own_home) == (EngineState.BROKEN, None)


def test_a_broken_engine_file_is_replaced_when_no_engine_runs(own_home):
    own_home.prepare()
    own_home.engine_file.write_bytes(b"garbage")

    pid = engine_pid(own_home)

    assert EngineFile.read(own_home).pid == pid
    assert own_home.engine_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.kernel
@pytest.mark.parametrize("harm", ["broken", "removed", "changed"])
def test_a_running_engine_writes_its_file_again(own_home, harm):
    pid = engine_pid(own_home)
    record = json.loads(own_home.engine_file.read_text())
    match harm:
        case "broken":
            own_home.engine_file.write_bytes(b"garbage")
        case "removed":
            own_home.engine_file.unlink()
        case "changed":
            own_home.engine_file.write_text(json.dumps({**record, "token": "wrong"}))

    assert engine_pid(own_home) == pid
    assert json.loads(own_home.engine_file.read_text()) == record
    assert len(engines_of(own_home)) == 1


def test_a_folder_in_the_place_of_the_engine_file(own_home):
    own_home.prepare()
    own_home.engine_file.mkdir()

    with pytest.raises(
        HomeNotWritable, match=r"engine\.json' is a folder.*Remove the folder"
    ):
        engine_pid(own_home)


@pytest.mark.kernel
def test_the_file_of_a_killed_engine_is_stale_and_replaced(own_home):
    killed_pid = engine_pid(own_home)
    kill_engine(own_home)

    assert inspect_engine(own_home)[0] is EngineState.STALE
    assert engine_pid(own_home) != killed_pid


@pytest.mark.kernel
def test_a_pid_that_belongs_to_another_process(own_home):
    engine_pid(own_home)
    record = json.loads(own_home.engine_file.read_text())
    kill_engine(own_home)
    own_home.engine_file.write_text(json.dumps({**record, "pid": os.getpid()}))

    assert inspect_engine(own_home)[0] is EngineState.RECYCLED
    assert engine_pid(own_home) not in (os.getpid(), record["pid"])
    assert psutil.pid_exists(os.getpid())


def test_a_process_that_does_not_answer(own_home, monkeypatch):
    pid = engine_pid(own_home)
    psutil.Process(pid).suspend()
    monkeypatch.setattr(engine_launcher, "START_SECONDS", 0.2)
    monkeypatch.setattr(engine_launcher, "ASK_SECONDS", 0.2)

    with pytest.raises(
        engine_launcher.EngineUnreachable, match=f"process {pid}.*`kill -9 {pid}`"
    ):
        engine_launcher.ensure_engine(own_home)
    assert inspect_engine(own_home)[0] is EngineState.SILENT


def test_the_engine_of_another_home_is_not_used(home, client, own_home):
    own_home.prepare()
    shutil.copy(home.engine_file, own_home.engine_file)
    other_pid = client.get("/engine")["pid"]

    assert engine_pid(own_home) != other_pid


# -- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'slots = "many"',
            r"`slots` is 'many' in .*config\.toml; `slots` takes a whole",
        ),
        (
            "slotz = 1",
            r"config\.toml sets 'slotz', which is not a setting\. The settings are: cancel_",
        ),
        ("= [", r"config\.toml is not valid TOML: .* Correct or remove it"),
        ('memory = "lots"', r"`memory` is 'lots' in .* takes an amount such as '2GB'"),
    ],
)
def test_a_wrong_setting_in_the_file(own_home, text, message):
    own_home.prepare()
    (own_home.path / "config.toml").write_text(text)

    with pytest.raises(BadArgument, match=message):
        engine_pid(own_home)


def test_a_wrong_setting_in_the_environment(own_home, monkeypatch):
    monkeypatch.setenv("FLOWKERNEL_SLOTS", "abc")

    with pytest.raises(BadArgument, match="`slots` is 'abc' in FLOWKERNEL_SLOTS"):
        engine_pid(own_home)


def test_a_port_that_is_taken(own_home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("FLOWKERNEL_PORT", str(port))

        with pytest.raises(
            EngineFault, match=rf"port {port}: address already in use\. Set"
        ):
            engine_pid(own_home)


# -- the engine ------------------------------------------------------------------------------


@pytest.mark.kernel
def test_a_papermill_run_is_not_lost_before_its_first_request(own_home, monkeypatch):
    monkeypatch.setenv("FLOWKERNEL_LEASE", "2")
    with closing(Client(own_home)) as client:
        client.register(Flow(name="f", kind=FlowKind.CELL, source="x = 1"))
        # The first one ends when the engine has begun to look for lost executions.
        for _ in range(2):
            execution = client.start({"flow": "f", "worker": WORKER})
            ended = until(
                lambda id_=execution.execution_id: (
                    (e := client.get_execution(id_)).ended_at and e
                )
            )

    assert ended.status_message == "The papermill process that ran it is gone."
    assert ended.duration >= 2


def test_the_engine_sends_small_responses_at_once():
    """asyncio sets TCP_NODELAY if the protocol is named; else a response takes 40 ms."""
    from flowkernel.config import Config
    from flowkernel.engine.http_server import listen

    with listen(Config()) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.kernel
def test_an_engine_whose_home_is_deleted_stops(own_home):
    client = Client(own_home)
    client.start(
        {"source": {"name": "x", "kind": "SCRIPT", "source": "1"}, "run": False}
    )
    engines = engines_of(own_home)

    shutil.rmtree(own_home.path)

    _gone, alive = psutil.wait_procs(engines, timeout=20)
    assert alive == []
    assert not own_home.path.exists()
    assert Client(own_home).list_executions() == []


@pytest.mark.kernel
def test_a_home_put_in_the_place_of_another_gets_an_engine_of_its_own(own_home):
    client = Client(own_home)
    execution = client.start(
        {"source": {"name": "x", "kind": "SCRIPT", "source": "1"}, "run": False}
    )
    [engine] = engines_of(own_home)
    own_home.path.rename(own_home.path.with_name("moved"))

    psutil.wait_procs([engine], timeout=20)

    assert Client(own_home).list_executions() == []
    moved = Home(own_home.path.with_name("moved"))
    try:
        assert Client(moved).get_execution(execution.execution_id) == execution
    finally:
        stop_everything(moved)
