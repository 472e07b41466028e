"""Kernels from a fork server, for every program that uses jupyter_client.

Such as JupyterLab, nbclient and papermill. This is the entry point `flowkernel-fork` of
`jupyter_client.kernel_provisioners`. A kernel that cannot be forked (another language, another
platform, a pipe for its output) is started plainly. So is every kernel if there can be no fork
server, and a kernel that is restarted, as its clients know its sockets.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from logging import getLogger
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Bool, Enum, Int, List, Unicode, default

from flowkernel.config import Config, load_config
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.per_process import PerProcess
from flowkernel.home import find_home
from flowkernel.kernels.fork_server.socket_folders import mark_in_use
from flowkernel.kernels.fork_server.wire import Message, WireConnection
from flowkernel.kernels.fork_servers import LINUX, NoForkServer, connect, suspend
from flowkernel.kernels.kernel_process import ForkedProcess
from flowkernel.kernels.server_environment import umask
from flowkernel.kernels.server_key import KernelCommand, forkable_command

log = getLogger(__name__)
#: The arguments of a launch that a fork can do the same with as a plain start.
SUPPORTED_ARGUMENTS = frozenset(
    {"env", "cwd", "stdout", "stderr", "stdin", "extra_arguments", "kernel_id"}
)
PLAIN_WARNING = "a plain kernel is started: there is no fork server: %s"
#: A fork server may take a second to start. The caller's event loop continues meanwhile.
_threads = PerProcess(
    partial(ThreadPoolExecutor, max_workers=16, thread_name_prefix="flowkernel-fork")
)


class ForkProvisioner(LocalProvisioner):
    """Takes a kernel that is ready; if there is none, it starts one plainly.

    What the kernelspec does not set comes from the configuration of the current home.
    """

    kernel = Enum(
        ["fork", "plain"], help="Whether kernels are forked or started plainly."
    ).tag(config=True)
    preload = List(Unicode(), help="Modules to import before kernels are forked.").tag(
        config=True
    )
    ready = Int(min=0, help="How many kernels are kept ready.").tag(config=True)
    starts = Bool(
        True, help="Start a fork server if there is none, and wait for it."
    ).tag(config=True)
    blocks = Bool(
        False, help="Take a kernel without a thread: the event loop has nothing else."
    ).tag(config=True)

    _command: KernelCommand | None = None  #: None: the kernel is started plainly.
    _was_launched = False
    _launch_arguments: dict[str, Any] = {}
    _folder: Path | None = None  #: With the sockets of a forked kernel.
    #: The language of a forked kernel, as its reply to `kernel_info` has it; None: it did not
    #: say, because it is none, or its fork server is of an older version.
    language_info: dict[str, Any] | None = None

    @default("kernel")
    def _default_kernel(self) -> str:
        return self._settings.kernel

    @default("preload")
    def _default_preload(self) -> list[str]:
        return list(self._settings.preload)

    @default("ready")
    def _default_ready(self) -> int:
        return self._settings.ready_kernels

    @cached_property
    def _settings(self) -> Config:
        try:
            return load_config(find_home().path)
        except (FlowkernelError, OSError) as error:
            log.warning("kernels start as by default: %s", error)
            return Config()

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Decide whether the kernel can be forked. Writes no connection file then."""
        self._command = self._forkable_command(kwargs)
        self._was_launched = True
        arguments: dict[str, Any]
        if self._command is None:
            arguments = await super().pre_launch(**kwargs)
            return arguments
        self._launch_arguments = dict(kwargs)
        kwargs.pop("extra_arguments", None)
        arguments = await KernelProvisionerBase.pre_launch(self, cmd=[], **kwargs)
        return arguments

    def _forkable_command(self, kwargs: dict[str, Any]) -> KernelCommand | None:
        km = self.parent
        if not LINUX or km is None or self._was_launched or self.kernel == "plain":
            return None
        if not SUPPORTED_ARGUMENTS.issuperset(kwargs):
            return None
        if getattr(km, "transport_encryption", "disabled") == "required":
            return None
        outputs = (kwargs.get(name) for name in ("stdout", "stderr"))
        if any(_output_file(output, null=0) is None for output in outputs):
            return None
        argv = km.format_kernel_cmd(extra_arguments=kwargs.get("extra_arguments", []))
        return forkable_command(argv, tuple(self.preload))

    async def launch_kernel(
        self, cmd: list[str], **kwargs: Any
    ) -> KernelConnectionInfo:
        """Take a kernel that is ready, or start one plainly."""
        if self._command is not None:
            take = partial(self._take_or_retry, self._command, **kwargs)
            try:
                return take() if self.blocks else await _in_thread(take)
            except NoForkServer as error:
                if self.starts:
                    log.warning(PLAIN_WARNING, error)
            self._command = None
            kwargs = await super().pre_launch(**self._launch_arguments)
            cmd = kwargs.pop("cmd")
        info: KernelConnectionInfo = await super().launch_kernel(cmd, **kwargs)
        return info

    def _take_or_retry(
        self, command: KernelCommand, **kwargs: Any
    ) -> KernelConnectionInfo:
        """Take a kernel; try again once, as a fork server may be about to end."""
        try:
            return self._take(command, **kwargs)
        except NoForkServer:
            return self._take(command, **kwargs)

    def _take(
        self,
        command: KernelCommand,
        *,
        env: Mapping[str, str],
        cwd: str | os.PathLike[str] | None = None,
        stdout: Any = None,
        stderr: Any = None,
        **_kwargs: Any,
    ) -> KernelConnectionInfo:
        folder = os.fsdecode(os.path.abspath(cwd or _current_folder()))
        environ = {os.fsdecode(k): os.fsdecode(v) for k, v in env.items()}
        environ["JPY_PARENT_PID"] = str(os.getpid())
        wire = connect(command, environ, folder, ready=self.ready, starts=self.starts)
        request = {"cwd": folder, "environ": environ, "umask": umask()}
        reply, lifeline = _request_with_files(wire, request, stdout, stderr)
        self._adopt(_watched_process(reply["pid"], wire, lifeline), folder)
        connection = reply["connection"]
        self.language_info = reply.get("language_info")
        self._folder = Path(connection["ip"]).parent
        self.connection_info = {**connection, "key": connection["key"].encode()}
        return self.connection_info

    def _adopt(self, process: ForkedProcess, folder: str) -> None:
        self.process: Any = process
        self.pid = self.pgid = process.pid
        self.cwd: Any = folder

    async def post_launch(self, **kwargs: Any) -> None:
        """Write the connection file, as other programs may look for it."""
        if self._command is not None:
            environ = kwargs.get("env", {})
            session = environ.get("JPY_SESSION_NAME", "")
            self.parent.write_connection_file(jupyter_session=session)
        await super().post_launch(**kwargs)

    async def send_signal(self, signum: int) -> None:
        """Send the kernel and its children a signal."""
        if isinstance(self.process, ForkedProcess):
            self.process.send_signal(signal.Signals(signum))
        else:
            await super().send_signal(signum)

    async def cleanup(self, restart: bool = False) -> None:
        """Close what belongs to the kernel, and remove the folder of its sockets."""
        if isinstance(self.process, ForkedProcess):
            self.process.close()
        if self._folder is not None and restart:
            mark_in_use(self._folder)
        elif self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        await super().cleanup(restart=restart)


