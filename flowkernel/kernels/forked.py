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
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from flowkernel.kernels.wire import Line, Message

FOLDER = "flowkernel-"  #: Begins the name of a kernel's folder; its pid follows.
CONTROL_SECONDS = 1.0  #: How long the answer to a shutdown request may take.
SESSION = "__session__"  #: ipykernel's name for the notebook's path.
GIVEN = dict(os.environ)  #: Before ipykernel is imported, which adds to it.
FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
INIT = 1  #: To ipykernel this parent means: nobody's end is to be watched.


def become_kernel(line: Line, arguments: list[str], config: Any) -> NoReturn:
    """Be a kernel until its end. `line` leads to the fork server."""
    forget_parent(line.socket.fileno())
    reseed()
    app, own = make_app(arguments, config)
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


def wait(line: Line, app: Any) -> tuple[Message, list[int]]:
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


def parsed(arguments: list[str]) -> Any:
    """What the arguments of a kernel mean to it, understood once for all forks."""
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp()
    app.parse_command_line(
        [*arguments, "--transport=ipc", f"--IPKernelApp.parent_handle={INIT}"]
    )
    return app.cli_config


def make_app(arguments: list[str], config: Any) -> tuple[Any, dict[str, str]]:
    """The kernel's application, and what it put into the environment.

    `config` is what `parsed` made of the arguments: understanding them again would take
    time, and copy pages that the forks share. What a person wrote to be run as a kernel
    starts waits until it is somebody's.
    """
    from ipykernel.kernelapp import IPKernelApp

    folder = tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-")
    launcher = sys.modules.get("ipykernel_launcher")
    name = getattr(launcher, "__file__", None) or "ipykernel_launcher"
    sys.argv = [name, "-f", f"{folder}/connection.json", *arguments]
    app = IPKernelApp.instance()
    app.cli_config = config
    app.parse_command_line = lambda _argv=None: app.update_config(config)
    app.init_extensions = app.init_code = lambda: None
    app.connection_file, app.ip = f"{folder}/connection.json", f"{folder}/k"
    app.initialize([])
    return app, {k: v for k, v in os.environ.items() if GIVEN.get(k) != v}


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
    line: Line, asked: Message, files: list[int], app: Any, own: dict[str, str]
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


def refuse(line: Line, app: Any, message: Message) -> NoReturn:
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
        os.dup2(outputs[number], place, inheritable=False)
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
