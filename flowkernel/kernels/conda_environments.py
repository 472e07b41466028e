"""The environments of conda, and the names that `nb_conda_kernels` gives to their kernels.

conda itself is not called, which would take a second, and nb_conda_kernels need not be there.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowkernel.kernels.python_environment import is_conda

ROOT = "root"  #: What nb_conda_kernels calls the environment of conda itself.
#: The kernels whose names it shortens.
SHORT_NAMES = {"python2": "py", "python3": "py", "ir": "r"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaKernel:
    """A kernel that is installed in an environment of conda."""

    environment: str  #: The name of the environment.
    prefix: Path
    spec_folder: Path  #: With its `kernel.json`.

    @property
    def name(self) -> str:
        """As nb_conda_kernels calls it, such as `conda-env-stats-py`."""
        kernel = self.spec_folder.name.lower()
        kind = "" if self.environment == ROOT else "env-"
        name = f"conda-{kind}{self.environment}-{SHORT_NAMES.get(kernel, kernel)}"
        return _plain(name)

    @property
    def is_python(self) -> bool:
        """Whether it is ipykernel."""
        return self.spec_folder.name.lower() in ("python2", "python3")

    def variables(self) -> dict[str, str]:
        """Variables by which its programs are found; `${PATH}` is the one before."""
        commands = self.prefix / ("Scripts" if os.name == "nt" else "bin")
        return {
            "PATH": f"{commands}{os.pathsep}${{PATH}}",
            "CONDA_PREFIX": str(self.prefix),
            "CONDA_DEFAULT_ENV": self.environment,
        }


def _plain(name: str) -> str:
    """A name without what the name of a kernel cannot have."""
    letters = unicodedata.normalize("NFKD", name)
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    return re.sub(r"[^a-zA-Z0-9._\-]", "_", bare)


def conda_kernels(
    environ: Mapping[str, str] = os.environ, home: Path | None = None
) -> dict[str, CondaKernel]:
    """The kernels of all environments of conda that are found, by their names."""
    home = home or Path.home()
    kernels: dict[str, CondaKernel] = {}
    for environment, prefix in _environments(environ, home).items():
        for file in _spec_files(prefix):
            kernel = CondaKernel(
                environment=environment, prefix=prefix, spec_folder=file.parent
            )
            kernels.setdefault(kernel.name, kernel)
    return kernels


def _spec_files(prefix: Path) -> list[Path]:
    with suppress(OSError):  # It may not be read.
        return sorted(prefix.glob("share/jupyter/kernels/*/kernel.json"))
    return []


def _environments(environ: Mapping[str, str], home: Path) -> dict[str, Path]:
    """The environments by name, that of conda itself first."""
    roots = list(_roots(environ, home))
    named: dict[str, Path] = {}
    for prefix in dict.fromkeys([*roots[:1], *_prefixes(environ, home, roots)]):
        if is_conda(prefix):
            is_root = prefix in roots[:1]
            name = ROOT if is_root else _name(prefix, roots[:1], named)
            named[name] = prefix
    return named


def _name(prefix: Path, roots: list[Path], named: Mapping[str, Path]) -> str:
    """The name of its folder; of one of another conda with the name of that in front."""
    name, folder = prefix.name, prefix.parent
    is_ours = any(folder == root / "envs" for root in roots)
    if folder.name == "envs" and (not is_ours or name in named):
        name = f"{folder.parent.name}-{name}"
    numbers = (f"{name}-{number}" for number in range(2, len(named) + 3))
    return name if name not in named else next(n for n in numbers if n not in named)


def _roots(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """The environments of conda itself: the folders that have `condabin` or `envs`."""
    for name in ("CONDA_EXE", "MAMBA_EXE"):
        if environ.get(name):
            yield Path(environ[name]).parent.parent
    if environ.get("MAMBA_ROOT_PREFIX"):
        yield Path(environ["MAMBA_ROOT_PREFIX"])
    for prefix in _listed(home):
        if os.path.isdir(prefix / "condabin"):
            yield prefix


def _prefixes(
    environ: Mapping[str, str], home: Path, roots: Iterable[Path]
) -> Iterator[Path]:
    """Folders that may be environments."""
    for folder in (*(root / "envs" for root in roots), home / ".conda" / "envs"):
        with suppress(OSError):
            yield from sorted(folder.iterdir())
    yield from _listed(home)
    if environ.get("CONDA_PREFIX"):
        yield Path(environ["CONDA_PREFIX"])


def _listed(home: Path) -> list[Path]:
    """The environments that conda has written down for this person."""
    try:
        text = (home / ".conda" / "environments.txt").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [Path(line.strip()) for line in text.splitlines() if line.strip()]
