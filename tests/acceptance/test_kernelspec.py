"""The kernelspec that anyone can pick: in JupyterLab, nbclient and papermill."""

import json
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client import BlockingKernelClient

from tests.acceptance import kernels
from tests.conftest import until

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
TOKEN = "let me in"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment in which flowkernel is installed as from an index: from its wheel."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", str(folder), str(ROOT)], check=True)
    [wheel] = folder.glob("flowkernel-*.whl")
    there = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", there], check=True)
    [packages] = there.glob("lib/python3*/site-packages")
    ours = sysconfig.get_paths()["purelib"]
    (packages / "ours.pth").write_text(ours)  # What it depends on.
    python = str(there / "bin" / "python")
    install = ["--python", python, "install", "-q", "--no-deps", "--force-reinstall"]
    subprocess.run([*pip, *install, str(wheel)], check=True)
    return there


@pytest.fixture
def python(installed, runtime):
    """Run that environment's Python."""

    def python(*words, **environ):
        return subprocess.run(
            [str(installed / "bin" / "python"), *words],
            env=kernels.environ(**environ), capture_output=True, text=True, timeout=100,
        )  # fmt: skip

    return python


FORKED = """
import os, psutil
assert psutil.Process().parent().cmdline()[1] == "-c", psutil.Process().parent().cmdline()
print("flowkernel.kernels" in str(psutil.Process().parent().cmdline()))
"""


def test_it_is_installed_and_is_that_package(python, installed):
    listed = python("-m", "jupyter_client.kernelspecapp", "list", "--json")
    code = "import flowkernel; print(flowkernel.__file__)"

    spec = json.loads(listed.stdout)["kernelspecs"]["flowkernel"]

    assert spec["spec"]["display_name"] == "Python 3 (flowkernel, ready at once)"
    assert spec["resource_dir"].startswith(str(installed))
    assert python("-c", code).stdout.startswith(str(installed))


def test_papermill_runs_in_it(python, tmp_path):
    write(tmp_path / "in.ipynb", FORKED)

    done = python("-m", "papermill", "-k", "flowkernel", "in.ipynb", "out.ipynb")

    assert done.returncode == 0, done.stderr
    assert printed(tmp_path / "out.ipynb") == "True\n"


def test_nbclient_runs_in_it(python, tmp_path):
    write(tmp_path / "in.ipynb", FORKED)
    code = "from nbclient.cli import NbClientApp as app; app.launch_instance()"

    done = python("-c", code, "--kernel_name=flowkernel", "--inplace", "in.ipynb")

    assert done.returncode == 0, done.stderr
    assert printed(tmp_path / "in.ipynb") == "True\n"


def write(path, source):
    cells = [nbformat.v4.new_code_cell(source)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def printed(path):
    [output] = nbformat.read(path, 4).cells[0].outputs
    return output.text


@contextmanager
def jupyter_server(installed, runtime):
    """A Jupyter server of that environment; its address."""
    command = [
        *(str(installed / "bin" / "python"), "-m", "jupyter_server", "--no-browser"),
        *("--ServerApp.port=0", f"--IdentityProvider.token={TOKEN}", "--allow-root"),
        "--ServerApp.jpserver_extensions={}",
    ]
    with open(runtime / "server.log", "wb") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env=kernels.environ()
        )
    try:
        file = runtime / f"jpserver-{server.pid}.json"
        until(lambda: file.exists() and file.read_text().endswith("}"), seconds=60)
        url = json.loads(file.read_text())["url"]
        until(lambda: answers(url), seconds=60, what="the server answers")
        yield url
    finally:
        server.terminate()
        server.wait(30)


def test_a_jupyter_server_starts_interrupts_restarts_and_ends_it(installed, runtime):
    with jupyter_server(installed, runtime) as url:
        kernel_id = asked(url, "POST", "kernels", {"name": "flowkernel"})["id"]
        file = runtime / f"kernel-{kernel_id}.json"
        client = connected(file)
        pid = parent_of(client)
        assert "-c" in psutil.Process(pid).cmdline()

        question = client.execute("print('on')\nwhile True: pass")
        heard(client, question, "on")
        asked(url, "POST", f"kernels/{kernel_id}/interrupt")
        assert reply(client, question)["ename"] == "KeyboardInterrupt"

        asked(url, "POST", f"kernels/{kernel_id}/restart")
        client.stop_channels()
        client = connected(file)
        assert value(client, "'x' in globals()") == "False"
        own = int(value(client, "__import__('os').getpid()"))

        asked(url, "DELETE", f"kernels/{kernel_id}")
        client.stop_channels()
        until(lambda: not psutil.pid_exists(own))
        assert asked(url, "GET", "kernels") == []
        assert not file.exists()


def asked(url, verb, path, body=None):
    request = urllib.request.Request(
        f"{url}api/{path}",
        method=verb,
        data=json.dumps(body).encode() if body else None,
    )
    request.add_header("Authorization", f"token {TOKEN}")
    with urllib.request.urlopen(request, timeout=kernels.SECONDS) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def answers(url):
    try:
        asked(url, "GET", "status")
    except OSError:  # It says where it is before it listens.
        return False
    return True


def heard(client, question, text):
    """Wait until it has printed that: from then on an interrupt is the cell's."""
    while True:
        message = client.get_iopub_msg(timeout=kernels.SECONDS)
        is_ours = message["parent_header"].get("msg_id") == question
        if is_ours and text in message["content"].get("text", ""):
            return


def connected(file):
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels(hb=False)  # A busy machine can miss a beat.
    client.wait_for_ready(timeout=kernels.SECONDS)
    return client


def reply(client, question):
    while True:
        message = client.get_shell_msg(timeout=kernels.SECONDS)
        if message["parent_header"].get("msg_id") == question:
            return message["content"]


def value(client, expression):
    expressions = {"it": expression}
    question = client.execute("", user_expressions=expressions)
    return reply(client, question)["user_expressions"]["it"]["data"]["text/plain"]


def parent_of(client):
    return int(value(client, "__import__('os').getppid()"))
