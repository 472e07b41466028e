"""A parked kernel as an ordinary kernel of JupyterLab: attached, not started.

The entry point `flowkernel-attach` of `jupyter_client.kernel_provisioners`. It is asked for a
kernel, and gives the connection of one that is there. Whoever lets go of it does not end it:
somebody may still decide what becomes of its execution. To start it again is to attach again.
"""

import asyncio
import os
import shutil
import signal
import tempfile
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
from flowkernel.kernels.parked.registry import ParkedKernel, find_parked, is_parked

NAME = "flowkernel-attach"  #: Of the provisioner.
PREFIX = f"{NAME}-"  #: Begins the name of a kernelspec; the execution's id follows.
FOLDER = "flowkernel-"  #: Begins the name of a folder with sockets; our pid follows.
LOOK_SECONDS = 0.2  #: Between looks whether it lives, while somebody waits for its end.


class AttachProvisioner(KernelProvisionerBase):
    """Gives a kernel that is there already."""

    execution = Unicode(help="The id of the failed execution.").tag(config=True)
    home = Unicode(help="Its home; default: that of this folder.").tag(config=True)

    _kernel: ParkedKernel | None = None  #: None: not attached, or let go of.
    _folder: Path | None = None

    @property
    def has_process(self) -> bool:
        """Whether it is attached to one."""
        return self._kernel is not None

    @property
    def pid(self) -> int | None:
        """Of the kernel."""
        return self._kernel.pid if self._kernel is not None else None

    async def poll(self) -> int | None:
        """None while it lives. It may have gone on: then it lives until its flow ends."""
        return None if self._kernel is not None and self._kernel.is_alive else 0

    async def wait(self) -> int | None:
        """Until its end, or until it is let go of."""
        # No event tells of the end of a process that is not our child, on every system.
        while await self.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        return 0

    async def send_signal(self, signum: int) -> None:
        """An interrupt reaches it while it is parked, but not the flow that goes on.

        What would end it never does.
        """
        kernel = self._kernel
        if signum != signal.SIGINT or kernel is None or not kernel.is_alive:
            return
        if is_parked(self._home, kernel.execution_id):
            with suppress(OSError):
                os.killpg(kernel.pid, signum)

    async def kill(self, restart: bool = False) -> None:
        """It stays: let go of it."""
        self._kernel = None

    async def terminate(self, restart: bool = False) -> None:
        """It stays: let go of it."""
        self._kernel = None

    async def shutdown_requested(self, restart: bool = False) -> None:
        """It refuses (`guests.py`): do not wait for its end."""
        self._kernel = None

    async def cleanup(self, restart: bool = False) -> None:
        """Remove what is ours: the ways to its sockets."""
        if self._folder is not None and not restart:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Find it.

        Raises:
            NotParked: It is not parked, or not any more.
            BadArgument: There are several with such an id.
        """
        self._kernel = find_parked(self._home, self.execution)
        self._say_when_it_is_dead()
        self.connection_info = self._reached(self._kernel.connection)
        told: dict[str, Any] = await super().pre_launch(cmd=[], **kwargs)
        return told

    async def launch_kernel(
        self, cmd: list[str], **kwargs: Any
    ) -> KernelConnectionInfo:
        """How to reach it."""
        return self.connection_info

    def _reached(self, connection: dict[str, Any]) -> dict[str, Any]:
        """Its connection, by ways of our own: jupyter_client removes the sockets it used."""
        told = {**connection, "key": connection["key"].encode()}
        if connection["transport"] != "ipc":
            return told
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
        for port in (connection[name] for name in port_names):
            way = self._folder / f"k-{port}"
            way.unlink(missing_ok=True)
            way.symlink_to(f"{connection['ip']}-{port}")
        return {**told, "ip": str(self._folder / "k")}

    def _say_when_it_is_dead(self) -> None:
        """It is not started anew when it ended: whoever watches it says that it is dead."""
        if self.parent is not None:
            limit = {"KernelRestarter": {"restart_limit": 0}}
            self.parent.update_config(Config(limit))

    @property
    def _home(self) -> Path:
        return Path(self.home) if self.home else find_home().path


class ParkedSpecs(KernelSpecManager):
    """Knows a kernelspec for each parked kernel, besides those that are installed."""

    home = Unicode(help="The home; default: that of this folder.").tag(config=True)

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernelspec of this name: `flowkernel-attach-` and the id of an execution."""
        if not kernel_name.startswith(PREFIX):
            spec: KernelSpec = super().get_kernel_spec(kernel_name)
            return spec
        home = Path(self.home) if self.home else find_home().path
        return spec_of(home, find_parked(home, kernel_name.removeprefix(PREFIX)))


def spec_of(home: Path, kernel: ParkedKernel) -> KernelSpec:
    """The kernelspec by which a parked kernel is attached to, with its output notebook."""
    config = {"execution": kernel.execution_id, "home": str(home)}
    return KernelSpec(
        argv=[],
        display_name=f"{kernel.name} (failed, with its variables)",
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
    """What attaches to the parked kernel of an execution, by `start_kernel()`.

    Its id can be shortened; without `home` it is looked for in that of this folder. Its
    `kernel_spec.metadata["flowkernel"]["notebook"]` is the output notebook.

    Raises:
        NotParked: It has none, or not any more.
        BadArgument: Several have such an id.
    """
    place = home or find_home().path
    kernel = find_parked(place, execution_id)
    return KernelManager(
        kernel_name=PREFIX + kernel.execution_id,
        kernel_spec_manager=ParkedSpecs(home=str(place)),
    )
