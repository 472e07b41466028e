"""A worker knows how many executions fit into its limits, and says which one is the least."""

import resource
import sys

import pytest

from flowkernel.worker import capacity
from flowkernel.worker.capacity import (
    FILES_EACH,
    OWN_FILES,
    OWN_TASKS,
    TASKS_EACH,
    measure_capacity,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(autouse=True)
def nothing_kept():
    """Each test reads the limits of control groups itself, and leaves none behind."""
    capacity.limited_folders.cache_clear()
    yield
    capacity.limited_folders.cache_clear()


@pytest.fixture
def limits(monkeypatch):
    """Set the limits of this process: number of files, and of this user's processes."""

    def limits(*, files=100_000, tasks=resource.RLIM_INFINITY):
        values = {resource.RLIMIT_NOFILE: files, resource.RLIMIT_NPROC: tasks}
        monkeypatch.setattr(resource, "getrlimit", lambda kind: (values[kind],) * 2)

    monkeypatch.setattr(capacity, "_cgroup_folders", list)
    monkeypatch.setattr(capacity.os, "getuid", lambda: 12345)
    limits()
    return limits


@pytest.fixture
def cgroups(tmp_path, monkeypatch):
    """A function that sets the limits of control groups, the outermost first."""

    def cgroups(kinds, *pids):
        root = tmp_path / "cgroup" / ("pids" if kinds else "")
        folder = root
        for number, (limit, count) in enumerate(pids):
            folder = folder / f"g{number}"
            folder.mkdir(parents=True)
            (folder / "pids.max").write_text(f"{limit}\n")
            (folder / "pids.current").write_text(f"{count}\n")
        (tmp_path / "self").mkdir()
        line = f"3:{kinds}:/{folder.relative_to(root)}\n" if kinds else None
        text = line or f"0::/{folder.relative_to(root)}\n"
        (tmp_path / "self" / "cgroup").write_text(text)
        monkeypatch.setattr(capacity, "CGROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(capacity, "PROC", tmp_path)

    return cgroups


def test_files_limit_it(limits):
    limits(files=1024)

    least = measure_capacity(7)

    assert least.executions == (1024 - OWN_FILES) // FILES_EACH == 96
    assert "of 1,024 files open" in least.reason


@pytest.mark.parametrize("kinds", ["", "cpu,pids"])
def test_a_container_limits_it(limits, cgroups, monkeypatch, kinds):
    """What is free now, and what it has already."""
    monkeypatch.undo()
    cgroups(kinds, ("max", 900), (OWN_TASKS + 40 + 3 * TASKS_EACH, 40))

    [limit] = capacity._by_tasks(5)

    assert limit.executions == 5 + 3
    assert limit.reason.startswith("the container or session of the worker has 40 of")


def test_the_limit_of_a_user_counts_that_user_alone_where_it_matters(
    limits, monkeypatch
):
    monkeypatch.setattr(capacity, "_tasks_of_everybody", lambda: 3000)
    monkeypatch.setattr(capacity, "_tasks_of_user", lambda _user: 500)

    limits(tasks=5000)
    [ample] = capacity._by_tasks(0)
    limits(tasks=3000)
    [scarce] = capacity._by_tasks(0)

    assert ample.reason.startswith("this machine has 3,000 of 5,000")
    assert scarce.reason.startswith("this user has 500 of 3,000")


@pytest.mark.parametrize("text", ["", "x", "0::", "0::/../..\n", "9:pids\n"])
def test_a_strange_list_of_control_groups_is_no_limit(tmp_path, monkeypatch, text):
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text(text)
    monkeypatch.setattr(capacity, "PROC", tmp_path)
    monkeypatch.setattr(capacity, "CGROUPS", tmp_path / "none")

    assert list(capacity._cgroup_limits()) == []


def test_it_is_never_less_than_one(limits):
    limits(files=20)

    assert measure_capacity(0).executions == 1
