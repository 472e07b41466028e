"""What has a name of ours in a shared folder is looked at before anything is believed of it."""

import json
import os
import socket
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowkernel.core.errors import BadArgument, NotParked
from flowkernel.core.process_id import started_at
from flowkernel.kernels import fork_servers
from flowkernel.kernels.fork_servers import NoForkServer, list_running, native_command
from flowkernel.kernels.leftovers import LOG_SECONDS, sweep_folders, sweep_servers
from flowkernel.kernels.parked.registry import (
    ParkedKernel,
    find_parked,
    publish,
    sweep_parked,
)
from flowkernel.worker.kernel_manager import remove_stale_transports

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders and sockets")
LONG_AGO = time.time() - 100_000
#: Of a content that no reader should take in: nested too deeply, or too large a number.
LONG_SIZE = 90_000
KEY = "flowkernel-0123456789abcdef"
OTHER_USER = 12345

#: What may stand where a number or a name is expected.
WORDS = st.one_of(
    st.integers(min_value=-(10**30), max_value=10**30).map(str),
    st.sampled_from(["0", "007", "²", "٣", "", "x", ".", "1" * 200, "1e9", "-1"]),
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=20),
)
KINDS = st.sampled_from(["folder", "file", "pipe", "socket", "link", "dangling"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
)


class Long:
    """A byte, many times: shown as it is made."""

    def __init__(self, byte):
        self.byte = byte

    def __repr__(self):
        return f"{self.byte} * {LONG_SIZE}"

    def __bytes__(self):
        return self.byte * LONG_SIZE


CONTENTS = st.one_of(
    st.binary(max_size=50),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"[", b"9"]).map(Long),
)
many = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@contextmanager
def shared_folder():
    """A folder with a short path, beside one with something that must stay."""
    with tempfile.TemporaryDirectory(prefix="s") as name:
        parent, victim = Path(name, "shared"), Path(name, "victim")
        for folder in (parent, victim):
            folder.mkdir()
        (victim / "precious").write_text("stays")
        yield parent, victim
        assert (victim / "precious").read_text() == "stays"


def put(path, kind, content, victim):
    """Put something with a name there, if the system takes such a name."""
    try:
        match kind:
            case "folder":
                path.mkdir()
                (path / "k").write_bytes(bytes(content))
            case "file":
                with open(path, "xb") as file:
                    file.write(bytes(content))
            case "pipe":
                os.mkfifo(path)
            case "socket":
                with socket.socket(socket.AF_UNIX) as end:
                    end.bind(str(path))
            case "link":
                path.symlink_to(victim)
            case "dangling":
                path.symlink_to(path.parent / "nowhere")
        os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    except (OSError, ValueError):
        return


@given(st.lists(st.tuples(WORDS, WORDS, KINDS, CONTENTS), max_size=4))
@many
def test_no_name_of_a_folder_stops_a_worker(entries):
    with shared_folder() as (parent, victim):
        for pid, rest, kind, content in entries:
            put(parent / f"flowkernel-{pid}-{rest}", kind, content, victim)
        put(parent / "flowkernel-2147483647-gone", "folder", b"", victim)

        sweep_folders(parent)

        assert not (parent / "flowkernel-2147483647-gone").exists()


@given(
    st.lists(st.tuples(WORDS, KINDS, CONTENTS), max_size=3),
    st.lists(st.tuples(st.sampled_from([".sock", ".lock", ".log"]), KINDS), max_size=3),
)
@many
def test_no_name_in_the_runtime_folder_stops_the_sweep_of_fork_servers(
    entries, suffixes
):
    gone = "flowkernel-ffffffffffffffff.sock"
    with shared_folder() as (parent, victim):
        for word, kind, content in entries:
            put(parent / f"flowkernel-{word}.sock", kind, content, victim)
        for suffix, kind in suffixes:
            put(parent / f"{KEY}{suffix}", kind, b"", victim)
        put(parent / gone, "socket", b"", victim)

        sweep_servers(parent)

        assert not (parent / gone).exists()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JUPYTER_RUNTIME_DIR", str(parent))
            assert list_running() == []


