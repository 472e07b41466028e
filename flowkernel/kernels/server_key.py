"""Which kernels a fork server can make, and which fork server makes which. Pure."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any

LAUNCHERS = ("ipykernel_launcher", "ipykernel")
#: Variables that Python, ipykernel or a library may read before a kernel is taken.
READ_EARLY = (
    *("PYTHON", "PYDEVD", "DEBUGPY", "COVERAGE_", "COV_CORE_", "LD_", "LC_", "LANG"),
    *("HOME", "XDG_", "VIRTUAL_ENV", "CONDA_", "JUPYTER_", "IPYTHON", "MPL", "OMP_"),
    *("MKL_", "OPENBLAS_", "NUMEXPR_", "CUDA_", "ARROW_", "MALLOC_"),
)
PRESENT = "PYTEST_CURRENT_TEST"  #: ipykernel asks only whether there is one.


@dataclass(frozen=True, slots=True)
class KernelCommand:
    """What makes the kernels of one fork server."""

    interpreter: str  #: An absolute path.
    flags: tuple[str, ...]  #: Of the interpreter: `-Xfrozen_modules=off`.
    arguments: tuple[str, ...]  #: Of ipykernel.
    preload: tuple[str, ...] = ()

    def key(self, environ: Mapping[str, str], cwd: str, surroundings: Any = ()) -> str:
        """The name of its fork server: another one for whatever a fork could not change.

        `surroundings`: what a process has from its parent for good, in values of JSON.
        """
        roots = {name.partition(".")[0].upper() + "_" for name in self.preload}
        early = (*READ_EARLY, *roots)
        read = {k: v for k, v in sorted(environ.items()) if k.startswith(early)}
        paths = read.get("PYTHONPATH", "").split(os.pathsep)
        parts = [
            [self.interpreter, self.flags, self.arguments, self.preload],
            [
                read,
                PRESENT in environ,
                [os.path.join(cwd, path) for path in paths if path],
            ],
            [changed_at(path) for path in site_packages(self.interpreter)],
            surroundings,
        ]
        return sha256(dumps(parts).encode()).hexdigest()[:16]


def recipe_of(
    command: list[str], preload: tuple[str, ...] = ()
) -> KernelCommand | None:
    """The recipe for a kernel that this command would start; None: it is no such kernel."""
    if not command or "-m" not in command or not os.path.isabs(command[0]):
        return None
    at = command.index("-m")
    flags, rest = command[1:at], command[at + 1 :]
    if (
        not rest
        or rest[0] not in LAUNCHERS
        or not all(f.startswith("-") for f in flags)
    ):
        return None
    arguments = rest[1:]
    if "-f" not in arguments[:-1]:
        return None
    place = arguments.index("-f")
    del arguments[place : place + 2]
    return KernelCommand(command[0], tuple(flags), tuple(arguments), preload)


def site_packages(interpreter: str) -> list[Path]:
    """Where its packages are installed; they change when one is installed."""
    prefix = Path(interpreter).parent.parent
    return sorted(prefix.glob("lib*/python3*/site-packages"))


def changed_at(path: Path) -> int:
    """When a folder last changed, in nanoseconds; 0 if it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
