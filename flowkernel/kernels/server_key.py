"""Which kernels a fork server can make, and which of them can share a fork server. Pure."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any

from flowkernel.core.variables import (
    BASE_NAMES,
    BASE_PREFIXES,
    base_environment,
)
from flowkernel.kernels.kernel_environment import CONDA

LAUNCHERS = ("ipykernel_launcher", "ipykernel")
KEY_LENGTH = 16  #: Hexadecimal digits in the name of a fork server.
#: How the names of environment variables begin that Python, ipykernel or a library may read
#: before a client takes the kernel.
READ_EARLY = (
    *("PYDEVD", "DEBUGPY", "LD_"),
    *(prefix for prefix in BASE_PREFIXES if prefix != "FLOWKERNEL_"),
)
#: The whole names of others.
EARLY_NAMES = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "VIRTUAL_ENV", *CONDA),
        *(name for name in BASE_NAMES if name.startswith("JUPYTER_")),
    }
)
#: ipykernel reads only whether this variable is there, not its value.
PRESENCE_ONLY = "PYTEST_CURRENT_TEST"


@dataclass(frozen=True, slots=True)
class KernelCommand:
    """How the kernels of one fork server are made."""

    interpreter: str  #: An absolute path.
    flags: tuple[str, ...]  #: Of the interpreter, such as `-Xfrozen_modules=off`.
    arguments: tuple[str, ...]  #: Of ipykernel.
    preload: tuple[str, ...] = ()  #: Modules that are imported before the fork.

    def key(self, environ: Mapping[str, str], cwd: str, inherited: Any = ()) -> str:
        """The name of the fork server for this command: 16 hexadecimal digits.

        It differs for everything that a fork could not change.

        Args:
            environ: The environment variables of the kernel.
            cwd: The folder of the kernel, as an absolute path.
            inherited: What a process has from its parent, as JSON: see `inherited_state`.
        """
        parts = [
            [self.interpreter, self.flags, self.arguments, self.preload],
            self._environment_part(environ, cwd),
            [changed_at(path) for path in site_packages(self.interpreter)],
            inherited,
        ]
        return sha256(dumps(parts).encode()).hexdigest()[:KEY_LENGTH]

    def early_variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What may be read of the environment before a client takes the kernel."""
        roots = {name.partition(".")[0].upper() + "_" for name in self.preload}
        early = (*READ_EARLY, *roots)
        return {
            name: value
            for name, value in sorted(environ.items())
            if name in EARLY_NAMES or name.startswith(early)
        }

    def server_variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of the fork server for a kernel with this one.

        A kernel gets the rest when a client takes it.
        """
        present = {PRESENCE_ONLY: "yes"} if PRESENCE_ONLY in environ else {}
        return {
            **present,
            **base_environment(environ),
            **self.early_variables(environ),
        }

    def _environment_part(self, environ: Mapping[str, str], cwd: str) -> list[Any]:
        variables = self.early_variables(environ)
        active = Path(variables.get("VIRTUAL_ENV", ""))
        # IPython reads it for the case that it is another environment than its own.
        if active in Path(self.interpreter).parents:
            variables.pop("VIRTUAL_ENV", None)
        paths = variables.get("PYTHONPATH", "").split(os.pathsep)
        return [
            variables,
            PRESENCE_ONLY in environ,
            [os.path.join(cwd, path) for path in paths if path],
        ]


def forkable_command(
    argv: list[str], preload: tuple[str, ...] = ()
) -> KernelCommand | None:
    """How a fork server makes the kernel that `argv` would start; None: it cannot."""
    if not argv or "-m" not in argv or not os.path.isabs(argv[0]):
        return None
    index = argv.index("-m")
    flags, launcher, arguments = argv[1:index], argv[index + 1 :][:1], argv[index + 2 :]
    if not launcher or launcher[0] not in LAUNCHERS:
        return None
    if not all(flag.startswith("-") for flag in flags) or "-f" not in arguments[:-1]:
        return None
    file_index = arguments.index("-f")
    del arguments[file_index : file_index + 2]
    return KernelCommand(argv[0], tuple(flags), tuple(arguments), preload)


def site_packages(interpreter: str) -> list[Path]:
    """The folders of the interpreter's packages: they change when one is installed."""
    prefix = Path(interpreter).parent.parent
    return sorted(prefix.glob("lib*/python3*/site-packages"))


def changed_at(path: Path) -> int:
    """When a folder last changed, in nanoseconds; 0 if it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
