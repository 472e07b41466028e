"""Kernels from a fork server for all that uses jupyter_client: JupyterLab, nbclient, papermill.

The entry point `flowkernel-fork` of `jupyter_client.kernel_provisioners`. A kernel that cannot
be forked (another language, another platform, a pipe for its output) is started plainly, and so
is every kernel when the fork server cannot be had, and one that is started again: its clients
know its sockets.
"""

import os
import signal
from logging import getLogger
from subprocess import DEVNULL, PIPE
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Int, List, Unicode

from flowkernel.kernels.process import ForkedProcess
from flowkernel.kernels.recipe import Recipe, recipe_of
from flowkernel.kernels.servers import LINUX, NoForkServer, connect

log = getLogger(__name__)
KNOWN = frozenset(
    {"env", "cwd", "stdout", "stderr", "stdin", "extra_arguments", "kernel_id"}
)


class ForkProvisioner(LocalProvisioner):
    """Takes a kernel that is ready; starts one as everybody does if there is none."""

    preload = List(
        Unicode(), help="Modules to import before a kernel is asked for."
    ).tag(config=True)
    ready = Int(2, min=0, help="Kernels that are kept ready.").tag(config=True)

    _recipe: Recipe | None = None
    _was_launched = False
    _before: dict[str, Any] = {}

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

    def _forkable(self, kwargs: dict[str, Any]) -> Recipe | None:
        km = self.parent
        if (
            not LINUX
            or km is None
            or self._was_launched
            or not KNOWN.issuperset(kwargs)
        ):
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
            try:
                return self._taken(self._recipe, **kwargs)
            except NoForkServer as error:
                log.warning(
                    "a plain kernel is started: there is no fork server: %s", error
                )
                self._recipe = None
                kwargs = await super().pre_launch(**self._before)
                cmd = kwargs.pop("cmd")
        plain: KernelConnectionInfo = await super().launch_kernel(cmd, **kwargs)
        return plain

    def _taken(self, recipe: Recipe, **kwargs: Any) -> KernelConnectionInfo:
        """A kernel that was ready. A fork server may be leaving just now: then of the next."""
        try:
            return self._take(recipe, **kwargs)
        except NoForkServer:
            return self._take(recipe, **kwargs)

    def _take(
        self,
        recipe: Recipe,
        *,
        env: dict[str, str],
        cwd: str | os.PathLike[str] | None = None,
        stdout: Any = None,
        stderr: Any = None,
        **_kwargs: Any,
    ) -> KernelConnectionInfo:
        folder = os.path.abspath(cwd or os.getcwd())
        environ = {**env, "JPY_PARENT_PID": str(os.getpid())}
        line = connect(recipe, environ, folder, ready=self.ready)
        hear, lifeline = os.pipe()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        mask = os.umask(0o077)
        os.umask(mask)
        try:
            outputs = [
                _file(where, nowhere, n + 1) for n, where in enumerate((stdout, stderr))
            ]
            files = (hear, *(file for file in outputs if file is not None))
            line.tell(
                {"take": {"cwd": folder, "environ": environ, "umask": mask}}, files
            )
            message, _ = line.hear()
        except OSError as error:
            message = {"refused": str(error)}
        finally:
            os.close(hear)
            os.close(nowhere)
        if message is None or "pid" not in message:
            os.close(lifeline)
            line.close()
            raise _refusal(message, folder)
        self._adopt(ForkedProcess(message["pid"], line, lifeline), folder)
        connection = message["connection"]
        self.connection_info = {**connection, "key": connection["key"].encode()}
        return self.connection_info

    def _adopt(self, process: ForkedProcess, folder: str) -> None:
        self.process: Any = process
        self.pid = self.pgid = process.pid
        self.cwd: Any = folder

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
        await super().cleanup(restart=restart)


def _file(where: Any, nowhere: int, inherited: int = 0) -> int | None:
    """The file that stdout or stderr is to go to; None: a pipe, which a fork cannot make."""
    if where is None:
        return inherited
    if where == DEVNULL:
        return nowhere
    if where == PIPE:
        return None
    return int(where if isinstance(where, int) else where.fileno())


def _refusal(message: dict[str, Any] | None, folder: str) -> Exception:
    """What a plain start would raise for a folder that is not there; else NoForkServer."""
    told = message or {}
    if told.get("errno") is not None:
        return OSError(told["errno"], os.strerror(told["errno"]), folder)
    return NoForkServer(
        told.get("refused", "it ended, or its kernel did, as it was asked")
    )
