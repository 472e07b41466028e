"""What would be given to an index: the wheel and the source distribution, as they are built."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.release, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
#: What imports would not miss: data, and sources that are run by their path.
NOT_IMPORTED = {
    "flowkernel/py.typed",
    "flowkernel/wrappers/retry.py",
    "flowkernel/store/schema.sql",
    "flowkernel/store/queries.sql",
}
LOAD_ENTRY_POINTS = """
from importlib.metadata import distribution
import papermill  # It loads its engines' entry points itself, when it is imported.
for entry_point in distribution("flowkernel").entry_points:
    print(entry_point.name, entry_point.load())
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with both; the wheel is built from the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        folder,
        ROOT,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    [wheel] = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The Python of an environment that has the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    install = [PROGRAMS / "uv", "pip", "install", "-q", "--python", python]
    subprocess.run(
        [*install, "-c", ROOT / "tests" / "requirements.txt", wheel], check=True
    )
    return python


def sources() -> set[str]:
    """The files of the package in this tree."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / "flowkernel").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_the_package_the_kernelspec_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}
    data = f"{wheel.name.split('-py3')[0]}.data/data"
    top_level = "flowkernel/_toplevel/flow_api.py"

    assert files >= NOT_IMPORTED
    assert files == {
        *(sources() - {top_level}),
        "flow_api.py",
        f"{data}/share/jupyter/kernels/flowkernel/kernel.json",
    }


def test_the_source_distribution_has_what_builds_the_wheel_and_nothing_else(built):
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        files = {name.partition("/")[2] for name in tar.getnames()}

    assert files == {
        *sources(),
        "share/jupyter/kernels/flowkernel/kernel.json",
        *("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO"),
        ".gitignore",  # Hatchling reads it.
    }


def test_an_index_would_take_both_and_show_the_readme(built):
    command = [sys.executable, "-m", "twine", "check", "--strict", *built.iterdir()]

    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_entry_point_can_be_imported_where_only_the_wheel_is(installed, tmp_path):
    done = subprocess.run(
        [installed, "-c", LOAD_ENTRY_POINTS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    names = {line.split()[0] for line in done.stdout.splitlines()}
    assert names == {"flowkernel", "flowkernel-attach", "flowkernel-fork"}


def test_the_quickstart_runs_where_only_the_wheel_is(installed, tmp_path):
    """Also `import flow_api`, which stands beside the package."""
    flowkernel = installed.with_name("flowkernel")
    environ = {**os.environ, "FLOWKERNEL_HOME": str(tmp_path / "home")}
    environ["PATH"] = f"{installed.parent}{os.pathsep}{environ['PATH']}"

    try:
        done = subprocess.run(
            [flowkernel, "run", ROOT / "notebooks" / "quickstart.ipynb"],
            env=environ, cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        subprocess.run([flowkernel, "engine", "stop"], env=environ, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
