"""A flow runs where it was registered: in another environment, in another folder."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock

from flowkernel.api import start
from flowkernel.core.models import Environment
from flowkernel.core.status import ExecutionStatus as S

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]

WHERE = """
import flow_api, os, sys
def handler(system: flow_api.System, this: flow_api.Execution, inputs):
    this.set_output(python=sys.executable, prefix=sys.prefix, cwd=os.getcwd(), got=inputs)
"""


@pytest.fixture(scope="session")
def other(request):
    """Another virtual environment: ipykernel is in it, and flowkernel is not."""
    folder = (
        Path(request.config.cache.mkdir("environment"))
        / f"{sys.implementation.cache_tag}"
    )
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "is_complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [folder / "bin" / "python", "-m", "pip", "install", "-q"]
            command = [*pip, "-c", ROOT / "constraints.txt", "ipykernel"]
            if subprocess.run(command).returncode != 0:  # A network may fail once.
                subprocess.run(command, check=True)
            (folder / "is_complete").touch()
    return folder


@pytest.fixture
def environment(other, tmp_path):
    """The environment of a flow that a notebook there registers."""

    def environment(**fields):
        values = {
            "interpreter": str(other / "bin" / "python"),
            "prefix": str(other),
            "cwd": str(tmp_path),
        }
        return Environment(**{**values, **fields})

    return environment


@pytest.fixture
def copied(tmp_path):
    """An environment to delete: without ipykernel."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True
    )
    return tmp_path / "bare"


def has_flowkernel(python):
    code = (
        "import importlib.util as u, sys; sys.exit(u.find_spec('flowkernel') is None)"
    )
    return subprocess.run([python, "-c", code], cwd="/").returncode == 0


def test_a_flow_runs_in_the_environment_that_registered_it(
    other, environment, register, run, tmp_path
):
    assert not has_flowkernel(other / "bin" / "python")
    register("where", WHERE, environment=environment())

    execution = run("where", day="monday")

    assert execution.get("status", "message") == (S.ENDED_SUCCESS, None)
    assert execution.output == {
        "python": str(other / "bin" / "python"),
        "prefix": str(other),
        "cwd": str(tmp_path),
        "got": {"day": "monday"},
    }


def test_a_flow_in_another_environment_starts_a_child_in_this_one(
    environment, register, run
):
    register("child", "import sys\nthis.set_output(prefix=sys.prefix)")
    register(
        "parent",
        "import sys\n"
        "child = this.flow('child')\n"
        "this.log('back')\n"
        "this.set_output(child=child.output['prefix'], mine=sys.prefix)",
        environment=environment(),
    )

    output = run("parent").output

    assert output["child"] == sys.prefix
    assert output["mine"] != sys.prefix


def test_errors_in_another_environment_are_the_same(environment, register, run):
    register("fails", "1 / 0", environment=environment())

    message = run("fails").get("message")

    assert message == "Cell 1 of 1: ZeroDivisionError: division by zero"


def test_an_environment_that_is_gone_is_named(copied, register, run):
    python = str(copied / "bin" / "python")
    register(
        "gone", "x = 1", environment=Environment(interpreter=python, prefix=str(copied))
    )
    shutil.rmtree(copied)

    execution = run("gone")

    assert execution.status is S.ENDED_ERROR
    assert execution.get("message") == (
        f"'gone' was registered with the Python {python!r}, which is no longer there. "
        "Register it again from an environment that exists."
    )


def test_a_folder_that_is_gone_is_named(register, run, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    register(
        "lost",
        "x = 1",
        environment=Environment(interpreter=sys.executable, cwd=str(folder)),
    )
    folder.rmdir()

    execution = run("lost")

    assert execution.status is S.ENDED_ERROR
    assert execution.get("message") == (
        f"'lost' was registered in the folder {str(folder)!r}, which is no longer there. "
        "Register it again from a folder that exists."
    )


def test_an_environment_without_ipykernel_says_so_at_once(copied, register, run):
    python = str(copied / "bin" / "python")
    register("bare", "x = 1", environment=Environment(interpreter=python))
    run("bare")  # Starts a worker, whose start is not measured.

    start = time.monotonic()
    execution = run("bare")

    assert time.monotonic() - start < 10
    status, message = execution.get("status", "message")
    assert status == S.ENDED_ERROR
    assert message == (
        f"The kernel of 'bare' did not start with the Python {python!r}. "
        f"Is ipykernel installed there? ({python} -m pip install ipykernel)"
    )


def test_a_kernelspec_of_that_environment_is_found_by_its_name(
    other, environment, register, run, tmp_path
):
    prefix = tmp_path / "prefix"
    spec = prefix / "share" / "jupyter" / "kernels" / "only-there"
    spec.mkdir(parents=True)
    launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps(
            {
                "argv": [str(other / "bin" / "python"), *launch],
                "display_name": "Only there",
                "language": "python",
            }
        )
    )
    only_there = environment(
        prefix=str(prefix), kernel_name="only-there", interpreter=sys.executable
    )
    register("named", WHERE, environment=only_there)

    assert run("named").output["prefix"] == str(other)


def test_a_kernel_that_is_not_installed_is_named_with_those_that_are(
    client, tmp_path, run
):
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("1")],
        metadata={
            "kernelspec": {"name": "apl", "display_name": "APL", "language": "apl"}
        },
    )
    nbformat.write(book, tmp_path / "book.ipynb")

    execution = run("book.ipynb")

    status, message = execution.get("status", "message")
    assert status == S.ENDED_ERROR
    assert (
        "'book' asks for the kernel 'apl', which is not installed here. Installed: "
        in message
    )
    assert "python3" in message
    assert message.endswith("Install it, or choose another kernel in the notebook.")


def test_a_kernel_is_chosen_for_one_run_and_its_children_keep_theirs(
    other, register, client, tmp_path
):
    """For a notebook that names another kernel, through a wrapper that tries twice."""
    register("child", "import sys\nthis.set_output(prefix=sys.prefix)")
    source = (
        "import sys\nchild = this.flow('child')\n"
        "assert this.get('retry_of'), 'try again'\n"
        "this.set_output(mine=sys.prefix, child=child.output['prefix'], got=n)"
    )
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source)],
        metadata={"kernelspec": {"name": "apl", "display_name": "APL"}},
    )
    nbformat.write(book, tmp_path / "book.ipynb")
    retry = [{"name": "retry", "inputs": {"delay_sec": 0}}]

    execution = start(client, "book.ipynb", {"n": 3}, kernel=str(other), using=retry)

    output = execution.wait(timeout=120).output
    assert output == {"mine": str(other), "child": sys.prefix, "got": 3}
    last = execution.children[-1]
    environment = last.load("environment")
    assert environment["interpreter"] == str(other / "bin" / "python")
    result = nbformat.read(last.notebook, as_version=4)
    assert result.metadata.kernelspec.name == "python3"
