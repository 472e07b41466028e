"""The kernel that a person chooses for one run: what it is, and whether it can be started."""

import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from jupyter_client.kernelspec import KernelSpec, NoSuchKernel

from flowkernel.config import Config
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Environment
from flowkernel.kernels.conda_environments import conda_kernels
from flowkernel.kernels.kernelspecs import FlowKernelSpecManager, no_kernel_text
from flowkernel.kernels.python_environment import (
    PYTHONS,
    has_ipykernel,
    is_conda,
    python_of,
)

#: The kernels of Python, by the module that starts them: it must be installed.
MODULES = ("ipykernel_launcher", "ipykernel")


@dataclass(frozen=True, slots=True)
class ChosenKernel:
    """A kernel for one run."""

    environment: (
        Environment  #: Where the flow runs; `interpreter` is that of the kernel.
    )
    language: str  #: As kernelspecs have it, in lower case.


def choose_kernel(kernel: str, environment: Environment) -> ChosenKernel:
    """The kernel of this name for a flow of this environment.

    Args:
        kernel: The name of a kernelspec; one that nb_conda_kernels gives to a kernel of conda;
            or the absolute path of an environment, or of its Python.

    Raises:
        BadArgument: There is none, or it has no ipykernel; says what there is.
    """
    name = _folder_of(Path(kernel)) if os.path.isabs(kernel) else kernel
    specs = FlowKernelSpecManager(environment, Config(), is_notebook=True)
    try:
        spec = specs.get_kernel_spec(name)
    except NoSuchKernel:
        _raise_unknown(kernel, specs.known_names())
    python = _python_of(spec)
    if python is not None:
        _check_ipykernel(kernel, python, spec)
    resolved = replace(
        environment,
        kernel_name=name,
        interpreter=python or environment.interpreter,
        prefix=_prefix_of(name) or environment.prefix,
        is_chosen=True,
    )
    return ChosenKernel(resolved, spec.language.lower())


def _folder_of(path: Path) -> str:
    """The environment at a path, or that of the Python at a path.

    Raises:
        BadArgument: There is none.
    """
    prefix = path.parent.parent if path.is_file() else path
    if not path.exists():
        raise BadArgument(
            f"There is no folder {str(path)!r}. -k takes the folder of a venv or of a conda "
            "environment, or the name of a kernel."
        )
    if python_of(prefix) is None:
        raise BadArgument(
            f"{str(path)!r} is no environment of Python: it has no {PYTHONS[0]}. -k takes the "
            "folder of a venv or of a conda environment, or the name of a kernel."
        )
    return str(prefix)


def _prefix_of(name: str) -> str | None:
    """The environment that a name means; None: that of the flow stays the active one."""
    if os.path.isabs(name):
        return name
    kernel = conda_kernels().get(name)
    return str(kernel.prefix) if kernel is not None else None


def _python_of(spec: KernelSpec) -> str | None:
    """The Python that a kernelspec starts ipykernel with; None if it does something else."""
    argv = list(spec.argv)
    module = argv[argv.index("-m") + 1 :][:1] if "-m" in argv else []
    is_python = bool(module) and module[0] in MODULES and os.path.isabs(argv[0])
    return argv[0] if is_python else None


def _check_ipykernel(kernel: str, python: str, spec: KernelSpec) -> None:
    """Refuse a Python without ipykernel.

    Raises:
        BadArgument: It has none, or cannot be started; says how to install it.
    """
    try:
        is_there = has_ipykernel(python)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadArgument(
            f"The kernel {kernel!r} cannot start: its Python {python!r} does not run "
            f"({error}). Choose another kernel, or make the environment again."
        ) from error
    if not is_there:
        prefix = Path(python).parent.parent
        command = f"{python} -m pip install ipykernel"
        if is_conda(prefix):
            command = f"conda install -p {prefix} ipykernel"
        raise BadArgument(
            f"The kernel {kernel!r} cannot start: its Python {python!r} has no ipykernel. "
            f"Install it: {command}"
        )


def _raise_unknown(kernel: str, names: list[str]) -> NoReturn:
    sentence = no_kernel_text(kernel, names)
    raise BadArgument(f"{sentence} Or name the folder of an environment, as ./.venv.")
