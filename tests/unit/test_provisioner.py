"""Where the output of a kernel may go, what others may set, and what a process is told."""

import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from flowkernel.kernels.provisioner import ForkProvisioner, _file
from flowkernel.kernels.server_environment import surroundings, umask


def test_jupyter_finds_it_by_its_name():
    group = "jupyter_client.kernel_provisioners"

    [found] = entry_points(group=group, name="flowkernel-fork")

    assert found.load() is ForkProvisioner


@pytest.mark.parametrize("where", [subprocess.PIPE, subprocess.STDOUT])
def test_a_fork_cannot_make_a_pipe(where):
    assert _file(where, 9, 1) is None


def test_any_file_will_do(tmp_path):
    with open(tmp_path / "file", "w") as file:
        assert _file(file, 9, 1) == file.fileno()
    assert _file(None, 9, 1) == 1
    assert _file(5, 9, 1) == 5
    assert _file(subprocess.DEVNULL, 9, 1) == 9


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """A home with these settings, and no other."""
    for name in ("KERNEL", "PRELOAD", "READY_KERNELS"):
        monkeypatch.delenv(f"FLOWKERNEL_{name}", raising=False)
    monkeypatch.setenv("FLOWKERNEL_HOME", str(tmp_path))
    return (tmp_path / "config.toml").write_text


def test_it_is_as_the_home_is_configured(configured):
    configured("kernel = 'plain'\npreload = ['numpy']\nready_kernels = 5")

    provisioner = ForkProvisioner()

    assert provisioner.kernel == "plain"
    assert (provisioner.preload, provisioner.ready) == (["numpy"], 5)


def test_the_environment_counts_more(configured, monkeypatch):
    configured("preload = ['numpy']")
    monkeypatch.setenv("FLOWKERNEL_PRELOAD", "pandas")

    assert ForkProvisioner().preload == ["pandas"]


def test_the_kernelspec_counts_most(configured):
    configured("preload = ['numpy']\nready_kernels = 5")

    provisioner = ForkProvisioner(preload=["polars"], ready=0, kernel="fork")

    assert (provisioner.preload, provisioner.ready) == (["polars"], 0)


def test_a_broken_configuration_keeps_nobody_from_a_kernel(configured, caplog):
    configured("preload = 5")

    assert ForkProvisioner().preload == []
    assert "kernels start as by default: `preload` is 5 in" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="there are no fork servers")
def test_the_mask_for_new_files_is_asked_without_changing_it():
    before = os.umask(0o027)
    try:
        assert umask() == 0o027
        assert umask() == 0o027
    finally:
        assert os.umask(before) == 0o027


@pytest.mark.skipif(sys.platform != "linux", reason="there are no fork servers")
def test_surroundings_are_the_same_as_long_as_nothing_changes():
    before = surroundings()
    assert surroundings() == before

    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert (surroundings() == before) is (len(cores) == 1)
    finally:
        os.sched_setaffinity(0, cores)
