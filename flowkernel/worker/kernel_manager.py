"""The kernel of an execution, in the environment in which its flow was registered."""

import os
import shutil
import sys
from pathlib import Path
from subprocess import Popen
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
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
from flowkernel.kernels.leftovers import sweep_folders
from flowkernel.worker.eager_channel import EagerChannel

NATIVE = "python3"
#: flowkernel's kernelspec: the same Python, in which flowkernel need not be installed.
FLOWKERNEL = "flowkernel"
FORK = "flowkernel-fork"  #: flowkernel's provisioner; it starts plain kernels, too.


#: How a Python kernel is started, after the interpreter.
PYTHON_ARGUMENTS = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
#: ipykernel adds it to kernelspecs for the debugger; a fork is debugged without it.
FROZEN_MODULES = "-Xfrozen_modules=off"


class FlowKernelSpecManager(KernelSpecManager):
    """Kernelspecs of this machine and of a prefix, by the names that Jupyter has for them.

    `python3` is the environment's Python, unless a person installed another kernelspec of
    this name, where Jupyter looks first, and a notebook asks for it.
    """

    #: Whether fork servers are started; else only those that run are used.
    starts_servers = True

    def __init__(
        self,
        environment: Environment,
        config: Config,
        *,
        is_notebook: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._is_notebook = is_notebook
        self._interpreter = environment.interpreter
        self._prefix = environment.prefix
        self._config = config
        self._specs: dict[str, KernelSpec] = {}  #: Those that were looked for, by name.

    def _kernel_dirs_default(self) -> list[str]:
        """As Jupyter's; the folder of the prefix comes before that of this process."""
        folders: list[str] = super()._kernel_dirs_default()
        own, other = (
            str(Path(prefix) / "share" / "jupyter" / "kernels")
            for prefix in (sys.prefix, self._prefix or sys.prefix)
        )
        if other in folders:
            return folders
        index = folders.index(own) if own in folders else 0
        return [*folders[:index], other, *folders[index:]]

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernelspec of this name; its kernels are forked, where they can be."""
        if kernel_name not in self._specs:
            self._specs[kernel_name] = self._fork_spec(kernel_name)
        return self._specs[kernel_name]

    def _fork_spec(self, kernel_name: str) -> KernelSpec:
        spec = self._plain_spec(kernel_name)
        provisioner = spec.metadata.get("kernel_provisioner")
        if provisioner is None and self._config.kernel == "fork":
            provisioner = {"provisioner_name": FORK}
        if provisioner is not None and provisioner.get("provisioner_name") == FORK:
            config = {**self._provisioner_config(), **provisioner.get("config", {})}
            spec.metadata["kernel_provisioner"] = {**provisioner, "config": config}
        return spec

    def _provisioner_config(self) -> dict[str, Any]:
        return {
            "kernel": self._config.kernel,
            "preload": list(self._config.preload),
            "ready": self._config.ready_kernels,
            "starts": self.starts_servers,
        }

    def _plain_spec(self, kernel_name: str) -> KernelSpec:
        name = kernel_name.lower()  # As Jupyter has it.
        is_own = name == FLOWKERNEL or (name == NATIVE and not self._is_notebook)
        if is_own and self._interpreter:
            return _python_spec(self._interpreter)
        spec: KernelSpec = super().get_kernel_spec(kernel_name)
        if not self._interpreter:
            return spec
        if name == NATIVE and self._is_plain_python(spec):
            return _python_spec(self._interpreter)
        if spec.argv[:1] in (["python"], ["python3"]):  # It means "this Python".
            spec.argv = [self._interpreter, *spec.argv[1:]]
        return spec

    def _is_plain_python(self, spec: KernelSpec) -> bool:
        """Whether a kernelspec `python3` means no more than the environment's Python."""
        if str(Path(spec.resource_dir).parent) not in self.kernel_dirs:
            return True  # It comes with the ipykernel of this process.
        python, *arguments = spec.argv
        is_same = os.path.dirname(python) in (
            "",
            os.path.dirname(self._interpreter or ""),
        )
        arguments = [word for word in arguments if word != FROZEN_MODULES]
        return is_same and not spec.env and arguments == PYTHON_ARGUMENTS


def _python_spec(interpreter: str) -> KernelSpec:
    return KernelSpec(
        argv=[interpreter, *PYTHON_ARGUMENTS],
        display_name="Python 3",
        language="python",
        metadata={"debugger": True},
    )


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
    name = environment.kernel_name or NATIVE
    try:
        specs.get_kernel_spec(name)
    except NoSuchKernel as error:
        installed = ", ".join(sorted(specs.find_kernel_specs())) or "none"
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
    """Remove the folders of workers and kernels that were killed."""
    sweep_folders(parent_folder())


def remove_transport(manager: FlowKernelManager) -> None:
    """Remove the folder of its sockets, unless that was done."""
    folder, manager.folder = manager.folder, None
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
