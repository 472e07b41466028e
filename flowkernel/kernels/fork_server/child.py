"""What a fork does to become a kernel: as good as one that was started.

It is made ahead of need: ready, but nobody's, until somebody takes it and says where it is to
work. Runs in the environment of the flow, so: standard library and ipykernel alone.
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

from flowkernel.kernels.fork_server.ipython_config import objection
from flowkernel.kernels.fork_server.wire import Message, WireConnection

FOLDER = "flowkernel-"  #: Begins the name of a kernel's folder; its pid follows.
CONTROL_SECONDS = 1.0  #: How long the answer to a shutdown request may take.
#: Messages that wait in a kernel for a listener that stands still; ZeroMQ would drop them
#: beyond 1,000. Inclusive.
ROOM = 200_000
SESSION = "__session__"  #: ipykernel's name for the notebook's path.
GIVEN = dict(os.environ)  #: Before ipykernel is imported, which adds to it.
FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
INIT = 1  #: To ipykernel this parent means: nobody's end is to be watched.


class CannotFork(Exception):
    """Kernels have to be started plainly. Says why."""


def become_kernel(line: WireConnection, arguments: list[str], app: Any) -> NoReturn:
    """Be a kernel until its end. `line` leads to the fork server, which prepared `app`."""
    forget_parent(line.socket.fileno())
    reseed()
    own = make_app(app, arguments)
    message, files = wait(line, app)
    be_taken(line, message, files, app, own)
    code = 0
    try:
        run_startup_code(app)
        app.start()
    except SystemExit as leaving:
        code = (
            leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
        )
    settle_control(app)
    leave(app, code)


def wait(line: WireConnection, app: Any) -> tuple[Message, list[int]]:
    """Be ready until somebody wants it."""
    with suppress(OSError):
        line.tell({"ready": connection_of(app)})
        message, files = line.hear()
        if message is not None:
            return message, files
    remove_folder(app)  # The fork server is gone: nobody ever will want it.
    os._exit(0)


def forget_parent(kept: int) -> None:
    """Keep nothing of the fork server: no file but one, no handler, no terminal."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    os.setsid()


def reseed() -> None:
    """Let nothing that is drawn at random here be what another fork draws.

    OpenSSL sees to it by itself: it knows a fork by its process id.
    """
    random.seed()
    if (numpy := sys.modules.get("numpy.random")) is not None:
        numpy.seed()
    if (uuid := sys.modules.get("uuid")) is not None:
        uuid._node = uuid._last_timestamp = None  # type: ignore[attr-defined]
    if (processes := sys.modules.get("multiprocessing.process")) is not None:
        processes.current_process().authkey = os.urandom(32)


def prepared(arguments: list[str]) -> Any:
    """The kernel's application, as far as it can be made once for all forks.

    Its configuration is read and its shell is there; sockets, threads and history are not.
    What a person wrote to be run as a kernel starts waits until it is somebody's.

    Raises:
        CannotFork: The person's configuration has to be read by each kernel.
    """
    from ipykernel.kernelapp import IPKernelApp
    from IPython.core.application import BaseIPythonApplication

    app = IPKernelApp.instance()
    asked = [*arguments, "--transport=ipc", f"--IPKernelApp.parent_handle={INIT}"]
    hook = sys.excepthook
    BaseIPythonApplication.initialize(app, asked)
    sys.excepthook = hook
    if (reason := objection(app)) is not None:
        raise CannotFork(reason)
    prepare_shell(app)
    app.init_extensions = app.init_code = lambda: None
    return app


def prepare_shell(app: Any) -> None:
    """Make the shell that the kernel will find: it is half of what a kernel is made of."""
    from ipykernel.compiler import XCachingCompiler

    kernel_class = app.kernel_class
    shell_class = kernel_class.shell_class.default_value
    given = getattr(kernel_class, "compiler_class", None)  # Not in ipykernel 6.
    with replaced(shell_class, "init_history", lambda _shell: None):
        shell = shell_class.instance(
            parent=app,
            profile_dir=app.profile_dir,
            compiler_class=given.default_value if given else XCachingCompiler,
        )
    atexit.unregister(shell.atexit_operations)  # Not when the fork server ends.


def init_iopub(make: Callable[[Any], None], context: Any) -> None:
    """Make the socket for output, with room for what a busy machine cannot take in yet."""
    import zmq

    context.setsockopt(zmq.SNDHWM, ROOM)  # Of the sockets that it makes.
    make(context)


def init_kernel(app: Any, make: Callable[[], None]) -> None:
    """Make the kernel, which finds the shell, and let that be its own."""
    make()
    kernel, shell = app.kernel, app.kernel.shell
    shell.parent = shell.kernel = kernel
    shell.init_history()
    shell.init_user_ns()  # In, Out and _dh are of the history.
    shell.save_sys_module_state()
    atexit.register(shell.atexit_operations)
    know_children(kernel)


