"""The same as a command: the whole life of the process, from its start to its exit code.

Against `papermill in out -p n 1 --no-progress-bar`. Our engine runs already, as it does
from the second command on; papermill has nothing that could run already. Both files are
in the page cache, and both packages are compiled.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.environments import clean_environ, environment
from benchmarks.harness import Bench, Claim, Figure, Side
from benchmarks.notebooks import two_cells
from benchmarks.running_engine import COMMAND, running_engine


def process_seconds(
    command: Sequence[object], environ: dict[str, str], bench: Bench
) -> float:
    """Seconds from the start of a process until it has succeeded."""
    started = time.perf_counter()
    subprocess.run(
        [str(word) for word in command],
        env=environ,
        cwd=bench.folder,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """A process for each."""
    path = two_cells(bench.folder)
    programs = environment("papermill", bench.say)
    engine = stack.enter_context(running_engine(bench))
    papermill = [
        programs / "papermill",
        path,
        bench.folder / "output.ipynb",
        "-p",
        "n",
        "1",
    ]
    their_environ = clean_environ(programs)
    our_environ = {**os.environ, "FLOWKERNEL_HOME": str(engine.home.path)}
    return {
        "papermill": lambda: process_seconds(
            [*papermill, "--no-progress-bar"], their_environ, bench
        ),
        "flowkernel run": lambda: process_seconds(
            [COMMAND, "run", path, "-p", "n", "1"], our_environ, bench
        ),
    }


FIGURE = Figure(
    name="command",
    title="The same as a command, the whole process",
    unit="s",
    claims=(Claim(us="flowkernel run", peer="papermill", at_least=5, aim=10),),
    sides=sides,
)
