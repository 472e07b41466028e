"""What a fork does to become a kernel that is like one that was started.

It is made in advance: it is ready and waits until a client takes it and says in which folder
and environment it is to work. It runs in the environment of the flow, so it needs the standard
library and ipykernel alone.
"""

import atexit
import fcntl
import gc
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from flowkernel.core.open_files import restore_limit
from flowkernel.kernels.fork_server.ipython_config import reason_against_fork
from flowkernel.kernels.fork_server.socket_folders import make_socket_folder
from flowkernel.kernels.fork_server.wire import Message, WireConnection

CONTROL_SECONDS = 1.0  #: How long the reply to a shutdown request may take.
#: Messages that a kernel keeps for a client that does not read, inclusive. ZeroMQ by itself
#: drops messages beyond 1,000.
MAX_QUEUED_MESSAGES = 200_000
SESSION_NAME = "__session__"  #: ipykernel's variable for the path of the notebook.
#: The environment variables before ipykernel is imported, which adds some.
INITIAL_ENVIRON = dict(os.environ)
WRITABLE_FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
#: As the parent's process id it makes ipykernel not watch for the end of a parent.
INIT_PID = 1


class CannotFork(Exception):
    """Kernels must be started plainly. The text says why."""


def become_kernel(wire: WireConnection, arguments: list[str], app: Any) -> NoReturn:
    """Be a kernel until its end. `wire` leads to the fork server, which prepared `app`."""
    detach_from_parent(wire.socket.fileno())
    reseed()
    own_environ = complete_app(app, arguments)
    request, files = wait_for_request(wire, app)
    accept_request(wire, request, files, app, own_environ)
    code = 0
    try:
        run_startup_code(app)
        app.start()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(bool(error.code))
    finish_control_reply(app)
    exit_kernel(app, code)


def wait_for_request(wire: WireConnection, app: Any) -> tuple[Message, list[int]]:
    """Tell the fork server that it is ready; wait for the request of a client."""
    with suppress(OSError):
        wire.send({"ready": connection_info(app)})
        request, files = wire.receive()
        if request is not None:
            return request, files
    remove_folder(app)  # The fork server is gone: no request can come.
    os._exit(0)


