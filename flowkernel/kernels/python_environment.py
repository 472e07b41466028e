"""An environment of Python: the folder of a venv or of a conda environment."""

import os
import subprocess
from pathlib import Path

#: Where its Python is, below the folder.
PYTHONS = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")
LOOK_SECONDS = 30.0  #: How long a Python may take to say which packages it has.
HAS_IPYKERNEL = """
import importlib.util, sys
sys.exit(importlib.util.find_spec("ipykernel") is None)
"""


def python_of(prefix: Path) -> str | None:
    """The Python of an environment; None if it has none."""
    paths = (prefix / name for name in PYTHONS)
    return next((str(path) for path in paths if os.access(path, os.X_OK)), None)


def is_executable(path: Path) -> bool:
    """Whether it is a file that can be started."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def is_conda(prefix: Path) -> bool:
    """Whether it is an environment of conda."""
    return os.path.isdir(prefix / "conda-meta")


def has_ipykernel(python: str) -> bool:
    """Whether a Python has ipykernel; the Python itself is asked.

    Raises:
        OSError: It cannot be started.
        subprocess.TimeoutExpired: It does not answer.
    """
    process = subprocess.run(
        [python, "-c", HAS_IPYKERNEL],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(python).parent,
        timeout=LOOK_SECONDS,
        check=False,
    )
    return process.returncode == 0
