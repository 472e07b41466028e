"""Which kernels a fork server can make, and which fork server makes which. Pure."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from pathlib import Path

LAUNCHERS = ("ipykernel_launcher", "ipykernel")
#: Variables that Python, ipykernel or a library may read before a kernel is taken.
READ_EARLY = (
    *(
        "PYTHON",
        "PYDEVD",
        "LD_",
        "LC_",
        "LANG",
        "HOME",
        "XDG_",
        "VIRTUAL_ENV",
        "CONDA_",
    ),
    *("JUPYTER_", "IPYTHON", "MPL", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "CUDA_"),
    *("ARROW_", "MALLOC_"),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes the kernels of one fork server."""

    interpreter: str
    flags: tuple[str, ...]  #: Of the interpreter: `-Xfrozen_modules=off`.
    arguments: tuple[str, ...]  #: Of ipykernel.
    preload: tuple[str, ...] = ()

    def key(self, environ: Mapping[str, str], cwd: str) -> str:
        """The name of its fork server: another one for whatever a fork could not change."""
        early = {k: v for k, v in sorted(environ.items()) if k.startswith(READ_EARLY)}
        paths = early.get("PYTHONPATH", "").split(os.pathsep)
        places = [os.path.join(cwd, path) for path in paths if path]
        installed = [changed_at(path) for path in site_packages(self.interpreter)]
        parts = [
            self.interpreter,
            self.flags,
            self.arguments,
            self.preload,
            early,
            places,
        ]
        return sha256(dumps([*parts, installed]).encode()).hexdigest()[:16]


def recipe_of(command: list[str], preload: tuple[str, ...] = ()) -> Recipe | None:
    """The recipe for a kernel that this command would start; None: it is no such kernel."""
    if not command or "-m" not in command:
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
    return Recipe(command[0], tuple(flags), tuple(arguments), preload)


def site_packages(interpreter: str) -> list[Path]:
    """Where its packages are installed; they change when one is installed."""
    prefix = Path(interpreter).parent.parent
    return sorted(prefix.glob("lib*/python3*/site-packages"))


def changed_at(path: Path) -> int:
    """When a folder last changed, in nanoseconds."""
    return path.stat().st_mtime_ns