def detach_from_parent(wire_file: int) -> None:
    """Keep nothing of the fork server: no file but this one, no handler, no terminal."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]
    os.closerange(3, wire_file)
    os.closerange(wire_file + 1, os.sysconf("SC_OPEN_MAX"))
    restore_limit()
    os.setsid()


def reseed() -> None:
    """Seed the generators of random numbers, so that no two forks draw the same.

    OpenSSL does this by itself: it recognizes a fork by its process id.
    """
    random.seed()
    if (numpy := sys.modules.get("numpy.random")) is not None:
        numpy.seed()
    if (uuid := sys.modules.get("uuid")) is not None:
        uuid._node = uuid._last_timestamp = None  # type: ignore[attr-defined]
    if (processes := sys.modules.get("multiprocessing.process")) is not None:
        processes.current_process().authkey = os.urandom(32)


def prepare_app(arguments: list[str]) -> Any:
    """The kernel's application, as far as it can be made once for all forks.

    Its configuration is read and its shell is made; sockets, threads and history are not.
    A person's startup code is not run before a client has taken the kernel.

    Raises:
        CannotFork: The person's configuration must be read by each kernel.
    """
    from ipykernel.kernelapp import IPKernelApp
    from IPython.core.application import BaseIPythonApplication

    app = IPKernelApp.instance()
    parent = f"--IPKernelApp.parent_handle={INIT_PID}"
    hook = sys.excepthook
    BaseIPythonApplication.initialize(app, [*arguments, "--transport=ipc", parent])
    sys.excepthook = hook
    if (reason := reason_against_fork(app)) is not None:
        raise CannotFork(reason)
    prepare_shell(app)
    app.init_extensions = app.init_code = lambda: None
    return app


def prepare_shell(app: Any) -> None:
    """Make the shell that the kernel will use: that is half of the work for a kernel."""
    from ipykernel.compiler import XCachingCompiler

    kernel_class = app.kernel_class
    shell_class = kernel_class.shell_class.default_value
    compiler = getattr(kernel_class, "compiler_class", None)  # Not in ipykernel 6.
    with replaced_attribute(shell_class, "init_history", lambda _shell: None):
        shell = shell_class.instance(
            parent=app,
            profile_dir=app.profile_dir,
            compiler_class=compiler.default_value if compiler else XCachingCompiler,
        )
    atexit.unregister(shell.atexit_operations)  # They are for the end of a kernel.


def init_iopub(make: Callable[[Any], None], context: Any) -> None:
    """Make the socket for output, with a queue for clients that read slowly."""
    import zmq

    context.setsockopt(zmq.SNDHWM, MAX_QUEUED_MESSAGES)  # For the sockets it makes.
    make(context)


def init_kernel(app: Any, make: Callable[[], None]) -> None:
    """Make the kernel, which finds the shell that is there, and connect the two."""
    make()
    kernel, shell = app.kernel, app.kernel.shell
    shell.parent = shell.kernel = kernel
    shell.init_history()
    shell.init_user_ns()  # In, Out and _dh come from the history.
    shell.save_sys_module_state()
    atexit.register(shell.atexit_operations)
    shorten_child_search(kernel)


@contextmanager
def replaced_attribute(owner: type, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute of a class for a while."""
    previous = vars(owner).get(name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if previous is None:
            delattr(owner, name)
        else:
            setattr(owner, name, previous)


def complete_app(app: Any, arguments: list[str]) -> dict[str, str]:
    """Make the sockets, threads and kernel of the prepared application.

    Returns:
        The environment variables that ipykernel set.
    """
    from IPython.core.application import BaseIPythonApplication

    folder = make_socket_folder()
    launcher = sys.modules.get("ipykernel_launcher")
    name = getattr(launcher, "__file__", None) or "ipykernel_launcher"
    sys.argv = [name, "-f", f"{folder}/connection.json", *arguments]
    sys.excepthook = app.excepthook
    app.connection_file, app.ip = f"{folder}/connection.json", f"{folder}/k"
    app.init_iopub = partial(init_iopub, app.init_iopub)
    app.init_kernel = partial(init_kernel, app, app.init_kernel)
    with replaced_attribute(BaseIPythonApplication, "initialize", lambda *_: None):
        app.initialize([])
    del app.init_kernel, app.init_iopub
    return {k: v for k, v in os.environ.items() if INITIAL_ENVIRON.get(k) != v}


def shorten_child_search(kernel: Any) -> None:
    """Make the kernel search for its child processes only if it has any.

    When it shuts down, ipykernel looks at all processes of the machine to find them.
    """
    name = "_process_children"
    search = getattr(kernel, name, None)
    if search is not None:
        setattr(kernel, name, lambda: search() if has_children() else [])


def has_children() -> bool:
    """Whether this process has child processes, also ended ones that nobody waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def run_startup_code(app: Any) -> None:
    """Load the extensions and run the startup files that a person configured."""
    del app.init_extensions, app.init_code
    app.init_extensions()
    app.init_code()


def remove_folder(app: Any) -> None:
    """Remove the folder with the kernel's sockets."""
    shutil.rmtree(Path(app.connection_file).parent, ignore_errors=True)


def connection_info(app: Any) -> Message:
    """How a client connects to the kernel, as jupyter_client has it."""
    ports = {
        f"{name}_port": getattr(app, f"{name}_port")
        for name in ("shell", "iopub", "stdin", "hb", "control")
    }
    return {
        **ports,
        "ip": app.ip,
        "transport": app.transport,
        "key": app.session.key.decode(),
        "signature_scheme": app.session.signature_scheme,
    }


def accept_request(
    wire: WireConnection,
    request: Message,
    files: list[int],
    app: Any,
    own_environ: dict[str, str],
) -> None:
    """Do what the client's request says, and reply; or reply why not, and end."""
    try:
        os.chdir(request["cwd"])
    except OSError as error:
        refuse(wire, app, {"refused": str(error), "errno": error.errno})
    try:
        apply_request(request, own_environ, app)
        install_files(files)
        wire.send({"taken": True})
        wire.close()
    except Exception as error:
        refuse(wire, app, {"refused": f"{type(error).__name__}: {error}"})


def refuse(wire: WireConnection, app: Any, reply: Message) -> NoReturn:
    """Reply, and end before this process was a kernel."""
    remove_folder(app)
    with suppress(OSError):
        wire.send(reply)
    os._exit(1)


def apply_request(request: Message, own_environ: dict[str, str], app: Any) -> None:
    """Use the folder, the mask for new files and the environment of the request."""
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environ"])
    for name, value in own_environ.items():
        if not os.environ.get(name):
            os.environ[name] = value
    time.tzset()
    tempfile.tempdir = None
    shell = app.shell
    shell.init_environment()
    shell.starting_dir = request["cwd"]
    folders = shell.user_ns["_dh"]
    folders[:] = [type(folder)(request["cwd"]) for folder in folders]
    shell.user_ns.pop(SESSION_NAME, None)
    if session := os.environ.get("JPY_SESSION_NAME"):
        shell.user_ns[SESSION_NAME] = session


def install_files(files: list[int]) -> None:
    """Watch the lifeline; make the two other files this process's stdout and stderr."""
    lifeline, *outputs = files
    die_with(lifeline)
    for number, name in enumerate(("stdout", "stderr")):
        stream = getattr(sys, name)
        target = getattr(stream, "_original_stdstream_copy", number + 1)
        os.dup2(outputs[number], target, inheritable=target == number + 1)
        os.close(outputs[number])


def die_with(lifeline: int) -> None:
    """Make the system kill this process and its children when the other end is closed.

    The system needs no help of this process: a kernel that executes C code is killed too,
    also when the fork server is gone.
    """
    os.set_inheritable(lifeline, False)
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    kill_if_closed(lifeline)


def kill_if_closed(lifeline: int) -> None:
    """The other end may have been closed before the system watched it."""
    os.set_blocking(lifeline, False)
    with suppress(BlockingIOError):
        if os.read(lifeline, 1) == b"":
            os.killpg(0, signal.SIGKILL)


def finish_control_reply(app: Any) -> None:
    """Let the control thread finish its reply to the shutdown request.

    Otherwise ipykernel 7 closes the socket of the reply, and both wait for seconds.
    """
    thread = getattr(app, "control_thread", None)
    if thread is not None and thread.is_alive():
        is_finished = threading.Event()
        thread.io_loop.add_callback(is_finished.set)
        is_finished.wait(CONTROL_SECONDS)


def exit_kernel(app: Any, code: int) -> NoReturn:
    """End as an interpreter does, but without freeing what the fork server imported."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        free_flow_objects(app)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code)


def free_flow_objects(app: Any) -> None:
    """Finalize the objects of the flow, and write the buffers of its open files."""
    app.shell.user_ns.clear()
    gc.collect()
    for item in gc.get_objects():
        # isinstance() would call code of the flow, if an object is a proxy.
        if issubclass(type(item), WRITABLE_FILES):
            with suppress(OSError, ValueError):
                item.flush()
