"""The kernelspec for everyone: in JupyterLab, nbclient and papermill."""

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
    """An environment in which flowkernel is installed from its wheel, as from an index."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", str(folder), str(ROOT)], check=True)
    [wheel] = folder.glob("flowkernel-*.whl")
    environment = folder / "venv"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", environment], check=True
    )
    [packages] = environment.glob("lib/python3*/site-packages")
    site_packages = sysconfig.get_paths()["purelib"]
    (packages / "dependencies.pth").write_text(site_packages)
    python = str(environment / "bin" / "python")
    install = ["--python", python, "install", "-q", "--no-deps", "--force-reinstall"]
    subprocess.run([*pip, *install, str(wheel)], check=True)
    return environment


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


def test_the_installed_kernelspec_and_package_are_used(python, installed):
    listed = python("-m", "jupyter_client.kernelspecapp", "list", "--json")
    code = "import flowkernel; print(flowkernel.__file__)"

    spec = json.loads(listed.stdout)["kernelspecs"]["flowkernel"]

    assert spec["spec"]["display_name"] == "Python 3 (flowkernel, ready at once)"
    assert spec["resource_dir"].startswith(str(installed))
    assert python("-c", code).stdout.startswith(str(installed))


def test_papermill_runs_in_it(python, tmp_path):
    write(tmp_path / "in.ipynb", FORKED)

    process = python("-m", "papermill", "-k", "flowkernel", "in.ipynb", "out.ipynb")

    assert process.returncode == 0, process.stderr
    assert output_text(tmp_path / "out.ipynb") == "True\n"


def test_nbclient_runs_in_it(python, tmp_path):
    write(tmp_path / "in.ipynb", FORKED)
    code = "from nbclient.cli import NbClientApp as app; app.launch_instance()"

    process = python("-c", code, "--kernel_name=flowkernel", "--inplace", "in.ipynb")

    assert process.returncode == 0, process.stderr
    assert output_text(tmp_path / "in.ipynb") == "True\n"


def write(path, source):
    cells = [nbformat.v4.new_code_cell(source)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def output_text(path):
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
        until(lambda: is_ready(url), seconds=60, description="the server replies")
        yield url
    finally:
        server.terminate()
        server.wait(30)


def test_a_jupyter_server_starts_interrupts_restarts_and_ends_it(installed, runtime):
    with jupyter_server(installed, runtime) as url:
        kernel_id = request_json(url, "POST", "kernels", {"name": "flowkernel"})["id"]
        file = runtime / f"kernel-{kernel_id}.json"
        client = connected(file)
        pid = parent_of(client)
        assert "-c" in psutil.Process(pid).cmdline()

        request_id = client.execute("print('on')\nwhile True: pass")
        await_text(client, request_id, "on")
        request_json(url, "POST", f"kernels/{kernel_id}/interrupt")
        assert reply(client, request_id)["ename"] == "KeyboardInterrupt"

        request_json(url, "POST", f"kernels/{kernel_id}/restart")
        client.stop_channels()
        client = connected(file)
        assert value(client, "'x' in globals()") == "False"
        own = int(value(client, "__import__('os').getpid()"))

        request_json(url, "DELETE", f"kernels/{kernel_id}")
        client.stop_channels()
        until(lambda: not psutil.pid_exists(own))
        assert request_json(url, "GET", "kernels") == []
        assert not file.exists()


def request_json(url, verb, path, body=None):
    request = urllib.request.Request(
        f"{url}api/{path}",
        method=verb,
        data=json.dumps(body).encode() if body else None,
    )
    request.add_header("Authorization", f"token {TOKEN}")
    with urllib.request.urlopen(request, timeout=kernels.SECONDS) as reply:
        text = reply.read()
    return json.loads(text) if text else None


def is_ready(url):
    try:
        request_json(url, "GET", "status")
    except OSError:  # It writes its address before it listens.
        return False
    return True


def await_text(client, request_id, text):
    """Wait until a cell has printed a text: then an interrupt reaches the cell."""
    while True:
        message = client.get_iopub_msg(timeout=kernels.SECONDS)
        is_ours = message["parent_header"].get("msg_id") == request_id
        if is_ours and text in message["content"].get("text", ""):
            return


def connected(file):
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels(hb=False)  # A busy machine can miss a beat.
    client.wait_for_ready(timeout=kernels.SECONDS)
    return client


def reply(client, request_id):
    while True:
        message = client.get_shell_msg(timeout=kernels.SECONDS)
        if message["parent_header"].get("msg_id") == request_id:
            return message["content"]


def value(client, expression):
    expressions = {"it": expression}
    request_id = client.execute("", user_expressions=expressions)
    return reply(client, request_id)["user_expressions"]["it"]["data"]["text/plain"]


def parent_of(client):
    return int(value(client, "__import__('os').getppid()"))
