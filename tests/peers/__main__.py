"""`python -m tests.peers [NAME]...`: run the check of each tool in an environment of its own.

The environments stay in the cache of the tests, as the packages are large.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree, which

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / ".pytest_cache" / "d" / "peers"
#: What is installed beside flowkernel, by the name of the check.
PACKAGES = {
    "airflow": ["apache-airflow>=3", "apache-airflow-providers-papermill"],
    "dagster": ["dagster"],
    "nbmake": ["nbmake"],
    "ploomber_engine": ["ploomber-engine"],
}
#: The environment variables of a check: all that may matter of ours is made anew.
OURS = ("FLOWKERNEL_", "JUPYTER_", "VIRTUAL_ENV", "PYTHON", "AIRFLOW")


def main(names: list[str]) -> int:
    """Run the checks of these names, or all; 1 if one failed."""
    failed = []
    for name in names or PACKAGES:
        start = time.monotonic()
        succeeded = check(name)
        outcome = "ok" if succeeded else "FAILED"
        print(f"{name:16} {outcome:6} {time.monotonic() - start:6.1f} s", flush=True)
        if not succeeded:
            failed.append(name)
    return 1 if failed else 0


def check(name: str) -> bool:
    """Whether the check of a tool succeeded."""
    python = environment(name)
    with tempfile.TemporaryDirectory(prefix="flowkernel-peer-") as folder:
        home = str(Path(folder) / "home")
        own = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        own |= {
            "PATH": f"{python.parent}{os.pathsep}{own.get('PATH', '')}",
            "FLOWKERNEL_HOME": home,
            "AIRFLOW_HOME": folder,
            "PYTHONPATH": str(HERE),
        }
        script = HERE / f"check_{name}.py"
        try:
            return subprocess.run([python, script], cwd=folder, env=own).returncode == 0
        finally:
            stop = [python, "-m", "flowkernel", "engine", "stop", "--force"]
            subprocess.run(stop, cwd=folder, env=own, stdout=subprocess.DEVNULL)


def environment(name: str) -> Path:
    """The Python of the environment of a check; made, if it is not there as it should be."""
    packages = PACKAGES[name]
    text = "\n".join([sys.version, *packages, (ROOT / "pyproject.toml").read_text()])
    digest, folder = hashlib.sha256(text.encode()).hexdigest(), ENVIRONMENTS / name
    stamp, python = folder / "made-from", folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != digest:
        rmtree(folder, ignore_errors=True)
        install(folder, python, [*packages, "-e", str(ROOT)])
        stamp.write_text(digest)
    return python


def install(folder: Path, python: Path, words: list[str]) -> None:
    """Make an environment with these packages, by uv if it is there."""
    uv = which("uv")
    if uv is None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
    else:
        subprocess.run([uv, "venv", "-q", "-p", sys.executable, folder], check=True)
        pip = [uv, "pip", "install", "-q", "--python", str(python)]
    subprocess.run([*pip, *words], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
