"""A kernel that cannot be forked starts plainly; also its errors are those of plain ones."""

import os
import subprocess
import sys
import textwrap

import pytest

from tests.acceptance import kernels
from tests.acceptance.kernels import (
    LAUNCH,
    Kernel,
    kill,
    make_manager,
    run_python,
    server_of,
)

pytestmark = pytest.mark.kernel
IN_WORDS = "from ipykernel import kernelapp as app; app.launch_new_instance()"


def test_a_missing_folder_is_the_same_error_as_in_a_plain_start(start_kernel, tmp_path):
    missing = str(tmp_path / "missing")
    start_kernel()
    messages = []
    for kind in ("fork", "plain"):
        with pytest.raises(FileNotFoundError) as raised:
            Kernel(make_manager(kind), cwd=missing)
        messages.append(str(raised.value))

    assert messages[0] == messages[1]
    assert start_kernel().is_forked


def test_a_wrong_variable_is_the_same_error_as_in_a_plain_start():
    for kind in ("fork", "plain"):
        with pytest.raises(ValueError, match="embedded null byte"):
            Kernel(make_manager(kind), env=kernels.environ(BAD="a\0b"))


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({"kernel": "plain"}, {}),
        ({}, {"stdout": subprocess.PIPE}),
        ({}, {"stderr": subprocess.PIPE}),
        ({}, {"stderr": subprocess.STDOUT}),
        ({"argv": ("/usr/bin/env", sys.executable, *LAUNCH)}, {}),
        ({"argv": (sys.executable, "-c", IN_WORDS, "-f", "{connection_file}")}, {}),
        ({"language": "R"}, {"preexec_fn": None}),
    ],
    ids=["by request", "stdout", "stderr", "to stdout", "env", "command", "argument"],
)  # fmt: skip
def test_a_kernel_that_cannot_be_forked_starts_plainly(
    start_kernel, settings, arguments
):
    kernel = start_kernel(settings=settings, **arguments)

    assert not kernel.is_forked
    assert kernel.ask("1 + 1") == 2
    for stream in (kernel.process.stdout, kernel.process.stderr):
        if stream is not None:
            stream.close()


def test_output_goes_where_the_owner_says(start_kernel, tmp_path):
    with open(tmp_path / "out", "wb") as out, open(tmp_path / "err", "wb") as err:
        kernel = start_kernel(stdout=out, stderr=err)
        kernel.run("import os; os.write(1, b'1'); os.write(2, b'2')")
        kernel.run("import sys; print('3'); print('4', file=sys.stderr)")
        kernel.shut_down()

    assert kernel.is_forked
    assert "1" in (tmp_path / "out").read_text()
    assert "2" in (tmp_path / "err").read_text()


def test_output_can_go_nowhere(start_kernel):
    kernel = start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert kernel.is_forked
    assert kernel.run("import os; os.write(1, b'lost')")[0]["status"] == "ok"


def test_a_missing_ipykernel_is_the_same_error_as_in_a_plain_start(
    own_runtime, tmp_path, caplog
):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    messages = []
    for kind in ("fork", "plain"):
        manager = make_manager(kind, argv=(str(bare / "bin" / "python"), *LAUNCH))
        with pytest.raises(RuntimeError) as raised:
            Kernel(manager)
        messages.append(str(raised.value))

    assert messages[0] == messages[1]
    assert "ModuleNotFoundError: No module named 'ipykernel" in caplog.text


def test_a_missing_interpreter_is_the_same_error_as_in_a_plain_start(tmp_path):
    for kind in ("fork", "plain"):
        manager = make_manager(kind, argv=(str(tmp_path / "python"), *LAUNCH))
        with pytest.raises(FileNotFoundError):
            Kernel(manager)


