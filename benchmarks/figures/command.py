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
from benchmarks.ours import COMMAND, a_home


def whole(words: Sequence[object], environ: dict[str, str], bench: Bench) -> float:
    """Seconds from the start of a process until it has ended well."""
    begun = time.perf_counter()
    subprocess.run(
        [str(word) for word in words],
        env=environ,
        cwd=bench.folder,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - begun


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """A process for each."""
    path = two_cells(bench.folder)
    programs = environment("papermill", bench.say)
    ours = stack.enter_context(a_home(bench))
    theirs = [programs / "papermill", path, bench.folder / "left.ipynb", "-p", "n", "1"]
    their_environ = clean_environ(programs)
    our_environ = {**os.environ, "FLOWKERNEL_HOME": str(ours.home.path)}
    return {
        "papermill": lambda: whole(
            [*theirs, "--no-progress-bar"], their_environ, bench
        ),
        "flowkernel run": lambda: whole(
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
