"""The peers: each in an environment of its own, spoken to through a driver in `peers/`."""

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
    """The folder with the peer's programs; made by `venv` and `pip`, or `uv` if there."""
    needed = PEERS / f"{name}.txt"
    folder = ENVIRONMENTS / name
    wanted = hashlib.sha256(needed.read_bytes() + sys.version.encode()).hexdigest()
    stamp = folder / "made-from"
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"  making the environment of {name}")
        rmtree(folder, ignore_errors=True)
        _make(folder, needed)
        stamp.write_text(wanted)
    return folder / ("Scripts" if os.name == "nt" else "bin")


def _make(folder: Path, needed: Path) -> None:
    quiet = ["--quiet", "--requirement", str(needed)]
    if uv := which("uv"):
        subprocess.run(
            [uv, "venv", "-q", "-p", sys.executable, str(folder)], check=True
        )
        made = [uv, "pip", "install", "--python", str(folder / "bin" / "python")]
        subprocess.run([*made, "--compile-bytecode", *quiet], check=True)
        return
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    subprocess.run([*pip, *quiet], check=True)


def clean_environ(programs: Path) -> dict[str, str]:
    """Ours, without what would lead a peer to another environment or to our home."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLOWKERNEL_", "VIRTUAL_ENV", "PYTHON"))
    }
    return {**kept, "PATH": f"{programs}{os.pathsep}{kept.get('PATH', '')}"}


class Driver:
    """A peer's process. It has imported everything before the first question."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.pid = process.pid
        self._process = process

    def ask(self, what: str, **arguments: Any) -> Any:
        """Have it do something; what it says of it, most often the seconds it took."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([what, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver ended ({self._process.wait()}) at {what!r}")
        told = json.loads(line)
        if "error" in told:
            raise RuntimeError(f"{what}: {told['error']}")
        return told["answer"]


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
        bench.versions.update(peer.ask("versions"))
        yield peer
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
