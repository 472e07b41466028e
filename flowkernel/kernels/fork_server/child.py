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
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from flowkernel.core.open_files import restore_limit
from flowkernel.kernels.fork_server.kernel_app import complete_app
from flowkernel.kernels.fork_server.wire import Message, WireConnection

CONTROL_SECONDS = 1.0  #: How long the reply to a shutdown request may take.
SESSION_NAME = "__session__"  #: ipykernel's variable for the path of the notebook.
WRITABLE_FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


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
        wire.send({"ready": description(app)})
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


def run_startup_code(app: Any) -> None:
    """Load the extensions and run the startup files that a person configured."""
    del app.init_extensions, app.init_code
    app.init_extensions()
    app.init_code()


def remove_folder(app: Any) -> None:
    """Remove the folder with the kernel's sockets."""
    shutil.rmtree(Path(app.connection_file).parent, ignore_errors=True)


def description(app: Any) -> Message:
    """What the owner of the kernel needs to know of it, besides its process."""
    language_info = app.kernel.language_info
    return {"connection": connection_info(app), "language_info": language_info}


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
    items = gc.get_objects()
    # isinstance() would call code of the flow, if an object is a proxy.
    types = {kind for kind in set(map(type, items)) if issubclass(kind, WRITABLE_FILES)}
    for item in items if types else ():
        if type(item) in types:
            with suppress(OSError, ValueError):
                item.flush()
