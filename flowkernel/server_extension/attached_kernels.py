"""Kernels of Jupyter Server that are attached to parked kernels.

They are released when the flow continues: the parked kernel is then no longer for people, and
a session that stays would open the notebook on it again.
"""

import asyncio
from contextlib import suppress
from logging import getLogger
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.utils import ensure_async
from tornado.web import HTTPError

from flowkernel.core.errors import BadArgument
from flowkernel.kernels.parked.attach import PREFIX
from flowkernel.kernels.parked.registry import ParkedKernel, find_parked, is_parked
from flowkernel.server_extension.attach_specs import AttachSpecs

log = getLogger(__name__)
LOOK_EVERY = (
    1.0  #: Seconds between two looks whether the flows of attached kernels continue.
)
QUIET_LOOKS = 60  #: Looks without any attached kernel, after which nobody looks.
REMOTE = (
    "The kernels of this Jupyter Server run elsewhere, so it cannot attach to one that a run "
    "keeps here. `flowkernel` in a terminal on this machine can answer the prompt."
)


class AttachedKernels:
    """Starts, finds and releases kernels that are attached to parked ones.

    Args:
        home: The folder of the home.
        app: The `ServerApp`, whose kernelspec manager is wrapped.
    """

    def __init__(self, home: Path, app: Any) -> None:
        self._home = home
        self._kernels = app.kernel_manager
        self._sessions = app.session_manager
        #: Held while a kernel is attached or released: who clicks twice gets one, and nobody
        #: gets one that is just being released.
        self.turn = asyncio.Lock()
        self._paths: dict[str, str] = {}  #: Of the copies for attached kernels.
        self._watch: asyncio.Task[None] | None = None
        self._quiet = 0  #: Looks without any attached kernel, since one was started.
        self._is_local = self._wrap_specs(app)

    def _wrap_specs(self, app: Any) -> bool:
        """Add our kernelspecs to those of Jupyter Server. False: its kernels are remote."""
        inner = app.kernel_spec_manager
        if _is_remote(app) or not isinstance(inner, KernelSpecManager):
            return False
        specs = AttachSpecs(inner, self._home, self._watch_soon)
        app.kernel_spec_manager = self._kernels.kernel_spec_manager = specs
        app.web_app.settings["kernel_spec_manager"] = specs
        return True

    def check_parked(self, execution_id: str) -> None:
        """Raise NotParked if there is nothing to attach to, BadArgument if we cannot."""
        find_parked(self._home, execution_id)
        if not self._is_local:
            raise BadArgument(REMOTE)

    async def path_of(self, execution_id: str) -> str | None:
        """The notebook that was copied for its kernel; None: it is not attached.

        Raises:
            NotParked: It has no parked kernel.
        """
        parked = find_parked(self._home, execution_id)
        is_attached = await self._kernel_of(parked) is not None
        return self._paths.get(execution_id) if is_attached else None

    async def attach(self, execution_id: str, path: str) -> tuple[str, str]:
        """The id of a kernel that is attached to that of an execution, and its name.

        Args:
            path: Of the notebook, as Jupyter has it.

        Raises:
            NotParked: It has no parked kernel.
        """
        parked = find_parked(self._home, execution_id)
        kernel_id = await self._kernel_of(parked)
        if kernel_id is None:
            name = PREFIX + parked.execution_id
            start = self._kernels.start_kernel(kernel_name=name, path=path)
            kernel_id = str(await ensure_async(start))
        self._paths[execution_id] = path
        return kernel_id, parked.name

    async def _kernel_of(self, parked: ParkedKernel) -> str | None:
        """The id of the kernel that is attached to it; None: there is none.

        An execution that was lost, ran again and failed again has another parked kernel: what
        is attached to the one before is dead, and is released.
        """
        for kernel in await self._attached():
            if kernel["name"] != PREFIX + parked.execution_id:
                continue
            provisioner = self._kernels.get_kernel(kernel["id"]).provisioner
            if getattr(provisioner, "pid", None) in (None, parked.pid):
                return str(kernel["id"])
            await self._release(kernel["id"])
        return None

    async def release(self, execution_id: str) -> None:
        """End the sessions of the kernel of an execution, and the entry of the kernel."""
        name = PREFIX + execution_id
        async with self.turn:
            for kernel in await self._attached():
                if kernel["name"] == name:
                    await self._release(kernel["id"])

    async def _attached(self) -> list[dict[str, Any]]:
        kernels = await ensure_async(self._kernels.list_kernels())
        return [kernel for kernel in kernels if kernel["name"].startswith(PREFIX)]

    async def _release(self, kernel_id: str) -> None:
        """End what belongs to an attached kernel here; the parked one stays."""
        for session in await ensure_async(self._sessions.list_sessions()):
            if session["kernel"] and session["kernel"]["id"] == kernel_id:
                with suppress(HTTPError, KeyError):  # The one before ended the kernel.
                    await ensure_async(self._sessions.delete_session(session["id"]))
        with suppress(HTTPError, KeyError):  # The last session has ended it.
            await ensure_async(self._kernels.shutdown_kernel(kernel_id))

    def _watch_soon(self) -> None:
        """Look from now on whether the flows continue."""
        self._quiet = 0  # It is in no list until it has started.
        if self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(self._watch_all())

    async def _watch_all(self) -> None:
        """Release what is no longer parked, until nothing has been attached for a while."""
        while self._quiet < QUIET_LOOKS:
            await asyncio.sleep(LOOK_EVERY)
            try:
                has_any = await self._release_ended()
                self._quiet = 0 if has_any else self._quiet + 1
            except Exception:  # Whatever a manager of kernels may raise: look again.
                log.exception("attached kernels cannot be released")
        self._watch = None

    async def _release_ended(self) -> bool:
        """Release what is no longer parked. Whether anything was attached."""
        async with self.turn:
            kernels = await self._attached()
            for kernel in kernels:
                execution_id = kernel["name"].removeprefix(PREFIX)
                if not is_parked(self._home, execution_id):
                    await self._release(kernel["id"])
        return bool(kernels)


def _is_remote(app: Any) -> bool:
    """Whether a gateway has the kernels."""
    config = getattr(app, "gateway_config", None)
    return bool(getattr(config, "gateway_enabled", False))
