"""Parked kernels are found by their user alone, and only while their worker runs."""

import json
import os
import stat

import pytest

from flowkernel.core.errors import BadArgument, NotParked
from flowkernel.core.process_id import is_alive, started_at
from flowkernel.kernels.parked.registry import (
    ParkedKernel,
    find_parked,
    is_parked,
    publish,
    published,
    sweep_parked,
    withdraw,
)

FIRST = "01a1ff43-78cf-7102-a648-000000000001"
SECOND = "01a1ff43-78cf-7102-a648-000000000002"
#: No running process started then, so that a pid with it means an ended process.
LONG_AGO = 0.0


def a_kernel(execution_id=FIRST, **fields):
    us = {"pid": os.getpid(), "process_started_at": started_at()}
    worker = {"worker_pid": os.getpid(), "worker_started_at": started_at()}
    connection = {"transport": "ipc", "ip": "/x/k", "shell_port": 1, "key": b"secret"}
    named = {"execution_id": execution_id, "name": "sums", "notebook": "/x/sums.ipynb"}
    return ParkedKernel(**{**named, **us, **worker, "connection": connection, **fields})


def test_it_is_found_as_it_was_published(tmp_path):
    publish(tmp_path, a_kernel())

    kernel = find_parked(tmp_path, FIRST)

    assert kernel.connection["key"] == "secret"
    assert kernel == a_kernel(connection=kernel.connection)
    assert is_parked(tmp_path, FIRST)


def test_what_an_older_worker_published_is_found(tmp_path):
    publish(tmp_path, a_kernel())
    file = tmp_path / "parked" / f"{FIRST}.json"
    record = json.loads(file.read_text())
    del record["has_ended"]
    file.write_text(json.dumps(record))

    assert find_parked(tmp_path, FIRST).has_ended is False


@pytest.mark.parametrize("text", ["[]", "null", '"pid"', '{"has_ended": true}'])
def test_what_describes_no_kernel_is_passed_over(tmp_path, text):
    publish(tmp_path, a_kernel())
    (tmp_path / "parked" / f"{FIRST}.json").write_text(text)

    with pytest.raises(NotParked):
        find_parked(tmp_path, FIRST)


def test_its_key_is_for_its_user_alone(tmp_path):
    publish(tmp_path, a_kernel())

    [file] = (tmp_path / "parked").iterdir()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "secret" not in repr(a_kernel())


@pytest.mark.parametrize("part", [FIRST[-4:], FIRST[-12:], f" {FIRST.upper()} "])
def test_an_id_can_be_shortened(tmp_path, part):
    publish(tmp_path, a_kernel())
    publish(tmp_path, a_kernel(SECOND))

    assert find_parked(tmp_path, part).execution_id == FIRST


def test_an_id_must_name_one(tmp_path):
    publish(tmp_path, a_kernel())
    publish(tmp_path, a_kernel(SECOND))

    with pytest.raises(BadArgument, match=f"can mean {FIRST}, {SECOND}"):
        find_parked(tmp_path, FIRST[:8])


@pytest.mark.parametrize("text", ["001", "", "../parked", "*", SECOND])
def test_what_is_not_parked_is_not_found(tmp_path, text):
    publish(tmp_path, a_kernel())

    with pytest.raises(NotParked, match="has no parked kernel: it has continued"):
        find_parked(tmp_path, text)


def test_it_is_there_as_long_as_it_is_published(tmp_path):
    with published(tmp_path, a_kernel()):
        assert is_parked(tmp_path, FIRST)

    assert list((tmp_path / "parked").iterdir()) == []
    withdraw(tmp_path, FIRST)


def test_a_home_that_cannot_be_written_to_is_no_error(tmp_path):
    (tmp_path / "parked").write_text("in the way")

    with published(tmp_path, a_kernel()):
        assert not is_parked(tmp_path, FIRST)


@pytest.mark.parametrize("field", ["process_started_at", "worker_started_at"])
def test_a_kernel_without_its_worker_is_gone_and_swept(tmp_path, field):
    """The kernel ended, or its worker was killed; other processes may have their pids."""
    publish(tmp_path, a_kernel(**{field: LONG_AGO}))
    publish(tmp_path, a_kernel(SECOND))
    (tmp_path / "parked" / "broken.json").write_text("{")

    with pytest.raises(NotParked, match="its kernel is gone, with its variables"):
        find_parked(tmp_path, FIRST)
    sweep_parked(tmp_path)

    assert not is_parked(tmp_path, FIRST)
    assert is_parked(tmp_path, SECOND)
    assert not is_parked(tmp_path, "broken")


def test_a_zombie_process_is_not_alive():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert not is_alive(pid, started_at(pid))
    os.waitpid(pid, 0)