@contextmanager
def replaced(owner: type, name: str, value: Any) -> Iterator[None]:
    """Let a class have another attribute for a while."""
    before = vars(owner).get(name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


def make_app(app: Any, arguments: list[str]) -> dict[str, str]:
    """Make the prepared application that of a kernel; what it put into the environment."""
    from IPython.core.application import BaseIPythonApplication

    folder = tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-")
    launcher = sys.modules.get("ipykernel_launcher")
    name = getattr(launcher, "__file__", None) or "ipykernel_launcher"
    sys.argv = [name, "-f", f"{folder}/connection.json", *arguments]
    sys.excepthook = app.excepthook
    app.connection_file, app.ip = f"{folder}/connection.json", f"{folder}/k"
    app.init_iopub = partial(init_iopub, app.init_iopub)
    app.init_kernel = partial(init_kernel, app, app.init_kernel)
    with replaced(BaseIPythonApplication, "initialize", lambda *_: None):
        app.initialize([])
    del app.init_kernel, app.init_iopub
    return {k: v for k, v in os.environ.items() if GIVEN.get(k) != v}


def know_children(kernel: Any) -> None:
    """Let it look for its children only if it has any.

    As it shuts down, ipykernel walks through all processes of the machine to find them.
    """
    find = getattr(kernel, "_process_children", None)
    if find is not None:
        kernel._process_children = lambda: find() if has_children() else []


def has_children() -> bool:
    """Whether this process has any, alive or waiting to be reaped."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def run_startup_code(app: Any) -> None:
    """Load the extensions and run the startup files of the person whose kernel it is."""
    del app.init_extensions, app.init_code
    app.init_extensions()
    app.init_code()


def remove_folder(app: Any) -> None:
    """Remove the folder with its sockets."""
    shutil.rmtree(Path(app.connection_file).parent, ignore_errors=True)


def connection_of(app: Any) -> Message:
    """How to reach it."""
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


def be_taken(
    line: WireConnection,
    asked: Message,
    files: list[int],
    app: Any,
    own: dict[str, str],
) -> None:
    """Belong to whoever asked; or tell why that is impossible, and end."""
    try:
        os.chdir(asked["cwd"])
    except OSError as error:
        refuse(line, app, {"refused": str(error), "errno": error.errno})
    try:
        settle(asked, own, app)
        take_files(files)
        line.tell({"taken": True})
        line.close()
    except Exception as error:
        refuse(line, app, {"refused": f"{type(error).__name__}: {error}"})


def refuse(line: WireConnection, app: Any, message: Message) -> NoReturn:
    """End before it was a kernel."""
    remove_folder(app)
    with suppress(OSError):
        line.tell(message)
    os._exit(1)


def settle(asked: Message, own: dict[str, str], app: Any) -> None:
    """Take on the environment and the manners of whoever took it."""
    os.umask(asked["umask"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    for name, value in own.items():
        if not os.environ.get(name):
            os.environ[name] = value
    time.tzset()
    tempfile.tempdir = None
    shell = app.shell
    shell.init_environment()
    shell.starting_dir = asked["cwd"]
    places = shell.user_ns["_dh"]
    places[:] = [type(place)(asked["cwd"]) for place in places]
    shell.user_ns.pop(SESSION, None)
    if session := os.environ.get("JPY_SESSION_NAME"):
        shell.user_ns[SESSION] = session


def take_files(files: list[int]) -> None:
    """The lifeline, and where stdout and stderr of the process itself are to go."""
    lifeline, *outputs = files
    die_with(lifeline)
    for number, name in enumerate(("stdout", "stderr")):
        place = getattr(getattr(sys, name), "_original_stdstream_copy", number + 1)
        os.dup2(outputs[number], place, inheritable=place == number + 1)
        os.close(outputs[number])


def die_with(lifeline: int) -> None:
    """Have the system kill this process and its children when the other end closes.

    It does not ask this process: a kernel in the midst of C code dies all the same, and
    also when the fork server is gone.
    """
    os.set_inheritable(lifeline, False)
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    poll_now(lifeline)


def poll_now(lifeline: int) -> None:
    """It may have closed before anybody listened."""
    os.set_blocking(lifeline, False)
    try:
        if os.read(lifeline, 1) == b"":
            os.killpg(0, signal.SIGKILL)
    except BlockingIOError:
        pass


def settle_control(app: Any) -> None:
    """Let the control thread finish its answer to the shutdown request.

    Otherwise ipykernel 7 closes the socket it answers on, and both wait for seconds.
    """
    thread = getattr(app, "control_thread", None)
    if thread is not None and thread.is_alive():
        is_done = threading.Event()
        thread.io_loop.add_callback(is_done.set)
        is_done.wait(CONTROL_SECONDS)


def leave(app: Any, code: int) -> NoReturn:
    """End as an interpreter does, but do not take down what the fork server built."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        let_go(app)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code)


def let_go(app: Any) -> None:
    """Finalize what the flow made, and write what its open files hold."""
    app.shell.user_ns.clear()
    gc.collect()
    for thing in gc.get_objects():
        if issubclass(
            type(thing), FILES
        ):  # isinstance() would ask proxies of the flow.
            with suppress(OSError, ValueError):
                thing.flush()