def test_a_folder_that_cannot_be_made_means_a_plain_start(
    start_kernel, tmp_path, monkeypatch
):
    manager = make_manager()
    manager.connection_file = str(tmp_path / "connection.json")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/dev/null/folder")

    kernel = Kernel(manager)

    assert not kernel.is_forked
    assert kernel.ask("1 + 1") == 2
    kernel.close()


def test_a_folder_with_a_long_name_means_sockets_elsewhere(
    start_kernel, tmp_path, monkeypatch
):
    manager = make_manager()
    manager.connection_file = str(tmp_path / "connection.json")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / ("x" * 100)))

    kernel = Kernel(manager)

    assert kernel.is_forked
    assert kernel.ask("1 + 1") == 2
    kernel.close()


def test_without_a_home_folder(start_kernel):
    environ = kernels.environ()
    del environ["HOME"]

    kernel = start_kernel(env=environ)

    assert kernel.is_forked
    assert kernel.ask("'HOME' in os.environ", source="import os") is False


def test_a_limit_of_its_owner_applies_to_the_kernel(own_runtime, start_kernel):
    start_kernel()
    process = run_python("""
        import os, resource
        from tests.acceptance.kernels import Kernel, make_manager
        resource.setrlimit(resource.RLIMIT_NOFILE, (500, 600))
        os.sched_setaffinity(0, {0})
        kernel = Kernel(make_manager())
        print(kernel.is_forked)
        print(kernel.ask("resource.getrlimit(resource.RLIMIT_NOFILE)",
            source="import resource, os"), kernel.ask("os.sched_getaffinity(0)"))
        kernel.close()
    """)

    assert process.stdout.splitlines() == ["True", "(500, 600) {0}"], process.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="takes another user")
def test_the_socket_of_another_user_is_not_trusted(own_runtime, start_kernel):
    kernel = start_kernel()
    [path] = own_runtime.glob("*.sock")
    kill(server_of(kernel))
    path.unlink()
    own_runtime.chmod(0o777)
    trap = f"""
    import os, socket
    os.setuid(65534)
    end = socket.socket(socket.AF_UNIX)
    end.bind({str(path)!r}); end.listen(); os.chmod({str(path)!r}, 0o777)
    print("listening", flush=True)
    while True:
        print(len(end.accept()[0].recv(10)), flush=True)
    """
    stranger = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(trap)], stdout=subprocess.PIPE, text=True
    )
    try:
        stranger.stdout.readline()

        assert not start_kernel().is_forked

        bytes_received = stranger.stdout.readline()
    finally:
        stranger.kill()
        stranger.communicate()
        own_runtime.chmod(0o700)
    assert bytes_received.strip() == "0"


CONFIGURED = {
    "code": "import os\nc.InteractiveShellApp.exec_lines = [f'folder = {os.getcwd()!r}']",
    "nested": "c.IPythonKernel.ZMQInteractiveShell.ast_node_interactivity = 'all'",
    "log": "c.InteractiveShell.logstart = True",
    "broken": "c.InteractiveShell.autocall = 1 /",
}


@pytest.mark.parametrize("source", CONFIGURED.values(), ids=CONFIGURED)
def test_a_configuration_for_each_kernel_means_a_plain_start(
    start_kernel, own_runtime, tmp_path, source
):
    profile = tmp_path / "profile_default"
    profile.mkdir()
    (profile / "ipython_config.py").write_text(source)
    (tmp_path / "work").mkdir()
    environ = kernels.environ(IPYTHONDIR=str(tmp_path))

    kernel = start_kernel(env=environ, cwd=str(tmp_path / "work"))

    assert not kernel.is_forked
    assert kernel.ask("1 + 1") == 2


def test_children_of_a_kernel_can_write_if_pytest_captures(start_kernel):
    """Under pytest, ipykernel does not capture file descriptors."""
    environ = kernels.environ(PYTEST_CURRENT_TEST="yes")
    expression = "__import__('subprocess').run(['echo', 'x']).returncode"

    for kind in ("fork", "plain"):
        assert start_kernel(kind, env=environ).ask(expression) == 0