def a_record(**changes):
    us = {"pid": os.getpid(), "process_started_at": started_at()}
    worker = {"worker_pid": os.getpid(), "worker_started_at": started_at()}
    texts = {"execution_id": "good", "name": "n", "notebook": "/x"}
    connection = {"transport": "ipc", "ip": "/x/k", "key": "secret"}
    return ParkedKernel(**texts, **us, **worker, connection=connection, **changes)


@given(
    st.lists(st.tuples(WORDS, KINDS, CONTENTS), max_size=3),
    st.dictionaries(st.sampled_from(list(asdict(a_record()))), VALUES, min_size=1),
)
@many
def test_no_file_of_a_parked_kernel_stops_who_looks_for_one(entries, changes):
    with shared_folder() as (home, victim):
        publish(home, a_record())
        for word, kind, content in entries:
            put(home / "parked" / f"{word}.json", kind, content, victim)
        record = json.dumps({**asdict(a_record()), **changes}).encode()
        put(home / "parked" / "changed.json", "file", record, victim)

        for word in ("changed", *(word for word, _, _ in entries)):
            if word.strip().lower() not in ("good", "goo"):
                with pytest.raises((NotParked, BadArgument)):
                    find_parked(home, word)
        sweep_parked(home)

        assert find_parked(home, "good").execution_id == "good"
        assert not (home / "parked" / "changed.json").exists()


def test_one_line_of_the_log_tells_of_all_strange_names(tmp_path, caplog):
    for number in range(5):
        (tmp_path / f"flowkernel-{10**20 + number}-x").mkdir()

    sweep_folders(tmp_path)

    [record] = caplog.records
    assert "has no process id in its name (of 5)" in record.getMessage()


@pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() != 0, reason="gives a folder to another user"
)
def test_what_belongs_to_another_user_stays(tmp_path):
    folder, lock = tmp_path / "flowkernel-2147483647-x", tmp_path / f"{KEY}.lock"
    put(folder, "folder", b"", tmp_path)
    put(lock, "file", b"", tmp_path)
    put(lock.with_suffix(".sock"), "socket", b"", tmp_path)
    for path in (folder, lock):
        os.chown(path, OTHER_USER, OTHER_USER)

    sweep_folders(tmp_path)
    sweep_servers(tmp_path)

    assert folder.exists()
    assert lock.exists()


def test_the_files_of_a_killed_fork_server_are_removed(tmp_path):
    for suffix, kind in ((".sock", "socket"), (".lock", "file"), (".log", "file")):
        put(tmp_path / (KEY + suffix), kind, b"", tmp_path)

    sweep_servers(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_fork_server_that_is_killed_as_it_starts_leaves_no_files(
    tmp_path, monkeypatch
):
    path = tmp_path / f"{KEY}.sock"
    monkeypatch.setattr(fork_servers, "socket_path", lambda *_args: path)

    def start(*_args):
        path.with_suffix(".log").touch()
        raise NoForkServer("it ended at once")

    monkeypatch.setattr(fork_servers, "_start", start)
    with pytest.raises(NoForkServer):
        fork_servers.connect(native_command("python", ()), {}, "/", ready=1)

    assert list(tmp_path.iterdir()) == []


def test_a_worker_removes_the_files_of_a_killed_fork_server(tmp_path, monkeypatch):
    """Also one that starts none itself."""
    monkeypatch.setattr(fork_servers, "_socket_folder", lambda: tmp_path)
    put(tmp_path / f"{KEY}.sock", "socket", b"", tmp_path)

    remove_stale_transports()

    assert list(tmp_path.iterdir()) == []


def test_the_log_of_a_killed_fork_server_is_kept_for_a_while(tmp_path):
    log = tmp_path / f"{KEY}.log"
    log.write_text("MemoryError")
    sweep_servers(tmp_path)
    assert log.exists()

    os.utime(log, (time.time() - LOG_SECONDS - 1,) * 2)
    sweep_servers(tmp_path)

    assert not log.exists()


def test_a_fork_server_that_listens_or_starts_keeps_its_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    starting = FileLock(tmp_path / "flowkernel-00000000000000ff.lock")
    with socket.socket(socket.AF_UNIX) as end, starting:
        end.bind(f"{KEY}.sock")
        end.listen()
        sweep_servers(Path())

        names = {path.name for path in tmp_path.iterdir()}
    assert names >= {f"{KEY}.sock", "flowkernel-00000000000000ff.lock"}
