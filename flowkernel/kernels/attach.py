"""A parked kernel as an ordinary kernel of JupyterLab: attached, not started.

The entry point `flowkernel-attach` of `jupyter_client.kernel_provisioners`. It is asked for a
kernel, and gives the connection of one that is there. Whoever lets go of it does not end it:
somebody may still decide what becomes of its execution.
"""

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Unicode

from flowkernel.errors import BadArgument
from flowkernel.home import find_home

LOOK_SECONDS = 0.2  #: Between looks whether it lives, while somebody waits for its end.


class AttachProvisioner(KernelProvisionerBase):
    """Gives a kernel that is there already."""

    execution = Unicode(help="The id of the failed execution.").tag(config=True)
    home = Unicode(help="Its home; default: that of this folder.").tag(config=True)

    process: psutil.Process | None = None

    @property
    def has_process(self) -> bool:
        """Whether it is attached to one."""
        return self.process is not None

    async def poll(self) -> int | None:
        """None while it lives."""
        is_there = self.process is not None and self.process.is_running()
        return None if is_there else 0

    async def wait(self) -> int | None:
        """Until its end, or until it is let go of."""
        while await self.poll() is None:
            await asyncio.sleep(LOOK_SECONDS)
        return 0

    async def send_signal(self, signum: int) -> None:
        """An interrupt reaches it; what would end it does not."""
        if signum == signal.SIGINT and self.process is not None:
            with suppress(ProcessLookupError, psutil.Error):
                os.killpg(self.process.pid, signum)

    async def kill(self, restart: bool = False) -> None:
        """It stays: let go of it."""
        self.process = None

    async def terminate(self, restart: bool = False) -> None:
        """It stays: let go of it."""
        self.process = None

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing of it is ours."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Find it.

        Raises:
            BadArgument: It is not parked, or not any more.
        """
        told = connection_of(self._home(), self.execution)
        self.process = psutil.Process(told.pop("pid"))
        told["key"] = told["key"].encode()
        self.connection_info = told
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(
        self, cmd: list[str], **kwargs: Any
    ) -> KernelConnectionInfo:
        """How to reach it."""
        return self.connection_info

    def _home(self) -> Path:
        return Path(self.home) if self.home else find_home().path


def place_of(home: Path, execution_id: str) -> Path:
    """The file that says how a parked kernel is reached; only its user can read it."""
    return home / "parked" / f"{execution_id}.json"


def connection_of(home: Path, execution_id: str) -> dict[str, Any]:
    """How a parked kernel is reached, and its pid.

    Raises:
        BadArgument: It is not parked, or not any more.
    """
    try:
        told: dict[str, Any] = json.loads(
            place_of(home, execution_id).read_text("utf-8")
        )
    except (OSError, ValueError) as error:
        raise BadArgument(
            f"Execution {execution_id} has no parked kernel: it goes on, it has ended, or its "
            "kernel is gone. `flowkernel message list` shows what waits for somebody."
        ) from error
    return told


def publish(
    home: Path, execution_id: str, connection: dict[str, Any], pid: int
) -> None:
    """Say how a parked kernel is reached."""
    path = place_of(home, execution_id)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    key = connection.get("key", b"")
    told = {**connection, "key": key.decode() if isinstance(key, bytes) else key}
    draft = path.with_name(f".{path.name}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(file, "w", encoding="utf-8") as text:
        json.dump({**told, "pid": pid}, text)
    os.replace(draft, path)


def withdraw(home: Path, execution_id: str) -> None:
    """It is not parked any more."""
    place_of(home, execution_id).unlink(missing_ok=True)
