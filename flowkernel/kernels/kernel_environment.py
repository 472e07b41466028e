"""The environment variables of a kernel: those of who started its flow, and its own Python."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

#: What a start that has few variables gets from the worker, so that programs are found.
NEEDED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "SYSTEMROOT")
#: What the engine and the worker set for their kernels.
OURS = ("FLOWKERNEL_", "PYDEVD_")
#: What says which environment of conda is active.
CONDA = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER")


def kernel_environment(
    base: Mapping[str, str], values: Mapping[str, str] | None, prefix: str | None
) -> dict[str, str]:
    """The environment of a kernel, but for what is its own: its id, its token, its home.

    Args:
        base: That of the worker.
        values: Those that came with the start; None: none came, and the base is all.
        prefix: `sys.prefix` of the Python with which the flow was registered.
    """
    variables = dict(base)
    if values is not None:
        ours = {name: text for name, text in base.items() if name.startswith(OURS)}
        needed = {name: base[name] for name in NEEDED if name in base}
        variables = {**needed, **values, **ours}
    return registered(variables, prefix)


def registered(environ: Mapping[str, str], prefix: str | None) -> dict[str, str]:
    """The variables with the environment of Python of the registration as the active one."""
    variables = dict(environ)
    if prefix is None:
        return variables
    active = variables.pop("VIRTUAL_ENV", None)
    variables.pop("VIRTUAL_ENV_PROMPT", None)
    if variables.get("CONDA_PREFIX") != prefix:
        for name in CONDA:
            variables.pop(name, None)
    if not _is_environment(prefix):
        return variables
    commands, replaced = _commands(prefix), {_commands(active)} if active else set()
    folders = variables.get("PATH", os.defpath).split(os.pathsep)
    others = [folder for folder in folders if folder not in {commands, *replaced}]
    variables["PATH"] = os.pathsep.join([commands, *others])
    if not (Path(prefix) / "conda-meta").is_dir():
        variables["VIRTUAL_ENV"] = prefix
    return variables


@lru_cache(maxsize=64)
def _is_environment(prefix: str) -> bool:
    """Whether it is an environment of its own, and not the Python of the system."""
    folder = Path(prefix)
    return (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir()


def _commands(prefix: str) -> str:
    return str(Path(prefix) / ("Scripts" if os.name == "nt" else "bin"))
