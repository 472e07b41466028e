"""The kernel of an execution, in the environment of whoever registered its flow."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import psutil
import zmq
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager

from flowkernel.config import Config
from flowkernel.core.errors import EnvironmentGone
from flowkernel.core.models import Environment
from flowkernel.kernels.fork_server.socket_folders import remove_abandoned

NATIVE = "python3"
OURS = (
    "flowkernel"  #: Our kernelspec: the same Python, which need not have it installed.
)
FORK = "flowkernel-fork"  #: Our provisioner; it starts plain kernels, too.
FOLDER = (
    "flowkernel-"  #: Begins the name of a kernel's folder; its worker's pid follows.
)


class FlowKernelSpecs(KernelSpecManager):
    """Kernelspecs of this machine and of another prefix; `python3` is a given interpreter."""

    starts = True  #: Fork servers; else those are used that there are.

    def __init__(self, environment: Environment, config: Config, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._interpreter = environment.interpreter
        self._prefix = environment.prefix
        self._config = config

    def _kernel_dirs_default(self) -> list[str]:
        """Looked up only for a kernel that is not the interpreter's own."""
        there: list[str] = super()._kernel_dirs_default()
        if not self._prefix:
            return there
        theirs = str(Path(self._prefix) / "share" / "jupyter" / "kernels")
        return [theirs, *(folder for folder in there if folder != theirs)]

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernelspec of this name; its kernels are forked, where they can be."""
        spec = self._plain_spec(kernel_name)
        given = spec.metadata.get("kernel_provisioner")
        if given is None and self._config.kernel == "fork":
            given = {"provisioner_name": FORK}
        if given is not None and given.get("provisioner_name") == FORK:
            config = {**self._settings(), **given.get("config", {})}
            spec.metadata["kernel_provisioner"] = {**given, "config": config}
        return spec

    def _settings(self) -> dict[str, Any]:
        return {
            "kernel": self._config.kernel,
            "preload": list(self._config.preload),
            "ready": self._config.ready_kernels,
            "starts": self.starts,
        }

    def _plain_spec(self, kernel_name: str) -> KernelSpec:
        if kernel_name in (NATIVE, OURS) and self._interpreter:
            return KernelSpec(
                argv=[
                    self._interpreter,
                    "-m",
                    "ipykernel_launcher",
                    "-f",
                    "{connection_file}",
                ],
                display_name="Python 3",
                language="python",
                metadata={"debugger": True},
            )
        spec: KernelSpec = super().get_kernel_spec(kernel_name)
        return spec


class FlowKernelManager(AsyncKernelManager):
    """A manager whose clients take in all that the kernel sends, however fast it comes.

    By default a socket drops messages once 1,000 wait to be read: a cell that prints in a
    loop would lose output, and the message that says it is idle, and time out.
    """

    folder: Path | None = None  #: Of its own, for sockets and the connection file.

    #: Without the 10 ms for which jupyter_client sleeps so that its tests see a state.
    start_kernel = getattr(
        AsyncKernelManager.start_kernel, "__wrapped__", AsyncKernelManager.start_kernel
    )

    def client(self, **kwargs: Any) -> Any:
        """A client for the kernel."""
        client = super().client(**kwargs)
        client.context.setsockopt(zmq.RCVHWM, 0)  # For the sockets it will open.
        return client


def make_kernel_manager(
    environment: Environment, flow_name: str, config: Config
) -> FlowKernelManager:
    """A manager for a kernel that is not started yet, on a transport of its own.

    Raises:
        EnvironmentGone: The interpreter, the kernelspec or the folder is not there (any more).
    """
    check_environment(environment, flow_name)
    specs = FlowKernelSpecs(environment, config)
    name = environment.kernel_name or NATIVE
    try:
        specs.get_kernel_spec(name)
    except NoSuchKernel as error:
        there = ", ".join(sorted(specs.find_kernel_specs())) or "none"
        raise EnvironmentGone(
            f"{flow_name!r} asks for the kernel {name!r}, which is not installed here. "
            f"Installed: {there}. Install it, or choose another kernel in the notebook."
        ) from error
    return private_transport(
        FlowKernelManager(kernel_name=name, kernel_spec_manager=specs)
    )


def named_manager(kernel_name: str, config: Config) -> FlowKernelManager:
    """A manager for a kernel of somebody's own papermill.

    It takes a kernel that is ready, and starts no fork server: most likely it is the only one.
    """
    specs = FlowKernelSpecs(Environment(), config)
    specs.starts = False
    manager = FlowKernelManager(kernel_name=kernel_name, kernel_spec_manager=specs)
    return private_transport(manager)


def check_environment(environment: Environment, flow_name: str) -> None:
    """Raise EnvironmentGone if the interpreter or the folder is not there."""
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


def private_transport(manager: FlowKernelManager) -> FlowKernelManager:
    """Let it talk over sockets in a folder of its own: ports of many kernels can collide."""
    if os.name == "posix":
        # Short: a socket's path is limited.
        manager.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
        manager.transport = "ipc"
        manager.ip = str(manager.folder / "k")
        manager.connection_file = str(manager.folder / "connection.json")
    return manager


def sweep_transports() -> None:
    """Remove the folders that workers and kernels left which were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*-*"):
        owner = folder.name.removeprefix(FOLDER).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            remove_abandoned(folder)


def remove_transport(manager: FlowKernelManager) -> None:
    """Remove that folder."""
    if manager.folder is not None:
        shutil.rmtree(manager.folder, ignore_errors=True)
