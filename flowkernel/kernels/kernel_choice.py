"""The kernel that a person chooses for one run: what it is, and whether it can be started."""

import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from jupyter_client.kernelspec import KernelSpec, NoSuchKernel
from traitlets import TraitError

from flowkernel.config import Config
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Environment
from flowkernel.kernels.conda_environments import conda_kernels
from flowkernel.kernels.kernelspecs import FlowKernelSpecManager, no_kernel_text
from flowkernel.kernels.python_environment import (
    PYTHONS,
    has_ipykernel,
    is_conda,
    is_executable,
    python_of,
)

#: How the file of a Python is called; another one is not started to see what it is.
PYTHON_NAME = re.compile(r"(python|pypy|graalpy)", re.IGNORECASE)
#: What Jupyter raises for a kernelspec that it cannot read.
UNREADABLE = (OSError, ValueError, TypeError, AttributeError, TraitError)
#: The kernels of Python, by the module that starts them: it must be installed.
MODULES = ("ipykernel_launcher", "ipykernel")
#: What to do about a path that is no kernel.
TAKEN = (
    "-k takes the folder of a venv or of a conda environment, its Python, or the name of a "
    "kernel."
)


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
    name = _place_of(Path(kernel)) if os.path.isabs(kernel) else kernel
    specs = FlowKernelSpecManager(environment, Config(), is_notebook=True)
    try:
        spec = specs.get_kernel_spec(name)
    except NoSuchKernel:
        _raise_unknown(kernel, specs.known_names())
    except UNREADABLE as error:
        raise BadArgument(
            f"The kernel {kernel!r} cannot be read ({error}). Mend its kernel.json, which "
            "`jupyter kernelspec list` finds, or choose another kernel."
        ) from error
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


def _place_of(path: Path) -> str:
    """The environment at a path, or that of the Python at a path.

    Of a Python that is not the one its environment starts, its own path.

    Raises:
        BadArgument: There is none.
    """
    if os.path.isfile(path):
        _check_python(path)
        prefix = path.parent.parent
        return str(prefix if python_of(prefix) == str(path) else path)
    if not os.path.exists(path):
        raise BadArgument(
            f"There is no folder {str(path)!r}, or it may not be read. {TAKEN}"
        )
    if python_of(path) is None:
        raise BadArgument(
            f"{str(path)!r} is no environment of Python: it has no {PYTHONS[0]}. {TAKEN}"
        )
    return str(path)


def _check_python(path: Path) -> None:
    """Refuse a file that is no Python.

    Raises:
        BadArgument: It cannot be started, or is called like something else.
    """
    if not is_executable(path) or not PYTHON_NAME.match(path.name):
        raise BadArgument(
            f"{str(path)!r} is neither a folder nor a Python that can be started. {TAKEN}"
        )


def _prefix_of(name: str) -> str | None:
    """The environment that a name means; None: that of the flow stays the active one."""
    if os.path.isabs(name):
        return str(Path(name).parent.parent) if os.path.isfile(name) else name
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
