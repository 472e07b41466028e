"""Modules that are imported before kernels are forked, and those that cannot be."""

import json
import textwrap

import pytest

from tests.acceptance import kernels
from tests.acceptance.kernels import (
    Kernel,
    is_gone,
    make_manager,
    run_python,
    server_of,
)
from tests.conftest import until

pytestmark = pytest.mark.kernel
THREADING = """
import threading
threading.Thread(target=threading.Event().wait, name="mine").start()
"""


@pytest.fixture
def module(tmp_path):
    """Write a module that can be preloaded; the environment in which it is found."""
    (tmp_path / "lib").mkdir()

    def module(name, source):
        (tmp_path / "lib" / f"{name}.py").write_text(textwrap.dedent(source))
        return kernels.environ(PYTHONPATH=str(tmp_path / "lib"))

    return module


def preloaded(runtime, name):
    """The status of the fork server that was started with this module."""
    return [
        server
        for server in kernels.servers(runtime)
        if name in [*server["preload"], *server["refused"]]
    ]


def test_a_module_is_there_at_once(start_kernel, runtime):
    kernel = start_kernel(settings={"preload": ["numpy", "pandas"]})

    assert kernel.ask("'pandas' in sys.modules", source="import sys") is True
    [server] = preloaded(runtime, "numpy")
    assert server["preload"] == ["numpy", "pandas"]
    assert server["refused"] == {}
    assert (
        kernel.ask("float(numpy.ones(2) @ numpy.ones(2))", source="import numpy") == 2
    )


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        (
            "threading_at_import",
            THREADING,
            "importing it starts threads (mine)",
        ),
        ("broken", "1 / 0", "importing it raised ZeroDivisionError: division by zero"),
        ("leaving", "raise SystemExit(3)", "importing it raised SystemExit: 3"),
        ("dying", "import os; os._exit(3)", "importing it ended the process"),
        ("opening", "file = open('/dev/zero')", "importing it leaves files open (/dev/zero)"),
        ("not_there.at_all", None,
         "importing it raised ModuleNotFoundError: No module named 'not_there'"),
    ],
)  # fmt: skip
def test_a_module_that_cannot_be_preloaded_is_named_with_the_reason(
    start_kernel, runtime, module, caplog, name, source, reason
):
    env = module(name, source) if source else kernels.environ()

    kernel = start_kernel(settings={"preload": [name, "colorsys"]}, env=env)

    assert kernel.is_forked
    [server] = preloaded(runtime, name)
    assert (server["preload"], server["refused"]) == (["colorsys"], {name: reason})
    assert f"{name} is not preloaded: {reason}" in caplog.text
    assert kernel.ask("'colorsys' in sys.modules", source="import sys") is True


def test_native_threads_are_seen_too(start_kernel, runtime, module):
    source = """
    import ctypes, threading, _thread
    _thread.start_new_thread(threading.Event().wait, ())
    """
    start_kernel(settings={"preload": ["native"]}, env=module("native", source))

    [server] = preloaded(runtime, "native")
    assert server["refused"]["native"].startswith("importing it starts threads (")


def test_a_module_that_prints_does_so_once(start_kernel, module):
    env = module("talkative", "print('hello')")

    kernel = start_kernel(settings={"preload": ["talkative"], "ready": 2}, env=env)

    assert kernel.run("print('x')")[1] == "x\n"


def test_a_module_that_changes_on_disk_is_served_fresh(start_kernel, module, runtime):
    settings = {"preload": ["changing"], "ready": 2}
    env = module("changing", "value = 'before'")
    first = start_kernel(settings=settings, env=env)
    assert first.ask("changing.value", source="import changing") == "before"
    until(lambda: preloaded(runtime, "changing")[0]["ready"] == 2)

    module("changing", "value = 'after, and longer'")

    second = start_kernel(settings=settings, env=env)
    assert second.is_forked
    assert second.ask("changing.value", source="import changing") == "after, and longer"
    assert first.ask("changing.value") == "before"


def test_an_old_fork_server_leaves_with_its_last_kernel(start_kernel, module, runtime):
    env = module("older", "value = 1")
    first = start_kernel(settings={"preload": ["older"]}, env=env)
    old = server_of(first)
    module("older", "value = 22")
    second = start_kernel(settings={"preload": ["older"]}, env=env)
    assert server_of(second) != old

    assert first.ask("1 + 1") == 2
    assert first.shut_down() == 0

    until(lambda: is_gone(old))


def test_a_package_that_is_installed_is_found_at_once(start_kernel, module, tmp_path):
    """A folder of installed packages that changes means another fork server."""
    place = tmp_path / "site-packages"
    place.mkdir()
    env = kernels.environ(PYTHONPATH=str(place))
    previous = server_of(start_kernel(env=env))

    (place / "new_package").mkdir()

    assert server_of(start_kernel(env=env)) != previous


def test_the_configuration_of_the_home_is_the_default_of_the_kernelspec(
    runtime, tmp_path, start_kernel, monkeypatch
):
    home = tmp_path / ".flowkernel"
    home.mkdir()
    monkeypatch.setenv("FLOWKERNEL_HOME", str(home))
    (home / "config.toml").write_text("preload = ['netrc']\nready_kernels = 0")
    manager = make_manager()
    manager.kernel_spec.metadata["kernel_provisioner"]["config"] = {}

    kernel = Kernel(manager)

    assert kernel.ask("'netrc' in sys.modules", source="import sys") is True
    assert [server["ready"] for server in preloaded(runtime, "netrc")] == [0]
    kernel.close()
    (home / "config.toml").write_text("kernel = 'plain'")
    manager = make_manager()
    manager.kernel_spec.metadata["kernel_provisioner"]["config"] = {}
    plain = Kernel(manager)
    assert not plain.is_forked
    plain.close()


def test_a_worker_keeps_a_fork_server_warm(own_runtime):
    process = run_python("""
        import json, sys
        from tests.acceptance import kernels
        from pathlib import Path
        from flowkernel.kernels import fork_servers
        from jupyter_core.paths import jupyter_runtime_dir
        fork_servers.keep_warm(sys.executable, (), 1)
        command = fork_servers.native_command(sys.executable, ())
        folder = Path(jupyter_runtime_dir())
        [first] = kernels.servers(folder)
        kernels.kill(first["pid"])
        import os
        fork_servers.connect(command, os.environ, os.getcwd(), ready=1).close()
        [second] = kernels.servers(folder)
        _, wire = fork_servers._kept_alive[command]
        wire.send({"about": True})
        print(json.dumps([first["pid"], second["pid"], wire.receive()[0]["pid"]]))
    """)

    first, second, kept_alive = json.loads(process.stdout)
    assert first != second == kept_alive


def test_what_the_first_error_needs_is_there(start_kernel):
    """A kernel that is interrupted and then shut down has little time to say why."""
    kernel = start_kernel()
    kernel.run("import sys; modules = set(sys.modules)")

    reply, _ = kernel.run("1 / 0")

    assert reply["ename"] == "ZeroDivisionError"
    assert kernel.ask("sorted(set(sys.modules) - modules)") == []
