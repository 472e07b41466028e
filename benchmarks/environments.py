"""The peers: each runs in an environment of its own, with a driver from `peers/`."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree, which
from typing import Any

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".environments"
PEERS = HERE / "peers"


def environment(name: str, say: Callable[[str], None] = print) -> Path:
    """The folder with the peer's programs; made by `uv`, or by `venv` and `pip`."""
    requirements = PEERS / f"{name}.txt"
    folder = ENVIRONMENTS / name
    fingerprint = hashlib.sha256(
        requirements.read_bytes() + sys.version.encode()
    ).hexdigest()
    stamp = folder / "made-from"
    if not stamp.exists() or stamp.read_text() != fingerprint:
        say(f"  making the environment of {name}")
        rmtree(folder, ignore_errors=True)
        _make(folder, requirements)
        stamp.write_text(fingerprint)
    return folder / ("Scripts" if os.name == "nt" else "bin")


def _make(folder: Path, requirements: Path) -> None:
    options = ["--quiet", "--requirement", str(requirements)]
    if uv := which("uv"):
        subprocess.run(
            [uv, "venv", "-q", "-p", sys.executable, str(folder)], check=True
        )
        install = [uv, "pip", "install", "--python", str(folder / "bin" / "python")]
        subprocess.run([*install, "--compile-bytecode", *options], check=True)
        return
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    subprocess.run([*pip, *options], check=True)


def clean_environ(programs: Path) -> dict[str, str]:
    """Our environment variables, without those that lead to another environment or home."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLOWKERNEL_", "VIRTUAL_ENV", "PYTHON"))
    }
    return {**environ, "PATH": f"{programs}{os.pathsep}{environ.get('PATH', '')}"}


class Driver:
    """A peer's process. It has imported everything before the first call."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.pid = process.pid
        self._process = process

    def call(self, verb: str, /, **arguments: Any) -> Any:
        """Call a function of the driver; the result, most often the seconds it took."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([verb, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver ended ({self._process.wait()}) at {verb!r}")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(f"{verb}: {reply['error']}")
        return reply["answer"]


@contextmanager
def driver(
    environment_name: str, script: str, bench: Any, **environ: str
) -> Iterator[Driver]:
    """The driver `peers/SCRIPT.py`, in that environment, until the block ends."""
    programs = environment(environment_name, bench.say)
    log = bench.folder / f"{script}.log"
    with open(log, "ab") as errors:
        process = subprocess.Popen(
            [str(programs / "python"), str(PEERS / f"{script}.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=bench.folder,
            env={**clean_environ(programs), **environ},
        )
    try:
        peer = Driver(process)
        bench.versions.update(peer.call("versions"))
        yield peer
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
