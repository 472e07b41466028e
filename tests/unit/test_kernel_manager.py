"""Which kernel starts under a name: the one that jupyter_client starts under it."""

import json
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_client.manager import KernelManager

from flowkernel.config import Config
from flowkernel.core.models import Environment
from flowkernel.kernels.kernelspecs import FlowKernelSpecManager
from flowkernel.worker.kernel_manager import (
    make_external_manager,
    make_kernel_manager,
    remove_transport,
)

HERE = Environment(interpreter=sys.executable, prefix=sys.prefix)
LAUNCH = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a kernelspec in a folder where Jupyter looks first."""
    monkeypatch.setenv("JUPYTER_PATH", f"{tmp_path / 'first'}:{tmp_path / 'second'}")

    def install(name, argv, folder="first", **parts):
        target = tmp_path / folder / "kernels" / name
        target.mkdir(parents=True)
        record = {"argv": argv, "display_name": name, "language": "python", **parts}
        (target / "kernel.json").write_text(json.dumps(record))
        return str(target)

    return install


def specs(environment=HERE, *, is_notebook=True):
    return FlowKernelSpecManager(environment, Config(), is_notebook=is_notebook)


def command(manager, name):
    """The words by which the kernel of this name starts, and where it is from."""
    kernel = KernelManager(kernel_name=name, kernel_spec_manager=manager)
    words = kernel.format_kernel_cmd()
    return [word for word in words if word != "-Xfrozen_modules=off"]


def same_command(name):
    return command(specs(), name) == command(KernelSpecManager(), name)


@pytest.mark.parametrize("name", ["python3", "Python3", "PYTHON3", "flowkernel"])
def test_a_name_without_a_kernelspec_of_a_person_is_this_python(name):
    assert same_command(name)
    assert command(specs(), name)[0] == sys.executable


@pytest.mark.parametrize(
    "argv",
    [
        ["/opt/other/bin/python", *LAUNCH],
        ["python", "-X", "dev", *LAUNCH],
        [sys.executable, "-m", "my_launcher", "{connection_file}"],
    ],
)
def test_a_notebook_gets_the_python3_that_a_person_installed(install, argv):
    install("python3", argv)

    assert same_command("python3")
    assert command(specs(), "python3")[1:-1] == argv[1:-1]


def test_the_variables_of_a_kernelspec_are_kept(install):
    install("python3", ["python", *LAUNCH], env={"RATE": "2"})

    assert specs().get_kernel_spec("python3").env == {"RATE": "2"}
    assert same_command("python3")


@pytest.mark.parametrize("python", ["python", "python3", sys.executable])
def test_a_kernelspec_that_says_no_more_than_this_python_is_forked(install, python):
    install("python3", [python, "-Xfrozen_modules=off", *LAUNCH])

    spec = specs().get_kernel_spec("python3")

    assert spec.argv == [sys.executable, *LAUNCH]
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == "flowkernel-fork"


def test_a_cell_runs_in_the_python_that_registered_it(install):
    install("python3", ["/opt/other/bin/python", *LAUNCH])

    spec = specs(is_notebook=False).get_kernel_spec("python3")

    assert spec.argv == [sys.executable, *LAUNCH]


@pytest.mark.parametrize("name", ["bash", "Bash", "my.kernel-2"])
def test_other_kernels_are_found_as_jupyter_finds_them(install, name):
    folder = install(name.lower(), ["python", "-m", "bash_kernel", "{resource_dir}"])
    install(name.lower(), ["bash", "-x"], folder="second")

    assert same_command(name)
    assert command(specs(), name)[-1] == folder


def test_a_kernel_in_python_of_another_environment_starts_with_that_python(
    install, tmp_path
):
    install("bash", ["python", "-m", "bash_kernel"])
    other = Environment(interpreter="/opt/other/bin/python", prefix="/opt/other")

    assert specs(other).get_kernel_spec("bash").argv[0] == "/opt/other/bin/python"
    assert specs(other).get_kernel_spec("python3").argv[0] == "/opt/other/bin/python"


def test_the_kernels_of_another_environment_come_before_those_of_ours(install):
    other = Environment(interpreter="/opt/other/bin/python", prefix="/opt/other")
    folders = [Path(folder) for folder in specs(other).kernel_dirs]
    theirs, ours = (
        folders.index(Path(prefix) / "share/jupyter/kernels")
        for prefix in ("/opt/other", sys.prefix)
    )

    assert theirs == ours - 1 > 0
    assert specs().kernel_dirs == KernelSpecManager().kernel_dirs


def test_a_name_that_nobody_has_is_refused_as_jupyter_refuses_it():
    with pytest.raises(NoSuchKernel):
        specs().get_kernel_spec("klingon")


@pytest.mark.parametrize(
    ("make", "blocks"),
    [
        (lambda: make_kernel_manager(HERE, "report", Config()), True),
        (lambda: make_external_manager("python3", Config()), False),
    ],
)
def test_only_a_worker_takes_kernels_in_the_thread_of_its_event_loop(make, blocks):
    manager = make()
    remove_transport(manager)

    settings = manager.kernel_spec.metadata["kernel_provisioner"]["config"]

    assert settings["blocks"] is blocks
