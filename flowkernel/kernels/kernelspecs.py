"""Which kernel starts under a name: a kernelspec, one of a conda environment, or a folder."""

import os
import sys
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

from flowkernel.config import Config
from flowkernel.core.models import Environment
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.kernels.conda_environments import conda_kernels
from flowkernel.kernels.python_environment import is_executable, python_of

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

    Also those of conda, by the names of nb_conda_kernels, and the folder of an environment.
    `python3` is the environment's Python, unless a person installed another kernelspec of
    this name, where Jupyter looks first, and a notebook asks for it.
    """

    #: Whether fork servers are started; else only those that run are used.
    starts_servers = True
    #: Whether the event loop in which a kernel starts has nothing else to do meanwhile.
    blocks = False

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
            "blocks": self.blocks,
        }

    def _plain_spec(self, kernel_name: str) -> KernelSpec:
        name = kernel_name.lower()  # As Jupyter has it.
        is_own = name == FLOWKERNEL or (name == NATIVE and not self._is_notebook)
        if is_own and self._interpreter:
            return _python_spec(self._interpreter)
        if os.path.isabs(kernel_name):
            return _environment_spec(kernel_name)
        try:
            spec: KernelSpec = super().get_kernel_spec(kernel_name)
        except NoSuchKernel:
            return _conda_spec(kernel_name)
        return self._with_own_python(spec, name)

    def _with_own_python(self, spec: KernelSpec, name: str) -> KernelSpec:
        """The kernelspec; where it says "python", that of the environment."""
        if not self._interpreter:
            return spec
        if name == NATIVE and self._is_plain_python(spec):
            return _python_spec(self._interpreter)
        if spec.argv[:1] in (["python"], ["python3"]):  # It means "this Python".
            spec.argv = [self._interpreter, *spec.argv[1:]]
        return spec

    def known_names(self) -> list[str]:
        """The names of all kernels, those of conda included."""
        return sorted({*self.find_kernel_specs(), *conda_kernels()})

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


def no_kernel_text(kernel: str, names: list[str]) -> str:
    """A sentence for a name that no kernel has.

    >>> no_kernel_text("pyhton3", ["bash", "python3"])
    "There is no kernel 'pyhton3'. Did you mean 'python3'? Installed: bash, python3."

    Args:
        names: Those of all kernels.
    """
    advice = suggestion(kernel, names, otherwise="")
    installed = f"Installed: {', '.join(names) or 'none'}."
    return " ".join(
        filter(None, [f"There is no kernel {quoted_name(kernel)}.", advice, installed])
    )


def _environment_spec(path: str) -> KernelSpec:
    """The kernelspec for the Python of an environment, or for the Python at a path.

    Raises:
        NoSuchKernel: There is none.
    """
    python = path if is_executable(Path(path)) else python_of(Path(path))
    if python is None:
        raise NoSuchKernel(path)
    return _python_spec(python)


def _conda_spec(kernel_name: str) -> KernelSpec:
    """The kernelspec of a kernel of conda.

    Raises:
        NoSuchKernel: There is none of this name.
    """
    kernel = conda_kernels().get(kernel_name)
    if kernel is None:
        raise NoSuchKernel(kernel_name)
    python = python_of(kernel.prefix) if kernel.is_python else None
    spec: KernelSpec = (
        _python_spec(python)
        if python is not None
        else KernelSpec.from_resource_dir(str(kernel.spec_folder))
    )
    spec.display_name += f" [conda env:{kernel.environment}]"
    spec.env = {**spec.env, **kernel.variables()}
    return spec
