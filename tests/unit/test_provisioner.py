"""The output files of a kernel, its settings, and the state that a process inherits."""

import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from flowkernel.kernels.fork_servers import native_command, socket_path
from flowkernel.kernels.provisioner import ForkProvisioner, _output_file
from flowkernel.kernels.server_environment import inherited_state, umask


def test_jupyter_finds_it_by_its_name():
    group = "jupyter_client.kernel_provisioners"

    [entry_point] = entry_points(group=group, name="flowkernel-fork")

    assert entry_point.load() is ForkProvisioner


@pytest.mark.parametrize("target", [subprocess.PIPE, subprocess.STDOUT])
def test_a_fork_cannot_make_a_pipe(target):
    assert _output_file(target, 9, 1) is None


def test_outputs_can_be_any_file(tmp_path):
    with open(tmp_path / "file", "w") as file:
        assert _output_file(file, 9, 1) == file.fileno()
    assert _output_file(None, 9, 1) == 1
    assert _output_file(5, 9, 1) == 5
    assert _output_file(subprocess.DEVNULL, 9, 1) == 9


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """A home with these settings, and no other."""
    for name in ("KERNEL", "PRELOAD", "READY_KERNELS"):
        monkeypatch.delenv(f"FLOWKERNEL_{name}", raising=False)
    monkeypatch.setenv("FLOWKERNEL_HOME", str(tmp_path))
    return (tmp_path / "config.toml").write_text


def test_settings_come_from_the_home(configured):
    configured("kernel = 'plain'\npreload = ['numpy']\nready_kernels = 5")

    provisioner = ForkProvisioner()

    assert provisioner.kernel == "plain"
    assert (provisioner.preload, provisioner.ready) == (["numpy"], 5)


def test_environment_variables_override_the_home(configured, monkeypatch):
    configured("preload = ['numpy']")
    monkeypatch.setenv("FLOWKERNEL_PRELOAD", "pandas")

    assert ForkProvisioner().preload == ["pandas"]


def test_the_kernelspec_overrides_both(configured):
    configured("preload = ['numpy']\nready_kernels = 5")

    provisioner = ForkProvisioner(preload=["polars"], ready=0, kernel="fork")

    assert (provisioner.preload, provisioner.ready) == (["polars"], 0)


def test_with_a_broken_configuration_kernels_have_the_defaults(configured, caplog):
    configured("preload = 5")

    assert ForkProvisioner().preload == []
    assert "kernels start as by default: `preload` is 5 in" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="there are no fork servers")
def test_the_mask_for_new_files_is_read_without_changing_it():
    previous = os.umask(0o027)
    try:
        assert umask() == 0o027
        assert umask() == 0o027
    finally:
        assert os.umask(previous) == 0o027


@pytest.mark.skipif(sys.platform != "linux", reason="there are no fork servers")
def test_the_inherited_state_is_the_same_as_long_as_nothing_changes():
    state = inherited_state()
    assert inherited_state() == state

    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert (inherited_state() == state) is (len(cores) == 1)
    finally:
        os.sched_setaffinity(0, cores)


def test_a_fork_server_with_modules_of_an_older_version_is_not_asked():
    command = native_command(sys.executable, ())

    older_key = command.key({}, "/", inherited_state())

    assert older_key not in socket_path(command, {}, "/").name