async def _in_thread(
    take: Callable[[], KernelConnectionInfo],
) -> KernelConnectionInfo:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads.get(), take)


def _current_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise NoForkServer("this folder is no longer there") from error


def _output_file(target: Any, null: int, inherited: int = 0) -> int | None:
    """The file for stdout or stderr; None: a pipe, which a fork cannot make.

    Args:
        target: As for `subprocess.Popen`.
        null: The file for output that is thrown away.
        inherited: The file of this process.
    """
    if target is None:
        return inherited
    if target == DEVNULL:
        return null
    if target in (PIPE, STDOUT):
        return None
    return int(target if isinstance(target, int) else target.fileno())


def _request_with_files(
    wire: WireConnection, request: Message, stdout: Any, stderr: Any
) -> tuple[Message, int]:
    """Request a kernel with these outputs: the reply, and our end of its lifeline.

    If that fails, the connection is closed. Raises as `_request`.
    """
    kernel_end, lifeline = os.pipe()
    null = os.open(os.devnull, os.O_WRONLY)
    outputs = (_output_file(stdout, null, 1), _output_file(stderr, null, 2))
    files = (kernel_end, *(file for file in outputs if file is not None))
    try:
        return _request(wire, request, files), lifeline
    except BaseException:
        os.close(lifeline)
        wire.close()
        raise
    finally:
        os.close(kernel_end)
        os.close(null)


def _watched_process(pid: int, wire: WireConnection, lifeline: int) -> ForkedProcess:
    try:
        return ForkedProcess(pid, wire, lifeline)
    except (OSError, AttributeError) as error:  # It has closed the two.
        raise NoForkServer(f"its kernel cannot be watched: {error!r}") from error


def _request(wire: WireConnection, request: Message, files: tuple[int, ...]) -> Message:
    """The fork server's reply about the kernel that it gives: `pid` and `connection`.

    Raises:
        OSError: The folder does not exist; as for a plain start.
        NoForkServer: It gives none.
    """
    try:
        wire.send({"take": request}, files)
        reply, _ = wire.receive()
    except TimeoutError as error:
        suspend(wire, str(error))
        raise NoForkServer(str(error)) from error
    except OSError as error:
        raise NoForkServer(str(error)) from error
    reply = reply or {"refused": "it ended, or its kernel did, during the request"}
    if (number := reply.get("errno")) is not None:
        raise OSError(number, os.strerror(number), request["cwd"])
    if "pid" not in reply:
        raise NoForkServer(reply.get("refused", "its kernel ended during the request"))
    return reply
