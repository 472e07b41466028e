"""ipykernel's application: prepared once in the fork server, completed in each fork.

What a fork changes, it copies, and a reference to an object is such a change. So what can be
made before the fork is made there, and nothing looks through all modules after it.
"""

import atexit
import gc
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

from flowkernel.kernels.fork_server.ipython_config import reason_against_fork
from flowkernel.kernels.fork_server.socket_folders import make_socket_folder

#: Messages that a kernel keeps for a client that does not read, inclusive. ZeroMQ by itself
#: drops messages beyond 1,000.
MAX_QUEUED_MESSAGES = 200_000
#: The environment variables before ipykernel is imported, which adds some.
INITIAL_ENVIRON = dict(os.environ)
#: As the parent's process id it makes ipykernel not watch for the end of a parent.
INIT_PID = 1
NO_FILE = ":memory:"  #: IPython's name for a history that is in no file.


class CannotFork(Exception):
    """Kernels must be started plainly. The text says why."""


def prepare_app(arguments: list[str]) -> Any:
    """The kernel's application, as far as it can be made once for all forks.

    Its configuration is read, its shell and its session are made, and so is a history that
    is in no file; sockets and threads are not. A person's startup code is not run before a
    client has taken the kernel.

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
    app.log.setLevel(app.log_level)  # Else it makes records that no handler takes.
    app.session.key  # noqa: B018  Made here; `renew_session` replaces what is secret.
    tempfile.gettempdir()  # It tries a file.
    prepare_shell(app)
    app.init_extensions = app.init_code = lambda: None
    app.init_kernel = partial(init_kernel, app, app.init_kernel, module_files())
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
    if app.config.get("HistoryManager", {}).get("hist_file") == NO_FILE:
        prepare_history(shell)


def prepare_history(shell: Any) -> None:
    """Make a history in memory: it has no file and no thread. Its session begins later."""
    from IPython.core.history import HistoryManager

    with replaced_attribute(HistoryManager, "new_session", lambda _history: None):
        shell.init_history()


def begin_history(shell: Any) -> None:
    """Begin a session of the history; make the history, if it was not prepared."""
    history = getattr(shell, "history_manager", None)
    if history is None:
        shell.init_history()
    elif history.enabled:
        history.new_session()


def module_files() -> list[str]:
    """The files of all modules, which debuggers do not step into."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return [file for file in files if file]


class SysWithoutModules:
    """`sys`, as if no module were imported."""

    modules: Mapping[str, ModuleType] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def init_iopub(make: Callable[[Any], None], context: Any) -> None:
    """Make the socket for output, with a queue for clients that read slowly."""
    import zmq

    context.setsockopt(zmq.SNDHWM, MAX_QUEUED_MESSAGES)  # For the sockets it makes.
    make(context)


def init_kernel(app: Any, make: Callable[[], None], files: list[str]) -> None:
    """Make the kernel, which finds the shell that is there, and connect the two.

    By itself it looks for the files of all modules.
    """
    from ipykernel import ipkernel

    with replaced_attribute(ipkernel, "sys", SysWithoutModules()):
        make()
    kernel, shell = app.kernel, app.kernel.shell
    debugger = getattr(kernel, "debugger", None)
    for owner, name in ((kernel, "_kernel_modules"), (debugger, "kernel_modules")):
        if hasattr(owner, name):  # ipykernel 6 has neither.
            setattr(owner, name, files)
    shell.parent = shell.kernel = kernel
    begin_history(shell)
    shell.init_user_ns()  # In, Out and _dh come from the history.
    shell.save_sys_module_state()
    atexit.register(shell.atexit_operations)
    shorten_child_search(kernel)


@contextmanager
def replaced_attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute of a class or a module for a while."""
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

    gc.disable()  # What is made here stays.
    folder = make_socket_folder()
    launcher = sys.modules.get("ipykernel_launcher")
    name = getattr(launcher, "__file__", None) or "ipykernel_launcher"
    sys.argv = [name, "-f", f"{folder}/connection.json", *arguments]
    sys.excepthook = app.excepthook
    app.connection_file, app.ip = f"{folder}/connection.json", f"{folder}/k"
    renew_session(app.session)
    app.init_iopub = partial(init_iopub, app.init_iopub)
    with replaced_attribute(BaseIPythonApplication, "initialize", lambda *_: None):
        app.initialize([])
    del app.init_kernel, app.init_iopub
    gc.freeze()
    gc.enable()
    return {k: v for k, v in os.environ.items() if INITIAL_ENVIRON.get(k) != v}


def renew_session(session: Any) -> None:
    """Give this process's messages a key and a name that no other fork has."""
    session.key = secrets.token_hex(16).encode()
    session.session = secrets.token_hex(16)
    session.pid = os.getpid()


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
