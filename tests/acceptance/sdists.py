"""The source distributions of other packages, with their tests: none is copied into ours."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from filelock import FileLock


def unpacked_sdist(cache: pytest.Cache, package: str, version: str) -> Path:
    """The folder with the files of a source distribution; downloaded once."""
    folder = cache.mkdir(package) / version
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            draft = folder.with_suffix(".new")
            shutil.rmtree(draft, ignore_errors=True)
            with tarfile.open(_download(package, version, draft)) as tar:
                tar.extractall(draft, filter="data")
            draft.rename(folder)
    return folder / f"{package}-{version}"


def _download(package: str, version: str, folder: Path) -> Path:
    """The archive. Tried twice: a network may fail once."""
    words = ["download", "--quiet", "--no-deps", "--no-binary", package, "-d"]
    command = [sys.executable, "-m", "pip", *words, folder, f"{package}=={version}"]
    if subprocess.run(command).returncode != 0:
        subprocess.run(command, check=True)
    [archive] = folder.glob(f"{package}-*.tar.gz")
    return archive
