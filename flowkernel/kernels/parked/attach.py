"""A parked kernel as an ordinary kernel of JupyterLab: attached, not started.

This is the entry point `flowkernel-attach` of `jupyter_client.kernel_provisioners`. Where
others start a kernel, it returns the connection of a kernel that runs. To shut the kernel down
in JupyterLab only detaches from it: a person may still decide on its execution, or has asked
to keep it. To restart it attaches again.
"""

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo, port_names
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Unicode
from traitlets.config import Config

from flowkernel.home import find_home
from flowkernel.kernels.fork_server.socket_folders import make_socket_folder
from flowkernel.kernels.parked.registry import ParkedKernel, find_parked, is_parked

NAME = "flowkernel-attach"  #: Of the provisioner.
#: How the name of a kernelspec begins; the execution's id follows.
PREFIX = f"{NAME}-"
POLL_SECONDS = 0.2  #: Between two checks whether the kernel has ended.


class AttachProvisioner(KernelProvisionerBase):
    """Attaches to a kernel that is parked."""

    execution = Unicode(help="The id of the execution.").tag(config=True)
    home = Unicode(help="Its home; default: that of this folder.").tag(config=True)

    _kernel: ParkedKernel | None = None  #: None: not attached, or detached again.
    _folder: Path | None = None  #: With our links to its sockets.

    @property
    def has_process(self) -> bool:
        """Whether it is attached to a kernel."""
        return self._kernel is not None

    @property
    def pid(self) -> int | None:
        """The process id of the kernel."""
        return self._kernel.pid if self._kernel is not None else None

    async def poll(self) -> int | None:
        """None while the kernel runs, which may be longer than it is parked."""
        return None if self._kernel is not None and self._kernel.is_alive else 0

    async def wait(self) -> int | None:
        """Wait until the kernel ends, or until `kill` detaches from it."""
        # Not every system reports the end of a process that is not a child.
        while await self.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        return 0

    async def send_signal(self, signum: int) -> None:
        """Interrupt the kernel, if it is parked: not when its flow has resumed.

        Other signals, which would end it, are not sent.
        """
        kernel = self._kernel
        if signum != signal.SIGINT or kernel is None or not kernel.is_alive:
            return
        if is_parked(self._home, kernel.execution_id):
            with suppress(OSError):
                os.killpg(kernel.pid, signum)

    async def kill(self, restart: bool = False) -> None:
        """Detach from the kernel, which stays."""
        self._kernel = None

    async def terminate(self, restart: bool = False) -> None:
        """Detach from the kernel, which stays."""
        self._kernel = None

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Do not wait for its end: the kernel refuses to shut down (`guest_access`)."""
        self._kernel = None

    async def cleanup(self, restart: bool = False) -> None:
        """Remove our links to its sockets."""
        if self._folder is not None and not restart:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Find the parked kernel.

        Raises:
            NotParked: It is not parked, or no longer.
            BadArgument: Several executions have such an id.
        """
        self._kernel = find_parked(self._home, self.execution)
        self._disable_restarts()
        self.connection_info = self._link_sockets(self._kernel.connection)
        arguments: dict[str, Any] = await super().pre_launch(cmd=[], **kwargs)
        return arguments

    async def launch_kernel(
        self, cmd: list[str], **kwargs: Any
    ) -> KernelConnectionInfo:
        """How to connect to the kernel."""
        return self.connection_info

    def _link_sockets(self, connection: dict[str, Any]) -> dict[str, Any]:
        """Its connection, by links of our own: jupyter_client removes the paths it used."""
        info = {**connection, "key": connection["key"].encode()}
        if connection["transport"] != "ipc":
            return info
        if self._folder is None:
            self._folder = make_socket_folder()
        for port in (connection[name] for name in port_names):
            link = self._folder / f"k-{port}"
            link.unlink(missing_ok=True)
            link.symlink_to(f"{connection['ip']}-{port}")
        return {**info, "ip": str(self._folder / "k")}

    def _disable_restarts(self) -> None:
        """Make jupyter_client report the kernel as dead when it ends, not restart it."""
        if self.parent is not None:
            limit = {"KernelRestarter": {"restart_limit": 0}}
            self.parent.update_config(Config(limit))

    @property
    def _home(self) -> Path:
        return Path(self.home) if self.home else find_home().path


class ParkedSpecs(KernelSpecManager):
    """Has a kernelspec for each parked kernel, besides those that are installed."""

    home = Unicode(help="The home; default: that of this folder.").tag(config=True)

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernelspec of this name: `flowkernel-attach-` and the id of an execution."""
        if not kernel_name.startswith(PREFIX):
            spec: KernelSpec = super().get_kernel_spec(kernel_name)
            return spec
        kernel = find_parked(self.folder, kernel_name.removeprefix(PREFIX))
        return spec_of(self.folder, kernel)

    @property
    def folder(self) -> Path:
        """The folder of the home."""
        return Path(self.home) if self.home else find_home().path


def spec_of(home: Path, kernel: ParkedKernel) -> KernelSpec:
    """The kernelspec that attaches to a parked kernel. Its metadata has the notebook."""
    config = {"execution": kernel.execution_id, "home": str(home)}
    state = "ended" if kernel.has_ended else "failed"
    return KernelSpec(
        argv=[],
        display_name=f"{kernel.name} ({state}, with its variables)",
        language="python",
        metadata={
            "kernel_provisioner": {"provisioner_name": NAME, "config": config},
            "flowkernel": {
                "execution_id": kernel.execution_id,
                "notebook": kernel.notebook,
            },
        },
    )


def manager_of(execution_id: str, *, home: Path | None = None) -> KernelManager:
    """A manager whose `start_kernel()` attaches to the parked kernel of an execution.

    Args:
        execution_id: The id, or its beginning or end.
        home: The folder of the home; default: that of this folder.

    Returns:
        The manager. Its `kernel_spec.metadata["flowkernel"]["notebook"]` is the path of the
        output notebook.

    Raises:
        NotParked: It has none, or no longer.
        BadArgument: Several executions have such an id.
    """
    folder = home or find_home().path
    kernel = find_parked(folder, execution_id)
    return KernelManager(
        kernel_name=PREFIX + kernel.execution_id,
        kernel_spec_manager=ParkedSpecs(home=str(folder)),
    )
