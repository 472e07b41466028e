"""The kernel of an execution, in the environment in which its flow was registered."""

import os
import shutil
from pathlib import Path
from subprocess import Popen
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

from flowkernel.config import Config
from flowkernel.core.errors import EnvironmentGone
from flowkernel.core.models import Environment
from flowkernel.core.open_files import restore_limit
from flowkernel.core.per_process import PerProcess
from flowkernel.kernels.fork_server.socket_folders import (
    make_socket_folder,
    parent_folder,
)
from flowkernel.kernels.fork_servers import remove_left_files
from flowkernel.kernels.kernelspecs import NATIVE, FlowKernelSpecManager
from flowkernel.kernels.leftovers import sweep_folders
from flowkernel.worker.eager_channel import EagerChannel


class FlowKernelClient(AsyncKernelClient):
    """A client that closes the channels it opened; jupyter_client's opens them all for that.

    Each channel takes two files as long as it is open.
    """

    shell_channel_class = Type(EagerChannel)
    iopub_channel_class = Type(EagerChannel)

    def stop_channels(self) -> None:
        """Close the channels for requests and for output."""
        for channel in (self._shell_channel, self._iopub_channel):
            if channel is not None:
                channel.stop()


class FlowKernelManager(AsyncKernelManager):
    """A manager whose clients receive all that the kernel sends, however fast it comes.

    By default a socket drops messages once 1,000 wait to be read: a cell that prints in a
    loop would lose output, and the message that says it is idle, and time out.

    It opens its own connection to the kernel only to shut it down.
    """

    folder: Path | None = None  #: For its sockets and its connection file.

    #: Without the 10 ms that jupyter_client sleeps for its own tests.
    start_kernel = getattr(
        AsyncKernelManager.start_kernel, "__wrapped__", AsyncKernelManager.start_kernel
    )

    client_factory = FlowKernelClient

    def client(self, **kwargs: Any) -> Any:
        """A client for the kernel, in the same context."""
        self.context.setsockopt(zmq.RCVHWM, 0)  # For the sockets that it opens.
        return super().client(context=self.context, **kwargs)

    async def _async_post_start_kernel(self, **kwargs: Any) -> None:
        assert self.provisioner is not None
        process = getattr(self.provisioner, "process", None)
        if isinstance(process, Popen):  # A forked kernel has its limit.
            restore_limit(process.pid)
        await self.provisioner.post_launch(**kwargs)


def _make_context() -> zmq.asyncio.Context:
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAX_SOCKETS, context.get(zmq.SOCKET_LIMIT))
    return context


#: The ZeroMQ context of all kernels of a worker: each takes five files and two threads.
shared_context = PerProcess(_make_context)


def make_kernel_manager(
    environment: Environment,
    flow_name: str,
    config: Config,
    *,
    is_notebook: bool = False,
) -> FlowKernelManager:
    """A manager for a kernel that is not started yet, with sockets in a folder of its own.

    `is_notebook`: a file named the kernel; else the flow runs in the Python that registered it.

    Raises:
        EnvironmentGone: The interpreter, the kernelspec or the folder does not exist.
    """
    check_environment(environment, flow_name)
    specs = FlowKernelSpecManager(environment, config, is_notebook=is_notebook)
    specs.blocks = True  # Each execution has an event loop of its own.
    name = environment.kernel_name or NATIVE
    try:
        specs.get_kernel_spec(name)
    except NoSuchKernel as error:
        installed = ", ".join(specs.known_names()) or "none"
        raise EnvironmentGone(
            f"{flow_name!r} asks for the kernel {name!r}, which is not installed here. "
            f"Installed: {installed}. Install it, or choose another kernel in the notebook."
        ) from error
    return _manager_of(name, specs, context=shared_context.get())


def make_external_manager(kernel_name: str, config: Config) -> FlowKernelManager:
    """A manager for the kernel of a person's own papermill.

    It takes a kernel that is ready, and starts no fork server: most likely papermill runs only
    one notebook.
    """
    specs = FlowKernelSpecManager(Environment(), config)
    specs.starts_servers = False
    return _manager_of(kernel_name, specs)


def _manager_of(
    kernel_name: str, specs: FlowKernelSpecManager, **traits: Any
) -> FlowKernelManager:
    manager = FlowKernelManager(
        kernel_name=kernel_name, kernel_spec_manager=specs, **traits
    )
    set_private_transport(manager)
    return manager


def check_environment(environment: Environment, flow_name: str) -> None:
    """Raise EnvironmentGone if the interpreter or the folder does not exist."""
    interpreter, cwd = environment.interpreter, environment.cwd
    if (
        interpreter
        and not environment.kernel_name
        and not os.access(interpreter, os.X_OK)
    ):
        raise EnvironmentGone(
            f"{flow_name!r} was registered with the Python {interpreter!r}, which is no longer "
            "there. Register it again from an environment that exists."
        )
    if cwd and not Path(cwd).is_dir():
        raise EnvironmentGone(
            f"{flow_name!r} was registered in the folder {cwd!r}, which is no longer there. "
            "Register it again from a folder that exists."
        )


def set_private_transport(manager: FlowKernelManager) -> None:
    """Let it use sockets in a folder of its own: the ports of many kernels can collide."""
    if os.name == "posix":
        manager.folder = make_socket_folder()
        manager.transport = "ipc"
        manager.ip = str(manager.folder / "k")
        manager.connection_file = str(manager.folder / "connection.json")


def remove_stale_transports() -> None:
    """Remove what workers, kernels and fork servers that were killed left behind."""
    sweep_folders(parent_folder())
    remove_left_files()


def remove_transport(manager: FlowKernelManager) -> None:
    """Remove the folder of its sockets, unless that was done."""
    folder, manager.folder = manager.folder, None
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
