"""Kernels from a fork server for all that uses jupyter_client: JupyterLab, nbclient, papermill.

The entry point `flowkernel-fork` of `jupyter_client.kernel_provisioners`. A kernel that cannot
be forked (another language, another platform, a pipe for its output) is started plainly, and so
is every kernel when the fork server cannot be had, and one that is started again: its clients
know its sockets.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping
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
from flowkernel.home import find_home
from flowkernel.kernels.fork_server.socket_folders import keep
from flowkernel.kernels.fork_server.wire import Message, WireConnection
from flowkernel.kernels.fork_servers import LINUX, NoForkServer, connect, give_up
from flowkernel.kernels.kernel_process import ForkedProcess
from flowkernel.kernels.server_environment import umask
from flowkernel.kernels.server_key import KernelCommand, recipe_of

log = getLogger(__name__)
KNOWN = frozenset(
    {"env", "cwd", "stdout", "stderr", "stdin", "extra_arguments", "kernel_id"}
)
NONE = "a plain kernel is started: there is no fork server: %s"
#: A fork server may take a second to start: whoever has an event loop goes on meanwhile.
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="flowkernel-fork")


class ForkProvisioner(LocalProvisioner):
    """Takes a kernel that is ready; starts one as everybody does if there is none.

    What the kernelspec does not set comes from the configuration of the home that is used here.
    """

    kernel = Enum(["fork", "plain"], help="Whether it is forked at all.").tag(
        config=True
    )
    preload = List(
        Unicode(), help="Modules to import before a kernel is asked for."
    ).tag(config=True)
    ready = Int(min=0, help="Kernels that are kept ready.").tag(config=True)
    starts = Bool(
        True, help="Start a fork server if there is none, and wait for it."
    ).tag(config=True)

    _recipe: KernelCommand | None = None
    _was_launched = False
    _before: dict[str, Any] = {}
    _folder: Path | None = None

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
        """Find out whether it can be forked; nothing is written then."""
        self._recipe = self._forkable(kwargs)
        self._was_launched = True
        if self._recipe is None:
            plain: dict[str, Any] = await super().pre_launch(**kwargs)
            return plain
        self._before = dict(kwargs)
        kwargs.pop("extra_arguments", None)
        told: dict[str, Any] = await KernelProvisionerBase.pre_launch(
            self, cmd=[], **kwargs
        )
        return told

    def _forkable(self, kwargs: dict[str, Any]) -> KernelCommand | None:
        km = self.parent
        if not LINUX or km is None or self._was_launched or self.kernel == "plain":
            return None
        if not KNOWN.issuperset(kwargs):
            return None
        if getattr(km, "transport_encryption", "disabled") == "required":
            return None
        if any(_file(kwargs.get(name), 0) is None for name in ("stdout", "stderr")):
            return None
        command = km.format_kernel_cmd(
            extra_arguments=kwargs.get("extra_arguments", [])
        )
        return recipe_of(command, tuple(self.preload))

    async def launch_kernel(
        self, cmd: list[str], **kwargs: Any
    ) -> KernelConnectionInfo:
        """Take a kernel, or start one."""
        if self._recipe is not None:
            take = partial(self._taken, self._recipe, **kwargs)
            try:
                return await asyncio.get_running_loop().run_in_executor(_threads, take)
            except NoForkServer as error:
                if self.starts:
                    log.warning(NONE, error)
            self._recipe = None
            kwargs = await super().pre_launch(**self._before)
            cmd = kwargs.pop("cmd")
        plain: KernelConnectionInfo = await super().launch_kernel(cmd, **kwargs)
        return plain

    def _taken(self, recipe: KernelCommand, **kwargs: Any) -> KernelConnectionInfo:
        """A kernel that was ready. A fork server may be leaving just now: then of the next."""
        try:
            return self._take(recipe, **kwargs)
        except NoForkServer:
            return self._take(recipe, **kwargs)

    def _take(
        self,
        recipe: KernelCommand,
        *,
        env: Mapping[str, str],
        cwd: str | os.PathLike[str] | None = None,
        stdout: Any = None,
        stderr: Any = None,
        **_kwargs: Any,
    ) -> KernelConnectionInfo:
        folder = os.fsdecode(os.path.abspath(cwd or _here()))
        environ = {os.fsdecode(k): os.fsdecode(v) for k, v in env.items()}
        environ["JPY_PARENT_PID"] = str(os.getpid())
        line = connect(recipe, environ, folder, ready=self.ready, starts=self.starts)
        asked = {"cwd": folder, "environ": environ, "umask": umask()}
        hear, lifeline = os.pipe()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        outputs = [_file(where, nowhere, n) for where, n in ((stdout, 1), (stderr, 2))]
        files = (hear, *(file for file in outputs if file is not None))
        try:
            message = _answer(line, asked, files, folder)
        except BaseException:
            os.close(lifeline)
            line.close()
            raise
        finally:
            os.close(hear)
            os.close(nowhere)
        try:
            process = ForkedProcess(message["pid"], line, lifeline)
        except (OSError, AttributeError) as error:  # Its files are closed with it.
            raise NoForkServer(f"its kernel cannot be watched: {error!r}") from error
        self._adopt(process, folder)
        connection = message["connection"]
        self._folder = Path(connection["ip"]).parent
        self.connection_info = {**connection, "key": connection["key"].encode()}
        return self.connection_info

    def _adopt(self, process: ForkedProcess, folder: str) -> None:
        self.process: Any = process
        self.pid = self.pgid = process.pid
        self.cwd: Any = folder

    async def post_launch(self, **kwargs: Any) -> None:
        """Write the connection file, as others may look for it."""
        if self._recipe is not None:
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
        """Let go of it."""
        if isinstance(self.process, ForkedProcess):
            self.process.close()
        if self._folder is not None and restart:
            keep(self._folder)
        elif self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        await super().cleanup(restart=restart)


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise NoForkServer("this folder is no longer there") from error


def _file(where: Any, nowhere: int, inherited: int = 0) -> int | None:
    """The file that stdout or stderr is to go to; None: a pipe, which a fork cannot make."""
    if where is None:
        return inherited
    if where == DEVNULL:
        return nowhere
    if where in (PIPE, STDOUT):
        return None
    return int(where if isinstance(where, int) else where.fileno())


def _answer(
    line: WireConnection, asked: Message, files: tuple[int, ...], folder: str
) -> Message:
    """What the fork server says of the kernel it gives.

    Raises:
        OSError: As a plain start would, for a folder that is not there.
        NoForkServer: It gives none.
    """
    try:
        line.tell({"take": asked}, files)
        told, _ = line.hear()
    except TimeoutError as error:
        give_up(line, str(error))
        raise NoForkServer(str(error)) from error
    except OSError as error:
        raise NoForkServer(str(error)) from error
    message = told or {"refused": "it ended, or its kernel did, as it was asked"}
    if message.get("errno") is not None:
        number = message["errno"]
        raise OSError(number, os.strerror(number), folder)
    if "pid" not in message:
        raise NoForkServer(message.get("refused", "its kernel ended as it was taken"))
    return message
